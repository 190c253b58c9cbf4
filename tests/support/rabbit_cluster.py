#!/usr/bin/python3
"""tests/support/rabbit_cluster.py NODES: a RabbitMQ cluster of that many nodes on loopback, for one test.

Prints one line when all nodes have joined: "PORT PID" of each node, then USER:PASSWORD. The nodes are killed, and
their data is removed, when its standard input ends. So they do not outlive the test.
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
USER, PASSWORD, COOKIE = "rostrum", "secret", "ROSTRUMTESTS"
READY_S = 600  # three nodes took 24 s to 5 minutes on two busy cores
LOOK_S = 0.2
NET_TICKTIME_S = 10  # as docs/operating.md recommends; the default is 60


def free_ports(count):
    """Ports below the ephemeral range that nobody listens on; the search begins elsewhere in each process."""
    found, port = [], 10000 + os.getpid() * 13 % 4000
    while len(found) < count:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
        port += 1
    return found


class Node:
    """One node; `ports` are those of AMQP and of the cluster."""

    def __init__(self, folder, number, ports, names, epmd):
        self.folder = os.path.join(folder, names[number].split("@")[0])
        self.port = ports[0]
        os.makedirs(os.path.join(self.folder, "mnesia"))
        self.write(".erlang.cookie", COOKIE, 0o400)
        self.write("enabled_plugins", "[].\n")
        self.write("advanced.config", f"[{{kernel, [{{net_ticktime, {NET_TICKTIME_S}}}]}}].\n")
        peers = "".join(f"cluster_formation.classic_config.nodes.{i + 1} = {name}\n" for i, name in enumerate(names))
        self.write("rabbitmq.conf", f"default_user = {USER}\ndefault_pass = {PASSWORD}\ndefault_vhost = rostrum\n"
                   f"cluster_formation.peer_discovery_backend = classic_config\n{peers}"
                   "cluster_partition_handling = pause_minority\n"
                   "disk_free_limit.absolute = 50MB\nlog.file = false\nlog.console = true\n")
        loopback = "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.folder, "LANG": "C.UTF-8",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_NODENAME": names[number], "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(ports[0]),
            "RABBITMQ_DIST_PORT": str(ports[1]), "ERL_EPMD_PORT": str(epmd), "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": self.path("mnesia"), "RABBITMQ_LOG_BASE": self.folder,
            "RABBITMQ_CONFIG_FILE": self.path("rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": self.path("advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.path("enabled_plugins"), "RABBITMQ_PID_FILE": self.path("pid"),
            "ERL_CRASH_DUMP": "/dev/null", "RABBITMQ_ALLOW_INPUT": "1", "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": loopback}
        self.process = None

    def path(self, name):
        """The path of a file of the node."""
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o640):
        """Writes a file of the node."""
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def start(self, user):
        """Starts it. The script execs the server, so that the pid is the server's."""
        drop = ["--reuid", user.pw_name, "--regid", str(user.pw_gid), "--clear-groups"] if user else []
        with open(self.path("output"), "w", encoding="utf-8") as output:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *drop, SERVER, "-noinput"],
                                            env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=subprocess.STDOUT)

    def started(self):
        """Whether it has booted. Raises an exception if it has ended."""
        with open(self.path("output"), encoding="utf-8", errors="replace") as output:
            text = output.read()
        if self.process.poll() is not None:
            raise RuntimeError(f"a node has ended: {text[-2000:]}")
        return "Server startup complete" in text

    def end(self):
        """Kills it, also if it is stopped."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


def main():
    """Opens the cluster, reports it, and closes it at the end of the input."""
    count = int(sys.argv[1])
    user = pwd.getpwnam("rostrum") if os.getuid() == 0 else None
    folder = tempfile.mkdtemp(prefix="rabbit-cluster.")
    epmd, *ports = free_ports(1 + 2 * count)
    names = [f"node{number}-{os.getpid()}@127.0.0.1" for number in range(count)]
    nodes = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Check ends the processes of a failed test by it
    # A child, so that it ends with this program. The nodes would start one that outlives them.
    mapper = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "epmd", "-port", str(epmd), "-address", "127.0.0.1"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        nodes = [Node(folder, i, ports[2 * i:2 * i + 2], names, epmd) for i in range(count)]
        if user:
            subprocess.run(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", folder], check=True)
        for node in nodes:
            node.start(user)
        until = time.monotonic() + READY_S
        while not all([node.started() for node in nodes]):
            if time.monotonic() > until:
                raise RuntimeError(f"the nodes were not ready in {READY_S} s")
            time.sleep(LOOK_S)
        print(*(f"{node.port} {node.process.pid}" for node in nodes), f"{USER}:{PASSWORD}", flush=True)
        sys.stdin.read()
    finally:
        for node in nodes:
            node.end()
        mapper.kill()
        mapper.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
