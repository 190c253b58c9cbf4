#!/usr/bin/python3
"""Calls every operation of the OpenAPI document until every status and error code that it describes was seen.

Each answer is validated against the document (tests/support/contract.py). The last test fails if a described status or
code was not seen, except those in UNREACHED. Started by tests/run, which sets the addresses of the deployment in the
environment. It needs Debian's python3 with the packages for jsonschema and yaml.

Runs alone: it changes settings and stops servers.
"""
import base64
import datetime
import glob
import hashlib
import hmac
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
import uuid
import zlib

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from contract import Client, Document, Fault, Reply  # noqa: E402 (needs the path above)
from database import connection, query_value, sql  # noqa: E402
from endpoints import Endpoints  # noqa: E402
from live_contract import LiveDocument  # noqa: E402
from processes import family  # noqa: E402
from typescript import compile_calls  # noqa: E402

API = "/api/v1"
PASSWORD = "correct horse battery"
UNKNOWN_ID = "01890000-0000-7000-8000-000000000000"
WAIT_S = 30  # for asynchronous work of the deployment
POLL_S = 0.05
CONNECTIONS = 12  # equal requests at a time
IMAGES_MAX = 12  # per auction
HEADERS_TOO_LARGE = 40000  # bytes
TOO_LARGE = 70000  # bytes; a body may have 64 KiB
FILE_TOO_LARGE = (5 << 20) + 1  # bytes

IMAGE_UPLOADS = ("addImage", "addProductImage")

# The operations that bidders call, each with a well-formed body.
BID_BODIES = {"placeBid": {"amount": 20}, "setMaximum": {"maxAmount": 20}, "buyNow": {"price": 20}, "withdrawMaximum": None}
# The same with the commands to flash sales. Those of an order take no body.
SALE_BODY = {"flashSaleId": UNKNOWN_ID, "quantity": 1}
COMMAND_BODIES = {**BID_BODIES, "joinQueue": SALE_BODY, "placeOrder": SALE_BODY, "leaveQueue": None, "confirmOrder": None,
                  "cancelOrder": None}

# Parameters that refuse a control character.
VALIDATED = {"for", "limit", "cursor", "status", "sort", "minPrice", "sellerId", "unread", "from", "facets", "reason",
             "role"}

# Described, but not producible here: skipped by the last test.
UNREACHED_STATUS = {
    500,  # no known request causes one
}
# Operations that need no back end: they return 503 only if a worker has no memory left. openSocket also does when the
# connection limit is reached (live_limits_test.c). A link with an invalid token is refused before any query.
LINK_CALLS = {"showVerifyEmail", "showResetPassword", "showUnsubscribe", "unsubscribe"}
WITHOUT_BACK_END = LINK_CALLS | {"getHealth", "getMetrics", "getImage", "getKeys", "getTime", "getDocument",
                                 "getLiveDocument", "quoteAmounts", "openSocket"}
UNREACHED = {
    *((name, 503, "UNAVAILABLE") for name in WITHOUT_BACK_END),
    ("getReadiness", 503, None),  # while RabbitMQ is down: outage_test.c
    ("cancelAuction", 409, "VERSION_CONFLICT"),  # needs a change of the draft between two statements of one call
    ("publishAuction", 409, "VERSION_CONFLICT"),  # as above
    *((name, 503, "MAIL_OFF") for name in ("resendVerification", "askForPasswordReset")),  # account_mail_test.c
    ("receivePayment", 503, "PAYMENTS_OFF"),  # needs the setting switched off: payments_test.c
    ("takeBack", 403, "FORBIDDEN"),  # needs the setting switched off
    ("takeBack", 409, "RETRACT_TOO_LATE"),  # voids_test.c, with an older bid
    ("takeBack", 409, "TOO_MANY_BIDS"),  # voids_test.c, with a ledger over the limit
    ("voidBid", 409, "TOO_MANY_BIDS"),  # as above
    *((name, 409, "RESERVATION_EXPIRED") for name in ("confirmOrder", "cancelOrder")),  # needs one that ran out
    ("confirmOrder", 409, "PAYMENT_REQUIRED"),  # needs a sale with payments
    ("leaveQueue", 202, None),  # while no sale worker decides
}


class Fixture:
    """A client of the deployment, the OpenAPI document, and new users."""

    def __init__(self):
        self.url = os.environ["ROSTRUM_HTTP_URL"]
        self.client = Client(self.url)
        self.document = Document(self.client.send("GET", f"{API}/openapi.json").data)
        self.client.document = self.document
        self.seller, self.ann = self.new_user("Sam"), self.new_user("Ann")
        self.banned, self.admin = self.new_user("Mallory"), self.new_user("Ada")
        sql(f"UPDATE users SET role = 'admin' WHERE id = '{self.admin['id']}';")
        self.log_in(self.admin)
        self.call(200, "POST", f"{API}/admin/users/{self.banned['id']}/ban", {"reason": "a test"}, self.admin)
        self.lot = self.auction()
        self.lamp = self.product()
        self.sale = add_sale("active")
        self.order = add_order(self.sale, self.ann["id"])
        self.sellers_order = add_order(self.sale, self.seller["id"])

    def new_user(self, name):
        """Registers a user and logs in."""
        user = {"email": f"{uuid.uuid4()}@example.org", "password": PASSWORD}
        reply = self.call(201, "POST", f"{API}/auth/register", {**user, "displayName": name})
        user["id"] = reply.data["user"]["id"]
        self.log_in(user)
        return user

    def log_in(self, user):
        """Logs the user in and stores access token and cookie."""
        reply = self.call(200, "POST", f"{API}/auth/login", {"email": user["email"], "password": user["password"]})
        user["token"] = reply.data["accessToken"]
        user["cookie"] = reply.headers["set-cookie"].partition(";")[0]

    def auction(self, **more):
        """Creates an auction of the seller and returns its id."""
        body = {"title": "A chair", "startingPrice": 10.00, "endTime": time_in(3600), **more}
        return self.call(201, "POST", f"{API}/auctions", body, self.seller).data["id"]

    def item(self):
        """Creates an item of the seller and returns its id."""
        body = {"title": "A chair", "description": "Oak.\nFour legs."}
        return self.call(201, "POST", f"{API}/items", body, self.seller).data["id"]

    def product(self):
        """Creates a product and returns its id."""
        return self.call(201, "POST", f"{API}/products", {"name": "A lamp", "basePrice": 80}, self.admin).data["id"]

    def call(self, status, method, path, body=None, who=None, **headers):
        """Client.call with the token of `who`."""
        return self.client.call(status, method, path, body, who and who["token"], header_names(headers))

    def refused(self, code, status, method, path, body=None, who=None, **headers):
        """Client.refused with the token of `who`."""
        return self.client.refused(code, status, method, path, body, who and who["token"], header_names(headers))

    def bid(self, auction, amount, who):
        """Places a bid, waits for the decision, and returns the answer."""
        return self.call(200, "POST", f"{API}/auctions/{auction}/bids", {"amount": amount}, who, Prefer="wait=10").data

    def status(self, auction):
        """The status of an auction."""
        return self.call(200, "GET", f"{API}/auctions/{auction}").data["status"]

    def path(self, operation):
        """The path of an operation, with the id of `lot`, `lamp` or `sale` of its kind, and unknown ids for the rest."""
        ids = {"auctions": self.lot, "admin/auctions": self.lot, "products": self.lamp, "flash-sales": self.sale}
        known = (each for kind, each in ids.items() if operation.path.startswith(f"{API}/{kind}/"))
        return fill_path(operation.path.replace("{id}", next(known, UNKNOWN_ID)))

    def path_of_503(self, operation):
        """As `path`, with a sale and an order that exist."""
        if operation.path.startswith(f"{API}/orders/"):
            who = self.order if operation.id in COMMAND_BODIES else self.sellers_order
            return operation.path.replace("{id}", who)
        return self.path(operation).replace(UNKNOWN_ID, self.sale) if operation.id == "leaveQueue" else self.path(operation)

    def actor(self, operation):
        """The user with the most rights for an operation."""
        return self.admin if operation.admin else self.seller


def fill_path(path):
    """The path with an unknown id for each parameter."""
    query = f"?flashSaleId={UNKNOWN_ID}" if path.startswith(f"{API}/queue/") and path != f"{API}/queue/join" else ""
    return re.sub(r"\{[^}]+\}", UNKNOWN_ID, path) + query


def add_sale(status, join_s=-60, start_s=-30, end_s=3600):
    """Adds a flash sale of 5 units, at most 2 per user, with times relative to now, and returns its id."""
    sale, product = str(uuid.uuid4()), str(uuid.uuid4())
    sold = 5 if status == "sold_out" else 0
    times = ", ".join(f"date_trunc('second', now()) + interval '{each} s'" for each in (join_s, start_s, end_s))
    sql(f"INSERT INTO products (id, name, base_price, created_by, created_at, updated_at)"
        f" VALUES ('{product}', 'A radio', 80, '{product}', now(), now());"
        f" INSERT INTO flash_sales (id, product_id, created_by, price, quantity, per_user_limit, join_time, start_time,"
        f" end_time, turn_s, reservation_s, payment, status, sold, created_at, updated_at) VALUES ('{sale}',"
        f" '{product}', '{product}', 49, 5, 2, {times}, 120, 300, 'none', '{status}', {sold}, now(), now());")
    return sale


def add_order(sale, user):
    """Adds a reserved order of one unit to a sale and returns its id."""
    order = str(uuid.uuid4())
    sql(f"UPDATE flash_sales SET reserved = reserved + 1 WHERE id = '{sale}'; INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, expires_at, created_at,"
        f" updated_at) VALUES ('{order}', '{sale}', (SELECT coalesce(max(seq), 0) + 1 FROM orders WHERE sale_id ="
        f" '{sale}'), '{user}', 1, 49, 'reserved', now() + interval '300 s', now(), now());")
    return order


def signed(body):
    """The body as bytes, and the headers of a callback that is signed by the payment_secret of tests/conf/check.ini."""
    sent, at = json.dumps(body).encode(), str(int(time.time()))
    mac = hmac.new(bytes(32), b"msg_1." + at.encode() + b"." + sent, hashlib.sha256).digest()
    return sent, {"Content-Type": "application/json", "webhook-id": "msg_1", "webhook-timestamp": at,
                  "webhook-signature": "v1," + base64.b64encode(mac).decode()}


