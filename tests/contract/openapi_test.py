#!/usr/bin/python3
"""Drives every operation of the OpenAPI document through every status and error code that it describes.

Each answer of the deployment is held against the document (tests/support/contract.py); at the end everything that the
document describes must have been seen, except what ELSEWHERE lists. Started by tests/run, which names the deployment in the
environment. Debian's own python3: jsonschema and yaml are Debian's packages.
"""
import datetime
import glob
import http.client
import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
import urllib.parse
import uuid
import zlib

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from contract import Client, Document, Fault, Reply  # noqa: E402 (its folder had to be named first)
from endpoints import Endpoints  # noqa: E402

API = "/api/v1"
PASSWORD = "correct horse battery"
NOBODY = "01890000-0000-7000-8000-000000000000"
WAIT_S = 30  # for anything that the deployment does by itself
LOOK_S = 0.05
LOOKS = 12  # fresh connections that land on all workers of the gateway
IMAGES_MOST = 12  # of an auction
HEADERS_TOO_LARGE = 40000  # bytes
TOO_LARGE = 70000  # bytes; a body may have 64 KiB
FILE_TOO_LARGE = (5 << 20) + 1  # bytes

# The calls that take part in an auction, each with a body that is good as far as form goes.
OFFERS = {"placeBid": {"amount": 20}, "setMaximum": {"maxAmount": 20}, "buyNow": None, "withdrawMaximum": None}

# Parameters that no text of one control character can be.
CHECKED = {"limit", "cursor", "status", "sort", "minPrice", "sellerId", "unread", "from", "facets", "reason", "role"}

# Described, and not to be had on demand from a deployment that is well.
ELSEWHERE_STATUS = {
    500,  # there is no known way to get one
}
# Calls that no back end can keep from their answer: they are 503 only where a worker has no memory left, or, of
# openSocket, as many as it holds: live_limits_test.c. A link that is none of ours is refused without a look.
LINKS = {"showVerifyEmail", "showResetPassword", "showUnsubscribe", "unsubscribe"}
ALONE = {"getHealth", "getMetrics", "getImage", "getKeys", "getTime", "getDocument", "quoteAmounts", "openSocket"} | LINKS
ELSEWHERE = {
    *((name, 503, "UNAVAILABLE") for name in ALONE),
    ("getReadiness", 503, None),  # while the broker is away: chaos_test.c
    ("cancelAuction", 409, "VERSION_CONFLICT"),  # a draft changed between two statements of one call
    ("publishAuction", 409, "VERSION_CONFLICT"),  # the same
    ("takeBack", 403, "FORBIDDEN"),  # where the setting is off
    ("takeBack", 409, "RETRACT_TOO_LATE"),  # voids_test.c makes a bid look older
    ("takeBack", 409, "TOO_MANY_BIDS"),  # voids_test.c writes so long a ledger
    ("voidBid", 409, "TOO_MANY_BIDS"),  # the same
}


class Stage:
    """The deployment, the document, and people with fresh names."""

    def __init__(self):
        self.url = os.environ["ROSTRUM_HTTP_URL"]
        self.client = Client(self.url)
        self.document = Document(self.client.send("GET", f"{API}/openapi.json").data)
        self.client.document = self.document
        self.seller, self.ann = self.person("Sam"), self.person("Ann")
        self.banned, self.admin = self.person("Mallory"), self.person("Ada")
        sql(f"UPDATE users SET role = 'admin' WHERE id = '{self.admin['id']}';")
        self.log_in(self.admin)
        self.call(200, "POST", f"{API}/admin/users/{self.banned['id']}/ban", {"reason": "a test"}, self.admin)
        self.lot = self.auction()

    def person(self, name):
        """Registered and logged in."""
        person = {"email": f"{uuid.uuid4()}@example.org", "password": PASSWORD}
        user = self.call(201, "POST", f"{API}/auth/register", {**person, "displayName": name}).data["user"]
        person["id"] = user["id"]
        self.log_in(person)
        return person

    def log_in(self, person):
        """Takes a token and a cookie."""
        reply = self.call(200, "POST", f"{API}/auth/login", {"email": person["email"], "password": person["password"]})
        person["token"] = reply.data["accessToken"]
        person["cookie"] = reply.headers["set-cookie"].partition(";")[0]

    def auction(self, **more):
        """The id of a new auction of the seller's."""
        body = {"title": "A chair", "startingPrice": 10.00, "endTime": ahead(3600), **more}
        return self.call(201, "POST", f"{API}/auctions", body, self.seller).data["id"]

    def item(self):
        """The id of a new item of the seller's."""
        body = {"title": "A chair", "description": "Oak.\nFour legs."}
        return self.call(201, "POST", f"{API}/items", body, self.seller).data["id"]

    def call(self, status, method, path, body=None, who=None, **headers):
        """As Client.call, with a person."""
        return self.client.call(status, method, path, body, who and who["token"], dashed(headers))

    def refused(self, code, status, method, path, body=None, who=None, **headers):
        """As Client.refused, with a person."""
        return self.client.refused(code, status, method, path, body, who and who["token"], dashed(headers))

    def bid(self, auction, amount, who):
        """A bid that has been decided."""
        return self.call(200, "POST", f"{API}/auctions/{auction}/bids", {"amount": amount}, who, Prefer="wait=10").data

    def status(self, auction):
        """Of an auction."""
        return self.call(200, "GET", f"{API}/auctions/{auction}").data["status"]

    def path(self, operation):
        """Of an operation, with ids that name something where that is easy: the lot."""
        lot = operation.path.startswith(f"{API}/auctions/") or operation.path.startswith(f"{API}/admin/auctions/")
        return filled(operation.path.replace("{id}", self.lot if lot else NOBODY))

    def actor(self, operation):
        """Who gets furthest with an operation."""
        return self.admin if operation.admin else self.seller


def filled(path):
    """With an id that names nothing for each parameter."""
    return re.sub(r"\{[^}]+\}", NOBODY, path)


