/*
 * See statements.h. Commands are passed as parallel arrays: a batch of any size uses one statement of each kind and one
 * plan. No statement reads the whole line: each reads the rows of its users and orders, or as many of the first ones as
 * it is asked for, by an index.
 */
#include "saleworker/statements.h"

#include "common/protocol/schema.h"

/* clang-format off */
#define MS(column) "(extract(epoch FROM " column ") * 1000)::bigint"

#define ENTRY(e)                                                                                                       \
    e ".seq, " e ".id, " e ".user_id, " e ".wanted, " e ".claim, " e ".status, " MS(e ".turn_expires_at")
#define ORDER(o)                                                                                                       \
    o ".id, " o ".seq, " o ".user_id, " o ".quantity, " o ".total_price, " o ".status, " o ".reason, "                 \
    MS(o ".expires_at") ", " o ".payment_id"
#define ENTRY_NAMES "seq, id, user_id, wanted, claim, status, turn_expires_at"
#define ORDER_NAMES "id, seq, user_id, quantity, total_price, status, reason, expires_at, payment_id"
/* clang-format on */

/* As for bids (bidworker/statements.c): plans must not depend on how small a table was when they were made. */
const char statements_session[] = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off"
                                  " -c enable_mergejoin=off";

/* clang-format off */
const struct pg_statement statements_all[STATEMENTS] = {
    /* As for bids: rows that other sessions have locked are left out, and none is waited for. $1: ids. */
    [STATEMENT_LOCK] = {"lock",
        "SELECT s.*, " MS("clock_timestamp()") " FROM (VALUES (true)) AS one (there) LEFT JOIN LATERAL ("
        "SELECT " SALE_SNAPSHOT_COLUMNS ", encode(ledger_hash, 'hex')"
        " FROM flash_sales WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED) AS s ON true"},

    /* Those that follow are sent after the lock, and see what was committed before it. $1: sales, $2: ids. */
    [STATEMENT_KNOWN] = {"known",
        "SELECT asked.n, l.status, l.reason, l.quantity, " MS("l.received_at") ", " MS("l.decided_at") ", "
        ENTRY("e") ", " ORDER("o")
        " FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked (sale_id, command_id, n)"
        " JOIN sale_ledger l ON l.sale_id = asked.sale_id AND l.command_id = asked.command_id"
        " LEFT JOIN queue_entries e ON e.sale_id = l.sale_id AND e.seq = l.place"
        " LEFT JOIN orders o ON o.id = l.order_id AND o.sale_id = l.sale_id"},

    /* As STATEMENT_KNOWN. Sent only for a batch that contains an update. */
    [STATEMENT_TERMS] = {"terms",
        "SELECT asked.n, t.price, t.quantity, t.per_user_limit, " MS("t.join_time") ", " MS("t.start_time") ", "
        MS("t.end_time") ", t.turn_s, t.reservation_s, t.payment"
        " FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked (sale_id, id, n)"
        " JOIN sale_terms t ON t.sale_id = asked.sale_id AND t.id = asked.id"},

    /* Held units and the live entry of users. $1: sales, $2: users; $3: orders, for their users. */
    [STATEMENT_USERS] = {"users",
        "SELECT asked.sale_id, asked.user_id, (SELECT coalesce(sum(o.quantity), 0)::bigint FROM orders o"
        " WHERE o.sale_id = asked.sale_id AND o.user_id = asked.user_id AND o.status IN ('reserved', 'confirmed')), "
        ENTRY("e")
        " FROM (SELECT a.sale_id, a.user_id FROM unnest($1::uuid[], $2::uuid[]) AS a (sale_id, user_id)"
        " UNION SELECT o.sale_id, o.user_id FROM orders o WHERE o.id = ANY ($3::uuid[])) AS asked"
        " LEFT JOIN queue_entries e ON e.sale_id = asked.sale_id AND e.user_id = asked.user_id"
        " AND e.status IN ('waiting', 'turn')"},

    /* $1: sales, $2: orders. */
    [STATEMENT_ORDERS] = {"orders",
        "SELECT asked.sale_id, asked.order_id, " ORDER("o")
        " FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[]) AS a (sale_id, order_id)) AS asked"
        " LEFT JOIN orders o ON o.id = asked.order_id AND o.sale_id = asked.sale_id"},

    /*
     * The first waiting places. A turn claims a unit at least, so free units bound their number, unless commands return
     * units or take places out of the line. $1: sales, $2: the most turns, $3: such commands. $4: the latest receipt of
     * the sale's commands; a sale that has not started by then grants no turn.
     */
    [STATEMENT_HEADS] = {"heads",
        "SELECT asked.sale_id, " ENTRY("e")
        " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[])"
        " AS asked (sale_id, most, others, latest)"
        " JOIN flash_sales s ON s.id = asked.sale_id AND s.waiting > 0"
        " AND (s.status = 'active' OR s.start_time <= asked.latest)"
        " CROSS JOIN LATERAL (SELECT " ENTRY_NAMES " FROM queue_entries q"
        " WHERE q.sale_id = s.id AND q.status = 'waiting' AND q.seq >= s.head_seq ORDER BY q.seq"
        " LIMIT CASE WHEN asked.others > 0 THEN asked.most + asked.others"
        " ELSE least(asked.most, s.quantity - s.claimed - s.reserved - s.sold) END) AS e ORDER BY asked.sale_id, e.seq"},

    /* What is due. $1: sales, $2: the most rows, $3: times. */
    [STATEMENT_TURNS] = {"turns",
        "SELECT asked.sale_id, " ENTRY("e")
        " FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS asked (sale_id, most, due)"
        " CROSS JOIN LATERAL (SELECT " ENTRY_NAMES " FROM queue_entries q WHERE q.sale_id = asked.sale_id"
        " AND q.status = 'turn' AND q.turn_expires_at <= asked.due ORDER BY q.seq LIMIT asked.most) AS e"
        " ORDER BY asked.sale_id, e.seq"},
    [STATEMENT_RESERVED] = {"reserved",
        "SELECT asked.sale_id, o.id, " ORDER("o")
        " FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS asked (sale_id, most, due)"
        " CROSS JOIN LATERAL (SELECT " ORDER_NAMES " FROM orders q WHERE q.sale_id = asked.sale_id"
        " AND q.status = 'reserved' AND q.expires_at <= asked.due ORDER BY q.seq LIMIT asked.most) AS o"
        " ORDER BY asked.sale_id, o.seq"},

    /* $1: users. */
    /*
     * For sales that STATEMENT_LOCK left out: whether they exist, so that another session has locked them. If not, they
     * may have ledger rows of earlier commands. $1: sales.
     */
    [STATEMENT_MISSED] = {"missed",
        "SELECT asked.id, EXISTS (SELECT FROM flash_sales s WHERE s.id = asked.id),"
        " (SELECT max(l.seq) FROM sale_ledger l WHERE l.sale_id = asked.id),"
        " (SELECT encode(l.hash, 'hex') FROM sale_ledger l WHERE l.sale_id = asked.id ORDER BY l.seq DESC LIMIT 1)"
        " FROM unnest($1::uuid[]) AS asked (id)"},

    [STATEMENT_INSERT_LEDGER] = {"insert_ledger",
        "INSERT INTO sale_ledger (sale_id, seq, command_id, kind, status, reason, paid, user_id, quantity, place,"
        " order_id, amount, end_time, refused_ms, received_at, decided_at, hash, hash_version)"
        " SELECT decided.*, $18::smallint FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[],"
        " $6::text[], $7::boolean[], $8::uuid[], $9::bigint[], $10::bigint[], $11::uuid[], $12::numeric[],"
        " $13::timestamptz[], $14::bigint[], $15::timestamptz[], $16::timestamptz[], $17::bytea[]) AS decided"},

    [STATEMENT_INSERT_ENTRIES] = {"insert_entries",
        "INSERT INTO queue_entries (sale_id, seq, id, user_id, wanted, claim, status, turn_expires_at, joined_at)"
        " SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[],"
        " $7::text[], $8::timestamptz[], $9::timestamptz[])"},
    [STATEMENT_UPDATE_ENTRIES] = {"update_entries",
        "UPDATE queue_entries AS e SET claim = d.claim, status = d.status, turn_expires_at = d.expires"
        " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[])"
        " AS d (sale_id, seq, claim, status, expires) WHERE e.sale_id = d.sale_id AND e.seq = d.seq"},

    [STATEMENT_INSERT_ORDERS] = {"insert_orders",
        "INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, reason, expires_at, payment_id,"
        " payment_ref, created_at, updated_at) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[],"
        " $5::bigint[], $6::numeric[], $7::text[], $8::text[], $9::timestamptz[], $10::uuid[], $11::text[],"
        " $12::timestamptz[], $13::timestamptz[])"},
    [STATEMENT_UPDATE_ORDERS] = {"update_orders",
        "UPDATE orders AS o SET status = d.status, payment_id = d.payment_id,"
        " payment_ref = coalesce(d.payment_ref, o.payment_ref), updated_at = d.at"
        " FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[])"
        " AS d (id, status, payment_id, payment_ref, at) WHERE o.id = d.id"},

    /* Places that began to wait, and that stopped, by blocks. $1: sales, $2: blocks, $3: how many. */
    [STATEMENT_ADD_BLOCKS] = {"add_blocks",
        "INSERT INTO sale_line_blocks AS b (sale_id, block, waiting)"
        " SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[])"
        " ON CONFLICT (sale_id, block) DO UPDATE SET waiting = b.waiting + excluded.waiting"},
    [STATEMENT_TAKE_BLOCKS] = {"take_blocks",
        "UPDATE sale_line_blocks AS b SET waiting = b.waiting - d.waiting"
        " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS d (sale_id, block, waiting)"
        " WHERE b.sale_id = d.sale_id AND b.block = d.block"},

    /* Stores the first terms before a command changes them. $1: sales. */
    [STATEMENT_KEEP_TERMS] = {"keep_terms",
        "INSERT INTO sale_terms (sale_id, id, price, quantity, per_user_limit, join_time, start_time, end_time, turn_s,"
        " reservation_s, payment, created_at) SELECT id, id, price, quantity, per_user_limit, join_time, start_time,"
        " end_time, turn_s, reservation_s, payment, created_at FROM flash_sales WHERE id = ANY ($1::uuid[])"
        " ON CONFLICT DO NOTHING"},

    [STATEMENT_UPDATE_SALES] = {"update_sales",
        "UPDATE flash_sales AS s SET price = d.price, quantity = d.quantity, per_user_limit = d.per_user_limit,"
        " join_time = d.join_time, start_time = d.start_time, end_time = d.end_time, turn_s = d.turn_s,"
        " reservation_s = d.reservation_s, payment = d.payment, status = d.status, claimed = d.claimed,"
        " reserved = d.reserved, sold = d.sold, waiting = d.waiting, head_seq = d.head_seq, ledger_seq = d.ledger_seq,"
        " ledger_hash = d.hash, decided_at = d.at, updated_at = d.at, version = d.version"
        " FROM unnest($1::uuid[], $2::numeric[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[],"
        " $7::timestamptz[], $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::bigint[], $13::bigint[],"
        " $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bytea[], $19::timestamptz[], $20::bigint[])"
        " AS d (id, price, quantity, per_user_limit, join_time, start_time, end_time, turn_s, reservation_s, payment,"
        " status, claimed, reserved, sold, waiting, head_seq, ledger_seq, hash, at, version) WHERE s.id = d.id"},

    [STATEMENT_INSERT_REFUNDS] = {"insert_refunds",
        "INSERT INTO refunds (id, sale_id, order_id, user_id, amount, reference, created_at) SELECT * FROM"
        " unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::numeric[], $6::text[], $7::timestamptz[])"},

    /*
     * A page of snapshots (republish.c), with the mark of sales that are not over or changed within the lifetime of a
     * snapshot.
     */
    [STATEMENT_CHANGED] = {"changed",
        "SELECT " SALE_SNAPSHOT_COLUMNS ", status IN ('upcoming', 'open', 'active', 'ended')"
        " OR updated_at > now() - $2::integer * interval '1 second' FROM flash_sales"
        " WHERE (end_time, id) > ($4::timestamptz, $3::uuid) ORDER BY end_time, id LIMIT $1::bigint"},

    [STATEMENT_WORKER] = LEDGER_TX_STATEMENT_ROWS("sale_suspects", "sale_id", "command_id"),
};
/* clang-format on */
