"""Sends generated requests to a deployment as guest, user, seller and admin, and validates every answer.

A fault is an answer that the OpenAPI document does not describe, and any 408, 500 or 503. So is an accepted request that
violates its schema, no answer, or an error that shows the implementation. Auctions in each state, bids, images, webhooks and
dead letters exist before the first request, and are made anew while the requests use them up. Called by
tests/security/generated_requests_test.py and generated_requests_long_test.py, which tests/run starts.
"""
import collections
import datetime
import http.client
import os
import re
import struct
import sys
import time
import uuid
import zlib

from contract import Client, Document, Fault, Reply
from database import sql
from request_generator import Generator

API = "/api/v1"
PASSWORD = "correct horse battery"
ROLES = ("guest", "user", "seller", "admin")
WAIT_S = 30  # for asynchronous work of the deployment
POLL_S = 0.05
KEPT = 40  # ids of each kind
REPLENISHED_EVERY = 150  # requests
FAULTS_SHOWN = 12
BROKEN = {408, 500, 503}  # no request may cause one in a deployment that is whole
# In the message of an error.
SECRET_WORDS = re.compile(r"(?i)\b(SELECT|INSERT|psql|libpq|hiredis|sqlstate)\b|\.[ch]:\d|/(tmp|home|var|usr)/")
# A success of these may end the sessions of the caller.
ENDING = {"logOut", "endAllSessions", "endSession", "changeMe", "eraseAccount"}


def time_in(seconds):
    """The time in `seconds` from now, in the form of the API."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def png():
    """A PNG of 8 × 8 pixels, like no other."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress((b"\0" + uuid.uuid4().bytes + b"\x7f" * 8) * 8)
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


class Connection(Client):
    """A client that sends requests of the generator."""

    def exchange(self, request, headers):
        """The answer. A connection that the deployment closed between two requests is opened again, once."""
        fresh = self.connection.sock is None
        try:
            return self.attempt(request, headers)
        except (http.client.HTTPException, OSError) as error:
            self.close()
            if fresh or isinstance(error, TimeoutError):
                raise Fault(f"no answer: {error!r}") from error
        return self.exchange(request, headers)

    def attempt(self, request, headers):
        """Sends it once. Of an event stream only the first bytes are read; a WebSocket is closed."""
        try:
            self.connection.request(request.method, request.target(), body=request.body, headers=headers)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was read; the answer may have arrived
        answer = self.connection.getresponse()
        stream = answer.getheader("Content-Type") == "text/event-stream" and request.method == "GET"
        body = answer.read1() if stream else answer.read()
        if stream or answer.status == 101:
            self.close()
        return Reply(answer, body)


