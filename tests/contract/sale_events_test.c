/*
 * Flash sales as Server-Sent Events: the state and each version, Last-Event-ID, a user's place and orders, a slow
 * reader, and a gateway that restarts. The rows are written by SQL and the messages published by the test, in place of
 * the sale worker (published_sale.h). Each message is validated against gateway/asyncapi.yaml.
 *
 * Runs alone: load of other tests would delay its live updates.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/support/deployment.h"
#include "tests/support/events.h"
#include "tests/support/fixture.h"
#include "tests/support/live_client.h"
#include "tests/support/live_recording.h"
#include "tests/support/own_gateway.h"
#include "tests/support/published_sale.h"

enum { HEADER_SIZE = 2048 };

static struct published_sale sale;

static void set_up(void)
{
    fixture_setup();
    published_sale_make(&sale);
}

static const char *path_of(const struct published_sale *of)
{
    return client_format("/api/v1/flash-sales/%s/events", of->id);
}

static struct events *open_at(const char *url, const char *headers)
{
    struct events *events = events_open(url, path_of(&sale), headers);
    ck_assert_ptr_nonnull(events);
    return events;
}

static struct events *open_events(const char *headers)
{
    return open_at(deployment_http_url(), headers);
}

/* The next event that is no comment and has data. */
static const struct event_block *next(struct events *events)
{
    const struct event_block *block = NULL;
    do {
        block = events_next(events);
        ck_assert_ptr_nonnull(block);
    } while (block->data == NULL);
    return block;
}

static void expect_event(const struct event_block *block, const char *type, int64_t version)
{
    const char *number = client_format("%" PRId64, version);
    live_expect(block->data, "type", type);
    live_expect(block->data, "flashSaleId", sale.id);
    live_expect(block->data, "version", number);
    ck_assert_str_eq(block->id, number);
}

START_TEST(a_stream_has_the_state_and_then_every_version_once)
{
    struct events *events = open_events("");
    ck_assert_int_eq(events_status(events), 200);
    ck_assert_ptr_nonnull(strstr(events_head(events), "Content-Type: text/event-stream"));
    ck_assert_ptr_nonnull(strstr(events_head(events), "Cache-Control: no-store"));
    const struct event_block *block = events_next(events);
    ck_assert_ptr_nonnull(block);
    ck_assert_str_ne(block->retry, "");
    block = next(events);
    expect_event(block, "inventory:update", 1);
    live_expect(block->data, "available", "100");
    for (int64_t version = 2; version < 5; version++) {
        sale.now.sold = version;
        published_sale_commit(&sale, version == 3); /* one message is lost */
        if (version != 3) {
            expect_event(next(events), "inventory:update", version);
        }
    }
    sale.now.status = SALE_ENDED;
    published_sale_commit(&sale, false);
    expect_event(next(events), "sale:status-change", 5);
    events_free(events);
}
END_TEST

START_TEST(last_event_id_leaves_out_a_known_state)
{
    struct events *events = open_events("Last-Event-ID: 1\r\n");
    /* The head arrives when the stream has begun. */
    sale.now.sold = 1;
    published_sale_commit(&sale, false);
    expect_event(next(events), "inventory:update", 2);
    events_free(events);
    events = open_events("Last-Event-ID: 1\r\n");
    expect_event(next(events), "inventory:update", 2);
    events_free(events);
    events = open_events("Last-Event-ID: nonsense\r\n");
    expect_event(next(events), "inventory:update", 2);
    events_free(events);
}
END_TEST

static void expect_status(const char *path, const char *headers, int status)
{
    struct events *events = events_open(deployment_http_url(), path, headers);
    ck_assert_ptr_nonnull(events);
    ck_assert_msg(events_status(events) == status, "%s: %d", path, events_status(events));
    events_free(events);
}

START_TEST(unknown_sales_and_users_are_refused)
{
    expect_status("/api/v1/flash-sales/0190aaaa-0000-7000-8000-000000000000/events", "", 404);
    expect_status("/api/v1/flash-sales/nonsense/events", "", 404);
    expect_status(client_format("/api/v1/flash-sales/%s/events", fixture.auction), "", 404); /* no sale */
    expect_status(client_format("/api/v1/auctions/%s/events", sale.id), "", 404);
    expect_status(path_of(&sale), "Authorization: Bearer nonsense\r\n", 401);
    expect_status(client_format("%s?after=1", path_of(&sale)), "", 400);
}
END_TEST

