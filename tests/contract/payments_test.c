/*
 * Callbacks of payments: signed, forged, late, repeated, of a wrong amount, about unknown orders, during an outage of
 * the broker; refunds and how admins mark them. The secret is that of tests/conf/check.ini. Sale workers and end worker
 * of the deployment decide.
 *
 * Runs alone: it starts gateways with settings of their own, and stops RabbitMQ.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "common/protocol/topology.h"
#include "common/protocol/webhook.h"
#include "tests/support/deployment.h"
#include "tests/support/own_gateway.h"
#include "tests/support/queues.h"
#include "tests/support/redis_run.h"
#include "tests/support/sales.h"

#define CALLBACK   "/api/v1/payments/callback"
#define ORDERS     "/api/v1/orders"
#define ZEROS      "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define UNKNOWN_ID "01890000-0000-7000-8000-000000000000"
#define ONES       "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

enum { HOUR_MS = 3600000, BODY_SIZE = 512, HEADER_SIZE = 160, DECIDED_MS = 30000, EXPIRED_MS = 60000 };

static struct factory_user admin;
static char product[UUID_TEXT_SIZE];
static char sale[UUID_TEXT_SIZE];

static void setup(void)
{
    fixture_setup();
    sales_admin(&admin);
    sales_product(&admin, "A lamp", "", product);
    sales_sale(&admin, product, -1000, ", \"payment\": \"callback\", \"perUserLimit\": 10", sale);
}

/* Orders and waits for the reservation. */
static void order(const struct factory_user *who, int quantity, char id[static UUID_TEXT_SIZE])
{
    client_header(fixture.client, "Prefer: wait=10");
    const struct reply *reply =
        fixture_call(who, "POST", ORDERS, client_format("{\"flashSaleId\": \"%s\", \"quantity\": %d}", sale, quantity));
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "reserved");
    (void)snprintf(id, UUID_TEXT_SIZE, "%s", reply_text(reply, "orderId"));
}

static const char *status_of(const char *id)
{
    return sql_text(fixture.sql, "SELECT status FROM orders WHERE id = $1::uuid", id, NULL);
}

static bool is(const char *id, const char *status)
{
    return strcmp(status_of(id), status) == 0;
}

/* Ledger rows of callbacks about the order. */
static int64_t rows(const char *id)
{
    return sql_int(fixture.sql, "SELECT count(*) FROM sale_ledger WHERE order_id = $1::uuid AND paid", id, NULL);
}

static int64_t refunds(const char *id)
{
    return sql_int(fixture.sql, "SELECT count(*) FROM refunds WHERE order_id = $1::uuid", id, NULL);
}

static const char *body_of(const char *id, const char *reference, const char *outcome, const char *amount)
{
    return client_format("{\"orderId\": \"%s\", \"reference\": \"%s\", \"outcome\": \"%s\", \"amount\": %s}", id,
                         reference, outcome, amount);
}

static void add_headers(struct client *client, const char *timestamp, const char *signature)
{
    char line[HEADER_SIZE];
    client_header(client, "webhook-id: msg_1");
    (void)snprintf(line, sizeof(line), "webhook-timestamp: %s", timestamp);
    client_header(client, line);
    (void)snprintf(line, sizeof(line), "webhook-signature: %s", signature);
    client_header(client, line);
}

static void write_signature(const char *secret, int64_t at_s, const char *body, char out[static WEBHOOK_SIGNATURE_SIZE])
{
    uint8_t key[WEBHOOK_SECRET_BYTES];
    ck_assert(webhook_secret_parse(secret, key));
    webhook_sign(key, "msg_1", at_s, body, strlen(body), out);
}

/* Sends the body, signed by the secret `late_s` ago. */
static const struct reply *deliver_by(struct client *client, const char *secret, int64_t late_s, const char *body)
{
    char signature[WEBHOOK_SIGNATURE_SIZE];
    int64_t at_s = (int64_t)time(NULL) - late_s;
    write_signature(secret, at_s, body, signature);
    add_headers(client, client_format("%lld", (long long)at_s), signature);
    client_token(client, NULL);
    return client_call(client, "POST", CALLBACK, body);
}

static void deliver(const char *id, const char *reference, const char *outcome, const char *amount)
{
    const struct reply *reply = deliver_by(fixture.client, ZEROS, 0, body_of(id, reference, outcome, amount));
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "queued");
}

/* To guests, who read Redis: it has the sale shortly after the rows. */
static bool shows_available(const char *units)
{
    return strcmp(reply_text(sales_get(NULL, sale), "available"), units) == 0;
}

/* ---- what a callback does ---- */