def png(width=8, height=8):
    """A PNG of 8 × 8 pixels. Another size is only claimed in its header."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress((b"\0" + uuid.uuid4().bytes + b"\x7f" * 8) * 8)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def header_names(headers):
    """Keyword arguments as header names: X_Idempotency_Key -> X-Idempotency-Key."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def time_in(seconds):
    """The time in `seconds` from now, in the form of the API."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wait_for(what, condition):
    """Waits until the condition holds; raises Fault after WAIT_S."""
    until = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > until:
            raise Fault(f"timeout after {WAIT_S} s: {what}")
        time.sleep(POLL_S)


def pid(service):
    """The pid of a service of the deployment."""
    return int(subprocess.run(["deploy/private", "pid", service], check=True, capture_output=True).stdout)


# --- the document ---


def test_the_deployment_serves_the_document_of_the_sources(fixture):
    with open("gateway/openapi.yaml", encoding="utf-8") as file:
        if yaml.safe_load(file) != fixture.document.data:
            raise Fault("the served document differs from gateway/openapi.yaml")
    for path in (f"{API}/openapi.json", f"{API}/asyncapi.json"):
        tag = fixture.call(200, "GET", path).headers["etag"]
        fixture.call(304, "GET", path, If_None_Match=tag)
        fixture.call(304, "GET", path, If_None_Match=f'"other", W/{tag}')
        fixture.call(200, "GET", path, If_None_Match='"other"')


def test_document_and_sources_have_the_same_routes_and_parameters(fixture):
    row = re.compile(r'\{METHOD_([A-Z]+), ROUTE_[A-Z]+, "([^"]+)",\s*\w+,\s*LIMIT_\w+,\s*ROUTE_\w+,\s*(NULL|"[^"]*")\}')
    routes = set()
    for name in glob.glob("gateway/**/*.c", recursive=True):
        with open(name, encoding="utf-8") as file:
            routes |= set(row.findall(file.read()))
    routes = {(method, re.sub(r":([A-Za-z]+)", r"{\1}", path), " ".join(sorted(query.strip('"').split())))
              for method, path, query in routes}
    described = {(each.method, each.path, " ".join(sorted(fixture.document.query(each))) or "NULL")
                 for each in fixture.document.operations}
    if routes != described:
        raise Fault(f"only in the sources or only in the document: {sorted(routes ^ described)}")


def test_document_and_sources_have_the_same_error_codes(fixture):
    with open("gateway/http/errors.h", encoding="utf-8") as file:
        codes = set(re.findall(r'X\([A-Z_]+, \d+, "([A-Z_]+)"', file.read()))
    described = set(fixture.document.data["components"]["schemas"]["ErrorCode"]["x-extensible-enum"])
    if codes != described:
        raise Fault(f"only in the sources or only in the document: {sorted(codes ^ described)}")


def read_table(path, name):
    """The rows of an X-macro: the texts of each, without quotation marks."""
    with open(path, encoding="utf-8") as file:
        text = re.search(rf"#define {name}\(X\)(.*?[^\\])\n", file.read(), re.DOTALL).group(1)
    text = re.sub(r"\\\n\s*|/\*.*?\*/", " ", text)
    return [re.findall(r'"([^"]*)"|([A-Z_0-9]+)', row) for row in re.findall(r"X\((.*?)\)(?= +X\(| *$)", text)]


def test_document_and_sources_have_the_same_sentences_of_codes(fixture):
    plain = [["".join(cell) for cell in row] for row in read_table("gateway/http/errors.h", "ERROR_CODES")]
    more = [["".join(cell) for cell in row] for row in read_table("gateway/http/errors.h", "ERROR_SENTENCES")]
    expected = {}
    for name, status, code, message in plain:
        entry = expected.setdefault(code, {"status": int(status), "sentences": []})
        entry["sentences"] += [sentence for of, sentence in more if of == name] + [message]
    components = fixture.document.data["components"]
    if components["x-error-codes"] != expected:
        raise Fault("x-error-codes differs from gateway/http/errors.h")
    fields = read_table("gateway/http/field_errors.h", "FIELD_CODES")
    fields = {"".join(code): "".join(sentence) for code, sentence in fields}
    if components["x-field-codes"] != fields:
        raise Fault("x-field-codes differs from gateway/http/field_errors.h")
    if set(components["schemas"]["FieldCode"]["x-extensible-enum"]) != fields.keys():
        raise Fault("the schema FieldCode differs from x-field-codes")


def test_every_code_of_a_field_is_used(fixture):
    source = ""
    for name in glob.glob("gateway/**/*.c", recursive=True):
        with open(name, encoding="utf-8") as file:
            source += file.read()
    unused = [code for code in fixture.document.data["components"]["x-field-codes"] if f"FIELD_{code}" not in
              set(re.findall(r"FIELD_[A-Z_]+", source))]
    if unused:
        raise Fault(f"no source uses {unused}")


def test_every_example_matches_its_schema(fixture):
    def check(node, where):
        if isinstance(node, list):
            for index, each in enumerate(node):
                check(each, f"{where}/{index}")
        if not isinstance(node, dict):
            return
        if "schema" in node and "example" in node:
            fixture.document.validate(node["schema"], node["example"], where)
        for example in node["examples"].values() if "schema" in node and "examples" in node else ():
            fixture.document.validate(node["schema"], fixture.document.resolve(example)["value"], where)
        for name, each in node.items():
            check(each, f"{where}/{name}")

    check(fixture.document.data, "")


def parts(document, node, seen):
    """Each schema that is part of a node, with its references followed. `seen` ends circles."""
    if isinstance(node, list):
        for each in node:
            yield from parts(document, each, seen)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if reference is not None and reference not in seen:
            seen.add(reference)
            target = document.data
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]
            yield from parts(document, target, seen)
        yield node
        for name, each in node.items():
            if name not in ("example", "examples"):
                yield from parts(document, each, seen)


def contents(document, nodes):
    """The schemas of all bodies in these nodes."""
    for each in list(parts(document, nodes, set())):
        for media in each["content"].values() if isinstance(each.get("content"), dict) else ():
            yield media["schema"]


def test_no_description_is_cut_at_a_comma(fixture):
    """In `{description: One, two}` YAML reads "two" as a name."""
    def names(value):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            if each is None and " " in str(name):
                yield name
            if isinstance(each, (dict, list)):
                yield from names(each)

    found = list(names(fixture.document.data))
    if found:
        raise Fault(f"names that are the end of a sentence: {found}")


def test_requests_are_closed_and_answers_are_open(fixture):
    operations = [each for item in fixture.document.data["paths"].values() for each in item.values()]
    events = [each["post"]["requestBody"] for each in fixture.document.data["webhooks"].values()]
    for schema in parts(fixture.document, [each.get("requestBody", {}) for each in operations], set()):
        if isinstance(schema.get("properties"), dict) and schema.get("additionalProperties") is not False:
            raise Fault(f"the schema of a request is open: {schema}")
    answers = list(contents(fixture.document, [each["responses"] for each in operations] + events))
    for schema in parts(fixture.document, answers, set()):
        if False in (schema.get("additionalProperties"), schema.get("unevaluatedProperties")):
            raise Fault(f"the schema of an answer is closed: {schema}")
        if isinstance(schema.get("enum"), list):
            raise Fault(f"an enumeration in an answer is not marked as growing: {schema}")


# --- all operations ---


def test_calls_without_credentials_are_401(fixture):
    for operation in fixture.document.operations:
        if operation.optional:
            invalid = {"token": "not-a-token"}
            fixture.refused("UNAUTHORIZED", 401, operation.method, fixture.path(operation), who=invalid)
        elif not operation.open:
            body = {} if "requestBody" in operation.details else None
            fixture.refused("UNAUTHORIZED", 401, operation.method, fixture.path(operation), body)


def test_banned_users_are_403(fixture):
    for operation in fixture.document.operations:
        if not operation.open:
            body = None if operation.method in ("GET", "DELETE") else (COMMAND_BODIES.get(operation.id) or {})
            fixture.refused("USER_BANNED", 403, operation.method, fixture.path(operation), body, fixture.banned)


def test_admin_operations_are_403_for_other_users(fixture):
    for operation in fixture.document.operations:
        if operation.admin:
            fixture.refused("FORBIDDEN", 403, operation.method, fixture.path(operation), None, fixture.ann)


def test_writes_from_other_origins_are_403(fixture):
    for operation in fixture.document.operations:
        if operation.method != "GET" and not operation.open:
            foreign = {"Cookie": fixture.actor(operation)["cookie"], "Origin": "https://elsewhere.example"}
            fixture.refused("CROSS_ORIGIN", 403, operation.method, fixture.path(operation), **foreign)


def test_two_host_headers_are_400(fixture):
    for operation in fixture.document.operations:
        reply = fixture.client.twice_hosted(operation.method, fixture.path(operation))
        if reply.status != 400:
            raise Fault(f"{operation}: two Host headers were answered {reply}")


def test_size_type_and_members_of_bodies_are_checked(fixture):
    for operation in fixture.document.operations:
        path, who = fixture.path(operation), fixture.actor(operation)
        if operation.id in IMAGE_UPLOADS:
            kind = {"Content-Type": "image/png"}
            fixture.refused("BODY_TOO_LARGE", 413, operation.method, path, b"x" * FILE_TOO_LARGE, who, **kind)
        elif operation.method in ("POST", "PUT", "PATCH"):
            fixture.refused("BODY_TOO_LARGE", 413, operation.method, path, b"x" * TOO_LARGE, who)
        if "requestBody" in operation.details:
            plain = {"Content-Type": "text/plain"}
            fixture.refused("UNSUPPORTED_MEDIA_TYPE", 415, operation.method, path, b"{}", who, **plain)
        if operation.json:
            fixture.refused("VALIDATION_FAILED", 400, operation.method, path, {"unknown": 1}, who)


def test_query_parameters_and_keys_are_validated(fixture):
    for operation in fixture.document.operations:
        parameters = [fixture.document.resolve(each)["name"] for each in operation.details.get("parameters", [])]
        path, who = fixture.path(operation), fixture.actor(operation)
        for name in set(parameters) & VALIDATED:
            fixture.refused("VALIDATION_FAILED", 400, operation.method, f"{path}?{name}=%7f", None, who)
        for name in set(parameters) & {"Idempotency-Key", "X-Idempotency-Key"}:
            long = {name: "k" * 65}
            body = COMMAND_BODIES.get(operation.id, {})
            user = who if operation.admin else fixture.ann
            fixture.refused("VALIDATION_FAILED", 400, operation.method, path, body, user, **long)


def test_unknown_query_parameters_are_400_with_their_name(fixture):
    for operation in fixture.document.operations:
        if operation.path.startswith(f"{API}/"):
            path = fixture.path(operation)
            path += ("&" if "?" in path else "?") + "colour=red"
            body = None if operation.method in ("GET", "DELETE") else COMMAND_BODIES.get(operation.id) or {}
            reply = fixture.refused("VALIDATION_FAILED", 400, operation.method, path, body, fixture.actor(operation))
            if [each["field"] for each in reply.data["fields"]] != ["colour"]:
                raise Fault(f"{operation}: an unknown query parameter was answered {reply}")


def test_amounts_are_validated(fixture):
    fields = {"createAuction": "startingPrice", "quoteAmounts": "currentBid", "changeAuction": "reservePrice"}
    fields.update({"placeBid": "amount", "setMaximum": "maxAmount"})
    fields.update({"createProduct": "basePrice", "changeProduct": "basePrice", "createSale": "flashPrice"})
    fields.update({"changeSale": "flashPrice", "receivePayment": "amount"})
    for name, field in fields.items():
        operation = fixture.document.operation(name)
        path = fixture.path(operation)
        for amount in (-1, 0, 1.005, "1e2"):
            fixture.refused("INVALID_AMOUNT", 400, operation.method, path, {field: amount}, fixture.actor(operation))


def test_unknown_ids_are_404(fixture):
    bodies = {**COMMAND_BODIES, "changeAuction": {"version": 1}, "adminChangeAuction": {"action": "end", "reason": "none"}}
    bodies.update({"addImage": png(), "addProductImage": png(), "voidBid": {"reason": "none"}})
    bodies.update({"changeWebhook": {"enabled": True}, "adminChangeWebhook": {"enabled": True}})
    bodies.update({"markRefunded": {"reason": "none"}})
    bodies.update({"banUser": {"reason": "none"}, "unbanUser": {"reason": "none"}})
    bodies.update({"setUserRole": {"role": "admin", "reason": "none"}, "changeProduct": {"version": 1}})
    bodies.update({"changeSale": {"version": 1}, "closeSale": {"reason": "none"}, "cancelSale": {"reason": "none"}})
    bodies.update({"extendSale": {"endTime": time_in(3600), "reason": "none"}})
    for operation in fixture.document.operations:
        if "{" in operation.path:
            body, path, who = bodies.get(operation.id), fill_path(operation.path), fixture.actor(operation)
            kind = {"Content-Type": "image/png"} if operation.id in IMAGE_UPLOADS else {}
            fixture.refused("NOT_FOUND", 404, operation.method, path, body, who, **kind)
    fixture.refused("NOT_FOUND", 404, "POST", f"{API}/users/me/watchlist", {"auctionId": UNKNOWN_ID}, fixture.ann)


def test_head_has_the_headers_of_get(fixture):
    for operation in fixture.document.operations:
        path, who = fixture.path(operation), fixture.actor(operation)
        named = "{" in operation.path and operation.id not in ("getAuction", "listBids", "listLeaders")
        special = operation.id in ("getMetrics", "showUnsubscribe", "openSocket", "getQueuePosition")
        if operation.method == "GET" and not named and not special:
            got = fixture.call(200, "GET", path, None, who)
            if got.headers.keys() != fixture.call(200, "HEAD", path, None, who).headers.keys():
                raise Fault(f"{operation}: HEAD has other headers than GET")


def expect_error(fixture, status, code, method, path, headers=None, body=None):
    """Sends a request that is no operation and expects an error in the form of the API. Returns the answer."""
    reply = fixture.client.send(method, path, body, headers=headers)
    fixture.document.validate({"$ref": "#/components/schemas/Error"}, reply.data, f"{method} {path}")
    if (reply.status, reply.data["error"]) != (status, code):
        raise Fault(f"{method} {path}: expected {status} {code}, got {reply}")
    return reply


def test_a_path_allows_only_the_methods_of_the_document(fixture):
    for path, item in fixture.document.data["paths"].items():
        methods = {method.upper() for method in item} | {"OPTIONS"} | ({"HEAD"} if "get" in item else set())
        sent = re.sub(r"\{[^}]+\}", UNKNOWN_ID, path)
        allow = fixture.client.send("OPTIONS", sent).headers["allow"]
        if set(allow.split(", ")) != methods:
            raise Fault(f"{path} allows {allow}")
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            if expect_error(fixture, 405, "METHOD_NOT_ALLOWED", method, sent).headers["allow"] != allow:
                raise Fault(f"{method} {path} and OPTIONS allow different methods")


def test_unknown_paths_and_methods_get_errors_of_the_same_form(fixture):
    expect_error(fixture, 404, "NOT_FOUND", "GET", f"{API}/nothing")
    expect_error(fixture, 404, "NOT_FOUND", "GET", f"{API}/auctions/no-id")
    expect_error(fixture, 501, "NOT_IMPLEMENTED", "BREW", f"{API}/time")
    fixture.client.close()


def test_unknown_expectations_and_long_headers_are_refused(fixture):
    for operation in fixture.document.operations:
        path = fixture.path(operation)
        if operation.method != "GET":
            expect_error(fixture, 417, "EXPECTATION_FAILED", operation.method, path, {"Expect": "tea"}, b"{}")
            fixture.client.close()
        expect_error(fixture, 431, "HEADERS_TOO_LARGE", operation.method, path, {"X-Long": "x" * HEADERS_TOO_LARGE})
        fixture.client.close()


def test_an_incomplete_request_is_408(fixture):
    """Tests all operations in parallel, because each waits for request_read_timeout_ms."""
    calls = [(Client(fixture.url, fixture.document), each.method, fixture.path(each))
             for each in fixture.document.operations]
    for client, method, path in calls:
        client.begin(method, path)
    for client, method, path in calls:
        reply = client.finish(method, path)
        client.close()
        if reply.status != 408:
            raise Fault(f"half of {method} {path} was answered {reply}")


def back_end_pids():
    """The pids of Redis and of the PostgreSQL processes that serve the gateway."""
    asked = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'rostrum-gateway%';"
    return [pid("redis"), *map(int, sql(asked, "-A", "-t").split())]


def test_unreachable_back_ends_are_503(fixture):
    """Calls in parallel while Redis and PostgreSQL are stopped, because each waits for the gateway's deadline.

    Bids need neither of them; they are sent while RabbitMQ is stopped.
    """
    operations = [each for each in fixture.document.operations if each.id != "getReadiness"]
    expect_unavailable(fixture, back_end_pids(), [each for each in operations if each.id not in COMMAND_BODIES])
    expect_unavailable(fixture, [pid("rabbitmq")], [each for each in operations if each.id in COMMAND_BODIES])


def expect_unavailable(fixture, stopped, operations):
    """Expects 503 from each operation while these processes are stopped, except from those that need no back end."""
    errors = []

    def send(operation):
        try:
            body, kind = example_body(operation), {}
            if operation.id in IMAGE_UPLOADS:
                body, kind = png(), {"Content-Type": "image/png"}
            if operation.id == "receivePayment":
                body, kind = signed(body)
            if operation.id == "createAuction":
                body = {**body, "endTime": time_in(3600)}
            who = fixture.ann if operation.id in COMMAND_BODIES else fixture.actor(operation)
            client = Client(fixture.url, fixture.document)
            token = None if operation.open else who["token"]
            if operation.id in ("joinQueue", "placeOrder"):
                body = {**body, "flashSaleId": fixture.sale}
            reply = client.send(operation.method, fixture.path_of_503(operation), body, token, kind)
            fixture.document.judge(operation, reply)
            if (reply.status == 503) is (operation.id in WITHOUT_BACK_END):
                errors.append(f"{operation.id} answered {reply}")
        except Exception as error:  # collected for this test
            errors.append(f"{operation.id}: {error}")

    threads = [threading.Thread(target=send, args=(each,)) for each in operations]
    run_while_stopped(stopped, threads)
    fixture.client.close()
    wait_for_workers(fixture)
    if errors:
        raise Fault("; ".join(errors))


def wait_for_workers(fixture):
    """Waits until each worker of the gateway has reported all back ends as available."""
    master = pid("gateway")
    with open(f"/proc/{master}/task/{master}/children", encoding="ascii") as file:
        workers = len(file.read().split())
    healthy = set()

    def look():
        client = Client(fixture.url, fixture.document)
        reply = client.send("GET", "/ready")
        client.close()
        if reply.status == 200 and not reply.data["degraded"]:
            healthy.add(reply.headers["x-request-id"].rpartition("-")[0])
        return len(healthy) == workers

    wait_for("the back ends", look)


def example_body(operation):
    """The document's example of an operation's body; None without a JSON body."""
    content = operation.details.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    return content["example"] if "example" in content else next(iter(content["examples"].values()))["value"]


def is_stopped(process):
    """True if all threads of the process are stopped. The last ones may still run after kill() has returned."""
    states = [open(path, encoding="ascii", errors="replace").read().rpartition(")")[2].split()[0]
              for path in glob.glob(f"/proc/{process}/task/*/stat")]
    return set(states) == {"T"}


def run_while_stopped(processes, threads):
    """Runs the threads while the processes are stopped with SIGSTOP."""
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        for process in processes:
            wait_for(f"{process} to stop", lambda: is_stopped(process))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def test_allowed_origins_get_cors_headers(fixture):
    origin = {"Origin": "https://shop.example"}
    reply = fixture.call(200, "GET", f"{API}/time", **origin)
    vary = "Authorization, Cookie, Origin"
    if reply.headers.get("access-control-allow-origin") != origin["Origin"] or reply.headers.get("vary") != vary:
        raise Fault(f"an allowed origin was answered {reply.headers}")
    asked = {**origin, "Access-Control-Request-Method": "PUT"}
    reply = fixture.client.send("OPTIONS", f"{API}/auctions/{fixture.lot}", headers=asked)
    if reply.status != 204 or "PUT" not in reply.headers["access-control-allow-methods"]:
        raise Fault(f"a preflight was answered {reply} {reply.headers}")


# --- accounts ---


def test_accounts_and_sessions(fixture):
    again = {"email": fixture.ann["email"], "password": PASSWORD, "displayName": "A"}
    fixture.refused("EMAIL_TAKEN", 409, "POST", f"{API}/auth/register", again)
    wrong = {"email": fixture.ann["email"], "password": "another"}
    fixture.refused("INVALID_CREDENTIALS", 401, "POST", f"{API}/auth/login", wrong)
    banned = {"email": fixture.banned["email"], "password": PASSWORD}
    fixture.refused("USER_BANNED", 403, "POST", f"{API}/auth/login", banned)
    user = fixture.new_user("Uma")
    fixture.call(200, "POST", f"{API}/auth/refresh", None, user)
    settings = {"WATCHED_BID": {"inApp": False}}
    fixture.call(200, "PATCH", f"{API}/users/me", {"displayName": "Uma U.", "notificationSettings": settings}, user)
    fixture.call(200, "PATCH", f"{API}/users/me", {"password": PASSWORD + "!", "currentPassword": PASSWORD}, user)
    user["password"] = PASSWORD + "!"
    fixture.log_in(user)
    sessions = fixture.call(200, "GET", f"{API}/users/me/sessions", None, user).data["items"]
    other = next(session["id"] for session in sessions if not session["current"])
    fixture.call(204, "DELETE", f"{API}/users/me/sessions/{other}", None, user)
    by_cookie = {"Cookie": user["cookie"]}
    fixture.call(200, "GET", f"{API}/users/me", **by_cookie)
    fixture.call(204, "POST", f"{API}/auth/logout", None, user)
    fixture.refused("UNAUTHORIZED", 401, "GET", f"{API}/users/me", **by_cookie)
    fixture.log_in(user)
    fixture.call(204, "DELETE", f"{API}/users/me/sessions", None, user)
    fixture.refused("UNAUTHORIZED", 401, "GET", f"{API}/users/me", None, user)


def wait_for_mail(address, words):
    """Waits for a mail to the address with these words in its subject; see tests/support/smtp.py."""
    found = []

    def read_mails():
        for name in glob.glob(f"{os.environ['ROSTRUM_TEST_SMTP']}/mail/{address}.*.json"):
            with open(name, encoding="utf-8") as file:
                found.append(json.load(file))
        found[:] = [each for each in found if words in each["subject"]]
        return found

    wait_for(f"a mail about {words}", read_mails)
    return found[-1]


def token_of(message):
    """The token (URL fragment) of the link in a mail."""
    return re.search(r"#([A-Za-z0-9_-]{43})", message["text"]).group(1)


def test_verification_and_password_reset(fixture):
    user = fixture.new_user("Vic")
    token = {"token": token_of(wait_for_mail(user["email"], "confirm"))}
    fixture.call(202, "POST", f"{API}/auth/verify-email/resend", None, user)
    fixture.call(204, "POST", f"{API}/auth/verify-email", token)
    fixture.refused("INVALID_TOKEN", 400, "POST", f"{API}/auth/verify-email", token)
    if not fixture.call(200, "GET", f"{API}/users/me", None, user).data["emailVerified"]:
        raise Fault("the address is not verified")
    fixture.call(202, "POST", f"{API}/auth/password-reset", {"email": user["email"]})
    reset = {"token": token_of(wait_for_mail(user["email"], "new password")), "password": PASSWORD + "?"}
    fixture.call(204, "POST", f"{API}/auth/password-reset/confirm", reset)
    fixture.refused("INVALID_TOKEN", 400, "POST", f"{API}/auth/password-reset/confirm", reset)
    fixture.refused("UNAUTHORIZED", 401, "GET", f"{API}/users/me", None, user)


def test_unsubscribing(fixture):
    user = fixture.new_user("Una")
    fixture.call(204, "POST", f"{API}/auth/verify-email", {"token": token_of(wait_for_mail(user["email"], "confirm"))})
    fixture.call(200, "PATCH", f"{API}/users/me", {"notificationSettings": {"OUTBID": {"email": True}}}, user)
    auction = fixture.auction()
    fixture.bid(auction, 10, user)
    fixture.bid(auction, 20, fixture.ann)
    message = wait_for_mail(user["email"], "You were outbid")
    link = re.fullmatch(r"<https?://[^/]+(/.*)>", message["headers"]["list-unsubscribe"]).group(1)
    fixture.call(200, "GET", link)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    fixture.call(200, "POST", link, b"List-Unsubscribe=One-Click", **form)
    settings = fixture.call(200, "GET", f"{API}/users/me", None, user).data["notificationSettings"]
    if settings["OUTBID"]["email"]:
        raise Fault("mail for OUTBID is still on after unsubscribing")
    for method in ("GET", "POST"):
        fixture.refused("INVALID_TOKEN", 400, method, f"{link}x")
        fixture.refused("INVALID_TOKEN", 400, method, f"{API}/unsubscribe")
    for page in ("/verify-email", "/reset-password"):
        fixture.call(200, "GET", page)


def test_watchlist_notifications_and_own_lists(fixture):
    auction, ann = fixture.auction(), fixture.ann
    fixture.call(201, "POST", f"{API}/users/me/watchlist", {"auctionId": auction}, ann)
    fixture.call(200, "POST", f"{API}/users/me/watchlist", {"auctionId": auction}, ann)
    fixture.call(200, "GET", f"{API}/users/me/watchlist", None, ann)
    fixture.call(204, "DELETE", f"{API}/users/me/watchlist/{auction}", None, ann)
    fixture.bid(auction, 10, ann)
    fixture.bid(auction, 20, fixture.admin)
    path = f"{API}/users/me/notifications"
    wait_for("a notice", lambda: fixture.call(200, "GET", f"{path}?unread=true", None, ann).data["items"])
    fixture.call(200, "GET", f"{path}/count", None, ann)
    fixture.call(204, "POST", f"{path}/read", {"ids": [UNKNOWN_ID]}, ann)
    fixture.call(204, "POST", f"{path}/read", {"all": True}, ann)
    fixture.call(200, "GET", f"{API}/users/me/bids", None, ann)
    fixture.call(200, "GET", f"{API}/users/me/auctions?limit=2", None, fixture.seller)


def test_webhooks(fixture):
    server = Endpoints()
    for base, who, event in (("users/me", fixture.ann, "OUTBID"), ("admin", fixture.admin, "AUCTION_SOLD")):
        hooks, body = f"{API}/{base}/webhooks", {"url": server.url("/hook"), "events": [event], "description": "A test"}
        created = [fixture.call(201, "POST", hooks, body, who).data["id"]]
        while (more := fixture.client.send("POST", hooks, body, who["token"])).status == 201:
            created.append(more.data["id"])
        fixture.refused("TOO_MANY_WEBHOOKS", 409, "POST", hooks, body, who)
        fixture.call(200, "GET", hooks, None, who)
        path = f"{hooks}/{created[0]}"
        fixture.call(200, "GET", path, None, who)
        fixture.call(200, "POST", f"{path}/secret", None, who)
        delivery = fixture.call(202, "POST", f"{path}/test", None, who).data["id"]
        log = f"{path}/deliveries"
        wait_for("the test call",
                 lambda: fixture.call(200, "GET", log, None, who).data["items"][0]["status"] == "delivered")
        fixture.call(202, "POST", f"{log}/{delivery}/redeliver", None, who)
        fixture.call(200, "PATCH", path, {**body, "url": "https://webhook.invalid/"}, who)
        pending = fixture.call(202, "POST", f"{path}/test", None, who).data["id"]
        fixture.refused("DELIVERY_PENDING", 409, "POST", f"{log}/{pending}/redeliver", None, who)
        fixture.call(200, "PATCH", path, {"enabled": False}, who)
        fixture.refused("WEBHOOK_OFF", 409, "POST", f"{path}/test", None, who)
        fixture.refused("WEBHOOK_OFF", 409, "POST", f"{log}/{delivery}/redeliver", None, who)
        for hook in created:
            fixture.call(204, "DELETE", f"{hooks}/{hook}", None, who)
    server.close()


# --- auctions ---


def test_repeated_creations(fixture):
    end = time_in(3600)
    creations = {"items": {"title": "A desk"}, "auctions": {"title": "A desk", "startingPrice": 10, "endTime": end}}
    for name, body in creations.items():
        path, key = f"{API}/{name}", {"Idempotency_Key": f'"{name}"'}
        ids = {fixture.call(201, "POST", path, body, fixture.seller, **key).data["id"] for _ in range(3)}
        if len(ids) != 1:
            raise Fault(f"repeated requests created {ids}")
        other = {**body, "title": "A bench"}
        fixture.refused("IDEMPOTENCY_KEY_REUSED", 422, "POST", path, other, fixture.seller, **key)


class Locked:
    """Keeps a row, or without `row` a whole table, locked against writes by a session of its own."""

    def __init__(self, table, row=None):
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        self.psql = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                     env=connection())
        lock = f"LOCK TABLE {table} IN SHARE MODE" if row is None else f"SELECT FROM {table} WHERE id = '{row}' FOR UPDATE"
        self.psql.stdin.write(f"\\o /dev/null\nBEGIN; {lock};\n\\o\nSELECT pg_backend_pid();\n")
        self.psql.stdin.flush()
        self.pid = int(self.psql.stdout.readline())

    def is_waited_for(self):
        """Whether another session waits for the row."""
        return query_value(f"SELECT count(*) FROM pg_stat_activity WHERE {self.pid} = ANY (pg_blocking_pids(pid))") != "0"

    def unlock(self):
        """Ends the session."""
        self.psql.communicate()


def new_sale(product):
    """The body of a sale of the product in an hour."""
    return {"productId": product, "flashPrice": 20, "quantityAvailable": 10, "startTime": time_in(3600),
            "endTime": time_in(7200)}


def send_alone(fixture, path, body, who, headers):
    """Sends a request on a connection of its own and returns the connection, from which the answer can be read."""
    sent = http.client.HTTPConnection(fixture.client.address, timeout=WAIT_S)
    text = body if isinstance(body, bytes) else json.dumps(body)
    sent.request("POST", path, text, {"Content-Type": "application/json", **headers,
                                      "Authorization": f"Bearer {who['token']}"})
    return sent


def test_creations_under_way(fixture):
    user, draft, hook = fixture.new_user("Una"), fixture.auction(draft=True), {"url": "https://shop.example/"}
    lot, image = {"title": "A desk", "startingPrice": 10, "endTime": time_in(3600)}, {"Content-Type": "image/png"}
    product, lamp = fixture.product(), {"name": "A lamp", "basePrice": 80}
    sale = new_sale(product)
    creations = (
        ("products", lamp, {**lamp, "basePrice": 90}, fixture.admin, ("products",), {}),
        (f"products/{product}/images", png(), png(), fixture.admin, ("products", product), image),
        ("flash-sales", sale, {**sale, "perUserLimit": 2}, fixture.admin, ("products", product), {}),
        ("items", {"title": "A desk"}, {"title": "A bench"}, user, ("users", user["id"]), {}),
        ("auctions", lot, {**lot, "startingPrice": 11}, user, ("users", user["id"]), {}),
        (f"auctions/{draft}/images", png(), png(), fixture.seller, ("auctions", draft), image),
        ("users/me/webhooks", {**hook, "events": ["AUCTION_WON"]}, {**hook, "events": ["AUCTION_SOLD"]}, user,
         ("users", user["id"]), {}),
        ("admin/webhooks", {**hook, "events": ["AUCTION_SOLD"]}, {**hook, "events": ["AUCTION_UNSOLD"]}, fixture.admin,
         ("users", fixture.admin["id"]), {}))
    for name, body, other, who, row, more in creations:
        path, headers = f"{API}/{name}", {"Idempotency-Key": name[:64], **more}
        locked = Locked(*row)
        try:
            first = send_alone(fixture, path, body, who, headers)
            wait_for("the creation to wait for the row", locked.is_waited_for)
            fixture.refused("IDEMPOTENCY_KEY_IN_USE", 409, "POST", path, body, who, **headers)
        finally:
            locked.unlock()
        answer = first.getresponse()
        made = json.loads(answer.read())
        if answer.status != 201 or fixture.call(201, "POST", path, body, who, **headers).data["id"] != made["id"]:
            raise Fault(f"{path}: the first request was answered {answer.status} {made}")
        first.close()
        fixture.refused("IDEMPOTENCY_KEY_REUSED", 422, "POST", path, other, who, **headers)
        if "webhooks" in name:
            fixture.call(204, "DELETE", f"{path}/{made['id']}", None, who)


def keep_key(user, key, status):
    """Stores a key of another request, which has ended with `status` or is under way (NULL)."""
    key_hash = uuid.UUID(bytes=hashlib.blake2b(key.encode(), digest_size=16).digest())
    sql(f"INSERT INTO idempotency_keys VALUES ('{user['id']}', '{key_hash}', gen_random_uuid(), gen_random_uuid(),"
        f" now() + interval '1 minute', {status}, now())")


def test_keys_of_acts(fixture):
    """The answers to a key that is in use, or belongs to another request. What acts do is in act_keys_test.c."""
    reason, admin = {"reason": "a test"}, f"{API}/admin"
    acts = (
        ("PUT", f"{admin}/auctions/{fixture.lot}", {"action": "end", **reason}, fixture.admin),
        ("PUT", f"{API}/flash-sales/{fixture.sale}", {"version": 1}, fixture.admin),
        ("POST", f"{API}/flash-sales/{fixture.sale}/extend", {"endTime": time_in(7200), **reason}, fixture.admin),
        *(("POST", f"{API}/flash-sales/{fixture.sale}/{act}", reason, fixture.admin) for act in ("close", "cancel")),
        ("POST", f"{admin}/auctions/{fixture.lot}/bids/{UNKNOWN_ID}/void", reason, fixture.admin),
        ("PUT", f"{admin}/users/{UNKNOWN_ID}/role", {"role": "user", **reason}, fixture.admin),
        ("POST", f"{admin}/users/{UNKNOWN_ID}/ban", reason, fixture.admin),
        ("POST", f"{admin}/users/{UNKNOWN_ID}/unban", reason, fixture.admin),
        ("POST", f"{admin}/dead-letters/{UNKNOWN_ID}/requeue", None, fixture.admin),
        ("POST", f"{admin}/refunds/{UNKNOWN_ID}/refunded", reason, fixture.admin),
        *(("POST", f"{base}/webhooks/{UNKNOWN_ID}/{act}", None, who)
          for base, who in ((admin, fixture.admin), (f"{API}/users/me", fixture.seller))
          for act in ("secret", "test", f"deliveries/{UNKNOWN_ID}/redeliver")))
    for who in (fixture.admin, fixture.seller):
        keep_key(who, "an act under way", "NULL")
        keep_key(who, "another act", 200)
    for method, path, body, who in acts:
        for code, status, key in (("IDEMPOTENCY_KEY_IN_USE", 409, "an act under way"),
                                  ("IDEMPOTENCY_KEY_REUSED", 422, "another act")):
            fixture.refused(code, status, method, path, body, who, Idempotency_Key=key)


def test_items(fixture):
    item = fixture.item()
    for who in (fixture.seller, fixture.admin):
        if fixture.call(200, "GET", f"{API}/items/{item}", None, who).data["auctionId"] is not None:
            raise Fault("an item that is not listed names an auction")
    fixture.refused("NOT_FOUND", 404, "GET", f"{API}/items/{item}", None, fixture.ann)
    auction = fixture.auction(itemId=item)
    listed = fixture.call(200, "GET", f"{API}/items?limit=1", None, fixture.seller).data
    if [(each["id"], each["auctionId"]) for each in listed["items"]] != [(item, auction)]:
        raise Fault(f"the newest item was listed as {listed}")
    for other, who in ((item, fixture.ann), (UNKNOWN_ID, fixture.seller)):
        body = {"title": "x", "startingPrice": "1.50", "endTime": time_in(60), "itemId": other}
        fixture.refused("VALIDATION_FAILED", 400, "POST", f"{API}/auctions", body, who)


def test_auctions(fixture):
    item = fixture.item()
    tables = ("ebay-us", [{"from": 0, "increment": 0.5}], [10, 12, 15], {"percent": 5, "minimum": 1},
              {"percent": 2.5, "minimum": "0.10"}, [{"from": 0, "increment": "0.5"}], ["10.00", 12])
    for table in tables:
        fixture.auction(incrementTable=table, reservePrice=40, buyNowPrice=90)
        fixture.call(200, "POST", f"{API}/auctions/quote", {"startingPrice": 10, "incrementTable": table})
    first = fixture.auction(itemId=item, antiSnipe={"windowSeconds": 0})
    again = {"title": "x", "startingPrice": "1.50", "endTime": time_in(60), "itemId": item}
    fixture.refused("ITEM_ALREADY_LISTED", 409, "POST", f"{API}/auctions", again, fixture.seller)
    path = f"{API}/auctions/{first}"
    fixture.call(200, "PUT", path, {"version": 1, "title": "Two chairs"}, fixture.seller)
    fixture.refused("VERSION_CONFLICT", 409, "PUT", path, {"version": 1, "title": "Three"}, fixture.seller)
    for method, body in (("PUT", {"version": 1}), ("DELETE", None)):
        fixture.refused("FORBIDDEN", 403, method, path, body, fixture.ann)
    fixture.call(204, "DELETE", path, None, fixture.seller)
    listed = fixture.call(200, "GET", f"{API}/auctions?sort=newest&limit=1&sellerId={fixture.seller['id']}").data
    fixture.call(200, "GET", f"{API}/auctions?sort=newest&cursor={listed['nextCursor']}")


def test_optional_members_may_be_left_out_or_null(fixture):
    """Clients with generated types send each of these forms; the last tests compile them."""
    forms = [{"antiSnipe": {name: 5}} for name in ("windowSeconds", "extensionSeconds", "maxExtensions")]
    forms += [{"antiSnipe": each} for each in ({}, {"maxExtensions": None}, None)]
    forms += [{name: None} for name in ("description", "category", "currency", "reservePrice", "buyNowPrice",
                                        "bidIncrement", "incrementTable", "startTime", "itemId")]
    forms += [{"bidIncrement": "0.50", "startingPrice": "7", "category": "chairs", "currency": "USD", "draft": True}]
    auctions = [fixture.auction(**form) for form in forms]
    fixture.call(200, "PUT", f"{API}/auctions/{auctions[0]}", {"version": 1, "reservePrice": "20.00"}, fixture.seller)
    path = f"{API}/auctions/{auctions[1]}"
    fixture.call(200, "POST", f"{path}/bids", {"amount": "20.5"}, fixture.ann, Prefer="wait=10")
    fixture.call(200, "POST", f"{path}/proxy", {"maxAmount": "30"}, fixture.ann, Prefer="wait=10, receipt")
    fixture.call(200, "POST", f"{API}/auctions/quote", {"currentBid": "9.99", "bidIncrement": None})
    channels = {"OUTBID": {"email": False}}
    fixture.call(200, "PATCH", f"{API}/users/me", {"notificationSettings": channels}, fixture.ann)


def test_searches(fixture):
    word = f"w{uuid.uuid4().hex[:12]}"
    for price in (5, 70, 6000):
        fixture.auction(title=f"A chair called {word}", category="furniture", startingPrice=price)
    path = f"{API}/auctions?q={word}"
    page = fixture.call(200, "GET", f"{path}&limit=2&facets=true").data
    if page["facets"]["matches"] != 3 or len(page["facets"]["price"]) != 3:
        raise Fault(f"facets of three auctions in three price bands: {page['facets']}")
    rest = fixture.call(200, "GET", f"{path}&limit=2&cursor={page['nextCursor']}").data
    if len(page["items"]) + len(rest["items"]) != 3 or rest["nextCursor"] is not None or "facets" in rest:
        raise Fault("the two pages do not contain the three auctions")
    for sort in ("ending", "newest", "price", "-price", "relevance"):
        listed = fixture.call(200, "GET", f"{path}&sort={sort}&limit=1", None, fixture.ann).data
        fixture.call(200, "GET", f"{path}&sort={sort}&limit=1&cursor={listed['nextCursor']}", None, fixture.ann)
    fixture.call(200, "GET", f"{API}/auctions?q=chiar&facets=true&minPrice=1&maxPrice=100&category=furniture")
    for wrong in ("sort=relevance", "q=%7f", f"q={'x' * 201}"):
        fixture.refused("VALIDATION_FAILED", 400, "GET", f"{API}/auctions?{wrong}")


def test_an_unchanged_auction_is_304(fixture):
    auction = fixture.auction()
    path = f"{API}/auctions/{auction}"
    tag = fixture.call(200, "GET", path).headers["etag"]
    fixture.call(304, "GET", path, If_None_Match=tag)
    if "etag" in fixture.call(200, "GET", path, None, fixture.seller, If_None_Match=tag).headers:
        raise Fault("an answer to credentials has an ETag")
    fixture.bid(auction, 10, fixture.ann)
    fixture.call(200, "GET", path, If_None_Match=tag)
    fixture.call(201, "POST", f"{API}/users/me/watchlist", {"auctionId": auction}, fixture.ann)
    wait_for("a watcher to be counted", lambda: fixture.call(200, "GET", path).data["watchers"] == 1)


def test_images(fixture):
    auction, kind = fixture.auction(), {"Content-Type": "image/png"}
    path = f"{API}/auctions/{auction}/images"
    fixture.refused("FORBIDDEN", 403, "POST", path, png(), fixture.ann, **kind)
    fixture.refused("UNSUPPORTED_MEDIA_TYPE", 415, "POST", path, b"no picture", fixture.seller, **kind)
    fixture.refused("INVALID_IMAGE", 422, "POST", path, png()[:40], fixture.seller, **kind)
    fixture.refused("IMAGE_TOO_LARGE", 422, "POST", path, png(30000, 30000), fixture.seller, **kind)
    added = [fixture.call(201, "POST", path, png(), fixture.seller, **kind).data for _ in range(IMAGES_MAX)]
    fixture.refused("TOO_MANY_IMAGES", 409, "POST", path, png(), fixture.seller, **kind)
    images = fixture.call(200, "GET", f"{API}/auctions/{auction}").data["images"]
    if [image["id"] for image in images] != [image["id"] for image in added]:
        raise Fault(f"the images are {images}")
    for url in {images[0]["url"], *images[0]["thumbnails"].values()}:
        tag = fixture.call(200, "GET", url).headers["etag"]
        fixture.call(200, "HEAD", url)
        fixture.call(304, "GET", url, If_None_Match=tag)
    fixture.refused("FORBIDDEN", 403, "DELETE", f"{path}/{images[0]['id']}", None, fixture.ann)
    fixture.call(204, "DELETE", f"{path}/{images[0]['id']}", None, fixture.seller)
    fixture.call(204, "DELETE", f"{path}/{images[1]['id']}", None, fixture.admin)


def test_drafts(fixture):
    draft = fixture.auction(draft=True)
    path = f"{API}/auctions/{draft}"
    fixture.refused("NOT_FOUND", 404, "GET", path)
    fixture.call(200, "PUT", path, {"version": 1, "description": "Oak"}, fixture.seller)
    fixture.call(200, "POST", f"{path}/publish", None, fixture.seller)
    fixture.refused("NOT_A_DRAFT", 409, "POST", f"{path}/publish", None, fixture.seller)
    fixture.refused("FORBIDDEN", 403, "POST", f"{path}/publish", None, fixture.ann)
    end = time_in(1.5)
    late = fixture.auction(draft=True, endTime=end)
    wait_for("the end of a draft", lambda: time_in(0) > end)
    fixture.refused("VALIDATION_FAILED", 400, "POST", f"{API}/auctions/{late}/publish", None, fixture.seller)


def closed_auctions(fixture):
    """An auction for each code that refuses bids, by code. The ended one had a bid."""
    cancelled, ended = fixture.auction(), fixture.auction()
    fixture.call(204, "DELETE", f"{API}/auctions/{cancelled}", None, fixture.seller)
    fixture.bid(ended, 10, fixture.ann)
    admin_change(fixture, 200, ended, {"action": "end", "reason": "a test"})
    wait_for("the settlement", lambda: fixture.status(ended) == "sold")
    future = {"AUCTION_NOT_STARTED": fixture.auction(startTime=time_in(1800))}
    return {"AUCTION_ENDED": ended, "AUCTION_CANCELLED": cancelled, **future}


def admin_change(fixture, status, auction, body):
    """Sends an admin action on an auction."""
    return fixture.call(status, "PUT", f"{API}/admin/auctions/{auction}", body, fixture.admin)


def test_closed_auctions_refuse_bids_and_changes(fixture):
    for code, auction in closed_auctions(fixture).items():
        for name, body in BID_BODIES.items():
            operation = fixture.document.operation(name)
            path = operation.path.replace("{id}", auction)
            fixture.refused(code, 409, operation.method, path, body, fixture.ann)
        if code != "AUCTION_NOT_STARTED":
            fixture.refused(code, 409, "PUT", f"{API}/auctions/{auction}", {"version": 1}, fixture.seller)
            fixture.refused(code, 409, "DELETE", f"{API}/auctions/{auction}", None, fixture.seller)
            images, kind = f"{API}/auctions/{auction}/images", {"Content-Type": "image/png"}
            fixture.refused(code, 409, "POST", images, png(), fixture.seller, **kind)
            fixture.refused(code, 409, "DELETE", f"{images}/{UNKNOWN_ID}", None, fixture.seller)
        end = {"action": "end", "reason": "a test"}
        fixture.refused(code, 409, "PUT", f"{API}/admin/auctions/{auction}", end, fixture.admin)


def test_a_sold_auction_is_readable_by_every_role(fixture):
    sold = fixture.auction(buyNowPrice=50)
    fixture.call(200, "POST", f"{API}/auctions/{sold}/buy-now", None, fixture.ann, Prefer="wait=10")
    wait_for("the settlement", lambda: fixture.status(sold) == "sold")
    for who in (None, fixture.ann, fixture.seller, fixture.admin):
        fixture.call(200, "GET", f"{API}/auctions/{sold}", None, who)


def test_products_and_sales(fixture):
    product = fixture.product()
    path, change = f"{API}/products/{product}", {"version": 1, "description": "Brass", "category": None}
    fixture.call(200, "PUT", path, change, fixture.admin)
    fixture.refused("VERSION_CONFLICT", 409, "PUT", path, change, fixture.admin)
    sale = fixture.call(201, "POST", f"{API}/flash-sales", new_sale(product), fixture.admin).data["id"]
    more = {"perUserLimit": 2, "joinTime": time_in(1800), "turnSeconds": 60, "payment": "callback"}
    fixture.call(201, "POST", f"{API}/flash-sales", {**new_sale(product), **more}, fixture.admin)
    fixture.call(201, "POST", f"{API}/flash-sales", {**new_sale(product), **dict.fromkeys(more)}, fixture.admin)
    images, kind = f"{path}/images", {"Content-Type": "image/png"}
    fixture.refused("INVALID_IMAGE", 422, "POST", images, png()[:40], fixture.admin, **kind)
    fixture.refused("IMAGE_TOO_LARGE", 422, "POST", images, png(30000, 30000), fixture.admin, **kind)
    added = [fixture.call(201, "POST", images, png(), fixture.admin, **kind).data["id"] for _ in range(IMAGES_MAX)]
    fixture.refused("TOO_MANY_IMAGES", 409, "POST", images, png(), fixture.admin, **kind)
    fixture.call(204, "DELETE", f"{images}/{added[0]}", None, fixture.admin)
    for url in (path, f"{API}/flash-sales/{sale}"):
        tag = fixture.call(200, "GET", url).headers["etag"]
        fixture.call(304, "GET", url, If_None_Match=tag)
        if "etag" in fixture.call(200, "GET", url, None, fixture.ann, If_None_Match=tag).headers:
            raise Fault("an answer to credentials has an ETag")
    for query in ("products?q=lamp&category=light", "flash-sales?status=upcoming,open", f"flash-sales?productId={product}"):
        fixture.call(200, "GET", f"{API}/{query}")


# --- bids ---


def test_bids(fixture):
    auction = fixture.auction(buyNowPrice=500, reservePrice=100)
    path = f"{API}/auctions/{auction}"
    fixture.refused("BID_TOO_LOW", 400, "POST", f"{path}/bids", {"amount": 1}, fixture.ann)
    placed = fixture.call(202, "POST", f"{path}/bids", {"amount": 10}, fixture.ann, X_Idempotency_Key="one").data
    wait_for("the decision", lambda: get_bid(fixture, auction, placed["bidId"])["status"] == "accepted")
    fixture.call(200, "POST", f"{path}/bids", {"amount": 10}, fixture.ann, X_Idempotency_Key="one")
    other = {"amount": 30}
    fixture.refused("IDEMPOTENCY_KEY_REUSED", 422, "POST", f"{path}/bids", other, fixture.ann, X_Idempotency_Key="one")
    for method, body in (("PUT", {"version": 1}), ("DELETE", None)):
        fixture.refused("HAS_BIDS", 409, method, path, body, fixture.seller)
    fixture.refused("HAS_BIDS", 409, "DELETE", f"{path}/images/{UNKNOWN_ID}", None, fixture.seller)
    fixture.call(200, "GET", f"{path}/bids")
    if [leader["rank"] for leader in fixture.call(200, "GET", f"{path}/leaderboard?limit=1").data["items"]] != [1]:
        raise Fault("the leaderboard does not show the one bidder")
    for name, body in BID_BODIES.items():
        operation = fixture.document.operation(name)
        own = operation.path.replace("{id}", auction)
        fixture.refused("OWN_AUCTION", 403, operation.method, own, body, fixture.seller)


def get_bid(fixture, auction, bid):
    """A bid of Ann's, as she sees it."""
    return fixture.call(200, "GET", f"{API}/auctions/{auction}/bids/{bid}", None, fixture.ann).data


