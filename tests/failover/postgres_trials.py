"""Fail-overs of PostgreSQL under load: the primary goes, and its synchronous standby is promoted.

The programs' URL names both servers, the standby first. They go on by themselves: nobody runs a command or restarts
anything. Called by postgres_failover_test.py.
"""
import functools
import signal

from trials import run_trial  # sets the path of the others
from deployment import deployment
from faults import Fault
from postgres_pair import PostgresPair


def fail_over(pair, which):
    """The primary gets the signal, and the standby is promoted."""
    pair.signal(0, which)
    pair.promote()


def switch_over(pair):
    """The primary takes no writes any more, but keeps its sessions. The standby is promoted."""
    pair.psql(0, "ALTER SYSTEM SET default_transaction_read_only = on")
    pair.psql(0, "SELECT pg_reload_conf()")
    pair.promote()


def bids_go_on(name, strike):
    """The old primary never comes back, as any fencing demands."""
    pair = PostgresPair()
    try:
        with deployment(name, {"pg_url": pair.url()}):
            run_trial(Fault(f"PostgreSQL: {name}", functools.partial(strike, pair),
                            functools.partial(pair.signal, 0, signal.SIGKILL), takeover=True))
    finally:
        pair.close()


def bids_go_on_when_the_primary_is_stopped():
    bids_go_on("primary stopped", lambda pair: fail_over(pair, signal.SIGSTOP))


def bids_go_on_when_the_primary_is_killed():
    bids_go_on("primary killed", lambda pair: fail_over(pair, signal.SIGKILL))


def bids_go_on_when_the_primary_becomes_read_only():
    bids_go_on("primary read-only", switch_over)
