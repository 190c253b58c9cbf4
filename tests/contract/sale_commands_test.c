/*
 * The commands to flash sales over HTTP, against the whole deployment. Every field, state, limit and idempotency key
 * has its answer. Places and orders are read.
 *
 * Runs alone: it stops the end worker, and sets states by SQL that no worker has decided.
 */
#include <stdio.h>

#include "common/base/clock.h"
#include "tests/support/deployment.h"
#include "tests/support/own_gateway.h"
#include "tests/support/redis_run.h"
#include "tests/support/sales.h"

#define JOIN   "/api/v1/queue/join"
#define LEAVE  "/api/v1/queue/leave?flashSaleId=%s"
#define PLACE  "/api/v1/queue/position?flashSaleId=%s"
#define ORDERS "/api/v1/orders"
#define NO_ID  "01890000-0000-7000-8000-000000000000"

enum { HOUR_MS = 3600000, SOON_MS = -1000 /* a start of a moment ago means now */ };

static struct factory_user admin;
static char product[UUID_TEXT_SIZE];

static void setup(void)
{
    fixture_setup();
    sales_admin(&admin);
    sales_product(&admin, "A lamp", "", product);
}

static void teardown(void)
{
    ck_assert(deployment_service("endworker", "up")); /* no effect while it runs */
    fixture_teardown();
}

/* ---- calls ---- */

/* A sale that has started, of this many units. */
static void new_sale(int quantity, const char *more, char id[static UUID_TEXT_SIZE])
{
    char start[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    clock_format(clock_now_ms() + SOON_MS, start);
    clock_format(clock_now_ms() + HOUR_MS, end);
    const struct reply *reply =
        fixture_call(&admin, "POST", SALES,
                     client_format("{\"productId\": \"%s\", \"flashPrice\": 20, \"quantityAvailable\": %d,"
                                   " \"startTime\": \"%s\", \"endTime\": \"%s\"%s}",
                                   product, quantity, start, end, more));
    EXPECT_STATUS(reply, 201);
    (void)snprintf(id, UUID_TEXT_SIZE, "%s", reply_text(reply, "id"));
}

static const char *body_of(const char *sale, int quantity)
{
    return client_format("{\"flashSaleId\": \"%s\", \"quantity\": %d}", sale, quantity);
}

/* Waits for the decision. */
static const struct reply *decide(const struct factory_user *who, const char *method, const char *path,
                                  const char *body)
{
    client_header(fixture.client, "Prefer: wait=10");
    return fixture_call(who, method, path, body);
}

static const struct reply *join(const struct factory_user *who, const char *sale, int quantity)
{
    return decide(who, "POST", JOIN, body_of(sale, quantity));
}

static const struct reply *order(const struct factory_user *who, const char *sale, int quantity)
{
    return decide(who, "POST", ORDERS, body_of(sale, quantity));
}

static const struct reply *act(const struct factory_user *who, const char *id, const char *tail)
{
    return decide(who, "POST", client_format(ORDERS "/%s/%s", id, tail), NULL);
}

static const struct reply *place(const struct factory_user *who, const char *sale)
{
    return fixture_call(who, "GET", client_format(PLACE, sale), NULL);
}

static const struct reply *leave(const struct factory_user *who, const char *sale)
{
    return fixture_call(who, "DELETE", client_format(LEAVE, sale), NULL);
}

static void reserve(const struct factory_user *who, const char *sale, char id[static UUID_TEXT_SIZE])
{
    const struct reply *reply = order(who, sale, 1);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "reserved");
    (void)snprintf(id, UUID_TEXT_SIZE, "%s", reply_text(reply, "orderId"));
}

static bool has_status(const struct reply *reply, const char *status)
{
    return reply->status == 200 && strcmp(reply_text(reply, "status"), status) == 0;
}

/* ---- fields ---- */

static const struct {
    const char *members; /* beside flashSaleId */
    bool of_join;
    const char *field_code; /* of quantity */
} quantities[] = {
    {", \"quantity\": 0", true, "INVALID_NUMBER"},
    {", \"quantity\": -1", true, "INVALID_NUMBER"},
    {", \"quantity\": 1000001", true, "INVALID_NUMBER"},
    {", \"quantity\": 1.5", true, "INVALID_NUMBER"},
    {", \"quantity\": \"1\"", true, "INVALID_NUMBER"},
    {", \"quantity\": true", true, "INVALID_NUMBER"},
    {", \"quantity\": []", true, "INVALID_NUMBER"},
    {", \"quantity\": 99999999999999999999", true, "INVALID_NUMBER"},
    {"", false, "REQUIRED"},
    {", \"quantity\": null", false, "REQUIRED"},
};