def png(width=8, height=8):
    """A picture; one that only says that it is so large has no pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress((b"\0" + uuid.uuid4().bytes + b"\x7f" * 8) * 8)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def dashed(headers):
    """Prefer, X_Idempotency_Key -> X-Idempotency-Key."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def ahead(seconds):
    """A time in so many seconds."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wait_for(what, condition):
    """Until it holds; Fault if it never does."""
    until = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > until:
            raise Fault(f"waited {WAIT_S} s in vain for {what}")
        time.sleep(LOOK_S)


def sql(text):
    """Runs statements in the deployment's database; the rows' text. The password is in the environment, on no command line."""
    url = urllib.parse.urlsplit(os.environ["ROSTRUM_PG_URL"])
    names = {"PGHOST": url.hostname, "PGPORT": str(url.port), "PGUSER": url.username, "PGPASSWORD": url.password}
    names["PGDATABASE"] = url.path.lstrip("/")
    names = {name: value for name, value in names.items() if value not in (None, "", "None")}
    command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]
    ran = subprocess.run(command, input=text.encode(), env={**os.environ, **names}, check=True, capture_output=True)
    return ran.stdout.decode()


def pid(service):
    """Of a service of the deployment."""
    return int(subprocess.run(["deploy/private", "pid", service], check=True, capture_output=True).stdout)


# --- the document ---


def test_the_deployment_serves_the_document_of_the_sources(stage):
    with open("gateway/openapi.yaml", encoding="utf-8") as file:
        if yaml.safe_load(file) != stage.document.data:
            raise Fault("the deployment serves another document than gateway/openapi.yaml")
    tag = stage.call(200, "GET", f"{API}/openapi.json").headers["etag"]
    stage.call(304, "GET", f"{API}/openapi.json", If_None_Match=tag)
    stage.call(304, "GET", f"{API}/openapi.json", If_None_Match=f'"other", W/{tag}')
    stage.call(200, "GET", f"{API}/openapi.json", If_None_Match='"other"')


def test_every_route_of_the_sources_is_described_and_no_other(stage):
    routes = set()
    for name in glob.glob("gateway/**/*.c", recursive=True):
        with open(name, encoding="utf-8") as file:
            routes |= set(re.findall(r'\{METHOD_([A-Z]+), ROUTE_[A-Z]+, "([^"]+)"', file.read()))
    routes = {(method, re.sub(r":([A-Za-z]+)", r"{\1}", path)) for method, path in routes}
    described = {(operation.method, operation.path) for operation in stage.document.operations}
    if routes != described:
        raise Fault(f"only in the sources or only in the document: {sorted(routes ^ described)}")


def test_every_code_of_the_sources_is_described_and_no_other(stage):
    with open("gateway/http/errors.c", encoding="utf-8") as file:
        codes = set(re.findall(r'\[ERROR_[A-Z_]+\] = \{\d+, "([A-Z_]+)"', file.read()))
    described = set(stage.document.data["components"]["schemas"]["ErrorCode"]["enum"])
    if codes != described:
        raise Fault(f"only in the sources or only in the document: {sorted(codes ^ described)}")


def test_every_example_keeps_its_schema(stage):
    def look(node, where):
        if isinstance(node, list):
            for index, each in enumerate(node):
                look(each, f"{where}/{index}")
        if not isinstance(node, dict):
            return
        if "schema" in node and "example" in node:
            stage.document.validate(node["schema"], node["example"], where)
        for example in node["examples"].values() if "schema" in node and "examples" in node else ():
            stage.document.validate(node["schema"], stage.document.resolve(example)["value"], where)
        for name, each in node.items():
            look(each, f"{where}/{name}")

    look(stage.document.data, "")


# --- what every operation has ---


def test_without_credentials_there_is_401(stage):
    for operation in stage.document.operations:
        if operation.optional:
            bad = {"token": "not-a-token"}
            stage.refused("UNAUTHORIZED", 401, operation.method, stage.path(operation), who=bad)
        elif not operation.open:
            body = {} if "requestBody" in operation.details else None
            stage.refused("UNAUTHORIZED", 401, operation.method, stage.path(operation), body)


def test_the_banned_are_refused(stage):
    for operation in stage.document.operations:
        if not operation.open:
            body = None if operation.method in ("GET", "DELETE") else (OFFERS.get(operation.id) or {})
            stage.refused("USER_BANNED", 403, operation.method, stage.path(operation), body, stage.banned)


def test_admins_calls_are_not_for_others(stage):
    for operation in stage.document.operations:
        if operation.admin:
            stage.refused("FORBIDDEN", 403, operation.method, stage.path(operation), None, stage.ann)


def test_a_foreign_page_changes_nothing(stage):
    for operation in stage.document.operations:
        if operation.method != "GET" and not operation.open:
            foreign = {"Cookie": stage.actor(operation)["cookie"], "Origin": "https://elsewhere.example"}
            stage.refused("CROSS_ORIGIN", 403, operation.method, stage.path(operation), **foreign)


def test_what_is_no_http_is_400(stage):
    for operation in stage.document.operations:
        reply = stage.client.twice_hosted(operation.method, stage.path(operation))
        if reply.status != 400:
            raise Fault(f"{operation}: two Host headers were answered {reply}")


def test_bodies_have_a_size_a_type_and_known_fields(stage):
    for operation in stage.document.operations:
        path, who = stage.path(operation), stage.actor(operation)
        if operation.id == "addImage":
            kind = {"Content-Type": "image/png"}
            stage.refused("BODY_TOO_LARGE", 413, operation.method, path, b"x" * FILE_TOO_LARGE, who, **kind)
        elif operation.method in ("POST", "PUT", "PATCH"):
            stage.refused("BODY_TOO_LARGE", 413, operation.method, path, b"x" * TOO_LARGE, who)
        if "requestBody" in operation.details:
            plain = {"Content-Type": "text/plain"}
            stage.refused("UNSUPPORTED_MEDIA_TYPE", 415, operation.method, path, b"{}", who, **plain)
        if operation.json:
            stage.refused("VALIDATION_FAILED", 400, operation.method, path, {"unknown": 1}, who)


def test_parameters_are_checked(stage):
    for operation in stage.document.operations:
        parameters = [stage.document.resolve(each)["name"] for each in operation.details.get("parameters", [])]
        path, who = stage.path(operation), stage.actor(operation)
        for name in set(parameters) & CHECKED:
            stage.refused("VALIDATION_FAILED", 400, operation.method, f"{path}?{name}=%7f", None, who)
        if "X-Idempotency-Key" in parameters:
            long = {"X-Idempotency-Key": "k" * 65}
            stage.refused("VALIDATION_FAILED", 400, operation.method, path, OFFERS[operation.id], stage.ann, **long)


def test_amounts_are_checked(stage):
    fields = {"createAuction": "startingPrice", "quoteAmounts": "currentBid", "changeAuction": "reservePrice"}
    fields.update({"placeBid": "amount", "setMaximum": "maxAmount"})
    for name, field in fields.items():
        operation = stage.document.operation(name)
        for amount in (-1, 0, 1.005, "1e2"):
            stage.refused("INVALID_AMOUNT", 400, operation.method, stage.path(operation), {field: amount}, stage.seller)


def test_unknown_ids_are_404(stage):
    bodies = {**OFFERS, "changeAuction": {"version": 1}, "adminChangeAuction": {"action": "end", "reason": "none"}}
    bodies.update({"addImage": png(), "voidBid": {"reason": "none"}})
    bodies.update({"changeWebhook": {"enabled": True}, "adminChangeWebhook": {"enabled": True}})
    bodies.update({"banUser": {"reason": "none"}, "unbanUser": {"reason": "none"}})
    for operation in stage.document.operations:
        if "{" in operation.path:
            body, path, who = bodies.get(operation.id), filled(operation.path), stage.actor(operation)
            kind = {"Content-Type": "image/png"} if operation.id == "addImage" else {}
            stage.refused("NOT_FOUND", 404, operation.method, path, body, who, **kind)
    stage.refused("NOT_FOUND", 404, "POST", f"{API}/users/me/watchlist", {"auctionId": NOBODY}, stage.ann)


def test_head_is_get_without_its_body(stage):
    for operation in stage.document.operations:
        path, who = stage.path(operation), stage.actor(operation)
        named = "{" in operation.path and operation.id not in ("getAuction", "listBids", "listLeaders")
        special = operation.id in ("getMetrics", "showUnsubscribe", "openSocket")
        if operation.method == "GET" and not named and not special:
            whole = stage.call(200, "GET", path, None, who)
            if whole.headers.keys() != stage.call(200, "HEAD", path, None, who).headers.keys():
                raise Fault(f"{operation}: HEAD has other headers than GET")


def other_answer(stage, status, code, method, path, headers=None, body=None):
    """Of a request that is none of the operations: an error of the same form."""
    reply = stage.client.send(method, path, body, headers=headers)
    stage.document.validate({"$ref": "#/components/schemas/Error"}, reply.data, f"{method} {path}")
    if (reply.status, reply.data["error"]) != (status, code):
        raise Fault(f"{method} {path}: expected {status} {code}, got {reply}")
    return reply


def test_a_path_has_the_methods_of_the_document_alone(stage):
    for path, item in stage.document.data["paths"].items():
        methods = {method.upper() for method in item} | {"OPTIONS"} | ({"HEAD"} if "get" in item else set())
        sent = re.sub(r"\{[^}]+\}", NOBODY, path)
        allow = stage.client.send("OPTIONS", sent).headers["allow"]
        if set(allow.split(", ")) != methods:
            raise Fault(f"{path} allows {allow}")
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            if other_answer(stage, 405, "METHOD_NOT_ALLOWED", method, sent).headers["allow"] != allow:
                raise Fault(f"{method} {path} and OPTIONS allow different methods")


def test_what_is_no_operation_is_an_error_of_the_same_form(stage):
    other_answer(stage, 404, "NOT_FOUND", "GET", f"{API}/nothing")
    other_answer(stage, 404, "NOT_FOUND", "GET", f"{API}/auctions/no-id")
    other_answer(stage, 501, "NOT_IMPLEMENTED", "BREW", f"{API}/time")
    stage.client.close()


def test_expectations_and_headers_have_bounds(stage):
    for operation in stage.document.operations:
        path = stage.path(operation)
        if operation.method != "GET":
            other_answer(stage, 417, "EXPECTATION_FAILED", operation.method, path, {"Expect": "tea"}, b"{}")
            stage.client.close()
        other_answer(stage, 431, "HEADERS_TOO_LARGE", operation.method, path, {"X-Long": "x" * HEADERS_TOO_LARGE})
        stage.client.close()


def test_a_request_that_does_not_come_is_408(stage):
    """All of them at once: each takes the time that a client has."""
    calls = [(Client(stage.url, stage.document), each.method, stage.path(each)) for each in stage.document.operations]
    for client, method, path in calls:
        client.begin(method, path)
    for client, method, path in calls:
        reply = client.finish(method, path)
        client.close()
        if reply.status != 408:
            raise Fault(f"half of {method} {path} was answered {reply}")


def backends():
    """What the gateway waits for: Redis, and PostgreSQL's processes of its connections."""
    asked = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'rostrum-gateway%';"
    return [pid("redis"), *map(int, sql(asked).split())]


