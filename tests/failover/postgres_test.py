#!/usr/bin/python3
"""A fail-over of PostgreSQL under load: the primary stops, and its synchronous standby is promoted.

The programs' URL names both servers. They go on by themselves, and the checker of tests/chaos judges every bid that was
answered 202. Prints a row as `make chaos` does.
"""
import functools
import os
import signal
import subprocess
import sys
import traceback

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", each) for each in ("support", "chaos")]
sys.dont_write_bytecode = True
from deployment import deployment  # noqa: E402 (needs the path above)
from faults import Fault  # noqa: E402
from postgres_pair import PostgresPair  # noqa: E402
import trial  # noqa: E402


def fail_over(pair, which):
    """The primary gets the signal, and the standby is promoted."""
    pair.signal(0, which)
    pair.promote()


def bids_go_on(name, which):
    """Runs the trial of a fail-over. The old primary never comes back, as any fencing demands."""
    pair = PostgresPair()
    try:
        with deployment(name, {"pg_url": pair.url()}):
            row = trial.run(Fault(name, functools.partial(fail_over, pair, which),
                                  functools.partial(pair.signal, 0, signal.SIGKILL), takeover=True))
            trial.print_row(row.columns())
            wrong = row.details()
            if row.seconds in (None, float("inf")):
                wrong.append("bids were not taken and decided again")
            verify = subprocess.run([f"{os.environ['BUILD']}/bin/rostrumctl", "verify"], capture_output=True, text=True,
                                    check=False)
            if verify.returncode != 0:
                wrong.append(f"rostrumctl verify: exit code {verify.returncode}: {verify.stdout}{verify.stderr}")
            assert not wrong, "\n".join(wrong)
    finally:
        pair.close()


def bids_go_on_when_the_primary_is_stopped():
    bids_go_on("PostgreSQL: primary stopped", signal.SIGSTOP)


def main():
    tests = [bids_go_on_when_the_primary_is_stopped]
    tests = [test for test in tests if os.environ.get("ROSTRUM_TEST", test.__name__) == test.__name__]
    trial.print_row(trial.HEADINGS)
    failed = 0
    for test in tests:
        try:
            test()
        except Exception:  # whatever it is, the other tests still run
            failed += 1
            print(f"FAILED {test.__name__}:\n{traceback.format_exc()}")
    print(f"postgres_test: {len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not tests else 0)


if __name__ == "__main__":
    main()
