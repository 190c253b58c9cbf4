/*
 * Programs with a wrong clock against real servers. A gateway refuses bids, an end worker publishes no end and gives up
 * its lead, and both resume when the clock is right again. A program whose settings contradict the record of the
 * deployment does not run. Time in which the machine is suspended counts against the
 * deadline of a bid. The test plays the bid worker.
 */
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/message.h"
#include "common/protocol/topology.h"
#include "tests/support/deployment.h"
#include "tests/support/expect.h"
#include "tests/support/factory.h"
#include "tests/support/listing.h"
#include "tests/support/program.h"
#include "tests/support/queues.h"
#include "tests/support/scratch.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"
#include "tests/support/wrong_clock.h"

enum {
    DEADLINE_MS = 30000, /* for any single wait */
    WRONG_MS = 5000,
    GRACE_MS = 2000,   /* fence_grace_ms */
    CONFIRM_MS = 1500, /* confirm_deadline_ms */
    SKEW_MS = 200,     /* clock_skew_max_ms */
    LASTS_MS = 1500,   /* of an auction: a wrong fence would come at once */
    SUSPEND_MS = 5000, /* longer than confirm_deadline_ms */
    SETTINGS_SIZE = 512,
    URL_SIZE = 64,
};

static const char leader_pid[] = "SELECT coalesce((SELECT pid FROM pg_locks WHERE locktype = 'advisory' "
                                 "AND classid = 1383035717 AND granted AND database = "
                                 "(SELECT oid FROM pg_database WHERE datname = current_database())), 0)";

static const char end_settings[] = "[endworker]\nschedule_poll_ms = 20\nfence_repeat_ms = 150\n";

static struct sql *sql;
static struct queues *queues;
static struct wrong_clock wrong;
static char config[PROGRAM_SETTINGS_SIZE];

static void open_servers(void)
{
    const char *url = getenv("ROSTRUM_PG_URL");
    ck_assert_msg(url != NULL, "ROSTRUM_PG_URL is not set");
    sql = sql_open(url);
    ck_assert_ptr_nonnull(sql);
    queues = queues_open();
    listing_clear(sql);
    PQclear(sql_rows(sql, "DELETE FROM program_clocks", NULL)); /* of programs of the test before */
    wrong_clock_open(&wrong);
}

static void close_servers(void)
{
    queues_purge_shards(queues, sql_shards(sql));
    program_settings_remove(config);
    wrong_clock_close(&wrong);
    listing_clear(sql);
    queues_close(queues);
    sql_close(sql);
}

/* Creates a queue that receives the commands of one auction. */
static void tap_auction(const char *auction, char tap[static QUEUES_NAME_SIZE])
{
    queues_tap_auction(queues, sql_shards(sql), auction, tap);
}

static bool take(const char *tap)
{
    struct queues_message message;
    bool taken = queues_take(queues, tap, &message);
    if (taken) {
        free(message.body);
    }
    return taken;
}

/* ---- the end worker ---- */

/* An active auction that ends in LASTS_MS, and its queue. */
static int64_t open_auction(char tap[static QUEUES_NAME_SIZE])
{
    char seller[UUID_TEXT_SIZE];
    char auction[UUID_TEXT_SIZE];
    int64_t end_ms = clock_now_ms() + LASTS_MS;
    listing_user(sql, seller);
    listing_new(sql, &(struct listing){.end_ms = end_ms}, seller, auction);
    tap_auction(auction, tap);
    return end_ms;
}

START_TEST(an_end_worker_with_a_wrong_clock_gives_up_its_lead_and_ends_nothing)
{
    char tap[QUEUES_NAME_SIZE];
    program_settings(end_settings, config);
    pid_t first = wrong_clock_start(&wrong, "rostrum-endworker", config);
    SUITE_WAIT(sql_int(sql, leader_pid, NULL) > 0, DEADLINE_MS);
    int64_t lock = sql_int(sql, leader_pid, NULL);
    pid_t second = program_start("rostrum-endworker", config);
    atomic_store(&wrong.offsets->wrong_ms, WRONG_MS);
    int64_t end_ms = open_auction(tap);
    SUITE_WAIT(sql_int(sql, leader_pid, NULL) > 0 && sql_int(sql, leader_pid, NULL) != lock, DEADLINE_MS);
    SUITE_WAIT(take(tap), DEADLINE_MS);
    ck_assert_int_ge(clock_now_ms(), end_ms + GRACE_MS);
    /* With a right clock it leads again when the other has ended. */
    lock = sql_int(sql, leader_pid, NULL);
    atomic_store(&wrong.offsets->wrong_ms, 0);
    ck_assert_int_eq(program_end(second, SIGTERM), 0);
    SUITE_WAIT(sql_int(sql, leader_pid, NULL) > 0 && sql_int(sql, leader_pid, NULL) != lock, DEADLINE_MS);
    ck_assert_int_eq(program_end(first, SIGTERM), 0);
}
END_TEST

