#!/usr/bin/python3
"""Attacks on the ledger by somebody who may change every row of the database.

The hashes are made here again from docs/ledger.md alone, not by the code of the deployment. Each change of an entry
must show in `rostrumctl verify`. A chain that was made anew shows in no check of the database. Its newest hash must
differ from that in the mails of winner and seller, and in the log. Started by tests/run, which sets the addresses of
the deployment in the environment.
"""
import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import traceback
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from contract import Client, Document, Fault  # noqa: E402 (needs the path above)
from database import query_rows, sql  # noqa: E402
from processes import wait_until  # noqa: E402

API = "/api/v1"
PASSWORD = "correct horse battery"
WAIT_S = 60  # for settlement and mail
COLUMNS = ("auction_id, seq, bid_id, bidder_id, kind, status, reason, raise, amount, max_amount, end_time, voids,"
           " received_at, decided_at, effective, effective_status, effective_raise, effective_amount,"
           " effective_bidder_id, hash_version, hash")


def record(*fields):
    """The bytes of docs/ledger.md."""
    texts = (None if field is None else str(field).encode() for field in fields)
    return b"".join(b"-," if text is None else b"%d:%s," % (len(text), text) for text in texts)


def entries(auction):
    """The ledger of an auction, as anybody with a connection reads it."""
    return query_rows(f"""SELECT auction_id, seq, bid_id, bidder_id, kind, status, reason, raise::text,
        amount::text, max_amount::text, (extract(epoch FROM end_time) * 1000)::bigint AS end_time, voids,
        (extract(epoch FROM received_at) * 1000)::bigint AS received_at,
        (extract(epoch FROM decided_at) * 1000)::bigint AS decided_at, hash_version, encode(hash, 'hex') AS hash
        FROM bids WHERE auction_id = '{auction}' ORDER BY seq""")


def chain(rows):
    """The hashes of these entries, from the first one."""
    made, previous = [], None
    for row in rows:
        previous = hashlib.sha256(record(
            "rostrum ledger 1", previous, row["auction_id"], row["seq"], row["bid_id"], row["bidder_id"], row["kind"],
            row["status"], row["reason"], row["raise"], row["amount"], row["max_amount"], row["end_time"], row["voids"],
            row["received_at"], row["decided_at"])).hexdigest()
        made.append(previous)
    return made


def make_anew(auction):
    """What an attacker does last: new hashes for all entries, and the newest one in the auction's row."""
    rows = entries(auction)
    for row, made in zip(rows, chain(rows)):
        sql(f"UPDATE bids SET hash = '\\x{made}' WHERE auction_id = '{auction}' AND seq = {row['seq']};")
    sql(f"UPDATE auctions SET ledger_hash = '\\x{made}', ledger_hash_seq = {rows[-1]['seq']} WHERE id = '{auction}';")


def verify(auction):
    """Exit code and output of rostrumctl verify for this auction."""
    command = [f"{os.environ.get('BUILD', 'build')}/bin/rostrumctl", "verify", auction]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def expect(condition, what):
    """Raises Fault unless the condition holds."""
    if not condition:
        raise Fault(what)


