#!/usr/bin/python3
"""The archives of the audit log's months, and changes of their files.

Runs alone: it stops the end worker, and replaces the rows of the audit log.
"""
import datetime
import hashlib
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
import audit_log  # noqa: E402 (needs the path above)
from audit_log import (  # noqa: E402 (needs the path above)
    ENTRIES, LINKS, Stopped, as_owner, chain, check_archive, ctl, expect, expect_verified, insert, make_anew, month,
    read_records, record, verify,
)
from contract import Fault  # noqa: E402 (needs the path above)
from database import DatabaseError, query_rows, query_value, sql  # noqa: E402 (needs the path above)


def test_months_are_archived_and_the_chain_goes_on():
    with tempfile.TemporaryDirectory() as folder, Stopped():
        first, second = (os.path.join(folder, name) for name in ("first", "second"))
        rows = query_rows(LINKS)
        code, output = ctl("audit", "archive", "--before", f"{month(1):%Y-%m}", "--to", first)
        expect(code == 0 and f"{ENTRIES} entries archived" in output, f"exit code {code}: {output}")
        expect(os.listdir(folder) == ["first"] and os.stat(first).st_mode & 0o777 == 0o600, os.listdir(folder))
        number, last = check_archive(first, 0, None)
        expect((number, last) == (ENTRIES, rows[ENTRIES - 1]["hash"]), f"{number} {last}")
        expect(int(query_value("SELECT count(*) FROM audit_log")) == 2 * ENTRIES, "entries are left")
        expect(f"{2 * ENTRIES} entries sealed, {ENTRIES} before them archived" in expect_verified(), verify())
        expect_verified("--hash", last)
        output = expect_verified(first)
        expect(f"{ENTRIES} entries sealed before {month(1):%Y-%m}, after link 0" in output and last in output, output)
        # Everything that is left goes too: the chain continues from the record of the archive.
        code, output = ctl("audit", "archive", "--before", f"{month(0):%Y-%m}", "--to", second)
        expect(code == 0, f"exit code {code}: {output}")
        number, last = check_archive(second, number, last)
        expect_verified(second)
        code, output = ctl("audit", "archive", "--before", f"{month(0):%Y-%m}", "--to", os.path.join(folder, "third"))
        expect(code == 0 and "no entry was sealed before" in output and len(os.listdir(folder)) == 2, output)
        sql(insert(5) + "; SELECT audit_seal(1000, 0, '');")
        rows = query_rows(LINKS)
        expect([row["hash"] for row in rows] == chain(rows, last), "the chain after the archives")
        expect_verified()


def test_an_entry_of_any_size_is_archived_and_read():
    """Programs write some kilobytes. With the password of one, an attacker can write more."""
    with tempfile.TemporaryDirectory() as folder, Stopped():
        file = os.path.join(folder, "large")
        as_owner("UPDATE audit_log SET reason = repeat('x', 17 * 1024 * 1024)"
                 " WHERE id = (SELECT entry FROM audit_chain WHERE number = 2)")
        make_anew()
        code, output = ctl("audit", "archive", "--before", f"{month(1):%Y-%m}", "--to", file)
        expect(code == 0 and f"{ENTRIES} entries archived" in output, f"exit code {code}: {output}")
        expect_verified(file)


def test_an_entry_in_no_link_stops_no_archive():
    with tempfile.TemporaryDirectory() as folder, Stopped():
        sql(insert(1, f"'{month(2) + datetime.timedelta(seconds=30)}'::timestamptz", "forged") + "; SELECT audit_seal(1000, 0, '');")
        forged = query_value("SELECT id FROM audit_log WHERE subject LIKE '%forged%'")
        code, output = ctl("audit", "archive", "--before", f"{month(0):%Y-%m}", "--to", os.path.join(folder, "archive"))
        expect(code == 0 and f"{2 * ENTRIES} entries archived" in output, f"exit code {code}: {output}")
        expect(query_value("SELECT id FROM audit_log WHERE subject LIKE '%forged%'") == forged, "the entry stays")
        code, output = verify()
        expect(code == 1 and f"entry {forged} is in no link" in output and ": 1 differences" in output, output)