START_TEST(an_end_worker_that_starts_with_a_wrong_clock_does_not_lead)
{
    char tap[QUEUES_NAME_SIZE];
    program_settings(end_settings, config);
    atomic_store(&wrong.offsets->wrong_ms, WRONG_MS);
    int64_t end_ms = open_auction(tap);
    pid_t first = wrong_clock_start(&wrong, "rostrum-endworker", config);
    SUITE_WAIT(clock_now_ms() > end_ms, DEADLINE_MS);
    ck_assert_int_eq(sql_int(sql, leader_pid, NULL), 0);
    ck_assert_int_eq(queues_depth(queues, tap), 0);
    atomic_store(&wrong.offsets->wrong_ms, 0);
    SUITE_WAIT(take(tap), DEADLINE_MS);
    ck_assert_int_ge(clock_now_ms(), end_ms + GRACE_MS);
    ck_assert_int_eq(program_end(first, SIGTERM), 0);
}
END_TEST

/* ---- the culprit ---- */

/* Starts an end worker whose log goes to `file`. */
static pid_t start_logged(const char *file, bool with_wrong_clock)
{
    int before = dup(STDERR_FILENO);
    int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert(before >= 0 && fd >= 0);
    ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
    pid_t pid = with_wrong_clock ? wrong_clock_start(&wrong, "rostrum-endworker", config)
                                 : program_start("rostrum-endworker", config);
    ck_assert_int_ge(dup2(before, STDERR_FILENO), 0);
    ck_assert_int_eq(close(before), 0);
    ck_assert_int_eq(close(fd), 0);
    return pid;
}

/* How many lines of the file contain the text. */
static int lines_with(const char *file, const char *text)
{
    char line[LOG_LINE_MAX + 1];
    int count = 0;
    FILE *stream = fopen(file, "r");
    ck_assert_ptr_nonnull(stream);
    while (fgets(line, sizeof(line), stream) != NULL) {
        count += strstr(line, text) != NULL;
    }
    ck_assert_int_eq(fclose(stream), 0);
    return count;
}

/* Of two end workers, both or one have a clock that is ahead. */
START_TEST(the_log_names_the_clock_that_is_wrong)
{
    static const char database[] = "the database's clock is";
    static const char own[] = "this machine's clock is";
    bool both = _i == 0;
    char file[PROGRAM_SETTINGS_SIZE];
    scratch_pattern("log", file, sizeof(file));
    ck_assert_int_eq(close(mkstemp(file)), 0);
    program_settings(end_settings, config);
    atomic_store(&wrong.offsets->wrong_ms, WRONG_MS);
    pid_t first = start_logged(file, true);
    pid_t second = start_logged(file, both);
    SUITE_WAIT(lines_with(file, both ? database : own) == (both ? 2 : 1), DEADLINE_MS);
    ck_assert_int_eq(lines_with(file, both ? own : database), 0);
    ck_assert_int_eq(program_end(first, SIGTERM), 0);
    ck_assert_int_eq(program_end(second, SIGTERM), 0);
    ck_assert_int_eq(unlink(file), 0);
}
END_TEST

/* ---- the record ---- */

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    ck_assert_int_eq(close(fd), 0);
    return ntohs(address.sin_port);
}

static const char contradiction[] = "[endworker]\nfence_grace_ms = 3000\n[gateway]\nworkers = 2\n";

static const char *const programs[] = {"rostrum-gateway", "rostrum-endworker"};