START_TEST(a_payment_confirms_its_order_once)
{
    char id[UUID_TEXT_SIZE];
    char other[UUID_TEXT_SIZE];
    order(&fixture.ann, 1, id);
    deliver(id, "pay_1", "succeeded", "20.00");
    deliver(id, "pay_1", "succeeded", "20.00");
    SUITE_WAIT(is(id, "confirmed"), DECIDED_MS);
    ck_assert_str_eq(sql_text(fixture.sql, "SELECT payment_ref FROM orders WHERE id = $1::uuid", id, NULL), "pay_1");
    /* The worker decides in the order of the queue: after this one, the repetition was decided, too. */
    order(&fixture.bob, 1, other);
    deliver(other, "pay_1", "succeeded", "20.00"); /* of another order: another payment */
    SUITE_WAIT(is(other, "confirmed"), DECIDED_MS);
    ck_assert_int_eq(rows(id), 1);
    ck_assert_int_eq(refunds(id), 0);
    deliver(id, "pay_2", "succeeded", "20.00"); /* paid twice: the second one goes back */
    SUITE_WAIT(refunds(id) == 1, DECIDED_MS);
    ck_assert(is(id, "confirmed"));
}
END_TEST

START_TEST(a_failed_payment_gives_the_units_back_and_a_later_success_takes_free_ones)
{
    char id[UUID_TEXT_SIZE];
    order(&fixture.ann, 2, id);
    deliver(id, "pay_1", "failed", "40.00");
    SUITE_WAIT(is(id, "failed"), DECIDED_MS);
    SUITE_WAIT(shows_available("10"), DECIDED_MS);
    deliver(id, "pay_1", "succeeded", "40.00");
    SUITE_WAIT(is(id, "confirmed"), DECIDED_MS);
    SUITE_WAIT(shows_available("8"), DECIDED_MS);
}
END_TEST

START_TEST(a_wrong_amount_never_confirms_and_is_to_be_refunded)
{
    char id[UUID_TEXT_SIZE];
    order(&fixture.ann, 1, id);
    deliver(id, "pay_1", "succeeded", "19.99");
    SUITE_WAIT(rows(id) == 1, DECIDED_MS);
    ck_assert(is(id, "reserved"));
    ck_assert_str_eq(
        sql_text(fixture.sql, "SELECT reason FROM sale_ledger WHERE order_id = $1::uuid AND paid", id, NULL),
        "WRONG_AMOUNT");
    ck_assert_str_eq(sql_text(fixture.sql, "SELECT amount FROM refunds WHERE order_id = $1::uuid", id, NULL), "19.99");
    deliver(id, "pay_2", "succeeded", "20.00");
    SUITE_WAIT(is(id, "confirmed"), DECIDED_MS);
}
END_TEST

/* A callback of an unknown order, as the provider repeats it. 503: an order may still be undecided. */
static bool is_unknown(struct client *client, const char *secret, const char *id)
{
    const struct reply *reply = deliver_by(client, secret, 0, body_of(id, "pay_1", "succeeded", "20.00"));
    if (reply->status == 503) {
        EXPECT_ERROR(reply, 503, "UNAVAILABLE");
        ck_assert_str_ne(client_reply_header(client, "Retry-After"), "");
        return false;
    }
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "unknown_order");
    return true;
}

START_TEST(an_unknown_order_is_accepted_and_has_no_effect)
{
    SUITE_WAIT(is_unknown(fixture.client, ZEROS, fixture.ann.id), DECIDED_MS);
    ck_assert_int_eq(rows(fixture.ann.id), 0);
}
END_TEST

static void forget_order(const char *id)
{
    char key[KEYS_SIZE];
    struct uuid order;
    ck_assert(uuid_parse(id, strlen(id), &order));
    keys_order(&order, key);
    const char *const command[] = {"DEL", key};
    redis_run(ARRAY_LEN(command), command);
}

/* Parameter 1: Redis has lost the note of the order. Then it is seen that commands are undecided. */
START_TEST(a_payment_of_an_undecided_order_is_not_lost)
{
    char id[UUID_TEXT_SIZE];
    SUITE_WAIT(is_unknown(fixture.client, ZEROS, fixture.ann.id), DECIDED_MS);
    ck_assert(deployment_service("saleworker-1", "down"));
    if (_i == 1) { /* no worker attests any more that nothing is undecided */
        SUITE_WAIT(!is_unknown(fixture.client, ZEROS, fixture.ann.id), DECIDED_MS);
    }
    const struct reply *reply =
        fixture_call(&fixture.ann, "POST", ORDERS, client_format("{\"flashSaleId\": \"%s\", \"quantity\": 1}", sale));
    int status = reply->status;
    (void)snprintf(id, sizeof(id), "%s", reply_text(reply, "orderId"));
    if (_i == 1) {
        forget_order(id);
    }
    bool lost = is_unknown(fixture.client, ZEROS, id);
    ck_assert(deployment_service("saleworker-1", "up"));
    ck_assert_int_eq(status, 202);
    ck_assert(!lost);
    SUITE_WAIT(is(id, "reserved"), DECIDED_MS);
    deliver(id, "pay_1", "succeeded", "20.00");
    SUITE_WAIT(is(id, "confirmed"), DECIDED_MS);
}
END_TEST

