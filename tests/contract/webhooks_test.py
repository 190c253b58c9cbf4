#!/usr/bin/python3
"""Webhooks, end to end: the tests register them over the API, and the deployment calls a server of this program.

Every answer of the API is validated against the OpenAPI document (tests/support/contract.py). The body of every call is
validated against the document's WebhookPayload schema, and its signature with Python's hmac. Where `make check` has
fetched the reference library of Standard Webhooks, that library verifies signatures too. Started by tests/run, which
sets the addresses of the deployment in the environment.

Runs alone: webhooks of the deployment receive the events of all auctions.
"""
import asyncio
import concurrent.futures
import errno
import json
import os
import socket
import subprocess
import sys
import time
import traceback
import uuid

import websockets

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from contract import Client, Document, Fault  # noqa: E402 (needs the path above)
from database import query_value, sql  # noqa: E402
import endpoints as at  # noqa: E402

API = "/api/v1"
MY_HOOKS = f"{API}/users/me/webhooks"
ADMIN_HOOKS = f"{API}/admin/webhooks"
PASSWORD = "correct horse battery"
WAIT_S = 60  # for asynchronous work of the deployment
GIVEN_UP_S = 90  # until a delivery is given up: six attempts within 31 seconds
POLL_S = 0.05
WEBHOOKS_MAX = 10  # webhooks_max
TRIES = 6  # attempts per delivery, the first one included
BACK_OFF_S = (1, 2, 4, 8, 16)
EVENTS = 20  # in the test of slow endpoints
CERTIFICATES = os.environ["ROSTRUM_TEST_SMTP"]  # folder of the test mail server; it holds the CA
VERIFIER = "build/standardwebhooks/node_modules"  # also if BUILD names another folder


class Fixture:
    """A client of the deployment, the OpenAPI document, a server for webhook calls, and new users."""

    def __init__(self):
        self.url = os.environ["ROSTRUM_HTTP_URL"]
        self.client = Client(self.url)
        self.document = Document(self.client.send("GET", f"{API}/openapi.json").data)
        self.client.document = self.document
        self.server = at.Endpoints()
        self.seller, self.ann, self.bob = self.new_user("Sam"), self.new_user("Ann"), self.new_user("Bob")
        self.admin = self.new_user("Ada")
        sql(f"UPDATE users SET role = 'admin' WHERE id = '{self.admin['id']}';")
        self.log_in(self.admin)

    def new_user(self, name):
        """Registers a user and logs in."""
        user = {"email": f"{uuid.uuid4()}@example.org", "password": PASSWORD}
        reply = self.call(201, "POST", f"{API}/auth/register", {**user, "displayName": name})
        user["id"] = reply.data["user"]["id"]
        self.log_in(user)
        return user

    def log_in(self, user):
        """Logs the user in and stores the access token."""
        reply = self.call(200, "POST", f"{API}/auth/login", {"email": user["email"], "password": user["password"]})
        user["token"] = reply.data["accessToken"]

    def call(self, status, method, path, body=None, who=None):
        """Client.call with the token of `who`."""
        return self.client.call(status, method, path, body, who and who["token"])

    def refused(self, code, status, method, path, body=None, who=None):
        """Client.refused with the token of `who`."""
        return self.client.refused(code, status, method, path, body, who and who["token"])

    def auction(self, seconds=3600, **more):
        """Creates an auction of the seller and returns its id."""
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        body = {"title": "A chair", "startingPrice": 10.00, "endTime": end, **more}
        return self.call(201, "POST", f"{API}/auctions", body, self.seller).data["id"]

    def bid(self, auction, amount, who):
        """Places a bid, waits for the decision, and returns the bid's id."""
        reply = self.client.call(200, "POST", f"{API}/auctions/{auction}/bids", {"amount": amount}, who["token"],
                                 {"Prefer": "wait=10"})
        return reply.data["bidId"]

    def outbid(self, who, auction=None):
        """`who` bids and Bob outbids. Returns the auction's id."""
        auction = auction or self.auction()
        self.bid(auction, 10, who)
        self.bid(auction, 20, self.bob)
        return auction

    def add_hook(self, who, url, events=("OUTBID",), base=MY_HOOKS, **more):
        """Creates a webhook and returns it with its secret."""
        return self.call(201, "POST", base, {"url": url, "events": list(events), **more}, who).data

    def deliveries(self, who, hook, base=MY_HOOKS):
        """The webhook's delivery log, newest first."""
        return self.call(200, "GET", f"{base}/{hook['id']}/deliveries?limit=100", None, who).data["items"]

    def delivery(self, who, hook, name, base=MY_HOOKS):
        """One delivery of the log, by id."""
        return next(each for each in self.deliveries(who, hook, base) if each["id"] == name)

    def get_hook(self, who, hook, base=MY_HOOKS):
        """The webhook's current state."""
        return self.call(200, "GET", f"{base}/{hook['id']}", None, who).data

    def send_test(self, who, hook, base=MY_HOOKS):
        """Requests a test call and returns the id of its delivery."""
        return self.call(202, "POST", f"{base}/{hook['id']}/test", None, who).data["id"]

    def test_new_hook(self, who, path, behaviour, state, seconds=WAIT_S):
        """Sends a test call to a new webhook; waits until it is in `state`. Returns webhook and delivery."""
        hook = self.add_hook(who, self.server.url(path, behaviour))
        name = self.send_test(who, hook)
        wait_for(f"{path}: {state}", lambda: self.delivery(who, hook, name)["status"] == state, seconds)
        return hook, self.delivery(who, hook, name)

    def check_call(self, hook, call):
        """Checks signature, headers and body of a call; returns the body, or raises Fault."""
        if not at.verify(hook["secret"], call):
            raise Fault(f"invalid signature: {call.headers}")
        body = json.loads(call.body)
        self.document.validate({"$ref": "#/components/schemas/WebhookPayload"}, body, f"a call of {call.path}")
        credentials = "cookie" in call.headers or "authorization" in call.headers
        if call.headers["content-type"] != "application/json" or credentials:
            raise Fault(f"unexpected headers of a call: {call.headers}")
        return body