/* Waits for the program's end by itself and returns its exit code. */
static int exit_code_of(pid_t pid)
{
    int status = 0;
    SUITE_WAIT(waitpid(pid, &status, WNOHANG) == pid, DEADLINE_MS);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(a_program_whose_settings_contradict_the_record_does_not_run)
{
    char port[SETTINGS_SIZE];
    (void)snprintf(port, sizeof(port), "%slisten_port = %d\n", contradiction, free_port());
    program_settings(port, config);
    ck_assert_int_eq(exit_code_of(program_start(programs[_i], config)), 2);
    ck_assert_int_eq(sql_int(sql, leader_pid, NULL), 0);
}
END_TEST

/* An operator has changed the record although programs run. */
START_TEST(a_running_end_worker_ends_when_the_record_contradicts_its_settings)
{
    program_settings(end_settings, config);
    pid_t pid = program_start("rostrum-endworker", config);
    SUITE_WAIT(sql_int(sql, leader_pid, NULL) > 0, DEADLINE_MS);
    PQclear(sql_rows(sql, "UPDATE topology SET fence_grace_ms = fence_grace_ms + 1000", NULL));
    int code = exit_code_of(pid);
    PQclear(sql_rows(sql, "UPDATE topology SET fence_grace_ms = fence_grace_ms - 1000", NULL));
    ck_assert_int_eq(code, 2);
}
END_TEST

static int migrate_as_configured(const char *option, char out[static DEPLOYMENT_OUTPUT_SIZE])
{
    (void)setenv("ROSTRUM_CONF", config, 1);
    int code = deployment_ctl(out, DEPLOYMENT_OUTPUT_SIZE, "migrate", option, NULL);
    (void)unsetenv("ROSTRUM_CONF");
    return code;
}

static void expect_record(int grace_ms, int deadline_ms)
{
    ck_assert_int_eq(sql_int(sql, "SELECT fence_grace_ms FROM topology", NULL), grace_ms);
    ck_assert_int_eq(sql_int(sql, "SELECT confirm_deadline_ms FROM topology", NULL), deadline_ms);
}

START_TEST(migrate_changes_the_record_only_on_request_and_while_no_program_runs)
{
    static char out[DEPLOYMENT_OUTPUT_SIZE];
    program_settings(end_settings, config);
    pid_t pid = program_start("rostrum-endworker", config);
    SUITE_WAIT(sql_int(sql, leader_pid, NULL) > 0, DEADLINE_MS);
    ck_assert_int_eq(migrate_as_configured(NULL, out), 0);
    program_settings_remove(config);
    program_settings(contradiction, config);
    ck_assert_int_eq(migrate_as_configured(NULL, out), 1);
    ck_assert_ptr_nonnull(strstr(out, "contradict the record (2000 and 1500)"));
    ck_assert_ptr_nonnull(strstr(out, "rostrumctl migrate --timing"));
    ck_assert_int_eq(migrate_as_configured("--timing", out), 1);
    ck_assert_ptr_nonnull(strstr(out, "stop all of them first"));
    expect_record(GRACE_MS, CONFIRM_MS);
    ck_assert_int_eq(program_end(pid, SIGTERM), 0);
    SUITE_WAIT(migrate_as_configured("--timing", out) == 0, DEADLINE_MS); /* its sessions may end a little later */
    expect_record(3000, CONFIRM_MS);
    program_settings_remove(config);
    program_settings(end_settings, config);
    ck_assert_int_eq(migrate_as_configured("--timing", out), 0);
    expect_record(GRACE_MS, CONFIRM_MS);
}
END_TEST

/* ---- the gateway ---- */

static struct {
    pid_t pid;
    char url[URL_SIZE];
    struct client *client;
    struct factory_user seller;
    struct factory_user bidder;
    char auction[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    int cents; /* of the next bid */
} gateway;

static const struct reply *ready(void)
{
    client_token(gateway.client, NULL);
    return client_call(gateway.client, "GET", "/ready", NULL);
}

static void open_gateway(void)
{
    char ini[SETTINGS_SIZE];
    int port = free_port();
    open_servers();
    (void)snprintf(gateway.url, sizeof(gateway.url), "http://127.0.0.1:%d", port);
    (void)snprintf(ini, sizeof(ini),
                   "[gateway]\nlisten_port = %d\nworkers = 1\n[images]\nimage_folder = /tmp\n[auth]\nargon2_ops = 1\n"
                   "argon2_memory_kib = 8\n[limits]\nbids_per_minute = 0\nauctions_per_hour = 0\n"
                   "logins_per_minute = 0\nregistrations_per_hour = 0\n",
                   port);
    program_settings(ini, config);
    gateway.pid = wrong_clock_start(&wrong, "rostrum-gateway", config);
    gateway.client = client_new(gateway.url);
    gateway.cents = 1000;
    SUITE_WAIT(ready()->status == 200, DEADLINE_MS);
    ck_assert(factory_user(gateway.client, &gateway.seller, "Seller"));
    ck_assert(factory_user(gateway.client, &gateway.bidder, "Bidder"));
    ck_assert(
        factory_auction(gateway.client, &gateway.seller, &(struct factory_terms){.title = NULL}, gateway.auction));
    tap_auction(gateway.auction, gateway.tap);
}

static void close_gateway(void)
{
    client_free(gateway.client);
    ck_assert_int_eq(program_end(gateway.pid, SIGTERM), 0);
    close_servers();
}

static const struct reply *bid(struct client *client)
{
    gateway.cents += 100;
    client_token(client, gateway.bidder.token);
    return client_call(client, "POST", client_format("/api/v1/auctions/%s/bids", gateway.auction),
                       client_format("{\"amount\": %d.%02d}", gateway.cents / 100, gateway.cents % 100));
}

static const int64_t wrong_offsets[] = {-WRONG_MS, WRONG_MS};

START_TEST(a_gateway_with_a_wrong_clock_refuses_bids)
{
    EXPECT_STATUS(bid(gateway.client), 202);
    SUITE_WAIT(take(gateway.tap), DEADLINE_MS);
    atomic_store(&wrong.offsets->wrong_ms, wrong_offsets[_i]);
    SUITE_WAIT(bid(gateway.client)->status == 503, DEADLINE_MS);
    while (take(gateway.tap)) { /* bids that it took before it had measured its clock */
    }
    EXPECT_ERROR(bid(gateway.client), 503, "UNAVAILABLE");
    ck_assert_str_ne(client_reply_header(gateway.client, "Retry-After"), "");
    SUITE_WAIT(labs(strtol(reply_text(ready(), "clockOffsetMs"), NULL, 10) - wrong_offsets[_i]) < SKEW_MS, DEADLINE_MS);
    EXPECT_STATUS(ready(), 503);
    EXPECT_TEXT(ready(), "degraded.0", "clock");
    EXPECT_STATUS(client_call(gateway.client, "GET", client_format("/api/v1/auctions/%s", gateway.auction), NULL), 200);
    ck_assert_int_eq(queues_depth(queues, gateway.tap), 0);
    atomic_store(&wrong.offsets->wrong_ms, 0);
    SUITE_WAIT(bid(gateway.client)->status == 202, DEADLINE_MS);
    SUITE_WAIT(ready()->status == 200, DEADLINE_MS);
}
END_TEST

/* Two steps, each within the bound, make the clock wrong. The second one is not measured yet when it counts. */
START_TEST(a_gateway_whose_clock_is_set_again_refuses_bids_at_once)
{
    enum { STEP_MS = 150, NEAR_MS = 50 };
    atomic_store(&wrong.offsets->wrong_ms, STEP_MS);
    SUITE_WAIT(labs(strtol(reply_text(ready(), "clockOffsetMs"), NULL, 10) - STEP_MS) < NEAR_MS, DEADLINE_MS);
    SUITE_WAIT(bid(gateway.client)->status == 202, DEADLINE_MS);
    atomic_store(&wrong.offsets->wrong_ms, INT64_C(2) * STEP_MS);
    EXPECT_ERROR(bid(gateway.client), 503, "UNAVAILABLE");
    atomic_store(&wrong.offsets->wrong_ms, 0);
    SUITE_WAIT(bid(gateway.client)->status == 202, DEADLINE_MS);
}
END_TEST

START_TEST(a_gateway_with_a_wrong_clock_refuses_changes_of_auctions)
{
    const char *path = client_format("/api/v1/auctions/%s", gateway.auction);
    atomic_store(&wrong.offsets->wrong_ms, WRONG_MS);
    SUITE_WAIT(ready()->status == 503, DEADLINE_MS);
    client_token(gateway.client, gateway.seller.token);
    EXPECT_ERROR(client_call(gateway.client, "DELETE", path, NULL), 503, "UNAVAILABLE");
    ck_assert_int_eq(queues_depth(queues, gateway.tap), 0);
}
END_TEST

/* Bids in a child process, which ends with 0 if the answer was 503. */
static pid_t bid_in_child(void)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct client *client = client_new(gateway.url);
        _exit(bid(client)->status == 503 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    return pid;
}

static void lock_auctions(struct sql *by, const char *statement)
{
    PGresult *result = sql_rows(by, statement, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

/*
 * The gateway has received a bid and waits for the auction's row, which is locked. Then the machine is suspended for
 * longer than the confirm deadline. The fence may have been published meanwhile, so the bid must not be.
 */
START_TEST(a_bid_received_before_the_machine_was_suspended_is_not_published)
{
    static const char waiting[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                                  "AND application_name LIKE 'rostrum-gateway%' "
                                  "AND datname = current_database()";
    struct sql *other = sql_open(getenv("ROSTRUM_PG_URL"));
    int status = 0;
    ck_assert_ptr_nonnull(other);
    /* Redis has no snapshot, so the gateway reads the row. */
    listing_new(sql, &(struct listing){.end_ms = 0}, gateway.seller.id, gateway.auction);
    tap_auction(gateway.auction, gateway.tap);
    lock_auctions(other, "BEGIN");
    lock_auctions(other, "LOCK TABLE auctions IN ACCESS EXCLUSIVE MODE");
    pid_t child = bid_in_child();
    SUITE_WAIT(sql_int(sql, waiting, NULL) > 0, DEADLINE_MS);
    atomic_store(&wrong.offsets->suspended_ms, SUSPEND_MS);
    lock_auctions(other, "ROLLBACK");
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), EXIT_SUCCESS);
    ck_assert_int_eq(queues_depth(queues, gateway.tap), 0);
    sql_close(other);
}
END_TEST

static Suite *clock_suite(void)
{
    Suite *suite = suite_create("clock");
    TCase *end = tcase_create("end worker");
    tcase_add_checked_fixture(end, open_servers, close_servers);
    tcase_set_timeout(end, 2 * DEADLINE_MS / 1000.0);
    tcase_add_test(end, an_end_worker_with_a_wrong_clock_gives_up_its_lead_and_ends_nothing);
    tcase_add_test(end, an_end_worker_that_starts_with_a_wrong_clock_does_not_lead);
    tcase_add_loop_test(end, the_log_names_the_clock_that_is_wrong, 0, 2);
    suite_add_tcase(suite, end);
    TCase *record = tcase_create("record");
    tcase_add_checked_fixture(record, open_servers, close_servers);
    tcase_set_timeout(record, 2 * DEADLINE_MS / 1000.0);
    tcase_add_loop_test(record, a_program_whose_settings_contradict_the_record_does_not_run, 0,
                        (int)ARRAY_LEN(programs));
    tcase_add_test(record, a_running_end_worker_ends_when_the_record_contradicts_its_settings);
    tcase_add_test(record, migrate_changes_the_record_only_on_request_and_while_no_program_runs);
    suite_add_tcase(suite, record);
    TCase *front = tcase_create("gateway");
    tcase_add_checked_fixture(front, open_gateway, close_gateway);
    tcase_set_timeout(front, 2 * DEADLINE_MS / 1000.0);
    tcase_add_loop_test(front, a_gateway_with_a_wrong_clock_refuses_bids, 0, (int)ARRAY_LEN(wrong_offsets));
    tcase_add_test(front, a_gateway_whose_clock_is_set_again_refuses_bids_at_once);
    tcase_add_test(front, a_gateway_with_a_wrong_clock_refuses_changes_of_auctions);
    tcase_add_test(front, a_bid_received_before_the_machine_was_suspended_is_not_published);
    suite_add_tcase(suite, front);
    return suite;
}

int main(void)
{
    return suite_run(clock_suite());
}