def test_voids(fixture):
    auction = fixture.auction()
    first, second, third = [fixture.bid(auction, amount, fixture.ann)["bidId"] for amount in (10, 20, 30)]
    fixture.call(204, "DELETE", f"{API}/auctions/{auction}/bids/{third}", None, fixture.ann)
    fixture.refused("BID_VOIDED", 409, "DELETE", f"{API}/auctions/{auction}/bids/{third}", None, fixture.ann)
    void, reason = f"{API}/admin/auctions/{auction}/bids/{second}/void", {"reason": "a test"}
    fixture.call(200, "POST", void, reason, fixture.admin)
    fixture.refused("BID_VOIDED", 409, "POST", void, reason, fixture.admin)
    if get_bid(fixture, auction, second)["status"] != "voided":
        raise Fault("the status of a voided bid is not voided")
    notices = f"{API}/users/me/notifications"
    wait_for("the notice", lambda: b"BID_VOIDED" in fixture.call(200, "GET", notices, None, fixture.ann).body)
    admin_change(fixture, 200, auction, {"action": "cancel", "reason": "a test"})
    void = f"{API}/admin/auctions/{auction}/bids/{first}/void"
    fixture.refused("AUCTION_CANCELLED", 409, "POST", void, reason, fixture.admin)
    fixture.refused("AUCTION_CANCELLED", 409, "DELETE", f"{API}/auctions/{auction}/bids/{first}", None, fixture.ann)
    ended = fixture.auction()
    bid = fixture.bid(ended, 10, fixture.ann)["bidId"]
    admin_change(fixture, 200, ended, {"action": "end", "reason": "a test"})
    fixture.refused("AUCTION_ENDED", 409, "DELETE", f"{API}/auctions/{ended}/bids/{bid}", None, fixture.ann)