def test_without_its_back_ends_the_deployment_says_so(stage):
    """All at once, while neither Redis nor PostgreSQL answers: each call waits for the gateway's own deadline.

    Bids, which need neither, do so while the broker does not answer.
    """
    operations = [each for each in stage.document.operations if each.id != "getReadiness"]
    refused_by(stage, backends(), [each for each in operations if each.id not in OFFERS])
    refused_by(stage, [pid("rabbitmq")], [each for each in operations if each.id in OFFERS])


def refused_by(stage, stopped, operations):
    """Each of the operations is 503 while these processes stand still, but those that stand alone."""
    faults = []

    def send(operation):
        try:
            body, kind = example(operation), {}
            if operation.id == "addImage":
                body, kind = png(), {"Content-Type": "image/png"}
            if operation.id == "createAuction":
                body = {**body, "endTime": ahead(3600)}
            who = stage.ann if operation.id in OFFERS else stage.actor(operation)
            client = Client(stage.url, stage.document)
            token = None if operation.open else who["token"]
            reply = client.send(operation.method, stage.path(operation), body, token, kind)
            stage.document.judge(operation, reply)
            if (reply.status == 503) is (operation.id in ALONE):
                faults.append(f"{operation.id} answered {reply}")
        except Exception as fault:  # whatever it was, it is this test's
            faults.append(f"{operation.id}: {fault}")

    threads = [threading.Thread(target=send, args=(each,)) for each in operations]
    paused(stopped, threads)
    stage.client.close()
    wait_for("the back ends", lambda: all(whole(stage) for _ in range(LOOKS)))
    if faults:
        raise Fault("; ".join(faults))


def whole(stage):
    """Whether the worker that a fresh connection lands on has all its back ends."""
    client = Client(stage.url, stage.document)
    reply = client.send("GET", "/ready")
    client.close()
    return reply.status == 200 and not reply.data["degraded"]


def example(operation):
    """Of the body of an operation, by the document; None where it has none."""
    content = operation.details.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    return content["example"] if "example" in content else next(iter(content["examples"].values()))["value"]


