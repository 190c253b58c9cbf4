"""What the tests of this folder share: a trial of tests/chaos in a deployment of its own, and the run of the tests."""
import os
import subprocess
import sys
import time
import traceback

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", each) for each in ("support", "chaos")]
import trial  # noqa: E402 (needs the path above)


def run_trial(fault):
    """Strikes under load. Fails if a bid that was answered 202 was lost, or if nobody took over before healing."""
    row = trial.run(fault)
    trial.print_row(row.columns())
    wrong = row.details()
    if row.seconds in (None, float("inf")):
        wrong.append("bids were not taken and decided again")
    verify = subprocess.run([rostrumctl(), "verify"], capture_output=True, text=True, check=False)
    if verify.returncode != 0:
        wrong.append(f"rostrumctl verify: exit code {verify.returncode}: {verify.stdout}{verify.stderr}")
    assert not wrong, "\n".join(wrong)


def rostrumctl():
    return f"{os.environ['BUILD']}/bin/rostrumctl"


def run_tests(name, tests):
    """Runs the tests, or the one that ROSTRUM_TEST names, and prints the summary line."""
    tests = [test for test in tests if os.environ.get("ROSTRUM_TEST", test.__name__) == test.__name__]
    failed = 0
    for test in tests:
        began = time.monotonic()
        try:
            test()
            print(f"{test.__name__}: {time.monotonic() - began:.1f} s", flush=True)
        except Exception:  # whatever it is, the other tests still run
            failed += 1
            print(f"FAILED {test.__name__}:\n{traceback.format_exc()}", flush=True)
    print(f"{name}: {len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not tests else 0)