START_TEST(without_redis_no_order_is_called_unknown)
{
    struct own_gateway own;
    char id[UUID_TEXT_SIZE];
    order(&fixture.ann, 1, id);
    own_gateway_start_with_redis(&own, "", "redis://127.0.0.1:1/0");
    ck_assert(!is_unknown(own.client, ZEROS, fixture.ann.id));
    EXPECT_STATUS(deliver_by(own.client, ZEROS, 0, body_of(id, "pay_1", "succeeded", "20.00")), 200);
    SUITE_WAIT(is(id, "confirmed"), DECIDED_MS);
    own_gateway_stop(&own);
}
END_TEST

START_TEST(a_confirmation_by_the_buyer_answers_where_to_pay)
{
    char id[UUID_TEXT_SIZE];
    char until[64];
    order(&fixture.ann, 2, id);
    const char *confirm = client_format(ORDERS "/%s/confirm", id);
    for (int i = 0; i < 2; i++) { /* it queues nothing, so the key names nothing */
        client_header(fixture.client, "Idempotency-Key: confirm");
        const struct reply *reply = fixture_call(&fixture.ann, "POST", confirm, NULL);
        EXPECT_STATUS(reply, 200);
        EXPECT_TEXT(reply, "status", "reserved");
        (void)snprintf(until, sizeof(until), "%s", reply_text(reply, "expiresAt"));
        EXPECT_TEXT(
            reply, "paymentUrl",
            client_format("https://pay.example/checkout?order=%s&sale=%s&amount=40.00&until=%s", id, sale, until));
    }
    EXPECT_ERROR(fixture_call(&fixture.bob, "POST", confirm, NULL), 404, "NOT_FOUND");
    deliver(id, "pay_1", "succeeded", "40.00");
    SUITE_WAIT(is(id, "confirmed"), DECIDED_MS);
    const struct reply *reply = fixture_call(&fixture.ann, "POST", confirm, NULL);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "confirmed");
    EXPECT_TEXT(reply, "totalPrice", "40.00");
    EXPECT_ABSENT(reply, "paymentUrl");
}
END_TEST

/* Nobody is asked to pay for an order that is over. */
START_TEST(a_confirmation_of_an_order_that_is_over_names_no_link)
{
    static const struct {
        const char *change; /* of the order $1 in the sale $2 */
        const char *error;
    } cases[] = {
        {"UPDATE orders SET expires_at = now() - interval '1 ms' WHERE id = $1 AND sale_id = $2 RETURNING 1",
         "RESERVATION_EXPIRED"}, /* EXPIRE has not come yet */
        {"UPDATE orders SET status = 'expired' WHERE id = $1 AND sale_id = $2 RETURNING 1", "RESERVATION_EXPIRED"},
        {"UPDATE orders SET status = 'failed' WHERE id = $1 AND sale_id = $2 RETURNING 1", "ORDER_CLOSED"},
        {"UPDATE orders SET status = 'refund_due' WHERE id = $1 AND sale_id = $2 RETURNING 1", "ORDER_CLOSED"},
        {"UPDATE orders SET status = 'cancelled' WHERE id = $1 AND sale_id = $2 RETURNING 1", "ORDER_CLOSED"},
    };
    char id[UUID_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        order(&fixture.ann, 1, id);
        PGresult *changed = sql_rows(fixture.sql, cases[i].change, id, sale, NULL);
        ck_assert_ptr_nonnull(changed);
        PQclear(changed);
        client_header(fixture.client, "Idempotency-Key: late");
        EXPECT_ERROR(fixture_call(&fixture.ann, "POST", client_format(ORDERS "/%s/confirm", id), NULL), 409,
                     cases[i].error);
        EXPECT_STATUS(fixture_call(&fixture.ann, "GET", client_format(ORDERS "/%s", id), NULL), 200);
    }
    order(&fixture.ann, 1, id);
    EXPECT_STATUS(fixture_call(&admin, "POST", client_format(SALES "/%s/cancel", sale), "{\"reason\": \"test\"}"), 200);
    EXPECT_ERROR(fixture_call(&fixture.ann, "POST", client_format(ORDERS "/%s/confirm", id), NULL), 409,
                 "ORDER_CLOSED");
}
END_TEST

/* ---- a broker that takes no callback ---- */

/* A payment of all ten units. */
static const struct reply *pay_all(const char *id)
{
    return deliver_by(fixture.client, ZEROS, 0, body_of(id, "pay_1", "succeeded", "200.00"));
}

static void expect_not_taken(const char *id)
{
    const struct reply *reply = pay_all(id);
    EXPECT_ERROR(reply, 503, "UNAVAILABLE");
    ck_assert_str_ne(client_reply_header(fixture.client, "Retry-After"), "");
}