def paused(processes, threads):
    """Runs the threads while the processes stand still."""
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def test_listed_origins_may_call(stage):
    origin = {"Origin": "https://shop.example"}
    reply = stage.call(200, "GET", f"{API}/time", **origin)
    if reply.headers.get("access-control-allow-origin") != origin["Origin"] or reply.headers.get("vary") != "Origin":
        raise Fault(f"a listed origin was answered {reply.headers}")
    asked = {**origin, "Access-Control-Request-Method": "PUT"}
    reply = stage.client.send("OPTIONS", f"{API}/auctions/{stage.lot}", headers=asked)
    if reply.status != 204 or "PUT" not in reply.headers["access-control-allow-methods"]:
        raise Fault(f"a preflight was answered {reply} {reply.headers}")


# --- accounts ---


def test_accounts(stage):
    again = {"email": stage.ann["email"], "password": PASSWORD, "displayName": "A"}
    stage.refused("EMAIL_TAKEN", 409, "POST", f"{API}/auth/register", again)
    wrong = {"email": stage.ann["email"], "password": "another"}
    stage.refused("INVALID_CREDENTIALS", 401, "POST", f"{API}/auth/login", wrong)
    banned = {"email": stage.banned["email"], "password": PASSWORD}
    stage.refused("USER_BANNED", 403, "POST", f"{API}/auth/login", banned)
    user = stage.person("Uma")
    stage.call(200, "POST", f"{API}/auth/refresh", None, user)
    settings = {"WATCHED_BID": {"inApp": False}}
    stage.call(200, "PATCH", f"{API}/users/me", {"displayName": "Uma U.", "notificationSettings": settings}, user)
    stage.call(200, "PATCH", f"{API}/users/me", {"password": PASSWORD + "!", "currentPassword": PASSWORD}, user)
    user["password"] = PASSWORD + "!"
    stage.log_in(user)
    sessions = stage.call(200, "GET", f"{API}/users/me/sessions", None, user).data["items"]
    other = next(session["id"] for session in sessions if not session["current"])
    stage.call(204, "DELETE", f"{API}/users/me/sessions/{other}", None, user)
    by_cookie = {"Cookie": user["cookie"]}
    stage.call(200, "GET", f"{API}/users/me", **by_cookie)
    stage.call(204, "POST", f"{API}/auth/logout", None, user)
    stage.refused("UNAUTHORIZED", 401, "GET", f"{API}/users/me", **by_cookie)


def mail(address, words):
    """The mail to that address whose subject holds these words, waited for; see tests/support/smtp.py."""
    found = []

    def look():
        for name in glob.glob(f"{os.environ['ROSTRUM_TEST_SMTP']}/mail/{address}.*.json"):
            with open(name, encoding="utf-8") as file:
                found.append(json.load(file))
        found[:] = [each for each in found if words in each["subject"]]
        return found

    wait_for(f"a mail about {words}", look)
    return found[-1]


def token_of(message):
    """That stands behind the # of its link."""
    return re.search(r"#([A-Za-z0-9_-]{43})", message["text"]).group(1)


def test_mail_about_accounts(stage):
    user = stage.person("Vic")
    token = {"token": token_of(mail(user["email"], "confirm"))}
    stage.call(202, "POST", f"{API}/auth/verify-email/resend", None, user)
    stage.call(204, "POST", f"{API}/auth/verify-email", token)
    stage.refused("INVALID_TOKEN", 400, "POST", f"{API}/auth/verify-email", token)
    if not stage.call(200, "GET", f"{API}/users/me", None, user).data["emailVerified"]:
        raise Fault("the address is not verified")
    stage.call(202, "POST", f"{API}/auth/password-reset", {"email": user["email"]})
    reset = {"token": token_of(mail(user["email"], "new password")), "password": PASSWORD + "?"}
    stage.call(204, "POST", f"{API}/auth/password-reset/confirm", reset)
    stage.refused("INVALID_TOKEN", 400, "POST", f"{API}/auth/password-reset/confirm", reset)
    stage.refused("UNAUTHORIZED", 401, "GET", f"{API}/users/me", None, user)


def test_unsubscribing(stage):
    user = stage.person("Una")
    stage.call(204, "POST", f"{API}/auth/verify-email", {"token": token_of(mail(user["email"], "confirm"))})
    stage.call(200, "PATCH", f"{API}/users/me", {"notificationSettings": {"OUTBID": {"email": True}}}, user)
    auction = stage.auction()
    stage.bid(auction, 10, user)
    stage.bid(auction, 20, stage.ann)
    message = mail(user["email"], "You were outbid")
    link = re.fullmatch(r"<https?://[^/]+(/.*)>", message["headers"]["list-unsubscribe"]).group(1)
    stage.call(200, "GET", link)
    stage.call(200, "POST", link, b"List-Unsubscribe=One-Click", **{"Content-Type": "application/x-www-form-urlencoded"})
    settings = stage.call(200, "GET", f"{API}/users/me", None, user).data["notificationSettings"]
    if settings["OUTBID"]["email"]:
        raise Fault("the user is still mailed")
    for method in ("GET", "POST"):
        stage.refused("INVALID_TOKEN", 400, method, f"{link}x")
        stage.refused("INVALID_TOKEN", 400, method, f"{API}/unsubscribe")
    for page in ("/verify-email", "/reset-password"):
        stage.call(200, "GET", page)


def test_what_a_user_follows(stage):
    auction, sam = stage.auction(), stage.ann
    stage.call(201, "POST", f"{API}/users/me/watchlist", {"auctionId": auction}, sam)
    stage.call(200, "POST", f"{API}/users/me/watchlist", {"auctionId": auction}, sam)
    stage.call(200, "GET", f"{API}/users/me/watchlist", None, sam)
    stage.call(204, "DELETE", f"{API}/users/me/watchlist/{auction}", None, sam)
    stage.bid(auction, 10, sam)
    stage.bid(auction, 20, stage.admin)
    path = f"{API}/users/me/notifications"
    wait_for("a notice", lambda: stage.call(200, "GET", f"{path}?unread=true", None, sam).data["items"])
    stage.call(200, "GET", f"{path}/count", None, sam)
    stage.call(204, "POST", f"{path}/read", {"ids": [NOBODY]}, sam)
    stage.call(204, "POST", f"{path}/read", {"all": True}, sam)
    stage.call(200, "GET", f"{API}/users/me/bids", None, sam)
    stage.call(200, "GET", f"{API}/users/me/auctions?limit=2", None, stage.seller)


