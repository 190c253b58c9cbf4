#!/usr/bin/python3
"""Every GET of the OpenAPI document, directly and through nginx with a cache that keeps whatever it may.

The cache knows answers by URI only and keeps any status for a minute: `proxy_cache_valid any 1m`. A seller, an admin, a
user and a guest ask in turn, with access token and with cookie. Each request has an id of its own, and its answer must
have it: so an answer that was made for another request shows. Started by tests/run, which sets the addresses of the
deployment in the environment.
"""
import datetime
import http.client
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import traceback
import uuid
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from contract import Client, Document, Fault  # noqa: E402 (needs the path above)
from database import sql  # noqa: E402
from processes import free_ports, listens, wait_until  # noqa: E402

API = "/api/v1"
PASSWORD = "correct horse battery"
# Like no other amount. The maximum is below the reserve, so it does not move the price to it.
RESERVE = f"{random.randrange(5000000, 9999999)}.{random.randrange(11, 99)}"
MAXIMUM = f"{random.randrange(1000000, 4999999)}.{random.randrange(11, 99)}"
UNKNOWN_ID = "01890000-0000-7000-8000-000000000000"
WAIT_S = 30  # for nginx, and for a kept answer to get old
FIRST = ("seller", "admin", "user", "guest")  # who asks first: each in a cache of its own
IMMUTABLE = "public, max-age=31536000, immutable"
# Streams and forms are never stored.
NOT_STORED = {"watchAuction", "showVerifyEmail", "showResetPassword", "showUnsubscribe"}
TAGGED = {"getAuction", "getDocument", "getLiveDocument"}  # guests get an ETag