def wait_for(what, condition, seconds=WAIT_S):
    """Waits until the condition holds; raises Fault after `seconds`."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise Fault(f"timeout after {seconds} s: {what}")
        time.sleep(POLL_S)


def expect(what, got, expected):
    """Raises Fault unless the values are equal."""
    if got != expected:
        raise Fault(f"{what}: expected {expected}, got {got}")


# --- the resource ---


def test_a_webhook_is_created_changed_switched_off_and_deleted(fixture):
    who, url = fixture.new_user("Uma"), "https://shop.example/hooks?shop=1"
    hook = fixture.add_hook(who, url, ("OUTBID", "AUCTION_WON"), description="My shop")
    path = f"{MY_HOOKS}/{hook['id']}"
    listed = fixture.call(200, "GET", MY_HOOKS, None, who).data["items"]
    expect("the list", [each["id"] for each in listed], [hook["id"]])
    shown = fixture.get_hook(who, hook)
    expect("the webhook without its secret", shown, {name: value for name, value in hook.items() if name != "secret"})
    changed = fixture.call(200, "PATCH", path, {"events": ["AUCTION_LOST"], "url": "https://shop.example/2"}, who).data
    expect("events", (changed["events"], changed["url"], changed["description"]),
           (["AUCTION_LOST"], "https://shop.example/2", "My shop"))
    off = fixture.call(200, "PATCH", path, {"enabled": False}, who).data
    expect("switched off", (off["enabled"], off["disabledReason"]), (False, "OWNER"))
    fixture.refused("WEBHOOK_OFF", 409, "POST", f"{path}/test", None, who)
    on = fixture.call(200, "PATCH", path, {"enabled": True}, who).data
    expect("switched on", (on["enabled"], on["disabledReason"], on["disabledAt"]), (True, None, None))
    fixture.call(204, "DELETE", path, None, who)
    for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/test"), ("POST", "/secret"), ("GET", "/deliveries")):
        fixture.refused("NOT_FOUND", 404, method, path + tail, None, who)


def test_invalid_webhooks_are_refused(fixture):
    who = fixture.new_user("Uma")
    valid = {"url": "https://shop.example/", "events": ["OUTBID"]}
    for invalid in (
        {"url": "ftp://shop.example/"},
        {"url": "https://ann:secret@shop.example/"},
        {"url": "https://10.0.0.1/"},
        {"url": "https://127.0.0.2/"},
        {"url": "https://[::1]/"},
        {"url": "https://[::ffff:127.0.0.1]/"},
        {"url": "https://169.254.169.254/latest"},
        {"url": "https://2130706433/"},
        {"url": "https://shop.example:25/"},
        {"url": "https://shop.example/#top"},
        {"url": "https://shop.example/" + "x" * 1000},
        {"url": 7},
        {"url": None},
        {"events": []},
        {"events": None},
        {"events": "OUTBID"},
        {"events": [7]},
        {"events": ["OUTBID", "OUTBID"]},
        {"events": ["AUCTION_STARTED"]},  # only for webhooks of the deployment
        {"events": ["TEST"]},
        {"enabled": False},
        {"description": "x" * 201},
        {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="},
    ):
        fixture.refused("VALIDATION_FAILED", 400, "POST", MY_HOOKS, {**valid, **invalid}, who)
    for missing in valid:
        incomplete = {name: value for name, value in valid.items() if name != missing}
        fixture.refused("VALIDATION_FAILED", 400, "POST", MY_HOOKS, incomplete, who)
    for url, code, more in (("ftp://shop.example/", "INVALID_SCHEME", "allowed"),
                            ("https://shop.example:25/", "INVALID_PORT", "min"),
                            ("https://10.0.0.1/", "REFUSED_ADDRESS", "code")):
        refused = fixture.refused("VALIDATION_FAILED", 400, "POST", MY_HOOKS, {**valid, "url": url}, who)
        field = refused.data["fields"][0]
        expect(f"the code of {url} in {field}", (field["code"], more in field), (code, True))
    hook = fixture.add_hook(who, valid["url"])
    fixture.refused("VALIDATION_FAILED", 400, "PATCH", f"{MY_HOOKS}/{hook['id']}", {"url": "https://10.0.0.1/"}, who)
    fixture.refused("VALIDATION_FAILED", 400, "POST", ADMIN_HOOKS, {**valid, "events": ["AUCTION_WON"]}, fixture.admin)


def test_a_webhook_is_accessible_to_its_owner_only(fixture):
    hook = fixture.add_hook(fixture.ann, "https://shop.example/")
    global_hook = fixture.add_hook(fixture.admin, "https://shop.example/", ("AUCTION_SOLD",), ADMIN_HOOKS)
    for who, base, target in ((fixture.bob, MY_HOOKS, hook), (fixture.admin, MY_HOOKS, hook),
                              (fixture.admin, ADMIN_HOOKS, hook), (fixture.admin, MY_HOOKS, global_hook)):
        path = f"{base}/{target['id']}"
        for method, tail, body in (("GET", "", None), ("PATCH", "", {"enabled": True}), ("DELETE", "", None),
                                   ("POST", "/secret", None), ("POST", "/test", None), ("GET", "/deliveries", None)):
            fixture.refused("NOT_FOUND", 404, method, path + tail, body, who)
    name = fixture.send_test(fixture.ann, hook)
    other = fixture.add_hook(fixture.bob, "https://shop.example/")
    for base, target, who in ((MY_HOOKS, other, fixture.bob), (ADMIN_HOOKS, global_hook, fixture.admin)):
        fixture.refused("NOT_FOUND", 404, "POST", f"{base}/{target['id']}/deliveries/{name}/redeliver", None, who)
    for base, target, who in ((MY_HOOKS, hook, fixture.ann), (MY_HOOKS, other, fixture.bob),
                              (ADMIN_HOOKS, global_hook, fixture.admin)):
        fixture.call(204, "DELETE", f"{base}/{target['id']}", None, who)


def test_the_number_of_webhooks_per_user_is_limited(fixture):
    who, body = fixture.new_user("Uma"), {"url": "https://shop.example/", "events": ["OUTBID"]}

    def add(_number):
        return Client(fixture.url, fixture.document).send("POST", MY_HOOKS, body, who["token"]).status

    with concurrent.futures.ThreadPoolExecutor(WEBHOOKS_MAX * 2) as pool:
        answers = sorted(pool.map(add, range(WEBHOOKS_MAX * 2)))
    expect("answers", answers, [201] * WEBHOOKS_MAX + [409] * WEBHOOKS_MAX)
    fixture.refused("TOO_MANY_WEBHOOKS", 409, "POST", MY_HOOKS, body, who)
    hooks = fixture.call(200, "GET", MY_HOOKS, None, who).data["items"]
    fixture.call(204, "DELETE", f"{MY_HOOKS}/{hooks[3]['id']}", None, who)
    fixture.add_hook(who, body["url"])
    fixture.refused("TOO_MANY_WEBHOOKS", 409, "POST", MY_HOOKS, body, who)


# --- calls ---


def test_events_are_sent_to_enabled_webhooks_that_subscribed(fixture):
    who = fixture.new_user("Uma")
    chosen = fixture.add_hook(who, fixture.server.url("/chosen"), ("OUTBID", "AUCTION_LOST"))
    fixture.add_hook(who, fixture.server.url("/other"), ("AUCTION_WON",))
    off = fixture.add_hook(who, fixture.server.url("/off"))
    fixture.call(200, "PATCH", f"{MY_HOOKS}/{off['id']}", {"enabled": False}, who)
    auction = fixture.outbid(who)
    wait_for("the call", lambda: fixture.server.of("/chosen"))
    body = fixture.check_call(chosen, fixture.server.of("/chosen")[0])
    notice = fixture.call(200, "GET", f"{API}/users/me/notifications", None, who).data["items"][0]
    expect("the event", (body["type"], body["timestamp"]), ("OUTBID", notice["createdAt"]))
    expect("its data", body["data"], {"notificationId": notice["id"], "userId": who["id"], "auctionId": auction,
                                      "auctionTitle": "A chair", "amount": 20, "endTime": None,
                                      "flashSaleId": None, "productName": None, "orderId": None,
                                      "text": body["data"]["text"], "link": body["data"]["link"]})
    expect("its sentence", "A chair" in body["data"]["text"] and auction in body["data"]["link"], True)
    wait_for("the log", lambda: fixture.deliveries(who, chosen)[0]["status"] == "delivered")
    entry = fixture.deliveries(who, chosen)[0]
    expect("the log", [entry[name] for name in ("id", "event", "tries", "responseStatus", "error", "payload")],
           [fixture.server.of("/chosen")[0].id, "OUTBID", 1, 204, None, body])
    fixture.call(200, "PUT", f"{API}/admin/auctions/{auction}", {"action": "end", "reason": "a test"}, fixture.admin)
    wait_for("the loss", lambda: len(fixture.server.of("/chosen")) == 2)
    expect("calls of the other webhooks", (len(fixture.server.of("/other")), len(fixture.server.of("/off"))), (0, 0))
    expect("the second event", fixture.check_call(chosen, fixture.server.of("/chosen")[1])["type"], "AUCTION_LOST")


def test_in_app_and_webhook_settings_are_independent(fixture):
    who = fixture.new_user("Uma")
    fixture.call(200, "PATCH", f"{API}/users/me", {"notificationSettings": {"OUTBID": {"inApp": False}}}, who)
    fixture.add_hook(who, fixture.server.url("/muted"))
    fixture.outbid(who)
    wait_for("the call", lambda: fixture.server.of("/muted"))
    expect("notices", fixture.call(200, "GET", f"{API}/users/me/notifications", None, who).data["items"], [])
    settings = {"OUTBID": {"inApp": True, "webhook": False}}
    fixture.call(200, "PATCH", f"{API}/users/me", {"notificationSettings": settings}, who)
    fixture.outbid(who)
    wait_for("the notice", lambda: fixture.call(200, "GET", f"{API}/users/me/notifications", None, who).data["items"])
    expect("calls", len(fixture.server.of("/muted")), 1)


def test_a_webhook_of_the_deployment_gets_each_event_once(fixture):
    kinds = ["AUCTION_STARTED", "AUCTION_EXTENDED", "AUCTION_SOLD", "AUCTION_CANCELLED", "BID_VOIDED", "OUTBID",
             "PROXY_EXHAUSTED", "AUCTION_UNSOLD"]
    hook = fixture.add_hook(fixture.admin, fixture.server.url("/deployment"), kinds, ADMIN_HOOKS)
    snipe = {"antiSnipe": {"windowSeconds": 120, "extensionSeconds": 120}}
    auction, unsold, gone = fixture.auction(60, **snipe), fixture.auction(), fixture.auction()
    fixture.outbid(fixture.ann, auction)
    fixture.bid(auction, 30, fixture.ann)
    end = {"action": "end", "reason": "a test"}
    void = f"{API}/admin/auctions/{auction}/bids/{fixture.bid(auction, 40, fixture.bob)}/void"
    fixture.call(200, "POST", void, {"reason": "a test"}, fixture.admin)
    fixture.call(200, "PUT", f"{API}/admin/auctions/{unsold}", end, fixture.admin)
    fixture.call(204, "DELETE", f"{API}/auctions/{gone}", None, fixture.seller)
    fixture.call(200, "PUT", f"{API}/admin/auctions/{auction}", end, fixture.admin)
    expected = {(auction, "OUTBID"): 3, (auction, "BID_VOIDED"): 1, (auction, "AUCTION_SOLD"): 1,
                (unsold, "AUCTION_UNSOLD"): 1, (gone, "AUCTION_CANCELLED"): 1}

    def received():
        bodies = [json.loads(call.body) for call in fixture.server.of("/deployment")]
        names = [(body["data"]["auctionId"], body["type"]) for body in bodies]
        return {name: names.count(name) for name in set(names) if name[0] in (auction, unsold, gone)}

    def extensions():
        return received().get((auction, "AUCTION_EXTENDED"), 0)

    def complete():
        varying = ("AUCTION_EXTENDED", "AUCTION_STARTED")
        rest = {name: count for name, count in received().items() if name[1] not in varying}
        return rest == expected and 1 <= extensions() <= 2

    wait_for(f"every event once, got {received()}", complete)
    for call in fixture.server.of("/deployment"):
        fixture.check_call(hook, call)
    ids = [call.id for call in fixture.server.of("/deployment")]
    expect("ids", len(set(ids)), len(ids))
    sold = next(json.loads(call.body) for call in fixture.server.of("/deployment") if b"AUCTION_SOLD" in call.body)
    expect("the winner", (sold["data"]["userId"], sold["data"]["amount"]), (fixture.ann["id"], 30))
    expect("the sentence of a sale", sold["data"]["text"], "“A chair” was sold. The price is 30.00 USD.")
    for body in (json.loads(call.body)["data"] for call in fixture.server.of("/deployment")):
        expect(f"sentence and link of {body}", "A chair" in body["text"] and body["link"].endswith(body["auctionId"]),
               True)
    outbid = next(json.loads(call.body) for call in fixture.server.of("/deployment") if b'"OUTBID"' in call.body)
    expect("a sentence about the bidder", outbid["data"]["text"].startswith("A bidder was outbid on “A chair”."), True)
    fixture.call(204, "DELETE", f"{ADMIN_HOOKS}/{hook['id']}", None, fixture.admin)


def test_changes_of_the_deployments_webhooks_are_audited(fixture):
    hook = fixture.add_hook(fixture.admin, "https://shop.example/in?token=secret", ("AUCTION_SOLD",), ADMIN_HOOKS)
    path = f"{ADMIN_HOOKS}/{hook['id']}"
    fixture.call(200, "PATCH", path, {"enabled": False}, fixture.admin)
    secret = fixture.call(200, "POST", f"{path}/secret", None, fixture.admin).data["secret"]
    fixture.call(204, "DELETE", path, None, fixture.admin)
    log = fixture.call(200, "GET", f"{API}/admin/audit-logs?subject={hook['id']}", None, fixture.admin).data["items"]
    expect("the audit log", [entry["action"] for entry in log],
           ["WEBHOOK_REMOVED", "WEBHOOK_SECRET_CHANGED", "WEBHOOK_CHANGED", "WEBHOOK_ADDED"])
    text = json.dumps(log)
    for hidden in ("token=secret", hook["secret"], secret):
        expect("a secret in the audit log", hidden in text, False)


def test_the_old_secret_signs_for_one_more_day(fixture):
    who, path = fixture.new_user("Uma"), "/rotated"
    hook = fixture.add_hook(who, fixture.server.url(path))
    new = fixture.call(200, "POST", f"{MY_HOOKS}/{hook['id']}/secret", None, who).data["secret"]
    fixture.send_test(who, hook)
    wait_for("the call", lambda: fixture.server.of(path))
    call = fixture.server.of(path)[0]
    expect("signatures", call.headers["webhook-signature"].split(" "),
           [at.signature(new, call), at.signature(hook["secret"], call)])
    sql(f"UPDATE webhooks SET old_until = now() - interval '1 second' WHERE id = '{hook['id']}';")
    fixture.send_test(who, hook)
    wait_for("another call", lambda: len(fixture.server.of(path)) == 2)
    call = fixture.server.of(path)[1]
    expect("signatures a day later", call.headers["webhook-signature"], at.signature(new, call))


# --- endpoints that fail ---


def test_failed_calls_are_retried_with_the_same_id(fixture):
    path = "/recovers"
    recovers = at.in_turn(at.status(500), at.status(503), at.status(200))
    hook, entry = fixture.test_new_hook(fixture.new_user("Uma"), path, recovers, "delivered")
    calls = fixture.server.of(path)
    expect("tries", (entry["tries"], len(calls), len({call.id for call in calls})), (3, 3, 1))
    expect("bodies", len({call.body for call in calls}), 1)
    for call in calls:
        fixture.check_call(hook, call)
    for before, after, pause in zip(calls, calls[1:], BACK_OFF_S):
        if after.begun - before.begun < pause * 0.9:
            raise Fault(f"retried after {after.begun - before.begun:.1f} s instead of {pause}")


def test_redirects_are_not_followed(fixture):
    who = fixture.new_user("Uma")
    target = fixture.server.url("/target")
    for code in (301, 302, 303, 307, 308):
        path = f"/moved-{code}"
        redirects_once = at.in_turn(at.status(code, [("Location", target)]), at.status(204))
        hook = fixture.add_hook(who, fixture.server.url(path, redirects_once))
        name = fixture.send_test(who, hook)
        wait_for("the failure", lambda: fixture.delivery(who, hook, name)["status"] != "queued")
        wait_for("the second try", lambda: fixture.delivery(who, hook, name)["status"] == "delivered")
        fixture.call(204, "DELETE", f"{MY_HOOKS}/{hook['id']}", None, who)
    expect("calls of the redirects' target", fixture.server.of("/target"), [])


def test_size_and_time_of_answers_are_limited(fixture):
    who = fixture.new_user("Uma")
    cases = (("/endless", at.endless_body, "RESPONSE_TOO_LARGE"),
             ("/headers", at.endless_headers, "RESPONSE_TOO_LARGE"),
             ("/trickle", at.trickle, "TIMEOUT"), ("/hang", at.hang, "TIMEOUT"), ("/smtp", at.no_http, "NO_HTTP"))
    hooks = [(fixture.add_hook(who, fixture.server.url(path, behaviour)), path, error)
             for path, behaviour, error in cases]
    names = [fixture.send_test(who, hook) for hook, _path, _error in hooks]
    for (hook, path, error), name in zip(hooks, names):
        wait_for(f"{path}: failure", lambda: fixture.delivery(who, hook, name)["error"] is not None)
        expect(path, fixture.delivery(who, hook, name)["error"], error)
        fixture.call(204, "DELETE", f"{MY_HOOKS}/{hook['id']}", None, who)
    for path in ("/endless", "/headers"):
        wait_for(f"{path}: connection closed", lambda: fixture.server.of(path)[0].cut)


def server_on_ipv6_alone():
    """A server on ::1, and a socket that holds its port on 127.0.0.1 and refuses connections there."""
    while True:
        server = at.Endpoints("::1")
        held = socket.socket()
        try:
            held.bind(("127.0.0.1", server.port))
            return server, held
        except OSError as error:  # another program listens there
            held.close()
            server.close()
            if error.errno != errno.EADDRINUSE:
                raise


def test_the_resolved_address_of_a_webhook_is_checked(fixture):
    """localhost is 127.0.0.1, which the tests' settings allow, and ::1, which they do not."""
    try:
        server, held = server_on_ipv6_alone()
    except OSError:
        return  # no IPv6 on this machine; tests/integration/webhook_call_test.c covers other names
    who = fixture.new_user("Uma")
    hook = fixture.add_hook(who, server.url("/six", host="localhost"))
    name = fixture.send_test(who, hook)
    wait_for("the failure", lambda: fixture.delivery(who, hook, name)["error"] is not None)
    expect("the failure", fixture.delivery(who, hook, name)["error"], "NO_CONNECTION")
    expect("calls of ::1", server.calls, [])
    fixture.call(204, "DELETE", f"{MY_HOOKS}/{hook['id']}", None, who)
    server.close()
    held.close()


