/*
 * A thousand watchers of one auction, and bids on it, while a process of the deployment is killed or restarted. Asserts
 * that every watcher that follows the contract (it reconnects and subscribes again) ends with the auction's present
 * price and version, without a further bid. On no connection is a version missing without a snapshot, or an older one
 * sent after a newer. No valid token is answered 401.
 *
 * The last bid is placed right after a kill, so that its live update may be lost and no later one repairs it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "common/base/money.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/ws_load.h"

enum {
    WATCHERS = 1000,
    STREAM_EACH = 5, /* every fifth watcher is an event stream, the others are WebSockets */
    HANDS = 4,
    BID_PAUSE_MS = 10,  /* between two bids of a hand */
    BEFORE = 100,       /* 202s before a kill, and again after it */
    OPENING_MS = 60000, /* until all watchers have a snapshot */
    RIGHT_MS = 60000,   /* from the last bid until each has the last price */
    TEST_S = 400,
    FILES = WATCHERS + 64, /* descriptors */
    CENTS_FIRST = 1000,    /* the auction's starting price */
};

static struct ws_load *ws_load;
static pthread_t hands[HANDS];
static atomic_int cents; /* of the newest bid */
static atomic_int taken; /* bids answered 202 */
static atomic_int unauthorized;
static atomic_bool stopping;

/* Waits until the condition is true, while the watchers' loop runs. */
#define WS_LOAD_UNTIL(condition, deadline_ms)                                                                          \
    do {                                                                                                               \
        int64_t ws_load_until_ms = suite_mono_ms() + (deadline_ms);                                                    \
        while (!(condition)) {                                                                                         \
            ck_assert_msg(suite_mono_ms() < ws_load_until_ms, "not true within %d ms: %s; %s", (int)(deadline_ms),     \
                          #condition, standing());                                                                     \
            ws_load_turn(ws_load, SUITE_LOOK_MS);                                                                      \
        }                                                                                                              \
    } while (0)

static const char *standing(void)
{
    static char text[256];
    struct ws_load_counts counts = ws_load_counts(ws_load);
    (void)snprintf(text, sizeof(text), "watching %zu, messages %lld, lost %lld, refused %lld", counts.watching,
                   (long long)counts.messages, (long long)counts.lost, (long long)counts.refused);
    return text;
}

/* ---- the load ---- */

static const char *offer(void)
{
    int amount = atomic_fetch_add(&cents, 1) + 1;
    return client_format("{\"amount\": %d.%02d}", amount / 100, amount % 100);
}

static void *hand_bids(void *arg)
{
    const struct timespec pause = {.tv_nsec = BID_PAUSE_MS * 1000000L};
    struct client *client = client_new(deployment_http_url());
    if (client == NULL) {
        return NULL;
    }
    client_token(client, arg);
    while (!atomic_load(&stopping)) {
        const char *path = client_format("/api/v1/auctions/%s/bids", fixture.auction);
        int status = client_call(client, "POST", path, offer())->status;
        atomic_fetch_add(&taken, status == 202);
        atomic_fetch_add(&unauthorized, status == 401);
        (void)nanosleep(&pause, NULL);
    }
    client_free(client);
    return NULL;
}

static void more_taken(void)
{
    int from = atomic_load(&taken);
    WS_LOAD_UNTIL(atomic_load(&taken) >= from + BEFORE, DEPLOYMENT_READY_MS);
}

static void load_start(void)
{
    const struct factory_terms terms = {.more = "\"bidIncrement\": 0.01"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, fixture.auction));
    atomic_store(&cents, CENTS_FIRST);
    const struct ws_load_options options = {
        .base_url = deployment_http_url(), .auction = fixture.auction, .stream_each = STREAM_EACH};
    ws_load = ws_load_new(&options);
    ck_assert_ptr_nonnull(ws_load);
    ws_load_resize(ws_load, WATCHERS);
    WS_LOAD_UNTIL(ws_load_counts(ws_load).watching == WATCHERS, OPENING_MS);
    for (int i = 0; i < HANDS; i++) {
        ck_assert_int_eq(pthread_create(&hands[i], NULL, hand_bids, i % 2 == 0 ? fixture.ann.token : fixture.bob.token),
                         0);
    }
}

static void load_stop(void)
{
    atomic_store(&stopping, true);
    for (int i = 0; i < HANDS; i++) {
        ck_assert_int_eq(pthread_join(hands[i], NULL), 0);
    }
}

/* ---- assertions ---- */

