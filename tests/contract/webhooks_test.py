#!/usr/bin/python3
"""Webhooks, over HTTP at both ends: registered at the deployment, called by it on a server of this test.

Every answer of the deployment is held against the OpenAPI document (tests/support/contract.py), every call's body against the
document's schema of calls, and its signature against Python's own hmac; once more against the reference library of
Standard Webhooks where `make check` has fetched it. Started by tests/run, which names the deployment in the environment.

Runs alone: it hears of everybody's events.
"""
import asyncio
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
import urllib.parse
import uuid

import websockets

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from contract import Client, Document, Fault  # noqa: E402 (its folder had to be named first)
import endpoints as at  # noqa: E402

API = "/api/v1"
MINE = f"{API}/users/me/webhooks"
HOUSE = f"{API}/admin/webhooks"
PASSWORD = "correct horse battery"
NOBODY = "01890000-0000-7000-8000-000000000000"
WAIT_S = 60  # for anything that the deployment does by itself
GIVEN_UP_S = 90  # six tries, 31 seconds between the first and the last
LOOK_S = 0.05
MOST = 10  # webhooks_max
TRIES = 6  # the first, and five more
BACK_OFF_S = (1, 2, 4, 8, 16)
EVENTS = 20  # in the test of slow endpoints
CERTIFICATES = os.environ.get("ROSTRUM_TEST_SMTP")  # folder, where tests/run opened the deployment
VERIFIER = os.path.join(os.environ.get("BUILD", "build"), "standardwebhooks", "node_modules")


class Fixture:
    """The deployment, the document, a server to be called, and people with fresh names."""

    def __init__(self):
        self.url = os.environ["ROSTRUM_HTTP_URL"]
        self.client = Client(self.url)
        self.document = Document(self.client.send("GET", f"{API}/openapi.json").data)
        self.client.document = self.document
        self.server = at.Endpoints()
        self.seller, self.ann, self.bob = self.person("Sam"), self.person("Ann"), self.person("Bob")
        self.admin = self.person("Ada")
        sql(f"UPDATE users SET role = 'admin' WHERE id = '{self.admin['id']}';")
        self.log_in(self.admin)

    def person(self, name):
        """Registered and logged in."""
        person = {"email": f"{uuid.uuid4()}@example.org", "password": PASSWORD}
        reply = self.call(201, "POST", f"{API}/auth/register", {**person, "displayName": name})
        person["id"] = reply.data["user"]["id"]
        self.log_in(person)
        return person

    def log_in(self, person):
        """Takes a token."""
        reply = self.call(200, "POST", f"{API}/auth/login", {"email": person["email"], "password": person["password"]})
        person["token"] = reply.data["accessToken"]

    def call(self, status, method, path, body=None, who=None):
        """As Client.call, with a person."""
        return self.client.call(status, method, path, body, who and who["token"])

    def refused(self, code, status, method, path, body=None, who=None):
        """As Client.refused, with a person."""
        return self.client.refused(code, status, method, path, body, who and who["token"])

    def auction(self, seconds=3600, **more):
        """The id of a new auction of the seller's."""
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        body = {"title": "A chair", "startingPrice": 10.00, "endTime": end, **more}
        return self.call(201, "POST", f"{API}/auctions", body, self.seller).data["id"]

    def bid(self, auction, amount, who):
        """A bid that has been decided."""
        reply = self.client.call(200, "POST", f"{API}/auctions/{auction}/bids", {"amount": amount}, who["token"],
                                 {"Prefer": "wait=10"})
        return reply.data["bidId"]

    def outbid(self, who, auction=None):
        """Has somebody lose the lead once."""
        auction = auction or self.auction()
        self.bid(auction, 10, who)
        self.bid(auction, 20, self.bob)
        return auction

    def hook(self, who, url, events=("OUTBID",), base=MINE, **more):
        """A new webhook, with its secret."""
        return self.call(201, "POST", base, {"url": url, "events": list(events), **more}, who).data

    def log(self, who, hook, base=MINE):
        """Its deliveries, newest first."""
        return self.call(200, "GET", f"{base}/{hook['id']}/deliveries?limit=100", None, who).data["items"]

    def delivery(self, who, hook, name, base=MINE):
        """One of its deliveries."""
        return next(each for each in self.log(who, hook, base) if each["id"] == name)

    def look(self, who, hook, base=MINE):
        """The webhook as it is now."""
        return self.call(200, "GET", f"{base}/{hook['id']}", None, who).data

    def test(self, who, hook, base=MINE):
        """Asks for a test call; the id of its delivery."""
        return self.call(202, "POST", f"{base}/{hook['id']}/test", None, who).data["id"]

    def tested(self, who, path, manner, state, seconds=WAIT_S):
        """A webhook with this manner, and what came of a test: the webhook, the delivery."""
        hook = self.hook(who, self.server.url(path, manner))
        name = self.test(who, hook)
        wait_for(f"{path} to be {state}", lambda: self.delivery(who, hook, name)["status"] == state, seconds)
        return hook, self.delivery(who, hook, name)

    def right(self, hook, call):
        """Fault unless the call is signed with the webhook's secret and is what the document says."""
        if not at.verify(hook["secret"], call):
            raise Fault(f"a signature is wrong: {call.headers}")
        body = json.loads(call.body)
        self.document.validate({"$ref": "#/components/schemas/WebhookPayload"}, body, f"a call of {call.path}")
        if call.headers["content-type"] != "application/json" or "cookie" in call.headers or "authorization" in call.headers:
            raise Fault(f"a call has other headers than it should: {call.headers}")
        return body


