/*
 * common/worker/shard_reader against a real RabbitMQ, in a shard without a worker: which commands of a key whose row is
 * locked a batch takes. The family's description of a command may take time, as on a slow machine.
 */
#include "common/worker/shard_reader.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bidworker/family.h"
#include "common/base/clock.h"
#include "common/protocol/message.h"
#include "tests/support/loop.h"
#include "tests/support/queues.h"
#include "tests/support/sql.h"

enum {
    TEST_DEADLINE_MS = 20000, /* for any single wait */
    COMMANDS = 24,
    LOCKED_MOST = 512, /* messages of locked rows: half of PREFETCH_MESSAGES */
    BATCH_MAX = 64,
    SLOW_MS = 6, /* a description; less than the time to the first retry of a locked row, which is 10 */
    SHARD = 0,
};

static struct event_base *base;
static struct broker *consuming;
static struct broker *publishing;
static struct queues *queues;
static struct shard_reader *shard_reader;
static struct work_family family;
static struct work work;
static unsigned shards;
static struct uuid auction;
static struct command commands[LOCKED_MOST];
static int describe_ms;

static const char *need(const char *name)
{
    const char *value = getenv(name);
    ck_assert_msg(value != NULL, "%s is not set", name);
    return value;
}

static void describe_slowly(const void *items, size_t index, struct work_command *command)
{
    const struct timespec wait = {.tv_nsec = describe_ms * 1000000L};
    (void)nanosleep(&wait, NULL);
    bid_family.describe(items, index, command);
}

static void ignore(void *arg)
{
    (void)arg;
}

static struct broker *connect_to_broker(void)
{
    const struct broker_options options = {.base = base,
                                           .url = need("ROSTRUM_AMQP_URL"),
                                           .name = "shard_reader_test",
                                           .heartbeat_s = 60,
                                           .connect_timeout_ms = TEST_DEADLINE_MS,
                                           .unconfirmed_max = 1};
    struct broker *broker = broker_new(&options);
    ck_assert_ptr_nonnull(broker);
    LOOP_UNTIL(base, broker_state(broker) == BROKER_UP, TEST_DEADLINE_MS);
    return broker;
}

static void choose_auction(void)
{
    do {
        auction = uuid_new();
    } while (ids_shard(&auction, shards) != SHARD);
}

