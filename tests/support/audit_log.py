"""What the tests of the audit log's chain share: its hashes made again, rostrumctl, the end worker, and a log of months.

The hashes are made here again from docs/audit.md alone, not by the code of the deployment. tests/run sets the addresses
of the deployment in the environment.

Callers: tests/security/audit_*_test.py, which run alone: they stop the end worker, and replace the rows of the audit log.
"""
import datetime
import glob
import hashlib
import os
import signal
import subprocess
import time
import traceback

from contract import Fault
from database import connection, query_rows, query_value, sql
from processes import wait_until

WAIT_S = 60  # for a service that starts, and for the sealer
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


def expect_differs(*sentences, words=()):
    """Expects these differences."""
    code, output = verify(*words)
    for sentence in sentences:
        expect(code == 1 and sentence in output, f"exit code {code}, no \"{sentence}\" in: {output}")


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


def owner_sql(text):
    """SQL that runs statements without the triggers that keep the rows, as one transaction."""
    off = "".join(f"ALTER TABLE {table} DISABLE TRIGGER USER;" for table in TABLES)
    on = "".join(f"ALTER TABLE {table} ENABLE TRIGGER USER;" for table in TABLES)
    # The tables are locked first: autovacuum of a table whose row in pg_class was changed before would be a deadlock.
    return (f"BEGIN; {off} GRANT ALL ON audit_log TO CURRENT_USER; {text}; {on}"
            "REVOKE ALL ON audit_log FROM CURRENT_USER; GRANT SELECT, INSERT ON audit_log TO CURRENT_USER; COMMIT;")


def as_owner(text):
    """Runs statements without the triggers that keep the rows, as one transaction."""
    sql(owner_sql(text))


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
    """SQL that seals everything as the end worker would have done at this moment."""
    return f"""BEGIN; CREATE SCHEMA past;
        CREATE FUNCTION past.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '{moment}'::timestamptz $$;
        SET LOCAL search_path = past, pg_catalog, public; SELECT audit_seal(1000, 0, '');
        DROP SCHEMA past CASCADE; COMMIT;"""


def begin_anew():
    """Without the end worker: the log has entries of three months, and the last are of this one. All are sealed."""
    sql("DELETE FROM refusal_counts;")  # of earlier programs: a gateway would make entries of them
    steps = [owner_sql("TRUNCATE audit_log, audit_chain, audit_archives")]
    for before in 2, 1:
        moment = month(before) + datetime.timedelta(seconds=1)
        steps += [insert(ENTRIES, f"'{moment}'::timestamptz", f"month {before}") + ";", seal_at(moment)]
    steps += [insert(ENTRIES, "clock_timestamp()", "month 0") + ";", "SELECT audit_seal(1000, 0, '');"]
    sql("\n".join(steps))
    expect(unsealed() == 0, "entries are not sealed")


def make_anew():
    """What an attacker does last: new hashes for all links."""
    rows = query_rows(LINKS)
    as_owner("".join(f"UPDATE audit_chain SET hash = '\\x{made}' WHERE number = {row['number']};"
                     for row, made in zip(rows, chain(rows))))


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
    """Applies changes, expects that verify finds them, and restores the rows."""
    keep = "".join(f"CREATE TABLE kept.{table} AS SELECT * FROM {table};" for table in TABLES)
    back = "".join(f"INSERT INTO {table} SELECT * FROM kept.{table};" for table in TABLES)
    sql(f"CREATE SCHEMA kept; {keep}")
    try:
        as_owner(change)
        expect_differs(*sentences, words=words)
    finally:
        as_owner(f"TRUNCATE audit_log, audit_chain, audit_archives; {back} DROP SCHEMA kept CASCADE")


def run(program, cases):
    """Runs the tests of a program in the order of its file, or the one that was asked for. Returns the exit code."""
    failed = 0
    tests = [(name, value) for name, value in cases.items()
             if name.startswith("test_") and os.environ.get("ROSTRUM_TEST", name) == name]
    for name, test in tests:
        began = time.monotonic()
        try:
            test()
        except Exception:  # run the other tests after any failure
            failed += 1
            print(f"FAILED {name}: {traceback.format_exc(limit=-3)}")
        print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)
    print(f"{program}: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0
