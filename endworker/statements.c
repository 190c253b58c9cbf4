/*
 * See statements.h. Time parameters are RFC 3339 text from this machine's clock, which timing_guard checks. Settlement
 * uses the database's time instead, so it goes on while the clock is wrong. Times in results are whole milliseconds.
 */
#include "endworker/statements.h"

#include "common/protocol/schema.h"
#include "common/protocol/topology.h"

#define EPOCH_MS(expression) "(extract(epoch FROM " expression ") * 1000)::bigint"

/* Rule 9: if the price meets the reserve, so does the leader's maximum (rule 6). */
#define IS_SOLD "(a.leader_id IS NOT NULL AND (a.reserve_price IS NULL OR a.current_bid >= a.reserve_price))"

/*
 * The rows are locked in the order of their ids, as in the bid worker, so that two transactions cannot deadlock. `how`:
 * what to do about a row that another session has locked; "" waits for it.
 */
#define SETTLE(how)                                                                                                    \
    "WITH due AS MATERIALIZED ("                                                                                       \
    "SELECT id FROM auctions WHERE id = ANY ($1::uuid[]) AND status = 'ended' ORDER BY id FOR UPDATE" how "), "        \
    "now AS MATERIALIZED (SELECT clock_timestamp() AS at) "                                                            \
    "UPDATE auctions a SET "                                                                                           \
    "status = CASE WHEN " IS_SOLD " THEN 'sold' ELSE 'unsold' END, "                                                   \
    "winner_id = CASE WHEN " IS_SOLD " THEN a.leader_id END, "                                                         \
    "winning_bid_id = CASE WHEN " IS_SOLD " THEN a.leader_bid_id END, "                                                \
    "settled_at = now.at, updated_at = now.at, version = a.version + 1 "                                               \
    "FROM due, now WHERE a.id = due.id AND a.status = 'ended' "                                                        \
    "RETURNING a.id, a.seller_id, a.version, a.terms_version, a.status, " EPOCH_MS("a.start_time") ", " EPOCH_MS(      \
        "a.end_time") ", a.minimum_bid, a.current_bid, a.winner_id, "                                                  \
                      "a.leader_id, " EPOCH_MS("a.settled_at") ","                                                     \
                                                               " a.ledger_hash_seq, "                                  \
                                                               "encode(a.ledger_hash, "                                \
                                                               "'hex')"

/*
 * What is due in the flash sales that are not over. They are few, and read by an index that holds no others. The oldest
 * turn and the oldest reservation of each end first (common/rules/sale_line.c). So two look-ups in partial indexes are
 * enough, however long the line and the history are. The cause of an EXPIRE names both by their seq, so that it differs
 * from those before.
 */
/* clang-format off */
#define DUE_SALES                                                                                                      \
    "SELECT s.id, d.kind, d.cause, " EPOCH_MS("t.at") ", " EPOCH_MS("t.at - make_interval(secs => s.turn_s)") ", "     \
    EPOCH_MS("o.at") ", " EPOCH_MS("o.at - make_interval(secs => s.reservation_s)") " FROM flash_sales s"              \
    " LEFT JOIN LATERAL (SELECT e.seq, e.turn_expires_at AS at FROM queue_entries e WHERE e.sale_id = s.id"            \
    "  AND e.status = 'turn' AND s.status = 'active' ORDER BY e.seq LIMIT 1) t ON true"                                \
    " LEFT JOIN LATERAL (SELECT r.seq, r.expires_at AS at FROM orders r WHERE r.sale_id = s.id"                        \
    "  AND r.status = 'reserved' AND s.status IN ('active', 'ended') ORDER BY r.seq LIMIT 1) o ON true"                \
    " CROSS JOIN LATERAL (VALUES"                                                                                      \
    "  ('open', " EPOCH_MS("s.join_time") ", s.status = 'upcoming' AND s.join_time <= $1::timestamptz"                 \
    "   AND s.start_time > $1::timestamptz),"                                                                          \
    "  ('start', " EPOCH_MS("s.start_time") ", s.status IN ('upcoming', 'open')"                                       \
    "   AND s.start_time <= $1::timestamptz AND s.end_time > $1::timestamptz),"                                        \
    "  ('fence', " EPOCH_MS("s.end_time") ", s.status <> 'ended' AND s.end_time <= $2::timestamptz),"                  \
    "  ('expire', (coalesce(t.seq, 0) << 32) + coalesce(o.seq, 0), least(t.at, o.at) <= $2::timestamptz)"              \
    " ) d (kind, cause, due) WHERE d.due AND s.status IN ('upcoming', 'open', 'active', 'ended')"                      \
    " AND s.id >= $3::uuid AND (s.id, d.kind) > ($3::uuid, $4) ORDER BY s.id, d.kind LIMIT $5::bigint"

