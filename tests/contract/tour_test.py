#!/usr/bin/python3
"""Runs the lines that deploy/demo prints, those of docs/tour.md and the first bid of README.md in a shell, and checks
the output of each line.

A line fails if its command fails, if it prints an error, a rejected bid or malformed JSON, or if the variable that it
sets is empty. So these documents stay correct for a deployment started by `make run`. Started by tests/run, which sets
the addresses of the deployment in the environment.

Runs alone: it expects no data but the demo's.
"""
import json
import os
import re
import subprocess
import sys

FIRST_BID = ("## A first bid\n", "## Where to read on\n")  # headings around the lines of README.md
ADDRESS, PROGRAMS = "http://127.0.0.1:8080", "build/bin/"
EMAIL_DOMAIN = "@example.org"  # replaced, because earlier tests may have registered such addresses
TOUR_S = 120
SEPARATOR = "\x1e"  # printed after the output and after the exit code of a line


def first_bid():
    with open("README.md", encoding="utf-8") as file:
        text = file.read()
    return commands(text[text.index(FIRST_BID[0]) : text.index(FIRST_BID[1])])


def commands(text):
    """The indented lines of a document, without comment lines."""
    return [line[4:] for line in text.splitlines() if re.match(r"    [^ #]", line)]


def tour_lines():
    """All lines of the tour, then the first bid of the README without its registration: that account exists by then."""
    with open("docs/tour.md", encoding="utf-8") as file:
        lines = commands(file.read())
    lines += [line for line in first_bid() if "auth/register" not in line]
    for name in (ADDRESS, PROGRAMS, EMAIL_DOMAIN):
        if not any(name in line for line in lines):
            raise SystemExit(f"docs/tour.md and README.md do not contain {name}")
    build = os.environ.get("BUILD", "build") + "/bin/"
    replacements = {ADDRESS: os.environ["ROSTRUM_HTTP_URL"], PROGRAMS: build, EMAIL_DOMAIN: "@tour.example"}
    for name, value in replacements.items():
        lines = [line.replace(name, value) for line in lines]
    return lines


def demo_lines():
    """Creates the demo data, which a test deployment lacks, and returns the commands that are printed with them."""
    environment = {**os.environ, "ROSTRUM_DEMO": "1"}
    made = subprocess.run(["deploy/private", "up"], env=environment, text=True, stdout=subprocess.PIPE, check=True)
    lines = made.stdout.replace("\\\n", " ").splitlines()
    lines = [line[2:] for line in lines if re.match(r"  (curl|[A-Z]+=)", line)]
    for path in ("/auth/login", "/bids", "/queue/join", "/orders", "/confirm"):
        if not any(path in line for line in lines):
            raise SystemExit(f"deploy/demo prints no line with {path}: {made.stdout}")
    return lines


def check_output(line, printed, code):
    """The error in the output or exit code of a line, or None."""
    if code != "0":
        return f"exit code {code}"
    if "; echo" in line and not printed.strip():
        return "nothing printed"
    if re.search(r'"error" *:|"status" *: *"rejected"', printed) and "openapi.json" not in line:
        return "request refused"
    if printed.startswith("{") and " | head" not in line:
        try:
            json.loads(printed)
        except ValueError:
            return "malformed JSON"
    return None


def main():
    """Runs all lines in one shell."""
    lines = demo_lines() + tour_lines()
    script = ""
    for line in lines:
        variable = re.match(r"([A-Z]+)=", line)
        check = f'[ -n "${{{variable[1]}##*Bearer }}" ]\n' if variable else ""
        script += f"{line}\n{check}printf '{SEPARATOR}%d{SEPARATOR}' $?\n"
    shell = subprocess.run(
        ["bash"], input=script, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TOUR_S, check=False
    )
    answers = shell.stdout.split(SEPARATOR) + [""] * (2 * len(lines))
    failed = 0
    for line, printed, code in zip(lines, answers[0::2], answers[1::2]):
        error = check_output(line, printed, code)
        if error is not None:
            failed += 1
            print(f"FAILED {line}\n    {error}: {printed[:600]}")
    print(f"tour_test: {len(lines) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