def test_webhooks(stage):
    server = Endpoints()
    for base, who, event in (("users/me", stage.ann, "OUTBID"), ("admin", stage.admin, "AUCTION_SOLD")):
        hooks, body = f"{API}/{base}/webhooks", {"url": server.url("/hook"), "events": [event], "description": "A test"}
        made = [stage.call(201, "POST", hooks, body, who).data["id"]]
        while (more := stage.client.send("POST", hooks, body, who["token"])).status == 201:
            made.append(more.data["id"])
        stage.refused("TOO_MANY_WEBHOOKS", 409, "POST", hooks, body, who)
        stage.call(200, "GET", hooks, None, who)
        path = f"{hooks}/{made[0]}"
        stage.call(200, "GET", path, None, who)
        stage.call(200, "POST", f"{path}/secret", None, who)
        delivery = stage.call(202, "POST", f"{path}/test", None, who).data["id"]
        log = f"{path}/deliveries"
        wait_for("the test call", lambda: stage.call(200, "GET", log, None, who).data["items"][0]["status"] == "delivered")
        stage.call(202, "POST", f"{log}/{delivery}/redeliver", None, who)
        stage.call(200, "PATCH", path, {**body, "url": "https://webhook.invalid/"}, who)
        pending = stage.call(202, "POST", f"{path}/test", None, who).data["id"]
        stage.refused("DELIVERY_PENDING", 409, "POST", f"{log}/{pending}/redeliver", None, who)
        stage.call(200, "PATCH", path, {"enabled": False}, who)
        stage.refused("WEBHOOK_OFF", 409, "POST", f"{path}/test", None, who)
        stage.refused("WEBHOOK_OFF", 409, "POST", f"{log}/{delivery}/redeliver", None, who)
        for hook in made:
            stage.call(204, "DELETE", f"{hooks}/{hook}", None, who)
    server.close()


# --- auctions ---


def test_items(stage):
    item = stage.item()
    for who in (stage.seller, stage.admin):
        if stage.call(200, "GET", f"{API}/items/{item}", None, who).data["auctionId"] is not None:
            raise Fault("an item that is not on sale names an auction")
    stage.refused("NOT_FOUND", 404, "GET", f"{API}/items/{item}", None, stage.ann)
    auction = stage.auction(itemId=item)
    listed = stage.call(200, "GET", f"{API}/items?limit=1", None, stage.seller).data
    if [(each["id"], each["auctionId"]) for each in listed["items"]] != [(item, auction)]:
        raise Fault(f"the newest item was listed as {listed}")
    for other, who in ((item, stage.ann), (NOBODY, stage.seller)):
        body = {"title": "x", "startingPrice": "1.50", "endTime": ahead(60), "itemId": other}
        stage.refused("VALIDATION_FAILED", 400, "POST", f"{API}/auctions", body, who)


def test_auctions(stage):
    item = stage.item()
    ladders = ("ebay-us", [{"from": 0, "increment": 0.5}], [10, 12, 15], {"percent": 5, "minimum": 1})
    for ladder in ladders:
        stage.auction(incrementTable=ladder, reservePrice=40, buyNowPrice=90)
        stage.call(200, "POST", f"{API}/auctions/quote", {"startingPrice": 10, "incrementTable": ladder})
    first = stage.auction(itemId=item, antiSnipe={"windowSeconds": 0})
    again = {"title": "x", "startingPrice": "1.50", "endTime": ahead(60), "itemId": item}
    stage.refused("ITEM_ALREADY_LISTED", 409, "POST", f"{API}/auctions", again, stage.seller)
    path = f"{API}/auctions/{first}"
    stage.call(200, "PUT", path, {"version": 1, "title": "Two chairs"}, stage.seller)
    stage.refused("VERSION_CONFLICT", 409, "PUT", path, {"version": 1, "title": "Three"}, stage.seller)
    for method, body in (("PUT", {"version": 1}), ("DELETE", None)):
        stage.refused("FORBIDDEN", 403, method, path, body, stage.ann)
    stage.call(204, "DELETE", path, None, stage.seller)
    listed = stage.call(200, "GET", f"{API}/auctions?sort=newest&limit=1&sellerId={stage.seller['id']}").data
    stage.call(200, "GET", f"{API}/auctions?sort=newest&cursor={listed['nextCursor']}")


def test_searches(stage):
    word = f"w{uuid.uuid4().hex[:12]}"
    for price in (5, 70, 6000):
        stage.auction(title=f"A chair called {word}", category="furniture", startingPrice=price)
    path = f"{API}/auctions?q={word}"
    page = stage.call(200, "GET", f"{path}&limit=2&facets=true").data
    if page["facets"]["matches"] != 3 or len(page["facets"]["price"]) != 3:
        raise Fault(f"three auctions in three bands were counted as {page['facets']}")
    rest = stage.call(200, "GET", f"{path}&limit=2&cursor={page['nextCursor']}").data
    if len(page["items"]) + len(rest["items"]) != 3 or rest["nextCursor"] is not None or "facets" in rest:
        raise Fault("two pages are not the three auctions")
    for sort in ("ending", "newest", "price", "-price", "relevance"):
        listed = stage.call(200, "GET", f"{path}&sort={sort}&limit=1", None, stage.ann).data
        stage.call(200, "GET", f"{path}&sort={sort}&limit=1&cursor={listed['nextCursor']}", None, stage.ann)
    stage.call(200, "GET", f"{API}/auctions?q=chiar&facets=true&minPrice=1&maxPrice=100&category=furniture")
    for wrong in ("sort=relevance", "q=%7f", f"q={'x' * 201}"):
        stage.refused("VALIDATION_FAILED", 400, "GET", f"{API}/auctions?{wrong}")


def test_an_auction_that_is_known_is_304(stage):
    auction = stage.auction()
    path = f"{API}/auctions/{auction}"
    for who in (None, stage.seller):
        tag = stage.call(200, "GET", path, None, who).headers["etag"]
        stage.call(304, "GET", path, None, who, If_None_Match=tag)
    stage.bid(auction, 10, stage.ann)
    stage.call(200, "GET", path, If_None_Match=tag)
    stage.call(201, "POST", f"{API}/users/me/watchlist", {"auctionId": auction}, stage.ann)
    wait_for("a watcher to be counted", lambda: stage.call(200, "GET", path).data["watchers"] == 1)


