/*
 * Metrics of all programs: valid Prometheus text on each metrics listener, with counters that match the requests made,
 * also after a gateway worker was killed.
 *
 * Runs alone: its counters cover the whole deployment.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/support/deployment.h"
#include "tests/support/exposition.h"
#include "tests/support/fixture.h"

enum { METRICS_TEXT_SIZE = 1048576, METRICS_WAIT_MS = 60000, NUMBERS_MAX = 16 };

static const char *const programs[] = {"gateway", "bidworker-1", "bidworker-2", "endworker", "notifyworker"};

/* URL of a program's metrics listener, from the table of `make status`, which is read once per test process. */
static const char *metrics_url(const char *program)
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

/* The program's metrics now, after a check of their format. The text is valid until the next call. */
static const char *read_metrics(const char *program)
{
    static char text[METRICS_TEXT_SIZE];
    struct client *client = client_new(metrics_url(program));
    ck_assert_ptr_nonnull(client);
    const struct reply *reply = client_call(client, "GET", "/metrics", NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_ptr_nonnull(strstr(client_reply_header(client, "Content-Type"), "text/plain; version=0.0.4"));
    ck_assert_str_eq(client_reply_header(client, "X-Content-Type-Options"), "nosniff");
    ck_assert_str_eq(client_reply_header(client, "Cache-Control"), "no-store");
    ck_assert_uint_lt(reply->length, sizeof(text));
    (void)snprintf(text, sizeof(text), "%s", reply->body);
    client_free(client);
    exposition_check(text);
    return text;
}

struct number {
    const char *name;
    const char *labels;
    int64_t increase; /* that the test expects */
};

/* Sums each number over all programs, whose texts are read once: they are long, and their check takes time. */
static void sum_numbers(const struct number *numbers, size_t count, int64_t sums[static NUMBERS_MAX])
{
    ck_assert_uint_le(count, NUMBERS_MAX);
    memset(sums, 0, count * sizeof(sums[0]));
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        const char *text = read_metrics(programs[i]);
        for (size_t k = 0; k < count; k++) {
            sums[k] += exposition_sum(text, numbers[k].name, numbers[k].labels);
        }
    }
}

static int64_t sum_all(const char *name, const char *labels)
{
    const struct number number = {.name = name, .labels = labels};
    int64_t sums[NUMBERS_MAX];
    sum_numbers(&number, 1, sums);
    return sums[0];
}

static bool have_risen(const struct number *numbers, size_t count, const int64_t *before)
{
    int64_t now[NUMBERS_MAX];
    sum_numbers(numbers, count, now);
    for (size_t i = 0; i < count; i++) {
        if (now[i] < before[i] + numbers[i].increase) {
            return false;
        }
    }
    return true;
}

/* Waits until each number has risen as expected. None may rise further, except `inexact` (NULL: none). */
static void expect_increases(const struct number *numbers, size_t count, const int64_t *before, const char *inexact)
{
    int64_t now[NUMBERS_MAX];
    SUITE_WAIT(have_risen(numbers, count, before), METRICS_WAIT_MS);
    sum_numbers(numbers, count, now);
    for (size_t i = 0; i < count; i++) {
        int64_t increase = now[i] - before[i];
        bool may_exceed = inexact != NULL && strcmp(numbers[i].name, inexact) == 0;
        ck_assert_msg(increase == numbers[i].increase || may_exceed, "%s{%s} rose by %lld", numbers[i].name,
                      numbers[i].labels, (long long)increase);
    }
}

