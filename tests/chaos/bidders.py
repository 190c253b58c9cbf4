"""The load of the chaos tests: clients that bid on some auctions, and write down what they saw.

Each client is a user with a thread and a connection of its own. It sends one bid at a time, so the order of its answers
is the order of its bids. Half of the clients send idempotency keys, and repeat a bid until it is answered; the others
drop it. Some auctions end during the load, after extensions. Called by faults.py and checker_test.py.
"""
import dataclasses
import datetime
import http.client
import itertools
import random
import threading
import time
import traceback
import uuid

from contract import Client

API = "/api/v1"
PASSWORD = "a long enough password"
CLIENTS = 8
LONG_LOTS, SHORT_LOTS = 12, 6  # auctions that stay open, and that end during the load
SHORT_FIRST_S, SHORT_STEP_S = 4, 0.5  # from the start of the load to the end of the first short auction; between ends
ANTI_SNIPE = {"windowSeconds": 2, "extensionSeconds": 2, "maxExtensions": 3}
STARTING_PRICE = 1000  # cents
RESERVE = 1000000  # of one short auction: no bid reaches it
PAUSE_S, CALM_PAUSE_S = 0.01, 0.25  # between two bids of a client; calm: while a machine starts again
TIMEOUT_S = 5  # of a request; the gateway answers within 3 s
GIVE_UP_S = 120  # a keyed bid without an answer is no longer repeated
PROXY_SHARE, LOW_SHARE = 0.1, 0.05  # of the bids: maximums, and bids below the minimum
REUSE_SHARE = 0.1  # of the bids with a key, if keys are reused
PROXY_ABOVE = 20  # cents that a maximum is above the next bid, at most
LOW_BELOW = 50  # cents that a low bid is below the newest bid
PAGE = 100  # notifications per request
# Error codes that a bid may get under load, and those after which it is repeated.
REFUSALS = {"BID_TOO_LOW", "AUCTION_ENDED", "AUCTION_NOT_STARTED"}
PROXY_STATUSES = (502, 503, 504)  # of a proxy in front of the gateways, without a body in JSON
REPEATED = {"UNAVAILABLE", "IDEMPOTENCY_KEY_IN_USE"}


def now_ms():
    return time.time() * 1000


def parse_time(text):
    """Milliseconds since the epoch of a time of the API."""
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


def format_time(seconds_ahead):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_ahead)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def money(cents):
    return f"{cents // 100}.{cents % 100:02d}"


@dataclasses.dataclass
class Bid:
    """A bid as its client saw it: what was sent, and the last answer."""

    user: str
    auction: str
    kind: str  # bid, proxy
    amount: int  # cents
    sent: float  # the first attempt, ms since the epoch
    answered: float = 0  # the last answer
    attempts: int = 0
    status: int = 0  # 0: no answer
    code: str = ""  # of an error
    id: str = None  # of a bid that was taken
    promised: int = None  # the amount in the answer
    received: int = None  # the time of receipt in the answer
    unknown: bool = False  # an attempt has an unknown outcome

    def taken(self):
        return self.id is not None

    def content(self):
        return self.user, self.auction, self.kind, self.amount

    def __str__(self):
        name = self.id or self.code or "no answer"
        return (f"{self.kind} {name} of {money(self.amount)} on {self.auction} (sent {self.sent:.0f}, answered"
                f" {self.status} at {self.answered:.0f}, attempts {self.attempts})")


class Record:
    """What all clients saw: bids in the order of each client's answers, and notifications."""

    def __init__(self, auctions, users):
        self.auctions, self.users = auctions, users
        self.answers = {user: [] for user in users}
        self.strange = []  # what has no place here: unknown answers, for example
        self.notices = None  # (user, kind, auction, cents); None: not read yet

    @property
    def bids(self):
        return [bid for answers in self.answers.values() for bid in list(answers)]

    def taken(self):
        return [bid for bid in self.bids if bid.taken()]