/* The provider repeats its callback until it is answered 200, and once more. */
static void expect_repetition_confirms(const char *id)
{
    SUITE_WAIT(pay_all(id)->status == 200, DEPLOYMENT_READY_MS);
    EXPECT_STATUS(pay_all(id), 200);
    SUITE_WAIT(is(id, "confirmed"), DECIDED_MS);
    deliver(id, "pay_2", "succeeded", "200.00"); /* behind the others in the queue */
    SUITE_WAIT(refunds(id) == 1, DECIDED_MS);
    ck_assert_int_eq(rows(id), 2);
}

/* A second queue at the exchange of the sale's shard refuses what the first one takes. */
START_TEST(a_callback_that_the_broker_refuses_is_503_and_its_repetition_counts_once)
{
    char id[UUID_TEXT_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    char full[QUEUES_NAME_SIZE];
    struct uuid sale_id;
    ck_assert(uuid_parse(sale, strlen(sale), &sale_id));
    order(&fixture.ann, 10, id);
    topology_shard_name(&topology_sales, ids_shard(&sale_id, sql_shards(fixture.sql)), exchange);
    struct queues *queues = queues_open();
    queues_tap_full(queues, exchange, full);
    expect_not_taken(id);
    queues_close(queues);
    expect_repetition_confirms(id);
}
END_TEST

START_TEST(a_callback_that_the_broker_does_not_confirm_is_503_and_its_repetition_counts_once)
{
    char id[UUID_TEXT_SIZE];
    order(&fixture.ann, 10, id);
    pid_t broker = deployment_pid("rabbitmq");
    ck_assert_int_eq(kill(broker, SIGSTOP), 0);
    int status = pay_all(id)->status;
    ck_assert_int_eq(kill(broker, SIGCONT), 0);
    ck_assert_int_eq(status, 503);
    expect_repetition_confirms(id);
}
END_TEST

/* While others wait, a payment after the reservation has run out would be due back. */
START_TEST(without_a_broker_a_callback_is_503_and_the_reservation_does_not_run_out)
{
    enum { RESERVATION_MS = 10000 };
    char id[UUID_TEXT_SIZE];
    sales_sale(&admin, product, -1000, ", \"payment\": \"callback\", \"perUserLimit\": 10, \"reservationSeconds\": 10",
               sale);
    order(&fixture.ann, 10, id);
    EXPECT_STATUS(fixture_call(&fixture.bob, "POST", "/api/v1/queue/join",
                               client_format("{\"flashSaleId\": \"%s\", \"quantity\": 1}", sale)),
                  202);
    int64_t began_ms = clock_mono_ms();
    ck_assert(deployment_service("rabbitmq", "down"));
    expect_not_taken(id);
    SUITE_WAIT(clock_mono_ms() - began_ms > RESERVATION_MS, DEPLOYMENT_READY_MS);
    ck_assert(is(id, "reserved"));
    ck_assert(deployment_service("rabbitmq", "up"));
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    expect_repetition_confirms(id);
}
END_TEST

/* ---- refunds ---- */

static bool is_due(const char *refund)
{
    const struct reply *reply = fixture_call(&admin, "GET", "/api/v1/admin/refunds?limit=100", NULL);
    EXPECT_STATUS(reply, 200);
    return strstr(reply->body, refund) != NULL;
}

static const struct reply *mark(const char *refund)
{
    return fixture_call(&admin, "POST", client_format("/api/v1/admin/refunds/%s/refunded", refund),
                        "{\"reason\": \"re_1\"}");
}

static bool is_notified(const struct factory_user *who, const char *id)
{
    return sql_int(fixture.sql,
                   "SELECT count(*) FROM notifications WHERE user_id = $1::uuid AND order_id = $2::uuid"
                   " AND kind = 'REFUND_DUE'",
                   who->id, id, NULL) == 1;
}

START_TEST(a_payment_after_the_reservation_is_refunded_if_others_wait)
{
    static const char marks[] = "SELECT count(*) FROM audit_log WHERE action = 'REFUND_MADE' AND subject = $1";
    char id[UUID_TEXT_SIZE];
    char refund[UUID_TEXT_SIZE];
    sales_sale(&admin, product, -1000, ", \"payment\": \"callback\", \"perUserLimit\": 10, \"reservationSeconds\": 1",
               sale);
    order(&fixture.ann, 10, id);
    EXPECT_STATUS(fixture_call(&fixture.bob, "POST", "/api/v1/queue/join",
                               client_format("{\"flashSaleId\": \"%s\", \"quantity\": 1}", sale)),
                  202);
    SUITE_WAIT(is(id, "expired"), EXPIRED_MS);
    deliver(id, "pay_1", "succeeded", "200.00");
    SUITE_WAIT(is(id, "refund_due"), DECIDED_MS);
    EXPECT_TEXT(sales_get(NULL, sale), "sold", "0");
    SUITE_WAIT(is_notified(&fixture.ann, id) && is_notified(&admin, id), DECIDED_MS);
    (void)snprintf(refund, sizeof(refund), "%s",
                   sql_text(fixture.sql, "SELECT id FROM refunds WHERE order_id = $1::uuid", id, NULL));
    ck_assert(is_due(refund));
    const struct reply *reply = mark(refund);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "orderId", id);
    EXPECT_TEXT(reply, "amount", "200.00");
    EXPECT_TEXT(reply, "refundedBy", admin.id);
    ck_assert(is(id, "refunded"));
    ck_assert(!is_due(refund));
    EXPECT_ERROR(mark(refund), 409, "REFUND_DONE");
    EXPECT_ERROR(mark(id), 404, "NOT_FOUND");
    ck_assert_int_eq(sql_int(fixture.sql, marks, refund, NULL), 1);
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", "/api/v1/admin/refunds", NULL), 403, "FORBIDDEN");
    /* The same callback again, and another payment: the order stays, and the second payment is due. */
    deliver(id, "pay_1", "succeeded", "200.00");
    deliver(id, "pay_2", "succeeded", "200.00");
    SUITE_WAIT(refunds(id) == 2, DECIDED_MS);
    ck_assert_int_eq(rows(id), 2);
    ck_assert(is(id, "refunded"));
}
END_TEST