static void set_up(void)
{
    struct sql *sql = sql_open(need("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(sql);
    shards = sql_shards(sql);
    sql_close(sql);
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    queues = queues_open();
    queues_purge_shards(queues, shards);
    consuming = connect_to_broker();
    publishing = connect_to_broker();
    describe_ms = 0;
    family = bid_family;
    family.describe = describe_slowly;
    const struct shard_reader_options options = {.base = base,
                                                 .family = &family,
                                                 .consuming = consuming,
                                                 .publishing = publishing,
                                                 .shards = shards,
                                                 .crash_count = 1,
                                                 .work = ignore,
                                                 .left = ignore};
    shard_reader = shard_reader_new(&options);
    ck_assert_ptr_nonnull(shard_reader);
    ck_assert(work_init(&work, BATCH_MAX));
    choose_auction();
    shard_reader_serve(shard_reader, SHARD);
}

static void tear_down(void)
{
    broker_free(consuming);
    broker_free(publishing);
    shard_reader_free(shard_reader);
    work_free(&work);
    queues_purge_shards(queues, shards);
    queues_close(queues);
    event_base_free(base);
}

/* Publishes `count` commands to the auction, `per_message` in each message, and waits until they are delivered. */
static void deliver(size_t count, size_t per_message)
{
    char key[TOPOLOGY_KEY_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    topology_key(&topology_bids, &auction, shards, key);
    topology_exchange(&topology_bids, &auction, shards, exchange);
    size_t held = shard_reader_held(shard_reader);
    struct jsonw *writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
    for (size_t i = 0; i < count; i++) {
        commands[i] = (struct command){.kind = COMMAND_BID,
                                       .id = uuid_new(),
                                       .auction_id = auction,
                                       .user_id = uuid_new(),
                                       .amount = (int64_t)i + 1,
                                       .received_ms = clock_now_ms()};
    }
    for (size_t i = 0; i < count; i += per_message) {
        size_t length = 0;
        jsonw_reset(writer);
        message_write_commands(writer, commands + i, per_message);
        const char *text = jsonw_text(writer, &length);
        ck_assert_ptr_nonnull(text);
        queues_publish(queues, exchange, key, text, length);
    }
    jsonw_free(writer);
    LOOP_UNTIL(base, shard_reader_held(shard_reader) == held + count, TEST_DEADLINE_MS);
}

/* Ends the batch. Its commands are decided, or their row is found locked. */
static void end_batch(enum work_outcome outcome)
{
    for (size_t i = 0; i < work.count; i++) {
        work.entries[i].outcome = outcome;
    }
    shard_reader_ack(shard_reader, &work);
    shard_reader_finish(shard_reader, &work);
}

/* The batch is a prefix of the commands from `first` on. */
static void expect_prefix(size_t first)
{
    for (size_t i = 0; i < work.count; i++) {
        ck_assert_msg(uuid_equal(work.entries[i].command.id, &commands[first + i].id),
                      "command %zu of the batch is not command %zu of the queue", i, first + i);
    }
}

/*
 * A batch is taken while the retry of a locked row becomes due. Either all commands of the row wait, or the first of
 * them is tried: a later one must never be taken instead.
 */
static void try_locked_row(size_t per_message)
{
    enum { TRIES = 8 };
    size_t tried = 0;
    deliver(COMMANDS, per_message);
    shard_reader_take(shard_reader, &work, BATCH_MAX);
    ck_assert_uint_eq(work.count, COMMANDS);
    expect_prefix(0);
    end_batch(WORK_LOCKED);
    describe_ms = SLOW_MS;
    for (int i = 0; i < TRIES; i++) {
        shard_reader_take(shard_reader, &work, BATCH_MAX);
        expect_prefix(0);
        ck_assert_uint_le(work.count, 1);
        tried += work.count;
        end_batch(WORK_LOCKED);
    }
    ck_assert_uint_gt(tried, 0);
    describe_ms = 0;
    while (work.count == 0) {
        shard_reader_take(shard_reader, &work, BATCH_MAX);
    }
    expect_prefix(0);
    end_batch(WORK_DECIDED);
    shard_reader_take(shard_reader, &work, BATCH_MAX);
    ck_assert_uint_eq(work.count, COMMANDS - 1);
    expect_prefix(1);
    end_batch(WORK_DECIDED);
    ck_assert_uint_eq(shard_reader_held(shard_reader), 0);
}

START_TEST(a_retry_that_becomes_due_keeps_the_order_within_a_message)
{
    try_locked_row(COMMANDS);
}
END_TEST

START_TEST(a_retry_that_becomes_due_keeps_the_order_of_messages)
{
    try_locked_row(1);
}
END_TEST

/* The message of which a command is tried counts as the others of the locked row. */
START_TEST(a_retry_makes_no_room_behind_half_of_the_prefetch)
{
    deliver(LOCKED_MOST, 1);
    shard_reader_take(shard_reader, &work, 1);
    end_batch(WORK_LOCKED);
    const struct uuid locked = auction;
    choose_auction();
    deliver(1, 1);
    while (work.count == 0) {
        shard_reader_take(shard_reader, &work, BATCH_MAX);
    }
    ck_assert_uint_eq(work.count, 1);
    ck_assert(uuid_equal(work.entries[0].command.key, &locked));
    end_batch(WORK_DECIDED);
    shard_reader_take(shard_reader, &work, BATCH_MAX);
    ck_assert_uint_eq(work.count, BATCH_MAX);
    end_batch(WORK_DECIDED);
}
END_TEST

static Suite *shard_reader_suite(void)
{
    const TTest *const tests[] = {
        a_retry_that_becomes_due_keeps_the_order_within_a_message,
        a_retry_that_becomes_due_keeps_the_order_of_messages,
        a_retry_makes_no_room_behind_half_of_the_prefetch,
    };
    enum { TEST_S = 120 };
    Suite *suite = suite_create("shard_reader");
    TCase *tcase = tcase_create("shard_reader");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, TEST_S);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(shard_reader_suite());
}