def test_images(stage):
    auction, kind = stage.auction(), {"Content-Type": "image/png"}
    path = f"{API}/auctions/{auction}/images"
    stage.refused("FORBIDDEN", 403, "POST", path, png(), stage.ann, **kind)
    stage.refused("UNSUPPORTED_MEDIA_TYPE", 415, "POST", path, b"no picture", stage.seller, **kind)
    stage.refused("INVALID_IMAGE", 422, "POST", path, png()[:40], stage.seller, **kind)
    stage.refused("IMAGE_TOO_LARGE", 422, "POST", path, png(30000, 30000), stage.seller, **kind)
    added = [stage.call(201, "POST", path, png(), stage.seller, **kind).data for _ in range(IMAGES_MOST)]
    stage.refused("TOO_MANY_IMAGES", 409, "POST", path, png(), stage.seller, **kind)
    images = stage.call(200, "GET", f"{API}/auctions/{auction}").data["images"]
    if [image["id"] for image in images] != [image["id"] for image in added]:
        raise Fault(f"the images are {images}")
    for url in {images[0]["url"], *images[0]["thumbnails"].values()}:
        tag = stage.call(200, "GET", url).headers["etag"]
        stage.call(200, "HEAD", url)
        stage.call(304, "GET", url, If_None_Match=tag)
    stage.refused("FORBIDDEN", 403, "DELETE", f"{path}/{images[0]['id']}", None, stage.ann)
    stage.call(204, "DELETE", f"{path}/{images[0]['id']}", None, stage.seller)
    stage.call(204, "DELETE", f"{path}/{images[1]['id']}", None, stage.admin)


def test_drafts(stage):
    draft = stage.auction(draft=True)
    path = f"{API}/auctions/{draft}"
    stage.refused("NOT_FOUND", 404, "GET", path)
    stage.call(200, "PUT", path, {"version": 1, "description": "Oak"}, stage.seller)
    stage.call(200, "POST", f"{path}/publish", None, stage.seller)
    stage.refused("NOT_A_DRAFT", 409, "POST", f"{path}/publish", None, stage.seller)
    stage.refused("FORBIDDEN", 403, "POST", f"{path}/publish", None, stage.ann)
    end = ahead(1.5)
    late = stage.auction(draft=True, endTime=end)
    wait_for("the end of a draft", lambda: ahead(0) > end)
    stage.refused("VALIDATION_FAILED", 400, "POST", f"{API}/auctions/{late}/publish", None, stage.seller)


def closed_auctions(stage):
    """One of each that takes no bids, by the code of its refusal. The ended one had a bid."""
    cancelled, ended = stage.auction(), stage.auction()
    stage.call(204, "DELETE", f"{API}/auctions/{cancelled}", None, stage.seller)
    stage.bid(ended, 10, stage.ann)
    admin_change(stage, 200, ended, {"action": "end", "reason": "a test"})
    wait_for("the settlement", lambda: stage.status(ended) == "sold")
    future = {"AUCTION_NOT_STARTED": stage.auction(startTime=ahead(1800))}
    return {"AUCTION_ENDED": ended, "AUCTION_CANCELLED": cancelled, **future}


def admin_change(stage, status, auction, body):
    """Of an auction."""
    return stage.call(status, "PUT", f"{API}/admin/auctions/{auction}", body, stage.admin)


def test_closed_auctions_refuse(stage):
    for code, auction in closed_auctions(stage).items():
        for name, body in OFFERS.items():
            operation = stage.document.operation(name)
            path = operation.path.replace("{id}", auction)
            stage.refused(code, 409, operation.method, path, body, stage.ann)
        if code != "AUCTION_NOT_STARTED":
            stage.refused(code, 409, "PUT", f"{API}/auctions/{auction}", {"version": 1}, stage.seller)
            stage.refused(code, 409, "DELETE", f"{API}/auctions/{auction}", None, stage.seller)
            images, kind = f"{API}/auctions/{auction}/images", {"Content-Type": "image/png"}
            stage.refused(code, 409, "POST", images, png(), stage.seller, **kind)
            stage.refused(code, 409, "DELETE", f"{images}/{NOBODY}", None, stage.seller)
        end = {"action": "end", "reason": "a test"}
        stage.refused(code, 409, "PUT", f"{API}/admin/auctions/{auction}", end, stage.admin)


def test_what_a_sale_shows(stage):
    sold = stage.auction(buyNowPrice=50)
    stage.call(200, "POST", f"{API}/auctions/{sold}/buy-now", None, stage.ann, Prefer="wait=10")
    wait_for("the settlement", lambda: stage.status(sold) == "sold")
    for who in (None, stage.ann, stage.seller, stage.admin):
        stage.call(200, "GET", f"{API}/auctions/{sold}", None, who)


# --- bids ---


def test_bids(stage):
    auction = stage.auction(buyNowPrice=500, reservePrice=100)
    path = f"{API}/auctions/{auction}"
    stage.refused("BID_TOO_LOW", 400, "POST", f"{path}/bids", {"amount": 1}, stage.ann)
    place = stage.call(202, "POST", f"{path}/bids", {"amount": 10}, stage.ann, X_Idempotency_Key="one").data
    wait_for("the decision", lambda: own_bid(stage, auction, place["bidId"])["status"] == "accepted")
    stage.call(200, "POST", f"{path}/bids", {"amount": 10}, stage.ann, X_Idempotency_Key="one")
    other = {"amount": 30}
    stage.refused("IDEMPOTENCY_KEY_REUSED", 422, "POST", f"{path}/bids", other, stage.ann, X_Idempotency_Key="one")
    for method, body in (("PUT", {"version": 1}), ("DELETE", None)):
        stage.refused("HAS_BIDS", 409, method, path, body, stage.seller)
    stage.refused("HAS_BIDS", 409, "DELETE", f"{path}/images/{NOBODY}", None, stage.seller)
    stage.call(200, "GET", f"{path}/bids")
    if [leader["rank"] for leader in stage.call(200, "GET", f"{path}/leaderboard?limit=1").data["items"]] != [1]:
        raise Fault("the leaderboard does not show the one bidder")
    for name, body in OFFERS.items():
        operation = stage.document.operation(name)
        stage.refused("OWN_AUCTION", 403, operation.method, operation.path.replace("{id}", auction), body, stage.seller)


def own_bid(stage, auction, bid):
    """As Ann sees it."""
    return stage.call(200, "GET", f"{API}/auctions/{auction}/bids/{bid}", None, stage.ann).data


