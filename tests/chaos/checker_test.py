#!/usr/bin/python3
"""The checker and `rostrumctl verify` against broken ledgers. A short load writes a good ledger, in which both find
nothing. Each case breaks a copy of it by SQL. The checker must report the kind of violation that the case names, and
`verify` must report a difference where the case shows in SQL alone.

A copy is the schema `broken` with the tables that both read. It has no constraints, so that it can hold what the real
tables refuse. Started by tests/run, which names the deployment in the environment.
"""
import dataclasses
import os
import subprocess
import sys
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from bidders import Load  # noqa: E402 (needs the path above)
from database import connection, sql  # noqa: E402
from judge import judge, read  # noqa: E402
from trial import final_judgement, wait_until  # noqa: E402

LOAD_S = 60  # of the load, at most; auctions end meanwhile
# The tables that are read, each with its column of the auction.
TABLES = {"auctions": "id", "bids": "auction_id", "terms": "auction_id", "notifications": "auction_id"}
BROKEN = "broken"


@dataclasses.dataclass
class Case:
    """A way to break a ledger.

    `statements` may use these psql variables. Auctions: `:sold`, extended and sold; `:unsold`, which missed its
    reserve; `:open`. Bids of :sold: `:late` and `:later` of one client, rejected as late. Bids of :open: `:valid` and
    `:next` of one client, accepted. `:notice` is the notification of a lost lead, `:other` another client.
    """

    name: str
    kind: str  # of the violation that the checker must report; None: the ledger is still good
    verify: bool  # whether verify must find it, by the rules or by the hashes of the entries
    statements: str


COLUMNS = """bidder_id, kind, status, reason, raise, amount, max_amount, end_time, voids, received_at, decided_at,
    effective, effective_status, effective_raise, effective_amount, effective_bidder_id"""
# Numbers the entries again, so that a missing or additional entry leaves no other trace.
NUMBER = """UPDATE bids b SET seq = n.n FROM (SELECT ctid AS place,
        row_number() OVER (PARTITION BY auction_id ORDER BY seq) AS n FROM bids) n WHERE n.place = b.ctid;
    UPDATE auctions a SET ledger_seq = (SELECT count(*) FROM bids WHERE auction_id = a.id);"""
# An auction that ended an hour ago, so that nothing of it is on its way.
AGE = """UPDATE auctions SET start_time = start_time - interval '1 h',
        original_end_time = original_end_time - interval '1 h', end_time = end_time - interval '1 h',
        created_at = created_at - interval '1 h',
        settled_at = settled_at - interval '1 h' WHERE id = :sold;
    UPDATE bids SET received_at = received_at - interval '1 h', decided_at = decided_at - interval '1 h'
        WHERE auction_id = :sold;"""
UNSETTLE = "UPDATE auctions SET settled_at = NULL, winner_id = NULL, winning_bid_id = NULL WHERE id = :sold;"


def copy_entry(bid, auction="auction_id", seq="seq + 0.5", new_id="bid_id"):
    """Copies an entry to behind itself, or to another place."""
    return f"""INSERT INTO bids (auction_id, seq, bid_id, {COLUMNS})
        SELECT {auction}, {seq}, {new_id}, {COLUMNS} FROM bids WHERE bid_id = {bid};"""


def swap(one, other):
    return f"""UPDATE bids b SET seq = o.seq FROM bids o
        WHERE (b.bid_id, o.bid_id) IN (({one}, {other}), ({other}, {one}));"""


