"""Two PostgreSQL servers of a test, on loopback: a primary and its synchronous standby. Called by tests/failover.

A commit is answered once the standby has it on disk, so a promoted standby has every commit that was answered. The
servers end with the test, even if it is killed.
"""
import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile

import processes

READY_S = 60
SUPERUSER_PASSWORD, PASSWORD = "superuser", "rostrum"
# As deploy/lib/servers.sh creates them.
CREATE = f"""
CREATE ROLE rostrum LOGIN CREATEDB PASSWORD '{PASSWORD}';
CREATE DATABASE rostrum OWNER rostrum;
"""
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 64MB
checkpoint_timeout = 15min
jit = off
"""
ACCESS = """
host all         all      127.0.0.1/32 scram-sha-256
host replication postgres 127.0.0.1/32 scram-sha-256
"""


class PostgresPair:
    """The first server begins as the primary, the second one as its standby."""

    def __init__(self):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.user = processes.unprivileged_user()
        self.folder = tempfile.mkdtemp(prefix="rostrum-pair.")
        shutil.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.ports = processes.free_ports(2)
        self.servers = []
        try:
            self.make_primary()
            self.make_standby()
        except BaseException:
            self.close()
            raise

    def make_primary(self):
        password = os.path.join(self.folder, "password")
        with open(password, "w", encoding="utf-8") as file:
            file.write(SUPERUSER_PASSWORD)
        shutil.chown(password, self.user.pw_uid)
        self.run("initdb", "-D", self.data(0), "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256",
                 f"--pwfile={password}")
        self.append(0, "postgresql.conf", SETTINGS)
        self.append(0, "pg_hba.conf", ACCESS)
        self.start(0)
        self.psql(0, CREATE)

    def make_standby(self):
        self.run("pg_basebackup", "-D", self.data(1), "-R", "-X", "stream", "--checkpoint=fast", "-h", "127.0.0.1", "-p",
                 str(self.ports[0]), "-U", "postgres")
        self.start(1)
        # After the backup, so that the standby does not inherit it: once promoted, it has no standby.
        self.psql(0, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.psql(0, "SELECT pg_reload_conf()")
        states = "SELECT sync_state FROM pg_stat_replication"
        assert processes.wait_until(lambda: self.psql(0, states) == "sync", READY_S)

    def data(self, number):
        return os.path.join(self.folder, f"server-{number}")

    def append(self, number, name, text):
        with open(os.path.join(self.data(number), name), "a", encoding="utf-8") as file:
            file.write(text)

    def environment(self):
        return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": self.folder, "PGPASSWORD": SUPERUSER_PASSWORD}

    def run(self, program, *words):
        subprocess.run([*processes.become(self.user), os.path.join(self.bin, program), *words], check=True,
                       env=self.environment(), cwd=self.folder, stdout=subprocess.DEVNULL)

    def start(self, number):
        command = [os.path.join(self.bin, "postgres"), "-D", self.data(number), "-p", str(self.ports[number])]
        with open(os.path.join(self.folder, f"log-{number}"), "a", encoding="utf-8") as log:
            self.servers.append(processes.start(command, self.user, self.environment(), log))
        assert processes.wait_until(lambda: self.psql(number, "SELECT 1", check=False) == "1", READY_S)

    def psql(self, number, text, check=True):
        """The output of statements, run as the administrator."""
        command = ["psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
                   str(self.ports[number]), "-U", "postgres", "postgres"]
        return subprocess.run(command, input=text, text=True, check=check, env=self.environment(), capture_output=True
                              ).stdout.strip()

    def url(self):
        """The URL for the programs; it names the standby first."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in reversed(self.ports))
        return f"postgresql://rostrum:{PASSWORD}@{hosts}/rostrum"

    def promote(self):
        """Makes the standby the primary."""
        self.psql(1, "SELECT pg_promote()")

    def signal(self, number, which):
        """Sends a signal to a server and to all of its processes."""
        for pid in processes.family(self.servers[number].pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, which)

    def close(self):
        for number, server in enumerate(self.servers):
            self.signal(number, signal.SIGKILL)
            server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