def wait_for(what, condition, seconds=WAIT_S):
    """Until it holds; Fault if it never does."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise Fault(f"waited {seconds} s in vain for {what}")
        time.sleep(LOOK_S)


def sql(text, *options):
    """Runs statements in the deployment's database, and gives what psql printed. The password is in the environment, not on a command line."""
    url = urllib.parse.urlsplit(os.environ["ROSTRUM_PG_URL"])
    names = {"PGHOST": url.hostname, "PGPORT": str(url.port), "PGUSER": url.username, "PGPASSWORD": url.password}
    names["PGDATABASE"] = url.path.lstrip("/")
    names = {name: value for name, value in names.items() if value not in (None, "", "None")}
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *options, "-f", "-"]
    done = subprocess.run(command, input=text, text=True, env={**os.environ, **names}, check=True, stdout=subprocess.PIPE)
    return done.stdout


def answer(text):
    """The one value that a statement asks for, as text."""
    return sql(text, "-t", "-A").strip()


def same(what, got, expected):
    """Fault unless they are equal."""
    if got != expected:
        raise Fault(f"{what}: expected {expected}, got {got}")


# --- the resource ---


def test_a_webhook_lives_and_ends(fixture):
    who, url = fixture.person("Uma"), "https://shop.example/hooks?shop=1"
    hook = fixture.hook(who, url, ("OUTBID", "AUCTION_WON"), description="My shop")
    path = f"{MINE}/{hook['id']}"
    same("the list", [each["id"] for each in fixture.call(200, "GET", MINE, None, who).data["items"]], [hook["id"]])
    shown = fixture.look(who, hook)
    same("what is shown later", shown, {name: value for name, value in hook.items() if name != "secret"})
    changed = fixture.call(200, "PATCH", path, {"events": ["AUCTION_LOST"], "url": "https://shop.example/2"}, who).data
    same("events", (changed["events"], changed["url"], changed["description"]),
         (["AUCTION_LOST"], "https://shop.example/2", "My shop"))
    off = fixture.call(200, "PATCH", path, {"enabled": False}, who).data
    same("switched off", (off["enabled"], off["disabledReason"]), (False, "OWNER"))
    fixture.refused("WEBHOOK_OFF", 409, "POST", f"{path}/test", None, who)
    on = fixture.call(200, "PATCH", path, {"enabled": True}, who).data
    same("switched on", (on["enabled"], on["disabledReason"], on["disabledAt"]), (True, None, None))
    fixture.call(204, "DELETE", path, None, who)
    for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/test"), ("POST", "/secret"), ("GET", "/deliveries")):
        fixture.refused("NOT_FOUND", 404, method, path + tail, None, who)