START_TEST(refunds_are_listed_in_pages_the_oldest_due_first)
{
    const char *due = "/api/v1/admin/refunds?limit=1";
    char first[UUID_TEXT_SIZE];
    char cursor[BODY_SIZE];
    PGresult *made = sql_rows(fixture.sql,
                              "INSERT INTO refunds (id, sale_id, order_id, amount, reference, created_at) SELECT"
                              " gen_random_uuid(), $1::uuid, gen_random_uuid(), 1, 'p', '2001-01-01'::timestamptz FROM"
                              " generate_series(1, 2) RETURNING 1",
                              sale, NULL);
    ck_assert_ptr_nonnull(made);
    PQclear(made);
    const struct reply *reply = fixture_call(&admin, "GET", due, NULL);
    EXPECT_TEXT(reply, "items.0.flashSaleId", sale);
    (void)snprintf(first, sizeof(first), "%s", reply_text(reply, "items.0.id"));
    (void)snprintf(cursor, sizeof(cursor), "%s&cursor=%s", due, reply_text(reply, "nextCursor"));
    reply = fixture_call(&admin, "GET", cursor, NULL);
    EXPECT_TEXT(reply, "items.0.flashSaleId", sale);
    ck_assert_str_gt(reply_text(reply, "items.0.id"), first);
    EXPECT_STATUS(mark(first), 200);
    reply = fixture_call(&admin, "GET", "/api/v1/admin/refunds?status=refunded", NULL);
    EXPECT_TEXT(reply, "items.0.id", first);
    EXPECT_TEXT(reply, "items.0.userId", "null");
    EXPECT_ERROR(fixture_call(&admin, "GET", "/api/v1/admin/refunds?status=paid", NULL), 400, "VALIDATION_FAILED");
    PQclear(sql_rows(fixture.sql, "DELETE FROM refunds WHERE sale_id = $1::uuid RETURNING 1", sale, NULL));
}
END_TEST

START_TEST(invalid_calls_about_refunds_are_refused_with_their_field)
{
    static const struct {
        const char *body;
        const char *field;
        const char *code;
    } bodies[] = {
        {"{}", "reason", "REQUIRED"},
        {"{\"reason\": null}", "reason", "REQUIRED"},
        {"{\"reason\": \"\"}", "reason", "TOO_SHORT"},
        {"{\"reason\": 1}", "reason", "NOT_A_STRING"},
        {"{\"reason\": \"x\", \"amount\": 1}", "amount", "UNKNOWN_FIELD"},
    };
    static const char *const queries[] = {"status=", "status=due,refunded", "limit=0", "limit=101", "cursor=x",
                                          "sort=id"};
    const char *path = "/api/v1/admin/refunds/" UNKNOWN_ID "/refunded";
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        const struct reply *reply = fixture_call(&admin, "POST", path, bodies[i].body);
        EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
        EXPECT_TEXT(reply, "fields.0.field", bodies[i].field);
        EXPECT_TEXT(reply, "fields.0.code", bodies[i].code);
    }
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        const char *list = client_format("/api/v1/admin/refunds?%s", queries[i]);
        EXPECT_ERROR(fixture_call(&admin, "GET", list, NULL), 400, "VALIDATION_FAILED");
    }
    EXPECT_ERROR(fixture_call(&admin, "POST", path, "{\"reason\": \"x\"}"), 404, "NOT_FOUND");
    EXPECT_ERROR(fixture_call(&admin, "POST", "/api/v1/admin/refunds/none/refunded", "{\"reason\": \"x\"}"), 404,
                 "NOT_FOUND");
}
END_TEST

/* ---- bans and erasures ---- */

