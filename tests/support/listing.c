/*
 * See listing.h.
 */
#include "tests/support/listing.h"

#include <check.h>
#include <stdio.h>

#include "common/base/clock.h"

enum { SQL_SIZE = 1024, HOUR_MS = 3600000, FIELD_SIZE = 64 };

static void run(struct sql *sql, const char *statement)
{
    PGresult *result = sql_rows(sql, statement, NULL);
    ck_assert_msg(result != NULL, "refused: %s", statement);
    PQclear(result);
}

static void new_id(char id[static UUID_TEXT_SIZE])
{
    struct uuid made = uuid_new();
    uuid_format(&made, id);
}

void listing_user(struct sql *sql, char id[static UUID_TEXT_SIZE])
{
    char statement[SQL_SIZE];
    new_id(id);
    (void)snprintf(statement, sizeof(statement),
                   "INSERT INTO users (id, email, display_name, password_hash, created_at) "
                   "VALUES ('%s', '%s@example.org', 'somebody', 'none', now())",
                   id, id);
    run(sql, statement);
}

/* As an SQL literal. */
static const char *literal(const char *text, char out[static FIELD_SIZE])
{
    (void)snprintf(out, FIELD_SIZE, text == NULL ? "NULL" : "'%s'", text);
    return out;
}

void listing_new(struct sql *sql, const struct listing *listing, const char *seller_id, char id[static UUID_TEXT_SIZE])
{
    int64_t now_ms = clock_now_ms();
    char statement[SQL_SIZE];
    char start[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    char price[FIELD_SIZE];
    char reserve[FIELD_SIZE];
    char leader[FIELD_SIZE];
    new_id(id);
    clock_format(listing->start_ms == 0 ? now_ms - HOUR_MS : listing->start_ms, start);
    clock_format(listing->end_ms == 0 ? now_ms + HOUR_MS : listing->end_ms, end);
    (void)snprintf(statement, sizeof(statement),
                   "INSERT INTO auctions (id, seller_id, title, starting_price, increments, snipe_window_s, "
                   "snipe_extension_s, start_time, original_end_time, end_time, status, minimum_bid, created_at, "
                   "updated_at, current_bid, reserve_price, leader_id, leader_max, leader_bid_id) "
                   "VALUES ('%s', '%s', 'A chair', 10, '[{\"from\": 0, \"increment\": 1.00}]', 120, 120, '%s', '%s', "
                   "'%s', '%s', 10, now(), now(), %s, %s, %s, %s, %s)",
                   id, seller_id, start, end, end, listing->status == NULL ? "active" : listing->status,
                   literal(listing->price, price), literal(listing->reserve, reserve),
                   literal(listing->leader_id, leader), price,
                   listing->leader_id == NULL ? "NULL" : "gen_random_uuid()");
    run(sql, statement);
}

void listing_bid(struct sql *sql, const char *auction_id, const char *bidder_id, const char *amount)
{
    char statement[SQL_SIZE];
    (void)snprintf(statement, sizeof(statement),
                   "WITH a AS (UPDATE auctions SET ledger_seq = ledger_seq + 1, current_bid = %s WHERE id = '%s' "
                   "RETURNING ledger_seq) INSERT INTO bids (auction_id, seq, bid_id, bidder_id, kind, status, amount, "
                   "received_at, decided_at) "
                   "SELECT '%s', ledger_seq, gen_random_uuid(), '%s', 'bid', 'accepted', %s, now(), now() FROM a",
                   amount, auction_id, auction_id, bidder_id, amount);
    run(sql, statement);
}

void listing_clear(struct sql *sql)
{
    run(sql, "TRUNCATE users, auctions, bids, outbox, suspects, ending_soon, notifications, auction_prices_owed, "
             "watch_counts, watch_fanouts, "
             "deliveries, dead_letters CASCADE");
}
