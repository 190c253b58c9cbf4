#!/usr/bin/python3
"""A fail-over of PostgreSQL: the primary stops without closing a connection."""
import sys

sys.dont_write_bytecode = True
from trials import run_tests  # noqa: E402 (needs the line above)
import postgres_trials  # noqa: E402

if __name__ == "__main__":
    run_tests("postgres_failover_test", [postgres_trials.bids_go_on_when_the_primary_is_stopped])