START_TEST(a_user_banned_in_the_line_loses_the_turn_and_not_the_stock)
{
    static const char place[] = "SELECT status FROM queue_entries WHERE sale_id = $1::uuid AND user_id = $2::uuid";
    char id[UUID_TEXT_SIZE];
    char line[BODY_SIZE];
    (void)snprintf(line, sizeof(line), "{\"flashSaleId\": \"%s\", \"quantity\": 10}", sale);
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/queue/join", line), 202);
    SUITE_WAIT(strcmp(sql_text(fixture.sql, place, sale, fixture.ann.id, NULL), "turn") == 0, DECIDED_MS);
    EXPECT_STATUS(fixture_call(&fixture.bob, "POST", "/api/v1/queue/join", line), 202);
    SUITE_WAIT(strcmp(sql_text(fixture.sql, place, sale, fixture.bob.id, NULL), "waiting") == 0, DECIDED_MS);
    EXPECT_STATUS(fixture_call(&admin, "POST", client_format("/api/v1/admin/users/%s/ban", fixture.ann.id),
                               "{\"reason\": \"shill\"}"),
                  200);
    SUITE_WAIT(strcmp(sql_text(fixture.sql, place, sale, fixture.bob.id, NULL), "turn") == 0, DECIDED_MS);
    ck_assert_str_eq(sql_text(fixture.sql, place, sale, fixture.ann.id, NULL), "left");
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT claimed FROM flash_sales WHERE id = $1::uuid AND waiting = 0 AND reserved = 0",
                             sale, NULL),
                     10);
    order(&fixture.bob, 10, id);
}
END_TEST

static const struct reply *erase(const struct factory_user *who)
{
    return fixture_call(who, "POST", "/api/v1/users/me/erasure", "{\"password\": \"" FACTORY_PASSWORD "\"}");
}

START_TEST(an_account_with_a_live_place_or_a_reserved_order_is_not_erased)
{
    char id[UUID_TEXT_SIZE];
    const char *leave = client_format("/api/v1/queue/leave?flashSaleId=%s", sale);
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/queue/join",
                               client_format("{\"flashSaleId\": \"%s\", \"quantity\": 1}", sale)),
                  202);
    SUITE_WAIT(
        sql_int(fixture.sql, "SELECT count(*) FROM queue_entries WHERE user_id = $1::uuid", fixture.ann.id, NULL) == 1,
        DECIDED_MS);
    EXPECT_ERROR(erase(&fixture.ann), 409, "ACCOUNT_IN_USE");
    order(&fixture.bob, 1, id);
    EXPECT_ERROR(erase(&fixture.bob), 409, "ACCOUNT_IN_USE");
    client_header(fixture.client, "Prefer: wait=10");
    EXPECT_STATUS(fixture_call(&fixture.ann, "DELETE", leave, NULL), 204);
    EXPECT_STATUS(erase(&fixture.ann), 204);
    deliver(id, "pay_1", "succeeded", "20.00");
    SUITE_WAIT(is(id, "confirmed"), DECIDED_MS);
    EXPECT_STATUS(erase(&fixture.bob), 204);
}
END_TEST

/* ---- who may send one ---- */

static void expect_refused(const struct reply *reply)
{
    EXPECT_ERROR(reply, 401, "INVALID_SIGNATURE");
}

START_TEST(forged_and_late_callbacks_change_nothing)
{
    char id[UUID_TEXT_SIZE];
    char signature[WEBHOOK_SIGNATURE_SIZE];
    char body[BODY_SIZE];
    order(&fixture.ann, 1, id);
    (void)snprintf(body, sizeof(body), "%s", body_of(id, "pay_1", "succeeded", "20.00"));
    expect_refused(fixture_call(NULL, "POST", CALLBACK, body)); /* no signature */
    expect_refused(fixture_call(&admin, "POST", CALLBACK, body));
    expect_refused(deliver_by(fixture.client, ONES, 0, body));
    expect_refused(deliver_by(fixture.client, ZEROS, WEBHOOK_TOLERANCE_S + 60, body));
    expect_refused(deliver_by(fixture.client, ZEROS, -WEBHOOK_TOLERANCE_S - 60, body));
    int64_t now_s = (int64_t)time(NULL);
    write_signature(ZEROS, now_s, body_of(id, "pay_1", "failed", "20.00"), signature); /* of another body */
    add_headers(fixture.client, client_format("%lld", (long long)now_s), signature);
    expect_refused(fixture_call(NULL, "POST", CALLBACK, body));
    write_signature(ZEROS, now_s, body, signature);
    add_headers(fixture.client, client_format("%lld", (long long)now_s + 1), signature); /* of another time */
    expect_refused(fixture_call(NULL, "POST", CALLBACK, body));
    add_headers(fixture.client, "now", signature);
    expect_refused(fixture_call(NULL, "POST", CALLBACK, body));
    signature[WEBHOOK_SIGNATURE_SIZE - 3] ^= 1;
    add_headers(fixture.client, client_format("%lld", (long long)now_s), signature);
    expect_refused(fixture_call(NULL, "POST", CALLBACK, body));
    deliver(id, "pay_2", "failed", "20.00"); /* decided after all others, had they been queued */
    SUITE_WAIT(is(id, "failed"), DECIDED_MS);
    ck_assert_int_eq(rows(id), 1);
}
END_TEST

