/*
 * rostrum-notifyworker and flash sales, against real servers: recipients, no duplicates, whole lines. The test plays
 * the sale worker: it publishes events and reads the notifications.
 */
#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/sale_message.h"
#include "common/protocol/topology.h"
#include "notifyworker/fanout.h"
#include "tests/support/listing.h"
#include "tests/support/program.h"
#include "tests/support/queues.h"
#include "tests/support/sale_rows.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"

enum {
    DEADLINE_MS = 30000, /* for any single wait */
    LINE = 2 * FANOUT_SALES_PAGE + 100,
    SOON_S = 60,
    SECOND_MS = 1000,
    PRICE = 2000,
    PLAN_SIZE = 8192,
};

static const char settings[] = "[notifyworker]\nnotify_batch_max = 16\n";

static struct sql *sql;
static struct queues *queues;
static struct jsonw *writer;
static char config[PROGRAM_SETTINGS_SIZE];
static char buyer[UUID_TEXT_SIZE];
static char other[UUID_TEXT_SIZE];
static char sale[UUID_TEXT_SIZE];
static pid_t worker;

static void run(const char *statement, const char *argument)
{
    PGresult *result = sql_rows(sql, statement, argument, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

static void set_up(void)
{
    sql = sql_open(getenv("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(sql);
    queues = queues_open();
    writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
    listing_clear(sql);
    sale_rows_clear(sql);
    queues_purge(queues, TOPOLOGY_NOTIFY_QUEUE); /* the worker also reads the events of auctions of other tests */
    queues_purge(queues, TOPOLOGY_SALE_NOTIFY_QUEUE);
    queues_purge(queues, TOPOLOGY_EMAIL_QUEUE);
    queues_purge(queues, TOPOLOGY_WEBHOOK_QUEUE);
    listing_user(sql, buyer);
    listing_user(sql, other);
    sale_rows_new(sql, &(struct sale_rows_sale){0}, sale);
    program_settings(settings, config);
    worker = program_start_ready("rostrum-notifyworker", config);
}

static void tear_down(void)
{
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    program_settings_remove(config);
    sale_rows_clear(sql);
    listing_clear(sql);
    queues_purge(queues, TOPOLOGY_SALE_NOTIFY_QUEUE);
    queues_purge(queues, TOPOLOGY_DEAD_QUEUE);
    queues_close(queues);
    sql_close(sql);
    jsonw_free(writer);
}

static struct uuid id_of(const char *text)
{
    struct uuid id;
    ck_assert(uuid_parse(text, UUID_TEXT_SIZE - 1, &id));
    return id;
}

static void publish(const struct sale_event *events, size_t count, int times)
{
    size_t length = 0;
    jsonw_reset(writer);
    sale_message_write_events(writer, events, count);
    const char *body = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(body);
    for (int i = 0; i < times; i++) {
        queues_publish(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SALE_BATCH, body, length);
    }
}

static struct sale_event event_of(enum sale_event_kind kind)
{
    return (struct sale_event){.kind = kind, .sale_id = id_of(sale), .seq = 7, .at_ms = clock_now_ms()};
}

static struct sale_event turn_of(enum sale_event_kind kind, const char *user, int64_t expires_ms)
{
    struct sale_event event = event_of(kind);
    event.user_id = id_of(user);
    event.place = 3;
    event.quantity = 1;
    event.time_ms = expires_ms;
    return event;
}

static struct sale_event order_of(enum sale_event_kind kind, const char *user, int64_t expires_ms)
{
    struct sale_event event = event_of(kind);
    event.user_id = id_of(user);
    event.order_id = uuid_new();
    event.quantity = 1;
    event.amount = PRICE;
    event.time_ms = expires_ms;
    return event;
}

static int64_t notices(const char *user, const char *kind)
{
    return sql_int(sql, "SELECT count(*) FROM notifications WHERE user_id = $1::uuid AND kind = $2", user, kind, NULL);
}

static int64_t notices_of(const char *kind)
{
    return sql_int(sql, "SELECT count(*) FROM notifications WHERE kind = $1", kind, NULL);
}

/* Returns when every published message was handled: a later one made its notification, and all were acked. */
static void wait_until_handled(void)
{
    char marked[UUID_TEXT_SIZE];
    listing_user(sql, marked);
    struct sale_event mark = turn_of(SALE_EVENT_TURN_EXPIRED, marked, 0);
    publish(&mark, 1, 1);
    SUITE_WAIT(notices(marked, "TURN_EXPIRED") == 1, DEADLINE_MS);
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    ck_assert_int_eq(queues_depth(queues, TOPOLOGY_SALE_NOTIFY_QUEUE), 0);
    run("DELETE FROM notifications WHERE user_id = $1::uuid", marked);
    worker = program_start_ready("rostrum-notifyworker", config);
}

/* Each row is as the API shows it: text and link come from the schema. */
static void expect_notice(const char *kind, const char *expected)
{
    ck_assert_str_eq(sql_text(sql,
                              "SELECT concat_ws('|', n.sale_id = s.id, n.order_id IS NOT NULL, n.amount,"
                              " n.end_time IS NOT NULL, notification_text(n.kind, p.name, n.amount, NULL))"
                              " FROM notifications n JOIN flash_sales s ON true JOIN products p ON p.id = s.product_id"
                              " WHERE n.kind = $1",
                              kind, NULL),
                     expected);
}

START_TEST(turns_and_orders_are_notified_to_their_users_once)
{
    int64_t soon_ms = clock_now_ms() + SECOND_MS;
    const struct sale_event events[] = {
        turn_of(SALE_EVENT_TURN_STARTED, buyer, soon_ms),
        turn_of(SALE_EVENT_TURN_EXPIRED, other, 0),
        order_of(SALE_EVENT_ORDER_RESERVED, buyer, soon_ms),
        order_of(SALE_EVENT_ORDER_CONFIRMED, buyer, 0),
        order_of(SALE_EVENT_ORDER_EXPIRED, other, 0),
        order_of(SALE_EVENT_ORDER_CANCELLED, other, 0),
        order_of(SALE_EVENT_ORDER_FAILED, other, 0),
        event_of(SALE_EVENT_OPENED),
        event_of(SALE_EVENT_STARTED),
        event_of(SALE_EVENT_ENDED),
        event_of(SALE_EVENT_SETTLED),
        event_of(SALE_EVENT_CANCELLED),
    };
    publish(events, ARRAY_LEN(events), 3);
    wait_until_handled();
    expect_notice("TURN_STARTED", "t|f|t|It is your turn for “A lamp”.");
    expect_notice("TURN_EXPIRED", "t|f|f|Your turn for “A lamp” has run out.");
    expect_notice("ORDER_RESERVED", "t|t|20.00|t|Your order of “A lamp” is reserved. The total is 20.00 USD.");
    expect_notice("ORDER_CONFIRMED", "t|t|20.00|f|Your order of “A lamp” is confirmed. The total is 20.00 USD.");
    expect_notice("ORDER_EXPIRED", "t|t|20.00|f|The reservation of your order of “A lamp” has run out.");
    ck_assert_int_eq(notices(buyer, "TURN_STARTED"), 1);
    ck_assert_int_eq(notices(other, "TURN_EXPIRED"), 1);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM notifications", NULL), 5);
    const char *link = sql_text(sql,
                                "SELECT notification_link(auction_id, sale_id, order_id) FROM notifications"
                                " WHERE kind = 'ORDER_RESERVED'",
                                NULL);
    ck_assert_ptr_nonnull(strstr(link, "/api/v1/orders/"));
    link = sql_text(sql,
                    "SELECT notification_link(auction_id, sale_id, order_id) FROM notifications"
                    " WHERE kind = 'TURN_STARTED'",
                    NULL);
    ck_assert_ptr_nonnull(strstr(link, "/api/v1/flash-sales/"));
    ck_assert_ptr_nonnull(strstr(link, sale));
}
END_TEST

/* One EXPIRE has one row of the ledger. */
START_TEST(two_orders_that_expire_together_are_notified_both)
{
    const struct sale_event events[] = {order_of(SALE_EVENT_ORDER_EXPIRED, buyer, 0),
                                        order_of(SALE_EVENT_ORDER_EXPIRED, buyer, 0)};
    publish(events, ARRAY_LEN(events), 2);
    wait_until_handled();
    ck_assert_int_eq(notices(buyer, "ORDER_EXPIRED"), 2);
}
END_TEST

START_TEST(a_refund_is_notified_to_the_buyer_and_to_all_admins)
{
    char admin[UUID_TEXT_SIZE];
    char banned[UUID_TEXT_SIZE];
    listing_user(sql, admin);
    listing_user(sql, banned);
    run("UPDATE users SET role = 'admin' WHERE id = $1::uuid", admin);
    run("UPDATE users SET role = 'admin', banned_at = now() WHERE id = $1::uuid", banned);
    struct sale_event event = order_of(SALE_EVENT_REFUND_DUE, buyer, 0);
    publish(&event, 1, 2);
    wait_until_handled();
    ck_assert_int_eq(notices(buyer, "REFUND_DUE"), 1);
    ck_assert_int_eq(notices(admin, "REFUND_DUE"), 1);
    ck_assert_int_eq(notices_of("REFUND_DUE"), 2);
    /* The order of this payment is unknown. */
    struct sale_event unknown = order_of(SALE_EVENT_REFUND_DUE, buyer, 0);
    unknown.user_id = (struct uuid){.bytes = {0}};
    unknown.quantity = 0;
    unknown.seq++;
    publish(&unknown, 1, 2);
    wait_until_handled();
    ck_assert_int_eq(notices(buyer, "REFUND_DUE"), 1);
    ck_assert_int_eq(notices(admin, "REFUND_DUE"), 2);
    ck_assert_int_eq(notices_of("REFUND_DUE"), 3);
}
END_TEST

/* A line of more than two pages. Every third place does not wait any more. */
static void fill_line(void)
{
    char statement[PLAN_SIZE];
    (void)snprintf(statement, sizeof(statement),
                   "WITH people AS (INSERT INTO users (id, email, display_name, password_hash, created_at)"
                   " SELECT gen_random_uuid(), 'line-' || i || '@example.org', 'somebody', 'none', now()"
                   " FROM generate_series(1, %d) i RETURNING id, display_name)"
                   " INSERT INTO queue_entries (sale_id, seq, id, user_id, wanted, status, joined_at)"
                   " SELECT $1::uuid, row_number() OVER (), gen_random_uuid(), id, 1,"
                   " CASE row_number() OVER () %% 3 WHEN 0 THEN 'left' ELSE 'waiting' END, now() FROM people",
                   LINE * 3 / 2);
    run(statement, sale);
}

static bool line_is_notified(const char *kind)
{
    return sql_int(sql, "SELECT count(*) FROM sale_fanouts WHERE kind = $1 AND done", kind, NULL) == 1;
}

/* Each one who waits has one notification of this kind, and nobody else has. */
static void expect_line(const char *kind)
{
    ck_assert_int_eq(notices_of(kind), LINE);
    ck_assert_int_eq(sql_int(sql,
                             "SELECT count(DISTINCT e.user_id) FROM queue_entries e JOIN notifications n"
                             " ON n.user_id = e.user_id AND n.kind = $1 WHERE e.status = 'waiting'",
                             kind, NULL),
                     LINE);
}

START_TEST(sold_out_is_notified_to_the_whole_line_once)
{
    struct sale_event event = event_of(SALE_EVENT_SOLD_OUT);
    fill_line();
    publish(&event, 1, 2);
    SUITE_WAIT(line_is_notified("SALE_SOLD_OUT"), DEADLINE_MS);
    expect_line("SALE_SOLD_OUT");
    publish(&event, 1, 1);
    wait_until_handled();
    expect_line("SALE_SOLD_OUT");
}
END_TEST

/* It goes on where the killed one has committed. */
START_TEST(a_worker_that_is_killed_between_two_pages_leaves_nobody_out)
{
    struct sale_event event = event_of(SALE_EVENT_SOLD_OUT);
    fill_line();
    publish(&event, 1, 1);
    SUITE_WAIT(notices_of("SALE_SOLD_OUT") > 0, DEADLINE_MS);
    ck_assert_int_eq(program_end(worker, SIGKILL), -1);
    worker = program_start_ready("rostrum-notifyworker", config);
    SUITE_WAIT(line_is_notified("SALE_SOLD_OUT"), DEADLINE_MS);
    expect_line("SALE_SOLD_OUT");
}
END_TEST

/* The test plays the end worker, which announces the start. */
START_TEST(the_start_is_notified_once_to_those_who_wait_before_it)
{
    char later[UUID_TEXT_SIZE];
    int64_t start_ms = clock_now_ms() + INT64_C(1) * SOON_S * SECOND_MS;
    sale_rows_new(sql, &(struct sale_rows_sale){.status = "open", .start_ms = start_ms}, later);
    sale_rows_entry(sql, later, 1, other, "waiting", 0);
    sale_rows_new(sql, &(struct sale_rows_sale){.status = "open", .start_ms = start_ms}, sale);
    sale_rows_entry(sql, sale, 1, buyer, "waiting", 0);
    sale_rows_entry(sql, sale, 2, other, "left", 0);
    run("INSERT INTO sale_fanouts (sale_id, kind, at) VALUES ($1::uuid, 'SALE_STARTING_SOON', now())", sale);
    SUITE_WAIT(notices(buyer, "SALE_STARTING_SOON") == 1, DEADLINE_MS);
    ck_assert_int_eq(sql_int(sql,
                             "SELECT count(*) FROM notifications n JOIN flash_sales s ON s.id = n.sale_id"
                             " WHERE n.end_time = s.start_time",
                             NULL),
                     1);
    sale_rows_entry(sql, sale, 3, other, "waiting", 0);
    SUITE_WAIT(notices(other, "SALE_STARTING_SOON") == 1, DEADLINE_MS);
    run("UPDATE flash_sales SET status = 'active', start_time = now() WHERE id = $1::uuid", sale);
    SUITE_WAIT(line_is_notified("SALE_STARTING_SOON"), DEADLINE_MS);
    ck_assert_int_eq(notices_of("SALE_STARTING_SOON"), 2);
}
END_TEST

START_TEST(muted_kinds_are_left_out_unless_wanted_by_mail)
{
    char mailed[UUID_TEXT_SIZE];
    listing_user(sql, mailed);
    run("UPDATE users SET muted = '{SALE_SOLD_OUT,TURN_STARTED}' WHERE id = $1::uuid", buyer);
    run("UPDATE users SET muted = '{TURN_STARTED}', email_kinds = '{TURN_STARTED}', verified_at = now()"
        " WHERE id = $1::uuid",
        mailed);
    sale_rows_entry(sql, sale, 1, buyer, "waiting", 0);
    sale_rows_entry(sql, sale, 2, other, "waiting", 0);
    const struct sale_event events[] = {turn_of(SALE_EVENT_TURN_STARTED, buyer, clock_now_ms()),
                                        turn_of(SALE_EVENT_TURN_STARTED, mailed, clock_now_ms()),
                                        event_of(SALE_EVENT_SOLD_OUT)};
    publish(events, ARRAY_LEN(events), 1);
    SUITE_WAIT(line_is_notified("SALE_SOLD_OUT"), DEADLINE_MS);
    ck_assert_int_eq(notices(buyer, "SALE_SOLD_OUT"), 0);
    ck_assert_int_eq(notices(other, "SALE_SOLD_OUT"), 1);
    ck_assert_int_eq(notices(buyer, "TURN_STARTED"), 0);
    ck_assert_int_eq(notices(mailed, "TURN_STARTED"), 1);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM notifications WHERE shown AND kind = 'TURN_STARTED'", NULL), 0);
    ck_assert_str_eq(sql_text(sql,
                              "SELECT payload ->> 'title' || (payload ->> 'saleId' = $1) FROM deliveries"
                              " WHERE channel = 'email' AND kind = 'TURN_STARTED'",
                              sale, NULL),
                     "A lamptrue");
}
END_TEST

START_TEST(webhooks_of_the_user_are_called)
{
    run("INSERT INTO webhooks (id, owner_id, slot, created_by, url, description, events, secret, created_at, "
        "updated_at)"
        " VALUES (gen_random_uuid(), $1::uuid, 1, $1::uuid, 'https://example.org/', '', '{ORDER_CONFIRMED}', '', now(),"
        " now())",
        buyer);
    struct sale_event event = order_of(SALE_EVENT_ORDER_CONFIRMED, buyer, 0);
    publish(&event, 1, 2);
    wait_until_handled();
    ck_assert_str_eq(sql_text(sql,
                              "SELECT concat_ws('|', payload ->> 'type', payload -> 'data' ->> 'productName',"
                              " payload -> 'data' ->> 'flashSaleId' = $1, payload -> 'data' ->> 'text')"
                              " FROM deliveries WHERE channel = 'webhook'",
                              sale, NULL),
                     "ORDER_CONFIRMED|A lamp|t|Your order of “A lamp” is confirmed. The total is 20.00 USD.");
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM deliveries WHERE channel = 'webhook'", NULL), 1);
}
END_TEST

START_TEST(webhooks_of_the_deployment_get_each_event_once)
{
    struct sale_event events[SALE_EVENT_KIND_COUNT];
    size_t count = 0;
    run("INSERT INTO webhooks (id, owner_id, slot, created_by, url, description, events, secret, created_at, "
        "updated_at) SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000000', i, $1::uuid,"
        " 'https://example.org/', '', CASE i WHEN 1 THEN ARRAY(SELECT unnest(string_to_array('TURN_STARTED TURN_EXPIRED"
        " ORDER_RESERVED ORDER_CONFIRMED ORDER_CANCELLED ORDER_FAILED ORDER_EXPIRED REFUND_DUE SALE_OPENED SALE_STARTED"
        " SALE_ENDED SALE_SETTLED SALE_SOLD_OUT SALE_CANCELLED SALE_EXTENDED SALE_STARTING_SOON', ' ')))"
        " ELSE '{AUCTION_SOLD}' END, '', now(), now() FROM generate_series(1, 2) i",
        buyer);
    for (int kind = SALE_EVENT_NONE + 1; kind < SALE_EVENT_KIND_COUNT; kind++) {
        enum sale_event_kind of = (enum sale_event_kind)kind;
        bool turn = of == SALE_EVENT_TURN_STARTED || of == SALE_EVENT_TURN_EXPIRED;
        bool timed = of == SALE_EVENT_TURN_STARTED || of == SALE_EVENT_ORDER_RESERVED;
        int64_t time_ms = timed ? clock_now_ms() : 0;
        events[count] = turn                     ? turn_of(of, buyer, time_ms)
                        : of < SALE_EVENT_OPENED ? order_of(of, buyer, time_ms)
                                                 : event_of(of);
        if (of == SALE_EVENT_EXTENDED || of == SALE_EVENT_STARTING_SOON) {
            events[count].time_ms = clock_now_ms();
        }
        events[count].seq = of == SALE_EVENT_STARTING_SOON ? 0 : 7;
        count++;
    }
    publish(events, count, 2);
    wait_until_handled();
    ck_assert_int_eq(sql_int(sql,
                             "SELECT count(*) FROM deliveries d JOIN webhooks w ON w.id::text = d.endpoint"
                             " WHERE w.slot = 1 AND payload -> 'data' ->> 'flashSaleId' = $1"
                             " AND payload -> 'data' ->> 'productName' = 'A lamp'"
                             " AND payload -> 'data' ->> 'text' LIKE '%“A lamp”%'",
                             sale, NULL),
                     (int64_t)count + 1); /* and the turn of wait_until_handled */
    ck_assert_int_eq(sql_int(sql, "SELECT count(DISTINCT kind) FROM deliveries WHERE channel = 'webhook'", NULL),
                     (int64_t)count);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM deliveries WHERE channel = 'webhook'", NULL),
                     (int64_t)count + 1);
    ck_assert_str_eq(
        sql_text(sql,
                 "SELECT concat_ws('|', payload -> 'data' ->> 'userId' = $1, payload -> 'data' ->> 'amount',"
                 " payload -> 'data' ->> 'text', payload -> 'data' ->> 'link' LIKE '%/api/v1/orders/%')"
                 " FROM deliveries WHERE kind = 'ORDER_CONFIRMED'",
                 buyer, NULL),
        "t|20.00|An order of “A lamp” is confirmed. The total is 20.00 USD.|t");
}
END_TEST

START_TEST(only_undecodable_messages_go_to_the_dead_letters)
{
    static const char garbled[] = "{\"v\":1,\"events\":[{\"e\":\"no such event\"}]}";
    char tap[QUEUES_NAME_SIZE];
    struct queues_message message;
    struct sale_event event = order_of(SALE_EVENT_ORDER_CONFIRMED, buyer, 0);
    queues_tap(queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_SALE_NOTIFY, tap);
    queues_publish(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SALE_BATCH, garbled, strlen(garbled));
    publish(&event, 1, 1);
    SUITE_WAIT(queues_take(queues, tap, &message), DEADLINE_MS);
    ck_assert_str_eq(message.body, garbled);
    ck_assert_str_ne(message.reason, "");
    free(message.body);
    wait_until_handled();
    ck_assert_int_eq(notices(buyer, "ORDER_CONFIRMED"), 1);
    ck_assert(!queues_take(queues, tap, &message));
}
END_TEST

static Suite *notifyworker_sales_suite(void)
{
    Suite *suite = suite_create("notifyworker_sales");
    TCase *tests = tcase_create("notifyworker_sales");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, turns_and_orders_are_notified_to_their_users_once);
    tcase_add_test(tests, two_orders_that_expire_together_are_notified_both);
    tcase_add_test(tests, a_refund_is_notified_to_the_buyer_and_to_all_admins);
    tcase_add_test(tests, sold_out_is_notified_to_the_whole_line_once);
    tcase_add_test(tests, a_worker_that_is_killed_between_two_pages_leaves_nobody_out);
    tcase_add_test(tests, the_start_is_notified_once_to_those_who_wait_before_it);
    tcase_add_test(tests, webhooks_of_the_deployment_get_each_event_once);
    tcase_add_test(tests, muted_kinds_are_left_out_unless_wanted_by_mail);
    tcase_add_test(tests, webhooks_of_the_user_are_called);
    tcase_add_test(tests, only_undecodable_messages_go_to_the_dead_letters);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(notifyworker_sales_suite());
}
