#!/usr/bin/python3
"""Tests of what `make bench` writes: its table of goals, the file of its results, and the measured part of its page.

Prints "bench_page_test: N passed, N failed" at the end.
"""
import os
import pathlib
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TREE / "tests/bench"), str(TREE / "tests/support")]
sys.dont_write_bytecode = True
import assertions  # noqa: E402 (needs the path above)
import page  # noqa: E402
import table  # noqa: E402
from results import HERE, Results  # noqa: E402
from rows import ROWS  # noqa: E402


def three_rounds(path):
    """Results of three rounds of the row `spread`, and of one round of the others that tables and plots have."""
    results = Results(path)
    for number, (taken, cpu, accepted) in enumerate([(9000, 130, 8000), (10000, 150, 9000), (8000, 120, 1000)], 1):
        results.add("spread", "-", HERE, number, {"taken": taken, "accepted": accepted, "cpu": cpu, "cpu.redis": 20, "cpu.client": 13})
        results.add("spread", "-", "peer", number, {"taken": 1000, "accepted": 500})
    for point in ("1", "2", "4"):
        results.add("gateways", point, HERE, 1, {"taken": 5000, "accepted": 4000, "decided": 5000, "cpu": 140, "busy": 0.99, "cpu.redis": 20,
                                                 "core.redis": 0.2})
    for share in (0.125, 0.25, 0.5):
        results.add("offered", share, HERE, 1, {"rate": 8000 * share, "p50": 2, "p99": 9.5, "p999": 20})
    return results


def in_scratch(test):
    """Runs a test with the results of three rounds in a scratch folder."""
    def run():
        with tempfile.TemporaryDirectory() as folder:
            test(folder, three_rounds(os.path.join(folder, "results.tsv")))
    run.__name__ = test.__name__
    return run


@in_scratch
def a_goal_shows_the_median_the_spread_and_its_state(_, results):
    rows = {row[0]: row[1:] for row in table.goals(results)}
    assert len(rows) == len(table.GOALS), rows
    cost = rows["processor time of a bid spread over 500 auctions, with the client"]
    assert cost == ("130 µs", "120 to 150", "135 µs", "110 µs", table.AT), cost
    taken = rows["the same: answers 202 to the peer's"]
    assert taken == ("9 ×", "8 to 10", "8 ×", "10 ×", table.AT), taken
    latency = rows["p99 of the 202 at a quarter of saturation"]
    assert latency == ("9.5 ms", "9.5 to 9.5", "8 ms", "4 ms", table.BELOW), latency


@in_scratch
def a_ratio_compares_the_sides_of_a_round(_, results):
    assert results.ratios("spread", "accepted", "peer") == {"1": 16, "2": 18, "3": 2}


@in_scratch
def a_goal_without_results_is_not_measured(_, results):
    results.forget("spread")
    row = table.goals(results)[0]
    assert row[1:3] == ("–", "–") and row[-1] == table.NONE, row


@in_scratch
def results_are_read_as_they_were_kept(folder, results):
    results.save()
    again = Results(os.path.join(folder, "results.tsv"))
    assert again.lines == results.lines
    again.forget("gateways", "2")
    assert again.points("gateways") == ["1", "4"], again.points("gateways")
    assert again.points("spread") == ["-"]


@in_scratch
def what_is_written_by_hand_stays(folder, results):
    path = os.path.join(folder, "performance.md")
    page.PAGE, page.plot = path, lambda *_: None
    pathlib.Path(path).write_text(f"# Before\n\n{page.BEGIN}\n\nold\n\n{page.END}\n\nAfter.\n", encoding="utf-8")
    for _ in range(2):
        page.write(results)
        text = pathlib.Path(path).read_text(encoding="utf-8")
        assert text.startswith(f"# Before\n\n{page.BEGIN}\n\n") and text.endswith(f"\n\n{page.END}\n\nAfter.\n"), text
        assert "old" not in text and text.count("| 130 µs |") == 1, text


@in_scratch
def plots_have_the_points_of_their_rows(_, results):
    rows = "12.5 2.0 9.5 20.0\n25.0 2.0 9.5 20.0\n50.0 2.0 9.5 20.0\nEND\n"
    assert page.latency(results).startswith(f"$data << END\n{rows}"), page.latency(results)
    script = page.rates(results)
    assert "$gateways << END\n1 5000.0 4000.0\n" in script and "$connections" not in script, script
    results.forget("gateways")
    assert page.rates(results) is None


def the_page_of_the_tree_has_the_marks_and_every_goal():
    text = (TREE / "docs/performance.md").read_text(encoding="utf-8")
    part = text.partition(page.BEGIN)[2].partition(page.END)[0]
    assert part, "no marks"
    missing = [goal.what for goal in table.GOALS if f"| {goal.what} |" not in part]
    assert not missing, missing


def every_goal_has_its_measurement():
    assert {goal.name for goal in table.GOALS} <= set(ROWS)


if __name__ == "__main__":
    assertions.run("bench_page_test", [a_goal_shows_the_median_the_spread_and_its_state, a_ratio_compares_the_sides_of_a_round,
         a_goal_without_results_is_not_measured, results_are_read_as_they_were_kept, what_is_written_by_hand_stays,
         plots_have_the_points_of_their_rows, the_page_of_the_tree_has_the_marks_and_every_goal,
         every_goal_has_its_measurement])