static const struct {
    const char *body; /* %s: an order's id */
    const char *code;
    const char *field;
} invalid[] = {
    {"{\"reference\": \"p\", \"outcome\": \"failed\", \"amount\": 1}", "VALIDATION_FAILED", "orderId"},
    {"{\"orderId\": \"none\", \"reference\": \"p\", \"outcome\": \"failed\", \"amount\": 1}", "VALIDATION_FAILED",
     "orderId"},
    {"{\"orderId\": 1, \"reference\": \"p\", \"outcome\": \"failed\", \"amount\": 1}", "VALIDATION_FAILED", "orderId"},
    {"{\"orderId\": \"%s\", \"outcome\": \"failed\", \"amount\": 1}", "VALIDATION_FAILED", "reference"},
    {"{\"orderId\": \"%s\", \"reference\": 1, \"outcome\": \"failed\", \"amount\": 1}", "VALIDATION_FAILED",
     "reference"},
    {"{\"orderId\": \"%s\", \"reference\": \"\\u007f\", \"outcome\": \"failed\", \"amount\": 1}", "VALIDATION_FAILED",
     "reference"},
    {"{\"orderId\": \"%s\", \"reference\": \"p\", \"outcome\": 1, \"amount\": 1}", "VALIDATION_FAILED", "outcome"},
    {"{\"orderId\": \"%s\", \"reference\": \"p\", \"outcome\": \"failed\", \"amount\": -1}", "INVALID_AMOUNT", NULL},
    {"{\"orderId\": \"%s\", \"reference\": \"p\", \"outcome\": \"failed\", \"amount\": 1e2}", "INVALID_AMOUNT", NULL},
    {"{\"orderId\": \"%s\", \"reference\": \"p\", \"outcome\": \"failed\", \"amount\": 10000000000.00}",
     "INVALID_AMOUNT", NULL},
    {"{\"orderId\": \"%s\", \"reference\": \"p\", \"outcome\": \"failed\", \"amount\": null}", "VALIDATION_FAILED",
     "amount"},
    {"{\"orderId\": \"%s\", \"reference\": \"\", \"outcome\": \"failed\", \"amount\": 1}", "VALIDATION_FAILED",
     "reference"},
    {"{\"orderId\": \"%s\", \"reference\": \"\\u00e9\", \"outcome\": \"failed\", \"amount\": 1}", "VALIDATION_FAILED",
     "reference"},
    {"{\"orderId\": \"%s\", \"reference\": \"p\", \"amount\": 1}", "VALIDATION_FAILED", "outcome"},
    {"{\"orderId\": \"%s\", \"reference\": \"p\", \"outcome\": \"paid\", \"amount\": 1}", "VALIDATION_FAILED",
     "outcome"},
    {"{\"orderId\": \"%s\", \"reference\": \"p\", \"outcome\": \"failed\"}", "VALIDATION_FAILED", "amount"},
    {"{\"orderId\": \"%s\", \"reference\": \"p\", \"outcome\": \"failed\", \"amount\": 0}", "INVALID_AMOUNT", NULL},
    {"{\"orderId\": \"%s\", \"reference\": \"p\", \"outcome\": \"failed\", \"amount\": 1.001}", "INVALID_AMOUNT", NULL},
    {"{\"orderId\": \"%s\", \"reference\": \"p\", \"outcome\": \"failed\", \"amount\": 1, \"id\": 1}",
     "VALIDATION_FAILED", "id"},
};

START_TEST(invalid_callbacks_are_refused_with_their_field)
{
    char body[BODY_SIZE];
    const char *form = invalid[_i].body;
    const char *place = strstr(form, "%s");
    int before = place == NULL ? (int)strlen(form) : (int)(place - form);
    (void)snprintf(body, sizeof(body), "%.*s%s%s", before, form, place == NULL ? "" : fixture.ann.id,
                   place == NULL ? "" : place + 2);
    const struct reply *reply = deliver_by(fixture.client, ZEROS, 0, body);
    EXPECT_ERROR(reply, 400, invalid[_i].code);
    if (invalid[_i].field != NULL) {
        EXPECT_TEXT(reply, "fields.0.field", invalid[_i].field);
    }
}
END_TEST

/* ---- settings ---- */

START_TEST(without_a_secret_callbacks_are_503)
{
    struct own_gateway own;
    own_gateway_start(&own, "[sales]\npayment_secret = none\n");
    const char *body = body_of(fixture.ann.id, "pay_1", "succeeded", "20.00");
    EXPECT_ERROR(deliver_by(own.client, ZEROS, 0, body), 503, "PAYMENTS_OFF");
    own_gateway_stop(&own);
}
END_TEST

