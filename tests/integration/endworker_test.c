/*
 * rostrum-endworker against real servers: leadership, the times of commands, settlement. The test plays the bid worker:
 * it creates auctions by SQL, reads the commands through a queue of its own, and changes the auctions' state by SQL.
 */
#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/protocol/live_update.h"
#include "common/protocol/message.h"
#include "common/protocol/snapshot.h"
#include "common/protocol/topology.h"
#include "common/service/shards.h"
#include "tests/support/listing.h"
#include "tests/support/loop.h"
#include "tests/support/program.h"
#include "tests/support/queues.h"
#include "tests/support/relay.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"

enum {
    DEADLINE_MS = 20000, /* for any single wait */
    GRACE_MS = 200,
    DUPLICATES = 5,
    STATUS_SIZE = 16,
    TAPS_MAX = 4,
};

/* Short times that config_check accepts. */
static const char settings[] = "[rabbitmq]\nconfirm_deadline_ms = 100\n"
                               "[gateway]\nclock_skew_max_ms = 40\n"
                               "[bidworker]\noutbox_sweep_ms = 200\noutbox_age_ms = 500\n"
                               "[endworker]\nfence_grace_ms = 200\nfence_repeat_ms = 150\nschedule_poll_ms = 20\n"
                               "ending_soon_s = 60\nsettle_sweep_ms = 300\n";

/* The backend that holds the leader's lock, 0 without a leader. */
static const char leader_pid[] = "SELECT coalesce((SELECT pid FROM pg_locks WHERE locktype = 'advisory' "
                                 "AND classid = 1383035717 AND granted AND database = "
                                 "(SELECT oid FROM pg_database WHERE datname = current_database())), 0)";

static const char sessions[] = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                               "AND application_name LIKE 'rostrum-endworker lease%' AND state = 'idle'";

static struct sql *sql;
static struct queues *queues;
static char config[PROGRAM_SETTINGS_SIZE];
static char seller[UUID_TEXT_SIZE];
static char bidder[UUID_TEXT_SIZE];
static pid_t worker;