def test_what_is_no_webhook_is_refused(fixture):
    who = fixture.person("Uma")
    good = {"url": "https://shop.example/", "events": ["OUTBID"]}
    for wrong in (
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
        {"events": ["AUCTION_STARTED"]},  # of the deployment alone
        {"events": ["TEST"]},
        {"enabled": False},
        {"description": "x" * 201},
        {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="},
    ):
        fixture.refused("VALIDATION_FAILED", 400, "POST", MINE, {**good, **wrong}, who)
    for missing in good:
        fixture.refused("VALIDATION_FAILED", 400, "POST", MINE, {k: v for k, v in good.items() if k != missing}, who)
    hook = fixture.hook(who, good["url"])
    fixture.refused("VALIDATION_FAILED", 400, "PATCH", f"{MINE}/{hook['id']}", {"url": "https://10.0.0.1/"}, who)
    fixture.refused("VALIDATION_FAILED", 400, "POST", HOUSE, {**good, "events": ["AUCTION_WON"]}, fixture.admin)


def test_a_webhook_is_its_owners_alone(fixture):
    hook = fixture.hook(fixture.ann, "https://shop.example/")
    deployment = fixture.hook(fixture.admin, "https://shop.example/", ("AUCTION_SOLD",), HOUSE)
    for who, base, one in ((fixture.bob, MINE, hook), (fixture.admin, MINE, hook), (fixture.admin, HOUSE, hook),
                           (fixture.admin, MINE, deployment)):
        path = f"{base}/{one['id']}"
        for method, tail, body in (("GET", "", None), ("PATCH", "", {"enabled": True}), ("DELETE", "", None),
                                   ("POST", "/secret", None), ("POST", "/test", None), ("GET", "/deliveries", None)):
            fixture.refused("NOT_FOUND", 404, method, path + tail, body, who)
    name = fixture.test(fixture.ann, hook)
    other = fixture.hook(fixture.bob, "https://shop.example/")
    for base, one, who in ((MINE, other, fixture.bob), (HOUSE, deployment, fixture.admin)):
        fixture.refused("NOT_FOUND", 404, "POST", f"{base}/{one['id']}/deliveries/{name}/redeliver", None, who)
    for base, one, who in ((MINE, hook, fixture.ann), (MINE, other, fixture.bob), (HOUSE, deployment, fixture.admin)):
        fixture.call(204, "DELETE", f"{base}/{one['id']}", None, who)


def test_there_are_so_many_and_no_more(fixture):
    who, body = fixture.person("Uma"), {"url": "https://shop.example/", "events": ["OUTBID"]}

    def add(_number):
        return Client(fixture.url, fixture.document).send("POST", MINE, body, who["token"]).status

    with concurrent.futures.ThreadPoolExecutor(MOST * 2) as pool:
        answers = sorted(pool.map(add, range(MOST * 2)))
    same("answers", answers, [201] * MOST + [409] * MOST)
    fixture.refused("TOO_MANY_WEBHOOKS", 409, "POST", MINE, body, who)
    hooks = fixture.call(200, "GET", MINE, None, who).data["items"]
    fixture.call(204, "DELETE", f"{MINE}/{hooks[3]['id']}", None, who)
    fixture.hook(who, body["url"])
    fixture.refused("TOO_MANY_WEBHOOKS", 409, "POST", MINE, body, who)


# --- being called ---


def test_an_event_is_notified_to_those_who_chose_it(fixture):
    who = fixture.person("Uma")
    chosen = fixture.hook(who, fixture.server.url("/chosen"), ("OUTBID", "AUCTION_LOST"))
    fixture.hook(who, fixture.server.url("/other"), ("AUCTION_WON",))
    off = fixture.hook(who, fixture.server.url("/off"))
    fixture.call(200, "PATCH", f"{MINE}/{off['id']}", {"enabled": False}, who)
    auction = fixture.outbid(who)
    wait_for("the call", lambda: fixture.server.of("/chosen"))
    body = fixture.right(chosen, fixture.server.of("/chosen")[0])
    notice = fixture.call(200, "GET", f"{API}/users/me/notifications", None, who).data["items"][0]
    same("the event", (body["type"], body["timestamp"]), ("OUTBID", notice["createdAt"]))
    same("its data", body["data"], {"notificationId": notice["id"], "userId": who["id"], "auctionId": auction,
                                    "auctionTitle": "A chair", "amount": 20, "endTime": None})
    wait_for("the log", lambda: fixture.log(who, chosen)[0]["status"] == "delivered")
    entry = fixture.log(who, chosen)[0]
    same("the log", (entry["id"], entry["event"], entry["tries"], entry["responseStatus"], entry["error"], entry["payload"]),
         (fixture.server.of("/chosen")[0].id, "OUTBID", 1, 204, None, body))
    fixture.call(200, "PUT", f"{API}/admin/auctions/{auction}", {"action": "end", "reason": "a test"}, fixture.admin)
    wait_for("the loss", lambda: len(fixture.server.of("/chosen")) == 2)
    same("who is told", (len(fixture.server.of("/other")), len(fixture.server.of("/off"))), (0, 0))
    same("the second event", fixture.right(chosen, fixture.server.of("/chosen")[1])["type"], "AUCTION_LOST")


def test_a_user_who_muted_the_app_still_gets_webhook_calls(fixture):
    who = fixture.person("Uma")
    fixture.call(200, "PATCH", f"{API}/users/me", {"notificationSettings": {"OUTBID": {"inApp": False}}}, who)
    fixture.hook(who, fixture.server.url("/muted"))
    fixture.outbid(who)
    wait_for("the call", lambda: fixture.server.of("/muted"))
    same("notices", fixture.call(200, "GET", f"{API}/users/me/notifications", None, who).data["items"], [])
    fixture.call(200, "PATCH", f"{API}/users/me", {"notificationSettings": {"OUTBID": {"inApp": True, "webhook": False}}}, who)
    fixture.outbid(who)
    wait_for("the notice", lambda: fixture.call(200, "GET", f"{API}/users/me/notifications", None, who).data["items"])
    same("calls", len(fixture.server.of("/muted")), 1)


def test_the_deployment_is_notified_of_everybodys_events_once(fixture):
    kinds = ["AUCTION_STARTED", "AUCTION_EXTENDED", "AUCTION_SOLD", "AUCTION_CANCELLED", "BID_VOIDED", "OUTBID",
             "PROXY_EXHAUSTED", "AUCTION_UNSOLD"]
    hook = fixture.hook(fixture.admin, fixture.server.url("/deployment"), kinds, HOUSE)
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

    def told():
        bodies = [json.loads(call.body) for call in fixture.server.of("/deployment")]
        names = [(body["data"]["auctionId"], body["type"]) for body in bodies]
        return {name: names.count(name) for name in set(names) if name[0] in (auction, unsold, gone)}

    def minutes():
        return told().get((auction, "AUCTION_EXTENDED"), 0)

    def whole():
        rest = {name: count for name, count in told().items() if name[1] not in ("AUCTION_EXTENDED", "AUCTION_STARTED")}
        return rest == expected and 1 <= minutes() <= 2

    wait_for(f"every event once, not {told()}", whole)
    for call in fixture.server.of("/deployment"):
        fixture.right(hook, call)
    ids = [call.id for call in fixture.server.of("/deployment")]
    same("ids", len(set(ids)), len(ids))
    sold = next(json.loads(call.body) for call in fixture.server.of("/deployment") if b"AUCTION_SOLD" in call.body)
    same("the winner", (sold["data"]["userId"], sold["data"]["amount"]), (fixture.ann["id"], 30))
    fixture.call(204, "DELETE", f"{HOUSE}/{hook['id']}", None, fixture.admin)


def test_the_deployments_webhooks_are_in_the_audit_log(fixture):
    hook = fixture.hook(fixture.admin, "https://shop.example/in?token=secret", ("AUCTION_SOLD",), HOUSE)
    path = f"{HOUSE}/{hook['id']}"
    fixture.call(200, "PATCH", path, {"enabled": False}, fixture.admin)
    secret = fixture.call(200, "POST", f"{path}/secret", None, fixture.admin).data["secret"]
    fixture.call(204, "DELETE", path, None, fixture.admin)
    log = fixture.call(200, "GET", f"{API}/admin/audit-logs?subject={hook['id']}", None, fixture.admin).data["items"]
    same("the audit log", [entry["action"] for entry in log],
         ["WEBHOOK_REMOVED", "WEBHOOK_SECRET_CHANGED", "WEBHOOK_CHANGED", "WEBHOOK_ADDED"])
    text = json.dumps(log)
    for hidden in ("token=secret", hook["secret"], secret):
        same("a secret in the audit log", hidden in text, False)


def test_for_a_day_both_secrets_sign(fixture):
    who, path = fixture.person("Uma"), "/rotated"
    hook = fixture.hook(who, fixture.server.url(path))
    new = fixture.call(200, "POST", f"{MINE}/{hook['id']}/secret", None, who).data["secret"]
    fixture.test(who, hook)
    wait_for("the call", lambda: fixture.server.of(path))
    call = fixture.server.of(path)[0]
    same("signatures", call.headers["webhook-signature"].split(" "),
         [at.signature(new, call), at.signature(hook["secret"], call)])
    sql(f"UPDATE webhooks SET old_until = now() - interval '1 second' WHERE id = '{hook['id']}';")
    fixture.test(who, hook)
    wait_for("another call", lambda: len(fixture.server.of(path)) == 2)
    call = fixture.server.of(path)[1]
    same("signatures a day later", call.headers["webhook-signature"], at.signature(new, call))


# --- endpoints that fail ---


def test_what_failed_is_tried_again_with_the_same_id(fixture):
    path = "/recovers"
    hook, entry = fixture.tested(fixture.person("Uma"), path, at.in_turn(at.status(500), at.status(503), at.status(200)),
                               "delivered")
    calls = fixture.server.of(path)
    same("tries", (entry["tries"], len(calls), len({call.id for call in calls})), (3, 3, 1))
    same("bodies", len({call.body for call in calls}), 1)
    for call in calls:
        fixture.right(hook, call)
    for before, after, pause in zip(calls, calls[1:], BACK_OFF_S):
        if after.begun - before.begun < pause * 0.9:
            raise Fault(f"tried again after {after.begun - before.begun:.1f} s instead of {pause}")


def test_redirects_are_not_followed(fixture):
    who = fixture.person("Uma")
    target = fixture.server.url("/target")
    for code in (301, 302, 303, 307, 308):
        path = f"/moved-{code}"
        hook = fixture.hook(who, fixture.server.url(path, at.in_turn(at.status(code, [("Location", target)]), at.status(204))))
        name = fixture.test(who, hook)
        wait_for("the failure", lambda: fixture.delivery(who, hook, name)["status"] != "queued")
        wait_for("the second try", lambda: fixture.delivery(who, hook, name)["status"] == "delivered")
        fixture.call(204, "DELETE", f"{MINE}/{hook['id']}", None, who)
    same("calls of where the redirects lead", fixture.server.of("/target"), [])


def test_answers_have_a_size_and_a_time(fixture):
    who = fixture.person("Uma")
    cases = (("/endless", at.endless_body, "RESPONSE_TOO_LARGE"), ("/headers", at.endless_headers, "RESPONSE_TOO_LARGE"),
             ("/trickle", at.trickle, "TIMEOUT"), ("/hang", at.hang, "TIMEOUT"), ("/smtp", at.no_http, "NO_HTTP"))
    hooks = [(fixture.hook(who, fixture.server.url(path, manner)), path, error) for path, manner, error in cases]
    names = [fixture.test(who, hook) for hook, _path, _error in hooks]
    for (hook, path, error), name in zip(hooks, names):
        wait_for(f"{path} to fail", lambda: fixture.delivery(who, hook, name)["error"] is not None)
        same(path, fixture.delivery(who, hook, name)["error"], error)
        fixture.call(204, "DELETE", f"{MINE}/{hook['id']}", None, who)
    for path in ("/endless", "/headers"):
        wait_for(f"{path} to be hung up on", lambda: fixture.server.of(path)[0].cut)


def test_addresses_are_judged_after_the_name_was_resolved(fixture):
    """localhost is 127.0.0.1, which the tests' settings allow, and ::1, which they do not."""
    try:
        server = at.Endpoints("::1")
    except OSError:
        return  # there is no IPv6 here; tests/integration/webhook_call_test.c has other names
    who = fixture.person("Uma")
    hook = fixture.hook(who, server.url("/six", host="localhost"))
    name = fixture.test(who, hook)
    wait_for("the failure", lambda: fixture.delivery(who, hook, name)["error"] is not None)
    same("the failure", fixture.delivery(who, hook, name)["error"], "NO_CONNECTION")
    same("calls of ::1", server.calls, [])
    fixture.call(204, "DELETE", f"{MINE}/{hook['id']}", None, who)
    server.close()


def test_certificates_are_checked(fixture):
    """By the authority of tests/support/smtp.py, whose certificate is for 127.0.0.1 and no name."""
    who, server = fixture.person("Uma"), at.Endpoints(tls=CERTIFICATES)
    good = fixture.hook(who, server.url("/tls"))
    for hook in (fixture.hook(who, server.url("/tls", host="localhost")),
                 fixture.hook(who, fixture.server.url("/plain").replace("http:", "https:"))):
        name = fixture.test(who, hook)
        wait_for("the failure", lambda: fixture.delivery(who, hook, name)["error"] is not None)
        same("the failure", fixture.delivery(who, hook, name)["error"], "TLS_FAILED")
        fixture.call(204, "DELETE", f"{MINE}/{hook['id']}", None, who)
    same("calls without trust", server.calls, [])
    name = fixture.test(who, good)
    wait_for("the call", lambda: fixture.delivery(who, good, name)["status"] == "delivered")
    fixture.right(good, server.of("/tls")[0])
    server.close()


class Listener:
    """What is said to a person over a WebSocket, from now on."""

    def __init__(self, fixture, who):
        self.loop = asyncio.new_event_loop()
        headers = {"Authorization": f"Bearer {who['token']}"}
        url = fixture.url.replace("http", "ws", 1) + "/ws"

        async def connect():
            return await websockets.connect(url, extra_headers=headers)

        self.socket = self.loop.run_until_complete(connect())

    def say(self, kind):
        """A message of that type."""
        self.loop.run_until_complete(self.socket.send(json.dumps({"type": kind})))

    def hear(self, kind):
        """The next message of that type."""

        async def wait():
            while True:
                message = json.loads(await asyncio.wait_for(self.socket.recv(), WAIT_S))
                if message["type"] == kind:
                    return message

        return self.loop.run_until_complete(wait())

    def close(self):
        """Ends it."""
        self.loop.run_until_complete(self.socket.close())
        self.loop.close()


def test_an_endpoint_that_wants_no_more_is_switched_off(fixture):
    who, path = fixture.person("Uma"), "/gone"
    sql(f"UPDATE users SET verified_at = now() WHERE id = '{who['id']}';")
    listener = Listener(fixture, who)
    listener.say("ping")
    listener.hear("pong")  # it is known there
    hook, entry = fixture.tested(who, path, at.status(410), "dropped")
    notified = listener.hear("notification")
    same("what is told", (notified["notification"]["kind"], "auctionId" in notified), ("WEBHOOK_OFF", False))
    listener.close()
    same("the delivery", (entry["tries"], entry["responseStatus"], len(fixture.server.of(path))), (1, 410, 1))
    wait_for("the end", lambda: not fixture.look(who, hook)["enabled"])
    same("the reason", fixture.look(who, hook)["disabledReason"], "GONE")
    fixture.refused("WEBHOOK_OFF", 409, "POST", f"{MINE}/{hook['id']}/deliveries/{entry['id']}/redeliver", None, who)
    notices = fixture.call(200, "GET", f"{API}/users/me/notifications", None, who).data["items"]
    same("notices", [(each["kind"], each["auctionId"]) for each in notices], [("WEBHOOK_OFF", None)])
    mails = f"SELECT payload ->> 'title' FROM deliveries WHERE kind = 'WEBHOOK_OFF' AND endpoint = '{who['email']}';"
    same("mails", answer(mails), fixture.server.url(path))
    fixture.call(200, "PATCH", f"{MINE}/{hook['id']}", {"enabled": True, "url": fixture.server.url("/back")}, who)
    fixture.call(202, "POST", f"{MINE}/{hook['id']}/deliveries/{entry['id']}/redeliver", None, who)
    wait_for("the redelivery", lambda: fixture.server.of("/back"))
    same("its id", fixture.server.of("/back")[0].id, entry["id"])


def test_what_is_given_up_is_a_dead_letter_and_may_be_sent_again(fixture):
    """Two endpoints at once, because it takes half a minute: one that begins to fail, one that has failed for long."""
    who = fixture.person("Uma")
    fresh = fixture.hook(who, fixture.server.url("/fresh", at.status(500)))
    stale = fixture.hook(who, fixture.server.url("/stale", at.status(500)))
    sql(f"UPDATE webhooks SET failing_since = now() - interval '4 days' WHERE id = '{stale['id']}';")
    names = {hook["id"]: fixture.test(who, hook) for hook in (fresh, stale)}
    pending = f"{MINE}/{fresh['id']}/deliveries/{names[fresh['id']]}/redeliver"
    fixture.refused("DELIVERY_PENDING", 409, "POST", pending, None, who)
    for hook in (fresh, stale):
        wait_for("giving up", lambda: fixture.delivery(who, hook, names[hook["id"]])["status"] == "failed", GIVEN_UP_S)
        entry = fixture.delivery(who, hook, names[hook["id"]])
        same("the last try", (entry["tries"], entry["responseStatus"], entry["error"]), (TRIES, 500, "STATUS"))
    same("calls", (len(fixture.server.of("/fresh")), len({call.id for call in fixture.server.of("/fresh")})), (TRIES, 1))
    shown = fixture.look(who, fresh)
    same("who begins to fail", (shown["enabled"], shown["failingSince"] is None), (True, False))
    wait_for("the end of who failed for long", lambda: not fixture.look(who, stale)["enabled"])
    same("the reason", fixture.look(who, stale)["disabledReason"], "FAILING")
    kinds = [each["kind"] for each in fixture.call(200, "GET", f"{API}/users/me/notifications", None, who).data["items"]]
    same("notices", kinds, ["WEBHOOK_OFF"])

    def letters():
        page = fixture.call(200, "GET", f"{API}/admin/dead-letters?limit=100", None, fixture.admin).data["items"]
        ids = [letter["id"] for letter in page if letter["routingKey"] == "dead.webhook"]
        whole = [fixture.call(200, "GET", f"{API}/admin/dead-letters/{each}", None, fixture.admin).data for each in ids]
        return {letter["body"]["delivery"]: letter["id"] for letter in whole}

    wait_for("the dead letters", lambda: set(names.values()) <= letters().keys())
    fixture.server.url("/stale", at.status(200))
    fixture.call(200, "PATCH", f"{MINE}/{stale['id']}", {"enabled": True}, who)
    letter = letters()[names[stale["id"]]]
    fixture.call(200, "POST", f"{API}/admin/dead-letters/{letter}/requeue", None, fixture.admin)
    wait_for("the dead letter", lambda: fixture.delivery(who, stale, names[stale["id"]])["status"] == "delivered")
    same("its call", fixture.server.of("/stale")[-1].id, names[stale["id"]])
    fixture.server.url("/fresh", at.status(200))
    again = fixture.call(202, "POST", pending, None, who).data
    same("what is sent again", (again["id"], again["status"], again["tries"]), (names[fresh["id"]], "queued", 0))
    wait_for("the redelivery", lambda: fixture.delivery(who, fresh, again["id"])["status"] == "delivered")
    same("its id", fixture.server.of("/fresh")[-1].id, again["id"])
    wait_for("the recovery", lambda: fixture.look(who, fresh)["failingSince"] is None)


def test_a_slow_endpoint_delays_no_other(fixture):
    """One that hangs gets as many events as one that does not, of the same owner and another, and gets them first."""
    who, other = fixture.person("Uma"), fixture.person("Ulf")
    slow = fixture.hook(who, fixture.server.url("/slow", at.hang))
    swift = [fixture.hook(who, fixture.server.url("/swift")), fixture.hook(other, fixture.server.url("/swift-too"))]
    for _ in range(EVENTS):
        fixture.test(who, slow)
    wait_for("the slow endpoint to be called", lambda: fixture.server.of("/slow"))
    for _ in range(EVENTS):
        fixture.test(who, swift[0])
        fixture.test(other, swift[1])
    wait_for("all that is swift", lambda: all(len(fixture.server.of(path)) == EVENTS for path in ("/swift", "/swift-too")))
    same("slow deliveries that succeeded", [each for each in fixture.log(who, slow) if each["status"] == "delivered"], [])
    for owner, hook in ((who, swift[0]), (other, swift[1])):
        wait_for("the log", lambda: {each["status"] for each in fixture.log(owner, hook)} == {"delivered"})
        same("tries", {each["tries"] for each in fixture.log(owner, hook)}, {1})
    fixture.call(204, "DELETE", f"{MINE}/{slow['id']}", None, who)


def test_so_many_wait_for_an_endpoint_and_no_more(fixture):
    """Their number is made by SQL: rows that wait, and no messages, so that nobody sends them."""
    who = fixture.person("Uma")
    hook = fixture.hook(who, fixture.server.url("/full"))
    sql(f"""INSERT INTO deliveries (id, channel, kind, endpoint, state) SELECT delivery_id(), 'webhook', 'TEST',
        '{hook['id']}', 'retrying' FROM generate_series(1, 10000);""")
    fixture.outbid(who)
    wait_for("the notice", lambda: fixture.call(200, "GET", f"{API}/users/me/notifications", None, who).data["items"])
    same("calls", fixture.server.of("/full"), [])
    sql(f"UPDATE deliveries SET state = 'failed' WHERE endpoint = '{hook['id']}';")
    fixture.outbid(who)
    wait_for("the call", lambda: fixture.server.of("/full"))
    fixture.call(204, "DELETE", f"{MINE}/{hook['id']}", None, who)
    sql(f"DELETE FROM deliveries WHERE endpoint = '{hook['id']}';")


def test_the_log_has_pages(fixture):
    who = fixture.person("Uma")
    hook = fixture.hook(who, fixture.server.url("/pages"))
    path = f"{MINE}/{hook['id']}/deliveries"
    same("an empty log", fixture.call(200, "GET", path, None, who).data, {"items": [], "nextCursor": None})
    names = [fixture.test(who, hook) for _ in range(5)]
    first = fixture.call(200, "GET", f"{path}?limit=3", None, who).data
    rest = fixture.call(200, "GET", f"{path}?limit=3&cursor={first['nextCursor']}", None, who).data
    same("the log", [each["id"] for each in first["items"] + rest["items"]], names[::-1])
    same("its end", rest["nextCursor"], None)


# --- another implementation ---

JUDGE = """
const { Webhook } = require("standardwebhooks");
let wrong = 0, text = "";
process.stdin.on("data", (part) => { text += part; });
process.stdin.on("end", () => {
  const calls = JSON.parse(text);
  for (const { secret, headers, body } of calls) {
    new Webhook(secret).verify(body, headers);
    try { new Webhook(secret).verify(body + " ", headers); wrong++; } catch (error) { /* as it should */ }
  }
  console.log(`${calls.length} ${wrong}`);
});
"""


def test_the_reference_library_verifies_what_was_sent(fixture):
    who = fixture.person("Uma")
    hook = fixture.hook(who, fixture.server.url("/judged"), ("OUTBID",))
    fixture.outbid(who)
    fixture.test(who, hook)
    wait_for("two calls", lambda: len(fixture.server.of("/judged")) == 2)
    secret = fixture.call(200, "POST", f"{MINE}/{hook['id']}/secret", None, who).data["secret"]
    fixture.test(who, hook)
    wait_for("a third", lambda: len(fixture.server.of("/judged")) == 3)
    pairs = [(hook["secret"], call) for call in fixture.server.of("/judged")] + [(secret, fixture.server.of("/judged")[2])]
    calls = [{"secret": key, "headers": call.headers, "body": call.body.decode()} for key, call in pairs]
    done = subprocess.run(["node", "-e", JUDGE], input=json.dumps(calls), text=True, capture_output=True, check=False,
                          env={**os.environ, "NODE_PATH": os.path.abspath(VERIFIER)})
    same("what it says", (done.stdout.strip(), done.stderr[-500:]), ("4 0", ""))


def main():
    """In the order of the file."""
    fixture = Fixture()
    failed = 0
    tests = [(name, value) for name, value in globals().items()
             if name.startswith("test_") and os.environ.get("ROSTRUM_TEST", name) == name]
    if not os.path.isdir(VERIFIER) or shutil.which("node") is None:
        tests = [each for each in tests if each[0] != "test_the_reference_library_verifies_what_was_sent"]
        print(f"without the reference library: it is not in {VERIFIER}")
    if CERTIFICATES is None:
        tests = [each for each in tests if each[0] != "test_certificates_are_checked"]
        print("without TLS: there is no ROSTRUM_TEST_SMTP")
    for name, test in tests:
        try:
            test(fixture)
        except Exception:  # whatever it was, the other tests run
            failed += 1
            fixture.client.close()
            print(f"FAILED {name}: {traceback.format_exc(limit=-3)}")
    fixture.server.close()
    print(f"webhooks_test: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
