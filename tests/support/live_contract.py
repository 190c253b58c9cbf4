#!/usr/bin/python3
"""live_contract.py RECORDING auctions|sales|part: validates recorded live messages against gateway/asyncapi.yaml.

A received message must be valid for the payload of its kind, and the kind must be in the channel. An unknown kind fails.
A sent message must be valid, unless the gateway refused it with VALIDATION_FAILED: then it must be invalid. With
`sales` each kind of message about flash sales must occur in the recording, with `auctions` each other kind. Kinds about
sales have a colon in their name. live_recording.c writes the file and runs this.
"""
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "gateway"), os.path.join(ROOT, "tests", "support")]
sys.dont_write_bytecode = True
from openapi import load  # noqa: E402 (needs the path above)
from schemas import Validator, closed  # noqa: E402

LINE = re.compile(r"([<>=]) (\S+) (.*)")
CHANNELS = {">": "socket", "<": "socket", "=": "events"}
SALE_CHANNELS = {**CHANNELS, "=": "sale_events"}  # of kinds with a colon
ERRORS_SHOWN = 10
TEXT_SHOWN = 600  # characters
# What differs in thousands of messages and has one form: ids, times, pseudonyms, the digits of a number.
VARIABLE = [
    (re.compile(r'"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"'), '"01890000-0000-7000-8000-000000000000"'),
    (re.compile(r'"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}[.][0-9]{3}Z"'), '"2026-05-01T13:30:15.120Z"'),
    (re.compile(r'"Bidder-[A-HJ-NP-Z2-9]+"'), '"Bidder-A"'),
    (re.compile(r'(?<=":)[1-9][0-9]{0,9}(?=[,.}])'), "1"),
]
# What JSON Schema cannot express: how an amount is written (1e2), and amounts of another type have a code of their own.
UNDECIDED = {"INVALID_AMOUNT", "NOT_FOUND"}


class LiveDocument:
    """The AsyncAPI document: the schema of each kind of message, and the kinds of each channel."""

    def __init__(self, data):
        self.closed = closed(data)
        self.names = {key: message["name"] for key, message in data["components"]["messages"].items()}
        self.kinds = {name: {self.names[key] for key in channel["messages"]}
                      for name, channel in data["channels"].items()}
        self.commands = {self.names[key] for operation in data["operations"].values()
                         if operation["action"] == "receive" for key in map(last, operation["messages"])}
        self.validators, self.known = {}, {}
        self.payloads = {message["name"]: message["payload"] for message in data["components"]["messages"].values()}

    def error(self, channel, text):
        """The reason for which a message is not described; None if it is. The text may be no JSON."""
        for pattern, value in VARIABLE:
            text = pattern.sub(value, text)
        if (channel, text) not in self.known:
            self.known[channel, text] = self.find_error(channel, text)
        return self.known[channel, text]

    def find_error(self, channel, text):
        """The same for a text in which each VARIABLE has one value."""
        try:
            message = json.loads(text)
        except ValueError as wrong:
            return f"no JSON: {wrong}"
        kind = message.get("type") if isinstance(message, dict) else None
        if not isinstance(kind, str) or kind not in self.kinds[channel]:
            return f"{channel} has no message of the kind {kind}"
        if kind not in self.validators:
            self.validators[kind] = Validator(self.closed, self.payloads[kind])
        return self.validators[kind].first_error(message)


def last(reference):
    """The name at the end of a reference."""
    return reference["$ref"].rpartition("/")[2]


def read(path):
    """The lines of a recording: direction, connection, text."""
    with open(path, encoding="utf-8") as file:
        return [LINE.fullmatch(line.rstrip("\n")).groups() for line in file]


def refusals(lines):
    """The code of the error that answers each sent message of one connection, by its index, if it was refused."""
    codes, waiting = {}, {}
    for index, (direction, text) in enumerate(lines):
        name = member(text, "id")
        name = name if isinstance(name, (str, int, float)) else None  # an id of another type is refused without it
        if direction == ">" and name is None:
            waiting[None] = [index]  # the next message answers it, unless another is sent first
        elif direction == ">":
            waiting.setdefault(name, []).append(index)
        elif waiting.get(name):
            codes[waiting[name].pop(0)] = member(text, "error")
    return codes


def member(text, name):
    """A member of a message; None if it has none or is no object."""
    try:
        message = json.loads(text)
    except ValueError:
        return None
    return message.get(name) if isinstance(message, dict) else None


def check(document, lines, extent):
    """The errors of a recording."""
    connections, seen, wrong = {}, set(), []
    for direction, connection, text in lines:
        connections.setdefault(connection, []).append((direction, text))
    for each in connections.values():
        check_connection(document, each, seen, wrong)
    expected = {kind for kind in document.payloads if extent == ("sales" if ":" in kind else "auctions")}
    if expected - seen:
        wrong.append(f"described, but not seen: {sorted(expected - seen)}")
    return wrong


def check_connection(document, lines, seen, wrong):
    """Adds the kinds and the errors of one connection."""
    codes = refusals(lines)
    for index, (direction, text) in enumerate(lines):
        channels = SALE_CHANNELS if ":" in str(member(text, "type")) else CHANNELS
        error, refused = document.error(channels[direction], text), codes.get(index)
        if refused in UNDECIDED:
            continue
        if refused == "VALIDATION_FAILED" and error is None:
            wrong.append(f"was refused, but is valid: {text[:TEXT_SHOWN]}")
        elif refused != "VALIDATION_FAILED" and error is not None:
            wrong.append(f"{error}: {direction} {text[:TEXT_SHOWN]}")
        elif error is None:
            seen.add(member(text, "type"))
            if (member(text, "type") in document.commands) != (direction == ">"):
                wrong.append(f"in the other direction: {direction} {text[:TEXT_SHOWN]}")


def main():
    """See above."""
    path, extent = sys.argv[1:]
    document, lines = LiveDocument(load(os.path.join(ROOT, "gateway", "asyncapi.yaml"))), read(path)
    wrong = check(document, lines, extent)
    for each in wrong[:ERRORS_SHOWN]:
        print(f"asyncapi.yaml: {each}")
    print(f"live_contract: {len(lines)} messages, {len(wrong)} errors")
    return 1 if wrong or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
