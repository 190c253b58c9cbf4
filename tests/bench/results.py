"""The results of tests/bench/run: a file of lines that is kept between runs, so that single rows can be measured anew.

A line has tab-separated columns: row, point, side, round, figure, value. A point is a place on the axis of a row, for
example the number of connections, and "-" where a row has none. The row `facts` describes the machine.
"""
import collections
import os
import statistics

COLUMNS = ("row", "point", "side", "round", "figure", "value")
Line = collections.namedtuple("Line", COLUMNS)
HERE = "here"  # the side that is measured; the others are "peer" and names of a state of the data


class Results:
    """The lines of a file."""

    def __init__(self, path):
        self.path, self.lines = path, []
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.lines = [Line(*line.rstrip("\n").split("\t")) for line in file if not line.startswith("row\t")]

    def forget(self, row, point=None):
        """Removes the lines of a row, or of one point of it."""
        self.lines = [line for line in self.lines if line.row != row or point not in (None, line.point)]

    def add(self, row, point, side, number, figures):
        """Adds the figures of one measurement."""
        for name, value in figures.items():
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            self.lines.append(Line(row, str(point), side, str(number), name, text))

    def save(self):
        """Writes the file."""
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.write("\t".join(COLUMNS) + "\n" + "".join("\t".join(line) + "\n" for line in self.lines))
        os.replace(self.path + ".new", self.path)

    def points(self, row):
        """The points of a row, in the order of their numbers."""
        return sorted({line.point for line in self.lines if line.row == row}, key=lambda point: (len(point), point)
                      if not is_number(point) else (0, float(point)))

    def values(self, row, figure, point="-", side=HERE):
        """The values of a figure by round."""
        return {line.round: float(line.value) for line in self.lines
                if (line.row, line.point, line.side, line.figure) == (row, str(point), side, figure)}

    def ratios(self, row, figure, to, point="-", side=HERE, same=None):
        """The ratios to another side, round by round; `same` is the other side's figure if it has another name."""
        ours, theirs = self.values(row, figure, point, side), self.values(row, same or figure, point, to)
        return {number: ours[number] / theirs[number] for number in ours if theirs.get(number)}

    def fact(self, name):
        """A fact of the machine or of the run."""
        return next((line.value for line in self.lines if (line.row, line.figure) == ("facts", name)), None)

    def median(self, row, figure, point="-", side=HERE):
        """The median of a figure; None if it was not measured."""
        values = self.values(row, figure, point, side).values()
        return statistics.median(values) if values else None

    def programs(self, row, point="-", side=HERE):
        """The programs whose processor time a row has, most expensive first."""
        names = {line.figure.removeprefix("cpu.") for line in self.lines
                 if (line.row, line.point, line.side) == (row, str(point), side) and line.figure.startswith("cpu.")}
        return sorted(names, key=lambda name: -self.median(row, f"cpu.{name}", point, side))


def is_number(text):
    """Whether a point is a number."""
    return text.replace(".", "", 1).isdigit()