CASES = [
    Case("the_ledger_was_copied", None, True, ""),
    Case("a_202_is_lost", "lost", True, f"DELETE FROM bids WHERE bid_id = :late; {NUMBER}"),
    Case("a_202_is_lost_with_its_number", "lost", True, "DELETE FROM bids WHERE bid_id = :late"),
    Case("an_accepted_202_is_lost", "lost", True, f"DELETE FROM bids WHERE bid_id = :valid; {NUMBER}"),
    Case("a_202_is_decided_twice", "twice", True, copy_entry(":late") + NUMBER),
    Case("a_202_is_decided_on_two_auctions", "twice", True, copy_entry(":late", ":unsold", "1000000") + NUMBER),
    Case("a_202_is_decided_on_another_auction", "amount", True,
         f"UPDATE bids SET auction_id = :unsold, seq = 1000000 WHERE bid_id = :late; {NUMBER}"),
    Case("the_amount_of_a_rejected_202_differs", "amount", True,
         "UPDATE bids SET amount = amount - 0.01 WHERE bid_id = :late"),
    Case("the_amount_of_an_accepted_202_differs", "amount", True,
         "UPDATE bids SET amount = 0.01 WHERE bid_id = :valid"),
    Case("a_202_is_the_bid_of_another_user", "amount", True,
         "UPDATE bids SET bidder_id = (SELECT seller_id FROM auctions WHERE id = :open) WHERE bid_id = :valid"),
    Case("a_202_was_received_at_another_time", "amount", True,
         "UPDATE bids SET received_at = received_at + interval '1 ms' WHERE bid_id = :late"),
    Case("two_rejected_202s_change_places", "order", True, swap(":late", ":later")),
    Case("two_accepted_202s_change_places", "order", True, swap(":valid", ":next")),
    Case("a_bid_in_time_is_rejected_as_late", "late", True,
         "UPDATE bids SET status = 'rejected', reason = 'AUCTION_ENDED' WHERE bid_id = :valid"),
    Case("a_late_bid_is_accepted", "late", True,
         "UPDATE bids SET status = 'accepted', reason = NULL WHERE bid_id = :late"),
    Case("a_bid_is_rejected_by_an_internal_error", "rules", True,
         "UPDATE bids SET status = 'rejected', reason = 'INTERNAL_ERROR' WHERE bid_id = :valid"),
    Case("an_entry_is_of_nobody", "unasked", False, copy_entry(":late", new_id="gen_random_uuid()") + NUMBER),
    Case("an_extension_is_lost", "rules", True, "UPDATE auctions SET end_time = original_end_time WHERE id = :sold"),
    Case("the_price_is_stale", "rules", True, "UPDATE auctions SET current_bid = current_bid - 0.01 WHERE id = :open"),
    Case("an_auction_ended_early", "end", True,
         "UPDATE bids SET decided_at = received_at - interval '3 s' WHERE auction_id = :sold AND kind = 'end'"),
    Case("an_auction_ended_twice", "end", True,
         copy_entry("(SELECT bid_id FROM bids WHERE auction_id = :sold AND kind = 'end')", new_id="gen_random_uuid()")
         + NUMBER),
    Case("a_due_auction_never_ended", "end", True,
         f"""{AGE} {UNSETTLE} UPDATE auctions SET status = 'active' WHERE id = :sold;
             DELETE FROM bids WHERE auction_id = :sold AND kind = 'end'; {NUMBER}"""),
    Case("an_ended_auction_was_never_settled", "end", True,
         f"{AGE} {UNSETTLE} UPDATE auctions SET status = 'ended' WHERE id = :sold"),
    Case("an_auction_was_sold_to_another_user", "end", True, "UPDATE auctions SET winner_id = :other WHERE id = :sold"),
    Case("an_auction_was_sold_below_its_reserve", "end", True,
         """UPDATE auctions SET status = 'sold', winner_id = leader_id, winning_bid_id = leader_bid_id
            WHERE id = :unsold"""),
    Case("the_seller_was_notified_twice", "notices", True,
         """INSERT INTO notifications SELECT user_id, gen_random_uuid(), kind, auction_id, amount, end_time, created_at
            FROM notifications WHERE auction_id = :sold AND kind = 'AUCTION_SOLD'"""),
    Case("a_lost_lead_has_no_notification", "notices", False,
         "DELETE FROM notifications WHERE id = :notice"),
    Case("a_lost_lead_has_two_notifications", "notices", True,
         """INSERT INTO notifications SELECT user_id, gen_random_uuid(), kind, auction_id, amount, end_time, created_at
            FROM notifications WHERE id = :notice"""),
    Case("another_user_has_the_notification", "notices", True,
         "UPDATE notifications SET user_id = :other WHERE id = :notice"),
]


def first_of(values):
    """The first value that is not None; None if there is none."""
    return next((value for value in values if value is not None), None)