static const struct {
    const char *body;
    const char *field;
    const char *field_code;
} bodies[] = {
    {"{\"quantity\": 1}", "flashSaleId", "REQUIRED"},
    {"{\"quantity\": 1, \"flashSaleId\": null}", "flashSaleId", "REQUIRED"},
    {"{\"quantity\": 1, \"flashSaleId\": \"\"}", "flashSaleId", "NOT_A_UUID"},
    {"{\"quantity\": 1, \"flashSaleId\": 7}", "flashSaleId", "NOT_A_UUID"},
    {"{\"quantity\": 1, \"flashSaleId\": \"" NO_ID "0\"}", "flashSaleId", "NOT_A_UUID"},
    {"{\"quantity\": 1, \"flashSaleId\": \"" NO_ID "\", \"price\": 1}", "price", "UNKNOWN_FIELD"},
};

static void expect_field(const struct reply *reply, const char *field, const char *code)
{
    EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
    EXPECT_TEXT(reply, "fields.0.field", field);
    EXPECT_TEXT(reply, "fields.0.code", code);
}

START_TEST(invalid_fields_are_named)
{
    static const char *const paths[] = {JOIN, ORDERS};
    char sale[UUID_TEXT_SIZE];
    new_sale(10, "", sale);
    for (size_t p = 0; p < ARRAY_LEN(paths); p++) {
        for (size_t i = 0; i < ARRAY_LEN(quantities); i++) {
            const char *body = client_format("{\"flashSaleId\": \"%s\"%s}", sale, quantities[i].members);
            if (p == 1 || quantities[i].of_join) {
                expect_field(fixture_call(&fixture.ann, "POST", paths[p], body), "quantity", quantities[i].field_code);
            }
        }
        for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
            expect_field(fixture_call(&fixture.ann, "POST", paths[p], bodies[i].body), bodies[i].field,
                         bodies[i].field_code);
        }
        EXPECT_STATUS(fixture_call(&fixture.ann, "POST", paths[p], "[]"), 400);
        EXPECT_STATUS(fixture_call(&fixture.ann, "POST", paths[p], "{"), 400);
    }
    static const char *const queries[] = {"flashSaleId=none", "status=pending", "status=",  "status=reserved,",
                                          "limit=0",          "limit=101",      "cursor=x", "sort=x"};
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        EXPECT_ERROR(fixture_call(&fixture.ann, "GET", client_format(ORDERS "?%s", queries[i]), NULL), 400,
                     "VALIDATION_FAILED");
    }
    expect_field(place(&fixture.ann, "none"), "flashSaleId", "NOT_A_UUID");
    expect_field(leave(&fixture.ann, "none"), "flashSaleId", "NOT_A_UUID");
    expect_field(fixture_call(&fixture.ann, "GET", "/api/v1/queue/position", NULL), "flashSaleId", "REQUIRED");
    expect_field(fixture_call(&fixture.ann, "DELETE", "/api/v1/queue/leave", NULL), "flashSaleId", "REQUIRED");
    ck_assert_int_eq(
        sql_int(fixture.sql, "SELECT count(*) FROM sale_ledger WHERE sale_id = $1 AND user_id IS NOT NULL", sale, NULL),
        0);
}
END_TEST

