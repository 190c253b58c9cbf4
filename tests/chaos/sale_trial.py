"""An opening of a flash sale while faults strike, one after another, and the verdict of the independent checker.

Called by sale_worker_faults_test.py (by messages), sale_faults_test.py (short) and sale_faults_long_test.py (10,000
buyers for 100 units). The environment names the deployment.
"""
import concurrent.futures
import dataclasses
import os
import subprocess
import sys
import threading
import time
import traceback

from database import DatabaseError
from faults import freeze, kill, thaw
from sale_crowd import THREADS, Crowd, arrivals
from sale_judge import judge, read

SEED = 20261122
HANG_S = 3  # how long a process is stopped
JUDGED_S = 60  # from the end of the opening until everything is decided
SQL_S = 10
SHOWN = 20  # violations
GRACE_MS = 10000  # from the end of a turn or reservation until its units must be free, while nothing fails
OUTAGE_MS = 60000  # and that much later with faults: time in which the deployment refused does not count
PROGRAMS = ("gateway-worker", "saleworker-1", "endworker", "notifyworker", "bidworker-1")
SERVERS = ("redis", "rabbitmq", "postgres")


@dataclasses.dataclass
class Opening:
    """What is played."""

    buyers: int
    units: int
    faults: list  # (word, function); each strikes once
    pause_s: float  # between two faults
    most_s: int  # until it must be over
    turn_s: int = 2
    reservation_s: int = 2


def killed(service):
    return f"{service}: killed", lambda: kill(service)


def hung(service):
    def strike():
        freeze(service)
        time.sleep(HANG_S)
        thaw()
    return f"{service}: stopped for {HANG_S} s", strike


class Striker(threading.Thread):
    """Strikes with each fault in turn, from the moment that somebody has a turn."""

    def __init__(self, opening, crowd):
        super().__init__(daemon=True)
        self.opening, self.crowd = opening, crowd
        self.struck, self.wrong = [], []

    def run(self):
        for name, strike in self.opening.faults:
            if self.crowd.stopping.wait(self.opening.pause_s):
                break
            try:
                strike()
            except Exception:  # the other faults still strike
                self.wrong.append(f"{name}: {traceback.format_exc()}")
            self.struck.append(name)
            print(f"{time.strftime('%H:%M:%S')} {name}", flush=True)


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


def verify():
    """What `rostrumctl verify` prints if it finds a difference."""
    command = [f"{os.environ.get('BUILD', 'build')}/bin/rostrumctl", "verify"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
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
    missed = [name for name, _ in opening.faults if name not in striker.struck]
    if missed:
        wrong.append(f"the opening was over before these struck: {missed}")
    if not over:
        wrong.append(f"the sale was not over after {opening.most_s} s")
    if history is not None:
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