/* The end worker does not run with settings that contradict the record. */
static void record_timing(const char *grace_ms, const char *deadline_ms)
{
    PGresult *result =
        sql_rows(sql, "UPDATE topology SET fence_grace_ms = $1::integer, confirm_deadline_ms = $2::integer", grace_ms,
                 deadline_ms, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

static void set_up(void)
{
    const char *url = getenv("ROSTRUM_PG_URL");
    ck_assert_msg(url != NULL, "ROSTRUM_PG_URL is not set");
    sql = sql_open(url);
    ck_assert_ptr_nonnull(sql);
    queues = queues_open();
    listing_clear(sql);
    queues_purge(queues, TOPOLOGY_AUCTION_END_QUEUE);
    listing_user(sql, seller);
    listing_user(sql, bidder);
    program_settings(settings, config);
    record_timing("200", "100");
    /* The previous test's sessions may end later than its worker. */
    SUITE_WAIT(sql_int(sql, sessions, NULL) == 0, DEADLINE_MS);
    worker = program_start("rostrum-endworker", config);
    SUITE_WAIT(sql_int(sql, leader_pid, NULL) > 0, DEADLINE_MS);
}

/* No test uses what is left in the shards and in the notification worker's queue. */
static void tear_down(void)
{
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    program_settings_remove(config);
    record_timing("2000", "1500");
    listing_clear(sql);
    queues_purge_shards(queues, sql_shards(sql));
    queues_purge(queues, TOPOLOGY_NOTIFY_QUEUE);
    queues_purge(queues, TOPOLOGY_DEAD_QUEUE);
    queues_close(queues);
    sql_close(sql);
}

/* Creates a queue that receives the commands of one auction. */
static void tap_auction(const char *auction, char tap[static QUEUES_NAME_SIZE])
{
    queues_tap_auction(queues, sql_shards(sql), auction, tap);
}

/* Takes the next command, if there is one. Its message must hold no other. */
static bool take_command(const char *tap, struct command *command)
{
    struct queues_message message;
    struct command_item items[MESSAGE_COMMANDS_MAX];
    size_t count = 0;
    const char *reason = NULL;
    if (!queues_take(queues, tap, &message)) {
        return false;
    }
    ck_assert_msg(message_read_commands(message.body, message.length, items, MESSAGE_COMMANDS_MAX, &count, &reason),
                  "%s", reason);
    ck_assert_uint_eq(count, 1);
    ck_assert(items[0].readable);
    *command = items[0].command;
    free(message.body);
    return true;
}

static bool take_event(const char *tap, struct auction_event *event)
{
    struct queues_message message;
    size_t count = 0;
    const char *reason = NULL;
    if (!queues_take(queues, tap, &message)) {
        return false;
    }
    ck_assert_msg(message_read_events(message.body, message.length, event, 1, &count, &reason), "%s", reason);
    ck_assert_uint_eq(count, 1);
    free(message.body);
    return true;
}

static void set_status(const char *auction, const char *status)
{
    PGresult *result =
        sql_rows(sql, "UPDATE auctions SET status = $2, updated_at = now() WHERE id = $1::uuid", auction, status, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

static bool has_status(const char *auction, const char *status)
{
    return strcmp(sql_text(sql, "SELECT status FROM auctions WHERE id = $1::uuid", auction, NULL), status) == 0;
}

/* The event that a bid worker publishes when a fence ends the auction. */
static void publish_ended(const char *auction, int times)
{
    struct auction_event event = {.kind = EVENT_ENDED, .version = 1, .at_ms = clock_now_ms()};
    ck_assert(uuid_parse(auction, UUID_TEXT_SIZE - 1, &event.auction_id));
    struct jsonw *writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
    message_write_events(writer, &event, 1);
    size_t length = 0;
    const char *body = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(body);
    for (int i = 0; i < times; i++) {
        queues_publish(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_ENDED, body, length);
    }
    jsonw_free(writer);
}

START_TEST(a_fence_is_sent_after_the_grace_and_repeated)
{
    char auction[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct command first;
    struct command again;
    int64_t end_ms = clock_now_ms() + 500;
    listing_new(sql, &(struct listing){.end_ms = end_ms}, seller, auction);
    tap_auction(auction, tap);
    SUITE_WAIT(take_command(tap, &first), DEADLINE_MS);
    ck_assert_int_ge(clock_now_ms(), end_ms + GRACE_MS);
    ck_assert_int_eq(first.kind, COMMAND_FENCE);
    ck_assert_int_ge(first.received_ms, end_ms);
    ck_assert_int_le(first.received_ms, clock_now_ms() - GRACE_MS);
    SUITE_WAIT(take_command(tap, &again), DEADLINE_MS);
    ck_assert_int_eq(again.kind, COMMAND_FENCE);
    ck_assert(!uuid_equal(&first.id, &again.id));
}
END_TEST

static void set_end(const char *auction, int64_t end_ms)
{
    char end[CLOCK_TEXT_SIZE];
    clock_format(end_ms, end);
    PGresult *result =
        sql_rows(sql, "UPDATE auctions SET end_time = $2::timestamptz WHERE id = $1::uuid", auction, end, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

START_TEST(an_extended_auction_gets_a_fence_for_the_new_end)
{
    char auction[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct command command = {.received_ms = 0};
    listing_new(sql, &(struct listing){.end_ms = clock_now_ms()}, seller, auction);
    tap_auction(auction, tap);
    SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
    int64_t end_ms = clock_now_ms() + 300;
    set_end(auction, end_ms);
    /* Earlier fences carry a time before the new end, so the rules ignore them. */
    SUITE_WAIT(take_command(tap, &command) && command.received_ms >= end_ms, DEADLINE_MS);
    ck_assert_int_ge(clock_now_ms(), end_ms + GRACE_MS);
}
END_TEST

/*
 * One auction has got fences until their distance was the longest. Now it and a new auction get the same end, also in
 * the past. So the first auction stays due, and the scheduler keeps its entry. Its distances must begin anew: before
 * the new auction's fourth fence (7 distances), it must have got its second (1 distance).
 */
START_TEST(a_new_end_begins_with_the_shortest_distance_between_fences)
{
    enum { OFTEN = 4, SECOND = 2, FOURTH = 4 };
    char auction[UUID_TEXT_SIZE];
    char fresh[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    char fresh_tap[QUEUES_NAME_SIZE];
    struct command command;
    int fences = 0;
    int64_t end_ms = clock_now_ms() - 5000;
    listing_new(sql, &(struct listing){.end_ms = end_ms - 5000}, seller, auction);
    tap_auction(auction, tap);
    for (int i = 0; i < OFTEN; i++) {
        SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
    }
    set_end(auction, end_ms);
    listing_new(sql, &(struct listing){.end_ms = end_ms}, seller, fresh);
    tap_auction(fresh, fresh_tap);
    for (int i = 0; i < FOURTH; i++) {
        SUITE_WAIT(take_command(fresh_tap, &command), DEADLINE_MS);
    }
    while (take_command(tap, &command)) {
        fences++;
    }
    ck_assert_int_ge(fences, SECOND);
}
END_TEST

START_TEST(no_fence_is_sent_to_a_cancelled_auction)
{
    char auction[UUID_TEXT_SIZE];
    char other[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    char other_tap[QUEUES_NAME_SIZE];
    struct command command;
    listing_new(sql, &(struct listing){.end_ms = clock_now_ms() - 10000}, seller, auction);
    tap_auction(auction, tap);
    SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
    set_status(auction, "cancelled");
    /* A cycle under way may have read it before. After three fences of another auction no such cycle is left. */
    listing_new(sql, &(struct listing){.end_ms = clock_now_ms() - 10000}, seller, other);
    tap_auction(other, other_tap);
    SUITE_WAIT(take_command(other_tap, &command), DEADLINE_MS);
    while (take_command(tap, &command)) {
    }
    SUITE_WAIT(take_command(other_tap, &command), DEADLINE_MS);
    SUITE_WAIT(take_command(other_tap, &command), DEADLINE_MS);
    ck_assert_int_eq(queues_depth(queues, tap), 0);
}
END_TEST

START_TEST(a_start_is_sent_at_the_start_time_and_repeated)
{
    char auction[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct command command;
    int64_t start_ms = clock_now_ms() + 300;
    listing_new(sql, &(struct listing){.status = "scheduled", .start_ms = start_ms}, seller, auction);
    tap_auction(auction, tap);
    SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
    ck_assert_int_eq(command.kind, COMMAND_START);
    ck_assert_int_ge(command.received_ms, start_ms);
    SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
    ck_assert_int_eq(command.kind, COMMAND_START);
}
END_TEST

START_TEST(a_scheduled_auction_past_its_end_is_started_then_fenced)
{
    char auction[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct command command;
    listing_new(sql, &(struct listing){.status = "scheduled", .end_ms = clock_now_ms() - 10000}, seller, auction);
    tap_auction(auction, tap);
    SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
    ck_assert_int_eq(command.kind, COMMAND_START);
    set_status(auction, "active");
    SUITE_WAIT(take_command(tap, &command) && command.kind == COMMAND_FENCE, DEADLINE_MS);
}
END_TEST

START_TEST(more_than_one_page_of_due_auctions_gets_fences)
{
    PGresult *result = sql_rows(
        sql,
        "INSERT INTO auctions (id, seller_id, title, starting_price, increments, snipe_window_s, snipe_extension_s, "
        "start_time, original_end_time, end_time, status, minimum_bid, created_at, updated_at) "
        "SELECT gen_random_uuid(), $1::uuid, 'one of many', 10, '\"ebay-us\"', 0, 0, now() - interval '1 hour', "
        "now() - interval '1 minute', now() - interval '1 minute', 'active', 10, now(), now() "
        "FROM generate_series(1, 1000)",
        seller, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
    char tap[QUEUES_NAME_SIZE];
    char last[UUID_TEXT_SIZE];
    struct command command;
    (void)snprintf(last, sizeof(last), "%s", sql_text(sql, "SELECT max(id::text) FROM auctions", NULL));
    tap_auction(last, tap);
    SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
    SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
}
END_TEST

START_TEST(a_stand_by_takes_over_when_the_leader_is_killed)
{
    char auction[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct command command;
    int64_t leader = sql_int(sql, leader_pid, NULL);
    pid_t stand_by = program_start("rostrum-endworker", config);
    SUITE_WAIT(sql_int(sql, sessions, NULL) == 2, DEADLINE_MS);
    ck_assert_int_eq(sql_int(sql, leader_pid, NULL), leader);
    ck_assert_int_eq(program_end(worker, SIGKILL), -1);
    worker = stand_by;
    SUITE_WAIT(sql_int(sql, leader_pid, NULL) > 0 && sql_int(sql, leader_pid, NULL) != leader, DEADLINE_MS);
    listing_new(sql, &(struct listing){.end_ms = clock_now_ms() - 10000}, seller, auction);
    tap_auction(auction, tap);
    SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
    ck_assert_int_eq(command.kind, COMMAND_FENCE);
}
END_TEST

START_TEST(a_leader_that_lost_its_session_leads_again_in_a_new_one)
{
    char auction[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    char pid[STATUS_SIZE];
    struct command command;
    int64_t leader = sql_int(sql, leader_pid, NULL);
    (void)snprintf(pid, sizeof(pid), "%" PRId64, leader);
    PQclear(sql_rows(sql, "SELECT pg_terminate_backend($1::integer)", pid, NULL));
    SUITE_WAIT(sql_int(sql, leader_pid, NULL) > 0 && sql_int(sql, leader_pid, NULL) != leader, DEADLINE_MS);
    listing_new(sql, &(struct listing){.end_ms = clock_now_ms() - 10000}, seller, auction);
    tap_auction(auction, tap);
    SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
}
END_TEST

static const struct outcome {
    struct listing listing;
    const char *status;
} outcomes[] = {
    {{.status = "ended"}, "unsold"},
    {{.status = "ended", .price = "25.00", .leader_id = bidder}, "sold"},
    {{.status = "ended", .price = "25.00", .leader_id = bidder, .reserve = "25.01"}, "unsold"},
    {{.status = "ended", .price = "25.00", .leader_id = bidder, .reserve = "25.00"}, "sold"},
};

START_TEST(an_ended_auction_is_settled_once_under_duplicate_messages)
{
    const struct outcome *outcome = &outcomes[_i];
    bool sold = strcmp(outcome->status, "sold") == 0;
    char auction[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct auction_event event = {.kind = EVENT_ENDED};
    queues_tap(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SETTLED, tap);
    listing_new(sql, &outcome->listing, seller, auction);
    publish_ended(auction, DUPLICATES);
    SUITE_WAIT(has_status(auction, outcome->status), DEADLINE_MS);
    SUITE_WAIT(take_event(tap, &event), DEADLINE_MS);
    ck_assert_int_eq(event.kind, EVENT_SETTLED);
    ck_assert_int_eq(event.version, 2);
    ck_assert_int_eq(event.amount, outcome->listing.price == NULL ? 0 : 2500);
    ck_assert(uuid_is_nil(&event.user_id) == !sold);
    ck_assert_int_eq(sql_int(sql,
                             "SELECT count(*) FROM auctions WHERE id = $1::uuid AND version = 2 "
                             "AND settled_at IS NOT NULL AND (winner_id IS NOT NULL) = ($2 = 'sold') "
                             "AND (winning_bid_id IS NOT NULL) = ($2 = 'sold')",
                             auction, outcome->status, NULL),
                     1);
    SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM outbox", NULL) == 0, DEADLINE_MS);
    /* A drained worker has acked all deliveries, so messages that are left were never delivered. */
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    worker = program_start("rostrum-endworker", config);
    SUITE_WAIT(sql_int(sql, leader_pid, NULL) > 0, DEADLINE_MS);
    SUITE_WAIT(queues_depth(queues, TOPOLOGY_AUCTION_END_QUEUE) == 0, DEADLINE_MS);
    ck_assert_int_eq(sql_int(sql, "SELECT version FROM auctions WHERE id = $1::uuid", auction, NULL), 2);
    ck_assert_int_eq(queues_depth(queues, tap), 0);
}
END_TEST

static void on_status(const redisReply *reply, void *arg)
{
    char *status = arg;
    struct snapshot snapshot;
    bool there = reply != NULL && reply->type == REDIS_REPLY_STRING;
    bool ok = there && snapshot_parse(reply->str, reply->len, &snapshot);
    (void)snprintf(status, STATUS_SIZE, "%s", ok ? rules_status_text(snapshot.status) : "none");
}

/* The status in the auction's snapshot, "none" without one. */
static const char *status_in_snapshot(struct event_base *base, struct redis *redis, const char *auction)
{
    static char status[STATUS_SIZE];
    char key[KEYS_SIZE];
    struct uuid id;
    ck_assert(uuid_parse(auction, UUID_TEXT_SIZE - 1, &id));
    keys_snapshot(sql_int(sql, "SELECT epoch FROM data_epoch", NULL), &id, key);
    const char *const arguments[] = {"HGET", key, SNAPSHOT_FIELD};
    status[0] = '\0';
    ck_assert(redis_command(redis, on_status, status, ARRAY_LEN(arguments), arguments, NULL));
    LOOP_UNTIL(base, status[0] != '\0', DEADLINE_MS);
    return status;
}

START_TEST(settlement_updates_the_snapshot)
{
    char auction[UUID_TEXT_SIZE];
    struct event_base *base = event_base_new();
    struct redis_options options = {
        .base = base, .url = getenv("ROSTRUM_REDIS_URL"), .timeout_ms = DEADLINE_MS, .pending_max = 1};
    ck_assert_msg(options.url != NULL, "ROSTRUM_REDIS_URL is not set");
    struct redis *redis = redis_new(&options);
    ck_assert_ptr_nonnull(redis);
    LOOP_UNTIL(base, redis_up(redis), DEADLINE_MS);
    listing_new(sql, &(struct listing){.status = "ended", .price = "12.00", .leader_id = bidder}, seller, auction);
    publish_ended(auction, 1);
    SUITE_WAIT(strcmp(status_in_snapshot(base, redis, auction), "sold") == 0, DEADLINE_MS);
    redis_free(redis);
    event_base_free(base);
}
END_TEST

static void on_depth(const redisReply *reply, void *arg)
{
    struct shards_depth *depth = arg;
    bool there = reply != NULL && reply->type == REDIS_REPLY_STRING;
    if (!there || !shards_depth_read(reply->str, depth)) {
        *depth = (struct shards_depth){.ready = 0};
    }
}

/* The published depth of a shard's queue; all 0 without one. */
static struct shards_depth depth_of(struct event_base *base, struct redis *redis, const char *shard)
{
    const char *const arguments[] = {"HGET", KEYS_DEPTHS, shard};
    struct shards_depth depth = {.at_ms = -1};
    ck_assert(redis_command(redis, on_depth, &depth, ARRAY_LEN(arguments), arguments, NULL));
    LOOP_UNTIL(base, depth.at_ms >= 0, DEADLINE_MS);
    return depth;
}

/* Whether shard 0 had this depth at a later time. Redis still holds what the workers of other tests published. */
static bool has_depth_since(struct event_base *base, struct redis *redis, int64_t ready, int64_t since_ms)
{
    struct shards_depth depth = depth_of(base, redis, "0");
    return depth.ready == ready && depth.at_ms > since_ms;
}

/* It goes on without PostgreSQL, although nobody leads then. */
START_TEST(depths_of_shards_are_published_with_and_without_postgresql)
{
    static struct relay relay;
    char direct[RELAY_URL_SIZE];
    char relayed[RELAY_URL_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    struct event_base *base = event_base_new();
    struct redis_options options = {
        .base = base, .url = getenv("ROSTRUM_REDIS_URL"), .timeout_ms = DEADLINE_MS, .pending_max = 1};
    struct redis *redis = redis_new(&options);
    ck_assert_ptr_nonnull(redis);
    LOOP_UNTIL(base, redis_up(redis), DEADLINE_MS);
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    relay = (struct relay){.base = base};
    (void)snprintf(direct, sizeof direct, "%s", getenv("ROSTRUM_PG_URL"));
    relay_open_url(&relay, direct, relayed);
    ck_assert_int_eq(setenv("ROSTRUM_PG_URL", relayed, 1), 0);
    int64_t started_ms = clock_now_ms();
    worker = program_start("rostrum-endworker", config);
    ck_assert_int_eq(setenv("ROSTRUM_PG_URL", direct, 1), 0);

    topology_shard_name(&topology_bids, 0, exchange);
    queues_publish(queues, exchange, "", "first", sizeof("first"));
    queues_publish(queues, exchange, "", "second", sizeof("second"));
    LOOP_UNTIL(base, has_depth_since(base, redis, 2, started_ms), DEADLINE_MS);
    ck_assert_int_eq(depth_of(base, redis, "0").consumers, 0);
    ck_assert_int_eq(depth_of(base, redis, "1").ready, 0);

    relay_close(&relay); /* connections are closed, and further ones refused */
    LOOP_UNTIL(base, sql_int(sql, leader_pid, NULL) == 0, DEADLINE_MS);
    int64_t lost_ms = depth_of(base, redis, "0").at_ms;
    queues_publish(queues, exchange, "", "third", sizeof("third"));
    LOOP_UNTIL(base, has_depth_since(base, redis, 3, lost_ms), DEADLINE_MS);
    redis_free(redis);
    event_base_free(base);
}
END_TEST

static void on_live(struct redis *redis, const char *channel, const char *bytes, size_t length, void *arg)
{
    (void)redis;
    (void)channel;
    ck_assert(live_read(bytes, length, arg));
}

/* Watchers receive the auction's outcome and version. */
START_TEST(settlement_publishes_outcome_and_version)
{
    const struct outcome *outcome = &outcomes[_i];
    bool sold = strcmp(outcome->status, "sold") == 0;
    char auction[UUID_TEXT_SIZE];
    char channel[KEYS_SIZE];
    struct uuid id;
    struct live_update received = {.kind = LIVE_LOOK};
    struct event_base *base = event_base_new();
    struct redis_options options = {.base = base,
                                    .url = getenv("ROSTRUM_REDIS_URL"),
                                    .timeout_ms = DEADLINE_MS,
                                    .pending_max = 1,
                                    .on_message = on_live,
                                    .arg = &received};
    struct redis *redis = redis_new(&options);
    ck_assert_ptr_nonnull(redis);
    /* It is still active while the test subscribes, because the sweep settles every ended auction. */
    struct listing listing = outcome->listing;
    listing.status = "active";
    listing_new(sql, &listing, seller, auction);
    ck_assert(uuid_parse(auction, UUID_TEXT_SIZE - 1, &id));
    keys_live_channel(&id, channel);
    ck_assert(redis_listen(redis, channel));
    LOOP_UNTIL(base, redis_up(redis), DEADLINE_MS);
    set_status(auction, "ended");
    publish_ended(auction, 1);
    LOOP_UNTIL(base, received.version != 0, DEADLINE_MS);
    ck_assert_int_eq(received.kind, sold ? LIVE_SOLD : LIVE_UNSOLD);
    ck_assert_str_eq(rules_status_text(received.status), outcome->status);
    ck_assert(uuid_equal(&received.auction_id, &id));
    ck_assert_int_eq(received.version, 2);
    ck_assert(has_status(auction, outcome->status));
    redis_free(redis);
    event_base_free(base);
}
END_TEST

START_TEST(the_sweep_settles_an_auction_without_an_event)
{
    char auction[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct auction_event event = {.kind = EVENT_ENDED};
    queues_tap(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SETTLED, tap);
    listing_new(sql, &(struct listing){.status = "ended"}, seller, auction);
    SUITE_WAIT(has_status(auction, "unsold"), DEADLINE_MS);
    SUITE_WAIT(take_event(tap, &event), DEADLINE_MS);
    ck_assert_int_eq(event.kind, EVENT_SETTLED);
}
END_TEST

START_TEST(an_auction_that_cannot_be_settled_does_not_hold_up_the_others)
{
    char poison[UUID_TEXT_SIZE];
    char ok[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    char statement[SQL_TEXT_SIZE];
    struct queues_message dead;
    queues_tap(queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_AUCTION_END, tap);
    listing_new(sql, &(struct listing){0}, seller, poison);
    listing_new(sql, &(struct listing){0}, seller, ok);
    (void)snprintf(statement, sizeof(statement),
                   "ALTER TABLE auctions ADD CONSTRAINT poison CHECK (id <> '%s' OR settled_at IS NULL)", poison);
    PQclear(sql_rows(sql, statement, NULL));
    PQclear(sql_rows(sql, "UPDATE auctions SET status = 'ended'", NULL));
    publish_ended(poison, 1);
    publish_ended(ok, 1);
    SUITE_WAIT(has_status(ok, "unsold"), DEADLINE_MS);
    SUITE_WAIT(queues_take(queues, tap, &dead), DEADLINE_MS);
    ck_assert_ptr_nonnull(strstr(dead.body, poison));
    ck_assert_str_ne(dead.reason, "");
    free(dead.body);
    ck_assert(has_status(poison, "ended"));
    PQclear(sql_rows(sql, "ALTER TABLE auctions DROP CONSTRAINT poison", NULL));
    SUITE_WAIT(has_status(poison, "unsold"), DEADLINE_MS);
}
END_TEST

/* Its sweep is put off until the row is locked. */
START_TEST(a_locked_auction_does_not_hold_up_the_settlement_of_others)
{
    char held[UUID_TEXT_SIZE];
    char ok[UUID_TEXT_SIZE];
    listing_new(sql, &(struct listing){0}, seller, held);
    listing_new(sql, &(struct listing){0}, seller, ok);
    PQclear(sql_rows(sql, "UPDATE auctions SET status = 'ended', updated_at = now() + interval '5 seconds'", NULL));
    struct sql *holder = sql_open(getenv("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(holder);
    PQclear(sql_rows(holder, "BEGIN", NULL));
    PQclear(sql_rows(holder, "SELECT FROM auctions WHERE id = $1::uuid FOR UPDATE", held, NULL));
    publish_ended(held, 1);
    publish_ended(ok, 1);
    SUITE_WAIT(has_status(ok, "unsold"), DEADLINE_MS);
    ck_assert(has_status(held, "ended"));
    ck_assert_int_eq(queues_depth(queues, TOPOLOGY_DEAD_QUEUE), 0);
    PQclear(sql_rows(holder, "COMMIT", NULL));
    sql_close(holder);
    SUITE_WAIT(has_status(held, "unsold"), DEADLINE_MS);
}
END_TEST

START_TEST(an_undecodable_message_goes_to_the_dead_letters)
{
    static const char *const bodies[] = {"", "no JSON", "{}", "{\"v\":2,\"events\":[]}", "\xff\xfe"};
    char tap[QUEUES_NAME_SIZE];
    queues_tap(queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_AUCTION_END, tap);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct queues_message dead;
        queues_publish(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_ENDED, bodies[i], strlen(bodies[i]));
        SUITE_WAIT(queues_take(queues, tap, &dead), DEADLINE_MS);
        ck_assert_uint_eq(dead.length, strlen(bodies[i]));
        ck_assert_mem_eq(dead.body, bodies[i], dead.length);
        ck_assert_str_ne(dead.reason, "");
        free(dead.body);
    }
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    ck_assert_int_eq(queues_depth(queues, TOPOLOGY_AUCTION_END_QUEUE), 0);
    worker = program_start("rostrum-endworker", config);
    SUITE_WAIT(sql_int(sql, leader_pid, NULL) > 0, DEADLINE_MS);
}
END_TEST

START_TEST(an_old_outbox_row_is_published_and_removed)
{
    char tap[QUEUES_NAME_SIZE];
    struct queues_message message;
    queues_tap(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SETTLED, tap);
    PQclear(sql_rows(sql,
                     "INSERT INTO outbox (exchange, routing_key, body, created_at) "
                     "SELECT 'events', 'auction.settled', 'row ' || n, now() - interval '1 minute' "
                     "FROM generate_series(1, 200) n",
                     NULL));
    for (int i = 0; i < 200; i++) {
        SUITE_WAIT(queues_take(queues, tap, &message), DEADLINE_MS);
        free(message.body);
    }
    SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM outbox", NULL) == 0, DEADLINE_MS);
    ck_assert(!queues_take(queues, tap, &message));
}
END_TEST

START_TEST(ending_soon_is_published_once_per_auction)
{
    char soon[UUID_TEXT_SIZE];
    char later[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct auction_event event = {.kind = EVENT_ENDED};
    int64_t end_ms = clock_now_ms() + 50000;
    queues_tap(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_ENDING_SOON, tap);
    listing_new(sql, &(struct listing){.end_ms = end_ms, .price = "12.00"}, seller, soon);
    listing_new(sql, &(struct listing){.end_ms = 0}, seller, later);
    SUITE_WAIT(take_event(tap, &event), DEADLINE_MS);
    ck_assert_int_eq(event.kind, EVENT_ENDING_SOON);
    ck_assert_int_eq(event.end_ms, end_ms);
    ck_assert_int_eq(event.amount, 1200);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM ending_soon WHERE auction_id = $1::uuid", soon, NULL), 1);
    /* A small extension sends no second event. The second auction's event shows that a scan has passed. */
    PQclear(sql_rows(sql, "UPDATE auctions SET end_time = end_time + interval '5 seconds' WHERE id = $1::uuid", soon,
                     NULL));
    PQclear(
        sql_rows(sql, "UPDATE auctions SET end_time = now() + interval '50 seconds' WHERE id = $1::uuid", later, NULL));
    char id[UUID_TEXT_SIZE];
    SUITE_WAIT(take_event(tap, &event), DEADLINE_MS);
    uuid_format(&event.auction_id, id);
    ck_assert_str_eq(id, later);
    ck_assert_int_eq(queues_depth(queues, tap), 0);
}
END_TEST

/* The price that searches use. */
static int64_t listed_price(const char *auction)
{
    return sql_int(sql, "SELECT (price * 100)::bigint FROM auction_prices WHERE auction_id = $1::uuid", auction, NULL);
}

START_TEST(owed_prices_are_updated_without_waiting_for_locked_rows)
{
    char free_one[UUID_TEXT_SIZE];
    char held[UUID_TEXT_SIZE];
    listing_new(sql, &(struct listing){.end_ms = 0}, seller, free_one);
    listing_new(sql, &(struct listing){.end_ms = 0}, seller, held);
    struct sql *holder = sql_open(getenv("ROSTRUM_PG_URL"));
    PQclear(sql_rows(holder, "BEGIN", NULL));
    PQclear(sql_rows(holder, "SELECT FROM auction_prices WHERE auction_id = $1::uuid FOR UPDATE", held, NULL));
    PQclear(sql_rows(sql, "UPDATE auctions SET current_bid = 31.50", NULL));
    ck_assert_int_eq(listed_price(free_one), 1000);
    PQclear(sql_rows(sql, "INSERT INTO auction_prices_owed (auctions) VALUES (ARRAY[$1, $2]::uuid[])", free_one, held,
                     NULL));
    SUITE_WAIT(listed_price(free_one) == 3150, DEADLINE_MS);
    ck_assert_int_eq(listed_price(held), 1000);
    PQclear(sql_rows(holder, "COMMIT", NULL));
    SUITE_WAIT(listed_price(held) == 3150, DEADLINE_MS);
    SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM auction_prices_owed", NULL) == 0, DEADLINE_MS);
    sql_close(holder);
}
END_TEST

static Suite *endworker_suite(void)
{
    Suite *suite = suite_create("endworker");
    TCase *tests = tcase_create("endworker");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_fence_is_sent_after_the_grace_and_repeated);
    tcase_add_test(tests, an_extended_auction_gets_a_fence_for_the_new_end);
    tcase_add_test(tests, a_new_end_begins_with_the_shortest_distance_between_fences);
    tcase_add_test(tests, no_fence_is_sent_to_a_cancelled_auction);
    tcase_add_test(tests, a_start_is_sent_at_the_start_time_and_repeated);
    tcase_add_test(tests, a_scheduled_auction_past_its_end_is_started_then_fenced);
    tcase_add_test(tests, more_than_one_page_of_due_auctions_gets_fences);
    tcase_add_test(tests, a_stand_by_takes_over_when_the_leader_is_killed);
    tcase_add_test(tests, a_leader_that_lost_its_session_leads_again_in_a_new_one);
    tcase_add_loop_test(tests, an_ended_auction_is_settled_once_under_duplicate_messages, 0, (int)ARRAY_LEN(outcomes));
    tcase_add_test(tests, settlement_updates_the_snapshot);
    tcase_add_loop_test(tests, settlement_publishes_outcome_and_version, 0, (int)ARRAY_LEN(outcomes));
    tcase_add_test(tests, depths_of_shards_are_published_with_and_without_postgresql);
    tcase_add_test(tests, the_sweep_settles_an_auction_without_an_event);
    tcase_add_test(tests, an_auction_that_cannot_be_settled_does_not_hold_up_the_others);
    tcase_add_test(tests, a_locked_auction_does_not_hold_up_the_settlement_of_others);
    tcase_add_test(tests, an_undecodable_message_goes_to_the_dead_letters);
    tcase_add_test(tests, an_old_outbox_row_is_published_and_removed);
    tcase_add_test(tests, ending_soon_is_published_once_per_auction);
    tcase_add_test(tests, owed_prices_are_updated_without_waiting_for_locked_rows);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(endworker_suite());
}
