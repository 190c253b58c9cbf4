/*
 * Auctions whose row another session keeps locked. The bids of all other auctions must be decided as usual, also those
 * of the same shard; the bids of the locked auction afterwards, in the order of their queue. The tests start their own
 * workers against real servers.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/protocol/topology.h"
#include "tests/support/bidding.h"

enum {
    PROMPT_MS = 2000, /* within which the bids of other auctions are decided; lock_timeout is 2000 too */
    AMOUNT = 1000,
    STEP = 100,
};

static struct bidding_auction locked;
static struct bidding_auction neighbour; /* in the same shard */
static struct bidding_auction distant;   /* in another shard */
static struct sql *holder;               /* the session with the row lock */
static pid_t second_worker;

static void set_up(void)
{
    bidding_set_up();
    holder = sql_open(getenv("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(holder);
    second_worker = 0;
}

static void tear_down(void)
{
    if (second_worker > 0) {
        (void)program_end(second_worker, SIGKILL);
    }
    sql_close(holder);
    bidding_tear_down();
}

static unsigned shard_of(const struct bidding_auction *auction)
{
    return ids_shard(&auction->id, bidding.shards);
}

static void open_auctions(void)
{
    static const struct bidding_terms terms = {0};
    ck_assert_uint_gt(bidding.shards, 1);
    bidding_open(&locked, &terms);
    do {
        bidding_open(&neighbour, &terms);
    } while (shard_of(&neighbour) != shard_of(&locked));
    do {
        bidding_open(&distant, &terms);
    } while (shard_of(&distant) == shard_of(&locked));
}

/* The next bid on the auction, in a message of its own. */
static void bid(struct bidding_auction *auction)
{
    enum bidding_user user = auction->count % 2 == 0 ? BIDDING_ANN : BIDDING_BOB;
    (void)bidding_add(auction, COMMAND_BID, user, AMOUNT + STEP * (int64_t)auction->count);
    bidding_send(auction);
}

static int64_t decided(const struct bidding_auction *auction)
{
    return sql_int(bidding.sql, "SELECT count(*) FROM bids WHERE auction_id = $1::uuid", auction->text, NULL);
}

static void expect_decided(const struct bidding_auction *auction, int within_ms)
{
    SUITE_WAIT(decided(auction) == (int64_t)auction->count, within_ms);
}

/* The ledger holds the bids in the order in which they were sent. They rise, so all of them were accepted. */
static void expect_in_order(const struct bidding_auction *auction)
{
    PGresult *rows = sql_rows(bidding.sql, "SELECT bid_id, status FROM bids WHERE auction_id = $1::uuid ORDER BY seq",
                              auction->text, NULL);
    ck_assert_ptr_nonnull(rows);
    ck_assert_int_eq(PQntuples(rows), (int)auction->count);
    for (int row = 0; row < PQntuples(rows); row++) {
        char id[UUID_TEXT_SIZE];
        uuid_format(&auction->commands[row].id, id);
        ck_assert_str_eq(PQgetvalue(rows, row, 0), id);
        ck_assert_str_eq(PQgetvalue(rows, row, 1), "accepted");
    }
    PQclear(rows);
    bidding_verify(auction);
}

static void lock_row(void)
{
    PQclear(sql_rows(holder, "BEGIN", NULL));
    ck_assert_int_eq(sql_int(holder,
                             "SELECT count(*) FROM (SELECT FROM auctions WHERE id = $1::uuid FOR UPDATE) AS row",
                             locked.text, NULL),
                     1);
}

static void unlock_row(void)
{
    PQclear(sql_rows(holder, "COMMIT", NULL));
}

/* Both auctions are bid on, and decided. */
static void begin(void)
{
    open_auctions();
    bidding_start();
    bid(&locked);
    bid(&neighbour);
    expect_decided(&locked, BIDDING_DEADLINE_MS);
    expect_decided(&neighbour, BIDDING_DEADLINE_MS);
}

static void end(void)
{
    expect_decided(&locked, BIDDING_DEADLINE_MS);
    expect_decided(&neighbour, BIDDING_DEADLINE_MS);
    expect_in_order(&locked);
    expect_in_order(&neighbour);
}

START_TEST(a_locked_auction_stops_only_itself)
{
    enum { ROUNDS = 20 };
    begin();
    lock_row();
    for (int round = 0; round < ROUNDS; round++) {
        bid(&locked);
        bid(&neighbour);
        expect_decided(&neighbour, PROMPT_MS);
    }
    ck_assert_int_eq(decided(&locked), 1);
    /* The statement of docs/operating.md. */
    ck_assert_int_eq(sql_int(bidding.sql,
                             "SELECT s.pid FROM auctions a JOIN pg_stat_activity s ON s.backend_xid = a.xmax"
                             " WHERE a.id = $1",
                             locked.text, NULL),
                     sql_int(holder, "SELECT pg_backend_pid()", NULL));
    unlock_row();
    end();
    bidding_stop();
}
END_TEST

START_TEST(a_hand_over_keeps_the_order_of_a_locked_auction)
{
    enum { BIDS = 20 };
    begin();
    lock_row();
    for (int i = 0; i < BIDS; i++) {
        bid(&locked);
        bid(&neighbour);
    }
    expect_decided(&neighbour, PROMPT_MS);
    second_worker = program_start_ready("rostrum-bidworker", bidding.settings);
    bidding_stop();
    bid(&locked);
    bid(&neighbour);
    expect_decided(&neighbour, BIDDING_DEADLINE_MS);
    bidding_start();
    ck_assert_int_eq(program_end(second_worker, SIGTERM), 0);
    second_worker = 0;
    bid(&locked);
    bid(&neighbour);
    expect_decided(&neighbour, BIDDING_DEADLINE_MS);
    ck_assert_int_eq(decided(&locked), 1);
    unlock_row();
    end();
    bidding_stop();
}
END_TEST

/*
 * Publishes one message. Its bids: on the locked auction, on its neighbour, an unreadable one on the neighbour, again
 * on the locked auction, and on `distant`, whose shard is another.
 */
static void send_mixture(void)
{
    char key[TOPOLOGY_KEY_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    size_t length = 0;
    struct jsonw *writer = jsonw_new();
    struct command mixture[5];
    ck_assert_ptr_nonnull(writer);
    mixture[0] = *bidding_add(&locked, COMMAND_BID, BIDDING_BOB, AMOUNT + STEP);
    mixture[1] = *bidding_add(&neighbour, COMMAND_BID, BIDDING_BOB, AMOUNT + STEP);
    mixture[2] = *bidding_add(&neighbour, COMMAND_BID, BIDDING_ANN, 0);
    mixture[3] = *bidding_add(&locked, COMMAND_BID, BIDDING_ANN, AMOUNT + 2 * STEP);
    mixture[4] = mixture[0];
    mixture[4].id = uuid_new();
    mixture[4].auction_id = distant.id;
    locked.sent = locked.count;
    neighbour.sent = neighbour.count;
    message_write_commands(writer, mixture, ARRAY_LEN(mixture));
    const char *text = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(text);
    topology_key(&topology_bids, &locked.id, bidding.shards, key);
    topology_exchange(&topology_bids, &locked.id, bidding.shards, exchange);
    queues_publish(bidding.queues, exchange, key, text, length);
    jsonw_free(writer);
}

/* There is one copy of a message, with the reason of its first unreadable command. */
static void expect_dead_letter(const char *dead)
{
    struct queues_message letter;
    SUITE_WAIT(queues_take(bidding.queues, dead, &letter), BIDDING_DEADLINE_MS);
    ck_assert_str_eq(letter.reason, "amount missing, or not allowed for this kind");
    ck_assert_ptr_nonnull(strstr(letter.body, distant.text));
    free(letter.body);
}

START_TEST(of_a_message_only_the_commands_of_the_locked_auction_wait)
{
    enum { ROUNDS = 10 };
    char dead[QUEUES_NAME_SIZE];
    struct queues_message letter;
    queues_tap(bidding.queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_BIDS, dead);
    begin();
    lock_row();
    send_mixture();
    expect_decided(&neighbour, PROMPT_MS);
    ck_assert_str_eq(bidding_ledger(&neighbour), "bid Ann accepted 10.00\n"
                                                 "bid Bob accepted 11.00\n"
                                                 "bid Ann rejected INTERNAL_ERROR");
    expect_dead_letter(dead);
    for (int round = 0; round < ROUNDS; round++) { /* the others are tried several times */
        bid(&neighbour);
        expect_decided(&neighbour, PROMPT_MS);
    }
    ck_assert_int_eq(decided(&locked), 1);
    unlock_row();
    bid(&locked);
    expect_decided(&locked, BIDDING_DEADLINE_MS);
    expect_in_order(&locked);
    bidding_stop(); /* publishes what is left in the outbox */
    ck_assert(!queues_take(bidding.queues, dead, &letter));
    ck_assert_int_eq(decided(&distant), 0);
    bidding_verify(&neighbour);
}
END_TEST

/* The message is delivered again after a part of it was decided. */
START_TEST(a_killed_worker_leaves_a_message_whose_decided_part_is_known)
{
    begin();
    lock_row();
    send_mixture();
    expect_decided(&neighbour, PROMPT_MS);
    ck_assert_int_eq(program_end(bidding.worker, SIGKILL), -1);
    bidding.worker = 0;
    unlock_row();
    bidding_start();
    bid(&locked);
    bid(&neighbour);
    expect_decided(&locked, BIDDING_DEADLINE_MS);
    expect_decided(&neighbour, BIDDING_DEADLINE_MS);
    expect_in_order(&locked);
    bidding_verify(&neighbour);
    bidding_stop();
}
END_TEST

START_TEST(a_shard_waits_when_half_of_its_prefetch_belongs_to_locked_auctions)
{
    enum { HALF = 512, PROOFS = 5 }; /* of PREFETCH_MESSAGES of the bid worker */
    begin();
    lock_row();
    for (int i = 0; i < HALF - 1; i++) {
        bid(&locked);
    }
    bid(&neighbour);
    expect_decided(&neighbour, PROMPT_MS);
    bid(&locked);
    int64_t before = decided(&neighbour);
    bid(&neighbour);
    for (int i = 0; i < PROOFS; i++) { /* later bids of another shard are decided, those of this one wait */
        bid(&distant);
        expect_decided(&distant, PROMPT_MS);
    }
    ck_assert_int_eq(decided(&neighbour), before);
    unlock_row();
    end();
    bidding_stop();
}
END_TEST

static Suite *locked_auctions_suite(void)
{
    const TTest *const tests[] = {
        a_locked_auction_stops_only_itself,
        a_hand_over_keeps_the_order_of_a_locked_auction,
        of_a_message_only_the_commands_of_the_locked_auction_wait,
        a_killed_worker_leaves_a_message_whose_decided_part_is_known,
        a_shard_waits_when_half_of_its_prefetch_belongs_to_locked_auctions,
    };
    enum { TEST_S = 120 };
    Suite *suite = suite_create("locked_auctions");
    TCase *tcase = tcase_create("locked_auctions");
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
    return suite_run(locked_auctions_suite());
}