def test_certificates_are_checked(fixture):
    """With the CA of tests/support/smtp.py, whose certificate is valid for 127.0.0.1 and for no name."""
    who, server = fixture.new_user("Uma"), at.Endpoints(tls=CERTIFICATES)
    valid = fixture.add_hook(who, server.url("/tls"))
    for hook in (fixture.add_hook(who, server.url("/tls", host="localhost")),
                 fixture.add_hook(who, fixture.server.url("/plain").replace("http:", "https:"))):
        name = fixture.send_test(who, hook)
        wait_for("the failure", lambda: fixture.delivery(who, hook, name)["error"] is not None)
        expect("the failure", fixture.delivery(who, hook, name)["error"], "TLS_FAILED")
        fixture.call(204, "DELETE", f"{MY_HOOKS}/{hook['id']}", None, who)
    expect("calls without a valid certificate", server.calls, [])
    name = fixture.send_test(who, valid)
    wait_for("the call", lambda: fixture.delivery(who, valid, name)["status"] == "delivered")
    fixture.check_call(valid, server.of("/tls")[0])
    server.close()


class Listener:
    """A WebSocket of a user."""

    def __init__(self, fixture, who):
        self.loop = asyncio.new_event_loop()
        headers = {"Authorization": f"Bearer {who['token']}"}
        url = fixture.url.replace("http", "ws", 1) + "/ws"

        async def connect():
            return await websockets.connect(url, extra_headers=headers)

        self.socket = self.loop.run_until_complete(connect())

    def send(self, kind):
        """Sends a message of that type."""
        self.loop.run_until_complete(self.socket.send(json.dumps({"type": kind})))

    def receive(self, kind):
        """Waits for the next message of that type."""

        async def wait():
            while True:
                message = json.loads(await asyncio.wait_for(self.socket.recv(), WAIT_S))
                if message["type"] == kind:
                    return message

        return self.loop.run_until_complete(wait())

    def close(self):
        """Closes the connection and the event loop."""
        self.loop.run_until_complete(self.socket.close())
        self.loop.close()