def test_maximums(fixture):
    auction = fixture.auction()
    path = f"{API}/auctions/{auction}/proxy"
    fixture.refused("NOT_FOUND", 404, "GET", path, None, fixture.ann)
    fixture.refused("BID_TOO_LOW", 400, "POST", path, {"maxAmount": 1}, fixture.ann)
    fixture.call(202, "POST", path, {"maxAmount": 40}, fixture.ann, X_Idempotency_Key="two")
    wait_for("the maximum", lambda: fixture.client.send("GET", path, token=fixture.ann["token"]).status == 200)
    fixture.call(200, "POST", path, {"maxAmount": 60}, fixture.ann, Prefer="wait=10")
    fixture.call(200, "POST", path, {"maxAmount": 50}, fixture.ann, Prefer="wait=10")  # rejected: MAXIMUM_NOT_RAISED
    other = {"maxAmount": 70}
    fixture.refused("IDEMPOTENCY_KEY_REUSED", 422, "POST", path, other, fixture.ann, X_Idempotency_Key="two")
    fixture.bid(auction, 20, fixture.admin)  # outbid at once by the maximum
    fixture.call(200, "GET", path, None, fixture.ann)
    fixture.call(200, "GET", f"{API}/auctions/{auction}/bids")
    fixture.call(204, "DELETE", path, None, fixture.ann)