/* The place in the line and the orders of this sale, as to a WebSocket that watches it. */
START_TEST(a_user_gets_the_place_and_the_orders_of_this_sale_only)
{
    struct published_sale other;
    struct sale_message_decision ordered = {.kind = SALE_COMMAND_ORDER,
                                            .verdict = SALE_VERDICT_ACCEPTED,
                                            .version = 3,
                                            .order_id = uuid_new(),
                                            .order_status = SALE_ORDER_RESERVED,
                                            .quantity = 2,
                                            .total_price = 4000,
                                            .order_expires_ms = clock_now_ms() + 300000};
    char header[HEADER_SIZE];
    (void)snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", fixture.ann.token);
    published_sale_make(&other);
    int64_t first = published_sale_join(&sale, fixture.bob.id);
    (void)published_sale_join(&sale, fixture.ann.id);
    published_sale_commit(&sale, false);
    struct events *events = open_events(header);
    struct events *guest = open_events("");
    expect_event(next(events), "inventory:update", 2);
    expect_event(next(guest), "inventory:update", 2);
    const struct event_block *block = next(events);
    live_expect(block->data, "type", "queue:position-update");
    live_expect(block->data, "position", "2");
    ck_assert_str_eq(block->id, "");
    published_sale_leave(&sale, first);
    published_sale_commit(&sale, false);
    expect_event(next(events), "inventory:update", 3);
    live_expect(next(events)->data, "position", "1");
    published_sale_decide(&other, fixture.ann.id, ordered);
    published_sale_decide(&sale, fixture.ann.id, ordered);
    block = next(events);
    live_expect(block->data, "type", "order:update");
    live_expect(block->data, "flashSaleId", sale.id);
    live_expect(block->data, "status", "reserved");
    ck_assert_str_eq(block->id, "");
    expect_event(next(guest), "inventory:update", 3);
    sale.now.sold = 1;
    published_sale_commit(&sale, false);
    expect_event(next(guest), "inventory:update", 4); /* and nothing of the user's */
    events_free(events);
    events_free(guest);
}
END_TEST

/* Versions that were skipped are replaced by the newest state. */
START_TEST(a_slow_reader_gets_the_newest_state)
{
    enum { VERSIONS = 120 };
    struct own_gateway gateway;
    int received = 0;
    int64_t version = 0;
    own_gateway_start(&gateway, "[live]\nlive_kernel_buffer_bytes = 4096\nlive_buffer_bytes = 65536\n");
    struct events *events = events_open_small(gateway.url, path_of(&sale));
    ck_assert_ptr_nonnull(events);
    for (int i = 0; i < VERSIONS; i++) {
        sale.now.sold = i % 100;
        published_sale_commit(&sale, false);
    }
    while (version < sale.now.version - 1) {
        const struct event_block *block = next(events);
        int64_t found = strtoll(block->id, NULL, 10);
        ck_assert_int_gt(found, version);
        version = found;
        received++;
    }
    ck_assert_msg(received < VERSIONS, "%d events for %d versions: no version was skipped", received, VERSIONS);
    events_free(events);
    own_gateway_stop(&gateway);
}
END_TEST

START_TEST(a_client_goes_on_after_a_restart_of_the_gateway)
{
    struct own_gateway gateway;
    char header[HEADER_SIZE];
    own_gateway_start(&gateway, "[live]\nlive_ping_interval_s = 1\nlive_idle_timeout_s = 1\n");
    struct events *events = open_at(gateway.url, "");
    (void)snprintf(header, sizeof(header), "Last-Event-ID: %s\r\n", next(events)->id);
    const struct event_block *block = events_next(events);
    ck_assert(block != NULL && block->comment);
    ck_assert_int_eq(kill(gateway.pid, SIGTERM), 0);
    do {
        block = events_next(events);
        ck_assert_ptr_nonnull(block);
    } while (block->comment);
    ck_assert_int_ge(strtol(block->retry, NULL, 10), 1000);
    ck_assert(events_ended(events));
    events_free(events);
    ck_assert_int_eq(own_gateway_end(&gateway, 0), 0);
    sale.now.sold = 1;
    published_sale_commit(&sale, false);
    own_gateway_start(&gateway, "");
    events = open_at(gateway.url, header);
    expect_event(next(events), "inventory:update", 2);
    events_free(events);
    own_gateway_stop(&gateway);
}
END_TEST

static Suite *sale_events_suite(void)
{
    const TTest *const tests[] = {
        a_stream_has_the_state_and_then_every_version_once,
        last_event_id_leaves_out_a_known_state,
        unknown_sales_and_users_are_refused,
        a_user_gets_the_place_and_the_orders_of_this_sale_only,
        a_slow_reader_gets_the_newest_state,
        a_client_goes_on_after_a_restart_of_the_gateway,
    };
    Suite *suite = suite_create("sale-events");
    TCase *tcase = tcase_create("sale-events");
    tcase_add_checked_fixture(tcase, set_up, fixture_teardown);
    tcase_set_timeout(tcase, 120);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    if (!live_recording_begin()) {
        return EXIT_FAILURE;
    }
    bool passed = suite_run(sale_events_suite()) == EXIT_SUCCESS;
    return live_recording_check("part") && passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