def test_status_410_switches_the_webhook_off(fixture):
    who, path = fixture.new_user("Uma"), "/gone"
    sql(f"UPDATE users SET verified_at = now() WHERE id = '{who['id']}';")
    listener = Listener(fixture, who)
    listener.send("ping")
    listener.receive("pong")  # the gateway has registered the connection
    hook, entry = fixture.test_new_hook(who, path, at.status(410), "dropped")
    notified = listener.receive("notification")
    expect("the live message", (notified["notification"]["kind"], "auctionId" in notified), ("WEBHOOK_OFF", False))
    listener.close()
    expect("the delivery", (entry["tries"], entry["responseStatus"], len(fixture.server.of(path))), (1, 410, 1))
    wait_for("the webhook to be off", lambda: not fixture.get_hook(who, hook)["enabled"])
    expect("the reason", fixture.get_hook(who, hook)["disabledReason"], "GONE")
    redeliver = f"{MY_HOOKS}/{hook['id']}/deliveries/{entry['id']}/redeliver"
    fixture.refused("WEBHOOK_OFF", 409, "POST", redeliver, None, who)
    notices = fixture.call(200, "GET", f"{API}/users/me/notifications", None, who).data["items"]
    expect("notices", [(each["kind"], each["auctionId"]) for each in notices], [("WEBHOOK_OFF", None)])
    mails = f"SELECT payload ->> 'title' FROM deliveries WHERE kind = 'WEBHOOK_OFF' AND endpoint = '{who['email']}';"
    expect("mails", query_value(mails), fixture.server.url(path))
    fixture.call(200, "PATCH", f"{MY_HOOKS}/{hook['id']}", {"enabled": True, "url": fixture.server.url("/back")}, who)
    fixture.call(202, "POST", redeliver, None, who)
    wait_for("the redelivery", lambda: fixture.server.of("/back"))
    expect("its id", fixture.server.of("/back")[0].id, entry["id"])