START_TEST(unknown_ids_and_orders_of_others_are_404)
{
    static const char *const tails[] = {"/confirm", "/cancel", ""};
    char sale[UUID_TEXT_SIZE];
    char mine[UUID_TEXT_SIZE];
    new_sale(10, "", sale);
    reserve(&fixture.ann, sale, mine);
    const char *const ids[] = {NO_ID, mine, "none"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        const char *method = tails[i][0] == '\0' ? "GET" : "POST";
        for (size_t k = 0; k < ARRAY_LEN(ids); k++) {
            EXPECT_ERROR(fixture_call(&fixture.bob, method, client_format(ORDERS "/%s%s", ids[k], tails[i]), NULL), 404,
                         "NOT_FOUND");
        }
        EXPECT_ERROR(fixture_call(NULL, method, client_format(ORDERS "/%s%s", mine, tails[i]), NULL), 401,
                     "UNAUTHORIZED");
    }
    EXPECT_ERROR(join(&fixture.ann, NO_ID, 1), 404, "NOT_FOUND");
    EXPECT_ERROR(order(&fixture.ann, NO_ID, 1), 404, "NOT_FOUND");
    EXPECT_ERROR(leave(&fixture.ann, NO_ID), 404, "NOT_FOUND");
    EXPECT_ERROR(place(&fixture.ann, NO_ID), 404, "NOT_FOUND");
    EXPECT_ERROR(place(&fixture.bob, sale), 404, "NOT_FOUND"); /* has never joined */
    EXPECT_ERROR(join(NULL, sale, 1), 401, "UNAUTHORIZED");
    EXPECT_ERROR(order(NULL, sale, 1), 401, "UNAUTHORIZED");
    EXPECT_ERROR(leave(NULL, sale), 401, "UNAUTHORIZED");
    EXPECT_ERROR(place(NULL, sale), 401, "UNAUTHORIZED");
    EXPECT_ERROR(fixture_call(NULL, "GET", ORDERS, NULL), 401, "UNAUTHORIZED");
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", client_format(ORDERS "/%s", mine), NULL), "status", "reserved");
}
END_TEST

/* ---- states ---- */

/* Codes; "": the decision is no error. */
static const struct {
    const char *status;
    const char *join;
    const char *order;
    const char *leave; /* before the join */
} states[] = {
    {"upcoming", "SALE_NOT_OPEN", "SALE_NOT_STARTED", "NOT_IN_QUEUE"},
    {"open", "", "SALE_NOT_STARTED", "NOT_IN_QUEUE"},
    {"active", "", "", "NOT_IN_QUEUE"},
    {"ended", "SALE_ENDED", "SALE_ENDED", "SALE_ENDED"},
    {"settled", "SALE_ENDED", "SALE_ENDED", "SALE_ENDED"},
    {"sold_out", "SOLD_OUT", "SOLD_OUT", "SOLD_OUT"},
    {"cancelled", "SALE_CANCELLED", "SALE_CANCELLED", "SALE_CANCELLED"},
};

/* A sale in this state; `upcoming`: joining begins in 45 minutes, `open`: it starts in an hour. */
static void sale_in(const char *status, char id[static UUID_TEXT_SIZE])
{
    if (strcmp(status, "upcoming") == 0) {
        sales_sale(&admin, product, HOUR_MS, "", id);
    } else if (strcmp(status, "open") == 0) {
        char join_time[CLOCK_TEXT_SIZE];
        clock_format(clock_now_ms() + SOON_MS, join_time);
        sales_sale(&admin, product, HOUR_MS, client_format(", \"joinTime\": \"%s\"", join_time), id);
    } else {
        new_sale(10, "", id);
    }
    if (strcmp(status, "upcoming") != 0 && strcmp(status, "open") != 0 && strcmp(status, "active") != 0) {
        PGresult *result = sql_rows(fixture.sql,
                                    "UPDATE flash_sales SET status = $2, sold = CASE WHEN $2 = 'sold_out' THEN quantity"
                                    " ELSE 0 END WHERE id = $1",
                                    id, status, NULL);
        ck_assert_ptr_nonnull(result);
        PQclear(result);
    }
}

static void expect_code(const struct reply *reply, const char *code)
{
    if (code[0] == '\0') {
        EXPECT_STATUS(reply, 200);
    } else {
        EXPECT_ERROR(reply, 409, code);
    }
}

START_TEST(each_state_of_a_sale_has_its_answers)
{
    char sale[UUID_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        sale_in(states[i].status, sale);
        expect_code(leave(&fixture.ann, sale), states[i].leave);
        expect_code(join(&fixture.ann, sale, 1), states[i].join);
        expect_code(order(&fixture.bob, sale, 1), states[i].order);
        EXPECT_STATUS(place(&fixture.ann, sale), states[i].join[0] == '\0' ? 200 : 404);
    }
}
END_TEST