/*
 * Only an open sale has a line before its start. It is announced once, ever. The event is STARTING_SOON of
 * common/protocol/sale_message.h.
 */
#define STARTING_SOON                                                                                                  \
    "WITH soon AS (INSERT INTO sale_fanouts (sale_id, kind, at) SELECT s.id, 'SALE_STARTING_SOON', $1::timestamptz"    \
    "  FROM flash_sales s WHERE s.status = 'open' AND s.start_time > $1::timestamptz"                                  \
    "  AND s.start_time <= $2::timestamptz AND NOT EXISTS (SELECT FROM sale_fanouts f WHERE f.sale_id = s.id"          \
    "   AND f.kind = 'SALE_STARTING_SOON') ORDER BY s.start_time LIMIT $3::bigint"                                     \
    "  ON CONFLICT DO NOTHING RETURNING sale_id, at)"                                                                  \
    " INSERT INTO outbox (exchange, routing_key, body) SELECT '" TOPOLOGY_EVENTS_EXCHANGE "', '"                       \
    TOPOLOGY_KEY_SALE_SOON "', json_build_object('v', 1, 'events', json_build_array(json_build_object("                \
    "'k', 'starting_soon', 's', s.id, 'e', " EPOCH_MS("s.start_time") ", 'd', " EPOCH_MS("n.at") ")))::text"           \
    " FROM soon n JOIN flash_sales s ON s.id = n.sale_id RETURNING id, body"
/* clang-format on */

const struct pg_statement statements_table[STATEMENT_COUNT] = {
    [STATEMENT_SHARDS] = {"shards", "SELECT shards FROM topology WHERE " SCHEMA_IS_CURRENT},
    [STATEMENT_DUE_STARTS] = {"due_starts",
                              "SELECT id, " EPOCH_MS(
                                  "start_time") " FROM auctions "
                                                "WHERE status = 'scheduled' AND start_time <= $1::timestamptz "
                                                "AND (start_time, id) > ($2::timestamptz, $3::uuid) "
                                                "ORDER BY start_time, id LIMIT $4::bigint"},
    [STATEMENT_DUE_FENCES] = {"due_fences", "SELECT id, " EPOCH_MS(
                                                "end_time") " FROM auctions "
                                                            "WHERE status = 'active' AND end_time <= $1::timestamptz "
                                                            "AND (end_time, id) > ($2::timestamptz, $3::uuid) "
                                                            "ORDER BY end_time, id LIMIT $4::bigint"},
    [STATEMENT_DUE_SALES] = {"due_sales", DUE_SALES},
    /* Announced once, and again only if the end has since moved by more than the announced span. */
    [STATEMENT_ENDING_SOON] =
        {"ending_soon", "WITH soon AS ("
                        "SELECT a.id, a.end_time, a.version, a.current_bid FROM auctions a "
                        "WHERE a.status = 'active' AND a.end_time > $1::timestamptz AND a.end_time <= $2::timestamptz "
                        "AND NOT EXISTS (SELECT 1 FROM ending_soon e WHERE e.auction_id = a.id "
                        "AND e.end_time > a.end_time - make_interval(secs => $3::integer)) "
                        "ORDER BY a.end_time LIMIT $4::bigint), "
                        "noted AS ("
                        "INSERT INTO ending_soon (auction_id, end_time) SELECT id, end_time FROM soon "
                        "ON CONFLICT (auction_id) DO UPDATE SET end_time = excluded.end_time) "
                        "SELECT id, " EPOCH_MS("end_time") ", version, current_bid FROM soon"},
    [STATEMENT_STARTING_SOON] = {"starting_soon", STARTING_SOON},
    [STATEMENT_LOCK_WAIT] = {"lock_wait", "SELECT set_config('lock_timeout', '500ms', true)"},
    [STATEMENT_SETTLE] = {"settle", SETTLE("")},
    [STATEMENT_SETTLE_FREE] = {"settle_free", SETTLE(" SKIP LOCKED")},
    [STATEMENT_UNSETTLED] = {"unsettled", "SELECT id FROM auctions WHERE status = 'ended' "
                                          "AND updated_at <= clock_timestamp() - $1::bigint * interval '1 millisecond' "
                                          "ORDER BY updated_at LIMIT $2::bigint"},
    [STATEMENT_PRICES] = {"prices", "SELECT auction_prices_pay($1::integer)"},
    [STATEMENT_SEAL] = {"seal", "SELECT sealed, newest, newest_hash, waiting_ms, contradicts"
                                " FROM audit_seal($1::integer, $2::bigint, $3::text)"},
    [STATEMENT_OUTBOX] = OUTBOX_STATEMENT_ROWS,
    [STATEMENT_TIMING] = TIMING_GUARD_STATEMENT_ROWS,
};