def test_a_repeated_test_or_redelivery_with_a_key_is_sent_once(fixture):
    for who, base in ((fixture.new_user("Uma"), MY_HOOKS), (fixture.admin, ADMIN_HOOKS)):
        mark = f"/keyed/{who['id']}"
        hook, other = (fixture.add_hook(who, fixture.server.url(mark), ["AUCTION_CANCELLED"], base) for _ in range(2))

        def keyed(path, key, status=202):
            return fixture.client.call(status, "POST", path, None, who["token"], {"Idempotency-Key": key}).data

        def delivered():
            return [each["status"] for each in fixture.deliveries(who, hook, base)] == ["delivered"]

        first = keyed(f"{base}/{hook['id']}/test", "one")
        wait_for("the test", delivered)
        again = keyed(f"{base}/{hook['id']}/test", "one")
        expect("the repeated test", (again["id"], again["status"], again["tries"]), (first["id"], "delivered", 1))
        expect("another webhook's test", keyed(f"{base}/{other['id']}/test", "one", 422)["error"],
               "IDEMPOTENCY_KEY_REUSED")
        redeliver = f"{base}/{hook['id']}/deliveries/{first['id']}/redeliver"
        expect("the redelivery", keyed(redeliver, "two")["status"], "queued")
        wait_for("the redelivery", lambda: len(fixture.server.of(mark)) == 2 and delivered())
        again = keyed(redeliver, "two")
        expect("the repeated redelivery", (again["id"], again["status"]), (first["id"], "delivered"))
        keyed(f"{base}/{other['id']}/test", "three")  # called last: nothing before it is under way
        wait_for("the other test", lambda: len(fixture.server.of(mark)) == 3)
        expect("ids", [call.id == first["id"] for call in fixture.server.of(mark)], [True, True, False])
        for each in (hook, other):
            fixture.call(204, "DELETE", f"{base}/{each['id']}", None, who)