START_TEST(a_place_is_shown_from_the_join_to_its_end)
{
    char sale[UUID_TEXT_SIZE];
    char entry[UUID_TEXT_SIZE];
    new_sale(1, "", sale);
    EXPECT_TEXT(join(&fixture.ann, sale, 1), "position", "0");
    EXPECT_TEXT(place(&fixture.ann, sale), "status", "turn");
    EXPECT_TEXT(place(&fixture.ann, sale), "position", "0");
    const struct reply *reply =
        fixture_call(&fixture.bob, "POST", JOIN, client_format("{\"flashSaleId\": \"%s\"}", sale));
    EXPECT_STATUS(reply, 202);
    EXPECT_TEXT(reply, "position", "null");
    EXPECT_TEXT(reply, "status", "pending");
    (void)snprintf(entry, sizeof(entry), "%s", reply_text(reply, "entryId"));
    ck_assert_str_eq(client_reply_header(fixture.client, "Location"), client_format(SALES "/%s/queue-position", sale));
    /* From the 202 on there is a place: pending, then waiting. */
    reply = place(&fixture.bob, sale);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "entryId", entry);
    SUITE_WAIT(has_status(place(&fixture.bob, sale), "waiting"), FACTORY_DECISION_MS);
    reply = fixture_call(&fixture.bob, "GET", client_format(SALES "/%s/queue-position", sale), NULL);
    EXPECT_TEXT(reply, "position", "1");
    EXPECT_TEXT(reply, "waiting", "1");
    EXPECT_TEXT(reply, "turnExpiresAt", "null");
    EXPECT_TEXT(join(&fixture.bob, sale, 1), "entryId", entry); /* the place that one has */
    reply = order(&fixture.bob, sale, 1);
    EXPECT_TEXT(reply, "reason", "NOT_YOUR_TURN");
    EXPECT_TEXT(reply, "position", "1");
    EXPECT_STATUS(leave(&fixture.ann, sale), 204);
    EXPECT_TEXT(place(&fixture.ann, sale), "status", "left");
    EXPECT_TEXT(place(&fixture.ann, sale), "position", "null");
    reply = leave(&fixture.ann, sale);
    EXPECT_ERROR(reply, 409, "NOT_IN_QUEUE");
    EXPECT_TEXT(reply, "message", "You have no place in the waiting line");
    EXPECT_TEXT(place(&fixture.bob, sale), "status", "turn");
    EXPECT_TEXT(order(&fixture.ann, sale, 1), "reason", "NOT_IN_QUEUE");
    EXPECT_TEXT(order(&fixture.bob, sale, 2), "reason", "CLAIM_EXCEEDED");
    EXPECT_TEXT(order(&fixture.bob, sale, 1), "status", "reserved");
    EXPECT_TEXT(place(&fixture.bob, sale), "status", "ordered");
}
END_TEST

