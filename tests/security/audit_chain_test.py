#!/usr/bin/python3
"""Attacks on the audit log by somebody who may change every row of the database, and the archives of its months.

The hashes are made here again from docs/audit.md alone, not by the code of the deployment. Started by tests/run, which
sets the addresses of the deployment in the environment.

Runs alone: it stops and kills the end worker, and replaces the rows of the audit log.
"""
import concurrent.futures
import datetime
import glob
import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from contract import Client, Document, Fault  # noqa: E402 (needs the path above)
from database import DatabaseError, connection, query_rows, query_value, sql  # noqa: E402
from processes import wait_until  # noqa: E402

API = "/api/v1"
PASSWORD = "correct horse battery"
WAIT_S = 60  # for a service that starts, and for the sealer
ROUNDS = 10  # of sessions that seal at once, until all is sealed
ENTRIES = 12  # of each month that is made by hand
TABLES = ("audit_log", "audit_chain", "audit_archives")
ENTRY = ("id", "at", "actor_id", "action", "subject", "old_value", "new_value", "reason", "address", "agent", "request_id")


def expect(condition, what):
    """Raises Fault unless the condition holds."""
    if not condition:
        raise Fault(what)


# --- docs/audit.md, in Python ---


def record(*fields):
    """The bytes of a record."""
    texts = (None if field is None else str(field).encode() for field in fields)
    return b"".join(b"-," if text is None else b"%d:%s," % (len(text), text) for text in texts)


LINKS = f"""SELECT c.version, encode(c.hash, 'hex') AS hash, c.number, (extract(epoch FROM c.sealed_at) * 1000)::bigint
    AS sealed_at, c.seen_xid::text, c.floor, c.entry, (extract(epoch FROM l.at) * 1000)::bigint AS at,
    {', '.join(f'l.{name}::text' for name in ENTRY[2:])}
    FROM audit_chain c JOIN audit_log l ON l.id = c.entry ORDER BY c.number"""


def record_of(row, previous):
    """The record of a link."""
    return record("rostrum audit 1", previous, row["number"], row["sealed_at"], row["seen_xid"], row["floor"], row["entry"],
                  row["at"], *(row[name] for name in ENTRY[2:]))


def chain(rows, previous=None):
    """The hashes of these links, from the first one."""
    made = []
    for row in rows:
        previous = hashlib.sha256(record_of(row, previous)).hexdigest()
        made.append(previous)
    return made


def read_records(data):
    """The records of an archive, each as its bytes and fields; after that of a link comes its hash, a bytes object."""
    at, records = 0, []
    while at < len(data):
        start, fields = at, []
        while data[at:at + 1] != b"\n":
            if data[at:at + 2] == b"-,":
                fields.append(None)
                at += 2
            else:
                colon = data.index(b":", at)
                end = colon + 1 + int(data[at:colon])
                fields.append(data[colon + 1:end].decode())
                expect(data[end:end + 1] == b",", f"byte {end}")
                at = end + 1
        records.append((data[start:at], fields))
        at += 1
        if fields[0] == "rostrum audit 1":
            records.append((data[at:at + 64], None))
            expect(data[at + 64:at + 65] == b"\n", f"byte {at + 64}")
            at += 65
    return records


