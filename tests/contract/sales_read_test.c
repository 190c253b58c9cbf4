/*
 * Flash sales: creation by admins, lists, one sale with the user's own place and orders. Places and orders are inserted
 * by SQL, so that positions and states are known exactly.
 *
 * Runs alone: it inserts rows that no worker has decided.
 */
#include <stdio.h>

#include "common/base/clock.h"
#include "tests/support/sales.h"

#define HOUR_MS INT64_C(3600000)

enum { CURSOR_SIZE = 256, TAG_SIZE = 128, CACHE_MS = 5000 };

static struct factory_user admin;
static char product[UUID_TEXT_SIZE];

static void setup(void)
{
    fixture_setup();
    sales_admin(&admin);
    sales_product(&admin, "A lamp", "", product);
}

static void run(const char *sale, const char *statement)
{
    PGresult *result = sql_rows(fixture.sql, statement, sale, fixture.ann.id, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

START_TEST(a_new_sale_has_the_terms_and_the_defaults)
{
    char id[UUID_TEXT_SIZE];
    sales_sale(&admin, product, HOUR_MS, "", id);
    ck_assert_str_eq(client_reply_header(fixture.client, "Location"), client_format(SALES "/%s", id));
    const struct reply *reply = sales_get(&fixture.ann, id);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "productId", product);
    EXPECT_TEXT(reply, "productName", "A lamp");
    EXPECT_TEXT(reply, "flashPrice", "20.00");
    EXPECT_TEXT(reply, "quantityAvailable", "10");
    EXPECT_TEXT(reply, "available", "10");
    EXPECT_TEXT(reply, "perUserLimit", "1");
    EXPECT_TEXT(reply, "turnSeconds", "120");
    EXPECT_TEXT(reply, "reservationSeconds", "300");
    EXPECT_TEXT(reply, "payment", "none");
    EXPECT_TEXT(reply, "status", "upcoming");
    EXPECT_TEXT(reply, "version", "1");
    EXPECT_TEXT(reply, "you.entryId", "null");
    EXPECT_TEXT(reply, "you.position", "null");
    ck_assert_int_eq(reply_count(reply, "you.orders"), 0);
    EXPECT_ABSENT(sales_get(NULL, id), "you");
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM flash_sales WHERE id = $1"
                             " AND start_time - join_time = interval '15 minutes'",
                             id, NULL),
                     1);
    ck_assert_str_eq(sql_text(fixture.sql,
                              "SELECT actor_id || ' ' || (new_value->>'flashPrice') FROM audit_log WHERE subject = $1"
                              " AND action = 'SALE_CREATE'",
                              id, NULL),
                     client_format("%s 20.00", admin.id));
}
END_TEST

START_TEST(a_sale_keeps_every_term_that_was_given)
{
    char id[UUID_TEXT_SIZE];
    char join[CLOCK_TEXT_SIZE];
    char more[256];
    clock_format(clock_now_ms() + HOUR_MS / 2, join);
    (void)snprintf(more, sizeof(more),
                   ", \"joinTime\": \"%s\", \"perUserLimit\": 3, \"turnSeconds\": 1, \"reservationSeconds\": 86400,"
                   " \"payment\": \"callback\"",
                   join);
    sales_sale(&admin, product, HOUR_MS, more, id);
    const struct reply *reply = sales_get(NULL, id);
    EXPECT_TEXT(reply, "joinTime", join);
    EXPECT_TEXT(reply, "perUserLimit", "3");
    EXPECT_TEXT(reply, "turnSeconds", "1");
    EXPECT_TEXT(reply, "reservationSeconds", "86400");
    EXPECT_TEXT(reply, "payment", "callback");
    /* A start of a moment ago comes from another clock, and means now. Then users can join at once. */
    sales_sale(&admin, product, -1000, "", id);
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM flash_sales WHERE id = $1 AND start_time = join_time"
                             " AND start_time BETWEEN now() - interval '1 minute' AND now()",
                             id, NULL),
                     1);
}
END_TEST

