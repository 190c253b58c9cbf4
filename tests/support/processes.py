"""Processes that a test starts: as an unprivileged user, on free ports, and never outliving the test.

Called by the tests that start servers of their own, and by tests/chaos.
"""
import collections
import getpass
import os
import pwd
import random
import socket
import subprocess
import time

POLL_S = 0.05
PORT_LEAST, PORTS = 10000, 5000  # below those that deployments choose


def unprivileged_user():
    """The user that runs the servers: the caller, or the deployments' user if the caller is root."""
    return pwd.getpwnam("rostrum" if os.getuid() == 0 else getpass.getuser())


def become(user):
    """The words before a command that run it as this user."""
    if os.getuid() != 0:
        return []
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def start(command, user, environment, log):
    """Starts a process that is killed when the test ends."""
    # The signal is set last: a change of the user clears it.
    words = [*become(user), "setpriv", "--pdeathsig", "KILL", *command]
    return subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)


def listens(port):
    """Whether a server listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count):
    """Free ports of loopback below the ephemeral range."""
    found = []
    while len(found) < count:
        port = PORT_LEAST + random.randrange(PORTS)
        if port not in found and not listens(port):
            found.append(port)
    return found


def wait_until(condition, seconds):
    """Whether the condition became true in this time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(POLL_S)
    return True


def family(pid):
    """A process and all its descendants."""
    children = collections.defaultdict(list)
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                children[int(file.read().rpartition(")")[2].split()[1])].append(int(name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = [pid]
    for each in found:
        found += children[each]
    return found
