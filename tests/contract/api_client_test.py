#!/usr/bin/python3
"""A client's client: it knows the address of the deployment and nothing else, and takes every path, member and status from
the document that the deployment serves. It registers people, lists an auction, bids, is outbid, wins, and is told so.

Members of bodies are given by name, as a person would who read the document; whether the document has them is checked
before anything is sent.
"""

import datetime
import json
import os
import sys
import time
import traceback
import urllib.error
import urllib.request
import uuid

WAIT_S = 60  # for an end and its settlement
LOOK_S = 0.1
LASTS_S = 6  # the auction: room for three bids on a slow machine


class ApiClient:
    """Calls by operationId."""

    def __init__(self, url):
        self.url = url
        with urllib.request.urlopen(url + "/api/v1/openapi.json") as answer:
            self.document = json.load(answer)
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
            if method in ("get", "post", "put", "patch", "delete")
        }

    def resolve(self, schema):
        while "$ref" in schema:
            found = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def check_body(self, operation, body):
        schema = self.resolve(operation["requestBody"]["content"]["application/json"]["schema"])
        missing = set(schema.get("required", ())) - set(body)
        unknown = set(body) - set(schema["properties"])
        if missing or unknown:
            raise AssertionError(f"{operation['operationId']}: missing {missing}, unknown {unknown}")

    def call(self, name, body=None, token=None, headers=None, query="", **parameters):
        """The status and the JSON of an answer that the document describes."""
        method, path, operation = self.operations[name]
        if body is not None:
            self.check_body(operation, body)
        headers = dict(headers or {})
        if body is not None:
            headers["Content-Type"] = "application/json"
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path.format(**parameters) + query, data, headers, method=method)
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read()
            if str(answer.status) not in operation["responses"]:
                raise AssertionError(f"{name}: {answer.status} is not described: {text!r}")
            return answer.status, json.loads(text) if text else None

    def good(self, name, *given, **named):
        status, data = self.call(name, *given, **named)
        if status >= 300:
            raise AssertionError(f"{name}: {status} {data}")
        return data

    def person(self, name):
        """The access token of somebody new."""
        account = {"email": f"{name}.{uuid.uuid4().hex[:12]}@example.org", "password": "correct horse battery"}
        self.good("register", {**account, "displayName": name})
        return self.good("logIn", account)["accessToken"]


def wait_for(what, condition):
    until = time.monotonic() + WAIT_S
    while not (found := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"{what} never came")
        time.sleep(LOOK_S)
    return found


def test_an_api_client_bids_wins_and_is_notified(deployment):
    seller, ann, bob = deployment.person("Sam"), deployment.person("Ann"), deployment.person("Bob")
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=LASTS_S)
    terms = {
        "title": f"Chair {uuid.uuid4().hex[:12]}",
        "startingPrice": 10.0,
        "endTime": end.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "antiSnipe": {"windowSeconds": 0},
    }
    made = deployment.good("createAuction", terms, seller)

    def listed():
        page = deployment.good("listAuctions", token=ann, query=f"?sort=newest&sellerId={made['sellerId']}")
        return [each for each in page["items"] if each["title"] == terms["title"]]

    (lot,) = wait_for("the auction in the list", listed)
    wait = {"Prefer": "wait=10"}
    first = deployment.good("placeBid", {"amount": lot["minimumBid"]}, ann, wait, id=lot["id"])
    assert first["status"] == "accepted", first
    over = deployment.good("getAuction", token=bob, id=lot["id"])["minimumBid"]
    assert deployment.good("placeBid", {"amount": over}, bob, wait, id=lot["id"])["status"] == "accepted"
    status, refused = deployment.call("placeBid", {"amount": over}, ann, wait, id=lot["id"])
    assert (status, refused["error"]) == (400, "BID_TOO_LOW"), refused
    winner = deployment.good("placeBid", {"amount": refused["minimumBid"]}, ann, wait, id=lot["id"])
    assert winner["status"] == "accepted", winner

    def told(token, kind):
        notices = deployment.good("listNotifications", token=token)["items"]
        return [each for each in notices if each["kind"] == kind and each["auctionId"] == lot["id"]]

    (won,) = wait_for("the notice of the sale", lambda: told(ann, "AUCTION_WON"))
    assert won["amount"] == refused["minimumBid"], won
    wait_for("the notice for who lost", lambda: told(bob, "AUCTION_LOST"))
    wait_for("the notice for the seller", lambda: told(seller, "AUCTION_SOLD"))
    sold = deployment.good("getAuction", token=ann, id=lot["id"])
    assert sold["status"] == "sold" and sold["winningBidId"] == winner["bidId"], sold


def main():
    try:
        test_an_api_client_bids_wins_and_is_notified(ApiClient(os.environ["ROSTRUM_HTTP_URL"]))
    except Exception:  # whatever it was, the summary comes last
        print(f"FAILED: {traceback.format_exc(limit=-3)}")
        print("api_client_test: 0 passed, 1 failed")
        return 1
    print("api_client_test: 1 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
