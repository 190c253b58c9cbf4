#!/usr/bin/python3
"""What the statements of the programs read, in a deployment that stores much (tests/bench/scale.sql).

Every statement that a program prepares is looked at: its generic plan must not read all of a table that grows, or an
index without a condition. Exceptions are listed with their reasons. The statements of lists and polls also run, for users
and auctions that have very much, and must stay below a number of buffers.

SCALE is the share of the data, default 0.05. tests/bench/scale runs the same with all of it.
"""
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from database import sql  # noqa: E402 (needs the line above)
from plans import buffers, explained, faults  # noqa: E402
from prepared_statements import statements_of  # noqa: E402

SCALE = os.environ.get("SCALE", "0.05")
SCHEMA = "plans_test"
PROGRAMS = ("rostrum-gateway", "rostrum-bidworker", "rostrum-saleworker", "rostrum-endworker", "rostrum-notifyworker")

# Statements that read a whole index or table, and why that does not grow with what is stored, or how it is bounded.
ALLOWED = {
    "retention_sweep": "users_erasing holds only users that are being erased",
    "settle": "auctions_unsettled holds only auctions that have just ended",
    "settle_free": "as settle",
    "unsettled": "as settle",
    "admin_ban": "all admins are locked; there are few",
    "admin_role": "as admin_ban",
    "sale_notify": "all admins are notified of a refund; there are few",
    **dict.fromkeys(("stats_users", "stats_auctions"), "an admin's statistics count all rows, once in 25 s"),
}

# The same, of statements for which the planner may take either way at this size.
SOMETIMES = {
    **dict.fromkeys((f"auctions_{order}_priced{several}" for order in ("ending", "newest") for several in ("", "_several")),
                    "a range of prices in another order than theirs"),
}


def user(number):
    """A user of tests/bench/scale.sql."""
    return f"'018f0000-0000-8001-8000-{number:012x}'"


def auction(number):
    """An auction of the same."""
    return f"'018f0000-{number >> 16:04x}-8002-8000-{number:012x}'"


def sale(number):
    """A flash sale of the same."""
    return f"'018f0000-0000-8003-8000-{number:012x}'"


def some_auctions(count):
    """The ids of the first auctions."""
    return "ARRAY[" + ", ".join(auction(number) for number in range(1, count + 1)) + "]::uuid[]"


NIL, LAST = "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"
FIRST = ["NULL", "NULL", "21"]  # the first page of a list
DEEP = ["'2000-01-01'", NIL, "21"]  # a page after all rows
ORDERS = ("newest", "ending", "price_up", "price_down")

# Rows that the session read of each table, in this transaction and in those that were not reported yet.
TOUCHED = f"""(SELECT relid, relname, seq_tup_read + coalesce(idx_tup_fetch, 0) AS rows FROM pg_stat_xact_user_tables
    WHERE schemaname = '{SCHEMA}')"""
TRIGGER_ROWS = 100  # of each table, which the triggers of three notifications may read

# Statement, case, values of its parameters, and the most buffers that it may read.
CASES = (
    ("me_bids", "the first page", [user(2), *FIRST, "NULL", "NULL"], 3000),
    ("me_bids", "the last page", [user(2), *DEEP, "NULL", "NULL"], 300),
    ("me_bids", "won, of which there are none", [user(2), *FIRST, "'won'", "NULL"], 450),
    ("me_notifications", "the first page", [user(2), *FIRST], 200),
    ("me_notifications", "the last page", [user(2), *DEEP], 50),
    ("me_unread_notifications", "of a user who has read all", [user(2), *FIRST], 50),
    ("me_unread", "of a user who has read all", [user(2)], 50),
    ("me_read_all", "of a user who has read all", [user(2), "now()"], 50),
    ("position_get", "of one with many places", [sale(1), user(4)], 30),
    ("sale_get_for", "of one with many places", [sale(1), user(4)], 60),
    ("positions_read", "100 of one with many places", [f"array_fill({sale(1)}::uuid, '{{100}}')",
                                                       f"array_fill({user(4)}::uuid, '{{100}}')"], 3000),
    ("order_list", "the first page", [user(4), *FIRST, "NULL", "NULL"], 300),
    ("order_list", "the last page", [user(4), *DEEP, "NULL", "NULL"], 50),
    ("order_list_of_sale", "without orders", [user(4), *FIRST, sale(1000000), "NULL"], 50),
    ("me_auctions", "the first page", [user(3), *FIRST, "NULL"], 400),
    ("me_auctions", "the last page", [user(3), *DEEP, "NULL"], 50),
    ("item_list", "the last page", [user(3), *DEEP], 50),
    ("watch_list", "the first page", [user(5), *FIRST], 200),
    ("watchers_look", "a page of 1,000 auctions", [NIL, "1000", "'{}'", "100"], 500),
    ("watchers_look", "100 auctions that events named", [LAST, "1000", some_auctions(100), "100"], 900),
    ("watchers_notify_bids", "100 auctions", [some_auctions(100)], 900),
    ("watchers_notify_extensions", "100 auctions", [some_auctions(100)], 900),
    ("watchers_close", "100 auctions", [some_auctions(100)], 900),
    ("watch_fanout", "no auction with many watchers", ["5000"], 50),
    *((f"admin_auctions_{order}", "the first page", [*FIRST, *["NULL"] * 6], 7000) for order in ORDERS),
    *((f"admin_auctions_{order}_of_seller", "of one with one auction", [*FIRST, *["NULL"] * 4, user(7), "NULL"], 600)
      for order in ORDERS),
    ("admin_users", "the first page", [*FIRST, "NULL", "NULL", "NULL"], 50),
    ("admin_users", "the last page", [*DEEP, "NULL", "NULL", "NULL"], 50),
    ("admin_log", "the first page", [*FIRST, *["NULL"] * 5], 50),
    ("admin_log", "of a day long ago", [*FIRST, "NULL", "NULL", "NULL", "'2000-01-01'", "'2000-01-02'"], 50),
    ("admin_log_of_actor", "who did nothing", [*FIRST, user(1000), "NULL", "NULL", "NULL", "NULL"], 50),
    ("admin_log_of_action", "that nobody does", [*FIRST, "NULL", "'NONE'", "NULL", "NULL", "NULL"], 50),
    ("admin_log_of_subject", "that nothing was done to", [*FIRST, "NULL", "NULL", "'nobody'", "NULL", "NULL"], 50),
)