def test_buy_now(fixture):
    auctions = fixture.auction(buyNowPrice=50), fixture.auction()
    first, second = (f"{API}/auctions/{auction}/buy-now" for auction in auctions)
    fixture.call(202, "POST", first, None, fixture.ann, X_Idempotency_Key="three")
    fixture.refused("IDEMPOTENCY_KEY_REUSED", 422, "POST", second, None, fixture.ann, X_Idempotency_Key="three")
    fixture.call(200, "POST", second, None, fixture.ann, Prefer="wait=10")  # rejected: BUY_NOW_GONE
    third = f"{API}/auctions/{fixture.auction(buyNowPrice=50)}/buy-now"
    fixture.refused("INVALID_AMOUNT", 400, "POST", third, {"price": 0}, fixture.ann)
    for price, status in ((None, "accepted"), (40, "rejected"), (50, "accepted")):
        third = f"{API}/auctions/{fixture.auction(buyNowPrice=50)}/buy-now"
        decided = fixture.call(200, "POST", third, {"price": price}, fixture.ann, Prefer="wait=10").data
        if decided["status"] != status or (status == "rejected") != (decided.get("reason") == "TERMS_CHANGED"):
            raise Fault(f"a purchase for {price} was decided {decided}")


def test_commands_to_flash_sales(fixture):
    """They are queued; those that are certain to be rejected are refused.

    The sale is one of its own: calls that were answered 503 may have been queued, and count towards Ann's limit.
    """
    join, orders, sale = f"{API}/queue/join", f"{API}/orders", add_sale("active")
    joined = fixture.call(202, "POST", join, {"flashSaleId": sale}, fixture.ann, X_Idempotency_Key="j")
    entry = joined.data
    if entry["position"] is not None:
        raise Fault(f"a join was answered {entry}")
    place = fixture.call(200, "GET", joined.headers["location"], None, fixture.ann).data
    if place["flashSaleId"] != sale or place["status"] not in ("pending", "turn"):
        raise Fault(f"a join was answered {entry}, and its place is {place}")
    fixture.call(200, "GET", f"{API}/queue/position?flashSaleId={sale}", None, fixture.ann)
    for path in (f"queue/position?flashSaleId={sale}", f"flash-sales/{sale}/queue-position"):
        fixture.refused("NOT_FOUND", 404, "GET", f"{API}/{path}", None, fixture.seller)
    # The repetition is answered by the decision, once there is one.
    again = fixture.client.send("POST", join, {"flashSaleId": sale}, fixture.ann["token"],
                                {"X-Idempotency-Key": "j"})
    if again.status not in (200, 202) or again.data["entryId"] != entry["entryId"]:
        raise Fault(f"a join was answered {entry}, then {again}")
    body = {"flashSaleId": sale, "quantity": 2}
    fixture.refused("IDEMPOTENCY_KEY_REUSED", 422, "POST", join, body, fixture.ann, X_Idempotency_Key="j")
    order = fixture.call(202, "POST", orders, body, fixture.ann, X_Idempotency_Key="o").data
    body["quantity"] = 1
    fixture.refused("IDEMPOTENCY_KEY_REUSED", 422, "POST", orders, body, fixture.ann, X_Idempotency_Key="o")
    shown = fixture.call(200, "GET", f"{orders}/{order['orderId']}", None, fixture.ann).data
    if [shown[each] for each in ("orderId", "flashSaleId", "quantity")] != [order["orderId"], sale, 2]:
        raise Fault(f"an order was answered {order}, and is shown as {shown}")
    fixture.refused("NOT_FOUND", 404, "GET", f"{orders}/{order['orderId']}", None, fixture.seller)
    for act in ("confirm", "cancel"):
        for each in (order["orderId"], fixture.order):
            fixture.call(202, "POST", f"{orders}/{each}/{act}", None, fixture.ann, X_Idempotency_Key=f"{act} {each}")
        path = f"{orders}/{fixture.order}/{act}"
        fixture.refused("IDEMPOTENCY_KEY_REUSED", 422, "POST", path, None, fixture.ann,
                        X_Idempotency_Key=f"{act} {order['orderId']}")
    fixture.refused("NOT_FOUND", 404, "DELETE", f"{API}/queue/leave?flashSaleId={UNKNOWN_ID}", None, fixture.ann)
    fixture.refused("IDEMPOTENCY_KEY_REUSED", 422, "DELETE", f"{API}/queue/leave?flashSaleId={sale}", None, fixture.ann,
                    X_Idempotency_Key="j")
    for path in (join, orders):
        unknown = {"flashSaleId": UNKNOWN_ID, "quantity": 1}
        fixture.refused("NOT_FOUND", 404, "POST", path, unknown, fixture.ann)
    early = {"flashSaleId": add_sale("upcoming", 60, 90), "quantity": 1}
    fixture.refused("SALE_NOT_OPEN", 409, "POST", join, early, fixture.ann)
    fixture.refused("SALE_NOT_STARTED", 409, "POST", orders, early, fixture.ann)
    greedy = {"flashSaleId": sale, "quantity": 3}
    fixture.refused("LIMIT_REACHED", 409, "POST", join, greedy, fixture.ann)
    for status, code in (("ended", "SALE_ENDED"), ("cancelled", "SALE_CANCELLED"), ("sold_out", "SOLD_OUT")):
        over = {"flashSaleId": add_sale(status), "quantity": 1}
        fixture.refused(code, 409, "POST", join, over, fixture.ann)
        fixture.refused(code, 409, "POST", orders, over, fixture.ann)
        fixture.refused(code, 409, "DELETE", f"{API}/queue/leave?flashSaleId={over['flashSaleId']}", None, fixture.ann)


