"""The faults of `make chaos`: a table of what strikes the deployment. trial.py runs an entry under load.

To add a fault, add an entry to FAULTS. It has a name that says what happens, a function that strikes, and one that
heals if the fault does not pass by itself. ROSTRUM_VAR names the deployment's state folder.
"""
import contextlib
import dataclasses
import functools
import os
import re
import shutil
import signal
import struct
import subprocess
import time
import urllib.parse
from typing import Callable

from database import connection, query_value
from processes import family

HOLD_S = 5  # how long a fault is held before it is healed
SERVER_WAIT_S = "60"  # of runit's `sv`
START_S = 30  # from the end of a service until runit has started it again
POLL_S = 0.1


# --- the deployment ---


def deployment(*words):
    """Runs a command of deploy/private, and returns its output."""
    done = subprocess.run(["deploy/private", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def pid_of(service):
    """The pid of a service. Waits for its start, if the fault before has ended it."""
    until = time.monotonic() + START_S
    while True:
        try:
            return int(deployment("pid", service))
        except subprocess.CalledProcessError:
            if time.monotonic() > until:
                raise
            time.sleep(POLL_S)


# --- what strikes and heals ---


def kill(service):
    os.kill(pid_of(service), signal.SIGKILL)


def restart(*services):
    for service in services:
        deployment("restart", service)


def order(word, *services):
    """Orders runit to bring services `down` or `up`."""
    folders = [os.path.join(os.environ["ROSTRUM_VAR"], "service", service) for service in services]
    subprocess.run(["sv", "-w", SERVER_WAIT_S, word, *folders], check=True, capture_output=True)


stopped = []  # processes that got SIGSTOP


def freeze(service):
    """Stops a process and its descendants."""
    stopped.extend(family(pid_of(service)))
    signal_all(signal.SIGSTOP)


def thaw():
    signal_all(signal.SIGCONT)
    stopped.clear()


def signal_all(number):
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):  # it may have ended
            os.kill(pid, number)


def watermark(limit):
    """Memory above which RabbitMQ takes no messages."""
    deployment("rabbitmqctl", "set_vm_memory_high_watermark", "absolute", limit)


class LockedRow:
    """Another session that keeps the row of one of the auctions locked."""

    def __init__(self):
        self.psql = None

    def lock(self):
        auction = query_value("SELECT id FROM auctions WHERE status = 'active' AND end_time > now() + interval '30 min'"
                              " ORDER BY random() LIMIT 1")
        self.psql = subprocess.Popen(["psql", "-X", "-q", "-t", "-A"], env=connection(), text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.psql.stdin.write(f"BEGIN;\nSELECT id FROM auctions WHERE id = '{auction}' FOR UPDATE;\n")
        self.psql.stdin.flush()
        assert self.psql.stdout.readline().strip() == auction

    def release(self):
        if self.psql is not None:
            self.psql.communicate("COMMIT;\n")
            self.psql = None

    def lock_and_restart(self, count, *services):
        """Restarts the services, in turn, while the row is locked."""
        self.lock()
        for _ in range(count):
            restart(*services)


locked_row = LockedRow()


def redis_go_back():
    """Restarts Redis with what it held HOLD_S ago."""
    url = urllib.parse.urlsplit(os.environ["ROSTRUM_REDIS_URL"])
    command = ["redis-cli", "-h", url.hostname, "-p", str(url.port), "SAVE"]
    subprocess.run(command, env={**os.environ, "REDISCLI_AUTH": url.password}, check=True, capture_output=True)
    time.sleep(HOLD_S)
    kill("redis")


class WrongClock:
    """Runs a service with a clock that is wrong by some milliseconds (tests/support/preload/wrong_clock.c)."""

    def __init__(self):
        self.script = self.right = None

    def set(self, service, wrong_ms):
        folder = os.path.realpath(os.environ["ROSTRUM_VAR"])
        library, offsets = os.path.join(folder, "bin", "wrong-clock.so"), os.path.join(folder, "wrong-clock")
        shutil.copy(os.path.join(os.environ.get("BUILD", "build"), "tests/support/wrong-clock.so"), library)
        os.chmod(library, 0o755)
        with open(offsets, "wb") as file:
            file.write(struct.pack("=qq", wrong_ms, 0))
        os.chmod(offsets, 0o644)
        self.script = os.path.join(folder, "service", service, "run")
        with open(self.script, encoding="utf-8") as file:
            self.right = file.read()
        self.restart(service, self.right.replace(
            "exec env -i ", f"exec env -i LD_PRELOAD={library} ROSTRUM_TEST_CLOCK={offsets} "))

    def reset(self, service):
        if self.right is not None:
            self.restart(service, self.right)

    def restart(self, service, text):
        with open(self.script, "w", encoding="utf-8") as file:
            file.write(text)
        order("restart", service)  # it does not become ready


wrong_clock = WrongClock()


# --- the table ---


@dataclasses.dataclass
class Fault:
    """An entry of the table.

    Without `heal`, recovery is measured from the strike. With `heal`, the fault is held for HOLD_S, and recovery is
    measured from healing. With `takeover`, other processes have to take over before it is healed. The last
    column of the table must not exceed `limit_s`. With `whole`, the load goes on until that function returns true.
    """

    name: str
    strike: Callable
    heal: Callable = None
    takeover: bool = False
    times: int = 1
    reuse_keys: bool = False  # clients send idempotency keys again with other amounts
    short: bool = False  # part of `make check`
    limit_s: int = None  # of the last column of the table
    whole: Callable = None

    @property
    def case(self):
        """The name of its test."""
        return re.sub(r"\W+", "_", self.name.lower()).strip("_")


def killed(name, service, times=1, short=True):
    text = f"{name}: killed" + (f" {times} times" if times > 1 else "")
    return Fault(text, functools.partial(kill, service), times=times, short=short)


def restarted(name, *services):
    return Fault(f"{name}: restarted", functools.partial(restart, *services))


def down(name, *services):
    return Fault(f"{name}: down for {HOLD_S} s", functools.partial(order, "down", *services),
                 functools.partial(order, "up", *services))


def frozen(name, service, takeover=False):
    text = f"{name}: stopped" + ("" if takeover else f" for {HOLD_S} s")
    return Fault(text, functools.partial(freeze, service), thaw, takeover)


def wrong(name, wrong_ms):
    text = f"{name}: clock {abs(wrong_ms) // 1000} s {'ahead' if wrong_ms > 0 else 'behind'} for {HOLD_S} s"
    service = name.replace(" ", "")
    return Fault(text, functools.partial(wrong_clock.set, service, wrong_ms),
                 functools.partial(wrong_clock.reset, service))


FAULTS = [
    Fault("none", lambda: None),
    killed("gateway worker", "gateway-worker", 3),
    killed("gateway", "gateway", short=False),
    killed("first bid worker", "bidworker-1", 3),
    killed("second bid worker", "bidworker-2", 3),
    killed("end worker", "endworker", 2),
    killed("notification worker", "notifyworker", 2),
    killed("PostgreSQL", "postgres"),
    killed("Redis", "redis", 2),
    Fault("Redis: killed 2 times, keys reused", functools.partial(kill, "redis"), times=2, reuse_keys=True),
    killed("RabbitMQ", "rabbitmq"),
    frozen("gateway worker", "gateway-worker"),
    frozen("bid worker", "bidworker-1", takeover=True),
    frozen("end worker", "endworker"),
    frozen("notification worker", "notifyworker"),
    frozen("PostgreSQL", "postgres"),
    frozen("Redis", "redis"),
    frozen("RabbitMQ", "rabbitmq"),
    restarted("gateway", "gateway"),
    restarted("all workers, one after another", "bidworker-1", "bidworker-2", "endworker", "notifyworker"),
    restarted("PostgreSQL", "postgres"),
    restarted("Redis", "redis"),
    restarted("RabbitMQ", "rabbitmq"),
    down("both bid workers", "bidworker-1", "bidworker-2"),
    down("PostgreSQL", "postgres"),
    down("Redis", "redis"),
    down("RabbitMQ", "rabbitmq"),
    Fault("Redis: restarted with an older dump", redis_go_back),
    Fault(f"one auction: row locked for {HOLD_S} s", locked_row.lock, locked_row.release),
    Fault("bid workers: restarted 5 times at a locked row",
          functools.partial(locked_row.lock_and_restart, 5, "bidworker-1", "bidworker-2"), locked_row.release),
    wrong("gateway", 5000),
    wrong("gateway", -5000),
    wrong("end worker", 5000),
    Fault(f"RabbitMQ: memory alarm for {HOLD_S} s", functools.partial(watermark, "1MB"),
          functools.partial(watermark, "2GB"), short=True),
]