def test_a_failed_delivery_becomes_a_dead_letter_and_can_be_redelivered(fixture):
    """Two endpoints in parallel, because it takes half a minute: one starts to fail, one has failed for four days."""
    who = fixture.new_user("Uma")
    fresh = fixture.add_hook(who, fixture.server.url("/fresh", at.status(500)))
    stale = fixture.add_hook(who, fixture.server.url("/stale", at.status(500)))
    sql(f"UPDATE webhooks SET failing_since = now() - interval '4 days' WHERE id = '{stale['id']}';")
    names = {hook["id"]: fixture.send_test(who, hook) for hook in (fresh, stale)}
    pending = f"{MY_HOOKS}/{fresh['id']}/deliveries/{names[fresh['id']]}/redeliver"
    fixture.refused("DELIVERY_PENDING", 409, "POST", pending, None, who)
    for hook in (fresh, stale):
        name = names[hook["id"]]
        wait_for("the last attempt", lambda: fixture.delivery(who, hook, name)["status"] == "failed", GIVEN_UP_S)
        entry = fixture.delivery(who, hook, name)
        expect("the last attempt", (entry["tries"], entry["responseStatus"], entry["error"]), (TRIES, 500, "STATUS"))
    ids = [call.id for call in fixture.server.of("/fresh")]
    expect("calls", (len(ids), len(set(ids))), (TRIES, 1))
    shown = fixture.get_hook(who, fresh)
    expect("the webhook that starts to fail", (shown["enabled"], shown["failingSince"] is None), (True, False))
    wait_for("the failing webhook to be off", lambda: not fixture.get_hook(who, stale)["enabled"])
    expect("the reason", fixture.get_hook(who, stale)["disabledReason"], "FAILING")
    notices = fixture.call(200, "GET", f"{API}/users/me/notifications", None, who).data["items"]
    expect("notices", [each["kind"] for each in notices], ["WEBHOOK_OFF"])

    def dead_letters():
        page = fixture.call(200, "GET", f"{API}/admin/dead-letters?limit=100", None, fixture.admin).data["items"]
        ids = [dead_letter["id"] for dead_letter in page if dead_letter["routingKey"] == "dead.webhook"]
        each_path = (f"{API}/admin/dead-letters/{each}" for each in ids)
        complete = [fixture.call(200, "GET", path, None, fixture.admin).data for path in each_path]
        return {dead_letter["body"]["delivery"]: dead_letter["id"] for dead_letter in complete}

    wait_for("the dead letters", lambda: set(names.values()) <= dead_letters().keys())
    fixture.server.url("/stale", at.status(200))
    fixture.call(200, "PATCH", f"{MY_HOOKS}/{stale['id']}", {"enabled": True}, who)
    dead_letter = dead_letters()[names[stale["id"]]]
    fixture.call(200, "POST", f"{API}/admin/dead-letters/{dead_letter}/requeue", None, fixture.admin)
    wait_for("the dead letter", lambda: fixture.delivery(who, stale, names[stale["id"]])["status"] == "delivered")
    expect("its call", fixture.server.of("/stale")[-1].id, names[stale["id"]])
    fixture.server.url("/fresh", at.status(200))
    again = fixture.call(202, "POST", pending, None, who).data
    expect("the redelivery", (again["id"], again["status"], again["tries"]), (names[fresh["id"]], "queued", 0))
    wait_for("the redelivery", lambda: fixture.delivery(who, fresh, again["id"])["status"] == "delivered")
    expect("its id", fixture.server.of("/fresh")[-1].id, again["id"])
    wait_for("the recovery", lambda: fixture.get_hook(who, fresh)["failingSince"] is None)