/* A second tab has another clock reading: the answer is that of the place or order, not of the command. */
START_TEST(a_place_and_an_order_keep_their_times)
{
    char sale[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char joined[CLOCK_TEXT_SIZE];
    char received[CLOCK_TEXT_SIZE];
    new_sale(2, "", sale);
    EXPECT_TEXT(join(&fixture.ann, sale, 1), "position", "0");
    (void)snprintf(joined, sizeof(joined), "%s", reply_text(join(&fixture.bob, sale, 1), "joinedAt"));
    EXPECT_TEXT(join(&admin, sale, 1), "position", "1");
    int64_t now_ms = clock_now_ms();
    SUITE_WAIT(clock_now_ms() > now_ms, FACTORY_DECISION_MS);
    EXPECT_TEXT(join(&fixture.bob, sale, 1), "joinedAt", joined);
    (void)snprintf(joined, sizeof(joined), "%s", reply_text(join(&admin, sale, 1), "joinedAt"));
    now_ms = clock_now_ms();
    SUITE_WAIT(clock_now_ms() > now_ms, FACTORY_DECISION_MS);
    const struct reply *reply = join(&admin, sale, 1);
    EXPECT_TEXT(reply, "joinedAt", joined);
    EXPECT_TEXT(reply, "status", "waiting");
    EXPECT_TEXT(reply, "position", "1");
    reserve(&fixture.bob, sale, id);
    const char *path = client_format(ORDERS "/%s", id);
    (void)snprintf(received, sizeof(received), "%s",
                   reply_text(fixture_call(&fixture.bob, "GET", path, NULL), "receivedAt"));
    now_ms = clock_now_ms();
    SUITE_WAIT(clock_now_ms() > now_ms, FACTORY_DECISION_MS);
    EXPECT_TEXT(act(&fixture.bob, id, "confirm"), "receivedAt", received);
    EXPECT_TEXT(act(&fixture.bob, id, "confirm"), "receivedAt", received);
}
END_TEST

START_TEST(a_join_is_pending_until_it_is_decided)
{
    char sale[UUID_TEXT_SIZE];
    new_sale(1, "", sale);
    ck_assert(deployment_service("saleworker-1", "down"));
    const struct reply *reply = fixture_call(&fixture.ann, "POST", JOIN, body_of(sale, 1));
    int status = reply->status;
    bool pending = has_status(place(&fixture.ann, sale), "pending");
    bool no_position = strcmp(reply_text(place(&fixture.ann, sale), "position"), "null") == 0;
    ck_assert(deployment_service("saleworker-1", "up"));
    ck_assert_int_eq(status, 202);
    ck_assert(pending && no_position);
    SUITE_WAIT(has_status(place(&fixture.ann, sale), "turn"), 2L * FACTORY_DECISION_MS);
}
END_TEST

static const struct reply *place_by(struct client *client, const struct factory_user *who, const char *sale)
{
    client_token(client, who->token);
    return client_call(client, "GET", client_format(SALES "/%s/queue-position", sale), NULL);
}

/* A join that was answered 202 may be pending: then neither an old place nor "no place" is the answer. */
START_TEST(without_redis_only_certain_places_are_shown)
{
    struct own_gateway own;
    char sale[UUID_TEXT_SIZE];
    new_sale(1, "", sale);
    EXPECT_TEXT(join(&fixture.ann, sale, 1), "status", "turn");
    EXPECT_STATUS(leave(&fixture.ann, sale), 204);
    EXPECT_TEXT(join(&fixture.bob, sale, 1), "status", "turn");
    own_gateway_start_with_redis(&own, "", "redis://127.0.0.1:1");
    EXPECT_TEXT(place_by(own.client, &fixture.bob, sale), "status", "turn");
    EXPECT_ERROR(place_by(own.client, &fixture.ann, sale), 503, "UNAVAILABLE");
    EXPECT_ERROR(place_by(own.client, &admin, sale), 503, "UNAVAILABLE");
    EXPECT_TEXT(place(&fixture.ann, sale), "status", "left");
    EXPECT_ERROR(place(&admin, sale), 404, "NOT_FOUND");
    EXPECT_STATUS(fixture_call(&admin, "POST", client_format(SALES "/%s/cancel", sale), "{\"reason\": \"test\"}"), 200);
    /* No join gets a place any more. */
    EXPECT_TEXT(place_by(own.client, &fixture.bob, sale), "status", "closed");
    EXPECT_TEXT(place_by(own.client, &fixture.ann, sale), "status", "left");
    EXPECT_ERROR(place_by(own.client, &admin, sale), 404, "NOT_FOUND");
    EXPECT_ERROR(place_by(own.client, &admin, fixture.auction), 404, "NOT_FOUND");
    own_gateway_stop(&own);
}
END_TEST

START_TEST(orders_have_their_states_and_are_listed_newest_first)
{
    char sale[UUID_TEXT_SIZE];
    char other[UUID_TEXT_SIZE];
    char first[UUID_TEXT_SIZE];
    char second[UUID_TEXT_SIZE];
    char cursor[256];
    new_sale(10, ", \"perUserLimit\": 2", sale);
    new_sale(10, "", other);
    reserve(&fixture.ann, sale, first);
    int64_t made_ms = clock_now_ms();
    SUITE_WAIT(clock_now_ms() > made_ms, FACTORY_DECISION_MS);
    reserve(&fixture.ann, sale, second);
    EXPECT_TEXT(order(&fixture.ann, sale, 1), "reason", "LIMIT_REACHED");
    EXPECT_ERROR(join(&fixture.ann, sale, 1), 409, "LIMIT_REACHED");
    EXPECT_TEXT(act(&fixture.ann, first, "confirm"), "status", "confirmed");
    EXPECT_TEXT(act(&fixture.ann, first, "confirm"), "status", "confirmed");
    EXPECT_ERROR(act(&fixture.ann, first, "cancel"), 409, "ORDER_CLOSED");
    EXPECT_TEXT(act(&fixture.ann, second, "cancel"), "status", "cancelled");
    EXPECT_ERROR(act(&fixture.ann, second, "confirm"), 409, "ORDER_CLOSED");
    const char *base = client_format(ORDERS "?flashSaleId=%s&status=confirmed,cancelled", sale);
    char list[256];
    (void)snprintf(list, sizeof(list), "%s&limit=1", base);
    const struct reply *reply = fixture_call(&fixture.ann, "GET", list, NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.orderId", second);
    (void)snprintf(cursor, sizeof(cursor), "%s", reply_text(reply, "nextCursor"));
    reply = fixture_call(&fixture.ann, "GET", client_format("%s&cursor=%s", list, cursor), NULL);
    EXPECT_TEXT(reply, "items.0.orderId", first);
    EXPECT_TEXT(reply, "items.0.totalPrice", "20.00");
    EXPECT_TEXT(reply, "items.0.productName", "A lamp");
    EXPECT_TEXT(reply, "items.0.currency", "USD");
    EXPECT_TEXT(reply, "nextCursor", "null");
    reply = fixture_call(&fixture.ann, "GET", client_format(ORDERS "/%s", first), NULL);
    EXPECT_TEXT(reply, "productName", "A lamp");
    EXPECT_TEXT(reply, "currency", "USD");
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", ORDERS, NULL), "items"), 3); /* one was rejected */
    reply = fixture_call(&fixture.ann, "GET", client_format(ORDERS "?flashSaleId=%s", other), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 0);
    ck_assert_int_eq(reply_count(fixture_call(&fixture.bob, "GET", ORDERS, NULL), "items"), 0);
}
END_TEST

/* While the end worker is down nothing ends a turn or a reservation but their times. */
START_TEST(what_ran_out_is_refused)
{
    char sale[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    new_sale(10, ", \"turnSeconds\": 1, \"reservationSeconds\": 1, \"perUserLimit\": 2", sale);
    ck_assert(deployment_service("endworker", "down"));
    reserve(&fixture.bob, sale, id);
    EXPECT_TEXT(join(&fixture.ann, sale, 1), "status", "turn");
    int64_t until_ms = clock_now_ms() + 2500;
    SUITE_WAIT(clock_now_ms() > until_ms, FACTORY_DECISION_MS);
    EXPECT_TEXT(order(&fixture.ann, sale, 1), "reason", "TURN_EXPIRED");
    EXPECT_ERROR(act(&fixture.bob, id, "confirm"), 409, "RESERVATION_EXPIRED");
    ck_assert(deployment_service("endworker", "up"));
    SUITE_WAIT(has_status(place(&fixture.ann, sale), "expired"), 2L * FACTORY_DECISION_MS);
    const char *path = client_format(ORDERS "/%s", id);
    SUITE_WAIT(has_status(fixture_call(&fixture.bob, "GET", path, NULL), "expired"), 2L * FACTORY_DECISION_MS);
    EXPECT_ERROR(act(&fixture.bob, id, "confirm"), 409, "RESERVATION_EXPIRED");
    EXPECT_ERROR(act(&fixture.bob, id, "cancel"), 409, "RESERVATION_EXPIRED");
}
END_TEST

/* ---- repeated requests, limits, users ---- */

static const struct reply *with_key(const char *key, const char *path, const char *body)
{
    client_header(fixture.client, client_format("Idempotency-Key: %s", key));
    return decide(&fixture.ann, "POST", path, body);
}

START_TEST(a_repeated_command_has_the_first_answer)
{
    char sale[UUID_TEXT_SIZE];
    char entry[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char confirm[128];
    new_sale(10, ", \"perUserLimit\": 2", sale);
    (void)snprintf(entry, sizeof(entry), "%s", reply_text(with_key("j", JOIN, body_of(sale, 1)), "entryId"));
    EXPECT_TEXT(with_key("j", JOIN, body_of(sale, 1)), "entryId", entry);
    EXPECT_ERROR(with_key("j", JOIN, body_of(sale, 2)), 422, "IDEMPOTENCY_KEY_REUSED");
    EXPECT_ERROR(with_key("j", ORDERS, body_of(sale, 1)), 422, "IDEMPOTENCY_KEY_REUSED");
    const struct reply *reply = with_key("o", ORDERS, body_of(sale, 1));
    EXPECT_TEXT(reply, "status", "reserved");
    (void)snprintf(id, sizeof(id), "%s", reply_text(reply, "orderId"));
    EXPECT_TEXT(with_key("o", ORDERS, body_of(sale, 1)), "orderId", id);
    EXPECT_ERROR(with_key("o", ORDERS, body_of(sale, 2)), 422, "IDEMPOTENCY_KEY_REUSED");
    (void)snprintf(confirm, sizeof(confirm), ORDERS "/%s/confirm", id);
    EXPECT_TEXT(with_key("c", confirm, NULL), "status", "confirmed");
    EXPECT_TEXT(with_key("c", confirm, NULL), "orderId", id);
    EXPECT_ERROR(with_key("c", client_format(ORDERS "/%s/cancel", id), NULL), 422, "IDEMPOTENCY_KEY_REUSED");
    ck_assert_int_eq(
        sql_int(fixture.sql,
                "SELECT count(*) FROM sale_ledger WHERE sale_id = $1 AND kind IN ('join', 'order', 'confirm')", sale,
                NULL),
        3);
    /* A refused command does not use up its key. */
    char early[UUID_TEXT_SIZE];
    sales_sale(&admin, product, HOUR_MS, "", early);
    EXPECT_ERROR(with_key("free", JOIN, body_of(early, 1)), 409, "SALE_NOT_OPEN");
    EXPECT_STATUS(with_key("free", JOIN, body_of(sale, 1)), 200);
}
END_TEST

static const struct reply *leave_with_key(const char *key, const char *sale)
{
    client_header(fixture.client, client_format("Idempotency-Key: %s", key));
    return leave(&fixture.ann, sale);
}

/* A client that does not know whether it has left asks again: the place that it took since stays. */
START_TEST(a_repeated_leave_has_the_first_answer)
{
    char sale[UUID_TEXT_SIZE];
    new_sale(10, "", sale);
    EXPECT_TEXT(join(&fixture.ann, sale, 1), "status", "turn");
    EXPECT_STATUS(leave_with_key("l", sale), 204);
    EXPECT_STATUS(leave_with_key("l", sale), 204);
    EXPECT_TEXT(join(&fixture.ann, sale, 1), "status", "turn");
    EXPECT_STATUS(leave_with_key("l", sale), 204);
    EXPECT_TEXT(place(&fixture.ann, sale), "status", "turn");
    EXPECT_ERROR(with_key("l", JOIN, body_of(sale, 1)), 422, "IDEMPOTENCY_KEY_REUSED");
    EXPECT_STATUS(leave_with_key("m", sale), 204);
    EXPECT_ERROR(leave_with_key("n", sale), 409, "NOT_IN_QUEUE");
    EXPECT_TEXT(join(&fixture.ann, sale, 1), "status", "turn");
    EXPECT_ERROR(leave_with_key("n", sale), 409, "NOT_IN_QUEUE"); /* as it was decided */
    EXPECT_STATUS(leave_with_key("\"\"", sale), 400);
    ck_assert_int_eq(
        sql_int(fixture.sql, "SELECT count(*) FROM sale_ledger WHERE sale_id = $1 AND kind = 'leave'", sale, NULL), 3);
}
END_TEST

static const struct reply *own_call(const struct own_gateway *own, const struct factory_user *who, const char *path,
                                    const char *body)
{
    client_token(own->client, who->token);
    client_header(own->client, "Prefer: wait=10");
    return client_call(own->client, "POST", path, body);
}

START_TEST(limits_count_what_was_taken)
{
    static const struct {
        const char *path;
        const char *refusal;
    } calls[] = {{JOIN, "SALE_NOT_OPEN"}, {ORDERS, "SALE_NOT_STARTED"}};
    struct own_gateway own;
    char sale[UUID_TEXT_SIZE];
    char early[UUID_TEXT_SIZE];
    new_sale(10, ", \"perUserLimit\": 5", sale);
    sales_sale(&admin, product, HOUR_MS, "", early);
    own_gateway_start(&own, "[limits]\nlimits_exempt = none\njoins_per_minute = 2\norders_per_minute = 2\n");
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        for (int k = 0; k < 4; k++) { /* refused: not counted */
            EXPECT_ERROR(own_call(&own, &fixture.ann, calls[i].path, body_of(early, 1)), 409, calls[i].refusal);
        }
        EXPECT_STATUS(own_call(&own, &fixture.ann, calls[i].path, body_of(sale, 1)), 200);
        ck_assert_str_eq(client_reply_header(own.client, "RateLimit-Remaining"), "1");
        EXPECT_STATUS(own_call(&own, &fixture.ann, calls[i].path, body_of(sale, 1)), 200);
        EXPECT_ERROR(own_call(&own, &fixture.ann, calls[i].path, body_of(sale, 1)), 429, "RATE_LIMITED");
        ck_assert_str_ne(client_reply_header(own.client, "Retry-After"), "");
    }
    EXPECT_STATUS(own_call(&own, &fixture.ann, fixture_path("/bids"), "{\"amount\": 20.00}"), 200); /* its own limit */
    own_gateway_stop(&own);
}
END_TEST

START_TEST(users_who_may_not_are_403)
{
    struct own_gateway own;
    char sale[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    new_sale(10, ", \"perUserLimit\": 3", sale);
    reserve(&fixture.ann, sale, id);
    own_gateway_start(&own, "[accounts]\nbid_unverified = no\n");
    EXPECT_ERROR(own_call(&own, &fixture.ann, JOIN, body_of(sale, 1)), 403, "EMAIL_UNVERIFIED");
    EXPECT_ERROR(own_call(&own, &fixture.ann, ORDERS, body_of(sale, 1)), 403, "EMAIL_UNVERIFIED");
    /* What one has one may keep or give back. */
    EXPECT_STATUS(own_call(&own, &fixture.ann, client_format(ORDERS "/%s/confirm", id), NULL), 200);
    own_gateway_stop(&own);
    client_token(fixture.client, admin.token);
    EXPECT_STATUS(fixture_call(&admin, "POST", client_format("/api/v1/admin/users/%s/ban", fixture.ann.id),
                               "{\"reason\": \"a test\"}"),
                  200);
    EXPECT_ERROR(join(&fixture.ann, sale, 1), 403, "USER_BANNED");
    EXPECT_ERROR(order(&fixture.ann, sale, 1), 403, "USER_BANNED");
    EXPECT_ERROR(leave(&fixture.ann, sale), 403, "USER_BANNED");
    EXPECT_ERROR(act(&fixture.ann, id, "cancel"), 403, "USER_BANNED");
    EXPECT_ERROR(place(&fixture.ann, sale), 403, "USER_BANNED");
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", ORDERS, NULL), 403, "USER_BANNED");
}
END_TEST

static const struct reply *cancel_again(const struct own_gateway *own, const char *id)
{
    client_token(own->client, fixture.ann.token);
    client_header(own->client, "Idempotency-Key: again");
    return client_call(own->client, "POST", client_format(ORDERS "/%s/cancel", id), NULL);
}

/* The entry says that the first one may not have reached the broker: it is queued again, whatever the address is. */
START_TEST(a_repeated_cancellation_needs_no_verified_address)
{
    struct own_gateway own;
    char sale[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char key[128];
    const char *const admitted[] = {"SETRANGE", key, "0", "a"};
    new_sale(10, "", sale);
    reserve(&fixture.ann, sale, id);
    own_gateway_start(&own, "[accounts]\nbid_unverified = no\n");
    PQclear(sql_rows(fixture.sql, "BEGIN", NULL)); /* until its COMMIT nothing is decided */
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT 1 FROM flash_sales WHERE id = $1::uuid FOR UPDATE", sale, NULL), 1);
    const struct reply *reply = cancel_again(&own, id);
    EXPECT_STATUS(reply, 202);
    (void)snprintf(key, sizeof(key), "bid:{%s}:%s", fixture.ann.id, reply_text(reply, "commandId"));
    redis_run(ARRAY_LEN(admitted), admitted);
    EXPECT_STATUS(cancel_again(&own, id), 202);
    own_gateway_stop(&own);
    PQclear(sql_rows(fixture.sql, "COMMIT", NULL));
    const char *path = client_format(ORDERS "/%s", id);
    SUITE_WAIT(has_status(fixture_call(&fixture.ann, "GET", path, NULL), "cancelled"), FACTORY_DECISION_MS);
    ck_assert_int_eq(
        sql_int(fixture.sql, "SELECT count(*) FROM sale_ledger WHERE sale_id = $1 AND kind = 'cancel'", sale, NULL), 1);
}
END_TEST

static Suite *sale_commands_suite(void)
{
    const TTest *const tests[] = {
        invalid_fields_are_named,
        unknown_ids_and_orders_of_others_are_404,
        each_state_of_a_sale_has_its_answers,
        a_place_is_shown_from_the_join_to_its_end,
        a_place_and_an_order_keep_their_times,
        a_join_is_pending_until_it_is_decided,
        without_redis_only_certain_places_are_shown,
        orders_have_their_states_and_are_listed_newest_first,
        what_ran_out_is_refused,
        a_repeated_command_has_the_first_answer,
        a_repeated_leave_has_the_first_answer,
        a_repeated_cancellation_needs_no_verified_address,
        limits_count_what_was_taken,
        users_who_may_not_are_403,
    };
    Suite *suite = suite_create("sale commands");
    TCase *everything = tcase_create("sale commands");
    tcase_set_timeout(everything, 120);
    tcase_add_checked_fixture(everything, setup, teardown);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(everything, tests[i]);
    }
    suite_add_tcase(suite, everything);
    return suite;
}

int main(void)
{
    return suite_run(sale_commands_suite());
}
