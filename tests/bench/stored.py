"""The row `stored` of tests/bench/run: a deployment that has run for years, beside an empty one.

The data are those of tests/bench/scale.sql, of which BENCH_SCALE is the share: 1 is 233,000 auctions and 9 million bids.
Points are shares; sides are `empty`, `filled`, and `restarted`, which is the filled one right after a restart of
PostgreSQL. Further figures of the filled side:

  idle_ms_s      processor time of an idle PostgreSQL, in ms a second
  mem.PROGRAM    memory in MB after all watchers of one auction were notified; `memory` is the largest
  list.NAME      p95 of a list or a count in ms, and deep.NAME of its page DEEP; `lists` is the slowest
"""
import http.client
import json
import os
import statistics
import time
import urllib.parse

import loads

SCALE = os.environ.get("BENCH_SCALE", "0.02")
SIDES = ("empty", "filled", "restarted")
WORKERS = ("endworker", "notifyworker", "bidworker-1")
QUIET_S = 10  # in which an idle PostgreSQL is looked at
NOTIFIED_S = 120  # until all watchers of an auction are notified
READY_S = 60
DEEP = 10  # the page of a list that counts as deep
WARM, ASKED = 3, 20  # requests that are not counted, and those that are
PASSWORD = "a long enough password"  # of factory_user
AUCTION = "018f0000-0000-8002-8000-000000000001"  # the one with many watchers
ADMIN, BIDDER, SELLER, WATCHER = 100, 2, 3, 5  # users of scale.sql
LISTS = (
    *((f"auctions_{sort.strip('-')}{'_down' if sort[0] == '-' else ''}", WATCHER, f"/auctions?sort={sort}")
      for sort in ("ending", "newest", "price", "-price")),
    ("search", WATCHER, "/auctions?q=thing"),
    ("facets", WATCHER, "/auctions?facets=true"),
    ("auction_bids", WATCHER, f"/auctions/{AUCTION}/bids"),
    ("my_bids", BIDDER, "/users/me/bids"),
    ("notifications", BIDDER, "/users/me/notifications"),
    ("unread", BIDDER, "/users/me/notifications/count"),
    ("my_auctions", SELLER, "/users/me/auctions"),
    ("items", SELLER, "/items"),
    ("watchlist", WATCHER, "/users/me/watchlist"),
    *((f"admin_auctions_{sort.strip('-')}{'_down' if sort[0] == '-' else ''}", ADMIN, f"/admin/auctions?sort={sort}")
      for sort in ("ending", "newest", "price", "-price")),
    ("admin_users", ADMIN, "/admin/users"),
    ("admin_user_bids", ADMIN, f"/admin/users/018f0000-0000-8001-8000-{BIDDER:012x}/bids"),
    ("audit_log", ADMIN, "/admin/audit-logs"),
    ("stats", ADMIN, "/admin/stats"),
)


def fill(side):
    """Makes the data. Workers are down meanwhile: they would start the auctions that are due."""
    began = time.monotonic()
    print(f"Making the data: BENCH_SCALE={SCALE}.", flush=True)
    for worker in WORKERS:
        side.order(worker, "down")
    side.run("psql", side.environment["ROSTRUM_PG_URL"], "-XAtq", "-v", f"scale={SCALE}", "-f", "tests/bench/scale.sql")
    session = side.session()
    session.lines("UPDATE auctions SET start_time = end_time - interval '1 minute' WHERE status = 'scheduled'")
    session.lines("UPDATE auctions SET leader_max = current_bid, leader_bid_id = gen_random_uuid()"  # a bid on it is decided
                  f" WHERE id = '{AUCTION}'")
    session.close()
    for worker in WORKERS:
        side.order(worker, "up")
    print(f"Made in {time.monotonic() - began:.0f} s.", flush=True)


def restart(side):
    """Restarts PostgreSQL, and waits until the deployment has all back ends again."""
    side.run("deploy/private", "restart", "postgres")
    side.run("sh", "-c", ". tests/support/deployment.sh; deployment_whole")


def idle(side):
    """Milliseconds of processor time that PostgreSQL takes in a second without requests."""
    before, began = side.processor_s()["postgres"], time.monotonic()
    time.sleep(QUIET_S)
    return {"idle_ms_s": (side.processor_s()["postgres"] - before) * 1000 / (time.monotonic() - began)}


