/*
 * common/redis and common/snapshot against a real Redis. What belongs to the house's own server (ROSTRUM_REDIS_URL) is
 * tried there with keys of made-up ids; whatever would disturb others (pauses, kills, restarts) is done to a private
 * redis-server that the test starts on a free port below 32768 and ends itself.
 */
#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/redis.h"
#include "common/snapshot.h"
#include "tests/support/suite.h"

enum {
    DEADLINE_MS = 10000,
    TIMEOUT_MS = 1000,
    PENDING_MAX = 10000,
};

enum script { DOUBLE, SNAPSHOT, SCRIPTS };

static struct redis_script scripts[SCRIPTS] = {
    [DOUBLE] = {"double", "return tonumber(ARGV[1]) * 2"},
};

static struct event_base *base;
static struct redis *redis;

/* What a callback was told. */
struct seen {
    int calls;
    int nulls;
    int type;
    long long integer;
    char text[256];
};

/* Lets the loop run once, for 10 ms at most. */
static bool turn(void)
{
    struct timeval most = {.tv_usec = 10000};
    ck_assert_int_eq(event_base_loopexit(base, &most), 0);
    ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
    return true;
}

/* Runs the loop until the condition holds. */
#define RUN_UNTIL(condition)                                                                                           \
    do {                                                                                                               \
        int64_t until_ms = suite_mono_ms() + DEADLINE_MS;                                                              \
        while (!(condition)) {                                                                                         \
            ck_assert_msg(suite_mono_ms() < until_ms, "never came: %s", #condition);                                   \
            (void)turn();                                                                                              \
        }                                                                                                              \
    } while (0)

static void note(const redisReply *reply, void *arg)
{
    struct seen *seen = arg;
    seen->calls++;
    if (reply == NULL) {
        seen->nulls++;
        return;
    }
    seen->type = reply->type;
    seen->integer = reply->integer;
    (void)snprintf(seen->text, sizeof(seen->text), "%s", reply->str == NULL ? "" : reply->str);
}

static struct redis_options options_for(const char *url)
{
    return (struct redis_options){
        .base = base,
        .url = url,
        .scripts = scripts,
        .script_count = SCRIPTS,
        .timeout_ms = TIMEOUT_MS,
        .pending_max = PENDING_MAX,
    };
}

static void set_up(void)
{
    const char *url = getenv("ROSTRUM_REDIS_URL");
    ck_assert_msg(url != NULL, "ROSTRUM_REDIS_URL is not set");
    (void)signal(SIGPIPE, SIG_IGN);
    scripts[SNAPSHOT] = snapshot_script;
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    const struct redis_options options = options_for(url);
    redis = redis_new(&options);
    ck_assert_ptr_nonnull(redis);
    RUN_UNTIL(redis_up(redis));
}

static void tear_down(void)
{
    redis_free(redis);
    redis = NULL;
    event_base_free(base);
}

static void call_double(struct redis *of, const char *number, struct seen *seen)
{
    const char *const arguments[] = {number};
    ck_assert(redis_call(of, DOUBLE, note, seen, 0, 1, arguments, NULL));
}

START_TEST(command_and_script_answer)
{
    struct seen echoed = {0};
    struct seen doubled = {0};
    const char *const echo[] = {"ECHO", "hammer"};
    ck_assert(redis_command(redis, note, &echoed, 2, echo, NULL));
    call_double(redis, "21", &doubled);
    ck_assert_int_eq(echoed.calls, 0);
    RUN_UNTIL(doubled.calls == 1);
    ck_assert_str_eq(echoed.text, "hammer");
    ck_assert_int_eq(doubled.integer, 42);
}
END_TEST

static Suite *redis_suite(void)
{
    Suite *suite = suite_create("redis");
    TCase *tests = tcase_create("redis");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, command_and_script_answer);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(redis_suite());
}
