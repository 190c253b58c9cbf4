"""Runs tests that are functions with assert statements. Callers: tests/unit/bench_page_test.py and faults_page_test.py."""
import os
import sys


def run(program, tests):
    """Runs the tests, or the one that was asked for, prints "PROGRAM: N passed, N failed", and ends this process."""
    tests = [test for test in tests if os.environ.get("ROSTRUM_TEST", test.__name__) == test.__name__]
    failed = 0
    for test in tests:
        try:
            test()
        except AssertionError as error:
            failed += 1
            print(f"FAILED {test.__name__}: {error}")
    print(f"{program}: {len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not tests else 0)
