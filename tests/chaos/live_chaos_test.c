/*
 * Watchers while one of the deployment's processes is killed. A bid is placed at that moment, so that its live update
 * may be lost. Asserts that every watcher ends with the right price, and that connections to other processes stay open.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/websocket.h"

enum {
    WATCHERS = 60,
    BLOWS = 3,
    NOTIFIED_MS = 30000, /* after the deployment is ready again; it compares with PostgreSQL each second */
    CHAOS_TEST_S = 400,
};

static struct websocket *watchers[WATCHERS];
static int price = 20;

static struct websocket *watch(void)
{
    struct websocket *socket = websocket_open(deployment_http_url(), "");
    if (socket != NULL && !websocket_send_text(socket, client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\"}",
                                                                     fixture.auction))) {
        websocket_free(socket);
        return NULL;
    }
    return socket;
}

/* Bids until one is accepted and decided; the price is then `price`. */
static bool bid_taken(void)
{
    const struct factory_user *who = price % 2 == 0 ? &fixture.ann : &fixture.bob;
    const struct reply *reply = factory_bid(fixture.client, who, fixture.auction, client_format("%d.00", ++price));
    return reply->status == 200 && strcmp(reply_text(reply, "status"), "accepted") == 0;
}

/* A bid answered 503 may be in the queue: the ledger decides. */
static void read_price(char out[static 32])
{
    (void)snprintf(
        out, 32, "%s",
        sql_text(fixture.sql, "SELECT current_bid FROM auctions WHERE id = $1::uuid", fixture.auction, NULL));
}

/*
 * Reads until this watcher has the price. A watcher whose connection ended reconnects, as any client; `cut` counts
 * them.
 */
static void assert_sees(struct websocket **watcher, const char *expected, int *cut)
{
    int64_t until_ms = suite_mono_ms() + NOTIFIED_MS;
    char seen[32] = "nothing";
    while (strcmp(seen, expected) != 0) {
        ck_assert_msg(suite_mono_ms() < until_ms, "a watcher has %s and not %s", seen, expected);
        const struct json *message = *watcher == NULL ? NULL : websocket_receive(*watcher, NULL);
        if (message != NULL) {
            (void)snprintf(seen, sizeof(seen), "%s", websocket_text(message, "currentBid"));
            continue;
        }
        (*cut)++;
        websocket_free(*watcher);
        *watcher = watch();
    }
}

static bool replaced(const char *victim, pid_t killed)
{
    pid_t now = deployment_pid(victim);
    return now > 0 && now != killed;
}

static const char *const victims[] = {"redis", "gateway-worker", "rabbitmq", "bidworker-1", "bidworker-2"};

START_TEST(every_watcher_ends_with_the_right_price)
{
    const char *victim = victims[_i];
    char expected[32];
    int cut = 0;
    for (int i = 0; i < WATCHERS; i++) {
        watchers[i] = watch();
        ck_assert_ptr_nonnull(watchers[i]);
        ck_assert_ptr_nonnull(websocket_receive(watchers[i], "snapshot"));
    }
    SUITE_WAIT(bid_taken(), DEPLOYMENT_READY_MS);
    for (int blow = 0; blow < BLOWS; blow++) {
        pid_t pid = deployment_pid(victim);
        ck_assert_msg(pid > 0, "no process called %s", victim);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        SUITE_WAIT(bid_taken(), DEPLOYMENT_READY_MS);
        SUITE_WAIT(replaced(victim, pid), DEPLOYMENT_READY_MS);
        SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
        read_price(expected);
        for (int i = 0; i < WATCHERS; i++) {
            assert_sees(&watchers[i], expected, &cut);
        }
    }
    if (strcmp(victim, "gateway-worker") != 0) {
        ck_assert_int_eq(cut, 0);
    }
    (void)printf("%s: %d watchers, %d blows, %d connections cut, the price %s on each\n", victim, WATCHERS, BLOWS, cut,
                 expected);
    for (int i = 0; i < WATCHERS; i++) {
        websocket_free(watchers[i]);
    }
}
END_TEST

static Suite *live_chaos_suite(void)
{
    Suite *suite = suite_create("live_chaos");
    TCase *blows = tcase_create("live_chaos");
    tcase_add_checked_fixture(blows, fixture_setup, fixture_teardown);
    tcase_set_timeout(blows, CHAOS_TEST_S);
    tcase_add_loop_test(blows, every_watcher_ends_with_the_right_price, 0, (int)ARRAY_LEN(victims));
    suite_add_tcase(suite, blows);
    return suite;
}

int main(void)
{
    return suite_run(live_chaos_suite());
}