/* Whether each watcher has the price and version of PostgreSQL. */
static bool all_right(void)
{
    int64_t price = 0;
    int64_t seq = sql_int(fixture.sql, "SELECT version FROM auctions WHERE id = $1::uuid", fixture.auction, NULL);
    const char *text =
        sql_text(fixture.sql, "SELECT current_bid FROM auctions WHERE id = $1::uuid", fixture.auction, NULL);
    if (seq < 0 || !money_parse(text, strlen(text), &price)) {
        return false;
    }
    for (size_t i = 0; i < WATCHERS; i++) {
        const struct ws_load_watcher *watcher = ws_load_watcher(ws_load, i);
        if (watcher->state != WS_LOAD_WATCHING || watcher->seq != seq || watcher->price != price) {
            return false;
        }
    }
    return true;
}

static int undecided(void)
{
    return (int)sql_int(fixture.sql,
                        "SELECT $2::integer - count(*) FROM bids WHERE auction_id = $1::uuid AND kind = 'bid'",
                        fixture.auction, client_format("%d", atomic_load(&taken)), NULL);
}

static void assert_right(const char *blow)
{
    WS_LOAD_UNTIL(deployment_all_ready(), DEPLOYMENT_READY_MS);
    WS_LOAD_UNTIL(undecided() <= 0, RIGHT_MS); /* fewer than none: some were decided that got no answer */
    WS_LOAD_UNTIL(all_right(), RIGHT_MS);
    ck_assert_int_eq(atomic_load(&unauthorized), 0);
    struct ws_load_counts counts = ws_load_counts(ws_load);
    ck_assert_msg(counts.gaps == 0 && counts.reordered == 0 && counts.invalid == 0,
                  "gaps %lld, reordered %lld, invalid %lld", (long long)counts.gaps, (long long)counts.reordered,
                  (long long)counts.invalid);
    (void)printf("%s: %d watchers have the last of %d bids, after %lld messages and %lld lost connections\n", blow,
                 WATCHERS, atomic_load(&taken), (long long)counts.messages, (long long)counts.lost);
    (void)fflush(stdout);
}

/* ---- kills ---- */

static const struct {
    const char *name;
    int signal;
} victims[] = {
    {"redis", SIGKILL},       {"redis", SIGTERM},       {"gateway-worker", SIGKILL}, {"gateway", SIGTERM},
    {"bidworker-1", SIGKILL}, {"bidworker-2", SIGKILL}, {"rabbitmq", SIGKILL},
};

static bool replaced(const char *victim, pid_t killed)
{
    pid_t now = deployment_pid(victim);
    return now > 0 && now != killed;
}

static pid_t kill_service(const char *victim, int signal)
{
    pid_t pid = deployment_pid(victim);
    ck_assert_msg(pid > 0, "no process called %s", victim);
    ck_assert_int_eq(kill(pid, signal), 0);
    return pid;
}

static bool bid_taken(void)
{
    int status = fixture_call(&fixture.ann, "POST", fixture_path("/bids"), offer())->status;
    ck_assert_int_ne(status, 401);
    return status == 202;
}

/* Places the last bid as soon as one is accepted: RabbitMQ boots within some seconds. */
static void last_bid(void)
{
    WS_LOAD_UNTIL(bid_taken(), DEPLOYMENT_READY_MS);
    atomic_fetch_add(&taken, 1);
}

START_TEST(every_watcher_ends_with_the_last_price)
{
    const char *victim = victims[_i].name;
    load_start();
    more_taken();
    pid_t pid = kill_service(victim, victims[_i].signal);
    WS_LOAD_UNTIL(replaced(victim, pid), DEPLOYMENT_READY_MS);
    more_taken();
    load_stop();
    pid = kill_service(victim, victims[_i].signal);
    last_bid();
    WS_LOAD_UNTIL(replaced(victim, pid), DEPLOYMENT_READY_MS);
    assert_right(victim);
    ws_load_free(ws_load);
}
END_TEST

static Suite *watchers_suite(void)
{
    Suite *suite = suite_create("watchers");
    TCase *blows = tcase_create("watchers");
    tcase_add_checked_fixture(blows, fixture_setup, fixture_teardown);
    tcase_set_timeout(blows, TEST_S);
    tcase_add_loop_test(blows, every_watcher_ends_with_the_last_price, 0, (int)ARRAY_LEN(victims));
    suite_add_tcase(suite, blows);
    return suite;
}

int main(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES) {
        files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    return suite_run(watchers_suite());
}
