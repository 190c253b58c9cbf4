/*
 * See statements.h. Commands are passed as parallel arrays: a batch of any size uses one statement of each kind and one
 * plan.
 */
#include "bidworker/statements.h"

#include "common/protocol/schema.h"
#include "common/protocol/snapshot.h"

/* clang-format off */
#define MS(column) "(extract(epoch FROM " column ") * 1000)::bigint"
/* clang-format on */

/*
 * The statements of a batch look up a few rows by index, in tables that grow from empty to millions of rows within an
 * hour. A plan made while they were small would scan them completely, and be kept until the next ANALYZE. So generic
 * plans are forced, and scans and joins for small tables are switched off.
 */
const char statements_session[] = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off"
                                  " -c enable_mergejoin=off";

const struct pg_statement statements_all[STATEMENTS] = {
    /*
     * Rows that other sessions have locked are left out: only their auctions wait. Rows are locked in id order, and
     * none is waited for, so two workers cannot deadlock. The time is read row by row, each after the row was locked;
     * without any row there is one with the time alone. $1: ids.
     */
    [STATEMENT_LOCK] =
        {"lock",
         "SELECT a.*, " MS(
             "clock_timestamp()") " FROM (VALUES (true)) AS one (there) LEFT JOIN LATERAL ("
                                  "SELECT id, seller_id, starting_price, reserve_price, increments, snipe_window_s,"
                                  " snipe_extension_s, snipe_max, " MS("start_time") ", terms_version, status, " MS(
                                      "end_time") ","
                                                  " extensions_used, current_bid, bid_count, leader_id, leader_max, "
                                                  "leader_bid_id,"
                                                  " leader_by_proxy, runner_up_max, ledger_seq, version, "
                                                  "buy_now_price, ledger_hash_seq, encode(ledger_hash, 'hex')"
                                                  " FROM auctions WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE "
                                                  "SKIP LOCKED"
                                                  ") AS a ON true"},

    /*
     * Sent after the lock: it sees the rows that another worker committed before it released the lock. $1: auctions,
     * $2: ids.
     */
    [STATEMENT_KNOWN] = {"known",
                         "SELECT asked.n, b.amount, b.max_amount, b.status, b.reason, " MS(
                             "b.received_at") ","
                                              " " MS("b.decided_at") " FROM unnest($1::uuid[], $2::uuid[]) WITH "
                                                                     "ORDINALITY AS asked (auction_id, bid_id, n)"
                                                                     " JOIN bids b ON b.auction_id = asked.auction_id "
                                                                     "AND b.bid_id = asked.bid_id"},

    /* As STATEMENT_KNOWN. Sent only for a batch that contains an update. */
    [STATEMENT_TERMS] = {"terms",
                         "SELECT asked.n, t.starting_price, t.reserve_price, t.buy_now_price, t.increments,"
                         " t.snipe_window_s, t.snipe_extension_s, t.snipe_max, " MS("t.start_time") ", " MS(
                             "t.end_time") " FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY"
                                           " AS asked (auction_id, id, n)"
                                           " JOIN terms t ON t.auction_id = asked.auction_id AND t.id = asked.id"},

    /* Sent after the lock, for a batch that voids bids of these auctions. $1: auctions, $2: VOIDS_LEDGER_MAX. */
    [STATEMENT_ENTRIES] =
        {"entries",
         "SELECT b.auction_id, b.seq, b.bid_id, b.bidder_id, b.kind, b.amount, b.max_amount, " MS(
             "b.received_at") ","
                              " b.effective, coalesce(b.effective_status, b.status) = 'outbid', "
                              "coalesce(b.effective_raise, b.raise),"
                              " coalesce(b.effective_amount, b.amount), coalesce(b.effective_bidder_id, b.bidder_id)"
                              " FROM auctions a JOIN bids b ON b.auction_id = a.id WHERE a.id = ANY ($1::uuid[])"
                              " AND a.ledger_seq <= $2::bigint AND b.status <> 'rejected'"
                              " AND b.kind IN ('bid', 'proxy', 'auto', 'buy', 'withdraw') ORDER BY b.auction_id, "
                              "b.seq"},

    /* $1: users. */
    /* Without a lock: a ban that commits during the batch counts from the next one on (docs/accounts.md). */
    /*
     * For auctions that STATEMENT_LOCK left out: whether they exist, so that another session has locked them. If not,
     * they may have ledger rows of earlier commands. $1: auctions.
     */
    [STATEMENT_MISSED] = {"missed", "SELECT asked.id, EXISTS (SELECT FROM auctions a WHERE a.id = asked.id),"
                                    " (SELECT max(b.seq) FROM bids b WHERE b.auction_id = asked.id),"
                                    " (SELECT encode(b.hash, 'hex') FROM bids b WHERE b.auction_id = asked.id"
                                    "  AND b.hash IS NOT NULL ORDER BY b.seq DESC LIMIT 1)"
                                    " FROM unnest($1::uuid[]) AS asked (id)"},

    [STATEMENT_INSERT_BIDS] = {"insert_bids",
                               "INSERT INTO bids (auction_id, seq, bid_id, bidder_id, kind, status, reason, raise,"
                               " amount, max_amount, received_at, end_time, voids, hash, decided_at, hash_version)"
                               " SELECT decided.*, $15::timestamptz, $16::smallint FROM unnest($1::uuid[],"
                               " $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[],"
                               " $8::boolean[], $9::numeric[], $10::numeric[], $11::timestamptz[],"
                               " $12::timestamptz[], $13::uuid[], $14::bytea[]) AS decided"},

    [STATEMENT_UPDATE_AUCTIONS] =
        {"update_auctions",
         "UPDATE auctions AS a SET status = d.status, end_time = d.end_time, extensions_used = d.extensions_used,"
         " current_bid = d.current_bid, minimum_bid = d.minimum_bid, bid_count = d.bid_count,"
         " leader_id = d.leader_id, leader_max = d.leader_max, leader_bid_id = d.leader_bid_id,"
         " leader_by_proxy = d.leader_by_proxy, runner_up_max = d.runner_up_max, ledger_seq = d.ledger_seq,"
         " version = d.version, ledger_hash_seq = d.hash_seq, ledger_hash = d.hash, updated_at = $17::timestamptz"
         " FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bigint[], $5::numeric[], $6::numeric[],"
         " $7::bigint[], $8::uuid[], $9::numeric[], $10::uuid[], $11::boolean[], $12::numeric[], $13::bigint[],"
         " $14::bigint[], $15::bigint[], $16::bytea[]) AS d (id, status, end_time, extensions_used, current_bid, "
         "minimum_bid, bid_count,"
         " leader_id, leader_max, leader_bid_id, leader_by_proxy, runner_up_max, ledger_seq, version, hash_seq, hash)"
         " WHERE a.id = d.id"},

    /*
     * Sent after the update: the prices by which searches find these auctions (schema/0005-search.sql), updated at once
     * or queued for the end worker. $1: auctions.
     */
    [STATEMENT_FOLLOW_PRICES] = {"follow_prices",
                                 "UPDATE auction_prices AS p SET price = coalesce(a.current_bid, a.starting_price)"
                                 " FROM auctions a WHERE p.auction_id = ANY ($1::uuid[]) AND a.id = p.auction_id"
                                 " AND p.price <> coalesce(a.current_bid, a.starting_price)"},
    [STATEMENT_OWE_PRICES] = {"owe_prices", "INSERT INTO auction_prices_owed (auctions) VALUES ($1::uuid[])"},

    /* Stores the terms of the publication before the first update replaces them. $1: auction. */
    [STATEMENT_KEEP_TERMS] =
        {"keep_terms",
         "INSERT INTO terms (auction_id, id, title, description, category, starting_price, reserve_price,"
         " buy_now_price, increments, bid_increment, snipe_window_s, snipe_extension_s, snipe_max, start_time,"
         " end_time, created_at)"
         " SELECT id, id, title, description, category, starting_price, reserve_price, buy_now_price, increments,"
         " bid_increment, snipe_window_s, snipe_extension_s, snipe_max, start_time, original_end_time, created_at"
         " FROM auctions WHERE id = $1::uuid ON CONFLICT DO NOTHING"},
    /* $1: auction, $2: the update's id, $3: the version of the terms. The end is written with the state. */
    [STATEMENT_UPDATE_TERMS] =
        {"update_terms",
         "UPDATE auctions AS a SET title = t.title, description = t.description, category = t.category,"
         " starting_price = t.starting_price, reserve_price = t.reserve_price, buy_now_price = t.buy_now_price,"
         " increments = t.increments, bid_increment = t.bid_increment, snipe_window_s = t.snipe_window_s,"
         " snipe_extension_s = t.snipe_extension_s, snipe_max = t.snipe_max, start_time = t.start_time,"
         " original_end_time = t.end_time, terms_version = $3::integer"
         " FROM terms t WHERE a.id = $1::uuid AND t.auction_id = $1::uuid AND t.id = $2::uuid"},

    /* Sent after the update of the states: a reopened auction is not settled any more. $1: auction. */
    [STATEMENT_UNSETTLE] = {"unsettle", "UPDATE auctions SET settled_at = NULL, winner_id = NULL, winning_bid_id = NULL"
                                        " WHERE id = $1::uuid"},

    [STATEMENT_UPDATE_BROKEN] = {"update_broken", "UPDATE auctions SET ledger_seq = $2::bigint, version = $3::bigint,"
                                                  " ledger_hash_seq = $4::bigint, ledger_hash = $5::bytea"
                                                  " WHERE id = $1::uuid"},

    /* Stores the effective values after a void. The decided values are kept. */
    [STATEMENT_RESTATE] =
        {"restate",
         "UPDATE bids AS b SET effective = d.effective, effective_status = d.status, effective_raise = d.raise,"
         " effective_amount = d.amount, effective_bidder_id = d.bidder_id FROM unnest($1::uuid[], $2::bigint[],"
         " $3::boolean[], $4::text[], $5::boolean[], $6::numeric[], $7::uuid[])"
         " AS d (auction_id, seq, effective, status, raise, amount, bidder_id)"
         " WHERE b.auction_id = d.auction_id AND b.seq = d.seq"},
    /* Sent after the update of the states: a settled auction gets its present winner. $1: auctions. */
    [STATEMENT_SETTLE_ANEW] = {"settle_anew",
                               "UPDATE auctions SET winner_id = CASE status WHEN 'sold' THEN leader_id END,"
                               " winning_bid_id = CASE status WHEN 'sold' THEN leader_bid_id END"
                               " WHERE id = ANY ($1::uuid[]) AND status IN ('sold', 'unsold')"},

    /*
     * A page of snapshots (republish.c), with the mark of rows that changed within their lifetime. The mark is no
     * condition, so that a page reads few rows. $1: status, $2 and $3: end and id of the row before, $4: rows, $5:
     * lifetime in s.
     */
    [STATEMENT_CHANGED] = {"changed", "SELECT " SNAPSHOT_COLUMNS
                                      ", updated_at > now() - $2::integer * interval '1 second' FROM auctions"
                                      " WHERE status = $5 AND (end_time, id) > ($4::timestamptz, $3::uuid)"
                                      " ORDER BY end_time, id LIMIT $1::bigint"},

    [STATEMENT_WORKER] = LEDGER_TX_STATEMENT_ROWS("suspects", "auction_id", "bid_id"),
};
