"""The peer: the program in ROSTRUM_PEER that accepts bids as a capable developer writes it in an afternoon.

It is started as its README describes, with the servers of the deployment beside which it is measured, from one shell with
the load generator. If sched_autogroup_enabled is 1, Linux shares the processors between sessions. Each program of the
deployment has a session of its own; with BENCH_APART=1 each program of the peer has one too.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import loads
from processes import free_ports, listens, wait_until

FOLDER = os.environ.get("ROSTRUM_PEER", os.path.join(loads.ROOT, "..", "shared", "peer"))
PLUGINS = "rabbitmq_consistent_hash_exchange"  # the peer's exchange is of this type
APART = os.environ.get("BENCH_APART", "0") != "0"
START_S = 20
SHARDS = 4
PURGE = f"""const a = require("amqplib"); (async () => {{ const c = await a.connect(process.env.AMQP);
    for (let i = 0; i < {SHARDS}; i++) {{ const h = await c.createChannel(); h.on("error", () => {{}});
        await h.purgeQueue("peer.bids." + i).catch(() => {{}}); }} await c.close(); }})()"""


def missing():
    """The reason for which the peer cannot be measured; None if it can."""
    if not os.path.exists(os.path.join(FOLDER, "server.js")):
        return "ROSTRUM_PEER names no folder with a server.js"
    absent = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} not installed" if absent else None


class Peer:
    """A copy of the peer with its packages, in a scratch folder."""

    def __init__(self, side):
        self.scratch = tempfile.TemporaryDirectory(prefix="rostrum-peer.")
        self.folder = pathlib.Path(self.scratch.name) / "peer"
        shutil.copytree(FOLDER, self.folder, ignore=shutil.ignore_patterns("node_modules"))
        self.adapt()
        secrets = side.state.resolve() / "secrets"
        postgres = int((side.state.resolve() / "ports").read_text(encoding="utf-8").split()[0])
        self.port = free_ports(1)[0]
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("ROSTRUM_")}
        self.environment.update(
            NODE_ENV="production", PROCS="2", PORT=str(self.port), AMQP=side.environment["ROSTRUM_AMQP_URL"],
            PGPORT=str(postgres), PGPASSWORD=(secrets / "postgres-superuser").read_text(encoding="utf-8").strip(),
            RDPORT=str(postgres + 1), RDPASSWORD=(secrets / "redis").read_text(encoding="utf-8").strip())
        self.npm("install", "--no-audit", "--no-fund", "--loglevel=error")

    def adapt(self):
        """Gives it Redis' password, of which it knows nothing, and a database that is not the deployment's."""
        file = self.folder / "common.js"
        file.chmod(0o644)
        host = "redis: { host: '127.0.0.1',"
        file.write_text(file.read_text(encoding="utf-8").replace(host, f"{host} db: 1, password: process.env.RDPASSWORD,"),
                        encoding="utf-8")

    def npm(self, *words):
        """Runs npm in its folder."""
        done = subprocess.run(["npm", *words], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"npm {words[0]}: {done.stderr}")

    def node(self, *words):
        """Runs node in its folder to its end."""
        subprocess.run(["node", *words], cwd=self.folder, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def start(self, script):
        """Starts a program of it, which ends with this one."""
        with open(self.folder / f"{script}.log", "w", encoding="utf-8") as log:
            return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "node", script], cwd=self.folder, env=self.environment,
                                    stdout=log, stderr=subprocess.STDOUT, start_new_session=APART)

    def accepted(self):
        """The number of bids that it has committed."""
        text = subprocess.run(["psql", "-h", "127.0.0.1", "-U", "postgres", "-XAtqc", "SELECT count(*) FROM bids", "peer"],
                              env=self.environment, check=True, capture_output=True, text=True).stdout
        return int(text)

    def measure(self, count, connections, seconds):
        """Full load on its first `count` auctions: as loads.full, with `accepted` a second at the end of the load."""
        self.node("-e", PURGE)
        self.node("seed.js")
        fixture = str(self.folder / "bench.lua")
        loads.Fixture(self.folder / "ids.lua").write(fixture, count)
        programs = [self.start("server.js"), self.start("worker.js")]
        try:
            if not wait_until(lambda: listens(self.port), START_S):
                raise RuntimeError("the peer does not start: " + (self.folder / "server.js.log").read_text(encoding="utf-8"))
            began = time.monotonic()
            found = loads.full(f"http://127.0.0.1:{self.port}", fixture, connections, seconds, "/api/auctions/",
                               ',"idempotency_key":"%08x-0"')
            found["accepted"] = self.accepted() / (time.monotonic() - began)
        finally:
            for program in programs:
                program.send_signal(signal.SIGTERM)
                program.wait()
        return found

    def close(self):
        """Removes it."""
        self.scratch.cleanup()
