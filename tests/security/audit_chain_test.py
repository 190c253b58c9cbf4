#!/usr/bin/python3
"""Attacks on the audit log by somebody who may change every row of the database.

Runs alone: it stops the end worker, and replaces the rows of the audit log.
"""
import datetime
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
import audit_log  # noqa: E402 (needs the path above)
from audit_log import (  # noqa: E402 (needs the path above)
    ENTRY, LINKS, Session, Stopped, WAIT_S, as_owner, begin_anew, chain, ctl, end_worker, expect, expect_differs,
    expect_found, expect_verified, insert, log_lines, make_anew, month, verify, wait_sealed,
)
from contract import Client, Document  # noqa: E402 (needs the path above)
from database import query_rows, query_value, sql  # noqa: E402 (needs the path above)
from processes import wait_until  # noqa: E402 (needs the path above)

API = "/api/v1"
PASSWORD = "correct horse battery"


def test_entries_are_sealed_within_seconds_by_the_hash_of_the_documentation():
    client = Client(os.environ["ROSTRUM_HTTP_URL"])
    client.document = Document(client.send("GET", f"{API}/openapi.json").data)
    user = {"email": f"{uuid.uuid4()}@example.org", "password": PASSWORD}
    client.call(201, "POST", f"{API}/auth/register", {**user, "displayName": "ann"})
    token = client.call(200, "POST", f"{API}/auth/login", user).data["accessToken"]
    sql(insert(20) + ";")
    wait_sealed()
    expect(query_value("SELECT count(*) > 0 FROM audit_log WHERE action = 'LOGIN'") == "t", "no login in the log")
    rows = query_rows(LINKS)
    expect([row["hash"] for row in rows] == chain(rows), f"other hashes than by docs/audit.md: {rows}")
    expect([row["number"] for row in rows] == list(range(1, len(rows) + 1)), "numbers")
    output = expect_verified()
    expect(f"{len(rows)} entries sealed" in output and rows[-1]["hash"] in output and "0 not sealed yet" in output, output)
    client.call(204, "POST", f"{API}/users/me/erasure", {"password": PASSWORD}, token)
    wait_sealed()
    expect_verified()  # an erasure changes no entry
    code, output = ctl("verify")
    expect("audit log: " in output and "entries sealed" in output, f"exit code {code}: {output}")


# Each changes one column. That of a hash is the last, of the newest link: it would show in the next link, too.
CHANGES = (
    "UPDATE audit_log SET at = at + interval '1 ms' WHERE {of}",
    "UPDATE audit_log SET actor_id = gen_random_uuid() WHERE {of}",
    "UPDATE audit_log SET action = 'LOGIN' WHERE {of}",
    "UPDATE audit_log SET subject = subject || ' ' WHERE {of}",
    "UPDATE audit_log SET old_value = '{{}}' WHERE {of}",
    "UPDATE audit_log SET new_value = '{{\"amount\": 1.5}}' WHERE {of}",
    "UPDATE audit_log SET reason = 'none' WHERE {of}",
    "UPDATE audit_log SET address = '127.0.0.2' WHERE {of}",
    "UPDATE audit_log SET agent = '' WHERE {of}",
    "UPDATE audit_log SET request_id = 'request' WHERE {of}",
    "UPDATE audit_chain SET sealed_at = sealed_at + interval '1 ms' WHERE {link}",
    "UPDATE audit_chain SET seen_xid = '1' WHERE {link}",
    "UPDATE audit_chain SET floor = gen_random_uuid() WHERE {link}",
    "UPDATE audit_chain SET hash = sha256('') WHERE {link}",
)


