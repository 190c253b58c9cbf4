/*
 * See queued_lot.h.
 */
#include "tests/support/queued_lot.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/topology.h"
#include "tests/support/bidworkers.h"
#include "tests/support/deployment.h"

enum { AUCTION_LIFE_MS = 3600 * 1000 };

struct queued_lot queued_lot;
static size_t unconfirmed;

void queued_lot_open(const char *status)
{
    char seller_id[UUID_TEXT_SIZE];
    char start[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    queued_lot.id = uuid_new();
    queued_lot.count = 0;
    queued_lot.start_ms = clock_now_ms() + (strcmp(status, "scheduled") == 0 ? AUCTION_LIFE_MS / 2 : -AUCTION_LIFE_MS);
    queued_lot.end_ms = clock_now_ms() + AUCTION_LIFE_MS;
    uuid_format(&queued_lot.id, queued_lot.text);
    uuid_format(&bidworkers.seller, seller_id);
    clock_format(queued_lot.start_ms, start);
    clock_format(queued_lot.end_ms, end);
    PGresult *made = sql_rows(
        bidworkers.sql,
        "INSERT INTO auctions (id, seller_id, title, starting_price, increments, snipe_window_s, snipe_extension_s,"
        " start_time, original_end_time, end_time, status, minimum_bid, created_at, updated_at)"
        " VALUES ($1, $2, 'A chair', 1, '[{\"from\": 0, \"increment\": 1.00}]', 60, 60, $3::timestamptz,"
        " $4::timestamptz, $4::timestamptz, 'active', 1, now(), now()) RETURNING id",
        queued_lot.text, seller_id, start, end, NULL);
    ck_assert_ptr_nonnull(made);
    PQclear(made);
    PQclear(sql_rows(bidworkers.sql, "UPDATE auctions SET status = $2 WHERE id = $1::uuid RETURNING 1", queued_lot.text,
                     status, NULL));
}

struct command *queued_lot_bid(void)
{
    struct command *command = &queued_lot.commands[queued_lot.count];
    ck_assert_uint_lt(queued_lot.count, QUEUED_LOT_COMMANDS_MAX);
    *command = (struct command){
        .kind = COMMAND_BID,
        .id = uuid_new(),
        .auction_id = queued_lot.id,
        .user_id = bidworkers.bidders[queued_lot.count % BIDWORKERS_BIDDERS],
        .amount = (int64_t)(queued_lot.count + 1) * 100,
        .received_ms = clock_now_ms(),
        .terms_version = 1,
    };
    queued_lot.count++;
    return command;
}

struct command *queued_lot_command(enum command_kind kind, int64_t received_ms)
{
    struct command *command = queued_lot_bid();
    *command =
        (struct command){.kind = kind, .id = command->id, .auction_id = queued_lot.id, .received_ms = received_ms};
    return command;
}

static void on_verdict(enum broker_verdict verdict, void *arg)
{
    (void)arg;
    ck_assert_int_eq(verdict, BROKER_CONFIRMED);
    unconfirmed--;
}

void queued_lot_publish_text(const char *text, size_t length)
{
    char key[TOPOLOGY_KEY_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    topology_key(&topology_bids, &queued_lot.id, bidworkers.shards, key);
    topology_exchange(&topology_bids, &queued_lot.id, bidworkers.shards, exchange);
    struct broker_message message = {.exchange = exchange, .routing_key = key, .body = text, .length = length};
    unconfirmed++;
    ck_assert(broker_publish(bidworkers.publishing, &message, on_verdict, NULL));
}

void queued_lot_publish(size_t first, size_t count)
{
    size_t length = 0;
    struct jsonw *writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
    message_write_commands(writer, &queued_lot.commands[first], count);
    const char *text = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(text);
    queued_lot_publish_text(text, length);
    jsonw_free(writer);
}

void queued_lot_publish_confirmed(size_t first, size_t count)
{
    queued_lot_publish(first, count);
    LOOP_UNTIL(bidworkers.base, unconfirmed == 0, BIDWORKERS_DEADLINE_MS);
}

void queued_lot_publish_bids(size_t count)
{
    enum { MESSAGE_MOST = 7 };
    for (size_t done = 0, size = 1; done < count; size = size % MESSAGE_MOST + 1) {
        size_t first = queued_lot.count;
        size_t part = size < count - done ? size : count - done;
        for (size_t i = 0; i < part; i++) {
            (void)queued_lot_bid();
        }
        queued_lot_publish(first, part);
        done += part;
    }
    LOOP_UNTIL(bidworkers.base, unconfirmed == 0, BIDWORKERS_DEADLINE_MS);
}

int64_t queued_lot_rows(void)
{
    return sql_int(bidworkers.sql, "SELECT count(*) FROM bids WHERE auction_id = $1::uuid", queued_lot.text, NULL);
}

void queued_lot_expect(const char *status)
{
    PGresult *ledger =
        sql_rows(bidworkers.sql, "SELECT bid_id, seq, status FROM bids WHERE auction_id = $1::uuid ORDER BY seq",
                 queued_lot.text, NULL);
    ck_assert_ptr_nonnull(ledger);
    ck_assert_int_eq(PQntuples(ledger), (int)queued_lot.count);
    for (int i = 0; i < PQntuples(ledger); i++) {
        char id[UUID_TEXT_SIZE];
        uuid_format(&queued_lot.commands[i].id, id);
        ck_assert_str_eq(PQgetvalue(ledger, i, 0), id);
        ck_assert_int_eq(strtol(PQgetvalue(ledger, i, 1), NULL, 10), i + 1);
        ck_assert_str_eq(PQgetvalue(ledger, i, 2), status);
    }
    PQclear(ledger);
}

void queued_lot_verify(void)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    int code = deployment_ctl(out, sizeof out, "verify", queued_lot.text, NULL);
    bool ended = sql_int(bidworkers.sql, "SELECT count(*) FROM bids WHERE auction_id = $1::uuid AND kind = 'end'",
                         queued_lot.text, NULL) > 0;
    /* The lot's end is in the future. So its end was decided too early, which is not what the test is about. */
    bool good = ended ? strstr(out, "before it was due") != NULL && strstr(out, ": 1 differences in 1 auctions") != NULL
                      : code == 0;
    ck_assert_msg(good, "verify: exit code %d: %s", code, out);
}

const char *queued_lot_decision(size_t index)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&queued_lot.commands[index].id, id);
    return sql_text(bidworkers.sql,
                    "SELECT status || coalesce(' ' || reason, '') FROM bids WHERE auction_id = $1::uuid AND bid_id ="
                    " $2::uuid",
                    queued_lot.text, id, NULL);
}
