"""Writes the measured part of docs/performance.md, and its plots, from the results of tests/bench/run.

The part is between two marks; all else of the page is written by hand and stays. Plots are made by gnuplot. Without it, or
without results for a plot, an earlier plot stays as it is.
"""
import os
import shutil
import subprocess
import textwrap

import table

PAGE = "docs/performance.md"
BEGIN = "<!-- Written by tests/bench/run; change nothing between here and the end mark. -->"
WIDTH = 120
BIDS = 9000000  # that the whole data of tests/bench/scale.sql has
END = "<!-- The end of what tests/bench/run has written. -->"
PLOTS = {"docs/performance-latency.svg": "Latency against offered load", "docs/performance-rate.svg":
         "Rate against connections, auctions, workers and stored bids"}
STYLE = """set terminal svg size {size} font "sans,12" background "white"
set output "{output}"
set grid
set key {key}
"""


def facts(results):
    """A sentence about the machine."""
    known = {name: results.fact(name) for name in ("processors", "memory", "linux", "postgresql", "redis", "rabbitmq", "commit", "busy")}
    if known["processors"] is None:
        return "Not measured yet."
    share = results.points("stored")[-1] if results.points("stored") else None
    sentences = ("Measured with {processors} processors and {memory} of memory, with everything on them: Linux {linux}, PostgreSQL"
                 " {postgresql}, Redis {redis}, RabbitMQ {rabbitmq}. The newest commit was of {commit}. Before the run other work"
                 " kept {busy} of the processors busy.").format(**known)
    if share is not None:
        sentences += f" *Much data* is {float(share):.3g} of the data of `tests/bench/scale.sql`."
    return textwrap.fill(sentences, WIDTH)


def measured(results):
    """The text between the marks."""
    parts = [facts(results), table.markdown(table.HEAD, table.goals(results))]
    head, rows = table.costs(results)
    if rows:
        parts += ["Processor time of a decided bid in µs, by program:", table.markdown(head, rows)]
    head, rows = table.scaling(results)
    if rows:
        parts += ["More workers on the same processors:", table.markdown(head, rows)]
    parts += [f"![{title}]({os.path.basename(path)})" for path, title in PLOTS.items() if os.path.exists(path)]
    return "\n\n".join(parts)


def block(name, rows):
    """Data of gnuplot."""
    return f"${name} << END\n" + "\n".join(" ".join(map(str, row)) for row in rows) + "\nEND\n"


def latency(results):
    """The script of the plot of latency; None without results. Each round has a saturation of its own, so x is a share."""
    figures = ("p50", "p99", "p999")
    points = [point for point in results.points("offered") if point != "-"]  # "-": saturation
    rows = [[100 * float(point), *(results.median("offered", figure, point) for figure in figures)] for point in points]
    if len(rows) < 2:
        return None
    return (block("data", rows) + 'set xlabel "offered load, % of saturation"\nset xrange [0:100]\nset ylabel "ms from due to 202"\nset logscale y\n'
            'plot $data using 1:2 with linespoints title "p50", $data using 1:3 with linespoints title "p99", '
            '$data using 1:4 with linespoints title "p99.9"\n')


def panel(results, row, label, scale):
    """One panel of the plot of rates; "" without results."""
    rows = [[point, results.median(row, "taken", point), results.median(row, "accepted", point)] for point in results.points(row)]
    if len(rows) < 2:
        return ""
    return curves(row, label, f"{scale}\nset xtics ({', '.join(point for point, _, _ in rows)})", rows)


def stored(results):
    """The panel of stored bids: the empty deployment's rate, and that of each share of the data; "" without results."""
    points = results.points("stored")
    rows = [[BIDS * float(point), *(results.median("stored", figure, point, "filled") for figure in ("taken", "accepted"))]
            for point in points if results.median("stored", "taken", point, "filled")]
    if not rows:
        return ""
    rows.insert(0, [0, *(results.median("stored", figure, points[0], "empty") for figure in ("taken", "accepted"))])
    ticks = ", ".join(f'"{bids / 1e6:.3g} M" {bids:.0f}' for bids, _, _ in rows)
    return curves("stored", "bids stored", f"unset logscale x\nset xtics ({ticks})", rows)


def curves(name, label, scale, rows):
    """A panel with the two rates of each row."""
    return (block(name, rows) + f'set xlabel "{label}"\n{scale}\nset yrange [0:*]\nset ylabel "per second"\n'
            f'plot ${name} using 1:2 with linespoints title "202", ${name} using 1:3 with linespoints title "accepted"\n')


def rates(results):
    """The script of the plot of rates; None without results."""
    panels = [panel(results, "connections", "connections", "set logscale x 2"),
              panel(results, "auctions", "auctions", "set logscale x"),
              panel(results, "bidworkers", "bid workers", "unset logscale x"),
              panel(results, "gateways", "gateway workers", "unset logscale x"), stored(results)]
    if not any(panels):
        return None
    return "set multiplot layout 3,2\n" + "".join(panels) + "unset multiplot\n"


def plot(path, size, key, script):
    """Runs gnuplot."""
    if script is None:
        return
    if shutil.which("gnuplot") is None:
        print(f"{path} stays as it is: gnuplot is not installed.")
        return
    subprocess.run(["gnuplot"], input=STYLE.format(size=size, output=path, key=key) + script, text=True, check=True)


def write(results):
    """Writes the plots and the page."""
    plot("docs/performance-latency.svg", "720,400", "left top", latency(results))
    plot("docs/performance-rate.svg", "720,800", "right bottom", rates(results))
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} has no marks")
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n\n{measured(results)}\n\n{END}{after}")
    print(f"Written: {PAGE}")