class World:
    """Users, and what they made: the ids that the generator uses."""

    def __init__(self, url):
        self.client = Connection(url)
        self.document = Document(self.client.send("GET", f"{API}/openapi.json").data)
        self.client.document = self.document
        self.ids = collections.defaultdict(list)  # of each kind, the newest last; pairs for what belongs to something
        self.actors = {"guest": None}
        for role in ROLES[1:]:
            self.actors[role] = self.new_user(role)
        for _ in range(3):
            self.add("victim", self.new_user("victim")["id"])
        self.emails = ["nobody@example.org", *(actor["email"] for actor in self.actors.values() if actor)]
        self.replenish(True)

    def call(self, status, method, path, body=None, role=None, headers=None):
        """The data of an answer that must have this status."""
        token = role and self.actors[role]["token"]
        return self.client.call(status, method, f"{API}/{path}", body, token, headers).data

    def new_user(self, role):
        """Registers a user with this role and logs in."""
        user = {"email": f"{uuid.uuid4()}@example.org", "password": PASSWORD, "role": role}
        registered = self.call(201, "POST", "auth/register",
                               {"email": user["email"], "password": PASSWORD, "displayName": role.title()})
        user["id"] = registered["user"]["id"]
        if role == "admin":
            sql(f"UPDATE users SET role = 'admin' WHERE id = '{user['id']}';")
        self.log_in(user)
        return user

    def log_in(self, user):
        """Keeps access token and cookie. False if the user cannot log in any more."""
        body = {"email": user["email"], "password": user["password"]}
        reply = self.client.send("POST", f"{API}/auth/login", body)
        if reply.status == 200:
            user["token"] = reply.data["accessToken"]
            user["cookie"] = reply.headers["set-cookie"].partition(";")[0]
        return reply.status == 200

    def add(self, kind, value):
        """Remembers an id."""
        kept = self.ids[kind]
        if value not in kept:
            kept.append(value)
            del kept[:-KEPT]

    @staticmethod
    def dead_letter(body):
        """A dead letter that changes nothing when it is sent again."""
        made = uuid.uuid4()
        sql("INSERT INTO dead_letters (id, routing_key, reason, body, created_at)"
            f" VALUES ('{made}', 'dead.bids', 'a test', convert_to('{body}', 'UTF8'), now());")
        return str(made)

    def auction(self, **more):
        """Creates an auction of the seller."""
        body = {"title": "A chair", "startingPrice": 10, "endTime": time_in(3600), **more}
        made = self.call(201, "POST", "auctions", body, "seller")["id"]
        self.add("auction", made)
        return made

    def bid(self, auction, amount, role="user"):
        """Places a bid and waits for its decision."""
        made = self.call(200, "POST", f"auctions/{auction}/bids", {"amount": amount}, role, {"Prefer": "wait=10"})
        self.add("bid", (auction, made["bidId"]))

    def replenish(self, first=False):
        """An auction in each state, with what belongs to it."""
        self.auction()
        bidden, bought, ended = self.auction(buyNowPrice=500), self.auction(buyNowPrice=30), self.auction()
        self.auction(startTime=time_in(1800))
        draft = self.auction(draft=True)
        self.bid(bidden, 20)
        self.bid(ended, 20)
        self.call(200, "POST", f"auctions/{bidden}/proxy", {"maxAmount": 60}, "admin", {"Prefer": "wait=10"})
        self.call(200, "POST", f"auctions/{bought}/buy-now", None, "user", {"Prefer": "wait=10"})
        self.call(200, "PUT", f"admin/auctions/{ended}", {"action": "end", "reason": "a test"}, "admin")
        cancelled = self.auction()
        self.client.send("DELETE", f"{API}/auctions/{cancelled}", token=self.actors["seller"]["token"])
        image = self.client.call(201, "POST", f"{API}/auctions/{draft}/images", png(), self.actors["seller"]["token"],
                                 {"Content-Type": "image/png"}).data
        self.add("image", (draft, image["id"]))
        self.add("file", image["url"].rpartition("/")[2])
        self.add("item", self.call(201, "POST", "items", {"title": "A chair"}, "seller")["id"])
        self.sale()
        for body in "no JSON", f'{{"v":1,"commands":[{{"a":"{bidden}"}}]}}':
            self.add("dead letter", self.dead_letter(body))
        for role in ROLES[1:]:
            self.webhook(role, f"hook {role}", "users/me/webhooks", "OUTBID")
        self.webhook("admin", "admin hook", "admin/webhooks", "AUCTION_SOLD")
        if first:
            self.await_settlement(ended)

    def sale(self):
        """A product with an image and a flash sale."""
        made = self.call(201, "POST", "products", {"name": "A lamp", "basePrice": 80}, "admin")["id"]
        self.add("product", made)
        image = self.client.call(201, "POST", f"{API}/products/{made}/images", png(), self.actors["admin"]["token"],
                                 {"Content-Type": "image/png"}).data
        self.add("product image", (made, image["id"]))
        body = {"productId": made, "flashPrice": 20, "quantityAvailable": 10, "startTime": time_in(600),
                "endTime": time_in(3600)}
        self.add("sale", self.call(201, "POST", "flash-sales", body, "admin")["id"])

    def webhook(self, role, kind, path, event):
        """A webhook with one delivery, in place of the former ones."""
        for each in self.call(200, "GET", path, None, role)["items"]:
            if each["id"] in self.ids[kind]:
                self.call(204, "DELETE", f"{path}/{each['id']}", None, role)
        body = {"url": "http://127.0.0.1:9999/hook", "description": "generated", "events": [event]}
        self.ids[kind] = [self.call(201, "POST", path, body, role)["id"]]
        self.call(202, "POST", f"{path}/{self.ids[kind][0]}/test", None, role)
        for each in self.call(200, "GET", f"{path}/{self.ids[kind][0]}/deliveries", None, role)["items"]:
            self.add(f"delivery of {kind}", (self.ids[kind][0], each["id"]))

    def await_settlement(self, auction):
        """Waits until the auction is sold."""
        until = time.monotonic() + WAIT_S
        while self.call(200, "GET", f"auctions/{auction}")["status"] != "sold":
            if time.monotonic() > until:
                raise Fault(f"{auction} is not settled within {WAIT_S} s")
            time.sleep(POLL_S)

    def learn(self, request, reply, role):
        """Remembers the ids of an answer, and what the request changed about its caller."""
        data = reply.data if isinstance(reply.data, dict) else {}
        name, path = request.operation.id, request.path.split("/")
        kind = {"createAuction": "auction", "createItem": "item", "addWebhook": f"hook {role}",
                "adminAddWebhook": "admin hook", "createProduct": "product", "createSale": "sale"}.get(name)
        if request.method == "HEAD":
            return
        if reply.status == 201 and kind:
            self.add(kind, data["id"])
        elif reply.status == 201 and name == "addImage":
            self.add("image", (path[4], data["id"]))
            self.add("file", data["url"].rpartition("/")[2])
        elif reply.status == 201 and name == "addProductImage":
            self.add("product image", (path[4], data["id"]))
        elif reply.status == 201 and name == "register":
            self.add("victim", data["user"]["id"])
        elif reply.status in (200, 202) and name in ("placeBid", "setMaximum", "buyNow"):
            self.add("bid", (path[4], data["bidId"]))
        elif name == "listSessions" and data.get("items"):
            self.add("session", data["items"][0]["id"])
        if data.get("nextCursor"):
            self.add("cursor", data["nextCursor"])
        if reply.status < 300 and name in ENDING and role != "guest":
            if name == "changeMe" and request.value.get("password"):
                self.actors[role]["password"] = request.value["password"]
            self.renew(role)

    def renew(self, role):
        """Logs the actor of a role in again; if that fails, another takes the place."""
        if not self.log_in(self.actors[role]):
            self.actors[role] = self.new_user(role)

    def close(self):
        """Removes the webhooks of the deployment, which would get the events of other tests."""
        self.renew("admin")
        for each in self.call(200, "GET", "admin/webhooks", None, "admin")["items"]:
            if "generated" in each["description"] or each["id"] in self.ids["admin hook"]:
                self.call(204, "DELETE", f"admin/webhooks/{each['id']}", None, "admin")
        self.client.close()