def test_changes_of_flash_sales(fixture):
    """What they do in each state is in sale_admin_test.c."""
    reason, later = {"reason": "a test"}, {"endTime": time_in(7200), "reason": "a test"}
    made = {code: f"{API}/flash-sales/{add_sale(status, *times)}" for code, status, times in (
        ("SALE_CANCELLED", "upcoming", (600, 900)), ("SALE_ENDED", "active", ()), ("SOLD_OUT", "sold_out", ()))}
    sale = made["SALE_CANCELLED"]
    change = {"version": 1, "flashPrice": "30.00", "joinTime": time_in(700), "payment": "callback"}
    fixture.call(200, "PUT", sale, change, fixture.admin)
    fixture.refused("VERSION_CONFLICT", 409, "PUT", sale, change, fixture.admin)
    fixture.call(200, "PUT", sale, {**dict.fromkeys(change), "startTime": None, "version": 2}, fixture.admin)
    fixture.refused("SALE_NOT_STARTED", 409, "POST", f"{sale}/close", reason, fixture.admin)
    fixture.call(200, "POST", f"{sale}/extend", later, fixture.admin)
    fixture.refused("END_NOT_LATER", 409, "POST", f"{sale}/extend", later, fixture.admin)
    fixture.call(200, "POST", f"{sale}/cancel", reason, fixture.admin)
    fixture.refused("SALE_ALREADY_OPEN", 409, "PUT", made["SALE_ENDED"], {"version": 1}, fixture.admin)
    fixture.call(200, "POST", f"{made['SALE_ENDED']}/close", reason, fixture.admin)
    for code, sale in made.items():
        fixture.refused(code, 409, "PUT", sale, {"version": 1}, fixture.admin)
        for act, body in (("extend", later), ("close", reason), ("cancel", reason)):
            fixture.refused(code, 409, "POST", f"{sale}/{act}", body, fixture.admin)