START_TEST(a_repeated_creation_answers_the_first_sale)
{
    char id[UUID_TEXT_SIZE];
    char body[1024];
    (void)snprintf(body, sizeof(body), "%s", sales_body(product, HOUR_MS, ""));
    client_header(fixture.client, "Idempotency-Key: sale");
    const struct reply *reply = fixture_call(&admin, "POST", SALES, body);
    EXPECT_STATUS(reply, 201);
    (void)snprintf(id, sizeof(id), "%s", reply_text(reply, "id"));
    client_header(fixture.client, "Idempotency-Key: sale");
    reply = fixture_call(&admin, "POST", SALES, body);
    EXPECT_STATUS(reply, 201);
    EXPECT_TEXT(reply, "id", id);
    client_header(fixture.client, "Idempotency-Key: sale");
    EXPECT_ERROR(fixture_call(&admin, "POST", SALES, sales_body(product, 2 * HOUR_MS, "")), 422,
                 "IDEMPOTENCY_KEY_REUSED");
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM flash_sales WHERE product_id = $1", product, NULL), 1);
}
END_TEST

/* Each is a body with these members; a later one of the same name is not allowed, so names of sales_body are left out.
 */
static const struct {
    const char *members; /* beside productId */
    const char *code;
    const char *field; /* NULL: the error names none */
    const char *field_code;
} invalid[] = {
#define TIMES ", \"startTime\": \"2090-01-01T12:00:00Z\", \"endTime\": \"2090-01-01T13:00:00Z\""
#define SOON  ", \"startTime\": \"%S\", \"endTime\": \"%E\"" /* in an hour, for an hour */
#define STOCK ", \"flashPrice\": 20, \"quantityAvailable\": 10"
    {", \"quantityAvailable\": 10" SOON, "VALIDATION_FAILED", "flashPrice", "REQUIRED"},
    {", \"flashPrice\": 20" SOON, "VALIDATION_FAILED", "quantityAvailable", "REQUIRED"},
    {STOCK ", \"endTime\": \"%E\"", "VALIDATION_FAILED", "startTime", "REQUIRED"},
    {STOCK ", \"startTime\": \"%S\"", "VALIDATION_FAILED", "endTime", "REQUIRED"},
    {STOCK ", \"startTime\": 5, \"endTime\": \"%E\"", "VALIDATION_FAILED", "startTime", "NOT_A_TIME"},
    {STOCK ", \"startTime\": \"2001-01-01T00:00:00Z\", \"endTime\": \"%E\"", "VALIDATION_FAILED", "startTime",
     "TOO_EARLY"},
    {STOCK ", \"startTime\": \"%E\", \"endTime\": \"%S\"", "VALIDATION_FAILED", "endTime", "TOO_EARLY"},
    {STOCK ", \"startTime\": \"%S\", \"endTime\": \"%S\"", "VALIDATION_FAILED", "endTime", "TOO_EARLY"},
    {STOCK TIMES, "VALIDATION_FAILED", "endTime", "TOO_LATE"},
    {STOCK SOON ", \"joinTime\": \"%E\"", "VALIDATION_FAILED", "joinTime", "TOO_LATE"},
    {STOCK SOON ", \"joinTime\": \"2001-01-01T00:00:00Z\"", "VALIDATION_FAILED", "joinTime", "TOO_EARLY"},
    {STOCK SOON ", \"joinTime\": \"soon\"", "VALIDATION_FAILED", "joinTime", "NOT_A_TIME"},
    {", \"flashPrice\": 20, \"quantityAvailable\": 0" SOON, "VALIDATION_FAILED", "quantityAvailable", "INVALID_NUMBER"},
    {", \"flashPrice\": 20, \"quantityAvailable\": 1000001" SOON, "VALIDATION_FAILED", "quantityAvailable",
     "INVALID_NUMBER"},
    {", \"flashPrice\": 20, \"quantityAvailable\": 1.5" SOON, "VALIDATION_FAILED", "quantityAvailable",
     "INVALID_NUMBER"},
    {", \"flashPrice\": 20, \"quantityAvailable\": \"10\"" SOON, "VALIDATION_FAILED", "quantityAvailable",
     "INVALID_NUMBER"},
    {STOCK SOON ", \"perUserLimit\": 0", "VALIDATION_FAILED", "perUserLimit", "INVALID_NUMBER"},
    {STOCK SOON ", \"perUserLimit\": 1000001", "VALIDATION_FAILED", "perUserLimit", "INVALID_NUMBER"},
    {", \"flashPrice\": 9999999999.99, \"quantityAvailable\": 10" SOON ", \"perUserLimit\": 2", "VALIDATION_FAILED",
     "perUserLimit", "INVALID_NUMBER"},
    {STOCK SOON ", \"turnSeconds\": 0", "VALIDATION_FAILED", "turnSeconds", "INVALID_NUMBER"},
    {STOCK SOON ", \"turnSeconds\": 86401", "VALIDATION_FAILED", "turnSeconds", "INVALID_NUMBER"},
    {STOCK SOON ", \"reservationSeconds\": -1", "VALIDATION_FAILED", "reservationSeconds", "INVALID_NUMBER"},
    {STOCK SOON ", \"payment\": \"card\"", "VALIDATION_FAILED", "payment", "UNKNOWN_VALUE"},
    {STOCK SOON ", \"payment\": 1", "VALIDATION_FAILED", "payment", "NOT_A_STRING"},
    {STOCK SOON ", \"status\": \"active\"", "VALIDATION_FAILED", "status", "UNKNOWN_FIELD"},
    {STOCK SOON ", \"version\": 1", "VALIDATION_FAILED", "version", "UNKNOWN_FIELD"},
    {", \"flashPrice\": 0, \"quantityAvailable\": 10" SOON, "INVALID_AMOUNT", NULL, NULL},
    {", \"flashPrice\": -1, \"quantityAvailable\": 10" SOON, "INVALID_AMOUNT", NULL, NULL},
    {", \"flashPrice\": 1e2, \"quantityAvailable\": 10" SOON, "INVALID_AMOUNT", NULL, NULL},
    {", \"flashPrice\": [], \"quantityAvailable\": 10" SOON, "INVALID_AMOUNT", NULL, NULL},
    {", \"flashPrice\": 10000000000, \"quantityAvailable\": 10" SOON, "INVALID_AMOUNT", NULL, NULL},
};

