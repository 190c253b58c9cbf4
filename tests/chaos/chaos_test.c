/*
 * The deployment under load while one of its processes is killed, or RabbitMQ raises its memory alarm. Asserts that
 * every bid answered 202 has exactly one decision. The bids of one bidder on one auction are decided in the order of
 * their confirms. Auctions end once, and their sellers are notified once. `rostrumctl verify` finds no difference, and
 * the deployment becomes ready again without help.
 *
 * Half of the bidding threads ("bidders") use idempotency keys and repeat bids without an answer; the others drop them.
 * Half of the lots end during the test, with anti-snipe extensions.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

enum {
    CHAOS_BIDDERS = 8,
    CHAOS_LOTS = 12,
    CHAOS_TAKEN_MAX = 20000,  /* 202s of one bidder; a test takes some thousand */
    CHAOS_PAUSE_MS = 10,      /* between two bids of a bidder: some hundred bids a second together */
    CHAOS_BEFORE = 500,       /* 202s before the blow, and again after it */
    CHAOS_SHORT_MS = 6000,    /* of the lots that end meanwhile */
    CHAOS_REPEATS = 2000,     /* of a keyed bid without an answer, CHAOS_PAUSE_MS apart: longer than any outage here */
    CHAOS_DECIDED_MS = 60000, /* from the end of the load until all is decided and settled */
    CHAOS_TEST_S = 400,
    CHAOS_AMOUNT_LEAST = 1000, /* the lots' starting price in cents */
};

struct chaos_taken {
    char bid[UUID_TEXT_SIZE];
    int lot;
    int64_t seq; /* in the ledger; 0: not found there */
};

struct chaos_bidder {
    pthread_t thread;
    bool keyed;
    struct factory_user user;
    struct chaos_taken *taken;
    atomic_int count;      /* of `taken` */
    atomic_int lost;       /* got 503 or no answer, each repetition counted */
    atomic_int unexpected; /* unexpected answers */
};

static struct chaos_bidder bidders[CHAOS_BIDDERS];
static char lots[CHAOS_LOTS][UUID_TEXT_SIZE];
static atomic_int cents[CHAOS_LOTS]; /* the next amount of each lot: a shared clock, so that most bids lead */
static atomic_bool stopping;

static void pause_between_bids(void)
{
    const struct timespec pause = {.tv_nsec = (long)CHAOS_PAUSE_MS * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* Whether a bid may get this answer while processes are killed. */
static bool expected(const struct reply *reply)
{
    const char *code = reply_text(reply, "error");
    return reply->status == 0 || reply->status == 200 || reply->status == 202 || reply->status == 503 ||
           strcmp(code, "BID_TOO_LOW") == 0 || strcmp(code, "AUCTION_ENDED") == 0;
}

static const struct reply *offer(struct chaos_bidder *bidder, struct client *client, int lot)
{
    const char *path = client_format("/api/v1/auctions/%s/bids", lots[lot]);
    int amount = atomic_fetch_add(&cents[lot], 1);
    const char *body = client_format("{\"amount\": %d.%02d}", amount / 100, amount % 100);
    const struct uuid id = uuid_new();
    char key[UUID_TEXT_SIZE];
    uuid_format(&id, key);
    const struct reply *reply = NULL;
    for (int i = 0; i < CHAOS_REPEATS; i++) {
        if (bidder->keyed) {
            client_header(client, client_format("X-Idempotency-Key: %s", key));
        }
        reply = client_call(client, "POST", path, body);
        bool lost = reply->status == 0 || reply->status == 503;
        atomic_fetch_add(&bidder->lost, lost);
        if (!bidder->keyed || !lost) {
            break;
        }
        pause_between_bids();
    }
    return reply;
}

static void *hand_bids(void *arg)
{
    struct chaos_bidder *bidder = arg;
    struct client *client = client_new(deployment_http_url());
    unsigned seed = (unsigned)(bidder - bidders);
    if (client == NULL) {
        return NULL;
    }
    client_token(client, bidder->user.token);
    while (!atomic_load(&stopping) && atomic_load(&bidder->count) < CHAOS_TAKEN_MAX) {
        int lot = rand_r(&seed) % CHAOS_LOTS;
        const struct reply *reply = offer(bidder, client, lot);
        if (reply->status == 202 || reply->status == 200) {
            struct chaos_taken *taken = &bidder->taken[atomic_load(&bidder->count)];
            taken->lot = lot;
            (void)snprintf(taken->bid, sizeof(taken->bid), "%s", reply_text(reply, "bidId"));
            atomic_fetch_add(&bidder->count, 1);
        } else if (!expected(reply)) {
            (void)fprintf(stderr, "a bid got %d %s\n", reply->status, reply->body);
            atomic_fetch_add(&bidder->unexpected, 1);
        }
        pause_between_bids();
    }
    client_free(client);
    return NULL;
}

static int taken_count(void)
{
    int sum = 0;
    for (int i = 0; i < CHAOS_BIDDERS; i++) {
        sum += atomic_load(&bidders[i].count);
    }
    return sum;
}

static int lost_count(void)
{
    int sum = 0;
    for (int i = 0; i < CHAOS_BIDDERS; i++) {
        sum += atomic_load(&bidders[i].lost);
    }
    return sum;
}

static void load_start(void)
{
    static const char more[] = "\"bidIncrement\": 0.01, \"antiSnipe\": {\"windowSeconds\": 2, \"extensionSeconds\": 2, "
                               "\"maxExtensions\": 3}";
    for (int i = 0; i < CHAOS_LOTS; i++) {
        const struct factory_terms terms = {.lasts_ms = i % 2 == 0 ? CHAOS_SHORT_MS : 0, .more = more};
        ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, lots[i]));
        atomic_store(&cents[i], CHAOS_AMOUNT_LEAST);
    }
    for (int i = 0; i < CHAOS_BIDDERS; i++) {
        bidders[i].keyed = i % 2 == 0;
        bidders[i].taken = calloc(CHAOS_TAKEN_MAX, sizeof(*bidders[i].taken));
        ck_assert_ptr_nonnull(bidders[i].taken);
        ck_assert(factory_user(fixture.client, &bidders[i].user, "A bidder"));
    }
    for (int i = 0; i < CHAOS_BIDDERS; i++) {
        ck_assert_int_eq(pthread_create(&bidders[i].thread, NULL, hand_bids, &bidders[i]), 0);
    }
}

