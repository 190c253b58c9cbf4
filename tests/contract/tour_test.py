#!/usr/bin/python3
"""Pastes the lines of docs/tour.md, and the first bid of README.md, into a shell and checks what each line prints.

A line fails if its command fails, if it prints an error, a rejected bid or malformed JSON, or if the variable that it
sets is empty. So the documents hold for a deployment that `make run` opened. Started by tests/run, which names the
deployment in the environment.

Runs alone: it expects the deployment as a newcomer finds it.
"""
import json
import os
import re
import subprocess
import sys

FIRST_BID = ("## A first bid\n", "## Where to read on\n")  # the part of README.md that is pasted
ADDRESS, PROGRAMS = "http://127.0.0.1:8080", "build/bin/"
PEOPLE = "@example.org"  # who has such an address may be known to a deployment that other tests were in
# Of the demo deployment, what the tour looks for; listed last, so that the first bid goes there too.
CAMERA = """curl -s $API/auctions -H "$SELLER" --json '{"title": "Folding camera of 1934", "startingPrice": 45.00,
"incrementTable": "ebay-us", "endTime": "'$(date -u -d '+1 day' +%FT%TZ)'"}'; echo"""
SELLER = '"email": "olga@demo.example", "password": "correct horse"'
TOUR_S = 120
MARK = "\x1e"  # ends what a line printed


def first_bid():
    with open("README.md", encoding="utf-8") as file:
        text = file.read()
    return commands(text[text.index(FIRST_BID[0]) : text.index(FIRST_BID[1])])


def commands(text):
    """The indented lines of a document without their comments."""
    return [line[4:] for line in text.splitlines() if re.match(r"    [^ #]", line)]


def tour():
    """The lines that a newcomer pastes: the whole tour, then the first bid of the README (its account exists then)."""
    with open("docs/tour.md", encoding="utf-8") as file:
        lines = commands(file.read())
    lines += [line for line in first_bid() if "auth/register" not in line]
    for name in (ADDRESS, PROGRAMS, PEOPLE):
        if not any(name in line for line in lines):
            raise SystemExit(f"the tour does not name {name} any more")
    build = os.environ.get("BUILD", "build") + "/bin/"
    instead = {ADDRESS: os.environ["ROSTRUM_HTTP_URL"], PROGRAMS: build, PEOPLE: "@tour.example"}
    for name, here in instead.items():
        lines = [line.replace(name, here) for line in lines]
    return lines


def prepared(lines):
    """The tour after what the demo does, which a deployment of the tests has not; its first two lines are for both."""
    login = [f"SELLER='{SELLER}'", 'curl -s $API/auth/register --json "{$SELLER, \\"displayName\\": \\"Olga\\"}"; echo']
    login.append('SELLER="Authorization: Bearer $(curl -s $API/auth/login --json "{$SELLER}" | pick accessToken)"')
    return [*lines[:2], *login, CAMERA, *lines[2:]]


def fault(line, printed, code):
    """What is wrong with what a line did, or None."""
    if code != "0":
        return f"exit code {code}"
    if "; echo" in line and not printed.strip():
        return "nothing printed"
    if re.search(r'"error" *:|"status" *: *"rejected"', printed) and "openapi.json" not in line:
        return "refused"
    if printed.startswith("{") and " | head" not in line:
        try:
            json.loads(printed)
        except ValueError:
            return "no JSON"
    return None


def main():
    """Runs them all in one shell, as they are pasted."""
    lines = prepared(tour())
    script = ""
    for line in lines:
        variable = re.match(r"([A-Z]+)=", line)
        check = f'[ -n "${{{variable[1]}##*Bearer }}" ]\n' if variable else ""
        script += f"{line}\n{check}printf '{MARK}%d{MARK}' $?\n"
    shell = subprocess.run(
        ["bash"], input=script, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TOUR_S, check=False
    )
    answers = shell.stdout.split(MARK) + [""] * (2 * len(lines))
    failed = 0
    for line, printed, code in zip(lines, answers[0::2], answers[1::2]):
        wrong = fault(line, printed, code)
        if wrong is not None:
            failed += 1
            print(f"FAILED {line}\n    {wrong}: {printed[:600]}")
    print(f"tour_test: {len(lines) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
