"""A trial: one fault of faults.py under load, with the verdict of the checker as a row of the table.

Called by tests/chaos/run, and by faults_test.py for the short form. ROSTRUM_HTTP_URL and ROSTRUM_PG_URL name the
deployment.
"""
import dataclasses
import http.client
import os
import re
import time
import urllib.request

from bidders import CALM_PAUSE_S, Load, now_ms
from database import DatabaseError, query_rows
from faults import HOLD_S, POLL_S
from judge import KINDS, judge, longest_wait, read
from processes import wait_until

WARM_UP_BIDS, WARM_UP_S = 200, 2.5  # before the fault; by then the scheduled auction has started
AFTER_S = 1  # load after the last recovery
TAKEOVER_S = 20  # after that, a fault that others should take over is healed, and the takeover counts as missing
RECOVERED_S = 90  # from a strike, or from healing, until bids are taken and decided again
JUDGED_S = 60  # from the end of the load until everything is decided, settled and notified
READY_S, READY_LOOKS = 60, 8
WHOLE_S = 600  # from the end of a fault until the cluster could survive the next one
LIMIT_TIMES = 2
SQL_S = 10  # of a statement while PostgreSQL may be stopped; on busy processors psql alone takes seconds
SHOWN_VIOLATIONS = 10
HEADINGS = ("fault", "202s", "lost", "twice", "out of order", "other", "seconds")
WIDTHS = (47, 6, 5, 6, 13, 6, 8)


def ready():
    """Whether the deployment reports that nothing is missing, on several connections, which reach all workers."""
    try:
        for _ in range(READY_LOOKS):
            with urllib.request.urlopen(f"{os.environ['ROSTRUM_HTTP_URL']}/ready", timeout=SQL_S) as answer:
                if not re.search(rb'"degraded": *\[\]', answer.read()):
                    return False
    except (OSError, http.client.HTTPException):
        return False
    return True


@dataclasses.dataclass
class Row:
    """A row of the table that is printed."""

    name: str
    taken: int
    violations: list
    strange: list
    seconds: float  # None: never
    takeover_s: int  # within which others had to take over

    def count(self, *kinds):
        return sum(violation.kind in kinds for violation in self.violations)

    def columns(self):
        others = [kind for kind in KINDS if kind not in ("lost", "twice", "order")]
        seconds = "never" if self.seconds is None else f"{self.seconds:.1f}"
        if self.seconds == float("inf"):
            seconds = f"> {self.takeover_s}"
        return (self.name, str(self.taken), str(self.count("lost")), str(self.count("twice")), str(self.count("order")),
                str(self.count(*others) + len(self.strange)), seconds)

    def details(self):
        """The first violations as text."""
        lines = [str(violation) for violation in self.violations] + [f"strange: {each}" for each in self.strange]
        more = len(lines) - SHOWN_VIOLATIONS
        return lines[:SHOWN_VIOLATIONS] + ([f"and {more} more"] if more > 0 else [])


def print_row(columns):
    others = (text.rjust(width) for text, width in zip(columns[1:], WIDTHS[1:]))
    print(columns[0].ljust(WIDTHS[0]) + "".join(others), flush=True)


def decided_on_all(load, lots, since):
    """Whether on each of these auctions a bid was decided that was sent after `since`."""
    first = {}
    for bid in load.record.taken():
        if bid.auction in lots and bid.sent >= since:
            first.setdefault(bid.auction, bid.id)
    if len(first) < len(lots):
        return False
    try:
        ids = ", ".join(f"'{each}'" for each in first.values())
        lots = ", ".join(f"'{each}'" for each in lots)
        found = query_rows(f"SELECT bid_id FROM bids WHERE auction_id IN ({lots}) AND bid_id IN ({ids})", timeout=SQL_S)
    except DatabaseError:
        return False
    return len(found) == len(first)


@dataclasses.dataclass
class Struck:
    """What a strike led to."""

    since: float  # the time from which recovery counts, ms
    taken_over: bool = True  # where others had to take over
    recovered: bool = False  # bids are taken and decided again


def takeover_s(fault):
    """How long others have to take over before the fault is healed. The clients' record decides about a limit."""
    return TAKEOVER_S if fault.limit_s is None else fault.limit_s * LIMIT_TIMES


def strike(fault, load, lots):
    """Strikes once, heals, and waits for recovery."""
    struck = Struck(now_ms())
    recovers_from = struck.since
    fault.strike()
    if fault.heal is not None:
        if fault.takeover:
            struck.taken_over = wait_until(lambda: decided_on_all(load, lots, struck.since), takeover_s(fault))
        else:
            time.sleep(HOLD_S)
        recovers_from = now_ms()
        fault.heal()
        if not fault.takeover:
            struck.since = recovers_from
    struck.recovered = wait_until(lambda: decided_on_all(load, lots, recovers_from), RECOVERED_S)
    return struck


def final_judgement(record):
    """The violations that remain once everything had time to be decided, settled and notified, and the ledger."""
    until = time.monotonic() + JUDGED_S
    while True:
        ledger = read(record, timeout=JUDGED_S)
        violations = judge(record, ledger)
        if not violations or time.monotonic() > until:
            return violations, ledger
        time.sleep(POLL_S)


def write_down(case, record, ledger):
    """Writes what the clients saw and what the ledger holds, to find the reason of a violation."""
    # tests/run names a file in its folder of logs.
    folder = os.path.dirname(os.environ.get("CK_XML_LOG_FILE_NAME") or os.path.join(os.environ["BUILD"], "chaos.xml"))
    path = os.path.join(folder, f"chaos-{case}.record")
    with open(path, "w", encoding="utf-8") as file:
        for each in [*record.bids, *(entry for entries in ledger.entries.values() for entry in entries)]:
            file.write(f"{each!r}\n")


def recovery_seconds(load, ledger, lots, struck):
    """The last column of the table: None: never; infinite: others did not take over."""
    if not all(each.recovered for each in struck):
        return None
    if not all(each.taken_over for each in struck):
        return float("inf")
    wait = longest_wait(load.record, ledger, lots, struck[0].since)
    return None if wait is None else wait / 1000


def run(fault):
    """Runs a fault under load. Returns its row."""
    load = Load(os.environ["ROSTRUM_HTTP_URL"], fault.reuse_keys)
    lots = load.long_lots[:-1]  # the last one is scheduled
    began = time.monotonic()
    assert wait_until(lambda: load.taken_count() >= WARM_UP_BIDS and time.monotonic() > began + WARM_UP_S, READY_S)
    try:
        struck = [strike(fault, load, lots) for _ in range(fault.times)]
        if fault.whole is not None:
            load.pause_s = CALM_PAUSE_S
            if not wait_until(fault.whole, WHOLE_S):
                load.record.strange.append(f"the cluster is not whole {WHOLE_S} s later")
        time.sleep(AFTER_S)
    except BaseException:
        if fault.heal is not None:
            fault.heal()
        raise
    finally:
        load.stop()
    if not wait_until(ready, READY_S):
        load.record.strange.append(f"the deployment is not ready {READY_S} s later")
    violations, ledger = final_judgement(load.record)
    load.read_notices()
    if not violations:
        violations = judge(load.record, ledger)
    if violations:
        write_down(fault.case, load.record, ledger)
    seconds = recovery_seconds(load, ledger, lots, struck)
    return Row(fault.name, load.taken_count(), violations, load.record.strange, seconds, takeover_s(fault))
