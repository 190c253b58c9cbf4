/*
 * What the programs count: Prometheus text on listeners of their own, whose numbers agree with what was done, also
 * after a gateway worker was killed. The tests of a deployment run one after the other, so that nobody else counts
 * meanwhile.
 *
 * Runs alone: it counts what the whole deployment did.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/exposition.h"
#include "tests/support/fixture.h"

enum { METRICS_TEXT_SIZE = 262144, METRICS_WAIT_MS = 20000 };

static const char *const programs[] = {"gateway", "bidworker-1", "bidworker-2", "endworker", "notifyworker"};

/* Where the programs show their metrics, as `make status` prints it; asked once in each test's process. */
static const char *address(const char *program)
{
    static char table[DEPLOYMENT_OUTPUT_SIZE];
    char name[64];
    char digits[16];
    long port = 0;
    if (table[0] == '\0') {
        ck_assert_int_eq(deployment_script(table, sizeof(table), "status", NULL), 0);
    }
    for (const char *line = table; line != NULL && port == 0; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (sscanf(line, "%63s %*s %*s %15s", name, digits) == 2 && strcmp(name, program) == 0) {
            port = strtol(digits, NULL, 10);
        }
    }
    ck_assert_msg(port > 0, "no metrics of %s in %s", program, table);
    return client_format("http://127.0.0.1:%ld", port);
}

/* What the program shows now, checked; valid until the next call. */
static const char *metrics(const char *program)
{
    static char text[METRICS_TEXT_SIZE];
    struct client *client = client_new(address(program));
    ck_assert_ptr_nonnull(client);
    const struct reply *reply = client_call(client, "GET", "/metrics", NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_ptr_nonnull(strstr(client_reply_header(client, "Content-Type"), "text/plain; version=0.0.4"));
    ck_assert_uint_lt(reply->length, sizeof(text));
    (void)snprintf(text, sizeof(text), "%s", reply->body);
    client_free(client);
    exposition_check(text);
    return text;
}

/* Over all programs. */
static int64_t sum(const char *name, const char *labels)
{
    int64_t all = 0;
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        all += exposition_sum(metrics(programs[i]), name, labels);
    }
    return all;
}

START_TEST(every_program_shows_what_it_counts)
{
    static const char *const counted[][3] = {
        {"gateway", "rostrum_http_requests_total", "status=\"201\""},
        {"gateway", "rostrum_http_request_seconds_count", "route=\"/api/v1/auctions\""},
        {"gateway", "rostrum_connections_total", "result=\"kept\""},
        {"gateway", "rostrum_auctions_created_total", ""},
        {"gateway", "rostrum_sql_seconds_count", "statement=\"auction_add\""},
        {"gateway", "rostrum_log_lines_total", "level=\"info\""},
        {"bidworker-1", "rostrum_sql_seconds_count", ""},
        {"endworker", "rostrum_endworker_leader", ""},
        {"endworker", "rostrum_sql_seconds_count", "statement=\"due_fences\""},
        {"notifyworker", "rostrum_log_lines_total", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        ck_assert_uint_gt(strlen(metrics(programs[i])), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(counted); i++) {
        ck_assert_msg(exposition_sum(metrics(counted[i][0]), counted[i][1], counted[i][2]) > 0, "%s: %s{%s}",
                      counted[i][0], counted[i][1], counted[i][2]);
    }
}
END_TEST

START_TEST(ten_bids_are_ten)
{
    static const struct {
        const char *name;
        const char *labels;
        int64_t more;
    } numbers[] = {
        {"rostrum_http_requests_total", "route=\"/api/v1/auctions/:id/bids\",status=\"202\"", 10},
        {"rostrum_http_requests_total", "route=\"/api/v1/auctions/:id/bids\",status=\"400\"", 1},
        {"rostrum_http_request_seconds_count", "method=\"POST\",route=\"/api/v1/auctions/:id/bids\"", 11},
        {"rostrum_bid_accept_seconds_count", "", 10},
        {"rostrum_refusals_total", "reason=\"BID_TOO_LOW\"", 1},
        {"rostrum_bids_total", "kind=\"bid\",outcome=\"accepted\"", 10},
        {"rostrum_bids_total", "outcome=\"outbid\"", 0},
        {"rostrum_bids_rejected_total", "", 0},
        {"rostrum_bid_decision_seconds_count", "", 10},
        {"rostrum_batch_commands_sum", "", 10},
        {"rostrum_notifications_total", "kind=\"OUTBID\"", 9},
        {"rostrum_auctions_created_total", "", 0},
    };
    int64_t before[ARRAY_LEN(numbers)];
    char id[UUID_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        before[i] = sum(numbers[i].name, numbers[i].labels);
    }
    for (int bid = 1; bid <= 10; bid++) {
        const struct factory_user *bidder = bid % 2 == 0 ? &fixture.ann : &fixture.bob;
        fixture_submit(bidder, fixture.auction, client_format("%d.00", 10 + bid), id);
    }
    EXPECT_ERROR(fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": 1.00}"), 400, "BID_TOO_LOW");
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        SUITE_WAIT(sum(numbers[i].name, numbers[i].labels) >= before[i] + numbers[i].more, METRICS_WAIT_MS);
        int64_t more = sum(numbers[i].name, numbers[i].labels) - before[i];
        /* Auctions of other tests start and end meanwhile, and that is decided too. */
        bool others_too = strcmp(numbers[i].name, "rostrum_batch_commands_sum") == 0;
        ck_assert_msg(more == numbers[i].more || others_too, "%s{%s} rose by %lld", numbers[i].name, numbers[i].labels,
                      (long long)more);
    }
}
END_TEST