def test_a_slow_endpoint_does_not_delay_others(fixture):
    """A hanging endpoint is called first. Endpoints of the same and of another owner get as many events in time."""
    who, other = fixture.new_user("Uma"), fixture.new_user("Ulf")
    slow = fixture.add_hook(who, fixture.server.url("/slow", at.hang))
    paths = ("/fast", "/fast-too")
    fast = [fixture.add_hook(who, fixture.server.url(paths[0])), fixture.add_hook(other, fixture.server.url(paths[1]))]
    for _ in range(EVENTS):
        fixture.send_test(who, slow)
    wait_for("the slow endpoint to be called", lambda: fixture.server.of("/slow"))
    for _ in range(EVENTS):
        fixture.send_test(who, fast[0])
        fixture.send_test(other, fast[1])
    wait_for("all calls of the fast endpoints", lambda: all(len(fixture.server.of(path)) == EVENTS for path in paths))
    delivered = [each for each in fixture.deliveries(who, slow) if each["status"] == "delivered"]
    expect("slow deliveries that succeeded", delivered, [])
    for owner, hook in ((who, fast[0]), (other, fast[1])):
        wait_for("the log", lambda: {each["status"] for each in fixture.deliveries(owner, hook)} == {"delivered"})
        expect("tries", {each["tries"] for each in fixture.deliveries(owner, hook)}, {1})
    fixture.call(204, "DELETE", f"{MY_HOOKS}/{slow['id']}", None, who)


