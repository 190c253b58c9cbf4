/*
 * rostrumctl watch, against real servers. The test changes the auction by SQL and publishes a live update over Redis,
 * as the bid worker does. It reads the output from a pipe or from a terminal of its own.
 */
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/protocol/pseudonym.h"
#include "tests/support/deployment.h"
#include "tests/support/listing.h"
#include "tests/support/loop.h"
#include "tests/support/tables.h"

enum {
    OUTPUT_SIZE = 1 << 18, /* of a whole test; a page is some 2 KiB */
    WAIT_MS = 15000,
    COLUMNS = 100,
    ROWS = 14,
    PATH_SIZE = 512,
    REDIS_TIMEOUT_MS = 2000,
};

#define ENTER "\x1b[?1049h"
#define LEAVE "\x1b[?1049l"

static struct sql *sql;
static char seller[UUID_TEXT_SIZE];
static char ann[UUID_TEXT_SIZE];
static char auction[UUID_TEXT_SIZE];
static char out[OUTPUT_SIZE];
static size_t length;
static int output = -1; /* read end of the pipe, or the master side of the terminal */
static pid_t child = -1;

static void set_up(void)
{
    sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(sql);
    listing_clear(sql);
    listing_user(sql, seller);
    listing_user(sql, ann);
    listing_new(sql, &(struct listing){.reserve = "50"}, seller, auction);
}

static void tear_down(void)
{
    sql_close(sql);
}

/* ---- the program ---- */

static void run_child(int end)
{
    const char *build = getenv("BUILD");
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/bin/rostrumctl", build == NULL ? "build" : build);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL); /* otherwise Check's handler would end the test */
    (void)dup2(end, STDOUT_FILENO);
    (void)dup2(end, STDERR_FILENO);
    (void)setenv("TERM", "xterm", 1);
    (void)execl(path, "rostrumctl", "watch", auction, (char *)NULL);
    _exit(EXIT_FAILURE);
}

static void start(int our_end, int its_end)
{
    output = our_end;
    ck_assert_int_eq(fcntl(output, F_SETFL, O_NONBLOCK), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        run_child(its_end);
    }
    (void)close(its_end);
}

static void watch_into_pipe(void)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    start(ends[0], ends[1]);
}

static void watch_on_terminal(void)
{
    const struct winsize size = {.ws_col = COLUMNS, .ws_row = ROWS};
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(terminal, 0);
    ck_assert_int_eq(grantpt(terminal), 0);
    ck_assert_int_eq(unlockpt(terminal), 0);
    ck_assert_int_eq(ioctl(terminal, TIOCSWINSZ, &size), 0);
    int its_end = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(its_end, 0);
    start(terminal, its_end);
}

/* True if the program has written this text by now. */
static bool has_output(const char *text)
{
    ssize_t more = read(output, out + length, sizeof(out) - 1 - length);
    length += more > 0 ? (size_t)more : 0;
    out[length] = '\0';
    return strstr(out, text) != NULL;
}

#define EXPECT_OUTPUT(text)                                                                                            \
    do {                                                                                                               \
        int64_t until_ms = suite_mono_ms() + WAIT_MS;                                                                  \
        while (!has_output(text)) {                                                                                    \
            ck_assert_msg(suite_mono_ms() < until_ms, "no output \"%s\" but: %.2000s", (text), out);                   \
            suite_pause();                                                                                             \
        }                                                                                                              \
    } while (0)

static bool ended(int *status)
{
    (void)has_output("");
    return waitpid(child, status, WNOHANG) == child;
}