class Hints:
    """Values that make sense, by the name of a parameter or member; for one request of one role."""

    def __init__(self, world, role):
        self.world, self.role = world, role
        self.pair = None  # an id and that to which it belongs, chosen with the first parameter of a path

    def __call__(self, draw, name):
        place, colon, parameter = name.rpartition(":")
        if colon:
            return self.of_path(draw, place, parameter)
        found = MEMBERS.get(name)
        return None if found is None else found(self, draw)

    def one(self, draw, kind):
        """One of the ids of a kind."""
        kept = self.world.ids[kind]
        return draw.choice(kept) if kept else None

    def of_path(self, draw, path, parameter):
        """The value of a parameter of a path."""
        hook = "admin hook" if path.startswith(f"{API}/admin/") else f"hook {self.role}"
        image = "product image" if path.startswith(f"{API}/products/") else "image"
        pairs = {"{bidId}": "bid", "{imageId}": image, "{deliveryId}": f"delivery of {hook}"}
        kind = next((kind for text, kind in pairs.items() if text in path), None)
        if kind and self.pair is None:
            self.pair = self.one(draw, kind)
        if kind:
            return None if self.pair is None else self.pair[0 if parameter == "id" else 1]
        if path.startswith(f"{API}/users/me/webhooks/"):
            return self.one(draw, f"hook {self.role}")
        kind = next((kind for prefix, kind in PATHS.items() if path.startswith(prefix)), None)
        return self.one(draw, kind) if kind else None

    def password(self):
        """That of the caller."""
        actor = self.world.actors[self.role]
        return actor["password"] if actor else PASSWORD

    def seller(self):
        """Id of the seller."""
        return self.world.actors["seller"]["id"]


