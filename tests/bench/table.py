"""The table of tests/bench/run: for each row what was measured, what it must be, and whether it is.

The rows are those of the project's goals on a machine of two cores. A ratio compares the two sides of one round; the
median of the rounds counts, and the spread is that of the rounds.
"""
import collections
import statistics

from results import HERE

Goal = collections.namedtuple("Goal", "name what unit must aim values")
BETTER_HIGH = "×"  # a unit of which more is better; of all others less is
US_PER_S = 1000000
AT, BELOW, NONE = "at must", "below must", "not measured"


def ratio(row, figure, same=None):
    """The values of a ratio to the peer."""
    return lambda results: results.ratios(row, figure, "peer", same=same)


def own(row, figure, point="-"):
    """The values of a figure."""
    return lambda results: results.values(row, figure, point)


def stored(values):
    """The same of the row `stored`, at the largest share that was measured."""
    return lambda results: values(results, results.points("stored")[-1]) if results.points("stored") else {}


def to_empty(figure, side):
    """The values of a ratio to the empty deployment."""
    return stored(lambda results, point: results.ratios("stored", figure, "empty", point, side))


def filled(figure):
    """The values of a figure of the deployment with much data."""
    return stored(lambda results, point: results.values("stored", figure, point, "filled"))


GOALS = (
    Goal("spread", "processor time of a bid spread over 500 auctions, with the client", "µs", 135, 110, own("spread", "cpu")),
    Goal("spread", "the same: answers 202 to the peer's", "×", 8, 10, ratio("spread", "taken")),
    Goal("spread", "the same: accepted bids to the peer's", "×", 16, 20, ratio("spread", "accepted")),
    Goal("hot", "one auction: answers 202 to the peer's", "×", 9, 12, ratio("hot", "taken")),
    Goal("hot", "one auction: decided bids to the peer's committed", "×", 45, 60, ratio("hot", "decided", "accepted")),
    Goal("offered", "p99 of the 202 at a quarter of saturation", "ms", 8, 4, own("offered", "p99", "0.25")),
    Goal("offered", "p99 of the 202 at half of saturation", "ms", 15, 8, own("offered", "p99", "0.5")),
    Goal("alone", "one bid alone, idle deployment: 202, p50", "ms", 1.5, 1, own("alone", "p50", "202")),
    Goal("alone", "one bid alone, idle deployment: decision, p50", "ms", 3, 2, own("alone", "p50", "decision")),
    Goal("ending", "1,000 auctions end in one second: last settled after its fence was due", "s", 1, 0.5, own("ending", "last_s")),
    Goal("stored", "much data: accepted bids to an empty deployment's", "×", 0.9, 0.97, to_empty("accepted", "filled")),
    Goal("stored", "the same right after a restart of PostgreSQL", "×", 0.9, 0.97, to_empty("accepted", "restarted")),
    Goal("stored", "much data: PostgreSQL's time of a bid to an empty one's", "", 1.1, 1.03, to_empty("cpu.postgres", "filled")),
    Goal("stored", "the same right after a restart", "", 1.1, 1.03, to_empty("cpu.postgres", "restarted")),
    Goal("stored", "much data: idle PostgreSQL", "ms/s", 15, None, filled("idle_ms_s")),
    Goal("stored", "much data: memory after all watchers were notified, largest program", "MB", 40, None, filled("memory")),
    Goal("stored", "much data: slowest list or count, warm p95", "ms", 50, 10, filled("lists")),
)
HEAD = ("figure", "median", "spread", "must", "aim", "state")


def amount(value, unit):
    """A value with its unit."""
    return f"{number(value)} {unit}".rstrip()


def number(value):
    """A value with three digits, without a power of ten."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def state(goal, median):
    """Whether a median is at the goal's must."""
    reached = median >= goal.must if goal.unit == BETTER_HIGH else median <= goal.must
    return AT if reached else BELOW


def line(goal, results):
    """The cells of a goal."""
    bounds = (amount(goal.must, goal.unit), amount(goal.aim, goal.unit) if goal.aim is not None else "–")
    values = list(goal.values(results).values())
    if not values:
        return (goal.what, "–", "–", *bounds, NONE)
    median = statistics.median(values)
    return (goal.what, amount(median, goal.unit), f"{number(min(values))} to {number(max(values))}", *bounds,
            state(goal, median))


def goals(results, names=None):
    """The rows of the table; `names`: only of these rows."""
    return [line(goal, results) for goal in GOALS if names is None or goal.name in names]


def costs(results):
    """Processor time in µs per bid by program: a head, and a row for each load."""
    loads = [row for row in ("spread", "hot") if results.median(row, "cpu") is not None]
    programs = results.programs(loads[0]) if loads else []
    rows = [(row, number(results.median(row, "taken")), *(number(results.median(row, f"cpu.{name}") or 0) for name in programs),
             number(results.median(row, "cpu"))) for row in loads]
    return ("load", "202/s", *programs, "sum"), rows


def scaling(results):
    """Rates by number of workers, and how busy the processors were: a head and rows."""
    rows = []
    for row, what in (("bidworkers", "bid workers"), ("gateways", "gateway workers"),
                      ("gateways_hot", "gateway workers, one auction")):
        for point in results.points(row):
            figures = [number(results.median(row, figure, point)) for figure in ("taken", "accepted", "cpu")]
            used = results.median(row, "decided", point) * results.median(row, "cpu", point) / US_PER_S
            rows.append((f"{point} {what}", *figures, number(used), f"{100 - 100 * results.median(row, 'busy', point):.0f} %",
                         bound(results, row, point)))
    return ("programs", "202/s", "accepted/s", "µs a bid", "processors used", "idle", "most of it"), rows


def bound(results, row, point, side=HERE):
    """The three programs that had most of the processors."""
    cores = {name: results.median(row, f"core.{name}", point, side) or 0 for name in results.programs(row, point, side)}
    most = sorted(cores, key=lambda name: -cores[name])[:3]
    return ", ".join(f"{name} {cores[name]:.2f}" for name in most)


def text(head, rows):
    """A table for a terminal."""
    widths = [max(len(str(row[column])) for row in (head, *rows)) for column in range(len(head))]
    return "\n".join("  ".join(f"{cell:<{width}}" if not place else f"{cell:>{width}}"
                               for place, (cell, width) in enumerate(zip(row, widths))) for row in (head, *rows))


def markdown(head, rows):
    """A table for a page."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows))