static void load_stop(void)
{
    atomic_store(&stopping, true);
    for (int i = 0; i < CHAOS_BIDDERS; i++) {
        ck_assert_int_eq(pthread_join(bidders[i].thread, NULL), 0);
        ck_assert_int_eq(atomic_load(&bidders[i].unexpected), 0);
    }
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct chaos_taken *)a)->bid, ((const struct chaos_taken *)b)->bid);
}

/* Reads the ledger of all lots, sorted by bid id; the caller frees it. NULL if PostgreSQL does not answer. */
static struct chaos_taken *ledger(int *count)
{
    char ids[CHAOS_LOTS * UUID_TEXT_SIZE + 3] = "{";
    for (int i = 0; i < CHAOS_LOTS; i++) {
        (void)snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%s", i > 0 ? "," : "", lots[i]);
    }
    (void)snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "}");
    PGresult *result = sql_rows(fixture.sql,
                                "SELECT bid_id, array_position($1::uuid[], auction_id) - 1, seq FROM bids "
                                "WHERE auction_id = ANY ($1::uuid[]) AND status IN ('accepted', 'outbid', 'rejected')",
                                ids, NULL);
    if (result == NULL) {
        return NULL;
    }
    *count = PQntuples(result);
    struct chaos_taken *rows = calloc((size_t)*count + 1, sizeof(*rows));
    for (int i = 0; rows != NULL && i < *count; i++) {
        (void)snprintf(rows[i].bid, sizeof(rows[i].bid), "%s", PQgetvalue(result, i, 0));
        rows[i].lot = (int)strtol(PQgetvalue(result, i, 1), NULL, 10);
        rows[i].seq = strtoll(PQgetvalue(result, i, 2), NULL, 10);
    }
    PQclear(result);
    if (rows != NULL) {
        qsort(rows, (size_t)*count, sizeof(*rows), compare_rows);
    }
    return rows;
}

/* Looks up every bid answered 202 in the ledger. Returns the number of missing ones, -1 if it cannot be read. */
static int undecided(void)
{
    int count = 0;
    int missing = 0;
    struct chaos_taken *rows = ledger(&count);
    if (rows == NULL) {
        return -1;
    }
    for (int h = 0; h < CHAOS_BIDDERS; h++) {
        int taken = atomic_load(&bidders[h].count);
        for (int i = 0; i < taken; i++) {
            const struct chaos_taken *row =
                bsearch(&bidders[h].taken[i], rows, (size_t)count, sizeof(*rows), compare_rows);
            bidders[h].taken[i].seq = row != NULL && row->lot == bidders[h].taken[i].lot ? row->seq : 0;
            missing += bidders[h].taken[i].seq == 0;
        }
    }
    free(rows);
    return missing;
}

/* After undecided() returned 0: asserts that each bidder's bids on a lot are in the ledger in the order of their
 * confirms. */
static void assert_order(void)
{
    for (int h = 0; h < CHAOS_BIDDERS; h++) {
        int64_t last[CHAOS_LOTS] = {0};
        for (int i = 0; i < atomic_load(&bidders[h].count); i++) {
            const struct chaos_taken *taken = &bidders[h].taken[i];
            ck_assert_msg(taken->seq > last[taken->lot], "bid %s was decided out of order", taken->bid);
            last[taken->lot] = taken->seq;
        }
    }
}