# The kind of the id in a path that begins so.
PATHS = {"/images/": "file", f"{API}/auctions/": "auction", f"{API}/items/": "item",
         f"{API}/products/": "product", f"{API}/flash-sales/": "sale",
         f"{API}/users/me/watchlist/": "auction", f"{API}/users/me/sessions/": "session",
         f"{API}/admin/auctions/": "auction", f"{API}/admin/users/": "victim",
         f"{API}/admin/webhooks/": "admin hook", f"{API}/admin/dead-letters/": "dead letter"}


def of(*values):
    """A hint: one of these values."""
    return lambda hints, draw: draw.choice(values)


def moment(*seconds):
    """A hint: a time so many seconds from now."""
    return lambda hints, draw: time_in(draw.choice(seconds))


def pooled(kind):
    """A hint: an id of this kind."""
    return lambda hints, draw: hints.one(draw, kind)


MEMBERS = {
    "amount": of(10, 11, 12, 20, 25.5, "30.00", 61, 100, 1000, 0.01),
    "maxAmount": of(10, 15, 40, 70, "80.50", 200, 5000),
    "startingPrice": of(1, 5, 10, "10.00"),
    "reservePrice": of(10, 15, 20.5),
    "buyNowPrice": of(30, 500),
    "bidIncrement": of(0.5, 1, "2.00"),
    "basePrice": of(1, 80, "79.90"),
    "flashPrice": of(1, 20, "19.90"),
    "currentBid": of(1, 55, 100.5),
    "minPrice": of("0", "5", "10.00", "99999"),
    "maxPrice": of("10", "20.5", "9999999999.99"),
    "joinTime": moment(-5, 1, 300, 86400),
    "startTime": moment(-5, 1, 600, 86400),
    "endTime": moment(-5, 2, 3600, 7200, 86400 * 30, 86400 * 400),
    "from": moment(-86400, -1, 60),
    "to": moment(-1, 60),
    "title": of("A chair", "A lamp", "日本の椅子"),
    "description": of("", "generated", "Oak.\nFour legs."),
    "category": of("", "Furniture", "chairs"),
    "displayName": of("Ann", "Zoë", "日本"),
    "q": of("chair", "chiar", "lamp", "\"a chair\"", "a* & | !", "日本"),
    "version": of(1, 2, 3, 4),
    "reason": of("a test"),
    "draft": of(True, False),
    "url": of("http://127.0.0.1:9999/hook", "https://example.org/hook"),
    "auctionId": pooled("auction"),
    "itemId": pooled("item"),
    "productId": pooled("product"),
    "subject": pooled("auction"),
    "cursor": pooled("cursor"),
    "sellerId": lambda hints, draw: hints.seller(),
    "actorId": lambda hints, draw: hints.one(draw, "victim"),
    "email": lambda hints, draw: draw.choice([*hints.world.emails, f"{draw.getrandbits(64):x}@example.org"]),
    "password": lambda hints, draw: draw.choice([PASSWORD, PASSWORD, hints.password(), "another password"]),
    "currentPassword": lambda hints, draw: hints.password(),
    "token": lambda hints, draw: f"{draw.getrandbits(256):064x}",
    "Idempotency-Key": lambda hints, draw: f"key-{draw.randrange(200)}",
    "X-Idempotency-Key": lambda hints, draw: f"key-{draw.randrange(200)}",
    "Sec-WebSocket-Key": of("dGhlIHNhbXBsZSBub25jZQ=="),
    "Sec-WebSocket-Version": of("13", "13", "13", "8"),
    "Prefer": of("wait=1", "wait=0", "receipt", "wait=1, receipt"),
    "image/png": lambda hints, draw: png(),
    "image/jpeg": lambda hints, draw: png(),
    "image/webp": lambda hints, draw: png(),
}