START_TEST(every_program_exposes_its_metrics)
{
    static const char *const counted[][3] = {
        {"gateway", "rostrum_http_requests_total", "status=\"201\""},
        {"gateway", "rostrum_http_request_seconds_count", "route=\"/api/v1/auctions\""},
        {"gateway", "rostrum_connections_total", "result=\"kept\""},
        {"gateway", "rostrum_auctions_created_total", ""},
        {"gateway", "rostrum_sql_seconds_count", "statement=\"auction_add\""},
        {"gateway", "rostrum_log_lines_total", "level=\"info\""},
        {"gateway", "rostrum_shard_deciding", "shard=\"7\""},
        {"bidworker-1", "rostrum_sql_seconds_count", ""},
        {"endworker", "rostrum_endworker_leader", ""},
        {"endworker", "rostrum_sql_seconds_count", "statement=\"due_fences\""},
        {"notifyworker", "rostrum_log_lines_total", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        ck_assert_uint_gt(strlen(read_metrics(programs[i])), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(counted); i++) {
        ck_assert_msg(exposition_sum(read_metrics(counted[i][0]), counted[i][1], counted[i][2]) > 0, "%s: %s{%s}",
                      counted[i][0], counted[i][1], counted[i][2]);
    }
}
END_TEST

START_TEST(ten_bids_are_counted_exactly)
{
    static const struct number numbers[] = {
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
    int64_t before[NUMBERS_MAX];
    char id[UUID_TEXT_SIZE];
    sum_numbers(numbers, ARRAY_LEN(numbers), before);
    for (int bid = 1; bid <= 10; bid++) {
        const struct factory_user *bidder = bid % 2 == 0 ? &fixture.ann : &fixture.bob;
        fixture_submit(bidder, fixture.auction, client_format("%d.00", 10 + bid), id);
    }
    EXPECT_ERROR(fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": 1.00}"), 400, "BID_TOO_LOW");
    /* Auctions of earlier tests may start or end meanwhile; these commands are counted too. */
    expect_increases(numbers, ARRAY_LEN(numbers), before, "rostrum_batch_commands_sum");
}
END_TEST

static int64_t snapshot_queries(void)
{
    return exposition_sum(read_metrics("gateway"), "rostrum_sql_seconds_count", "statement=\"snapshot_get\"");
}

START_TEST(refused_bids_share_a_query_a_second_and_accepted_bids_cause_none)
{
    enum { BIDS = 60, WORKERS = 2 };
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), "status", "accepted");
    int64_t before = snapshot_queries();
    for (int i = 1; i <= BIDS; i++) {
        EXPECT_TEXT(factory_bid(fixture.client, i % 2 == 0 ? &fixture.ann : &fixture.bob, fixture.auction,
                                client_format("%d.00", 10 + i)),
                    "status", "accepted");
    }
    ck_assert_int_eq(snapshot_queries(), before);
    int64_t began_ms = clock_mono_ms();
    for (int i = 0; i < BIDS || clock_mono_ms() - began_ms < 2500; i++) {
        client_header(fixture.client, "Connection: close"); /* so that all workers are asked */
        EXPECT_ERROR(fixture_call(&fixture.bob, "POST", fixture_path("/bids"), "{\"amount\": 1.00}"), 400,
                     "BID_TOO_LOW");
    }
    int64_t seconds = (clock_mono_ms() - began_ms) / 1000;
    int64_t queries = snapshot_queries() - before;
    ck_assert_int_ge(queries, 1);
    ck_assert_msg(queries <= WORKERS * (seconds + 1), "%lld queries in %lld s", (long long)queries, (long long)seconds);
}
END_TEST

START_TEST(prefer_wait_is_measured)
{
    int64_t before = sum_all("rostrum_bid_wait_seconds_count", "");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "20.00"), 200);
    ck_assert_int_eq(sum_all("rostrum_bid_wait_seconds_count", ""), before + 1);
}
END_TEST

START_TEST(ended_auctions_are_counted_by_outcome)
{
    int64_t unsold = sum_all("rostrum_auctions_ended_total", "outcome=\"unsold\"");
    char id[UUID_TEXT_SIZE];
    struct factory_terms terms = {.lasts_ms = 2000};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    SUITE_WAIT(factory_has_status(fixture.client, id, "unsold"), METRICS_WAIT_MS);
    SUITE_WAIT(sum_all("rostrum_auctions_ended_total", "outcome=\"unsold\"") > unsold, METRICS_WAIT_MS);
    SUITE_WAIT(sum_all("rostrum_notifications_total", "kind=\"AUCTION_UNSOLD\"") > 0, METRICS_WAIT_MS);
}
END_TEST

START_TEST(changes_and_cancellations_are_counted)
{
    static const struct number numbers[] = {
        {"rostrum_bids_total", "kind=\"update\",outcome=\"accepted\"", 1},
        {"rostrum_bids_total", "kind=\"cancel\",outcome=\"accepted\"", 1},
        {"rostrum_bids_total", "kind=\"other\"", 0},
        {"rostrum_notifications_total", "kind=\"AUCTION_CANCELLED\"", 2}, /* to the seller and to Ann, who watches */
        {"rostrum_notifications_total", "kind=\"other\"", 0},
    };
    int64_t before[NUMBERS_MAX];
    sum_numbers(numbers, ARRAY_LEN(numbers), before);
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/users/me/watchlist",
                               client_format("{\"auctionId\": \"%s\"}", fixture.auction)),
                  201);
    EXPECT_STATUS(fixture_call(&fixture.seller, "PUT", fixture_path(""), "{\"version\": 1, \"title\": \"A sofa\"}"),
                  200);
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", fixture_path(""), NULL), 204);
    expect_increases(numbers, ARRAY_LEN(numbers), before, NULL);
}
END_TEST