class Fixture:
    """A sold auction with a ledger of more than ten entries; other auctions are made by the tests."""

    def __init__(self):
        self.client = Client(os.environ["ROSTRUM_HTTP_URL"])
        self.client.document = Document(self.client.send("GET", f"{API}/openapi.json").data)
        self.users = {name: self.new_user(name) for name in ("seller", "ann", "bob", "admin")}
        sql(f"UPDATE users SET role = 'admin' WHERE id = '{self.users['admin']['id']}';")
        self.log_in(self.users["admin"])
        for name in "seller", "ann":
            sql(f"UPDATE users SET verified_at = now() WHERE id = '{self.users[name]['id']}';")
            wanted = {kind: {"email": True} for kind in ("AUCTION_WON", "AUCTION_SOLD")}
            self.call(200, "PATCH", "users/me", {"notificationSettings": wanted}, name)
        self.sold = self.auction(reservePrice=400, buyNowPrice=500)
        self.fill(self.sold)
        self.call(200, "POST", f"auctions/{self.sold}/buy-now", None, "ann", {"Prefer": "wait=10"})
        expect(wait_until(lambda: self.shown(self.sold)["status"] == "sold", WAIT_S), "the auction is not settled")

    def call(self, status, method, path, body=None, name=None, headers=None):
        """The data of a valid answer of this status."""
        token = None if name is None else self.users[name]["token"]
        self.client.close()  # the deployment closes an idle connection, and a test may take longer
        return self.client.call(status, method, f"{API}/{path}", body, token, headers).data

    def new_user(self, name):
        """Registers a user and logs in."""
        user = {"email": f"{uuid.uuid4()}@example.org", "password": PASSWORD}
        user["id"] = self.call(201, "POST", "auth/register", {**user, "displayName": name})["user"]["id"]
        self.log_in(user)
        return user

    def log_in(self, user):
        """Stores the access token."""
        body = {"email": user["email"], "password": PASSWORD}
        user["token"] = self.call(200, "POST", "auth/login", body)["accessToken"]

    def auction(self, **more):
        """Creates an auction and returns its id."""
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        return self.call(201, "POST", "auctions", {"title": "A chair", "startingPrice": 10, "endTime": end, **more},
                         "seller")["id"]

    def bid(self, auction, name, amount):
        """Places a bid and waits until it is decided."""
        path = f"auctions/{auction}/bids"
        return self.call(200, "POST", path, {"amount": amount}, name, {"Prefer": "wait=10"})["bidId"]

    def fill(self, auction):
        """Bids, a maximum with its answers, and a bid that is too low."""
        self.call(200, "POST", f"auctions/{auction}/proxy", {"maxAmount": 100}, "ann", {"Prefer": "wait=10"})
        for amount in 20, 30, 40, 50:
            self.bid(auction, "bob", amount)
        self.call(200, "POST", f"auctions/{auction}/proxy", {"maxAmount": 60}, "bob", {"Prefer": "wait=10"})

    def shown(self, auction):
        """The auction as anybody sees it."""
        return self.call(200, "GET", f"auctions/{auction}")


def test_every_entry_has_the_hash_of_the_documentation(fixture):
    rows = entries(fixture.sold)
    expect(len(rows) >= 12, f"a ledger of {len(rows)} entries")
    expect([row["hash"] for row in rows] == chain(rows), f"other hashes than by docs/ledger.md: {rows}")
    expect({row["hash_version"] for row in rows} == {1}, "another version")
    expect(fixture.shown(fixture.sold)["ledger"] == {"entry": rows[-1]["seq"], "hash": rows[-1]["hash"]}, "the API")
    expect(verify(fixture.sold)[0] == 0, verify(fixture.sold))


def test_a_void_changes_no_hash_and_adds_an_entry(fixture):
    auction = fixture.auction()
    voided = fixture.bid(auction, "bob", 20)
    fixture.bid(auction, "ann", 30)
    before = [row["hash"] for row in entries(auction)]
    fixture.call(200, "POST", f"admin/auctions/{auction}/bids/{voided}/void", {"reason": "A test"}, "admin")
    after = entries(auction)
    expect([row["hash"] for row in after][:len(before)] == before and len(after) == len(before) + 1, after)
    expect([row["hash"] for row in after] == chain(after), "hashes after the void")
    expect(verify(auction)[0] == 0, verify(auction))