class Fixture:
    """A good ledger, what its clients saw, and the rows that the cases break."""

    def __init__(self):
        load = Load(os.environ["ROSTRUM_HTTP_URL"])
        self.record = load.record
        assert wait_until(lambda: self.pick(read(self.record)), LOAD_S), "the load did not bring the rows to break"
        load.stop()
        _, ledger = final_judgement(self.record)
        load.read_notices()
        violations = judge(self.record, ledger)
        assert not violations, "\n".join(map(str, violations))
        self.variables = [word for name, value in self.pick(ledger).items() for word in ("-v", f"{name}='{value}'")]

    def pick(self, ledger):
        """The values of the psql variables that Case describes; None while one is missing."""
        rows = ledger.auctions
        late = first_of(self.pair(ledger, each, "AUCTION_ENDED") for each in rows
                        if rows[each]["status"] == "sold" and rows[each]["extensions"])
        valid = first_of(self.pair(ledger, each, None) for each in rows if rows[each]["status"] == "active")
        unsold = first_of(each for each in rows if rows[each]["status"] == "unsold")
        if not (late and valid and unsold):
            return None
        notice = first_of(row for row in ledger.notices
                          if row["kind"] == "OUTBID" and row["auction_id"] == valid[0]["auction_id"])
        if not notice:
            return None
        sold = late[0]["auction_id"]
        others = set(self.record.users) - {notice["user_id"], valid[0]["bidder_id"], rows[sold]["leader"]}
        return {"sold": sold, "unsold": unsold, "open": valid[0]["auction_id"], "late": late[0]["bid_id"],
                "later": late[1]["bid_id"], "valid": valid[0]["bid_id"], "next": valid[1]["bid_id"],
                "notice": notice["id"], "other": min(others)}

    def pair(self, ledger, auction, reason):
        """Two plain bids of one client that were answered 202, and rejected for this reason or accepted."""
        taken = {bid.id for bid in self.record.taken()}
        first = {}
        for row in ledger.entries[auction]:
            if (row["kind"], row["reason"]) == ("bid", reason) and row["status"] != "outbid" and row["bid_id"] in taken:
                if row["bidder_id"] in first:
                    return first[row["bidder_id"]], row
                first[row["bidder_id"]] = row
        return None

    def break_it(self, statements):
        """Makes a copy of the ledger, and breaks it."""
        lots = ", ".join(f"'{auction}'" for auction in self.record.auctions)
        copy = "".join(f"CREATE TABLE {BROKEN}.{table} AS SELECT * FROM public.{table} WHERE {column} IN ({lots});"
                       for table, column in TABLES.items())
        sql(f"""DROP SCHEMA IF EXISTS {BROKEN} CASCADE; CREATE SCHEMA {BROKEN}; {copy}
            ALTER TABLE {BROKEN}.bids ALTER seq TYPE numeric; {statements};
            ALTER TABLE {BROKEN}.bids ALTER seq TYPE bigint;""", "-1", *self.variables, schema=BROKEN)


def verify():
    """Runs rostrumctl verify on the copy. Returns its exit code and output."""
    command = [f"{os.environ.get('BUILD', 'build')}/bin/rostrumctl", "verify"]
    done = subprocess.run(command, env=connection(BROKEN), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def check(fixture, case):
    """Raises AssertionError unless checker and verify report what they must."""
    fixture.break_it(case.statements)
    violations = judge(fixture.record, read(fixture.record, BROKEN))
    kinds = sorted({violation.kind for violation in violations})
    code, output = verify()
    shown = violations[0] if violations else "nothing"
    line = next((line for line in output.splitlines() if line), "")
    print(f"{case.name}\n    checker: {' '.join(kinds) or '-'}: {shown}\n    verify {code}: {line}", flush=True)
    assert (kinds == []) if case.kind is None else (case.kind in kinds), f"expected {case.kind}, found {kinds}"
    if case.kind is None:
        assert code == 0, output
    elif case.verify:
        assert code == 1, f"verify finds nothing: {output}"


def main():
    """Runs the cases."""
    chosen = [case for case in CASES if os.environ.get("ROSTRUM_TEST", case.name) == case.name]
    failed = 0
    fixture = Fixture()
    for case in chosen:
        try:
            check(fixture, case)
        except Exception:  # whatever it is, the others still run
            failed += 1
            print(f"FAILED {case.name}:")
            traceback.print_exc(file=sys.stdout)
    sql(f"DROP SCHEMA {BROKEN} CASCADE")
    print(f"checker_test: {len(chosen) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not chosen else 0)


if __name__ == "__main__":
    main()