def check_archive(path, number, previous):
    """Checks an archive that continues after link `number` with hash `previous`. Returns the last number and hash."""
    with open(path, "rb") as file:
        records = read_records(file.read())
    expect(records[0][1][0] == "rostrum audit archive 1", records[0])
    expect((int(records[0][1][2]), records[0][1][5]) == (number, previous), f"{records[0]} after {number} {previous}")
    for made, stored in zip(records[1:-1:2], records[2:-1:2]):
        expect(made[1][1] == previous and int(made[1][2]) == number + 1, made)
        previous, number = hashlib.sha256(made[0]).hexdigest(), number + 1
        expect(previous == stored[0].decode(), f"hash of {made}")
    expect(records[-1][1] == ["rostrum audit archive end", str(len(records) // 2 - 1), str(number), previous], records[-1])
    return number, previous


# --- the deployment ---


def ctl(*words):
    """Exit code and output of rostrumctl."""
    command = [f"{os.environ.get('BUILD', 'build')}/bin/rostrumctl", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def verify(*words):
    """Exit code and output of rostrumctl verify --audit."""
    return ctl("verify", "--audit", *words)


def expect_verified(*words):
    """Expects no difference, and returns the output."""
    code, output = verify(*words)
    expect(code == 0 and "no difference" in output, f"exit code {code}: {output}")
    return output


def end_worker(word):
    """Orders runit to bring the end worker `down` or `up`."""
    folder = os.path.join(os.environ["ROSTRUM_VAR"], "service", "endworker")
    subprocess.run(["sv", "-w", "60", word, folder], check=True, capture_output=True)


def kill_end_worker():
    """Kills it; runit starts it again."""
    done = subprocess.run(["deploy/private", "pid", "endworker"], check=False, capture_output=True, text=True)
    if done.returncode == 0:
        os.kill(int(done.stdout), signal.SIGKILL)


def log_lines(text):
    """Lines with this text in the log of the end worker."""
    found = []
    for name in glob.glob(f"{os.environ['ROSTRUM_VAR']}/log/endworker*/*"):
        with open(name, encoding="utf-8", errors="replace") as file:
            found += [line for line in file if text in line]
    return found


def unsealed():
    """The number of entries in no link."""
    return int(query_value("SELECT count(*) FROM audit_log l WHERE NOT EXISTS"
                           " (SELECT FROM audit_chain c WHERE c.entry = l.id)"))


def wait_sealed():
    """Waits until all entries are sealed."""
    expect(wait_until(lambda: unsealed() == 0, WAIT_S), f"{unsealed()} entries are not sealed")


def as_owner(text):
    """Runs statements without the triggers that keep the rows, as one transaction."""
    off = "".join(f"ALTER TABLE {table} DISABLE TRIGGER USER;" for table in TABLES)
    on = "".join(f"ALTER TABLE {table} ENABLE TRIGGER USER;" for table in TABLES)
    sql(f"BEGIN; GRANT ALL ON audit_log TO CURRENT_USER; {off} {text}; {on}"
        "REVOKE ALL ON audit_log FROM CURRENT_USER; GRANT SELECT, INSERT ON audit_log TO CURRENT_USER; COMMIT;")


def insert(count, at="clock_timestamp()", note=""):
    """SQL that adds entries of this time, as a program does: their ids begin with it."""
    return f"""INSERT INTO audit_log (id, at, actor_id, action, subject, old_value, new_value, reason, address, agent, request_id)
        SELECT (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0') || '7'
            || substr(md5(random()::text || n), 1, 3) || 'a' || substr(md5(random()::text), 1, 15))::uuid, t,
            CASE n % 3 WHEN 0 THEN NULL ELSE gen_random_uuid() END, 'AUCTION_CHANGE', 'Stühle, {note} ' || n,
            CASE n % 2 WHEN 0 THEN jsonb_build_object('title', E'a "b" \\u00e9 \\\\ \n c', 'n', n) END,
            CASE n % 2 WHEN 0 THEN jsonb_build_object('amount', 1.50) END, '', '127.0.0.1', 'agent, ' || n, 'request-' || n
        FROM (SELECT {at} AS t) AS s, generate_series(1, {count}) AS n"""


def month(before):
    """The first moment of the month that is `before` months before this one, in UTC."""
    today = datetime.datetime.now(datetime.timezone.utc)
    number = today.year * 12 + today.month - 1 - before
    return datetime.datetime(number // 12, number % 12 + 1, 1, tzinfo=datetime.timezone.utc)


def seal_at(moment):
    """Seals everything as the end worker would have done at this moment."""
    sql(f"""BEGIN; CREATE SCHEMA past;
        CREATE FUNCTION past.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '{moment}'::timestamptz $$;
        SET LOCAL search_path = past, pg_catalog, public; SELECT audit_seal(1000, 0, '');
        DROP SCHEMA past CASCADE; COMMIT;""")


def begin_anew():
    """Without the end worker: the log has entries of three months, and the last are of this one. All are sealed."""
    as_owner("TRUNCATE audit_log, audit_chain, audit_archives")
    for before in 2, 1, 0:
        moment = month(before) + datetime.timedelta(seconds=1) if before else "clock_timestamp()"
        sql(insert(ENTRIES, f"'{moment}'::timestamptz" if before else moment, f"month {before}") + ";")
        seal_at(moment) if before else sql("SELECT audit_seal(1000, 0, '');")
    wait_sealed()


class Session:
    """A psql session with an open transaction."""

    def __init__(self, text):
        self.psql = subprocess.Popen(["psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1"], env=connection(), text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.psql.stdin.write(f"BEGIN;\n{text};\nSELECT 'ready';\n")
        self.psql.stdin.flush()
        expect(self.psql.stdout.readline().strip() == "ready", text)

    def end(self, word):
        """COMMIT or ROLLBACK."""
        self.psql.communicate(f"{word};\n")


class Stopped:
    """While the end worker is down, with a log of three months."""

    def __enter__(self):
        end_worker("down")
        try:
            begin_anew()
        except Exception:
            end_worker("up")
            raise

    def __exit__(self, *_):
        begin_anew()  # what a test has left would show in the next one
        end_worker("up")


def expect_found(change, *sentences, words=()):
    """Applies a change, expects that verify finds it, and restores the rows."""
    keep = "".join(f"CREATE TABLE kept.{table} AS SELECT * FROM {table};" for table in TABLES)
    back = "".join(f"INSERT INTO {table} SELECT * FROM kept.{table};" for table in TABLES)
    sql(f"CREATE SCHEMA kept; {keep}")
    try:
        as_owner(change)
        code, output = verify(*words)
        for sentence in sentences:
            expect(code == 1 and sentence in output, f"{change}: exit code {code}, no \"{sentence}\" in: {output}")
    finally:
        as_owner(f"TRUNCATE audit_log, audit_chain, audit_archives; {back} DROP SCHEMA kept CASCADE")


# --- the tests ---


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


# Of one entry; each changes one column.
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
        for number, change in enumerate(CHANGES):
            entry = rows[(0, len(rows) // 2, len(rows) - 1)[number % 3]]["entry"]
            text = change.format(of=f"id = '{entry}'", link=f"entry = '{entry}'")
            expect_found(text, f"entry {entry}, or its link")
        entry, other = rows[3]["entry"], uuid.uuid4()
        expect_found(f"UPDATE audit_log SET id = '{other}' WHERE id = '{entry}'", f"entry {entry} of link 4 was removed")
        expect_found(f"UPDATE audit_chain SET version = 2 WHERE entry = '{entry}'", "has version 2")
        expect_verified()  # the differences were those of the changes


def test_a_removed_entry_is_named():
    with Stopped():
        rows = query_rows(LINKS)
        for at in 0, len(rows) // 2, len(rows) - 1:
            entry = rows[at]["entry"]
            expect_found(f"DELETE FROM audit_log WHERE id = '{entry}'", f"entry {entry} of link {at + 1} was removed")
        first, last = rows[4]["entry"], rows[7]["entry"]
        expect_found("DELETE FROM audit_log l USING audit_chain c WHERE c.entry = l.id AND c.number IN (6, 7);"
                     "DELETE FROM audit_chain WHERE number IN (6, 7)",
                     f"links 6 to 7, between entries {first} and {last}, were removed")
        expect_found(f"DELETE FROM audit_log WHERE id = '{rows[0]['entry']}'; DELETE FROM audit_chain WHERE number = 1",
                     "links 1 to 1, between entries none and")
        later = "UPDATE audit_chain SET number = -number WHERE number > {n};" \
                "UPDATE audit_chain SET number = -number {by} WHERE number < 0"
        expect_found(f"DELETE FROM audit_log WHERE id = '{first}'; DELETE FROM audit_chain WHERE entry = '{first}';"
                     + later.format(n=5, by="- 1"), f"entry {rows[5]['entry']}, or its link 5, was changed")


def test_an_inserted_entry_is_named():
    with Stopped():
        rows = query_rows(LINKS)
        newest = "SELECT id FROM audit_log WHERE subject LIKE '%forged%'"
        remove = "DELETE FROM audit_chain WHERE entry = '{0}'; DELETE FROM audit_log WHERE id = '{0}'"
        # Below the floor the sealer does not search.
        old = f"'{month(2) + datetime.timedelta(seconds=30)}'::timestamptz"
        sql(insert(1, old, "forged") + "; SELECT audit_seal(1000, 0, '');")
        forged = query_value(newest)
        code, output = verify()
        expect(code == 1 and f"entry {forged} is in no link: it was inserted later" in output, output)
        # A link for it at the end with a valid hash, as only the owner could add one.
        attack = f"""INSERT INTO audit_chain SELECT number + 1, '{forged}', 1, sealed_at + interval '1 s', seen_xid, floor,
            audit_hash(hash, ROW(number + 1, '{forged}', 1, sealed_at + interval '1 s', seen_xid, floor, NULL)::audit_chain, l)
            FROM (SELECT * FROM audit_chain ORDER BY number DESC LIMIT 1) c, audit_log l WHERE l.id = '{forged}'"""
        as_owner(attack)
        expect(verify()[0] == 1 and f"entry {forged}: the sealer has not found it" in verify()[1], verify())
        as_owner(remove.format(forged))
        # Above the floor it is sealed, as that of a program whose clock is behind.
        moment = f"'{month(1) + datetime.timedelta(seconds=30)}'::timestamptz"
        sql(insert(1, moment, "forged") + "; SELECT audit_seal(1000, 0, '');")
        forged = query_value(newest)
        expect(verify()[0] == 1 and f"entry {forged}: it was inserted later than its id says" in verify()[1], verify())
        as_owner(remove.format(forged))
        # A fresh id with an old time.
        sql(insert(1, "clock_timestamp()", "forged") + ";")
        forged = query_value(newest)
        as_owner(f"UPDATE audit_log SET at = at - interval '1 day' WHERE id = '{forged}'")
        sql("SELECT audit_seal(1000, 0, '');")
        expect(verify()[0] == 1 and f"entry {forged}: its time is not that of its id" in verify()[1], verify())
        as_owner(remove.format(forged))
        expect_found(f"""UPDATE audit_chain SET number = -number WHERE number > 5;
            UPDATE audit_chain SET number = -number + 1 WHERE number < 0; {insert(1, moment, 'forged')};
            INSERT INTO audit_chain SELECT 6, l.id, 1, c.sealed_at, c.seen_xid, c.floor, c.hash FROM audit_chain c,
            audit_log l WHERE c.number = 5 AND l.subject LIKE '%forged%'""", "or its link 6, was changed",
                     f"entry {rows[5]['entry']}, or its link 7, was changed")


def test_swapped_entries_are_named():
    with Stopped():
        rows = query_rows(LINKS)
        first, last = rows[2]["entry"], rows[9]["entry"]
        both = [f"entry {first}", f"entry {last}"]
        columns = ", ".join(ENTRY[1:])
        expect_found(f"UPDATE audit_log l SET ({columns}) = (SELECT {columns} FROM audit_log o WHERE o.id = CASE l.id WHEN"
                     f" '{first}' THEN '{last}'::uuid ELSE '{first}' END) WHERE id IN ('{first}', '{last}')", *both)
        expect_found(f"UPDATE audit_log SET id = '00000000-0000-0000-0000-000000000001' WHERE id = '{first}';"
                     f"UPDATE audit_log SET id = '{first}' WHERE id = '{last}';"
                     f"UPDATE audit_log SET id = '{last}' WHERE id = '00000000-0000-0000-0000-000000000001'", *both)
        expect_found("UPDATE audit_chain SET number = -number WHERE number IN (3, 10);"
                     "UPDATE audit_chain SET number = 13 + number WHERE number < 0", *both)


def make_anew():
    """What an attacker does last: new hashes for all links."""
    rows = query_rows(LINKS)
    as_owner("".join(f"UPDATE audit_chain SET hash = '\\x{made}' WHERE number = {row['number']};"
                     for row, made in zip(rows, chain(rows))))


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


def expect_sealed_once():
    """Eight sessions seal 60 entries, each 3 at a time."""
    def seal(_):
        statement = "SELECT 'sealed ' || sealed FROM audit_seal(3, 0, '');\n"
        done = subprocess.run(["psql", "-X", "-q", "-t", "-A", "-f", "-"], input=statement * 10, text=True, check=False,
                              env=connection(), capture_output=True)
        other = [line for line in done.stderr.splitlines() if "ERROR" in line and "duplicate key" not in line]
        expect(not other, other)
        return sum(int(line.split()[1]) for line in done.stdout.split("\n") if line)

    sql(insert(60) + ";")
    counts, rounds = [], 0
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        while unsealed() > 0 and rounds < ROUNDS:
            counts += pool.map(seal, range(8))
            rounds += 1
    expect(sum(counts) == 60 and unsealed() == 0, f"{counts} sealed, {unsealed()} not")


def test_sealers_that_run_at_once_seal_each_entry_once():
    with Stopped():
        expect_sealed_once()
        # Not even without the lock that makes them wait for each other.
        source = query_value("SELECT pg_get_functiondef('audit_seal'::regproc)")
        try:
            sql(re.sub(r"IF NOT pg_try_advisory_xact_lock\([^)]*\)", "IF false", source) + ";")
            expect_sealed_once()
        finally:
            sql(source + ";")
        expect_verified()


def test_an_end_worker_that_is_killed_while_it_seals_leaves_no_gap():
    before = int(query_value("SELECT count(*) FROM audit_chain"))
    for _ in range(4):
        sql(insert(1500) + ";")
        wait_until(lambda: int(query_value("SELECT count(*) FROM audit_chain")) > before, 5)
        kill_end_worker()
    wait_sealed()
    expect(int(query_value("SELECT count(*) FROM audit_chain")) >= before + 6000, "links")
    expect_verified()


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


def test_an_archive_that_is_killed_loses_nothing():
    with tempfile.TemporaryDirectory() as folder, Stopped():
        file = os.path.join(folder, "archive")
        command = [f"{os.environ.get('BUILD', 'build')}/bin/rostrumctl", "audit", "archive", "--before",
                   f"{month(0):%Y-%m}", "--to", file]
        for lock, ready in (("LOCK TABLE audit_chain", lambda: True), ("LOCK TABLE audit_archives IN EXCLUSIVE MODE",
                                                                      lambda: os.path.exists(file))):
            session = Session(lock)
            archive = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            expect(wait_until(lambda: ready() and int(query_value(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rostrumctl' AND wait_event_type = 'Lock'"
                " AND datname = current_database()")) == 1, WAIT_S), f"{lock}: the archive does not wait for it")
            archive.send_signal(signal.SIGKILL)
            archive.wait()
            session.end("COMMIT")
            expect(wait_until(lambda: query_value("SELECT count(*) FROM pg_stat_activity WHERE application_name ="
                                                  " 'rostrumctl' AND datname = current_database()") == "0", WAIT_S), lock)
            expect(int(query_value("SELECT count(*) FROM audit_log")) == 3 * ENTRIES, f"{lock}: entries")
            expect_verified()
        code, output = verify(file)  # complete, but not on record
        expect(code == 1 and "no difference" in output and "its entries were not deleted" in output, output)
        os.link(file, file + ".part")  # as of a run that was killed just before it removed that name
        code, output = ctl(*command[1:])
        expect(code == 0 and f"{2 * ENTRIES} entries archived" in output and os.listdir(folder) == ["archive"], output)
        check_archive(file, 0, None)
        expect_verified(file)
        expect_verified()


def main():
    """Runs the tests in the order of the file."""
    failed = 0
    tests = [(name, value) for name, value in globals().items()
             if name.startswith("test_") and os.environ.get("ROSTRUM_TEST", name) == name]
    for name, test in tests:
        began = time.monotonic()
        try:
            test()
        except Exception:  # run the other tests after any failure
            failed += 1
            print(f"FAILED {name}: {traceback.format_exc(limit=-3)}")
        print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)
    print(f"audit_chain_test: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
