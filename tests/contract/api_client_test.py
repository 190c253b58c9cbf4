#!/usr/bin/python3
"""Uses the API as a generic client would: it takes paths and statuses from the OpenAPI document that is served.

It registers users, creates an auction, bids, is outbid, wins, and reads the notifications. Before a body is sent, its
member names are checked against the document. Started by tests/run, which sets ROSTRUM_HTTP_URL.
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

WAIT_S = 60  # until an auction has ended and is settled
POLL_S = 0.1
LASTS_S = 6  # duration of the auction: long enough for three bids on a slow machine


class ApiClient:
    """Calls operations of the document by operationId."""

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
        """Returns status and JSON. Fails if the document does not describe that status."""
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

    def call_ok(self, name, *given, **named):
        status, data = self.call(name, *given, **named)
        if status >= 300:
            raise AssertionError(f"{name}: {status} {data}")
        return data

    def new_user(self, name):
        """Registers a user and returns an access token."""
        account = {"email": f"{name}.{uuid.uuid4().hex[:12]}@example.org", "password": "correct horse battery"}
        self.call_ok("register", {**account, "displayName": name})
        return self.call_ok("logIn", account)["accessToken"]


def wait_for(what, condition):
    until = time.monotonic() + WAIT_S
    while not (found := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"{what} not received within {WAIT_S} s")
        time.sleep(POLL_S)
    return found


def test_an_api_client_bids_wins_and_is_notified(client):
    seller, ann, bob = client.new_user("Sam"), client.new_user("Ann"), client.new_user("Bob")
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=LASTS_S)
    terms = {
        "title": f"Chair {uuid.uuid4().hex[:12]}",
        "startingPrice": 10.0,
        "endTime": end.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "antiSnipe": {"windowSeconds": 0},
    }
    created = client.call_ok("createAuction", terms, seller)

    def listed():
        page = client.call_ok("listAuctions", token=ann, query=f"?sort=newest&sellerId={created['sellerId']}")
        return [each for each in page["items"] if each["title"] == terms["title"]]

    (lot,) = wait_for("the auction in the list", listed)
    wait = {"Prefer": "wait=10"}
    first = client.call_ok("placeBid", {"amount": lot["minimumBid"]}, ann, wait, id=lot["id"])
    assert first["status"] == "accepted", first
    minimum = client.call_ok("getAuction", token=bob, id=lot["id"])["minimumBid"]
    assert client.call_ok("placeBid", {"amount": minimum}, bob, wait, id=lot["id"])["status"] == "accepted"
    status, refused = client.call("placeBid", {"amount": minimum}, ann, wait, id=lot["id"])
    assert (status, refused["error"]) == (400, "BID_TOO_LOW"), refused
    winner = client.call_ok("placeBid", {"amount": refused["minimumBid"]}, ann, wait, id=lot["id"])
    assert winner["status"] == "accepted", winner

    def notifications(token, kind):
        notices = client.call_ok("listNotifications", token=token)["items"]
        return [each for each in notices if each["kind"] == kind and each["auctionId"] == lot["id"]]

    (won,) = wait_for("AUCTION_WON", lambda: notifications(ann, "AUCTION_WON"))
    assert won["amount"] == refused["minimumBid"], won
    wait_for("AUCTION_LOST", lambda: notifications(bob, "AUCTION_LOST"))
    wait_for("AUCTION_SOLD", lambda: notifications(seller, "AUCTION_SOLD"))
    sold = client.call_ok("getAuction", token=ann, id=lot["id"])
    assert sold["status"] == "sold" and sold["winningBidId"] == winner["bidId"], sold


def main():
    try:
        test_an_api_client_bids_wins_and_is_notified(ApiClient(os.environ["ROSTRUM_HTTP_URL"]))
    except Exception:  # print the summary after any failure
        print(f"FAILED: {traceback.format_exc(limit=-3)}")
        print("api_client_test: 0 passed, 1 failed")
        return 1
    print("api_client_test: 1 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