def prepare():
    """Makes the tables of the schema, without rows."""
    sql(f"SET client_min_messages = warning; DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}")
    url = os.environ["ROSTRUM_PG_URL"]
    url += f"{'&' if '?' in url else '?'}options=-csearch_path%3D{SCHEMA}"
    program = os.path.join(os.environ.get("BUILD", "build"), "bin", "rostrumctl")
    subprocess.run([program, "migrate"], env={**os.environ, "ROSTRUM_PG_URL": url}, check=True, stdout=subprocess.DEVNULL)


def load():
    """Fills the tables."""
    with open(os.path.join(ROOT, "tests", "bench", "scale.sql"), encoding="utf-8") as file:
        sql(file.read(), "-v", f"scale={SCALE}", schema=f"{SCHEMA}")


def all_statements():
    """The statements of all programs as "program name", with their texts. They start before there are rows."""
    found = {}
    for program in PROGRAMS:
        for name, text in statements_of(program, SCHEMA).items():
            found[f"{program} {name}"] = text
    return found


def wrong_plans(statements):
    """Sentences about plans that grow, and about exceptions that are none."""
    wrong, excused = [], set()
    for key, plan in explained(statements, schema=SCHEMA).items():
        name = key.split()[1]
        found = faults(plan)
        if found and name in ALLOWED:
            excused.add(name)
        elif found and name not in SOMETIMES:
            wrong.append(f"{key}: {', '.join(found)}")
    return wrong + [f"{name} needs no exception" for name in ALLOWED if name not in excused]


def wrong_cases(statements):
    """Sentences about executions that read too much; prints the buffers of each."""
    wrong = []
    texts = {key.split()[1]: text for key, text in statements.items()}
    for name, what, values, most in CASES:
        plan = explained({name: texts[name]}, {name: values}, ", ANALYZE, BUFFERS, TIMING OFF", SCHEMA)[name]
        read = buffers(plan)
        print(f"{name:<28} {what:<36} {plan['Plan']['Actual Rows']:>5} rows {read:>7} buffers, at most {most}", flush=True)
        if read > most:
            wrong.append(f"{name}, {what}: {read} buffers, and not {most}")
    return wrong


def wrong_triggers():
    """Sentences about tables of which the triggers of a notification read much, in a session that began with many."""
    columns = "INSERT INTO notifications (user_id, id, kind, auction_id, created_at)"
    script = f"""
        UPDATE users SET email_kinds = '{{OUTBID}}' WHERE id = {user(7)};
        UPDATE users SET muted = '{{OUTBID}}' WHERE id = {user(8)};
        INSERT INTO webhooks (id, owner_id, slot, created_by, url, description, events, secret, created_at, updated_at)
        SELECT gen_random_uuid(), u.id, 1, u.id, 'https://example.org', '', '{{OUTBID}}', '', now(), now()
        FROM users u LIMIT 1000;
        ANALYZE users, webhooks;
        BEGIN; {columns} SELECT w.user_id, gen_random_uuid(), 'OUTBID', w.auction_id, now() FROM watchlist w LIMIT 8000; COMMIT;
        BEGIN;
        CREATE TEMP TABLE before AS SELECT relid, rows FROM {TOUCHED} t;
        {columns} SELECT u.id, gen_random_uuid(), 'OUTBID', {auction(1)}, now() FROM users u
            WHERE u.id IN ({user(7)}, {user(8)}, {user(9)});
        SELECT t.relname || ' ' || t.rows - coalesce(b.rows, 0) FROM {TOUCHED} t LEFT JOIN before b USING (relid)
        WHERE t.rows > coalesce(b.rows, 0) ORDER BY 1;
        ROLLBACK;"""
    read = [line.split() for line in sql(script, "-t", "-A", schema=SCHEMA).splitlines()]
    print("rows that the triggers of 3 notifications read:", ", ".join(" ".join(each) for each in read), flush=True)
    return [f"the triggers of 3 notifications read {rows} rows of {table}" for table, rows in read if int(rows) > TRIGGER_ROWS]


def main():
    """Runs everything and prints the summary."""
    results = []
    try:
        prepare()
        statements = all_statements()
        began = time.monotonic()
        load()
        print(f"scale {SCALE}: loaded in {time.monotonic() - began:.0f} s; {len(statements)} statements", flush=True)
        results = [wrong_plans(statements), wrong_cases(statements), wrong_triggers()]
    finally:
        sql(f"SET client_min_messages = warning; DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    for line in sum(results, []):
        print(f"FAILED {line}")
    failed = sum(bool(wrong) for wrong in results)
    print(f"plans_test: {len(results) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