static int exit_code(void)
{
    int status = 0;
    SUITE_WAIT(ended(&status), WAIT_MS);
    (void)has_output("");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- the auction ---- */

static void change(const char *what)
{
    char statement[PATH_SIZE];
    (void)snprintf(statement, sizeof(statement), "UPDATE auctions SET version = version + 1, %s WHERE id = '%s'", what,
                   auction);
    PGresult *result = sql_rows(sql, statement, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

static void bid(const char *amount)
{
    char what[PATH_SIZE];
    listing_bid(sql, auction, ann, amount);
    (void)snprintf(what, sizeof(what), "bid_count = bid_count + 1, minimum_bid = current_bid + 1, leader_id = '%s'",
                   ann);
    change(what);
}

static void settle(void)
{
    char what[PATH_SIZE];
    (void)snprintf(what, sizeof(what), "status = 'sold', settled_at = now(), winner_id = '%s'", ann);
    change(what);
}

static void on_published(const redisReply *reply, void *arg)
{
    int64_t *listeners = arg;
    *listeners = reply != NULL && reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
}

/* Publishes on the auction's channel until a subscriber has received it. */
static void publish_change(void)
{
    struct redis_options options = {
        .base = event_base_new(), .url = getenv("ROSTRUM_REDIS_URL"), .timeout_ms = REDIS_TIMEOUT_MS, .pending_max = 8};
    struct redis *redis = redis_new(&options);
    struct uuid id;
    char channel[KEYS_SIZE];
    ck_assert_ptr_nonnull(redis);
    ck_assert(uuid_parse(auction, strlen(auction), &id));
    keys_live_channel(&id, channel);
    const char *const arguments[] = {"PUBLISH", channel, "{}"};
    LOOP_UNTIL(options.base, redis_up(redis), WAIT_MS);
    int64_t listeners = 0;
    while (listeners == 0) {
        listeners = -1;
        ck_assert(redis_command(redis, on_published, &listeners, (int)ARRAY_LEN(arguments), arguments, NULL));
        LOOP_UNTIL(options.base, listeners >= 0, WAIT_MS);
    }
    redis_free(redis);
    event_base_free(options.base);
}

static void name_of(const char *user, char name[static PSEUDONYM_SIZE])
{
    uint8_t key[PSEUDONYM_KEY_BYTES];
    struct uuid auction_id;
    struct uuid user_id;
    const char *hex = sql_text(sql, "SELECT secret FROM deployment_keys WHERE name = 'pseudonym'", NULL);
    ck_assert_int_eq(sodium_hex2bin(key, sizeof(key), hex, strlen(hex), NULL, NULL, NULL), 0);
    ck_assert(uuid_parse(auction, strlen(auction), &auction_id));
    ck_assert(uuid_parse(user, strlen(user), &user_id));
    pseudonym_write(key, &auction_id, &user_id, name);
}

/* ---- the tests ---- */

START_TEST(a_pipe_gets_one_line_for_each_change_and_the_outcome)
{
    char name[PSEUDONYM_SIZE];
    char text[PATH_SIZE];
    name_of(ann, name);
    watch_into_pipe();
    EXPECT_OUTPUT("active     USD 10.00  bids: 0  leader: -  reserve not met  ends: ");
    bid("49.50");
    publish_change();
    (void)snprintf(text, sizeof(text), "active     USD 49.50  bids: 1  leader: %s  reserve not met", name);
    EXPECT_OUTPUT(text);
    bid("55.00");
    publish_change();
    (void)snprintf(text, sizeof(text), "active     USD 55.00  bids: 2  leader: %s  reserve met", name);
    EXPECT_OUTPUT(text);
    settle();
    publish_change();
    ck_assert_int_eq(exit_code(), 0);
    (void)snprintf(text, sizeof(text), "A chair: sold for USD 55.00 to %s, bids: 2\n", name);
    EXPECT_OUTPUT(text);
    ck_assert_msg(strchr(out, '\x1b') == NULL, "%s", out);
}
END_TEST

START_TEST(a_terminal_gets_a_page_and_is_restored)
{
    char name[PSEUDONYM_SIZE];
    char text[PATH_SIZE];
    name_of(ann, name);
    watch_on_terminal();
    EXPECT_OUTPUT(ENTER);
    EXPECT_OUTPUT("A chair");
    EXPECT_OUTPUT("ends in ");
    EXPECT_OUTPUT("reserve not met");
    bid("20.00");
    bid("80.00");
    publish_change();
    EXPECT_OUTPUT("▁▂█");
    EXPECT_OUTPUT("\x1b[1;32m80.00\x1b[0m   bids: 2   minimum: 81.00   reserve met");
    (void)snprintf(text, sizeof(text), "  %s          80.00", name);
    EXPECT_OUTPUT(text);
    settle();
    publish_change();
    ck_assert_int_eq(exit_code(), 0);
    (void)snprintf(text, sizeof(text), LEAVE "A chair: sold for USD 80.00 to %s, bids: 2", name);
    EXPECT_OUTPUT(text);
}
END_TEST

START_TEST(a_long_auction_shows_its_latest_bids_only)
{
    for (int i = 11; i < 30; i++) {
        char amount[16];
        (void)snprintf(amount, sizeof(amount), "%d", i);
        bid(amount);
    }
    watch_on_terminal();
    EXPECT_OUTPUT("  29.00");
    EXPECT_OUTPUT("  24.00");
    ck_assert(!has_output("  23.00"));
    ck_assert_int_eq(kill(child, SIGINT), 0);
    ck_assert_int_eq(exit_code(), 128 + SIGINT);
    EXPECT_OUTPUT(LEAVE);
}
END_TEST

START_TEST(colours_can_be_switched_off)
{
    ck_assert_int_eq(setenv("NO_COLOR", "1", 1), 0);
    bid("20.00");
    watch_on_terminal();
    EXPECT_OUTPUT("USD 20.00   bids: 1");
    ck_assert_int_eq(kill(child, SIGTERM), 0);
    ck_assert_int_eq(exit_code(), 128 + SIGTERM);
}
END_TEST

START_TEST(the_last_minute_is_shown_in_red)
{
    change("end_time = now() + '30 s'");
    watch_on_terminal();
    EXPECT_OUTPUT("\x1b[1;31mends in 00:");
    change("status = 'ended', end_time = now()");
    publish_change();
    EXPECT_OUTPUT("ended, being settled");
    change("status = 'unsold', settled_at = now()");
    publish_change();
    ck_assert_int_eq(exit_code(), 0);
    EXPECT_OUTPUT(LEAVE "A chair: unsold, no bids");
}
END_TEST

START_TEST(control_characters_in_a_title_are_replaced)
{
    change("title = E'A \\x1b]0;owned\\x07chair\\u009b2J'");
    watch_into_pipe();
    EXPECT_OUTPUT("active");
    change("status = 'cancelled'");
    publish_change();
    ck_assert_int_eq(exit_code(), 0);
    EXPECT_OUTPUT("A  ]0;owned chair  2J: cancelled\n");
}
END_TEST

START_TEST(an_auction_that_is_over_is_printed_at_once)
{
    bid("20.00");
    change("status = 'unsold', settled_at = now()");
    watch_into_pipe();
    ck_assert_int_eq(exit_code(), 0);
    EXPECT_OUTPUT("A chair: unsold, reserve not met\n");
}
END_TEST

START_TEST(without_redis_watch_polls_postgresql)
{
    ck_assert_int_eq(setenv("ROSTRUM_REDIS_URL", "redis://127.0.0.1:1", 1), 0);
    watch_on_terminal();
    EXPECT_OUTPUT("Redis does not answer");
    bid("20.00");
    EXPECT_OUTPUT("\x1b[1;32m20.00");
    settle();
    ck_assert_int_eq(exit_code(), 0);
}
END_TEST

START_TEST(watch_continues_after_a_lost_connection_to_postgresql)
{
    watch_into_pipe();
    EXPECT_OUTPUT("bids: 0");
    PQclear(sql_rows(
        sql, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rostrumctl'", NULL));
    bid("20.00");
    EXPECT_OUTPUT("USD 20.00");
    settle();
    ck_assert_int_eq(exit_code(), 0);
}
END_TEST

START_TEST(wrong_arguments_and_unknown_auctions_are_refused)
{
    char text[DEPLOYMENT_OUTPUT_SIZE];
    ck_assert_int_eq(deployment_ctl(text, sizeof(text), "watch", NULL), 2);
    ck_assert_int_eq(deployment_ctl(text, sizeof(text), "watch", "chair", NULL), 2);
    ck_assert_int_eq(deployment_ctl(text, sizeof(text), "watch", seller, NULL), 1);
    ck_assert_ptr_nonnull(strstr(text, "there is no auction"));
    ck_assert_int_eq(deployment_ctl(text, sizeof(text), "watch", "--help", NULL), 0);
    ck_assert_ptr_nonnull(strstr(text, "sparkline"));
}
END_TEST

static Suite *watch_suite(void)
{
    Suite *suite = suite_create("watch");
    TCase *tcase = tcase_create("watch");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_pipe_gets_one_line_for_each_change_and_the_outcome);
    tcase_add_test(tcase, a_terminal_gets_a_page_and_is_restored);
    tcase_add_test(tcase, a_long_auction_shows_its_latest_bids_only);
    tcase_add_test(tcase, colours_can_be_switched_off);
    tcase_add_test(tcase, the_last_minute_is_shown_in_red);
    tcase_add_test(tcase, control_characters_in_a_title_are_replaced);
    tcase_add_test(tcase, an_auction_that_is_over_is_printed_at_once);
    tcase_add_test(tcase, without_redis_watch_polls_postgresql);
    tcase_add_test(tcase, watch_continues_after_a_lost_connection_to_postgresql);
    tcase_add_test(tcase, wrong_arguments_and_unknown_auctions_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    tables_make("watch_test");
    int code = suite_run(watch_suite());
    tables_drop();
    return code;
}