def fan_out(side):
    """Bids on the auction with many watchers; the memory of each program once all of them are notified."""
    session = side.session()
    watchers = session.number(f"SELECT watchers FROM watch_counts WHERE auction_id = '{AUCTION}'")
    count = f"SELECT count(*) FROM notifications WHERE auction_id = '{AUCTION}' AND created_at >= now() - interval '10 minutes'"
    before, until = session.number(count), time.monotonic() + NOTIFIED_S
    fixture = loads.Fixture(side.fixture.name)
    fixture.write(side.fixture.name, 0, [AUCTION])
    loads.offered(side.url, side.fixture.name, 2, 1, 1)
    while session.number(count) - before < watchers - 3:  # not the seller, nor those who lead
        if time.monotonic() > until:
            raise RuntimeError(f"not all of {watchers:.0f} watchers were notified within {NOTIFIED_S} s")
        time.sleep(1)
    session.close()
    sizes = side.memory_mb()
    return {**{f"mem.{program}": size for program, size in sizes.items()}, "memory": max(sizes.values()), "watchers": watchers}


class Reader:
    """A user of scale.sql who reads lists over one connection."""

    def __init__(self, side, number):
        address = urllib.parse.urlsplit(side.url)
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        self.headers = {"Content-Type": "application/json"}
        body = json.dumps({"email": f"user{number}@bench.invalid", "password": PASSWORD})
        self.headers["Authorization"] = f"Bearer {self.ask('/auth/login', 'POST', body)['accessToken']}"

    def ask(self, path, method="GET", body=None):
        """The answer of a request."""
        self.connection.request(method, "/api/v1" + path, body, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]}")
        return json.loads(text)

    def p95(self, path):
        """The p95 of a request in ms, after a few that warm caches."""
        took = []
        for _ in range(WARM + ASKED):
            began = time.perf_counter()
            self.ask(path)
            took.append((time.perf_counter() - began) * 1000)
        return statistics.quantiles(took[WARM:], n=20, method="inclusive")[-1]

    def deep(self, path):
        """The path of its page DEEP, or of its last one; None if it has one page."""
        page, found = self.ask(path), None
        for _ in range(DEEP):
            if not page.get("nextCursor"):
                break
            found = f"{path}{'&' if '?' in path else '?'}cursor={urllib.parse.quote(page['nextCursor'])}"
            page = self.ask(found)
        return found


def lists(side):
    """The p95 of every list and count of LISTS."""
    session = side.session()
    users = ", ".join(f"'user{number}@bench.invalid'" for number in {ADMIN, BIDDER, SELLER, WATCHER})
    session.lines("UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE email LIKE '%@example.org' LIMIT 1)"
                  f" WHERE email IN ({users})")
    session.lines(f"UPDATE users SET role = 'admin' WHERE email = 'user{ADMIN}@bench.invalid'")
    session.close()
    readers = {number: Reader(side, number) for number in (ADMIN, BIDDER, SELLER, WATCHER)}
    found = {}
    for name, number, path in LISTS:
        found[f"list.{name}"] = readers[number].p95(path)
        deep = readers[number].deep(path)
        if deep is not None:
            found[f"deep.{name}"] = readers[number].p95(deep)
    slowest = max(found, key=found.get)
    print(f"The slowest list: {slowest}, {found[slowest]:.1f} ms.", flush=True)
    return {**found, "lists": found[slowest]}


def stored(bench):
    """An empty deployment and one with much data in turn, at the share BENCH_SCALE of the data."""
    empty, filled = bench.open("empty"), bench.open("filled")
    fill(filled)
    for number in range(1, bench.rounds + 1):
        for side in (empty, filled) if number % 2 else (filled, empty):
            bench.add("stored", SCALE, side.name, number, bench.full(side))
        bench.add("stored", SCALE, "restarted", number, bench.full(filled, between=lambda: restart(filled)))
    for figures in (idle(filled), lists(filled), fan_out(filled)):
        bench.add("stored", SCALE, "filled", 1, figures)
    for side in (empty, filled):
        bench.shut(side)
