"""The faults of `make chaos-cluster`: a table of what happens to the machines of deploy/cluster. trial.py runs an entry
under load. Each fault ends the leader of some servers or programs, or a machine of those that have none.

To add a fault, add an entry to FAULTS. ROSTRUM_CLUSTER_VAR names the cluster's state folder.
"""
import functools
import time

from cluster import run
from faults import Fault

LIMIT_S, POSTGRES_LIMIT_S = 30, 45  # until bids are taken and decided again
WHOLE_POLL_S = 2  # between two looks whether the cluster is whole
HEALS = {"kill": "start", "freeze": "thaw", "cut": "join"}
# Roles as deploy/cluster names them, and their names in the table.
LEADERS = {"rabbitmq": "RabbitMQ's leader", "postgres": "PostgreSQL's primary", "redis": "Redis's master",
           "endworker": "leading end worker", "bidworker": "a bid worker", "gateway": "a gateway"}
WORDS = {"kill": "killed", "freeze": "stopped by SIGSTOP", "cut": "cut off"}


def cluster(*words, codes=(0,)):
    """Runs a command of deploy/cluster, and returns its output."""
    code, out, errors = run(*words)
    if code not in codes:
        raise RuntimeError(f"deploy/cluster {' '.join(words)}: exit code {code}: {out} {errors}")
    return out


def whole():
    """Whether the cluster could survive the next fault."""
    time.sleep(WHOLE_POLL_S)
    return cluster("missing", codes=(0, 3)) == ""


struck = []  # machines that were struck and not healed


def strike(role, how):
    machine = cluster("leader", role)
    struck.append(machine)
    cluster(how, machine)


def heal(how):
    while struck:
        cluster(HEALS[how], struck.pop())


def fault(role, how):
    """A fault after which other machines have to take over. It is healed under load once they have."""
    limit_s = POSTGRES_LIMIT_S if role == "postgres" else LIMIT_S
    return Fault(f"{LEADERS[role]}: {WORDS[how]}", functools.partial(strike, role, how), functools.partial(heal, how),
                 takeover=True, limit_s=limit_s, whole=whole)


FAULTS = [
    Fault("none", lambda: None, limit_s=LIMIT_S, whole=whole),
    *(fault(role, "kill") for role in ("rabbitmq", "postgres", "redis", "endworker", "bidworker", "gateway")),
    *(fault(role, "freeze") for role in ("rabbitmq", "postgres", "redis")),
    *(fault(role, "cut") for role in ("rabbitmq", "postgres", "redis", "bidworker", "gateway")),
]
