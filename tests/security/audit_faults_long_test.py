#!/usr/bin/python3
"""The chain of the audit log while sealers race, and while the end worker or an archive is killed.

Long: each fault takes seconds; integration/sealer_test is the short form.
Runs alone: it stops and kills the end worker, and replaces the rows of the audit log.
"""
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
import audit_log  # noqa: E402 (needs the path above)
from audit_log import (  # noqa: E402 (needs the path above)
    ENTRIES, Session, Stopped, WAIT_S, check_archive, ctl, expect, expect_verified, insert, kill_end_worker, month,
    unsealed, verify, wait_sealed,
)
from database import connection, query_value, sql  # noqa: E402 (needs the path above)
from processes import wait_until  # noqa: E402 (needs the path above)

ROUNDS = 10  # of sessions that seal at once, until all is sealed


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


if __name__ == "__main__":
    sys.exit(audit_log.run("audit_faults_long_test", globals()))
