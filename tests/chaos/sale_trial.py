"""An opening of a flash sale while faults strike, one after another, and the verdict of the independent checker.

Called by sale_worker_faults_test.py (by messages), sale_faults_test.py (short), sale_faults_long_test.py (10,000 buyers
for 100 units) and sale_cluster_faults.py. The environment names the deployment.
"""
import concurrent.futures
import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import threading
import time
import traceback

from database import DatabaseError, query_value
from faults import HOLD_S, freeze, kill, order, thaw
from sale_crowd import OVER, THREADS, Crowd, arrivals
from sale_judge import judge, read
from sale_post import shard_of

SEED = 20261122
HANG_S = 3  # how long a process is stopped
JUDGED_S = 60  # from the end of the opening until everything is decided
SQL_S = 10
SHOWN = 20  # violations
TAKEN_OVER_S = 30  # from the end of a sale worker until another one decides for its shard
AGAIN_S = 150  # from a fault until something is decided; then the next fault strikes all the same
LOOK_S = 0.2
NAME_WIDTH = 58  # of a fault, in the printed table
GRACE_MS = 10000  # from the end of a turn or reservation until its units must be free, while nothing fails
OUTAGE_MS = 60000  # and that much later with faults: time in which the deployment refused does not count
PROGRAMS = ("gateway-worker", "saleworker-1", "endworker", "notifyworker", "bidworker-1")
SERVERS = ("redis", "rabbitmq", "postgres")


@dataclasses.dataclass
class Opening:
    """What is played."""

    buyers: int
    units: int
    faults: list  # (name, function of the sale); each strikes once
    pause_s: float  # from a decision after a fault until the next one
    most_s: int  # until it must be over
    turn_s: int = 2
    reservation_s: int = 5


@dataclasses.dataclass
class Struck:
    """A fault that has struck: times in milliseconds, as in the ledger. `taken_s`: until another took over, if one had to."""

    name: str
    began: int
    ended: int
    taken_s: float


def killed(service):
    return f"{service}: killed", lambda sale: kill(service)


def hung(service):
    def strike(sale):
        del sale
        freeze(service)
        time.sleep(HANG_S)
        thaw()
    return f"{service}: stopped for {HANG_S} s", strike


def down(service):
    def strike(sale):
        del sale
        order("down", service)
        time.sleep(HOLD_S)
        order("up", service)
    return f"{service}: down for {HOLD_S} s", strike


def owner_of(sale):
    """The name of the sale worker that owns the sale's shard, as `rostrumctl shards` prints it; "-": none."""
    shard = shard_of(sale, int(query_value("SELECT shards FROM topology")))
    return re.search(rf"^sales\.shard\.{shard:02} +(\S+)", ctl("shards").stdout, re.MULTILINE)[1]


def taken_over(name, strike, heal):
    """A fault that lasts until another sale worker owns the shard and has decided something in it, or the sale is over. It
    returns the seconds."""
    def run(sale):
        decided = f"SELECT ledger_seq, status FROM flash_sales WHERE id = '{sale}'"
        owner = owner_of(sale)
        strike(owner)
        began = time.monotonic()
        until = began + TAKEN_OVER_S
        try:
            while owner_of(sale) in (owner, "-"):
                assert time.monotonic() < until, f"nobody took the shard of {owner} over within {TAKEN_OVER_S} s"
                time.sleep(LOOK_S)
            before = query_value(decided)
            while query_value(decided) == before and before.partition("|")[2] not in OVER:
                assert time.monotonic() < until, f"nobody decides in place of {owner} within {TAKEN_OVER_S} s"
                time.sleep(LOOK_S)
            return time.monotonic() - began
        finally:
            heal(owner)
    return name, run


def kill_for_good(service):
    order("once", service)
    kill(service)


OWNER_KILLED = taken_over("the sale worker that decides: killed, another takes over", kill_for_good,
                          lambda service: order("up", service))
OWNER_HUNG = taken_over("the sale worker that decides: stopped, another takes over", freeze, lambda service: thaw())


