"""A deployment that is measured: tests/bench/run and tests/bench/against open one for each side of a comparison.

It runs in a scratch folder on free ports (tests/support/deployment.sh). It is closed by close(), or when the shell that
holds it gets SIGTERM, as at the end of the caller. That shell has a session of its own, so Ctrl-C reaches the caller
alone. The processor time of a program is that of its processes and of those that have ended.
"""
import collections
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from processes import family

PROGRAMS = ("gateway", "bidworker", "saleworker", "endworker", "notifyworker")
SERVERS = ("postgres", "redis", "rabbitmq")
DRAIN_S = 120  # until every bid is decided and every event is out
POLL_S = 0.2
SERVICE_S = "30"  # until a service has followed an order
TICKS = os.sysconf("SC_CLK_TCK")
OPEN = """. tests/support/deployment.sh
trap 'deployment_close; exit 0' TERM
trap 'deployment_close' EXIT
deployment_open up "$1" || exit 1
env | grep '^ROSTRUM_'
echo ready
while :; do sleep 1; done"""


class Session:
    """One session of psql, so that a question costs the server no new process."""

    MARK = "end of the answer"

    def __init__(self, url):
        self.process = subprocess.Popen(["psql", url, "-XAtq", "-v", "ON_ERROR_STOP=1"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def lines(self, statement):
        """The rows of the answer, with columns separated by |."""
        self.process.stdin.write(f"{statement};\n\\echo {self.MARK}\n")
        self.process.stdin.flush()
        found = []
        for line in self.process.stdout:
            if line == self.MARK + "\n":
                return found
            found.append(line.rstrip("\n"))
        raise RuntimeError(f"psql ended: {statement[:200]}")

    def number(self, statement):
        """The number that a statement answers."""
        return float(self.lines(statement)[0] or 0)

    def close(self):
        """Ends the session."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Side:
    """A deployment of one source tree, with the settings of the file `conf`."""

    def __init__(self, name, tree, conf="tests/conf/bench-spread.ini", bidworkers=1, plugins=None, build="build"):
        self.name, self.tree, self.build = name, tree, build
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("ROSTRUM_")}
        self.environment.update(BUILD=build, DEPLOYMENT_BIDWORKERS=str(bidworkers))
        if plugins:
            self.environment["ROSTRUM_RABBITMQ_PLUGINS"] = plugins
        self.services = [f"bidworker-{number}" for number in range(1, bidworkers + 1)]
        self.services += ["gateway", "saleworker-1", "endworker", "notifyworker", *SERVERS]
        self.fixture = tempfile.NamedTemporaryFile(suffix=".lua")
        self.shell = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "sh", "-c", OPEN, "sh", conf], cwd=tree,
                                      env=self.environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
        for line in self.shell.stdout:
            if line == "ready\n":
                break
            key, _, value = line.rstrip("\n").partition("=")
            self.environment[key] = value
        else:
            sys.exit(f"the deployment of {name} does not start")

    @property
    def url(self):
        """Where its gateway listens."""
        return self.environment["ROSTRUM_HTTP_URL"]

    @property
    def state(self):
        """Its state folder."""
        return pathlib.Path(self.environment["ROSTRUM_VAR"])

    def run(self, *command):
        """The output of a command with the deployment's environment."""
        done = subprocess.run(command, cwd=self.tree, env=self.environment, check=False, capture_output=True, text=True)
        if done.returncode != 0:  # without its arguments, among which may be a password
            raise RuntimeError(f"{command[0]}: exit code {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def session(self):
        """A session with its database."""
        return Session(self.environment["ROSTRUM_PG_URL"])

    def configure(self, text):
        """Takes these settings, and starts the gateway with them."""
        pathlib.Path(self.environment["ROSTRUM_TEST_CONF"]).write_text(text, encoding="utf-8")
        self.run("deploy/private", "restart", "gateway")

    def order(self, service, order):
        """Starts ("up") or stops ("down") a service, and waits until it has."""
        self.run("sv", "-w", SERVICE_S, order, str(self.state / "service" / service))

    def seed(self, *arguments):
        """Makes users and auctions (tests/bench/seed.c); the name of the file of their ids."""
        self.run(f"{self.build}/tests/bench/seed", self.fixture.name, *map(str, arguments))
        return self.fixture.name

    def pids(self):
        """The processes of each program and server."""
        found = collections.defaultdict(list)
        for service in self.services:
            file = self.state / "service" / service / "supervise" / "pid"  # of runit; empty while the service is down
            pid = file.read_text(encoding="utf-8").strip() if file.exists() else ""
            if pid:
                found[service.partition("-")[0]] += family(int(pid))
        return found

    def processor_s(self):
        """Seconds of processor time by program, with those of processes that have ended."""
        spent = collections.Counter()
        for program, pids in self.pids().items():
            for pid in pids:
                try:
                    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                spent[program] += sum(map(int, fields[11:15])) / TICKS
        return spent

    def memory_mb(self):
        """Memory of the largest process of each program, in MB."""
        found = {}
        for program, pids in self.pids().items():
            if program in PROGRAMS:
                sizes = [int(line.split()[1]) for pid in pids
                         for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
                         if line.startswith("VmRSS:")]
                found[program] = max(sizes) / 1024
        return found

    def drain(self, session, decided, statement):
        """Waits until `statement` counts so many decided bids, and every event is out."""
        until = time.monotonic() + DRAIN_S
        while session.number(statement) < decided or session.number("SELECT count(*) FROM outbox") > 0:
            if time.monotonic() > until:
                sys.exit(f"{self.name} has undecided bids {DRAIN_S} s after the load")
            time.sleep(POLL_S)

    def keep_logs(self, folder):
        """Copies the logs of its programs."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.state / "log", folder)

    def close(self):
        """Stops it and removes its data."""
        self.shell.send_signal(signal.SIGTERM)
        self.shell.wait()
        self.shell.stdout.close()
        self.fixture.close()