/* Number of shards whose depth is exposed, over both bid workers. */
static int64_t count_shard_depths(void)
{
    static const char depth[] = "rostrum_shard_ready_messages";
    size_t first = exposition_count(read_metrics("bidworker-1"), depth, "");
    return (int64_t)(first + exposition_count(read_metrics("bidworker-2"), depth, ""));
}

START_TEST(every_shard_exposes_its_queue_depth)
{
    int64_t shards = sql_int(fixture.sql, "SELECT shards FROM topology", NULL);
    ck_assert_int_gt(shards, 0);
    SUITE_WAIT(count_shard_depths() == shards, METRICS_WAIT_MS);
}
END_TEST

START_TEST(a_locked_auction_is_counted_with_its_age)
{
    char id[UUID_TEXT_SIZE];
    PQclear(sql_rows(fixture.sql, "BEGIN", NULL));
    PQclear(sql_rows(fixture.sql, "SELECT FROM auctions WHERE id = $1::uuid FOR UPDATE", fixture.auction, NULL));
    fixture_submit(&fixture.ann, fixture.auction, "20.00", id);
    SUITE_WAIT(sum_all("rostrum_locked_auctions", "") == 1, METRICS_WAIT_MS);
    SUITE_WAIT(sum_all("rostrum_locked_auction_oldest_seconds", "") > 0, METRICS_WAIT_MS);
    PQclear(sql_rows(fixture.sql, "COMMIT", NULL));
    SUITE_WAIT(sum_all("rostrum_locked_auctions", "") == 0, METRICS_WAIT_MS);
    ck_assert_int_eq(sum_all("rostrum_locked_auction_oldest_seconds", ""), 0);
}
END_TEST

static int64_t count_time_requests(void)
{
    return exposition_sum(read_metrics("gateway"), "rostrum_http_requests_total",
                          "route=\"/api/v1/time\",status=\"200\"");
}

/* Over new connections, which reach all workers. */
static void request_time(int times)
{
    for (int i = 0; i < times; i++) {
        client_header(fixture.client, "Connection: close");
        EXPECT_STATUS(fixture_call(NULL, "GET", "/api/v1/time", NULL), 200);
    }
}

START_TEST(counters_survive_a_killed_gateway_worker)
{
    enum { REQUESTS = 25 };
    int64_t before = count_time_requests();
    request_time(REQUESTS);
    pid_t worker = deployment_child(deployment_pid("gateway"));
    ck_assert_int_gt(worker, 0);
    SUITE_WAIT(count_time_requests() == before + REQUESTS,
               METRICS_WAIT_MS); /* an answer is counted after it was sent */
    ck_assert_int_eq(kill(worker, SIGKILL), 0);
    SUITE_WAIT(kill(worker, 0) != 0 && exposition_sum(read_metrics("gateway"), "rostrum_gateway_workers", "") == 2,
               METRICS_WAIT_MS);
    ck_assert_int_eq(count_time_requests(), before + REQUESTS);
    request_time(REQUESTS);
    SUITE_WAIT(count_time_requests() == before + INT64_C(2) * REQUESTS, METRICS_WAIT_MS);
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
}
END_TEST

START_TEST(the_metrics_listener_serves_nothing_else)
{
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        struct client *client = client_new(metrics_url(programs[i]));
        ck_assert_ptr_nonnull(client);
        ck_assert_int_eq(client_call(client, "GET", "/api/v1/time", NULL)->status, 404);
        ck_assert_int_eq(client_call(client, "GET", "/", NULL)->status, 404);
        ck_assert_str_eq(client_reply_header(client, "X-Content-Type-Options"), "nosniff");
        client_free(client);
    }
}
END_TEST

static Suite *metrics_suite(void)
{
    const TTest *const tests[] = {
        every_program_exposes_its_metrics,
        ten_bids_are_counted_exactly,
        refused_bids_share_a_query_a_second_and_accepted_bids_cause_none,
        prefer_wait_is_measured,
        ended_auctions_are_counted_by_outcome,
        changes_and_cancellations_are_counted,
        every_shard_exposes_its_queue_depth,
        a_locked_auction_is_counted_with_its_age,
        counters_survive_a_killed_gateway_worker,
        the_metrics_listener_serves_nothing_else,
        NULL,
    };
    return fixture_suite("metrics", tests);
}

int main(void)
{
    return suite_run(metrics_suite());
}