def test_voids(stage):
    auction = stage.auction()
    bids = [stage.call(200, "POST", f"{API}/auctions/{auction}/bids", {"amount": amount}, stage.ann, Prefer="wait=10")
            for amount in (10, 20, 30)]
    first, second, third = [bid.data["bidId"] for bid in bids]
    stage.call(204, "DELETE", f"{API}/auctions/{auction}/bids/{third}", None, stage.ann)
    stage.refused("BID_VOIDED", 409, "DELETE", f"{API}/auctions/{auction}/bids/{third}", None, stage.ann)
    void, why = f"{API}/admin/auctions/{auction}/bids/{second}/void", {"reason": "a test"}
    stage.call(200, "POST", void, why, stage.admin)
    stage.refused("BID_VOIDED", 409, "POST", void, why, stage.admin)
    if own_bid(stage, auction, second)["status"] != "voided":
        raise Fault("a voided bid does not say so")
    notices = f"{API}/users/me/notifications"
    wait_for("the notice", lambda: b"BID_VOIDED" in stage.call(200, "GET", notices, None, stage.ann).body)
    admin_change(stage, 200, auction, {"action": "cancel", "reason": "a test"})
    void = f"{API}/admin/auctions/{auction}/bids/{first}/void"
    stage.refused("AUCTION_CANCELLED", 409, "POST", void, why, stage.admin)
    stage.refused("AUCTION_CANCELLED", 409, "DELETE", f"{API}/auctions/{auction}/bids/{first}", None, stage.ann)
    ended = stage.auction()
    bid = stage.bid(ended, 10, stage.ann)["bidId"]
    admin_change(stage, 200, ended, {"action": "end", "reason": "a test"})
    stage.refused("AUCTION_ENDED", 409, "DELETE", f"{API}/auctions/{ended}/bids/{bid}", None, stage.ann)


def test_maxima(stage):
    auction = stage.auction()
    path = f"{API}/auctions/{auction}/proxy"
    stage.refused("NOT_FOUND", 404, "GET", path, None, stage.ann)
    stage.refused("BID_TOO_LOW", 400, "POST", path, {"maxAmount": 1}, stage.ann)
    stage.call(202, "POST", path, {"maxAmount": 40}, stage.ann, X_Idempotency_Key="two")
    wait_for("the maximum", lambda: stage.client.send("GET", path, token=stage.ann["token"]).status == 200)
    stage.call(200, "POST", path, {"maxAmount": 60}, stage.ann, Prefer="wait=10")
    stage.call(200, "POST", path, {"maxAmount": 50}, stage.ann, Prefer="wait=10")  # rejected: not raised
    other = {"maxAmount": 70}
    stage.refused("IDEMPOTENCY_KEY_REUSED", 422, "POST", path, other, stage.ann, X_Idempotency_Key="two")
    stage.bid(auction, 20, stage.admin)  # beaten at once
    stage.call(200, "GET", path, None, stage.ann)
    stage.call(200, "GET", f"{API}/auctions/{auction}/bids")
    stage.call(204, "DELETE", path, None, stage.ann)


def test_buying(stage):
    auctions = stage.auction(buyNowPrice=50), stage.auction()
    first, second = (f"{API}/auctions/{auction}/buy-now" for auction in auctions)
    stage.call(202, "POST", first, None, stage.ann, X_Idempotency_Key="three")
    stage.refused("IDEMPOTENCY_KEY_REUSED", 422, "POST", second, None, stage.ann, X_Idempotency_Key="three")
    stage.call(200, "POST", second, None, stage.ann, Prefer="wait=10")  # rejected: gone


def test_what_takes_longer_is_202(stage):
    """With the bid workers stopped, all at once: each takes the three seconds that such a call may wait."""
    lots = [stage.auction() for _ in range(6)]
    bids = [stage.call(200, "POST", f"{API}/auctions/{lot}/bids", {"amount": 10}, stage.ann, Prefer="wait=10")
            for lot in lots[4:]]
    stage.call(200, "POST", f"{API}/auctions/{lots[2]}/proxy", {"maxAmount": 40}, stage.ann, Prefer="wait=10")
    end = {"action": "end", "reason": "a test"}
    calls = [("PUT", f"{API}/auctions/{lots[0]}", {"version": 1, "title": "y"}, stage.seller)]
    calls.append(("DELETE", f"{API}/auctions/{lots[1]}", None, stage.seller))
    calls.append(("DELETE", f"{API}/auctions/{lots[2]}/proxy", None, stage.ann))
    calls.append(("PUT", f"{API}/admin/auctions/{lots[3]}", end, stage.admin))
    taken, voided = [bid.data["bidId"] for bid in bids]
    calls.append(("DELETE", f"{API}/auctions/{lots[4]}/bids/{taken}", None, stage.ann))
    calls.append(("POST", f"{API}/admin/auctions/{lots[5]}/bids/{voided}/void", {"reason": "a test"}, stage.admin))
    faults = []
    workers = [pid("bidworker-1"), pid("bidworker-2")]

    def send(method, path, body, who):
        try:
            Client(stage.url, stage.document).call(202, method, path, body, who["token"])
        except Fault as fault:
            faults.append(fault)

    threads = [threading.Thread(target=send, args=call) for call in calls]
    paused(workers, threads)
    if faults:
        raise faults[0]


# --- admins ---


