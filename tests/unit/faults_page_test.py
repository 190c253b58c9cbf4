#!/usr/bin/python3
"""Tests that docs/faults.md has a row for each fault of tests/chaos/faults.py, in its order. It has no row that is no fault
of faults.py or cluster_faults.py. It has the faults of sale_worker_faults_long_test.py. No row may show a bid that was
lost, decided twice or decided out of order. Prints "faults_page_test: N passed, N failed" at the end.
"""
import pathlib
import re
import sys

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TREE / "tests/support"), str(TREE / "tests/chaos")]
sys.dont_write_bytecode = True
import assertions  # noqa: E402 (needs the path above)
import cluster_faults  # noqa: E402
import sale_worker_faults_long_test  # noqa: E402
from faults import FAULTS  # noqa: E402
from sale_trial import NAME_WIDTH  # noqa: E402
from trial import HEADINGS, WIDTHS  # noqa: E402


def table(heading, headings=HEADINGS):
    """The lines of a table of the page, without its headings."""
    text = (TREE / "docs/faults.md").read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    lines = re.search(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1].splitlines()
    assert lines[0].split() == " ".join(headings).split(), lines[0]
    return lines[1:]


def every_fault_has_its_row():
    found = [line[:WIDTHS[0]].strip() for line in table("The table")]
    expected = [fault.name for fault in FAULTS]
    assert found == expected, f"expected {expected}, found {found}"


def every_row_of_the_cluster_has_its_fault():
    found = [line[:WIDTHS[0]].strip() for line in table("A cluster")]
    expected = [fault.name for fault in cluster_faults.FAULTS if fault.name in found]
    assert found == expected and len(found) > 1, f"expected {expected}, found {found}"


def every_fault_of_a_sale_has_its_row():
    found = [line[:NAME_WIDTH].strip() for line in table("Flash sales", ("fault", "commands", "again", "longest"))]
    expected = [name for name, _ in sale_worker_faults_long_test.FAULTS]
    assert found == expected, f"expected {expected}, found {found}"


def no_row_shows_a_broken_promise():
    for line in table("The table") + table("A cluster"):
        taken, lost, twice, order = line[WIDTHS[0]:].split()[:4]
        assert int(taken) > 0 and (lost, twice, order) == ("0", "0", "0"), line


if __name__ == "__main__":
    assertions.run("faults_page_test", [every_fault_has_its_row, every_row_of_the_cluster_has_its_fault,
         every_fault_of_a_sale_has_its_row, no_row_shows_a_broken_promise])
