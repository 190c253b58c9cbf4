/*
 * See bidding.h.
 */
#include "tests/support/bidding.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/topology.h"
#include "tests/support/deployment.h"

enum { HOUR_MS = 3600 * 1000, NUMBER_SIZE = 16 };

struct bidding bidding;

static const char *const names[BIDDING_USERS] = {"Seller", "Ann", "Bob", "Cyd", "Dan"};
static const char settings[] = "[bidworker]\noutbox_sweep_ms = 200\noutbox_age_ms = 500\n";

static struct uuid user_new(const char *name)
{
    struct uuid id = uuid_new();
    char text[UUID_TEXT_SIZE];
    uuid_format(&id, text);
    PGresult *made = sql_rows(bidding.sql,
                              "INSERT INTO users (id, email, display_name, password_hash, created_at)"
                              " VALUES ($1::uuid, $1::text, $2, 'none', now()) RETURNING 1",
                              text, name, NULL);
    ck_assert_ptr_nonnull(made);
    PQclear(made);
    return id;
}

void bidding_set_up(void)
{
    const char *url = getenv("ROSTRUM_PG_URL");
    ck_assert_msg(url != NULL, "ROSTRUM_PG_URL is not set");
    bidding = (struct bidding){.sql = sql_open(url), .queues = queues_open()};
    ck_assert_ptr_nonnull(bidding.sql);
    bidding.shards = (unsigned)sql_int(bidding.sql, "SELECT shards FROM topology", NULL);
    for (size_t i = 0; i < BIDDING_USERS; i++) {
        bidding.users[i] = user_new(names[i]);
    }
    queues_tap(bidding.queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_BATCH, bidding.events);
    program_settings(settings, bidding.settings);
}

void bidding_tear_down(void)
{
    if (bidding.worker > 0) {
        (void)program_end(bidding.worker, SIGKILL);
    }
    program_settings_remove(bidding.settings);
    queues_close(bidding.queues);
    sql_close(bidding.sql);
}

void bidding_start(void)
{
    ck_assert_int_eq(bidding.worker, 0);
    bidding.worker = program_start("rostrum-bidworker", bidding.settings);
}

void bidding_stop(void)
{
    pid_t worker = bidding.worker;
    bidding.worker = 0;
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
}