START_TEST(who_waits_is_measured)
{
    int64_t before = sum("rostrum_bid_wait_seconds_count", "");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "20.00"), 200);
    ck_assert_int_eq(sum("rostrum_bid_wait_seconds_count", ""), before + 1);
}
END_TEST

START_TEST(the_hammer_is_counted)
{
    int64_t unsold = sum("rostrum_auctions_ended_total", "outcome=\"unsold\"");
    char id[UUID_TEXT_SIZE];
    struct factory_terms terms = {.lasts_ms = 2000};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    SUITE_WAIT(factory_has_status(fixture.client, id, "unsold"), METRICS_WAIT_MS);
    SUITE_WAIT(sum("rostrum_auctions_ended_total", "outcome=\"unsold\"") > unsold, METRICS_WAIT_MS);
    SUITE_WAIT(sum("rostrum_notifications_total", "kind=\"AUCTION_UNSOLD\"") > 0, METRICS_WAIT_MS);
}
END_TEST

START_TEST(changes_and_cancellations_are_counted)
{
    static const struct {
        const char *name;
        const char *labels;
        int64_t more;
    } numbers[] = {
        {"rostrum_bids_total", "kind=\"update\",outcome=\"accepted\"", 1},
        {"rostrum_bids_total", "kind=\"cancel\",outcome=\"accepted\"", 1},
        {"rostrum_bids_total", "kind=\"other\"", 0},
        {"rostrum_notifications_total", "kind=\"AUCTION_CANCELLED\"", 2}, /* to the seller, and to who watches */
        {"rostrum_notifications_total", "kind=\"other\"", 0},
    };
    int64_t before[ARRAY_LEN(numbers)];
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        before[i] = sum(numbers[i].name, numbers[i].labels);
    }
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/users/me/watchlist",
                               client_format("{\"auctionId\": \"%s\"}", fixture.auction)),
                  201);
    EXPECT_STATUS(fixture_call(&fixture.seller, "PUT", fixture_path(""), "{\"version\": 1, \"title\": \"A sofa\"}"),
                  200);
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", fixture_path(""), NULL), 204);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        SUITE_WAIT(sum(numbers[i].name, numbers[i].labels) >= before[i] + numbers[i].more, METRICS_WAIT_MS);
        ck_assert_int_eq(sum(numbers[i].name, numbers[i].labels), before[i] + numbers[i].more);
    }
}
END_TEST

/* Shards whose depth is shown, by whichever bid worker serves them. */
static int64_t shards_shown(void)
{
    static const char depth[] = "rostrum_shard_ready_messages";
    size_t first = exposition_count(metrics("bidworker-1"), depth, "");
    return (int64_t)(first + exposition_count(metrics("bidworker-2"), depth, ""));
}

START_TEST(every_shard_shows_its_depth)
{
    int64_t shards = sql_int(fixture.sql, "SELECT shards FROM topology", NULL);
    ck_assert_int_gt(shards, 0);
    SUITE_WAIT(shards_shown() == shards, METRICS_WAIT_MS);
}
END_TEST

static int64_t answered(void)
{
    return exposition_sum(metrics("gateway"), "rostrum_http_requests_total", "route=\"/api/v1/time\",status=\"200\"");
}

/* Over fresh connections, which land on all workers. */
static void ask(int times)
{
    for (int i = 0; i < times; i++) {
        client_header(fixture.client, "Connection: close");
        EXPECT_STATUS(fixture_call(NULL, "GET", "/api/v1/time", NULL), 200);
    }
}

START_TEST(a_killed_worker_loses_nothing)
{
    enum { ASKED = 25 };
    int64_t before = answered();
    ask(ASKED);
    pid_t worker = deployment_child(deployment_pid("gateway"));
    ck_assert_int_gt(worker, 0);
    SUITE_WAIT(answered() == before + ASKED, METRICS_WAIT_MS); /* an answer is counted once it is sent */
    ck_assert_int_eq(kill(worker, SIGKILL), 0);
    SUITE_WAIT(kill(worker, 0) != 0 && exposition_sum(metrics("gateway"), "rostrum_gateway_workers", "") == 2,
               METRICS_WAIT_MS);
    ck_assert_int_eq(answered(), before + ASKED);
    ask(ASKED);
    SUITE_WAIT(answered() == before + INT64_C(2) * ASKED, METRICS_WAIT_MS);
    SUITE_WAIT(deployment_ready(), DEPLOYMENT_READY_MS);
}
END_TEST

START_TEST(the_listener_shows_nothing_else)
{
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        struct client *client = client_new(address(programs[i]));
        ck_assert_ptr_nonnull(client);
        ck_assert_int_eq(client_call(client, "GET", "/api/v1/time", NULL)->status, 404);
        ck_assert_int_eq(client_call(client, "GET", "/", NULL)->status, 404);
        client_free(client);
    }
}
END_TEST

static Suite *metrics_suite(void)
{
    const TTest *const tests[] = {
        every_program_shows_what_it_counts,
        ten_bids_are_ten,
        who_waits_is_measured,
        the_hammer_is_counted,
        changes_and_cancellations_are_counted,
        every_shard_shows_its_depth,
        a_killed_worker_loses_nothing,
        the_listener_shows_nothing_else,
        NULL,
    };
    return fixture_suite("metrics", tests);
}

int main(void)
{
    return suite_run(metrics_suite());
}