static int64_t count_of(const char *statement, const char *lot)
{
    return sql_int(fixture.sql, statement, lot, NULL);
}

/* Asserts that each auction that ended did so once, and its seller was notified once. */
static void assert_ends(void)
{
    for (int i = 0; i < CHAOS_LOTS; i += 2) {
        SUITE_WAIT(factory_has_status(fixture.client, lots[i], "sold"), CHAOS_DECIDED_MS);
        ck_assert_int_eq(count_of("SELECT count(*) FROM bids WHERE auction_id = $1::uuid AND kind = 'end'", lots[i]),
                         1);
        SUITE_WAIT(count_of("SELECT count(*) FROM notifications WHERE auction_id = $1::uuid AND kind = 'AUCTION_SOLD'",
                            lots[i]) == 1,
                   CHAOS_DECIDED_MS);
        SUITE_WAIT(count_of("SELECT count(*) FROM notifications WHERE auction_id = $1::uuid AND kind = 'AUCTION_WON'",
                            lots[i]) == 1,
                   CHAOS_DECIDED_MS);
    }
}

/* Asserts all invariants after the process `blow` was killed. */
static void assert_whole(const char *blow)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    SUITE_WAIT(deployment_ready(), DEPLOYMENT_READY_MS);
    SUITE_WAIT(undecided() == 0, CHAOS_DECIDED_MS);
    assert_order();
    assert_ends();
    SUITE_WAIT(count_of("SELECT count(*) FROM outbox WHERE $1 <> ''", "x") == 0, CHAOS_DECIDED_MS);
    int code = deployment_ctl(out, sizeof(out), "verify", NULL);
    ck_assert_msg(code == 0, "rostrumctl verify: exit %d: %s", code, out);
    (void)printf("%s: %d bids answered 202, %d not, all decided once and in order\n", blow, taken_count(),
                 lost_count());
    (void)fflush(stdout);
}

/* Waits until this many more bids were answered 202. */
static void more_taken(void)
{
    int from = taken_count();
    SUITE_WAIT(taken_count() >= from + CHAOS_BEFORE, DEPLOYMENT_READY_MS);
}

/* Programs are killed several times, so that a kill hits different phases of a batch. */
static const struct {
    const char *name;
    int blows;
} victims[] = {
    {"bidworker-1", 3},    {"bidworker-2", 3}, {"endworker", 2}, {"notifyworker", 2},
    {"gateway-worker", 3}, {"rabbitmq", 1},    {"redis", 2},     {"postgres", 1},
};

static bool replaced(const char *victim, pid_t killed)
{
    pid_t now = deployment_pid(victim);
    return now > 0 && now != killed;
}

START_TEST(a_killed_process_loses_nothing)
{
    const char *victim = victims[_i].name;
    load_start();
    more_taken();
    for (int i = 0; i < victims[_i].blows; i++) {
        pid_t pid = deployment_pid(victim);
        ck_assert_msg(pid > 0, "no process called %s", victim);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        SUITE_WAIT(replaced(victim, pid), DEPLOYMENT_READY_MS);
        more_taken();
    }
    load_stop();
    assert_whole(victim);
}
END_TEST

static bool watermark(const char *limit)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    return deployment_script(out, sizeof(out), "rabbitmqctl", "set_vm_memory_high_watermark", "absolute", limit,
                             NULL) == 0;
}

/* Probes with one bid that is not repeated. */
static bool publishing_stopped(void)
{
    client_token(fixture.client, bidders[1].user.token);
    return offer(&bidders[1], fixture.client, 1)->status == 503;
}

START_TEST(a_memory_alarm_drains_by_itself)
{
    load_start();
    more_taken();
    ck_assert(watermark("1MB"));
    SUITE_WAIT(publishing_stopped(), FACTORY_DECISION_MS);
    /* During the alarm nothing is published, but accepted bids are decided. */
    SUITE_WAIT(undecided() == 0, CHAOS_DECIDED_MS);
    ck_assert(watermark("2GB"));
    more_taken();
    load_stop();
    assert_whole("memory alarm");
}
END_TEST

static Suite *chaos_suite(void)
{
    Suite *suite = suite_create("chaos");
    TCase *blows = tcase_create("chaos");
    tcase_add_checked_fixture(blows, fixture_setup, fixture_teardown);
    tcase_set_timeout(blows, CHAOS_TEST_S);
    tcase_add_loop_test(blows, a_killed_process_loses_nothing, 0, (int)ARRAY_LEN(victims));
    tcase_add_test(blows, a_memory_alarm_drains_by_itself);
    suite_add_tcase(suite, blows);
    return suite;
}

int main(void)
{
    return suite_run(chaos_suite());
}