# Each changes one entry. The columns as decided are all there. Verify replays most of them too, so only its sentences
# about hashes count. It goes on with the stored hash, so one run finds the changes of many entries.
CHANGES = (
    "bid_id = gen_random_uuid()",
    "bidder_id = gen_random_uuid()",
    "kind = CASE kind WHEN 'bid' THEN 'buy' ELSE 'bid' END",
    "status = CASE status WHEN 'outbid' THEN 'accepted' ELSE 'outbid' END, reason = NULL",
    "status = 'rejected', reason = 'INTERNAL_ERROR'",
    "raise = NOT raise",
    "amount = coalesce(amount, 0) + 0.01",
    "amount = NULL",
    "max_amount = coalesce(max_amount, 0) + 0.01",
    "end_time = now()",
    "received_at = received_at - interval '1 ms'",
    "decided_at = decided_at + interval '1 ms'",
    "hash_version = 2",
)
SENTENCE = re.compile(r"(entry [0-9]+: its hash|its newest hash) is|(entry [0-9]+: its hash) has version")


def expect_found(auction, statements, expected):
    """Applies statements, expects that verify finds exactly these hashes to differ, and restores the ledger."""
    rows = f"kept.of_{uuid.uuid4().hex}"  # in a schema of its own: verify checks the rights of all tables of the other
    sql(f"CREATE SCHEMA IF NOT EXISTS kept; CREATE TABLE {rows} AS SELECT {COLUMNS} FROM bids"
        f" WHERE auction_id = '{auction}'; {statements}")
    try:
        code, output = verify(auction)
    finally:
        sql(f"DELETE FROM bids WHERE auction_id = '{auction}';"
            f"INSERT INTO bids ({COLUMNS}) SELECT {COLUMNS} FROM {rows}; DROP TABLE {rows};")
    found = {match[1] or match[2] for match in SENTENCE.finditer(output)}
    expect(code == 1 and found == expected, f"{statements}: exit code {code}, {found} for {expected}: {output}")


def update(auction, seq, change):
    """A statement that changes one entry."""
    return f"UPDATE bids SET {change} WHERE auction_id = '{auction}' AND seq = {seq};"


def test_a_changed_entry_shows_by_its_hash(fixture):
    auction, last = fixture.sold, len(entries(fixture.sold))
    half = last // 2  # every second entry is changed: those between must not be reported
    for number, begin in enumerate(range(0, len(CHANGES), half)):
        changed = {2 * index + 1 + number % 2: change for index, change in enumerate(CHANGES[begin:begin + half])}
        expect_found(auction, "".join(update(auction, seq, change) for seq, change in changed.items()),
                     {f"entry {seq}: its hash" for seq in changed})
    # Another hash is wrong itself, and the next one was not made from it.
    expect_found(auction, update(auction, 1, "hash = sha256('')") + update(auction, last, "hash = sha256('')"),
                 {"entry 1: its hash", "entry 2: its hash", f"entry {last}: its hash", "its newest hash"})


def move(auction, seq, step):
    """Statements that renumber the entries after this one, as an attacker does: a gap would show by itself."""
    return f"UPDATE bids SET seq = -seq WHERE auction_id = '{auction}' AND seq > {seq};" \
           f"UPDATE bids SET seq = -seq + {step} WHERE auction_id = '{auction}' AND seq < 0;"


def behind(seq, last):
    """The hashes of the entries from this one."""
    return {f"entry {number}: its hash" for number in range(seq, last + 1)}


def test_a_removed_or_inserted_entry_shows_by_its_hash(fixture):
    auction, last = fixture.sold, len(entries(fixture.sold))
    middle = last // 2
    for seq in 1, middle:
        expect_found(auction, f"DELETE FROM bids WHERE auction_id = '{auction}' AND seq = {seq};"
                     + move(auction, seq, -1), behind(seq, last - 1) | {"its newest hash"})
    expect_found(auction, f"DELETE FROM bids WHERE auction_id = '{auction}' AND seq = {last};", {"its newest hash"})
    for seq in 0, middle, last:  # the copy has the hash of the entry before, or of the first one
        copy = f"INSERT INTO bids ({COLUMNS}) SELECT auction_id, {seq + 1}, gen_random_uuid()," \
               f" {COLUMNS.split(', ', 3)[3]} FROM bids WHERE auction_id = '{auction}' AND seq = {seq or 2};"
        expect_found(auction, move(auction, seq, 1) + copy, behind(seq + 1, last + 1) | {"its newest hash"})


