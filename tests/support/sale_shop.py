"""Products, flash sales and buyers over HTTP. Called by the tests of flash sales, by their replay and their benchmark.

A request is repeated with the same idempotency key until it has a certain answer. So a 202 is a promise, which the
checker (sale_judge.py) compares with the ledger, whatever fails meanwhile.
"""
import dataclasses
import datetime
import http.client
import threading
import time
import uuid

from contract import Client
from database import sql
from sale_judge import Promise

API = "/api/v1"
PASSWORD = "a long enough password"
TIMEOUT_S = 15  # of a request; the gateway answers within its own deadline
GIVE_UP_S = 150  # a request without a certain answer is no longer repeated
PAUSE_S = 0.2  # between two attempts, unless the answer says Retry-After
DONE = (200, 202, 204)
AGAIN = {"UNAVAILABLE", "IDEMPOTENCY_KEY_IN_USE", "RATE_LIMITED", "TOO_MANY_REQUESTS", "BUSY"}


def format_time(seconds_ahead):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_ahead)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Connections:
    """A connection for each thread: those of 10,000 buyers would be too many for one test."""

    def __init__(self, url):
        self.url, self.local = url, threading.local()

    def close(self):
        """Ends the connection of this thread; the next request opens one."""
        if hasattr(self.local, "client"):
            self.local.client.connection.close()

    def send(self, method, path, body=None, token=None, headers=None):
        """An answer. Raises OSError or HTTPException after closing the connection."""
        client = getattr(self.local, "client", None)
        if client is None:
            client = self.local.client = Client(self.url, timeout_s=TIMEOUT_S)
        try:
            return client.send(method, API + path, body, token, headers)
        except (OSError, http.client.HTTPException, ValueError):
            client.connection.close()
            raise


@dataclasses.dataclass
class Answer:
    """The certain answer to a request; status 0: there was none."""

    status: int
    code: str = ""  # of an error
    data: dict = dataclasses.field(default_factory=dict)


class Shop:
    """A deployment with an admin, who adds products and sales, and users."""

    def __init__(self, url):
        self.url, self.connections = url, Connections(url)
        self.admin = self.new_users(1)[0]
        sql(f"UPDATE users SET role = 'admin' WHERE id = '{self.admin.id}';")
        self.admin.log_in()

    def expect(self, status, method, path, body=None, token=None):
        """The data of an answer, which must have this status."""
        self.connections.close()  # the gateway may have closed one that was idle for long
        reply = self.connections.send(method, path, body, token)
        assert reply.status == status, f"{method} {path}: {reply}"
        return reply.data

    def new_users(self, count):
        """Users with a session each. One registers; the others are copies of its row, which saves time."""
        made = [Buyer(self, f"{uuid.uuid4()}@example.org") for _ in range(count)]
        account = {"email": made[0].email, "password": PASSWORD, "displayName": "Buyer"}
        self.expect(201, "POST", "/auth/register", account)
        if count > 1:
            emails = ", ".join(f"('{buyer.email}')" for buyer in made[1:])
            sql(f"INSERT INTO users (id, email, display_name, password_hash, created_at) SELECT gen_random_uuid(), e.email,"
                f" u.display_name, u.password_hash, u.created_at FROM users u, (VALUES {emails}) e (email)"
                f" WHERE u.email = '{made[0].email}';")
        if count == 1:
            made[0].log_in()
        return made

    def new_sale(self, quantity, lasts_s, **terms):
        """A product with a sale that people may join at once, and its start as in `terms`; the sale's id."""
        product = self.expect(201, "POST", "/products", {"name": "A lamp", "description": "Bright", "category": "lamps",
                                                         "basePrice": 99.0}, self.admin.token)
        body = {"productId": product["id"], "flashPrice": 49.5, "quantityAvailable": quantity, "perUserLimit": 1,
                "joinTime": format_time(0), "startTime": format_time(1), "endTime": format_time(lasts_s), **terms}
        return self.expect(201, "POST", "/flash-sales", body, self.admin.token)["id"]


class Buyer:
    """A user. What it was promised is in `promises`."""

    def __init__(self, shop, email):
        self.shop, self.email = shop, email
        self.id = self.token = None
        self.promises, self.strange = [], []
        self.entry = self.order_id = None

    def log_in(self):
        data = self.shop.expect(200, "POST", "/auth/login", {"email": self.email, "password": PASSWORD})
        self.id, self.token = data["user"]["id"], data["accessToken"]

    def request(self, method, path, body=None, headers=None):
        """Repeats a request until it has a certain answer."""
        until = time.monotonic() + GIVE_UP_S
        sent = {"Idempotency-Key": str(uuid.uuid4()), **(headers or {})} if method == "POST" else dict(headers or {})
        while True:
            answer, wait_s = self.attempt(method, path, body, sent)
            if answer is not None:
                return answer
            if time.monotonic() > until:
                self.strange.append(f"{method} {path}: no answer in {GIVE_UP_S} s")
                return Answer(0)
            time.sleep(wait_s)

    def attempt(self, method, path, body, headers):
        """The answer, or None and the time until the next attempt."""
        try:
            reply = self.shop.connections.send(method, path, body, self.token, headers)
        except (OSError, http.client.HTTPException, ValueError):
            return None, PAUSE_S
        data = reply.data if isinstance(reply.data, dict) else {}
        code = data.get("error", "") if reply.status >= 400 else ""
        if code in AGAIN or reply.status in (429, 502, 503, 504):
            return None, min(float(reply.headers.get("retry-after", PAUSE_S)), 1)
        return Answer(reply.status, code, data), 0

    def taken(self, answer, promise, expected=()):
        """Keeps the promise of a 202, or of an answer with the decision, and what is no expected refusal."""
        if answer.status in DONE:
            self.promises.append(promise)
        elif answer.status != 0 and answer.code not in expected:
            self.strange.append(f"{promise.kind}: {answer}")
        return answer

    def join(self, sale, quantity=1, expected=()):
        answer = self.request("POST", "/queue/join", {"flashSaleId": sale, "quantity": quantity})
        self.entry = answer.data.get("entryId", self.entry)
        return self.taken(answer, Promise("join", self.id, answer.data.get("entryId"), None, quantity), expected)

    def leave(self, sale, expected=()):
        answer = self.request("DELETE", f"/queue/leave?flashSaleId={sale}")
        return self.taken(answer, Promise("leave", self.id), expected)

    def order(self, sale, quantity=1, expected=(), headers=None):
        answer = self.request("POST", "/orders", {"flashSaleId": sale, "quantity": quantity}, headers)
        order = answer.data.get("orderId")
        if answer.status in (200, 202):
            self.order_id = order
        return self.taken(answer, Promise("order", self.id, order, order, quantity), expected)

    def confirm(self, order, expected=()):
        answer = self.request("POST", f"/orders/{order}/confirm")
        return self.taken(answer, Promise("confirm", self.id, None, order), expected)

    def cancel(self, order, expected=()):
        answer = self.request("POST", f"/orders/{order}/cancel")
        return self.taken(answer, Promise("cancel", self.id, None, order), expected)

    def forget(self, order):
        """Nothing: the reservation runs out."""

    def position(self, sale):
        return self.request("GET", f"/queue/position?flashSaleId={sale}")