static void expect_no_callbacks(const struct reply *reply)
{
    EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
    EXPECT_TEXT(reply, "fields.0.field", "payment");
    EXPECT_TEXT(reply, "fields.0.code", "PAYMENTS_OFF");
    EXPECT_TEXT(reply, "fields.0.message", "must not be callback: callbacks of payments are not set up");
}

/* Its orders could never be confirmed. */
START_TEST(without_a_secret_no_sale_takes_payments)
{
    static const char with_callback[] = ", \"payment\": \"callback\"";
    struct own_gateway own;
    char path[BODY_SIZE];
    char made[UUID_TEXT_SIZE];
    sales_sale(&admin, product, HOUR_MS, with_callback, made); /* while there was a secret */
    own_gateway_start(&own, "[sales]\npayment_secret = none\n");
    client_token(own.client, admin.token);
    expect_no_callbacks(client_call(own.client, "POST", SALES, sales_body(product, HOUR_MS, with_callback)));
    (void)snprintf(path, sizeof(path), SALES "/%s", made);
    expect_no_callbacks(client_call(own.client, "PUT", path, "{\"version\": 1, \"payment\": \"callback\"}"));
    const struct reply *reply = client_call(own.client, "PUT", path, "{\"version\": 1, \"quantityAvailable\": 5}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "payment", "callback"); /* it was not asked for now */
    reply = client_call(own.client, "PUT", path, "{\"version\": 2, \"payment\": \"none\"}");
    EXPECT_STATUS(reply, 200);
    expect_no_callbacks(client_call(own.client, "PUT", path, "{\"version\": 3, \"payment\": \"callback\"}"));
    EXPECT_STATUS(client_call(own.client, "POST", SALES, sales_body(product, HOUR_MS, "")), 201);
    own_gateway_stop(&own);
}
END_TEST

START_TEST(while_a_secret_is_replaced_both_sign)
{
    struct own_gateway own;
    char id[UUID_TEXT_SIZE];
    char body[BODY_SIZE];
    order(&fixture.ann, 1, id);
    (void)snprintf(body, sizeof(body), "%s", body_of(id, "pay_1", "failed", "20.00"));
    own_gateway_start(&own, "[sales]\npayment_secret = " ONES " " ZEROS "\n[limits]\ncallbacks_per_minute = 3\n");
    EXPECT_STATUS(deliver_by(own.client, ONES, 0, body), 200);
    EXPECT_STATUS(deliver_by(own.client, ZEROS, 0, body), 200);
    expect_refused(fixture_call(NULL, "POST", CALLBACK, body));
    EXPECT_ERROR(client_call(own.client, "POST", CALLBACK, body), 401, "INVALID_SIGNATURE");
    EXPECT_ERROR(deliver_by(own.client, ZEROS, 0, body), 429, "RATE_LIMITED"); /* forged ones count */
    own_gateway_stop(&own);
}
END_TEST

static Suite *payments_suite(void)
{
    const TTest *const tests[] = {
        a_payment_confirms_its_order_once,
        a_confirmation_by_the_buyer_answers_where_to_pay,
        a_confirmation_of_an_order_that_is_over_names_no_link,
        a_failed_payment_gives_the_units_back_and_a_later_success_takes_free_ones,
        a_wrong_amount_never_confirms_and_is_to_be_refunded,
        an_unknown_order_is_accepted_and_has_no_effect,
        without_redis_no_order_is_called_unknown,
        a_callback_that_the_broker_refuses_is_503_and_its_repetition_counts_once,
        a_callback_that_the_broker_does_not_confirm_is_503_and_its_repetition_counts_once,
        without_a_broker_a_callback_is_503_and_the_reservation_does_not_run_out,
        a_payment_after_the_reservation_is_refunded_if_others_wait,
        refunds_are_listed_in_pages_the_oldest_due_first,
        invalid_calls_about_refunds_are_refused_with_their_field,
        a_user_banned_in_the_line_loses_the_turn_and_not_the_stock,
        an_account_with_a_live_place_or_a_reserved_order_is_not_erased,
        forged_and_late_callbacks_change_nothing,
        without_a_secret_callbacks_are_503,
        without_a_secret_no_sale_takes_payments,
        while_a_secret_is_replaced_both_sign,
    };
    Suite *suite = suite_create("payments");
    TCase *everything = tcase_create("payments");
    tcase_add_checked_fixture(everything, setup, fixture_teardown);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(everything, tests[i]);
    }
    tcase_add_loop_test(everything, a_payment_of_an_undecided_order_is_not_lost, 0, 2);
    tcase_add_loop_test(everything, invalid_callbacks_are_refused_with_their_field, 0, (int)ARRAY_LEN(invalid));
    suite_add_tcase(suite, everything);
    return suite;
}

int main(void)
{
    return suite_run(payments_suite());
}