def shift(interval):
    """Moves the time at which the migration of the hashes was applied."""
    sql(f"UPDATE schema_migrations SET applied_at = applied_at {interval} WHERE name LIKE '%-ledger-chain.sql';")


def test_entries_without_a_hash_are_counted_and_later_ones_are_differences(fixture):
    """As an old bid worker writes them beside new ones: the chain goes on from the newest hash."""
    auction = fixture.auction()
    fixture.bid(auction, "bob", 20)
    fixture.bid(auction, "ann", 30)
    newest = entries(auction)[0]
    sql(f"UPDATE bids SET hash = NULL, hash_version = NULL WHERE auction_id = '{auction}' AND seq = 2;"
        f"UPDATE auctions SET ledger_hash = '\\x{newest['hash']}', ledger_hash_seq = 1 WHERE id = '{auction}';")
    expect(verify(auction)[0] == 0 and "1 entries have no hash" in verify(auction)[1], verify(auction))
    fixture.bid(auction, "bob", 40)
    rows = entries(auction)
    expect(rows[2]["hash"] == chain([rows[0], rows[2]])[1], "the chain after the gap")
    code, output = verify(auction)
    expect(code == 0 and "1 entries have no hash" in output, f"exit code {code}: {output}")
    shift("- interval '2 days'")
    try:
        code, output = verify(auction)
        # Nothing protects the time of an entry without a hash: after an entry of a later time it is not believed.
        sql(update(auction, 2, "decided_at = decided_at - interval '3 days'"))
        later = verify(auction)[1]
    finally:
        shift("+ interval '2 days'")
    expect(code == 1 and "entry 2: it has no hash" in output, f"exit code {code}: {output}")
    expect("entry 2: it has no hash" in later, later)


def mails(user):
    """The texts of the mails to a user that name a ledger."""
    found = []
    for name in glob.glob(f"{os.environ['ROSTRUM_TEST_SMTP']}/mail/{user['email']}.*.json"):
        with open(name, encoding="utf-8") as file:
            found.append(json.load(file)["text"])
    return [text for text in found if "Ledger of the bids" in text]


def logged(auction):
    """The lines of the log about the settlement of this auction."""
    found = []
    for name in glob.glob(f"{os.environ['ROSTRUM_VAR']}/log/endworker*/*"):
        with open(name, encoding="utf-8", errors="replace") as file:
            found += [line for line in file if auction in line and "auction settled" in line]
    return "".join(found)


def test_a_chain_made_anew_differs_from_the_mails_and_the_log(fixture):
    """Runs last: the ledger stays forged."""
    auction, winner, seller = fixture.sold, fixture.users["ann"], fixture.users["seller"]
    true = fixture.shown(auction)["ledger"]
    expect(wait_until(lambda: mails(winner) and mails(seller), WAIT_S), "no mails")
    shown = f"entry {true['entry']}, SHA-256 {true['hash']}"
    expect(shown in mails(winner)[0] and shown in mails(seller)[0], f"{shown}: {mails(winner)} {mails(seller)}")
    expect(f"ledger entry {true['entry']} has hash {true['hash']}" in logged(auction), logged(auction))
    sql(f"UPDATE bids SET received_at = received_at - interval '1 ms' WHERE auction_id = '{auction}' AND seq = 3;")
    expect(verify(auction)[0] == 1, "the change shows")
    make_anew(auction)
    expect(verify(auction)[0] == 0, f"the chain was made anew: {verify(auction)}")
    forged = entries(auction)[-1]  # not by the API: gateways keep an auction until its version changes
    expect(forged["hash"] != true["hash"] and forged["seq"] == true["entry"], f"{forged} differs from the mails")


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
    print(f"ledger_chain_test: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