def test_a_buyer_joins_orders_and_confirms(fixture):
    join, orders, sale = f"{API}/queue/join", f"{API}/orders", add_sale("active")
    buyer, leave = fixture.new_user("Bea"), f"{API}/queue/leave?flashSaleId={sale}"

    def act(status, path, body=None):
        return fixture.call(status, "POST", path, body, buyer, Prefer="wait=10").data

    def expect(data, **members):
        if any(data.get(name) != value for name, value in members.items()):
            raise Fault(f"expected {members}, got {data}")

    place = act(200, join, {"flashSaleId": sale})
    expect(place, status="turn", position=0)
    expect(act(200, join, {"flashSaleId": sale}), entryId=place["entryId"])  # the place that one has
    fixture.call(204, "DELETE", leave, None, buyer)
    fixture.refused("NOT_IN_QUEUE", 409, "DELETE", leave, None, buyer)
    act(200, join, {"flashSaleId": sale})
    order = act(200, orders, {"flashSaleId": sale, "quantity": 1})
    expect(order, status="reserved", quantity=1, totalPrice=49)
    path = f"{orders}/{order['orderId']}"
    shown = fixture.call(200, "GET", path, None, buyer).data
    order["productName"] = "A radio"  # a decision does not know it
    if shown != order:
        raise Fault(f"a reserved order is shown differently from its decision: {shown}")
    listed = fixture.call(200, "GET", f"{orders}?flashSaleId={sale}&status=reserved,confirmed&limit=1", None, buyer).data
    if listed != {"items": [order], "nextCursor": None}:
        raise Fault(f"expected a list of {order}, got {listed}")
    expect(act(200, f"{path}/confirm"), orderId=order["orderId"], status="confirmed")
    fixture.refused("ORDER_CLOSED", 409, "POST", f"{path}/cancel", None, buyer, Prefer="wait=10")
    other = f"{orders}/{act(200, orders, {'flashSaleId': sale, 'quantity': 1})['orderId']}"  # nobody waits
    expect(act(200, f"{other}/cancel"), status="cancelled")
    fixture.refused("ORDER_CLOSED", 409, "POST", f"{other}/confirm", None, buyer, Prefer="wait=10")
    expect(act(200, orders, {"flashSaleId": sale, "quantity": 2}), status="rejected", reason="LIMIT_REACHED")


def test_callbacks_of_payments(fixture):
    path, body = f"{API}/payments/callback", {"reference": "pay_1", "outcome": "failed", "amount": 49}

    def status_of(order):
        """The provider repeats what is answered 503: while anything is undecided, an unknown order is, too."""
        sent, headers = signed({**body, "orderId": order})
        reply = fixture.client.send("POST", path, sent, None, headers)
        fixture.document.judge(fixture.document.operation("receivePayment"), reply)
        return None if reply.status == 503 else reply.data["status"]

    for order, status in ((fixture.order, "queued"), (UNKNOWN_ID, "unknown_order")):
        wait_for(f"{status}, the answer to a callback about {order}", lambda: status_of(order) == status)
    fixture.refused("INVALID_SIGNATURE", 401, "POST", path, {**body, "orderId": fixture.order})


def test_refunds(fixture):
    refund = str(uuid.uuid4())
    sql(f"INSERT INTO refunds (id, sale_id, order_id, user_id, amount, reference, created_at) VALUES ('{refund}',"
        f" '{fixture.sale}', '{uuid.uuid4()}', NULL, 49, 'pay_1', '2001-01-01');")
    path, body = f"{API}/admin/refunds", {"reason": "returned, re_1"}
    due = fixture.call(200, "GET", path, None, fixture.admin).data["items"]
    if due[0]["id"] != refund or due[0]["refundedAt"] is not None:
        raise Fault(f"the oldest refund is {due[0]}")
    made = fixture.call(200, "POST", f"{path}/{refund}/refunded", body, fixture.admin, X_Idempotency_Key="r").data
    again = fixture.call(200, "POST", f"{path}/{refund}/refunded", body, fixture.admin, X_Idempotency_Key="r").data
    if made != again or made["refundedBy"] != fixture.admin["id"]:
        raise Fault(f"a refund was marked as {made}, then {again}")
    other = {"reason": "twice"}
    fixture.refused("IDEMPOTENCY_KEY_REUSED", 422, "POST", f"{path}/{refund}/refunded", other, fixture.admin,
                    X_Idempotency_Key="r")
    fixture.refused("REFUND_DONE", 409, "POST", f"{path}/{refund}/refunded", other, fixture.admin)
    if fixture.call(200, "GET", f"{path}?status=refunded", None, fixture.admin).data["items"][0] != made:
        raise Fault("the newest mark is not the first one")


def test_undecided_commands_are_202(fixture):
    """Calls in parallel while all that decide are stopped, because each waits for three seconds."""
    lots = [fixture.auction() for _ in range(6)]
    bids = [fixture.call(200, "POST", f"{API}/auctions/{lot}/bids", {"amount": 10}, fixture.ann, Prefer="wait=10")
            for lot in lots[4:]]
    fixture.call(200, "POST", f"{API}/auctions/{lots[2]}/proxy", {"maxAmount": 40}, fixture.ann, Prefer="wait=10")
    end = {"action": "end", "reason": "a test"}
    calls = [("PUT", f"{API}/auctions/{lots[0]}", {"version": 1, "title": "y"}, fixture.seller)]
    calls.append(("DELETE", f"{API}/auctions/{lots[1]}", None, fixture.seller))
    calls.append(("DELETE", f"{API}/auctions/{lots[2]}/proxy", None, fixture.ann))
    calls.append(("PUT", f"{API}/admin/auctions/{lots[3]}", end, fixture.admin))
    retracted, voided = [bid.data["bidId"] for bid in bids]
    calls.append(("DELETE", f"{API}/auctions/{lots[4]}/bids/{retracted}", None, fixture.ann))
    calls.append(("POST", f"{API}/admin/auctions/{lots[5]}/bids/{voided}/void", {"reason": "a test"}, fixture.admin))
    reason, later = {"reason": "a test"}, {"endTime": time_in(7200), "reason": "a test"}
    for method, act, body in (("PUT", "", {"version": 1}), ("POST", "/extend", later), ("POST", "/close", reason),
                              ("POST", "/cancel", reason)):
        calls.append((method, f"{API}/flash-sales/{add_sale('upcoming', 600, 900)}{act}", body, fixture.admin))
    errors = []
    workers = [pid("bidworker-1"), pid("bidworker-2"), pid("saleworker-1")]

    def send(method, path, body, who):
        try:
            Client(fixture.url, fixture.document).call(202, method, path, body, who["token"])
        except Fault as fault:
            errors.append(fault)

    threads = [threading.Thread(target=send, args=call) for call in calls]
    run_while_stopped(workers, threads)
    if errors:
        raise errors[0]


# --- admins ---