/* Replaces %S and %E by times in one and two hours. */
static void fill_times(const char *members, char *out, size_t size)
{
    size_t length = 0;
    for (; *members != '\0'; members += strcspn(members, "%")) {
        if (*members == '%') {
            clock_format(clock_now_ms() + (members[1] == 'S' ? HOUR_MS : 2 * HOUR_MS), out + length);
            length += strlen(out + length);
            members += 2;
        }
        length += (size_t)snprintf(out + length, size - length, "%.*s", (int)strcspn(members, "%"), members);
    }
}

START_TEST(invalid_sales_are_refused_with_their_field)
{
    char members[1024];
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
        fill_times(invalid[i].members, members, sizeof(members));
        const struct reply *reply =
            fixture_call(&admin, "POST", SALES, client_format("{\"productId\": \"%s\"%s}", product, members));
        EXPECT_ERROR(reply, 400, invalid[i].code);
        if (invalid[i].field != NULL) {
            ck_assert_msg(strcmp(reply_text(reply, "fields.0.field"), invalid[i].field) == 0 &&
                              strcmp(reply_text(reply, "fields.0.code"), invalid[i].field_code) == 0,
                          "%s: " EXPECT_GOT, members, reply->status, reply->body);
        }
    }
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM flash_sales WHERE product_id = $1", product, NULL), 0);
    static const struct {
        const char *product;
        const char *code;
    } products[] = {{fixture.auction, "UNKNOWN_PRODUCT"}, {"none", "NOT_A_UUID"}};
    for (size_t i = 0; i < ARRAY_LEN(products); i++) {
        const struct reply *reply = fixture_call(&admin, "POST", SALES, sales_body(products[i].product, HOUR_MS, ""));
        EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
        EXPECT_TEXT(reply, "fields.0.field", "productId");
        EXPECT_TEXT(reply, "fields.0.code", products[i].code);
    }
    static const char *const queries[] = {"status=sold", "status=",  "status=open,", "productId=none",
                                          "limit=0",     "cursor=x", "sort=newest"};
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        EXPECT_ERROR(fixture_call(NULL, "GET", client_format(SALES "?%s", queries[i]), NULL), 400, "VALIDATION_FAILED");
    }
    EXPECT_ERROR(sales_get(NULL, fixture.auction), 404, "NOT_FOUND");
    EXPECT_ERROR(sales_get(&fixture.ann, fixture.auction), 404, "NOT_FOUND");
}
END_TEST