/* The statement takes four parameters; the numbers are the test's own. */
static void insert(const struct bidding_auction *auction, const struct bidding_terms *terms, const char *seller)
{
    char statement[1024];
    char start[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    clock_format(auction->start_ms, start);
    clock_format(auction->end_ms, end);
    (void)snprintf(
        statement, sizeof statement,
        "INSERT INTO auctions (id, seller_id, title, starting_price, reserve_price, increments,"
        " snipe_window_s, snipe_extension_s, start_time, original_end_time, end_time, status, minimum_bid,"
        " created_at, updated_at) VALUES ($1, $2, 'A chair', 10, %s, '[{\"from\": 0, \"increment\": 1.00}]',"
        " %d, %d, $3::timestamptz, $4::timestamptz, $4::timestamptz, 'active', 10, now(), now()) RETURNING 1",
        terms->reserve_price == NULL ? "NULL" : terms->reserve_price, terms->snipe_window_s, terms->snipe_extension_s);
    ck_assert_int_eq(sql_int(bidding.sql, statement, auction->text, seller, start, end, NULL), 1);
}

void bidding_open(struct bidding_auction *auction, const struct bidding_terms *terms)
{
    char seller[UUID_TEXT_SIZE];
    int64_t now_ms = clock_now_ms();
    *auction = (struct bidding_auction){.id = uuid_new(), .start_ms = now_ms - HOUR_MS, .end_ms = now_ms + HOUR_MS};
    uuid_format(&auction->id, auction->text);
    uuid_format(&bidding.users[BIDDING_SELLER], seller);
    insert(auction, terms, seller);
}

struct command *bidding_add(struct bidding_auction *auction, enum command_kind kind, enum bidding_user user,
                            int64_t amount)
{
    ck_assert_uint_lt(auction->count, BIDDING_COMMANDS_MAX);
    struct command *command = &auction->commands[auction->count++];
    *command = (struct command){.kind = kind,
                                .id = uuid_new(),
                                .auction_id = auction->id,
                                .user_id = bidding.users[user],
                                .amount = amount,
                                .received_ms = clock_now_ms()};
    if (kind == COMMAND_START || kind == COMMAND_FENCE) {
        command->user_id = (struct uuid){{0}}; /* no user has this id */
    }
    return command;
}

void bidding_send(struct bidding_auction *auction)
{
    char key[TOPOLOGY_KEY_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    struct jsonw *writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
    topology_key(&topology_bids, &auction->id, bidding.shards, key);
    topology_exchange(&topology_bids, &auction->id, bidding.shards, exchange);
    while (auction->sent < auction->count) {
        size_t left = auction->count - auction->sent;
        size_t part = left < MESSAGE_COMMANDS_MAX ? left : MESSAGE_COMMANDS_MAX;
        size_t length = 0;
        jsonw_reset(writer);
        message_write_commands(writer, &auction->commands[auction->sent], part);
        const char *text = jsonw_text(writer, &length);
        ck_assert_ptr_nonnull(text);
        queues_publish(bidding.queues, exchange, key, text, length);
        auction->sent += part;
    }
    jsonw_free(writer);
}

static int64_t rows_of(const struct bidding_auction *auction)
{
    return sql_int(bidding.sql, "SELECT count(*) FROM bids WHERE auction_id = $1::uuid", auction->text, NULL);
}

void bidding_wait(const struct bidding_auction *auction, int64_t rows)
{
    SUITE_WAIT(rows_of(auction) >= rows, BIDDING_DEADLINE_MS);
    ck_assert_int_eq(rows_of(auction), rows);
}

static const char *text_of(const char *statement, const struct bidding_auction *auction)
{
    static char text[BIDDING_TEXT_SIZE];
    PGresult *result = sql_rows(bidding.sql, statement, auction->text, NULL);
    ck_assert_ptr_nonnull(result);
    ck_assert_int_eq(PQntuples(result), 1);
    ck_assert_int_lt(PQgetlength(result, 0, 0), BIDDING_TEXT_SIZE);
    (void)snprintf(text, sizeof text, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return text;
}

const char *bidding_ledger(const struct bidding_auction *auction)
{
    return text_of("SELECT string_agg(concat_ws(' ', b.kind, u.display_name, b.status, b.reason,"
                   " CASE WHEN b.raise THEN 'raise' END, b.amount, 'max ' || b.max_amount), E'\\n' ORDER BY b.seq)"
                   " FROM bids b LEFT JOIN users u ON u.id = b.bidder_id WHERE b.auction_id = $1::uuid",
                   auction);
}

const char *bidding_state(const struct bidding_auction *auction)
{
    return text_of("SELECT concat_ws(' ', a.status, 'price ' || a.current_bid, 'minimum', a.minimum_bid,"
                   " 'leader ' || u.display_name, 'max ' || a.leader_max, 'beaten ' || a.runner_up_max, 'bids',"
                   " a.bid_count, 'extensions', a.extensions_used)"
                   " FROM auctions a LEFT JOIN users u ON u.id = a.leader_id WHERE a.id = $1::uuid",
                   auction);
}

int64_t bidding_moved_ms(const struct bidding_auction *auction)
{
    return sql_int(bidding.sql,
                   "SELECT (extract(epoch FROM end_time) * 1000)::bigint FROM auctions WHERE id = $1::uuid",
                   auction->text, NULL) -
           auction->end_ms;
}

void bidding_verify(const struct bidding_auction *auction)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    ck_assert_msg(deployment_ctl(out, sizeof out, "verify", auction->text, NULL) == 0, "verify: %s", out);
}

/* Takes the next message of events; true if the event was in it. */
static bool take(const struct bidding_auction *auction, enum event_kind kind, struct auction_event *event)
{
    static struct auction_event events[MESSAGE_EVENTS_MAX];
    struct queues_message message;
    const char *reason = NULL;
    size_t count = 0;
    bool found = false;
    if (!queues_take(bidding.queues, bidding.events, &message)) {
        return false;
    }
    ck_assert_msg(message_read_events(message.body, message.length, events, MESSAGE_EVENTS_MAX, &count, &reason), "%s",
                  reason);
    free(message.body);
    for (size_t i = 0; i < count && !found; i++) {
        found = events[i].kind == kind && uuid_equal(&events[i].auction_id, &auction->id);
        *event = events[i];
    }
    return found;
}

void bidding_event(const struct bidding_auction *auction, enum event_kind kind, struct auction_event *event)
{
    SUITE_WAIT(take(auction, kind, event), BIDDING_DEADLINE_MS);
}
