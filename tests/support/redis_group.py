"""Two Redis servers, three Sentinels and HAProxy with conf/haproxy/redis.cfg, on loopback. Called by tests/failover.

With a folder of certificates (tests/support/certificates.py), the servers are reached only by TLS.
"""
import os
import re
import shutil
import signal
import subprocess
import tempfile

import processes

READY_S = 30
PASSWORD = "a-password"
MASTER = "rostrum"  # its name in the settings of the Sentinels
SERVERS, SENTINELS = 2, 3
SERVER = """
bind 127.0.0.1
save ""
appendonly no
requirepass {password}
masterauth {password}
"""
# A server that a loaded machine delays must not be taken for down: the Sentinels would go back to the former master.
SENTINEL = """
bind 127.0.0.1
sentinel monitor {master} 127.0.0.1 {port} 2
sentinel auth-pass {master} {password}
sentinel down-after-milliseconds {master} 4000
sentinel failover-timeout {master} 5000
"""
TLS = """
port 0
tls-port {port}
tls-replication yes
tls-auth-clients no
tls-cert-file {folder}/server.pem
tls-key-file {folder}/server.key
tls-ca-cert-file {folder}/ca.pem
"""


class RedisGroup:
    """The first server begins as the master."""

    def __init__(self, tls=None):
        self.user = processes.unprivileged_user()
        self.tls = tls
        self.folder = tempfile.mkdtemp(prefix="rostrum-group.")
        shutil.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        ports = processes.free_ports(SERVERS + SENTINELS + 1)
        self.ports, self.sentinels, self.port = ports[:SERVERS], ports[SERVERS:-1], ports[-1]
        self.running = []
        self.servers = []
        try:
            for number in range(SERVERS):
                self.start_server(number)
            for number in range(SENTINELS):
                self.start_sentinel(number)
            self.start_haproxy(tls)
            assert processes.wait_until(lambda: self.master() == 0 and self.knows_all(), READY_S), self.logs()
        except BaseException:
            self.close()
            raise

    def listen(self, port):
        return f"port {port}\n" if self.tls is None else TLS.format(port=port, folder=self.tls)

    def launch(self, name, settings, *options):
        path = os.path.join(self.folder, f"{name}.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(settings)
        shutil.chown(path, self.user.pw_uid, self.user.pw_gid)
        return self.run(name, ["redis-server", path, "--dir", self.folder, *options], {})

    def run(self, name, command, variables):
        environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": self.folder, **variables}
        with open(os.path.join(self.folder, f"{name}.log"), "a", encoding="utf-8") as log:
            process = processes.start(command, self.user, environment, log)
        self.running.append(process)
        return process

    def start_server(self, number):
        settings = self.listen(self.ports[number]) + SERVER.format(password=PASSWORD)
        if number > 0:
            settings += f"replicaof 127.0.0.1 {self.ports[0]}\n"
        process = self.launch(f"server-{number}", settings)
        self.servers[number:number + 1] = [process]
        assert processes.wait_until(lambda: self.ask(self.ports[number], "PING") == "PONG", READY_S), self.logs()

    def start_sentinel(self, number):
        settings = self.listen(self.sentinels[number])
        settings += SENTINEL.format(master=MASTER, port=self.ports[0], password=PASSWORD)
        self.launch(f"sentinel-{number}", settings, "--sentinel")

    def start_haproxy(self, trusted, name="localhost"):
        """HAProxy with the shipped file.

        `trusted` is the folder of the authority that it trusts, None without TLS. `name` is that of all certificates.
        """
        variables = {"ROSTRUM_REDIS_LISTEN": f"127.0.0.1:{self.port}", "ROSTRUM_REDIS_PASSWORD": PASSWORD,
                     "ROSTRUM_SENTINEL_NAME": MASTER}
        for kind, ports in (("REDIS", self.ports), ("SENTINEL", self.sentinels)):
            for number, port in enumerate(ports, 1):
                variables[f"ROSTRUM_{kind}_{number}"] = f"127.0.0.1:{port}"
                variables[f"ROSTRUM_{kind}_{number}_NAME"] = name
        if trusted is not None:
            variables["ROSTRUM_REDIS_CA"] = os.path.join(trusted, "ca.pem")
        command = ["haproxy", "-db", "-f", os.path.abspath("conf/haproxy/redis.cfg")]
        self.haproxy = self.run("haproxy", command, variables)

    def restart_haproxy(self, trusted, name="localhost"):
        self.haproxy.kill()
        self.haproxy.wait()
        os.remove(os.path.join(self.folder, "haproxy.log"))
        self.start_haproxy(trusted, name)

    def haproxy_log(self):
        with open(os.path.join(self.folder, "haproxy.log"), encoding="utf-8") as file:
            return file.read()

    def ask(self, port, *words, direct=True):
        """The reply of a server to a command, as text; "" if there is none."""
        tls = ["--tls", "--cacert", os.path.join(self.tls, "ca.pem")] if self.tls and direct else []
        command = ["redis-cli", "-h", "127.0.0.1", "-p", str(port), *tls, *words]
        environment = {**os.environ, "REDISCLI_AUTH": PASSWORD}
        if port in self.sentinels:
            del environment["REDISCLI_AUTH"]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=2)
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout.strip()

    def knows_all(self):
        """Whether each Sentinel knows the replica and the other Sentinels."""
        wanted = f"slaves={SERVERS - 1},sentinels={SENTINELS}"
        return all(wanted in self.ask(port, "INFO", "sentinel") for port in self.sentinels)

    def master(self):
        """The number of the server to which HAProxy leads; None: to no server."""
        port = re.search(r"^tcp_port:(\d+)", self.ask(self.port, "INFO", "server", direct=False), re.MULTILINE)
        return self.ports.index(int(port[1])) if port else None

    def url(self):
        """The URL for the programs."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def logs(self):
        """The logs of all servers, for a failure's output."""
        found = []
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".log"):
                with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as file:
                    found.append(f"--- {name}\n{file.read()[-2000:]}")
        return "\n".join(found)

    def signal(self, number, which):
        self.servers[number].send_signal(which)

    def kill(self, number):
        self.signal(number, signal.SIGKILL)
        self.servers[number].wait()

    def close(self):
        for process in self.running:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