def test_a_changed_entry_is_named():
    with Stopped():
        rows = query_rows(LINKS)
        entries = [rows[number * (len(rows) - 1) // (len(CHANGES) - 1)]["entry"] for number in range(len(CHANGES))]
        changes = [change.format(of=f"id = '{entry}'", link=f"entry = '{entry}'")
                   for change, entry in zip(CHANGES, entries)]
        expect_found("; ".join(changes), *(f"entry {entry}, or its link" for entry in entries))
        entry, other = rows[3]["entry"], uuid.uuid4()
        expect_found(f"UPDATE audit_log SET id = '{other}' WHERE id = '{entry}';"
                     f"UPDATE audit_chain SET version = 2 WHERE entry = '{rows[7]['entry']}'",
                     f"entry {entry} of link 4 was removed", "link 8 has version 2")
        expect_verified()  # the differences were those of the changes


def test_a_removed_entry_is_named():
    with Stopped():
        rows = query_rows(LINKS)
        ends = 0, len(rows) // 2, len(rows) - 1
        first, last = rows[4]["entry"], rows[7]["entry"]
        expect_found("".join(f"DELETE FROM audit_log WHERE id = '{rows[at]['entry']}';" for at in ends)
                     + "DELETE FROM audit_log l USING audit_chain c WHERE c.entry = l.id AND c.number IN (6, 7);"
                     "DELETE FROM audit_chain WHERE number IN (6, 7)",
                     *(f"entry {rows[at]['entry']} of link {at + 1} was removed" for at in ends),
                     f"links 6 to 7, between entries {first} and {last}, were removed")
        later = "UPDATE audit_chain SET number = -number WHERE number > {n};" \
                "UPDATE audit_chain SET number = -number {by} WHERE number < 0"
        expect_found(f"DELETE FROM audit_log WHERE id = '{rows[0]['entry']}'; DELETE FROM audit_chain WHERE number = 1;"
                     f"DELETE FROM audit_log WHERE id = '{first}'; DELETE FROM audit_chain WHERE entry = '{first}';"
                     + later.format(n=5, by="- 1"), "links 1 to 1, between entries none and",
                     f"entry {rows[5]['entry']}, or its link 5, was changed")


def test_an_inserted_entry_is_named():
    with Stopped():
        rows = query_rows(LINKS)
        newest = "SELECT id FROM audit_log WHERE subject LIKE '%forged%'"
        remove = "DELETE FROM audit_chain WHERE entry = '{0}'; DELETE FROM audit_log WHERE id = '{0}'"
        # Below the floor the sealer does not search.
        old = f"'{month(2) + datetime.timedelta(seconds=30)}'::timestamptz"
        sql(insert(1, old, "forged") + "; SELECT audit_seal(1000, 0, '');")
        forged = query_value(newest)
        expect_differs(f"entry {forged} is in no link: it was inserted later")
        # A link for it at the end with a valid hash, as only the owner could add one.
        attack = f"""INSERT INTO audit_chain SELECT number + 1, '{forged}', 1, sealed_at + interval '1 s', seen_xid, floor,
            audit_hash(hash, ROW(number + 1, '{forged}', 1, sealed_at + interval '1 s', seen_xid, floor, NULL)::audit_chain, l)
            FROM (SELECT * FROM audit_chain ORDER BY number DESC LIMIT 1) c, audit_log l WHERE l.id = '{forged}'"""
        as_owner(attack)
        expect_differs(f"entry {forged}: the sealer has not found it")
        as_owner(remove.format(forged))
        # Above the floor it is sealed, as that of a program whose clock is behind.
        moment = f"'{month(1) + datetime.timedelta(seconds=30)}'::timestamptz"
        sql(insert(1, moment, "forged") + "; SELECT audit_seal(1000, 0, '');")
        forged = query_value(newest)
        expect_differs(f"entry {forged}: it was inserted later than its id says")
        as_owner(remove.format(forged))
        # A fresh id with another time. An endless one, which a program's login can write, stops neither sealer nor check.
        for at in "at - interval '1 day'", "'infinity'", "'-infinity'":
            sql(insert(1, "clock_timestamp()", "forged") + ";")
            forged = query_value(newest)
            as_owner(f"UPDATE audit_log SET at = {at} WHERE id = '{forged}'")
            sql("SELECT audit_seal(1000, 0, '');")
            expect_differs(f"entry {forged}: its time is not that of its id", ": 1 differences")
            as_owner(remove.format(forged))
        expect_found(f"""UPDATE audit_chain SET number = -number WHERE number > 5;
            UPDATE audit_chain SET number = -number + 1 WHERE number < 0; {insert(1, moment, 'forged')};
            INSERT INTO audit_chain SELECT 6, l.id, 1, c.sealed_at, c.seen_xid, c.floor, c.hash FROM audit_chain c,
            audit_log l WHERE c.number = 5 AND l.subject LIKE '%forged%'""", "or its link 6, was changed",
                     f"entry {rows[5]['entry']}, or its link 7, was changed")


def test_swapped_entries_are_named():
    with Stopped():
        rows = query_rows(LINKS)
        pairs = [(rows[at]["entry"], rows[at + 7]["entry"]) for at in (2, 16, 26)]
        columns = ", ".join(ENTRY[1:])
        first, last = pairs[0]
        contents = (f"UPDATE audit_log l SET ({columns}) = (SELECT {columns} FROM audit_log o WHERE o.id = CASE l.id WHEN"
                    f" '{first}' THEN '{last}'::uuid ELSE '{first}' END) WHERE id IN ('{first}', '{last}');")
        first, last = pairs[1]
        ids = (f"UPDATE audit_log SET id = '00000000-0000-0000-0000-000000000001' WHERE id = '{first}';"
               f"UPDATE audit_log SET id = '{first}' WHERE id = '{last}';"
               f"UPDATE audit_log SET id = '{last}' WHERE id = '00000000-0000-0000-0000-000000000001';")
        numbers = ("UPDATE audit_chain SET number = -number WHERE number IN (27, 34);"
                   "UPDATE audit_chain SET number = 61 + number WHERE number < 0")
        expect_found(contents + ids + numbers, *(f"entry {entry}" for pair in pairs for entry in pair))


def test_a_chain_that_was_cut_off_or_made_anew_differs_from_the_log():
    end_worker("down")
    begin_anew()
    end_worker("up")
    line = "audit log sealed: link {} has hash {}"
    newest = query_rows(LINKS)[-1]
    expect(wait_until(lambda: log_lines(line.format(newest["number"], newest["hash"])), WAIT_S), log_lines("audit log"))
    expect_verified("--hash", newest["hash"])
    # The end worker runs, and remembers its newest link.
    as_owner("DELETE FROM audit_log WHERE id = (SELECT entry FROM audit_chain ORDER BY number DESC LIMIT 1);"
             "DELETE FROM audit_chain WHERE number = (SELECT max(number) FROM audit_chain)")
    expect(wait_until(lambda: log_lines(f"was changed: link {newest['number']} had hash {newest['hash']}"), WAIT_S),
           f"the end worker has not noticed it: {log_lines('audit log')}")
    expect(verify()[0] == 0, f"the rows alone do not show it: {verify()}")
    code, output = verify("--hash", newest["hash"])
    expect(code == 1 and f"no link has the hash {newest['hash']}: the chain was cut off or made anew" in output, output)
    with Stopped():
        true = query_rows(LINKS)[-1]["hash"]
        as_owner("UPDATE audit_log SET action = 'LOGIN' WHERE id = (SELECT entry FROM audit_chain WHERE number = 5)")
        expect(verify()[0] == 1, "the change shows")
        make_anew()
        expect(verify()[0] == 0, f"the chain was made anew: {verify()}")
        expect(verify("--hash", true)[0] == 1, verify("--hash", true))


def test_an_entry_that_commits_late_is_sealed():
    """The hour for clocks is off, so that only the snapshots keep the floor from rising."""
    source = query_value("SELECT pg_get_functiondef('audit_floor'::regproc)")
    expect("- 3600)" in source, source)
    try:
        sql(source.replace("- 3600)", "- 0)") + ";")
        late = Session(insert(1, "clock_timestamp()", "late"))
        for number in range(4):
            sql(insert(3, "clock_timestamp()", f"early {number}") + ";")
            wait_sealed()
        floor = query_value("SELECT floor FROM audit_chain ORDER BY number DESC LIMIT 1")
        late.end("COMMIT")
        wait_sealed()
        found = query_rows("SELECT c.number, c.entry FROM audit_chain c JOIN audit_log l ON l.id = c.entry"
                           " WHERE l.subject LIKE '%late 1'")
        expect(len(found) == 1 and found[0]["entry"] > floor, f"{found}, floor {floor}")
        expect_verified()
        for number in range(3):  # and then it rises
            sql(insert(3, "clock_timestamp()", f"after {number}") + ";")
            wait_sealed()
        expect(query_value("SELECT floor FROM audit_chain ORDER BY number DESC LIMIT 1") > found[0]["entry"], "the floor")
        expect_verified()
    finally:
        sql(source + ";")


if __name__ == "__main__":
    sys.exit(audit_log.run("audit_chain_test", globals()))