static void expect_page(const char *query, const char *first, const char *second)
{
    char cursor[CURSOR_SIZE];
    const struct reply *reply = fixture_call(NULL, "GET", client_format(SALES "?%s&limit=1", query), NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.id", first);
    EXPECT_ABSENT(reply, "items.0.you");
    (void)snprintf(cursor, sizeof(cursor), "%s", reply_text(reply, "nextCursor"));
    reply = fixture_call(NULL, "GET", client_format(SALES "?%s&limit=1&cursor=%s", query, cursor), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.id", second);
}

START_TEST(sales_are_listed_by_start_or_newest_first_in_pages)
{
    char late[UUID_TEXT_SIZE];
    char early[UUID_TEXT_SIZE];
    char of_product[128];
    sales_sale(&admin, product, 2 * HOUR_MS, "", late);
    int64_t created_ms = clock_now_ms();
    SUITE_WAIT(clock_now_ms() > created_ms, FACTORY_DECISION_MS);
    sales_sale(&admin, product, HOUR_MS, "", early);
    (void)snprintf(of_product, sizeof(of_product), "productId=%s", product);
    expect_page(of_product, early, late); /* newest first */
    expect_page(client_format("%s&status=upcoming,settled", of_product), early, late);
    const struct reply *reply =
        fixture_call(NULL, "GET", client_format(SALES "?productId=%s&status=active", product), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 0);
    reply = fixture_call(&fixture.ann, "GET", SALES "?limit=2", NULL);
    EXPECT_TEXT(reply, "items.0.id", early);
    EXPECT_TEXT(reply, "items.1.id", late);
    /* Of several statuses together, the next start first. */
    run(late, "UPDATE flash_sales SET status = 'settled', start_time = '2001-01-01', join_time = '2001-01-01'"
              " WHERE id = $1 AND $2 <> ''");
    run(early, "UPDATE flash_sales SET status = 'cancelled', start_time = '2001-01-02', join_time = '2001-01-02'"
               " WHERE id = $1 AND $2 <> ''");
    expect_page("status=cancelled,settled,cancelled", late, early);
    EXPECT_ERROR(fixture_call(NULL, "GET", SALES "?status=open&cursor=bmV3ZXN0", NULL), 400, "VALIDATION_FAILED");
}
END_TEST

static int listed(const struct factory_user *who)
{
    const struct reply *reply = fixture_call(who, "GET", client_format(SALES "?productId=%s&limit=100", product), NULL);
    EXPECT_STATUS(reply, 200);
    return reply_count(reply, "items");
}

/* Adds a sale. True if a user sees it in the list at once, and a guest still gets the list before. */
static bool is_cached_for_guests(void)
{
    char sale[UUID_TEXT_SIZE];
    int before = listed(NULL);
    sales_sale(&admin, product, HOUR_MS, "", sale);
    int own = listed(&fixture.ann);
    return listed(NULL) == before && own > before;
}

START_TEST(only_guests_get_cached_lists)
{
    SUITE_WAIT(is_cached_for_guests(), FACTORY_DECISION_MS);
    int now = listed(&fixture.ann);
    SUITE_WAIT(listed(NULL) == now, CACHE_MS);
}
END_TEST

/* 600 places that wait but for each tenth, in blocks of 256 as the sale worker counts them, and Ann's at seq 600. */
static void fill_line(const char *sale)
{
    run(sale, "INSERT INTO queue_entries (sale_id, seq, id, user_id, wanted, claim, status, joined_at)"
              " SELECT $1, s, gen_random_uuid(), CASE s WHEN 600 THEN $2::uuid ELSE gen_random_uuid() END, 2, 0,"
              "  CASE WHEN s % 10 = 0 AND s < 600 THEN 'left' ELSE 'waiting' END, now()"
              " FROM generate_series(1, 600) s");
    run(sale, "INSERT INTO sale_line_blocks (sale_id, block, waiting)"
              " SELECT sale_id, seq / 256, count(*) FILTER (WHERE status = 'waiting') FROM queue_entries"
              " WHERE sale_id = $1 AND $2 <> '' GROUP BY 1, 2");
    run(sale, "UPDATE flash_sales SET status = 'active', waiting = 541, head_seq = 1, version = 7 WHERE id = $1"
              " AND $2 <> ''");
}

static void expect_you(const char *sale, const char *status, const char *position)
{
    const struct reply *reply = sales_get(&fixture.ann, sale);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "you.status", status);
    EXPECT_TEXT(reply, "you.position", position);
}

START_TEST(the_position_is_exact_and_the_end_closes_the_place)
{
    char sale[UUID_TEXT_SIZE];
    sales_sale(&admin, product, HOUR_MS, "", sale);
    fill_line(sale);
    const struct reply *reply = sales_get(&fixture.ann, sale);
    EXPECT_TEXT(reply, "waiting", "541");
    EXPECT_TEXT(reply, "you.entryId",
                sql_text(fixture.sql, "SELECT id FROM queue_entries WHERE sale_id = $1 AND seq = 600", sale, NULL));
    EXPECT_TEXT(reply, "you.turnExpiresAt", "null");
    expect_you(sale, "waiting", "541"); /* 599 places ahead, of which 59 have left */
    EXPECT_TEXT(sales_get(&fixture.bob, sale), "you.position", "null");
    /* The first 300 have had their turns. */
    run(sale, "UPDATE queue_entries SET status = 'ordered' WHERE sale_id = $1 AND seq <= 300 AND status = 'waiting'"
              " AND $2 <> ''");
    run(sale, "UPDATE sale_line_blocks b SET waiting = (SELECT count(*) FROM queue_entries e WHERE e.sale_id = $1"
              " AND e.seq / 256 = b.block AND e.status = 'waiting') WHERE b.sale_id = $1 AND $2 <> ''");
    run(sale, "UPDATE flash_sales SET head_seq = 301, waiting = 271 WHERE id = $1 AND $2 <> ''");
    expect_you(sale, "waiting", "271");
    run(sale, "UPDATE queue_entries SET status = 'turn', claim = 2, turn_expires_at = '2090-01-01T00:00:00.250Z'"
              " WHERE sale_id = $1 AND user_id = $2");
    expect_you(sale, "turn", "0");
    EXPECT_TEXT(sales_get(&fixture.ann, sale), "you.turnExpiresAt", "2090-01-01T00:00:00.250Z");
    run(sale, "UPDATE flash_sales SET status = 'sold_out', sold = 10, waiting = 0 WHERE id = $1 AND $2 <> ''");
    expect_you(sale, "closed", "null");
    EXPECT_TEXT(sales_get(&fixture.ann, sale), "available", "0");
}
END_TEST

START_TEST(a_user_sees_the_newest_place_and_the_orders_that_hold_units)
{
    char sale[UUID_TEXT_SIZE];
    sales_sale(&admin, product, HOUR_MS, "", sale);
    run(sale, "INSERT INTO queue_entries (sale_id, seq, id, user_id, wanted, claim, status, joined_at)"
              " SELECT $1, s, gen_random_uuid(), $2, 1, 0, CASE s WHEN 9 THEN 'waiting' ELSE 'left' END,"
              "  now() - s * interval '1 second' FROM unnest(ARRAY[2, 9, 5]) s");
    run(sale, "INSERT INTO sale_line_blocks (sale_id, block, waiting) SELECT $1, 0, 1 WHERE $2 <> ''");
    run(sale, "INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, reason, expires_at,"
              "  created_at, updated_at) SELECT gen_random_uuid(), $1, s, $2, s, 20.00 * s, status,"
              "  CASE status WHEN 'rejected' THEN 'LIMIT_REACHED' END,"
              "  CASE WHEN status <> 'rejected' THEN '2090-01-01'::timestamptz END, now(), now()"
              " FROM unnest(ARRAY[1, 2, 3, 4], ARRAY['confirmed', 'rejected', 'reserved', 'expired']) o (s, status)");
    run(sale, "UPDATE flash_sales SET status = 'active', reserved = 3, sold = 1, waiting = 1 WHERE id = $1"
              " AND $2 <> ''");
    expect_you(sale, "waiting", "1");
    const struct reply *reply = sales_get(&fixture.ann, sale);
    EXPECT_TEXT(reply, "available", "6");
    ck_assert_int_eq(reply_count(reply, "you.orders"), 2);
    EXPECT_TEXT(reply, "you.orders.0.status", "reserved");
    EXPECT_TEXT(reply, "you.orders.0.quantity", "3");
    EXPECT_TEXT(reply, "you.orders.0.totalPrice", "60.00");
    EXPECT_TEXT(reply, "you.orders.0.expiresAt", "2090-01-01T00:00:00.000Z");
    EXPECT_TEXT(reply, "you.orders.1.status", "confirmed");
    ck_assert_int_eq(reply_count(sales_get(&fixture.bob, sale), "you.orders"), 0);
    run(sale, "UPDATE flash_sales SET status = 'cancelled', reserved = 0, waiting = 0 WHERE id = $1 AND $2 <> ''");
    reply = sales_get(&fixture.ann, sale);
    EXPECT_TEXT(reply, "you.status", "closed");
    EXPECT_TEXT(reply, "you.orders.0.status", "cancelled"); /* as ABORT leaves it */
    EXPECT_TEXT(reply, "you.orders.1.status", "confirmed");
}
END_TEST

/* The statement of the gateway fails while the table has another name. */
START_TEST(an_order_that_cannot_be_looked_up_is_not_unknown)
{
    char sale[UUID_TEXT_SIZE];
    char order[UUID_TEXT_SIZE];
    sales_sale(&admin, product, HOUR_MS, "", sale);
    (void)snprintf(
        order, sizeof(order), "%s",
        sql_text(fixture.sql,
                 "INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, expires_at,"
                 " created_at, updated_at) SELECT gen_random_uuid(), $1, 1, $2, 1, 20, 'reserved', now(), now(),"
                 " now() RETURNING id",
                 sale, fixture.ann.id, NULL));
    PQclear(sql_rows(fixture.sql, "ALTER TABLE orders RENAME TO orders_away", NULL));
    const struct reply *reply =
        fixture_call(&fixture.ann, "POST", client_format("/api/v1/orders/%s/confirm", order), NULL);
    PQclear(sql_rows(fixture.sql, "ALTER TABLE orders_away RENAME TO orders", NULL));
    EXPECT_ERROR(reply, 503, "UNAVAILABLE");
    EXPECT_ERROR(fixture_call(&fixture.bob, "POST", client_format("/api/v1/orders/%s/confirm", order), NULL), 404,
                 "NOT_FOUND");
}
END_TEST

static void cancel(const char *sale)
{
    EXPECT_STATUS(fixture_call(&admin, "POST", client_format(SALES "/%s/cancel", sale), "{\"reason\": \"a test\"}"),
                  200);
}

START_TEST(guests_revalidate_by_etag_and_users_store_nothing)
{
    char sale[UUID_TEXT_SIZE];
    char tag[TAG_SIZE];
    sales_sale(&admin, product, HOUR_MS, "", sale);
    EXPECT_STATUS(sales_get(NULL, sale), 200);
    (void)snprintf(tag, sizeof(tag), "%s", client_reply_header(fixture.client, "ETag"));
    ck_assert_str_eq(client_reply_header(fixture.client, "Cache-Control"), "no-cache");
    client_header(fixture.client, client_format("If-None-Match: %s", tag));
    EXPECT_STATUS(sales_get(NULL, sale), 304);
    client_header(fixture.client, client_format("If-None-Match: %s", tag));
    EXPECT_STATUS(sales_get(&fixture.ann, sale), 200);
    ck_assert_str_eq(client_reply_header(fixture.client, "Cache-Control"), "private, no-store");
    cancel(sale);
    client_header(fixture.client, client_format("If-None-Match: %s", tag));
    EXPECT_TEXT(sales_get(NULL, sale), "status", "cancelled");
}
END_TEST

/* A sale that changes is read by guests without a query: its document gets the values of the newer snapshot. */
START_TEST(guests_see_a_change_without_postgresql)
{
    static const char *const members[] = {
        "id",           "productId",
        "productName",  "currency",
        "flashPrice",   "quantityAvailable",
        "perUserLimit", "joinTime",
        "startTime",    "endTime",
        "payment",      "status",
        "available",    "claimed",
        "reserved",     "sold",
        "waiting",      "version",
        "createdAt",    "updatedAt",
        "turnSeconds",  "reservationSeconds",
    };
    enum { VALUE_SIZE = 64, MEMBERS = ARRAY_LEN(members) };
    char sale[UUID_TEXT_SIZE];
    char own[MEMBERS][VALUE_SIZE];
    sales_sale(&admin, product, HOUR_MS, "", sale);
    EXPECT_TEXT(sales_get(NULL, sale), "version", "1");
    EXPECT_STATUS(fixture_call(&admin, "PUT", client_format(SALES "/%s", sale),
                               "{\"version\": 1, \"flashPrice\": 15.5, \"quantityAvailable\": 7, \"turnSeconds\": 33}"),
                  200);
    const struct reply *reply = sales_get(&fixture.ann, sale);
    for (size_t i = 0; i < MEMBERS; i++) {
        (void)snprintf(own[i], sizeof(own[i]), "%s", reply_text(reply, members[i]));
    }
    ck_assert_str_eq(own[5], "7");
    PQclear(sql_rows(fixture.sql, "BEGIN", NULL));
    PQclear(sql_rows(fixture.sql, "LOCK TABLE flash_sales IN ACCESS EXCLUSIVE MODE", NULL));
    reply = sales_get(NULL, sale);
    EXPECT_STATUS(reply, 200);
    EXPECT_ABSENT(reply, "stale");
    for (size_t i = 0; i < MEMBERS; i++) {
        EXPECT_TEXT(reply, members[i], own[i]);
    }
    client_header(fixture.client, client_format("If-None-Match: %s", client_reply_header(fixture.client, "ETag")));
    EXPECT_STATUS(sales_get(NULL, sale), 304);
    PQclear(sql_rows(fixture.sql, "ROLLBACK", NULL));
}
END_TEST

static Suite *sales_read_suite(void)
{
    const TTest *const tests[] = {
        a_new_sale_has_the_terms_and_the_defaults,
        a_sale_keeps_every_term_that_was_given,
        a_repeated_creation_answers_the_first_sale,
        invalid_sales_are_refused_with_their_field,
        sales_are_listed_by_start_or_newest_first_in_pages,
        only_guests_get_cached_lists,
        the_position_is_exact_and_the_end_closes_the_place,
        a_user_sees_the_newest_place_and_the_orders_that_hold_units,
        an_order_that_cannot_be_looked_up_is_not_unknown,
        guests_revalidate_by_etag_and_users_store_nothing,
        guests_see_a_change_without_postgresql,
    };
    Suite *suite = suite_create("sales read");
    TCase *everything = tcase_create("sales read");
    tcase_add_checked_fixture(everything, setup, fixture_teardown);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(everything, tests[i]);
    }
    suite_add_tcase(suite, everything);
    return suite;
}

int main(void)
{
    return suite_run(sales_read_suite());
}