class Session:
    """Sends the requests of one seed and collects the faults."""

    def __init__(self, seed, count):
        self.seed, self.count = seed, count
        self.world = World(os.environ["ROSTRUM_HTTP_URL"])
        self.document = self.world.document
        self.generator = Generator(self.document, seed)
        self.faults = {}  # the first of each kind
        self.statuses = collections.Counter()
        self.accepted = set()  # operations

    def run(self):
        """Sends all requests."""
        for number in range(self.count):
            if number % REPLENISHED_EVERY == REPLENISHED_EVERY - 1:
                for role in ROLES[1:]:
                    self.world.renew(role)
                self.world.replenish()
            self.send(number, ROLES[number % len(ROLES)])
        self.world.close()

    def send(self, number, role):
        """Sends one request and judges its answer."""
        request = self.generator.request(number, Hints(self.world, role), lambda each: is_likely(each, role))
        headers = {**request.headers, **self.credentials(number, role)}
        if request.operation.id == "openSocket":
            headers = {"Connection": "Upgrade", "Upgrade": "websocket", **headers}
        try:
            reply = self.world.client.exchange(request, headers)
            self.statuses[reply.status] += 1
            self.judge(request, reply)
        except Fault as fault:
            key = re.sub(r"[0-9a-f-]{36}|[0-9]+", "#", f"{request.operation.id} {fault}")[:160]
            self.faults.setdefault(key, f"request {number} as {role}: {request}\n    {fault}")
            return
        if reply.status < 300:
            self.accepted.add(request.operation.id)
        self.world.learn(request, reply, role)

    def credentials(self, number, role):
        """Mostly the access token, now and then the cookie or a token that is none."""
        actor = self.world.actors[role]
        if actor is None:
            return {"Authorization": "Bearer none"} if number % 50 == 0 else {}
        if number % 10 == ROLES.index(role):
            return {"Cookie": actor["cookie"]}
        return {"Authorization": f"Bearer {actor['token']}"}

    def judge(self, request, reply):
        """Raises Fault as the head of this file says."""
        code = reply.data.get("error") if isinstance(reply.data, dict) else None
        if reply.status in BROKEN:
            raise Fault(f"answered {reply}")
        if reply.status in request.anywhere:
            if request.method != "HEAD":
                self.document.validate({"$ref": "#/components/schemas/Error"}, reply.data, f"answered {reply}")
        else:
            self.document.judge(request.operation, reply, request.method == "HEAD")
        if code and SECRET_WORDS.search(reply.data["message"]):
            raise Fault(f"shows the implementation: {reply}")
        if reply.status < 300:
            self.judge_accepted(request)

    def judge_accepted(self, request):
        """Raises Fault unless an accepted request is as the document asks."""
        operation = request.operation
        if operation.json and request.value is not None:
            schema = operation.details["requestBody"]["content"]["application/json"]["schema"]
            self.document.validate(schema, request.value, "accepted")
        parameters = map(self.document.resolve, operation.details.get("parameters", []))
        described = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
        for name, text in request.query if request.raw_query is None and operation.path.startswith(API) else ():
            if name not in described:
                raise Fault(f"accepted the query parameter {name!r}")
            self.document.validate(described[name], typed(self.document, described[name], text), f"accepted {name}")

    def report(self):
        """Prints seed, statuses and faults; returns their number."""
        for fault in list(self.faults.values())[:FAULTS_SHOWN]:
            print(f"FAILED {fault}")
        shown = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        never = {each.id for each in self.document.operations} - self.accepted
        print(f"{self.count} requests with seed {self.seed}: {shown}; {len(self.faults)} faults")
        print(f"never accepted: {', '.join(sorted(never)) or 'none'}")
        return len(self.faults)


def is_likely(operation, role):
    """Whether a caller of this role has rights for the operation."""
    if role == "guest":
        return operation.open or operation.optional
    return role == "admin" or not operation.admin


def typed(document, schema, text):
    """The text of a query parameter as the type of its schema."""
    schema = {**schema, **(document.resolve({"$ref": schema["$ref"]}) if "$ref" in schema else {})}
    if schema.get("type") in ("integer", "number") and re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text) if "." in text else int(text)
    return text == "true" if schema.get("type") == "boolean" and text in ("true", "false") else text


def main(name, seed, count):
    """Runs `count` requests, or those of the command line: [SEED [COUNT]]. ROSTRUM_SEED replaces `seed`."""
    seed = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ROSTRUM_SEED", seed))
    session = Session(seed, int(sys.argv[2]) if len(sys.argv) > 2 else count)
    print(f"seed {seed}; repeat with: ROSTRUM_SEED={seed} tests/run {name}", flush=True)
    session.run()
    faults = session.report()
    print(f"{name}: {session.count - faults} passed, {faults} failed")
    return 1 if faults else 0