def test_the_number_of_pending_deliveries_is_limited(fixture):
    """The pending deliveries are rows inserted by SQL. Without messages in the queue, nothing sends them."""
    who = fixture.new_user("Uma")
    hook = fixture.add_hook(who, fixture.server.url("/full"))
    sql(f"""INSERT INTO deliveries (id, channel, kind, endpoint, state) SELECT delivery_id(), 'webhook', 'TEST',
        '{hook['id']}', 'retrying' FROM generate_series(1, 10000);""")
    fixture.outbid(who)
    wait_for("the notice", lambda: fixture.call(200, "GET", f"{API}/users/me/notifications", None, who).data["items"])
    expect("calls", fixture.server.of("/full"), [])
    sql(f"UPDATE deliveries SET state = 'failed' WHERE endpoint = '{hook['id']}';")
    fixture.outbid(who)
    wait_for("the call", lambda: fixture.server.of("/full"))
    fixture.call(204, "DELETE", f"{MY_HOOKS}/{hook['id']}", None, who)
    sql(f"DELETE FROM deliveries WHERE endpoint = '{hook['id']}';")


def test_the_delivery_log_has_pages(fixture):
    who = fixture.new_user("Uma")
    hook = fixture.add_hook(who, fixture.server.url("/pages"))
    path = f"{MY_HOOKS}/{hook['id']}/deliveries"
    expect("an empty log", fixture.call(200, "GET", path, None, who).data, {"items": [], "nextCursor": None})
    names = [fixture.send_test(who, hook) for _ in range(5)]
    first = fixture.call(200, "GET", f"{path}?limit=3", None, who).data
    rest = fixture.call(200, "GET", f"{path}?limit=3&cursor={first['nextCursor']}", None, who).data
    expect("the log", [each["id"] for each in first["items"] + rest["items"]], names[::-1])
    expect("its end", rest["nextCursor"], None)


# --- the reference library ---

VERIFY_SCRIPT = """
const { Webhook } = require("standardwebhooks");
let wrong = 0, text = "";
process.stdin.on("data", (part) => { text += part; });
process.stdin.on("end", () => {
  const calls = JSON.parse(text);
  for (const { secret, headers, body } of calls) {
    new Webhook(secret).verify(body, headers);
    try { new Webhook(secret).verify(body + " ", headers); wrong++; } catch (error) { /* expected */ }
  }
  console.log(`${calls.length} ${wrong}`);
});
"""


def test_the_reference_library_verifies_the_calls(fixture):
    if not os.path.isdir(VERIFIER):
        raise Fault(f"the reference library is not in {VERIFIER}: run make deps-webhooks")
    who = fixture.new_user("Uma")
    hook = fixture.add_hook(who, fixture.server.url("/judged"), ("OUTBID",))
    fixture.outbid(who)
    fixture.send_test(who, hook)
    wait_for("two calls", lambda: len(fixture.server.of("/judged")) == 2)
    secret = fixture.call(200, "POST", f"{MY_HOOKS}/{hook['id']}/secret", None, who).data["secret"]
    fixture.send_test(who, hook)
    wait_for("a third", lambda: len(fixture.server.of("/judged")) == 3)
    judged = fixture.server.of("/judged")
    pairs = [(hook["secret"], call) for call in judged] + [(secret, judged[2])]
    calls = [{"secret": key, "headers": call.headers, "body": call.body.decode()} for key, call in pairs]
    environment = {**os.environ, "NODE_PATH": os.path.abspath(VERIFIER)}
    done = subprocess.run(["node", "-e", VERIFY_SCRIPT], input=json.dumps(calls), text=True, capture_output=True,
                          check=False, env=environment)
    expect("the library's result", (done.stdout.strip(), done.stderr[-500:]), ("4 0", ""))


def main():
    """Runs the tests in the order of the file."""
    fixture = Fixture()
    failed = 0
    tests = [(name, value) for name, value in globals().items()
             if name.startswith("test_") and os.environ.get("ROSTRUM_TEST", name) == name]
    for name, test in tests:
        try:
            test(fixture)
        except Exception:  # run the other tests after any failure
            failed += 1
            fixture.client.close()
            print(f"FAILED {name}: {traceback.format_exc(limit=-3)}")
    fixture.server.close()
    print(f"webhooks_test: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