def test_live_updates(stage):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
    upgrade["Sec_WebSocket_Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    stage.refused("UPGRADE_REQUIRED", 426, "GET", "/ws")
    stage.refused("CROSS_ORIGIN", 403, "GET", "/ws", Origin="https://elsewhere.example", **upgrade)
    stage.call(101, "GET", "/ws", None, stage.ann, Sec_WebSocket_Protocol="rostrum.v1", **upgrade)
    stage.client.close()
    auction = stage.auction()
    operation = stage.document.operation("watchAuction")
    connection = http.client.HTTPConnection(stage.client.address, timeout=WAIT_S)
    connection.request("GET", f"{API}/auctions/{auction}/events", headers={"Authorization": f"Bearer {stage.ann['token']}"})
    answer = connection.getresponse()
    body = b""
    while body.count(b"\n\n") < 5:  # retry, the snapshot, the bid and its result, that another leads
        body += answer.read1()
        if body.count(b"\n\n") == 2 and b"bid_placed" not in body:
            stage.bid(auction, 20, stage.ann)
            stage.bid(auction, 30, stage.admin)
    connection.close()
    stage.document.judge(operation, Reply(answer, body))
    for line in body.decode().split("\n"):
        if line.startswith("data: "):
            stage.document.validate({"$ref": "#/components/schemas/LiveMessage"}, json.loads(line[6:]), "an event")


def test_the_desk(stage):
    for name in ("users", "auctions", "audit-logs", "stats", "dead-letters"):
        stage.call(200, "GET", f"{API}/admin/{name}", None, stage.admin)
    stage.call(200, "GET", f"{API}/admin/audit-logs?actorId={stage.admin['id']}&limit=100", None, stage.admin)
    stage.call(200, "GET", f"{API}/admin/users?banned=true&role=user", None, stage.admin)
    auction = stage.auction()
    admin_change(stage, 200, auction, {"action": "extend", "endTime": ahead(7200), "reason": "a test"})
    back = {"action": "extend", "endTime": ahead(60), "reason": "a test"}
    stage.refused("END_NOT_LATER", 409, "PUT", f"{API}/admin/auctions/{auction}", back, stage.admin)
    admin_change(stage, 200, auction, {"action": "cancel", "reason": "a test"})


def test_bans(stage):
    user, reason = stage.person("Eve"), {"reason": "a test"}
    for verb in ("ban", "unban"):
        stage.call(200, "POST", f"{API}/admin/users/{user['id']}/{verb}", reason, stage.admin)
    # Admins of earlier tests are no one's any more.
    sql(f"UPDATE users SET role = 'user' WHERE role = 'admin' AND id <> '{stage.admin['id']}';")
    stage.refused("LAST_ADMIN", 409, "POST", f"{API}/admin/users/{stage.admin['id']}/ban", reason, stage.admin)


def test_dead_letters(stage):
    auction, good, bad = stage.auction(), uuid.uuid4(), uuid.uuid4()
    body = f'{{"v":1,"commands":[{{"a":"{auction}"}}]}}'
    for letter, text in ((good, body), (bad, "no JSON")):
        sql(
            "INSERT INTO dead_letters (id, routing_key, reason, body, created_at)"
            f" VALUES ('{letter}', 'dead.bids', 'a test', convert_to('{text}', 'UTF8'), now());"
        )
    path = f"{API}/admin/dead-letters"
    stage.call(200, "GET", path, None, stage.admin)
    for letter in (good, bad):
        stage.call(200, "GET", f"{path}/{letter}", None, stage.admin)
    stage.call(200, "POST", f"{path}/{good}/requeue?reason=mended", None, stage.admin)
    stage.refused("LETTER_UNREADABLE", 409, "POST", f"{path}/{bad}/requeue", None, stage.admin)
    for method, what in (("DELETE", good), ("POST", f"{good}/requeue")):
        stage.refused("VALIDATION_FAILED", 400, method, f"{path}/{what}?reason={'x' * 1001}", None, stage.admin)
    for letter in (good, bad):
        stage.call(204, "DELETE", f"{path}/{letter}?reason=no%20use", None, stage.admin)
    stage.call(200, "GET", f"{API}/admin/audit-logs?action=DEAD_LETTER_DROPPED", None, stage.admin)


# --- limits ---


def limited(stage):
    """Whether fresh connections all say, or none, that searches are limited; None where they differ."""
    shown = set()
    for _ in range(LOOKS):
        client = Client(stage.url, stage.document)
        reply = client.send("GET", f"{API}/auctions", token=stage.ann["token"])
        client.close()
        shown.add("ratelimit-limit" in reply.headers)
    return shown.pop() if len(shown) == 1 else None


def configure(stage, text, yes):
    """Gives the gateway other settings and waits until all its workers have them."""
    with open(os.environ["ROSTRUM_TEST_CONF"], "w", encoding="utf-8") as file:
        file.write(text)
    os.kill(pid("gateway"), signal.SIGHUP)
    wait_for("the gateway's new settings", lambda: limited(stage) is yes)
    stage.client.close()


def test_who_may_bid_where_addresses_must_be_verified(stage):
    with open(os.environ["ROSTRUM_TEST_CONF"], encoding="utf-8") as file:
        saved = file.read()
    text = re.sub(r"(?m)^(searches_per_minute) *=.*$", r"\1 = 1000", saved) + "\n[accounts]\nbid_unverified = no\n"
    known, unknown, auction = stage.person("Val"), stage.person("Ulf"), stage.auction()
    stage.call(204, "POST", f"{API}/auth/verify-email", {"token": token_of(mail(known["email"], "confirm"))})
    bids = f"{API}/auctions/{auction}/bids"
    try:
        configure(stage, text, True)
        for _ in range(LOOKS):
            stage.refused("EMAIL_UNVERIFIED", 403, "POST", bids, {"amount": 10}, unknown, X_Idempotency_Key="mine")
        stage.bid(auction, 10, known)
        token = token_of(mail(unknown["email"], "confirm"))
        stage.call(204, "POST", f"{API}/auth/verify-email", {"token": token})
        stage.call(202, "POST", bids, {"amount": 20}, unknown, X_Idempotency_Key="mine")
    finally:
        configure(stage, saved, False)


def test_limits(stage):
    with open(os.environ["ROSTRUM_TEST_CONF"], encoding="utf-8") as file:
        saved = file.read()
    text = re.sub(r"(?m)^((?:[a-z]+|webhook_calls)_per_(minute|hour)) *=.*$", r"\1 = 2", saved)
    text += "\n[metrics]\nmetrics_public = yes\n[accounts]\nbid_unverified = no\n"
    stage.refused("NOT_FOUND", 404, "GET", "/metrics")
    users = {name: stage.person("Liz") for name in ("changeMe", "setMaximum", "buyNow", "other")}
    bodies = {**OFFERS, "changeMe": {"password": PASSWORD + "!", "currentPassword": "wrong"}}
    try:
        configure(stage, text, True)
        stage.call(200, "GET", "/metrics")
        for operation in stage.document.operations:
            if "429" in operation.details["responses"]:
                path, who = filled(operation.path), users.get(operation.id, users["other"])
                body = bodies.get(operation.id, {} if "requestBody" in operation.details else None)
                exhaust(stage, operation, path, body, None if operation.open else who)
    finally:
        configure(stage, saved, False)


def exhaust(stage, operation, path, body, who):
    """Calls until it is limited. Every answer on the way is judged too."""
    for _ in range(3):
        reply = stage.client.send(operation.method, path, body, who and who["token"])
        stage.document.judge(operation, reply)
        if reply.status == 429:
            return
    raise Fault(f"{operation} is not limited")


# --- and that was all ---


def test_everything_described_was_seen(stage):
    due = {each for each in stage.document.described() if each[1] not in ELSEWHERE_STATUS} - ELSEWHERE
    if due - stage.document.seen:
        raise Fault(f"described and never seen: {sorted(due - stage.document.seen, key=str)}")


def main():
    """In the order of the file: what was seen is looked at last."""
    stage = Stage()
    failed = 0
    tests = [(name, value) for name, value in globals().items() if name.startswith("test_")]
    for name, test in tests:
        try:
            test(stage)
        except Exception:  # whatever it was, the other tests run
            failed += 1
            stage.client.close()
            print(f"FAILED {name}: {traceback.format_exc(limit=-3)}")
    print(f"openapi_test: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
