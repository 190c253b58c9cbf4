#!/usr/bin/python3
"""The AsyncAPI document: that it is valid, served, and agrees with the sources, and that its check finds each error.

The messages themselves are validated where they are sent and received: live_test.c and live_limits_test.c record them,
and tests/support/live_contract.py judges the recording. Started by tests/run, which sets ROSTRUM_HTTP_URL. `make
deps-types` installs the schema of AsyncAPI.
"""
import glob
import json
import os
import re
import sys
import traceback
import urllib.request

import jsonschema
import yaml

sys.path[:0] = ["gateway", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")]
sys.dont_write_bytecode = True
from live_contract import LiveDocument, check  # noqa: E402 (needs the path above)
from openapi import load  # noqa: E402

SOURCE = "gateway/asyncapi.yaml"
SCHEMA = "build/types/node_modules/@asyncapi/specs/schemas/3.0.0.json"  # also if BUILD names another folder
LOT = "018f3a5e-7c00-7000-8000-00000000a001"
NOW = "2026-05-01T13:30:15.120Z"
PONG = {"type": "pong", "serverTime": NOW}


class Fault(Exception):
    """The document is wrong, or the check overlooks an error."""


def first_error(data):
    """The reason for which a document is not AsyncAPI 3.0; None if it is."""
    with open(SCHEMA, encoding="utf-8") as file:
        schema = json.load(file)
    wrong = jsonschema.exceptions.best_match(jsonschema.Draft7Validator(schema).iter_errors(data))
    return None if wrong is None else f"{wrong.json_path}: {wrong.message[:400]}"


def test_the_document_is_valid_asyncapi(data):
    with open(SOURCE, encoding="utf-8") as file:
        source = yaml.safe_load(file)
    for each in (data, source):
        if first_error(each) is not None:
            raise Fault(first_error(each))
    if first_error({**data, "operations": {"x": {"action": "publish"}}}) is None:
        raise Fault("an invalid document is found valid")


def test_the_deployment_serves_the_document_of_the_sources(data):
    with urllib.request.urlopen(os.environ["ROSTRUM_HTTP_URL"] + "/api/v1/asyncapi.json") as answer:
        if json.load(answer) != data:
            raise Fault(f"the served document differs from {SOURCE}")


def test_every_reference_has_its_target(data):
    def look(node):
        if isinstance(node, list):
            for each in node:
                look(each)
        elif isinstance(node, dict):
            target = data
            for part in node.get("$ref", "#").removeprefix("#").split("/")[1:]:
                target = target[part]
            for each in node.values():
                look(each)

    look(data)


def test_every_example_is_valid(data):
    document = LiveDocument(data)
    for name, message in data["components"]["messages"].items():
        for example in message["examples"]:
            error = document.error("socket", json.dumps(example["payload"]))
            if error is not None or example["payload"]["type"] != message["name"]:
                raise Fault(f"the example of {name}: {error}")


def test_document_and_sources_have_the_same_kinds(data):
    sources = {}
    for path in glob.glob("gateway/live/*.c"):
        with open(path, encoding="utf-8") as file:
            sources[path] = file.read()
    entry = re.compile(r'^    \{"([a-z:]+)", (?:do|routed_commands|subscriptions)_[a-z]+, \{', re.MULTILINE)
    commands = set(entry.findall(sources["gateway/live/commands.c"]))
    with open("common/protocol/live_update.h", encoding="utf-8") as file:
        updates = set(re.findall(r'X\([A-Z_]+, "[a-z]+", "([a-z_]+)"\)', file.read()))
    others = set(re.findall(r'(?:begin|command_answer)\([a-z_>-]+, "([a-z_]+)"', "".join(sources.values())))
    others |= set(re.findall(r'"([a-z]+:[a-z-]+)"', "".join(sources.values()))) - commands
    if "pong" not in others or "notification" not in others:
        raise Fault(f"the sources are written in another way: only {others} were found")
    document = LiveDocument(data)
    if commands != document.commands:
        raise Fault(f"commands only in the sources or only in the document: {commands ^ document.commands}")
    kinds = document.payloads.keys() - document.commands
    if not updates <= kinds or not others <= kinds:
        raise Fault(f"messages only in the sources: {(updates | others) - kinds}")


def test_commands_are_closed_and_messages_are_open(data):
    schemas = data["components"]["schemas"]
    for name, message in data["components"]["messages"].items():
        schema = schemas[message["payload"]["$ref"].rpartition("/")[2]]
        forms = schema.get("oneOf", [schema])
        closed = [form.get("additionalProperties") is False for form in forms]
        if closed != [message["name"] in LiveDocument(data).commands] * len(forms):
            raise Fault(f"{name}: closed {closed}")


def test_the_check_finds_each_error(data):
    """A recording is the text of live_recording.c: kind, connection, message."""
    document = LiveDocument(data)
    ping, pong = {"type": "ping", "id": 1}, {**PONG, "id": 1}
    refused = {"type": "error", "id": 1, "serverTime": NOW, "error": "VALIDATION_FAILED", "message": "x",
               "fields": [{"field": "x", "code": "UNKNOWN_FIELD", "message": "is not known"}]}
    recordings = {
        "an unknown kind": [("<", {**PONG, "type": "gong"})],
        "no kind": [("<", {"serverTime": NOW})],
        "no object": [("<", [1])],
        "an unknown member": [("<", {**PONG, "more": 1})],
        "a missing member": [("<", {"type": "pong"})],
        "an unknown value": [("<", {**refused, "error": "NO_SUCH_CODE"})],
        "a kind that events do not have": [("=", PONG)],
        "a command from the server": [("<", {"type": "ping"})],
        "a message from the client": [(">", PONG)],
        "an accepted command with an unknown member": [(">", {**ping, "more": 1}), ("<", pong)],
        "a refused command that is valid": [(">", ping), ("<", refused)],
    }
    for name, lines in recordings.items():
        texts = [(kind, "1.0x1", json.dumps(message)) for kind, message in lines]
        if not check(document, texts, "part"):
            raise Fault(f"the check overlooks {name}")
    valid = [(">", ping), ("<", pong), (">", {**ping, "more": 1}), ("<", refused), ("=", snapshot())]
    texts = [(kind, "1.0x1", json.dumps(message)) for kind, message in valid]
    if check(document, texts, "part"):
        raise Fault(f"valid messages: {check(document, texts, 'part')}")
    for extent, kind in (("auctions", "bid_placed"), ("sales", "inventory:update")):
        if not any("not seen" in each and kind in each for each in check(document, texts, extent)):
            raise Fault(f"the check of {extent} overlooks a missing kind")


def snapshot():
    """A valid snapshot."""
    price = {"startingPrice": 10, "currentBid": None, "minimumBid": 10, "bidCount": 0, "reserveMet": True, "bids": []}
    return {"type": "snapshot", "auctionId": LOT, "seq": 1, "serverTime": NOW, "status": "active", "title": "A chair",
            "currency": "USD", "startTime": NOW, "endTime": NOW, **price}


def main():
    """Runs the tests in the order of the file."""
    data = load(SOURCE)
    failed = 0
    tests = [(name, value) for name, value in globals().items()
             if name.startswith("test_") and os.environ.get("ROSTRUM_TEST", name) == name]
    for name, test in tests:
        try:
            test(data)
        except Exception:  # run the other tests after any failure
            failed += 1
            print(f"FAILED {name}: {traceback.format_exc(limit=-3)}")
    print(f"asyncapi_test: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