def test_an_archive_is_refused_unless_log_month_and_file_are_right():
    with tempfile.TemporaryDirectory() as folder, Stopped():
        file = os.path.join(folder, "archive")
        later = f"{month(-1):%Y-%m}"
        words = ("audit", "archive", "--before", f"{month(0):%Y-%m}", "--to", file)
        code, output = ctl("audit", "archive", "--before", later, "--to", file)
        expect(code == 1 and f"the month {later} has not begun" in output, output)
        for wrong in (), ("archive",), ("archive", "--before", "2026-13", "--to", file), ("archive", "--to", file), \
                ("archive", "--before", "26-1", "--to", file), ("restore", "--before", "2026-01", "--to", file):
            expect(ctl("audit", *wrong)[0] == 2, wrong)
        entry = query_rows(LINKS)[-1]["entry"]  # not even of the archived months
        as_owner(f"UPDATE audit_log SET action = 'LOGIN' WHERE id = '{entry}'")
        code, output = ctl(*words)
        expect(code == 1 and f"entry {entry}" in output and "nothing is archived" in output, output)
        expect(os.listdir(folder) == [], os.listdir(folder))
        as_owner(f"UPDATE audit_log SET action = 'AUCTION_CHANGE' WHERE id = '{entry}'")
        with open(file, "w", encoding="utf-8") as other:
            other.write("other\n")
        code, output = ctl(*words)
        expect(code == 1 and "is there with other contents" in output and os.listdir(folder) == ["archive"], output)
        with open(file, encoding="utf-8") as other:
            expect(other.read() == "other\n", "the file was changed")
        code, output = ctl(*words[:-1], os.path.join(folder, "missing", "archive"))
        expect(code == 1 and "cannot be written" in output, output)
        expect(int(query_value("SELECT count(*) FROM audit_log")) == 3 * ENTRIES, "entries")
        expect_verified()
        for statement in "DELETE FROM audit_log", "DELETE FROM audit_chain", "TRUNCATE audit_chain", \
                "UPDATE audit_chain SET version = 1", "DELETE FROM audit_archives":
            try:
                sql(statement + ";")
                raise Fault(f"{statement}: allowed to the owner")
            except DatabaseError as error:
                expect("append-only" in str(error) or "permission denied" in str(error), f"{statement}: {error}")


def test_a_changed_archive_is_found():
    with tempfile.TemporaryDirectory() as folder, Stopped():
        file, changed = os.path.join(folder, "archive"), os.path.join(folder, "changed")
        code, output = ctl("audit", "archive", "--before", f"{month(0):%Y-%m}", "--to", file)
        expect(code == 0, output)
        with open(file, "rb") as archive:
            true = archive.read()

        def expect_refused(data, what):
            with open(changed, "wb") as archive:
                archive.write(data)
            code, output = verify(changed)
            expect(code == 1, f"{what}: exit code {code}: {output}")
            return output

        for at in range(0, len(true), max(1, len(true) // 60)):
            other = b"1" if true[at:at + 1] != b"1" else b"2"
            expect_refused(true[:at] + other + true[at + 1:], f"byte {at}")
        for length in 0, 1, len(true) // 2, len(true) - 1:
            expect_refused(true[:length], f"{length} bytes of {len(true)}")
        expect_refused(true + b"\n", "a byte more")
        for data in b"99999999999999999999999:", b"16777217:" + b"x" * 10, b"-,-,-,\n", b"5:a\0b c,\n":
            expect("is no archive" in expect_refused(data, data[:20]), data[:20])
        lines = true.splitlines(keepends=True)
        records = [lines[0], *(b"".join(pair) for pair in zip(lines[1:-1:2], lines[2:-1:2])), lines[-1]]
        if len(records) == 2 * ENTRIES + 2:  # no entry has a newline
            expect("were removed" in expect_refused(b"".join(records[:5] + records[6:]), "a link removed"), "a link removed")
        # Made anew: only the record in the database differs.
        made, previous = [], None
        for bytes_of, fields in read_records(true):
            if fields is None:
                made.append(previous.encode())
            elif fields[0] == "rostrum audit 1":
                fields[1] = previous
                fields[9] = "LOGIN"
                made.append(record(*fields))
                previous = hashlib.sha256(made[-1]).hexdigest()
            elif fields[0] == "rostrum audit archive end":
                made.append(record(*fields[:3], previous))
            else:
                made.append(bytes_of)
        output = expect_refused(b"\n".join(made) + b"\n", "made anew")
        expect("no difference" in output and "no record of this archive" not in output
               and "another hash of this archive on record" in output, output)
        expect_verified(file)


if __name__ == "__main__":
    sys.exit(audit_log.run("audit_archive_test", globals()))