def test_live_updates(fixture):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
    upgrade["Sec_WebSocket_Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    fixture.refused("UPGRADE_REQUIRED", 426, "GET", "/ws")
    fixture.refused("CROSS_ORIGIN", 403, "GET", "/ws", Origin="https://elsewhere.example", **upgrade)
    fixture.call(101, "GET", "/ws", None, fixture.ann, Sec_WebSocket_Protocol="rostrum.v1", **upgrade)
    fixture.client.close()
    auction = fixture.auction()
    operation = fixture.document.operation("watchAuction")
    connection = http.client.HTTPConnection(fixture.client.address, timeout=WAIT_S)
    bearer = {"Authorization": f"Bearer {fixture.ann['token']}"}
    connection.request("GET", f"{API}/auctions/{auction}/events", headers=bearer)
    answer = connection.getresponse()
    body = b""
    while body.count(b"\n\n") < 5:  # retry, snapshot, bid_placed, bid_result, and the bid of another user
        body += answer.read1()
        if body.count(b"\n\n") == 2 and b"bid_placed" not in body:
            fixture.bid(auction, 20, fixture.ann)
            fixture.bid(auction, 30, fixture.admin)
    connection.close()
    fixture.document.judge(operation, Reply(answer, body))
    expect_events(fixture, "events", body)
    connection = http.client.HTTPConnection(fixture.client.address, timeout=WAIT_S)
    connection.request("GET", f"{API}/flash-sales/{fixture.sale}/events", headers=bearer)
    answer = connection.getresponse()
    body = b""
    while body.count(b"\n\n") < 2:  # retry and the state
        body += answer.read1()
    connection.close()
    fixture.document.judge(fixture.document.operation("watchSale"), Reply(answer, body))
    expect_events(fixture, "sale_events", body)


def expect_events(fixture, channel, body):
    """Fails unless each event is described in this channel."""
    live = LiveDocument(fixture.call(200, "GET", f"{API}/asyncapi.json").data)
    for line in body.decode().split("\n"):
        if line.startswith("data: "):
            error = live.error(channel, line[6:])
            if error is not None:
                raise Fault(f"an event: {error}")


def test_admin_lists_and_extensions(fixture):
    for name in ("users", "auctions", "audit-logs", "stats", "dead-letters"):
        fixture.call(200, "GET", f"{API}/admin/{name}", None, fixture.admin)
    fixture.call(200, "GET", f"{API}/admin/audit-logs?actorId={fixture.admin['id']}&limit=100", None, fixture.admin)
    fixture.call(200, "GET", f"{API}/admin/users?banned=true&role=user", None, fixture.admin)
    auction = fixture.auction()
    fixture.bid(auction, 20, fixture.ann)
    fixture.call(200, "GET", f"{API}/admin/auctions/{auction}/bids", None, fixture.admin)
    fixture.call(200, "GET", f"{API}/admin/auctions?bidderId={fixture.ann['id']}&status=active,sold", None, fixture.admin)
    admin_change(fixture, 200, auction, {"action": "extend", "endTime": time_in(7200), "reason": "a test"})
    back = {"action": "extend", "endTime": time_in(60), "reason": "a test"}
    fixture.refused("END_NOT_LATER", 409, "PUT", f"{API}/admin/auctions/{auction}", back, fixture.admin)
    admin_change(fixture, 200, auction, {"action": "cancel", "reason": "a test"})


def test_export_and_erasure(fixture):
    user, cursor, sections = fixture.new_user("Grace"), "", []
    while cursor is not None:
        page = fixture.call(200, "GET", f"{API}/users/me/export?limit=100{cursor}", None, user).data
        sections.append(page["section"])
        cursor = page["nextCursor"] and "&cursor=" + page["nextCursor"]
    if sections[0] != "account" or sections[-1] != "auditLog":
        raise Fault(f"sections of an export: {sections}")
    erasure, right = f"{API}/users/me/erasure", {"password": PASSWORD}
    fixture.refused("VALIDATION_FAILED", 400, "POST", erasure, {"password": "wrong"}, user)
    auction = fixture.auction()
    fixture.bid(auction, 20, user)
    fixture.refused("ACCOUNT_IN_USE", 409, "POST", erasure, right, user)
    fixture.bid(auction, 40, fixture.ann)
    fixture.call(204, "POST", erasure, right, user)


def test_bans(fixture):
    user, reason = fixture.new_user("Eve"), {"reason": "a test"}
    for verb in ("ban", "unban"):
        fixture.call(200, "POST", f"{API}/admin/users/{user['id']}/{verb}", reason, fixture.admin)
    for tail in ("", "/bids", "/shared-addresses"):
        fixture.call(200, "GET", f"{API}/admin/users/{user['id']}{tail}", None, fixture.admin)
    role, roles = f"{API}/admin/users/{user['id']}/role", [{"role": role, **reason} for role in ("admin", "user")]
    for body in roles:
        fixture.call(200, "PUT", role, body, fixture.admin)
    # Demote the admins of earlier tests.
    sql(f"UPDATE users SET role = 'user' WHERE role = 'admin' AND id <> '{fixture.admin['id']}';")
    own = f"{API}/admin/users/{fixture.admin['id']}"
    fixture.refused("LAST_ADMIN", 409, "POST", f"{own}/ban", reason, fixture.admin)
    fixture.refused("LAST_ADMIN", 409, "PUT", f"{own}/role", roles[1], fixture.admin)
    fixture.refused("LAST_ADMIN", 409, "POST", f"{API}/users/me/erasure", {"password": PASSWORD}, fixture.admin)


def test_dead_letters(fixture):
    auction, valid, invalid = fixture.auction(), uuid.uuid4(), uuid.uuid4()
    body = f'{{"v":1,"commands":[{{"a":"{auction}"}}]}}'
    for dead_letter, text in ((valid, body), (invalid, "no JSON")):
        sql(
            "INSERT INTO dead_letters (id, routing_key, reason, body, created_at)"
            f" VALUES ('{dead_letter}', 'dead.bids', 'a test', convert_to('{text}', 'UTF8'), now());"
        )
    path = f"{API}/admin/dead-letters"
    fixture.call(200, "GET", path, None, fixture.admin)
    for dead_letter in (valid, invalid):
        fixture.call(200, "GET", f"{path}/{dead_letter}", None, fixture.admin)
    fixture.call(200, "POST", f"{path}/{valid}/requeue?reason=mended", None, fixture.admin)
    fixture.refused("DEAD_LETTER_UNREADABLE", 409, "POST", f"{path}/{invalid}/requeue", None, fixture.admin)
    for method, tail in (("DELETE", valid), ("POST", f"{valid}/requeue")):
        fixture.refused("VALIDATION_FAILED", 400, method, f"{path}/{tail}?reason={'x' * 1001}", None, fixture.admin)
    for dead_letter in (valid, invalid):
        fixture.call(204, "DELETE", f"{path}/{dead_letter}?reason=no%20use", None, fixture.admin)
    fixture.call(200, "GET", f"{API}/admin/audit-logs?action=DEAD_LETTER_DROPPED", None, fixture.admin)


# --- limits ---


def apply_settings(fixture, text):
    """Replaces the gateway's settings and waits for the end of the workers that have those from before."""
    with open(os.environ["ROSTRUM_TEST_CONF"], "w", encoding="utf-8") as file:
        file.write(text)
    master = pid("gateway")
    old = set(family(master)) - {master}
    os.kill(master, signal.SIGHUP)
    wait_for("the gateway's new settings", lambda: old.isdisjoint(family(master)))
    fixture.client.close()


def send_at_once(fixture, path, body, who, key):
    """Sends CONNECTIONS equal requests before it reads the first answer; returns their statuses."""
    fields = {"Authorization": f"Bearer {who['token']}", "Content-Type": "application/json", "Idempotency-Key": key}
    connections = [http.client.HTTPConnection(fixture.client.address, timeout=WAIT_S) for _ in range(CONNECTIONS)]
    for each in connections:
        each.connect()
    for each in connections:
        each.request("POST", path, json.dumps(body), fields)
    statuses = [each.getresponse().status for each in connections]
    for each in connections:
        each.close()
    return statuses


def test_unverified_users_cannot_bid_if_the_setting_forbids_it(fixture):
    with open(os.environ["ROSTRUM_TEST_CONF"], encoding="utf-8") as file:
        saved = file.read()
    text = re.sub(r"(?m)^(searches_per_minute) *=.*$", r"\1 = 1000", saved) + "\n[accounts]\nbid_unverified = no\n"
    known, unknown, auction = fixture.new_user("Val"), fixture.new_user("Ulf"), fixture.auction()
    fixture.call(204, "POST", f"{API}/auth/verify-email", {"token": token_of(wait_for_mail(known["email"], "confirm"))})
    bids = f"{API}/auctions/{auction}/bids"
    try:
        apply_settings(fixture, text)
        for _ in range(CONNECTIONS):
            fixture.refused("EMAIL_UNVERIFIED", 403, "POST", bids, {"amount": 10}, unknown, X_Idempotency_Key="mine")
        for path in (f"{API}/queue/join", f"{API}/orders"):
            body = {"flashSaleId": fixture.sale, "quantity": 1}
            fixture.refused("EMAIL_UNVERIFIED", 403, "POST", path, body, unknown)
        statuses = send_at_once(fixture, bids, {"amount": 10}, unknown, "at once")
        if statuses != [403] * CONNECTIONS:
            raise Fault(f"repetitions of a request under way were answered {statuses}")
        fixture.bid(auction, 10, known)
        token = token_of(wait_for_mail(unknown["email"], "confirm"))
        fixture.call(204, "POST", f"{API}/auth/verify-email", {"token": token})
        fixture.call(202, "POST", bids, {"amount": 20}, unknown, X_Idempotency_Key="mine")
    finally:
        apply_settings(fixture, saved)


def test_every_rate_limit_is_429(fixture):
    with open(os.environ["ROSTRUM_TEST_CONF"], encoding="utf-8") as file:
        saved = file.read()
    text = re.sub(r"(?m)^((?:[a-z]+|webhook_calls)_per_(minute|hour)) *=.*$", r"\1 = 2", saved)
    text += "\n[metrics]\nmetrics_public = yes\n[accounts]\nbid_unverified = no\n"
    fixture.refused("NOT_FOUND", 404, "GET", "/metrics")
    bids, sale_calls = ("placeBid", "setMaximum", "buyNow"), ("joinQueue", "placeOrder")
    users = {name: fixture.new_user("Liz") for name in (*bids, *sale_calls, "changeMe", "eraseAccount", "other")}
    # A refused bid, join, order or auction and a malformed login are not counted, so these bodies are valid.
    bodies = {**COMMAND_BODIES, "changeMe": {"password": PASSWORD + "!", "currentPassword": "wrong"},
              "createAuction": {"title": "A chair", "startingPrice": 10, "endTime": time_in(3600)},
              "logIn": {"email": "nobody@example.org", "password": "wrong"},
              "eraseAccount": {"password": "wrong"}, "verifyEmail": {"token": "0" * 64},
              "resetPassword": {"token": "0" * 64, "password": PASSWORD}}
    auction = fixture.auction()
    try:
        apply_settings(fixture, text)
        fixture.call(200, "GET", "/metrics")
        for operation in fixture.document.operations:
            if operation.limited:
                path = fill_path(operation.path)
                who = fixture.admin if operation.admin else users.get(operation.id, users["other"])
                body = bodies.get(operation.id, {} if "requestBody" in operation.details else None)
                if operation.id in bids:  # refused first, which is not counted
                    fixture.document.judge(operation, fixture.client.send(operation.method, path, body, who["token"]))
                    spend_bids(fixture, auction, bids.index(operation.id), who)
                if operation.id in sale_calls:  # likewise
                    fixture.document.judge(operation, fixture.client.send(operation.method, path, body, who["token"]))
                    sql(f"UPDATE users SET verified_at = now() WHERE id = '{who['id']}';")
                    sale = add_sale("active")
                    for _ in range(2):
                        fixture.call(202, operation.method, path, {**body, "flashSaleId": sale}, who)
                expect_rate_limit(fixture, operation, path, body, None if operation.open else who)
    finally:
        apply_settings(fixture, saved)


def spend_bids(fixture, auction, turn, who):
    """Places as many bids as the limit allows, of a user who is verified now; those of a later turn are higher."""
    sql(f"UPDATE users SET verified_at = now() WHERE id = '{who['id']}';")
    for i in range(2):
        fixture.bid(auction, 100 * (turn + 1) + 10 * i, who)


def expect_rate_limit(fixture, operation, path, body, who):
    """Calls until the answer is 429. Every answer is validated."""
    for _ in range(3):
        reply = fixture.client.send(operation.method, path, body, who and who["token"])
        fixture.document.judge(operation, reply)
        if reply.status == 429:
            return
    raise Fault(f"{operation} is not limited")


# --- coverage ---


def test_the_types_of_all_accepted_calls_compile(fixture):
    compile_calls(fixture.document, "gateway/openapi.yaml")


def test_every_described_status_and_code_was_seen(fixture):
    expected = {each for each in fixture.document.described() if each[1] not in UNREACHED_STATUS} - UNREACHED
    # Any client that holds too much is answered 429: bounds_test.c.
    expected -= {(each.id, 429, "RATE_LIMITED") for each in fixture.document.operations if not each.limited}
    if expected - fixture.document.seen:
        raise Fault(f"described but not seen: {sorted(expected - fixture.document.seen, key=str)}")


def main():
    """Runs the tests in the order of the file: the check of coverage is last."""
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
    print(f"openapi_test: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