CACHE = """
proxy_cache_path {folder}/{name} keys_zone={name}:1m;
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass {url};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Connection "";
        proxy_cache {name};
        proxy_cache_key $request_uri;
        proxy_cache_valid any 1m;
        add_header X-Cache $upstream_cache_status always;
    }}
}}
"""

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {caches}
}}
"""


class Nginx:
    """An nginx with one cache, and so one port, for each name."""

    def __init__(self, url, names):
        self.folder = tempfile.TemporaryDirectory(prefix="rostrum-test.", ignore_cleanup_errors=True)
        self.ports = dict(zip(names, free_ports(len(names))))
        folder = self.folder.name
        caches = "".join(CACHE.format(folder=folder, name=name, port=port, url=url) for name, port in self.ports.items())
        path = pathlib.Path(folder, "nginx.conf")
        path.write_text(NGINX.format(folder=folder, caches=caches), encoding="utf-8")
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", folder, "-e", "stderr", "-c", str(path)])
        if not wait_until(lambda: all(map(listens, self.ports.values())), WAIT_S):
            raise Fault("nginx does not start")

    def url(self, name):
        """Address of one cache."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def close(self):
        """Ends nginx and removes its files."""
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def png():
    """A PNG of 8 × 8 pixels, like no other."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress((b"\0" + uuid.uuid4().bytes + b"\x7f" * 8) * 8)
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


class Fixture:
    """A seller, an admin and a user, something private of each, and the requests that read it."""

    def __init__(self):
        self.url = os.environ["ROSTRUM_HTTP_URL"]
        self.client = Client(self.url)
        self.document = Document(self.client.send("GET", f"{API}/openapi.json").data)
        self.users = {name: self.new_user(name) for name in ("seller", "admin", "user")}
        sql(f"UPDATE users SET role = 'admin' WHERE id = '{self.users['admin']['id']}';")
        self.log_in(self.users["admin"])
        self.dead_letter = uuid.uuid4()
        sql("INSERT INTO dead_letters (id, routing_key, reason, body, created_at)"
            f" VALUES ('{self.dead_letter}', 'dead.bids', 'a test', convert_to('dead', 'UTF8'), now());")
        self.auction = self.create("seller", "auctions", self.terms())
        self.draft = self.create("seller", "auctions", {**self.terms(), "draft": True})
        self.item = self.create("seller", "items", {"title": "A chair"})
        image = self.send(201, "POST", f"auctions/{self.draft}/images", png(), "seller", {"Content-Type": "image/png"})
        self.image = image["url"].rpartition("/")[2]
        self.bid = self.send(200, "POST", f"auctions/{self.auction}/proxy", {"maxAmount": float(MAXIMUM)}, "user",
                             {"Prefer": "wait=10"})["bidId"]
        self.hooks = {name: self.create(name, f"{base}/webhooks", self.hook(name, event)) for name, base, event in
                      (("user", "users/me", "OUTBID"), ("admin", "admin", "AUCTION_SOLD"))}
        # Who may see each secret; nobody else may.
        self.secrets = {RESERVE: {"seller", "admin"}, MAXIMUM: {"user"}, "hook-user": {"user"}, "hook-admin": {"admin"}}
        self.secrets |= {user["email"]: {name, "admin"} for name, user in self.users.items()}
        self.secrets |= {self.draft: {"seller", "admin"}, str(self.dead_letter): {"admin"}}

    @staticmethod
    def terms():
        """An auction with a reserve."""
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        return {"title": "A lamp", "startingPrice": 10, "reservePrice": float(RESERVE),
                "endTime": end.strftime("%Y-%m-%dT%H:%M:%SZ")}

    @staticmethod
    def hook(name, event):
        """A webhook whose URL is a secret."""
        return {"url": f"http://127.0.0.1:9999/hook-{name}", "events": [event]}

    def send(self, status, method, path, body=None, name=None, headers=None):
        """The data of an answer, which must have this status."""
        token = None if name is None else self.users[name]["token"]
        reply = self.client.send(method, f"{API}/{path}", body, token, headers)
        if reply.status != status:
            raise Fault(f"{method} {path}: {reply}")
        return reply.data

    def create(self, name, path, body):
        """The id of what was created."""
        return self.send(201, "POST", path, body, name)["id"]

    def new_user(self, name):
        """Registers a user and logs in."""
        user = {"email": f"{uuid.uuid4()}@example.org"}
        body = {"email": user["email"], "password": PASSWORD, "displayName": name.title()}
        user["id"] = self.send(201, "POST", "auth/register", body)["user"]["id"]
        self.log_in(user)
        return user

    def log_in(self, user):
        """Keeps access token and cookie."""
        body = {"email": user["email"], "password": PASSWORD}
        reply = self.client.send("POST", f"{API}/auth/login", body)
        user["token"] = reply.data["accessToken"]
        user["cookie"] = reply.headers["set-cookie"].partition(";")[0]

    def paths(self):
        """(operation, path) of every GET of the document, with ids that exist; the auction also as a draft."""
        webhooks = {"/api/v1/users/me/webhooks": self.hooks["user"], "/api/v1/admin/webhooks": self.hooks["admin"]}
        ids = {"/api/v1/auctions": self.auction, "/api/v1/items": self.item, **webhooks,
               "/api/v1/admin/dead-letters": str(self.dead_letter)}
        for operation in self.document.operations:
            if operation.method != "GET":
                continue
            base = operation.path.partition("/{")[0]
            path = operation.path.replace("{file}", self.image).replace("{bidId}", self.bid)
            yield operation, path.replace("{id}", ids.get(base, UNKNOWN_ID))
            if operation.id == "getAuction":
                yield operation, path.replace("{id}", self.draft)

    def credentials(self, name):
        """The headers of each way in which someone shows who they are."""
        if name == "guest":
            return [{}]
        user = self.users[name]
        return [{"Authorization": f"Bearer {user['token']}"}, {"Cookie": user["cookie"]}]


class Answer:
    """The answer to one GET. Of a stream only the first bytes are read."""

    def __init__(self, url, path, headers):
        self.request_id = uuid.uuid4().hex
        connection = http.client.HTTPConnection(url.partition("//")[2], timeout=WAIT_S)
        connection.request("GET", path, headers={**headers, "X-Request-Id": self.request_id})
        answer = connection.getresponse()
        stream = answer.getheader("Content-Type") == "text/event-stream"
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        self.body = (answer.read1() if stream else answer.read()).decode("latin-1")
        connection.close()

    def is_own(self):
        """Whether the answer was made for this request."""
        return self.headers.get("x-request-id") == self.request_id


def expect(condition, what, answer):
    """Raises Fault with the answer unless the condition holds."""
    if not condition:
        raise Fault(f"{what}: {answer.status} {answer.headers} {answer.body[:300]}")


def expect_headers(operation, path, name, answer):
    """Expects the headers that caches obey."""
    what = f"{name} asked for {path}"
    control, tagged = answer.headers.get("cache-control"), "etag" in answer.headers
    vary = {each.strip().lower() for each in answer.headers.get("vary", "").split(",")}
    expect(answer.headers.get("x-content-type-options") == "nosniff", what, answer)
    if operation.id == "getImage":
        expect((answer.status, control, tagged) == (200, IMMUTABLE, True), what, answer)
        return
    expect({"authorization", "cookie", "origin"} <= vary, what, answer)
    if name != "guest":
        expect((control, tagged) == ("private, no-store", False), what, answer)
        return
    stored = operation.id in NOT_STORED and answer.status == 200
    expect(control == ("no-store" if stored else "no-cache"), what, answer)
    expect(tagged is (operation.id in TAGGED and answer.status == 200), what, answer)


def test_every_get_has_the_headers_of_its_asker(fixture):
    for operation, path in fixture.paths():
        for name in FIRST:
            for headers in fixture.credentials(name):
                expect_headers(operation, path, name, Answer(fixture.url, path, headers))


def test_the_secrets_are_in_the_answers_of_those_who_may_see_them(fixture):
    """Otherwise the tests below would find nothing."""
    seen = {secret: set() for secret in fixture.secrets}
    for _, path in fixture.paths():
        for name in FIRST:
            body = Answer(fixture.url, path, fixture.credentials(name)[0]).body
            for secret in seen:
                seen[secret] |= {name} if secret in body else set()
    if any(not seen[secret] or not seen[secret] <= may for secret, may in fixture.secrets.items()):
        raise Fault(f"seen by {seen}, may be seen by {fixture.secrets}")


def expect_own(fixture, operation, path, name, answer):
    """Expects an answer that was made for this request, without the secrets of others."""
    what = f"{name} asked for {path} through the cache"
    for secret, may in fixture.secrets.items():
        expect(name in may or secret in path or secret not in answer.body, f"{what} and read {secret}", answer)
    expect(operation.id == "getImage" or answer.is_own(), f"{what} and got an answer to another request", answer)


def test_a_greedy_cache_shows_nobody_what_is_another_users(fixture):
    nginx = Nginx(fixture.url, FIRST)
    wrong, count = [], 0  # the worst first
    try:
        for first in FIRST:
            order = [first, *(name for name in FIRST if name != first), first]
            for operation, path in fixture.paths():
                for name in order:
                    for headers in fixture.credentials(name):
                        count += 1
                        try:
                            answer = Answer(nginx.url(first), path, headers)
                            expect_own(fixture, operation, path, name, answer)
                        except Fault as fault:
                            wrong.insert(0 if " and read " in str(fault) else len(wrong), str(fault))
    finally:
        nginx.close()
    print(f"{count} answers through the cache, {len(wrong)} of them made for another request")
    if wrong:
        raise Fault("\n".join(wrong[:8]))


def test_a_cache_keeps_images(fixture):
    """Files that anyone may read are what a cache is for."""
    nginx = Nginx(fixture.url, ["images"])
    try:
        answers = [Answer(nginx.url("images"), f"/images/{fixture.image}", {}) for _ in range(2)]
    finally:
        nginx.close()
    expect(answers[1].headers["x-cache"] == "HIT" and answers[1].body == answers[0].body, "an image", answers[1])


def test_only_guests_get_304(fixture):
    for operation, path in fixture.paths():
        etag = Answer(fixture.url, path, {}).headers.get("etag")
        if etag is None:
            continue
        for name in FIRST:
            for headers in fixture.credentials(name):
                for known in etag, "*":
                    answer = Answer(fixture.url, path, {**headers, "If-None-Match": known})
                    changed = name != "guest" and operation.id != "getImage"
                    expect(answer.status == (200 if changed else 304), f"{name} knows {path}", answer)
                    expect_headers_of_304(operation, path, name, answer)


def expect_headers_of_304(operation, path, name, answer):
    """As expect_headers; a 304 of an image has the headers of its 200."""
    if operation.id == "getImage":
        expect(answer.headers["cache-control"] == IMMUTABLE and "etag" in answer.headers, path, answer)
    elif name == "guest":
        expect(answer.headers["cache-control"] == "no-cache" and "etag" in answer.headers, path, answer)
    else:
        expect_headers(operation, path, name, answer)


def test_credentials_that_are_refused_are_credentials(fixture):
    for headers in {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer no-token"}, {"Cookie": "session=no-token"}:
        for path in f"/auctions/{fixture.auction}", "/users/me", "/time", "/nowhere":
            answer = Answer(fixture.url, API + path, headers)
            expect(answer.headers.get("cache-control") == "private, no-store", f"{headers} {path}", answer)
            expect("etag" not in answer.headers, f"{headers} {path}", answer)
    answer = Answer(fixture.url, f"{API}/time", {"Cookie": "obsession=1; session2=2"})
    expect(answer.headers.get("cache-control") == "no-cache", "other cookies", answer)


def main():
    """Runs the tests in the order of the file."""
    fixture, failed = Fixture(), 0
    tests = [(name, value) for name, value in globals().items()
             if name.startswith("test_") and os.environ.get("ROSTRUM_TEST", name) == name]
    for name, test in tests:
        try:
            test(fixture)
        except Exception:  # run the other tests after any failure
            failed += 1
            print(f"FAILED {name}: {traceback.format_exc(limit=-3)}")
    print(f"proxy_cache_test: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