class Striker(threading.Thread):
    """Strikes with each fault in turn. The next one waits until something was decided after the one before. Half of the
    units are kept for after the faults, so that all of them find the sale open."""

    def __init__(self, opening, crowd):
        super().__init__(daemon=True)
        self.opening, self.crowd = opening, crowd
        self.struck, self.wrong = [], []

    def await_decision(self, after):
        """A server may take a minute to start on busy processors."""
        found = f"SELECT count(*) FROM sale_ledger WHERE sale_id = '{self.crowd.sale}'" \
                f" AND decided_at >= to_timestamp({after} / 1000.0)"
        until = time.monotonic() + AGAIN_S
        while not self.crowd.stopping.wait(LOOK_S) and time.monotonic() < until:
            with contextlib.suppress(DatabaseError):
                if query_value(found) != "0":
                    return

    def run(self):
        self.crowd.keep_open(self.opening.units // 2)
        try:
            self.strike_all()
        finally:
            self.crowd.keep_open(None)

    def strike_all(self):
        for name, strike in self.opening.faults:
            if self.struck:
                self.await_decision(self.struck[-1].ended)
            if self.crowd.stopping.wait(self.opening.pause_s):
                break
            began, taken_s = now_ms(), None
            try:
                taken_s = strike(self.crowd.sale)
            except Exception:  # the other faults still strike
                self.wrong.append(f"{name}: {traceback.format_exc()}")
            self.struck.append(Struck(name, began, now_ms(), taken_s))


def now_ms():
    return int(time.time() * 1000)


def print_table(struck, history):
    """What was decided while the faults struck: the table of docs/faults.md, which describes its columns."""
    print(f"{'fault':{NAME_WIDTH}} commands  again  longest")
    own = [row for row in history.entries if row["kind"] not in ("turn", "expire")]
    for number, each in enumerate(struck):
        until = struck[number + 1].began if number + 1 < len(struck) else history.now
        rows = [row for row in own if each.began <= row["received"] < until]
        after = next((row["decided"] - each.ended for row in history.entries if row["decided"] >= each.ended), 0)
        again_s = after / 1000 if each.taken_s is None else each.taken_s
        longest = max((row["decided"] - row["received"] for row in rows), default=0)
        print(f"{each.name:{NAME_WIDTH}} {len(rows):8} {again_s:6.1f} {longest / 1000:8.1f}")


def log_in(buyers):
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda buyer: buyer.log_in(), buyers))


def final_judgement(sale, promises):
    """The history of the sale, and the violations that remain once everything had time to be decided."""
    until = time.monotonic() + JUDGED_S
    history, violations = None, ["PostgreSQL does not answer"]
    while True:
        try:
            history = read(sale, timeout=SQL_S)
            violations = judge(history, promises, GRACE_MS, OUTAGE_MS)
        except DatabaseError:
            pass
        if not violations or time.monotonic() > until:
            return history, [str(each) for each in violations]
        time.sleep(1)


def ctl(command):
    return subprocess.run([f"{os.environ.get('BUILD', 'build')}/bin/rostrumctl", command], capture_output=True, text=True,
                          check=False)


def verify():
    """What `rostrumctl verify` prints if it finds a difference."""
    done = ctl("verify")
    return [] if done.returncode == 0 else [f"rostrumctl verify: {done.stdout}{done.stderr}"]


def play(opening, shop):
    """Plays the opening. Returns what was wrong, as lines."""
    buyers = shop.new_users(opening.buyers)
    log_in(buyers)
    sale = shop.new_sale(opening.units, opening.most_s, turnSeconds=opening.turn_s,
                         reservationSeconds=opening.reservation_s)
    crowd = Crowd(sale, buyers, arrivals(opening.buyers, SEED))
    striker = Striker(opening, crowd)
    striker.start()
    over = crowd.play(opening.most_s)
    striker.join()
    history, violations = final_judgement(sale, crowd.promises())
    print(f"{opening.buyers} buyers, {opening.units} units: {dict(crowd.counts)}")
    wrong = violations + crowd.all_strange() + striker.wrong + verify()
    missed = [name for name, _ in opening.faults[len(striker.struck):]]
    if missed:
        wrong.append(f"the opening was over before these struck: {missed}")
    if not over:
        wrong.append(f"the sale was not over after {opening.most_s} s")
    if history is not None:
        print_table(striker.struck, history)
        print(f"{history.sale['sold']} sold, {len(history.entries)} entries, {len(crowd.promises())} answers with 202,"
              f" the sale is {history.sale['status']}")
        if history.sale["sold"] < opening.units and history.sale["waiting"] > 0:
            wrong.append(f"{history.sale['sold']} of {opening.units} sold, and {history.sale['waiting']} still wait")
    return wrong


def main(name, opening, make_shop):
    """Plays the opening as the test `name`, with the shop of sale_shop.py or sale_post.py, and exits."""
    try:
        wrong = play(opening, make_shop())
    except Exception:
        wrong = [traceback.format_exc()]
    finally:
        thaw()
    for line in wrong[:SHOWN]:
        print(f"FAILED {line}")
    if len(wrong) > SHOWN:
        print(f"and {len(wrong) - SHOWN} more")
    print(f"{name}: {0 if wrong else 1} passed, {1 if wrong else 0} failed")
    sys.exit(1 if wrong else 0)
