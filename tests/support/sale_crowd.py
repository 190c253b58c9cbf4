"""A crowd of buyers who play one opening of a flash sale over HTTP. They join at their times of arrival, and in its turn
each does what its plan says. Called by tests/replay/sale-play and tests/chaos/sale_faults_test.py.

An arrival is (milliseconds after the opening, number of the buyer, quantity, plan). The plans:
  buy     orders in its turn, and confirms
  cancel  orders, then cancels
  leave   leaves the line in its turn
  wait    lets its turn run out
  forget  orders, and lets the reservation run out

The crowd reads from the ledger whose turn it is. That stands for 10,000 clients with a WebSocket each, and does not
matter to the checker: what a buyer then does passes through the whole deployment.
"""
import collections
import concurrent.futures
import random
import threading
import time
import traceback

from database import DatabaseError, query_rows

PLANS = ("buy", "cancel", "leave", "wait", "forget")
PLAN_WEIGHTS = (50, 20, 10, 10, 10)  # per cent of the buyers
BURST_SHARE = 0.7  # of the buyers: they come at the opening
THREADS = 24
LOOK_S = 0.25
SQL_S = 10  # of a statement while PostgreSQL may be stopped
OVER = {"sold_out", "settled", "cancelled"}  # of a sale in which nothing happens any more
# Refusals that a buyer may get: the sale or its turn was over when the request came.
LATE = {"SOLD_OUT", "SALE_ENDED", "SALE_NOT_OPEN", "SALE_NOT_STARTED"}
LATE_TURN = LATE | {"TURN_EXPIRED", "NOT_IN_QUEUE", "NOT_YOUR_TURN"}
LATE_ORDER = LATE | {"RESERVATION_EXPIRED", "ORDER_CLOSED", "NOT_FOUND"}


def arrivals(buyers, seed, burst_ms=1000, tail_s=10):
    """The arrivals of an opening, in the order of their times. The same seed gives the same ones everywhere.

    A burst: BURST_SHARE of the buyers wait for the opening and come with exponential delays of `burst_ms` on average.
    The others come as a Poisson process, at a rate that spreads them over `tail_s` on average. Buyers are in random
    order, so that their numbers say nothing about their places.
    """
    draw = random.Random(seed)
    burst = round(buyers * BURST_SHARE)
    times = [draw.expovariate(1 / burst_ms) for _ in range(burst)]
    at = 0.0
    for _ in range(buyers - burst):
        at += draw.expovariate((buyers - burst) / (tail_s * 1000))
        times.append(at)
    numbers = list(range(buyers))
    draw.shuffle(numbers)
    plans = draw.choices(PLANS, PLAN_WEIGHTS, k=buyers)
    return sorted((round(time_ms), number, 1, plan) for time_ms, number, plan in zip(times, numbers, plans))


class Crowd:
    """The buyers of one sale. `buyers` are those of sale_shop.py, by number."""

    def __init__(self, sale, buyers, arriving):
        self.sale, self.buyers, self.arriving = sale, buyers, arriving
        self.confirmations_left = None  # None: no bound; see keep_open
        self.keeping = threading.Lock()
        self.plans = {buyers[number].id: plan for _, number, _, plan in arriving}
        self.by_id = {buyer.id: buyer for buyer in buyers}
        self.strange = []  # what has no place here: failures of the crowd itself
        self.counts = collections.Counter()  # answers, for the reader of a failure
        self.seen = 0  # seq of the newest turn
        self.stopping = threading.Event()
        self.joined = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(THREADS)
        self.jobs = []

    def promises(self):
        return [promise for buyer in self.buyers for promise in buyer.promises]

    def all_strange(self):
        return self.strange + [f"buyer {buyer.id}: {each}" for buyer in self.buyers for each in buyer.strange]

    def run(self, step, *arguments):
        """Runs a step of a buyer in a thread."""
        self.jobs.append(self.pool.submit(self.guard, step, *arguments))

    def guard(self, step, *arguments):
        try:
            step(*arguments)
        except Exception:  # an answer that cannot be read; the other buyers go on
            self.strange.append(traceback.format_exc())

    def join(self, buyer, quantity):
        answer = buyer.join(self.sale, quantity, LATE)
        self.counts[f"join {answer.status} {answer.code}".strip()] += 1

    def keep_open(self, confirmations):
        """At most so many confirm from now on, and the others who meant to let the reservation run out: so the sale stays
        open. None: all confirm."""
        with self.keeping:
            self.confirmations_left = confirmations

    def plan_of(self, buyer):
        plan = self.plans[buyer.id]
        with self.keeping:
            if plan != "buy" or self.confirmations_left is None:
                return plan
            self.confirmations_left -= 1
            return "buy" if self.confirmations_left >= 0 else "forget"

    def take_turn(self, buyer, quantity):
        plan = self.plan_of(buyer)
        if plan == "leave":
            buyer.leave(self.sale, LATE_TURN)
        elif plan != "wait":
            answer = buyer.order(self.sale, quantity, LATE_TURN)
            if answer.status in (200, 202) and plan == "buy":
                answer = buyer.confirm(buyer.order_id, LATE_ORDER)
            elif answer.status in (200, 202) and plan == "cancel":
                answer = buyer.cancel(buyer.order_id, LATE_ORDER)
            elif answer.status in (200, 202) and plan == "forget":
                buyer.forget(buyer.order_id)
            self.counts[f"{plan} {answer.status} {answer.code}".strip()] += 1

    def arrive(self):
        """Sends the joins at their times."""
        began = time.monotonic()
        for at_ms, number, quantity, _ in self.arriving:
            wait_s = began + at_ms / 1000 - time.monotonic()
            if wait_s > 0 and self.stopping.wait(wait_s):
                break
            self.run(self.join, self.buyers[number], quantity)
        self.joined.set()

    def new_turns(self):
        return query_rows(f"SELECT seq, user_id, quantity FROM sale_ledger WHERE sale_id = '{self.sale}'"
                          f" AND kind = 'turn' AND seq > {self.seen} ORDER BY seq", timeout=SQL_S)

    def watch(self):
        """Gives each turn to its buyer."""
        while not self.stopping.wait(LOOK_S):
            try:
                turns = self.new_turns()
            except DatabaseError:
                continue
            for turn in turns:
                self.seen = turn["seq"]
                self.run(self.take_turn, self.by_id[turn["user_id"]], turn["quantity"])

    def over(self):
        """Whether nothing will happen any more: the sale is over, or everybody has come and nobody holds or waits."""
        try:
            row = query_rows(f"SELECT status, claimed + reserved + waiting AS left FROM flash_sales"
                             f" WHERE id = '{self.sale}'", timeout=SQL_S)[0]
        except DatabaseError:
            return False
        idle = self.joined.is_set() and all(job.done() for job in self.jobs)
        return row["status"] in OVER or (idle and row["left"] == 0 and row["status"] == "active")

    def play(self, most_s):
        """Plays the opening. Returns whether the sale was over within that time."""
        threads = [threading.Thread(target=self.guard, args=(step,), daemon=True) for step in (self.arrive, self.watch)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + most_s
        while not (over := self.over()) and time.monotonic() < until:
            time.sleep(LOOK_S)
        self.stopping.set()
        for thread in threads:
            thread.join()
        self.pool.shutdown(wait=True)
        return over
