"""The measurements of tests/bench/run: a function for each row of its table, which adds figures to the results.

A row that compares sides measures them alternately, round by round, so that neighbours disturb both alike. Figures:

  taken, decided, accepted   bids a second: answered 202; decided, and committed as accepted, when the load ends
  p50, p90, p99, p999        latency of the 202 in ms
  cpu, cpu.PROGRAM           processor time in µs per decided bid until everything is out; `cpu` is the sum with the client
  busy                       share of all processors that was not idle during the load
  core.PROGRAM               processors that a program had during the load
"""
import os
import pathlib
import re
import time

import loads
import peer
from facts import ticks
from results import HERE
from side import Side
from stored import stored

SPREAD, HOT = "tests/conf/bench-spread.ini", "tests/conf/bench-hot.ini"
OFFERED = (0.125, 0.25, 0.5, 0.75, 0.9)  # of saturation
CLAIMED = (0.25, 0.5)  # the points that are measured in each round
CONNECTIONS = (8, 16, 32, 64, 128, 256)
AUCTIONS = (1, 10, 100, 500)
WORKERS = (1, 2, 4)
ALONE_RATE = 15  # bids a second on an idle deployment
ENDING = 1000  # auctions that end in the same second
ENDING_BEFORE_S, ENDING_AFTER_S = 4, 4  # the load around that second
SETTLED_S = 60


