#!/usr/bin/python3
"""live_contract.py RECORDING whole|part: validates recorded live messages against gateway/asyncapi.yaml.

A received message must be valid for the payload of its kind, and the kind must be in the channel. An unknown kind fails.
A sent message must be valid, unless the gateway refused it with VALIDATION_FAILED: then it must be invalid. With `whole`
each kind of message in the document must occur in the recording. live_recording.c writes the file and runs this.
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
ERRORS_SHOWN = 10
# What JSON Schema cannot express: how an amount is written (1e2), and amounts of another type have a code of their own.
UNDECIDED = {"INVALID_AMOUNT", "NOT_FOUND"}


class LiveDocument:
    """The AsyncAPI document: the schema of each kind of message, and the kinds of each channel."""

    def __init__(self, data):
        self.closed = closed(data)
        self.kinds = {name: channel["messages"].keys() for name, channel in data["channels"].items()}
        self.commands = {name for operation in data["operations"].values() if operation["action"] == "receive"
                         for name in map(last, operation["messages"])}
        self.payloads = {name: message["payload"] for name, message in data["components"]["messages"].items()}

    def error(self, channel, text):
        """The reason for which a message is not described; None if it is. The text may be no JSON."""
        try:
            message = json.loads(text)
        except ValueError as wrong:
            return f"no JSON: {wrong}"
        kind = message.get("type") if isinstance(message, dict) else None
        if not isinstance(kind, str) or kind not in self.kinds[channel]:
            return f"{channel} has no message of the kind {kind}"
        return Validator(self.closed, self.payloads[kind]).first_error(message)


def last(reference):
    """The name at the end of a reference."""
    return reference["$ref"].rpartition("/")[2]


def read(path):
    """The lines of a recording: direction, connection, text."""
    with open(path, encoding="utf-8") as file:
        return [LINE.fullmatch(line.rstrip("\n")).groups() for line in file]


def answer(lines, index):
    """The code of the error that answers the message at `index`; None if it was not refused."""
    connection, sent = lines[index][1], member(lines[index][2], "id")
    sent = sent if isinstance(sent, (str, int, float)) else None  # an id of another type is refused without it
    for direction, of, text in lines[index + 1 :]:
        if of == connection and direction == "<" and member(text, "id") == sent:
            return member(text, "error")
        if of == connection and direction == ">" and sent is None:
            return None
    return None


def member(text, name):
    """A member of a message; None if it has none or is no object."""
    try:
        message = json.loads(text)
    except ValueError:
        return None
    return message.get(name) if isinstance(message, dict) else None


def check(document, lines, whole):
    """The errors of a recording."""
    seen, wrong = set(), []
    for index, (direction, _, text) in enumerate(lines):
        error = document.error(CHANNELS[direction], text)
        refused = answer(lines, index) if direction == ">" else None
        if refused in UNDECIDED:
            continue
        if refused == "VALIDATION_FAILED" and error is None:
            wrong.append(f"was refused, but is valid: {text}")
        elif refused != "VALIDATION_FAILED" and error is not None:
            wrong.append(f"{error}: {direction} {text[:600]}")
        elif error is None:
            kind = member(text, "type")
            seen.add(kind)
            if (kind in document.commands) != (direction == ">"):
                wrong.append(f"in the other direction: {direction} {text[:600]}")
    if whole and document.payloads.keys() - seen:
        wrong.append(f"described, but not seen: {sorted(document.payloads.keys() - seen)}")
    return wrong


def main():
    """See above."""
    path, extent = sys.argv[1:]
    document, lines = LiveDocument(load(os.path.join(ROOT, "gateway", "asyncapi.yaml"))), read(path)
    wrong = check(document, lines, extent == "whole")
    for each in wrong[:ERRORS_SHOWN]:
        print(f"asyncapi.yaml: {each}")
    print(f"live_contract: {len(lines)} messages, {len(wrong)} errors")
    return 1 if wrong or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