class Bidder:
    """A client."""

    def __init__(self, load, number, user):
        self.load, self.user = load, user
        self.keyed = number % 2 == 0
        self.key_header = "Idempotency-Key" if number % 4 == 0 else "X-Idempotency-Key"
        self.used = []  # (auction, key) of bids that were taken
        self.random = random.Random(number)
        self.client = Client(load.url, timeout_s=TIMEOUT_S)
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        try:
            while not self.load.stopping:
                self.bid(self.random.choice(self.load.record.auctions))
                time.sleep(self.load.pause_s)
        except Exception:  # an answer that cannot be read; the other clients go on
            self.load.record.strange.append(traceback.format_exc())
        self.client.close()

    def bid(self, auction):
        """Places one bid."""
        draw, kind = self.random.random(), "bid"
        amount = self.load.next_amount(auction)
        if draw < PROXY_SHARE:
            kind, amount = "proxy", amount + self.random.randrange(PROXY_ABOVE)
        elif draw < PROXY_SHARE + LOW_SHARE:
            amount = max(1, amount - LOW_BELOW)
        key, refusals = str(uuid.uuid4()) if self.keyed else None, REFUSALS
        if self.load.reuse_keys and self.used and self.random.random() < REUSE_SHARE:
            (auction, key), refusals = self.random.choice(self.used), REFUSALS | {"IDEMPOTENCY_KEY_REUSED"}
        bid = Bid(self.user["id"], auction, kind, amount, now_ms())
        until = time.monotonic() + GIVE_UP_S
        while self.attempt(bid, key) and self.keyed and time.monotonic() < until:
            time.sleep(PAUSE_S)
        self.load.record.answers[self.user["id"]].append(bid)
        if bid.taken() and key:
            self.used.append((auction, key))
        elif not bid.taken() and bid.code not in refusals | REPEATED and bid.status != 0:
            self.load.record.strange.append(f"{bid}")

    def attempt(self, bid, key):
        """Sends the bid. Returns whether it may be repeated: it was not answered for certain."""
        headers = {"Content-Type": "application/json"}
        if key:
            headers[self.key_header] = key
        tail, member = ("bids", "amount") if bid.kind == "bid" else ("proxy", "maxAmount")
        body = f'{{"{member}": {money(bid.amount)}}}'.encode()
        bid.attempts += 1
        bid.status, bid.code = 0, ""
        try:
            reply = self.client.send("POST", f"{API}/auctions/{bid.auction}/{tail}", body, self.user["token"], headers)
            bid.status, data = reply.status, reply.data or {}
        except (OSError, http.client.HTTPException, ValueError):
            self.client.close()
            data = {}
        bid.answered = now_ms()
        if bid.status in PROXY_STATUSES and "error" not in data:
            bid.status = 0  # the proxy's answer, not Rostrum's: the bid may have been received
        if bid.status in (200, 202):
            bid.id, bid.promised = data["bidId"], round(data[member] * 100)
            bid.received = parse_time(data["receivedAt"])
        bid.code = data.get("error", "")
        bid.unknown |= bid.status == 0 or "bidId" in data
        return bid.status == 0 or bid.code in REPEATED


class Load:
    """Users, auctions and running clients. `reuse_keys`: keys of earlier bids are sometimes sent with other amounts.
    """

    def __init__(self, url, reuse_keys=False):
        self.url, self.reuse_keys = url, reuse_keys
        self.client = Client(url, timeout_s=TIMEOUT_S)
        self.seller = self.new_user("Seller")
        self.users = [self.new_user(f"Client {number}") for number in range(CLIENTS)]
        self.long_lots = [self.new_auction(3600) for _ in range(LONG_LOTS - 1)]
        self.long_lots.append(self.new_auction(3600, startTime=format_time(2)))
        short = [self.new_auction(SHORT_FIRST_S + SHORT_STEP_S * number) for number in range(SHORT_LOTS - 1)]
        short.append(self.new_auction(SHORT_FIRST_S, reservePrice=RESERVE / 100))
        self.record = Record(self.long_lots + short, [user["id"] for user in self.users])
        self.amounts = {auction: itertools.count(STARTING_PRICE) for auction in self.record.auctions}
        self.stopping, self.pause_s = False, PAUSE_S
        self.bidders = [Bidder(self, number, user) for number, user in enumerate(self.users)]
        for bidder in self.bidders:
            bidder.thread.start()

    def send(self, status, method, path, body=None, token=None):
        """The data of an answer, which must be of this status."""
        reply = self.client.send(method, API + path, body, token)
        assert reply.status == status, f"{method} {path}: {reply}"
        return reply.data

    def new_user(self, name):
        account = {"email": f"{uuid.uuid4()}@example.org", "password": PASSWORD}
        user = self.send(201, "POST", "/auth/register", {**account, "displayName": name})["user"]
        return {"id": user["id"], "token": self.send(200, "POST", "/auth/login", account)["accessToken"]}

    def new_auction(self, seconds, **more):
        terms = {"title": "A lot", "startingPrice": STARTING_PRICE / 100, "bidIncrement": 0.01,
                 "endTime": format_time(seconds), "antiSnipe": ANTI_SNIPE, **more}
        return self.send(201, "POST", "/auctions", terms, self.seller["token"])["id"]

    def next_amount(self, auction):
        """Rises with each call, so that most bids lead."""
        return next(self.amounts[auction])

    def taken_count(self):
        return len(self.record.taken())

    def stop(self):
        """Ends the clients. What they saw is complete afterwards."""
        self.stopping = True
        for bidder in self.bidders:
            bidder.thread.join()

    def read_notices(self):
        """Reads all notifications of all clients, as they see them."""
        self.client.close()  # the deployment may have ended the connection
        self.record.notices = [notice for user in self.users for notice in self.notices_of(user)]

    def notices_of(self, user):
        cursor = ""
        while cursor is not None:
            page = self.send(200, "GET", f"/users/me/notifications?limit={PAGE}{cursor}", token=user["token"])
            for item in page["items"]:
                amount = None if item["amount"] is None else round(item["amount"] * 100)
                yield user["id"], item["kind"], item["auctionId"], amount
            cursor = f"&cursor={page['nextCursor']}" if page["nextCursor"] else None