def settings(path, **changes):
    """The text of a settings file with other values."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    for name, value in changes.items():
        text = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
    return text


class Bench:
    """A run: its settings, its results, and the deployment that most rows share."""

    def __init__(self, results, seconds, rounds, connections):
        self.results, self.seconds, self.rounds, self.connections = results, seconds, rounds, connections
        self.side = self.peer = None
        self.sides = []
        self.configured = None

    def open(self, name, conf=SPREAD, **more):
        """Opens a deployment that is closed at the end."""
        side = Side(name, os.getcwd(), conf, build=os.environ.get("BUILD", "build"), **more)
        self.sides.append(side)
        return side

    def shared(self):
        """The deployment that most rows share."""
        if self.side is None:
            self.side = self.open(HERE, plugins=None if peer.missing() else peer.PLUGINS)
        return self.side

    def the_peer(self):
        """The peer beside it; None if there is none."""
        if self.peer is None and peer.missing() is None:
            print("Installing the peer.", flush=True)
            self.peer = peer.Peer(self.shared())
        return self.peer

    def shut(self, side):
        """Closes a deployment before the end."""
        self.sides.remove(side)
        side.close()

    def close(self):
        """Stops what it has opened."""
        if self.peer is not None:
            self.peer.close()
        for side in self.sides:
            side.close()

    def add(self, row, point, side, number, figures):
        """Keeps the figures of a measurement, and shows some of them."""
        self.results.add(row, point, side, number, figures)
        shown = ("taken", "decided", "accepted", "p50", "p99", "cpu", "refused", "late", "last_s", "idle_ms_s", "lists", "memory")
        text = "  ".join(f"{name} {figures[name]:.4g}" for name in shown if name in figures)
        print(f"{row:<12}{point!s:>7} {side:<9}{number!s:>2}  {text}", flush=True)

    def full(self, side, text=None, auctions=None, connections=None, seconds=None, between=None):
        """Full load on new auctions of a deployment, until all is out; `between` is called before the load."""
        side.configure(text or settings(SPREAD))
        fixture = loads.Fixture(side.seed())
        fixture.write(side.fixture.name, auctions)
        if between is not None:
            between()
        return measured(side, fixture.listed(auctions), lambda: loads.full(
            side.url, side.fixture.name, connections or self.connections, seconds or self.seconds))


def measured(side, listed, load):
    """The figures of a load on these auctions."""
    count = f"SELECT sum(ledger_seq), sum(bid_count) FROM auctions WHERE id IN ({listed})"
    session = side.session()
    before, accepted_before = map(int, session.lines(count)[0].split("|"))
    spent, before_ticks, began = side.processor_s(), ticks(), time.monotonic()
    figures = load()
    took, then, ticks_then = time.monotonic() - began, side.processor_s(), ticks()
    decided, accepted = map(int, session.lines(count)[0].split("|"))
    figures.update(decided=(decided - before) / took, accepted=(accepted - accepted_before) / took,
                   busy=1 - (ticks_then[1] - before_ticks[1]) / (ticks_then[0] - before_ticks[0]))
    figures.update({f"core.{program}": (then[program] - spent[program]) / took for program in then})
    side.drain(session, before + figures.pop("answered"),
               f"SELECT sum(ledger_seq) FROM auctions WHERE id IN ({listed})")
    bids = session.number(f"SELECT sum(ledger_seq) FROM auctions WHERE id IN ({listed})") - before
    session.close()
    after = side.processor_s()
    cost = {program: (after[program] - spent[program]) * 1e6 / bids for program in after}
    cost["client"] = figures.pop("client_s") * 1e6 / bids
    figures.update({f"cpu.{program}": value for program, value in cost.items()}, cpu=sum(cost.values()), bids=bids)
    return figures


def beside_peer(bench, row, text, auctions):
    """Full load on the deployment and on the peer in turn."""
    for number in range(1, bench.rounds + 1):
        bench.add(row, "-", HERE, number, bench.full(bench.shared(), text, auctions))
        if bench.the_peer() is not None:
            bench.add(row, "-", "peer", number, bench.the_peer().measure(auctions, bench.connections, bench.seconds))


def spread(bench):
    """Bids spread over 500 auctions."""
    beside_peer(bench, "spread", settings(SPREAD), None)


def hot(bench):
    """Bids on one auction."""
    beside_peer(bench, "hot", settings(HOT), 1)


def offered(bench):
    """Latency at shares of saturation, which each round measures anew."""
    side = bench.shared()
    for number in range(1, bench.rounds + 1):
        probe = bench.full(side, seconds=max(2, bench.seconds // 2))
        bench.add("offered", "-", HERE, number, probe)
        for share in OFFERED if number == 1 else CLAIMED:
            rate = probe["taken"] * share
            fixture = loads.Fixture(side.seed())
            figures = measured(side, fixture.listed(), lambda rate=rate: loads.offered(
                side.url, side.fixture.name, rate, bench.seconds))
            bench.add("offered", share, HERE, number, {"rate": rate, **figures})


def alone(bench):
    """One bid at a time on an idle deployment: until its 202, and until its decision."""
    side = bench.shared()
    side.configure(settings(SPREAD))
    for number in range(1, bench.rounds + 1):
        for point, header in (("202", ""), ("decision", "Prefer: wait=5")):
            loads.Fixture(side.seed()).write(side.fixture.name, 1)
            figures = loads.offered(side.url, side.fixture.name, ALONE_RATE, bench.seconds, 8, header)
            bench.add("alone", point, HERE, number, figures)


def ending(bench):
    """1,000 auctions that end in the same second, with bids on them and on 500 others."""
    side = bench.shared()
    probe = bench.full(side, seconds=2)
    rate = probe["taken"] / 2
    for number in range(1, bench.rounds + 1):
        others = loads.Fixture(side.seed())
        began = time.time()
        lead_s = 20
        while True:
            end_s = int(time.time() + lead_s) + 0.5
            ending_ones = loads.Fixture(side.seed(ENDING, int(end_s * 1000)))
            if time.time() < end_s - ENDING_BEFORE_S - 1:
                break
            lead_s = 2 * (time.time() - began) + lead_s  # a slow machine
        others.write(side.fixture.name, more=ending_ones.auctions)
        time.sleep(end_s - ENDING_BEFORE_S - 1 - time.time())  # the generator warms up for a second
        figures = loads.offered(side.url, side.fixture.name, rate, ENDING_BEFORE_S + ENDING_AFTER_S)
        bench.add("ending", "-", HERE, number, {**figures, "rate": rate, **settled(side, ending_ones)})


def settled(side, fixture):
    """Seconds from the time when a fence was due to the settlement of its auction: of the last one, and the median."""
    session = side.session()
    until = time.monotonic() + SETTLED_S
    late = "extract(epoch FROM settled_at - end_time) - (SELECT fence_grace_ms FROM topology) / 1000.0"
    where = f"FROM auctions WHERE id IN ({fixture.listed()})"
    while session.number(f"SELECT count(*) {where} AND settled_at IS NULL") > 0:
        if time.monotonic() > until:
            raise RuntimeError(f"auctions are not settled after {SETTLED_S} s")
        time.sleep(0.5)
    last, median, sold = session.lines(f"SELECT max({late}), percentile_cont(0.5) WITHIN GROUP (ORDER BY {late}),"
                                       f" count(*) FILTER (WHERE status = 'sold') {where}")[0].split("|")
    session.close()
    return {"last_s": float(last), "median_s": float(median), "sold": int(sold)}


def connections(bench):
    """Full load with few and many connections."""
    for count in CONNECTIONS:
        bench.add("connections", count, HERE, 1, bench.full(bench.shared(), connections=count))


def auctions(bench):
    """Full load on few and many auctions."""
    for count in AUCTIONS:
        bench.add("auctions", count, HERE, 1, bench.full(bench.shared(), auctions=count))


def gateways(bench):
    """Full load with few and many workers of the gateway, spread and on one auction, whose order they share."""
    for count in WORKERS:
        bench.add("gateways", count, HERE, 1, bench.full(bench.shared(), settings(SPREAD, workers=count)))
        bench.add("gateways_hot", count, HERE, 1, bench.full(bench.shared(), settings(HOT, workers=count), 1))


def bidworkers(bench):
    """Full load with few and many bid workers, in a deployment with a shard for each."""
    most = WORKERS[-1]
    conf = pathlib.Path(os.environ.get("BUILD", "build"), "bench", "bidworkers.ini")
    conf.parent.mkdir(parents=True, exist_ok=True)
    conf.write_text(settings(SPREAD, shards=most), encoding="utf-8")
    side = bench.open("bidworkers", str(conf), bidworkers=most)
    for count in reversed(WORKERS):
        for number in range(count + 1, most + 1):
            side.order(f"bidworker-{number}", "down")
        bench.add("bidworkers", count, HERE, 1, bench.full(side, settings(SPREAD, shards=most)))
    bench.shut(side)


ROWS = {"spread": spread, "hot": hot, "offered": offered, "alone": alone, "ending": ending, "connections": connections,
        "auctions": auctions, "gateways": gateways, "bidworkers": bidworkers, "stored": stored}
