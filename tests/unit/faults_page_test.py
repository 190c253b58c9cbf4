#!/usr/bin/python3
"""Tests that docs/faults.md has a row for each fault of tests/chaos/faults.py and cluster_faults.py, in their order. No row
may show a bid that was lost, decided twice or decided out of order. Prints "faults_page_test: N passed, N failed" at the end.
"""
import os
import pathlib
import re
import sys

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TREE / "tests/support"), str(TREE / "tests/chaos")]
sys.dont_write_bytecode = True
import cluster_faults  # noqa: E402 (needs the path above)
from faults import FAULTS  # noqa: E402
from trial import HEADINGS, WIDTHS  # noqa: E402


KNOWN = {"The table": FAULTS, "A cluster": cluster_faults.FAULTS}  # by the heading of their table


def table(heading):
    """The lines of a table of the page, without its headings."""
    text = (TREE / "docs/faults.md").read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    lines = re.search(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1].splitlines()
    assert lines[0].split() == " ".join(HEADINGS).split(), lines[0]
    return lines[1:]


def every_fault_has_its_row():
    for heading, faults in KNOWN.items():
        found = [line[:WIDTHS[0]].strip() for line in table(heading)]
        expected = [fault.name for fault in faults]
        assert found == expected, f"{heading}: expected {expected}, found {found}"


def no_row_shows_a_broken_promise():
    for line in table("The table") + table("A cluster"):
        taken, lost, twice, order = line[WIDTHS[0]:].split()[:4]
        assert int(taken) > 0 and (lost, twice, order) == ("0", "0", "0"), line


def no_machine_was_taken_over_too_late():
    for line, fault in zip(table("A cluster"), cluster_faults.FAULTS):
        assert float(line.split()[-1]) <= fault.limit_s, line


def main():
    failed = 0
    tests = [every_fault_has_its_row, no_row_shows_a_broken_promise, no_machine_was_taken_over_too_late]
    tests = [test for test in tests if os.environ.get("ROSTRUM_TEST", test.__name__) == test.__name__]
    for test in tests:
        try:
            test()
        except AssertionError as error:
            failed += 1
            print(f"FAILED {test.__name__}: {error}")
    print(f"faults_page_test: {len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not tests else 0)


if __name__ == "__main__":
    main()
