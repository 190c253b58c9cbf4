/*
 * Products: creation and change by admins, search, pages, caching, the audit log.
 */
#include <stdio.h>

#include "common/base/clock.h"
#include "tests/support/sales.h"

enum { CURSOR_SIZE = 256, TAG_SIZE = 128, CACHE_MS = 5000 };

static struct factory_user admin;
static char word[UUID_TEXT_SIZE]; /* in the name of each product of the test, and of no other */

static void setup(void)
{
    fixture_setup();
    sales_admin(&admin);
    struct uuid unique = uuid_new();
    uuid_format(&unique, word);
    for (char *at = word; *at != '\0'; at++) {
        *at = (char)(*at == '-' ? 'x' : *at >= '0' && *at <= '9' ? *at - '0' + 'g' : *at);
    }
}

static const struct reply *get(const struct factory_user *who, const char *product)
{
    return fixture_call(who, "GET", client_format(SALES_PRODUCTS "/%s", product), NULL);
}

static const struct reply *change(const char *product, const char *body)
{
    return fixture_call(&admin, "PUT", client_format(SALES_PRODUCTS "/%s", product), body);
}

static const char *audited(const char *product, const char *action, const char *what)
{
    return sql_text(fixture.sql, client_format("SELECT %s FROM audit_log WHERE subject = $1 AND action = $2", what),
                    product, action, NULL);
}

START_TEST(a_product_has_what_its_admin_wrote)
{
    char id[UUID_TEXT_SIZE];
    sales_product(&admin, "A lamp", ", \"description\": \"Brass.\\nGreen shade.\", \"category\": \"furniture\"", id);
    ck_assert_str_eq(client_reply_header(fixture.client, "Location"), client_format(SALES_PRODUCTS "/%s", id));
    const struct factory_user *const readers[] = {NULL, &fixture.ann, &admin};
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        const struct reply *reply = get(readers[i], id);
        EXPECT_STATUS(reply, 200);
        EXPECT_TEXT(reply, "name", "A lamp");
        EXPECT_TEXT(reply, "description", "Brass.\nGreen shade.");
        EXPECT_TEXT(reply, "category", "furniture");
        EXPECT_TEXT(reply, "basePrice", "80.00");
        EXPECT_TEXT(reply, "currency", "USD");
        EXPECT_TEXT(reply, "version", "1");
        EXPECT_PRESENT(reply, "serverTime");
        ck_assert_int_eq(reply_count(reply, "images"), 0);
    }
    ck_assert_str_eq(audited(id, "PRODUCT_CREATE", "new_value->>'basePrice'"), "80.00");
    ck_assert_str_eq(audited(id, "PRODUCT_CREATE", "actor_id"), admin.id);
}
END_TEST

START_TEST(a_change_needs_the_present_version_and_keeps_the_rest)
{
    char id[UUID_TEXT_SIZE];
    sales_product(&admin, "A lamp", ", \"category\": \"furniture\"", id);
    const struct reply *reply = change(id, "{\"version\": 1, \"basePrice\": \"75.5\", \"description\": \"New\"}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "basePrice", "75.50");
    EXPECT_TEXT(reply, "description", "New");
    EXPECT_TEXT(reply, "category", "furniture");
    EXPECT_TEXT(reply, "version", "2");
    reply = change(id, "{\"version\": 1, \"name\": \"A late lamp\"}");
    EXPECT_ERROR(reply, 409, "VERSION_CONFLICT");
    EXPECT_TEXT(reply, "version", "2");
    EXPECT_TEXT(reply, "message", "It was changed by another request; its version is 2");
    EXPECT_TEXT(get(NULL, id), "name", "A lamp");
    ck_assert_str_eq(audited(id, "PRODUCT_CHANGE", "count(*)"), "1");
    ck_assert_str_eq(audited(id, "PRODUCT_CHANGE", "old_value->>'basePrice' || ' ' || (new_value->>'basePrice')"),
                     "80.00 75.50");
}
END_TEST

START_TEST(a_repeated_creation_answers_the_first_product)
{
    char id[UUID_TEXT_SIZE];
    client_header(fixture.client, "Idempotency-Key: lamp");
    sales_product(&admin, word, "", id);
    client_header(fixture.client, "Idempotency-Key: lamp");
    const struct reply *reply =
        fixture_call(&admin, "POST", SALES_PRODUCTS, client_format("{\"name\": \"%s\", \"basePrice\": 80.00}", word));
    EXPECT_STATUS(reply, 201);
    EXPECT_TEXT(reply, "id", id);
    client_header(fixture.client, "Idempotency-Key: lamp");
    EXPECT_ERROR(fixture_call(&admin, "POST", SALES_PRODUCTS, "{\"name\": \"Another\", \"basePrice\": 1}"), 422,
                 "IDEMPOTENCY_KEY_REUSED");
    ck_assert_str_eq(audited(id, "PRODUCT_CREATE", "count(*)"), "1");
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM products WHERE name = $1", word, NULL), 1);
}
END_TEST

START_TEST(products_are_found_by_word_stems_and_category_in_pages)
{
    static const char *const names[] = {"Lamp", "Lamps", "Chair"};
    char id[UUID_TEXT_SIZE];
    char cursor[CURSOR_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        sales_product(&admin, client_format("%s of %s", names[i], word),
                      client_format(", \"category\": \"%s%s\"", i < 2 ? "light" : "seat", word), id);
        int64_t created_ms = clock_now_ms();
        SUITE_WAIT(clock_now_ms() > created_ms, FACTORY_DECISION_MS);
    }
    const struct reply *reply =
        fixture_call(NULL, "GET", client_format(SALES_PRODUCTS "?q=lamp+%s&limit=1", word), NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.name", client_format("Lamps of %s", word)); /* the newest first */
    (void)snprintf(cursor, sizeof(cursor), "%s", reply_text(reply, "nextCursor"));
    reply = fixture_call(NULL, "GET", client_format(SALES_PRODUCTS "?q=lamp+%s&limit=1&cursor=%s", word, cursor), NULL);
    EXPECT_TEXT(reply, "items.0.name", client_format("Lamp of %s", word));
    EXPECT_TEXT(reply, "nextCursor", "null");
    reply = fixture_call(NULL, "GET", client_format(SALES_PRODUCTS "?category=seat%s", word), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.name", client_format("Chair of %s", word));
    reply = fixture_call(NULL, "GET", client_format(SALES_PRODUCTS "?q=%s&category=light%s", word, word), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    reply = fixture_call(&fixture.ann, "GET", SALES_PRODUCTS "?limit=1", NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_ERROR(fixture_call(NULL, "GET", SALES_PRODUCTS "?cursor=nonsense", NULL), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(NULL, "GET", SALES_PRODUCTS "?q=%7f", NULL), 400, "VALIDATION_FAILED");
}
END_TEST

START_TEST(guests_revalidate_by_etag_and_users_store_nothing)
{
    char id[UUID_TEXT_SIZE];
    char tag[TAG_SIZE];
    sales_product(&admin, "A lamp", "", id);
    EXPECT_STATUS(get(NULL, id), 200);
    (void)snprintf(tag, sizeof(tag), "%s", client_reply_header(fixture.client, "ETag"));
    ck_assert_str_eq(client_reply_header(fixture.client, "Cache-Control"), "no-cache");
    client_header(fixture.client, client_format("If-None-Match: %s", tag));
    EXPECT_STATUS(get(NULL, id), 304);
    client_header(fixture.client, client_format("If-None-Match: %s", tag));
    EXPECT_STATUS(get(&fixture.ann, id), 200);
    ck_assert_str_eq(client_reply_header(fixture.client, "Cache-Control"), "private, no-store");
    EXPECT_STATUS(change(id, "{\"version\": 1, \"basePrice\": 70}"), 200);
    client_header(fixture.client, client_format("If-None-Match: %s", tag));
    EXPECT_TEXT(get(NULL, id), "basePrice", "70.00");
}
END_TEST

START_TEST(guests_read_a_product_without_postgresql)
{
    char id[UUID_TEXT_SIZE];
    sales_product(&admin, "A lamp", "", id);
    EXPECT_STATUS(get(NULL, id), 200);
    PQclear(sql_rows(fixture.sql, "BEGIN", NULL));
    PQclear(sql_rows(fixture.sql, "LOCK TABLE products IN ACCESS EXCLUSIVE MODE", NULL));
    EXPECT_TEXT(get(NULL, id), "name", "A lamp");
    PQclear(sql_rows(fixture.sql, "ROLLBACK", NULL));
}
END_TEST

static int listed(const struct factory_user *who, const char *query)
{
    const struct reply *reply = fixture_call(who, "GET", client_format(SALES_PRODUCTS "?%s", query), NULL);
    EXPECT_STATUS(reply, 200);
    return reply_count(reply, "items");
}

/* Adds a product. True if a user sees it in the list at once, and a guest still gets the list before. */
static bool is_cached_for_guests(const char *query)
{
    char id[UUID_TEXT_SIZE];
    int before = listed(NULL, query);
    sales_product(&admin, word, client_format(", \"category\": \"%s\"", word), id);
    int own = listed(&fixture.ann, query);
    return listed(NULL, query) == before && own > before;
}

START_TEST(only_guests_get_cached_lists)
{
    char queries[3][128];
    (void)snprintf(queries[0], sizeof(queries[0]), "category=%s&limit=100", word);
    (void)snprintf(queries[1], sizeof(queries[1]), "q=%s&limit=100", word);
    (void)snprintf(queries[2], sizeof(queries[2]), "q=%s&category=%s&limit=100", word, word);
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        SUITE_WAIT(is_cached_for_guests(queries[i]), FACTORY_DECISION_MS);
        int now = listed(&fixture.ann, queries[i]);
        SUITE_WAIT(listed(NULL, queries[i]) == now, CACHE_MS);
    }
}
END_TEST

static const struct {
    const char *body;
    const char *code;
    const char *field; /* NULL: the error names none */
    const char *field_code;
} invalid[] = {
    {"{}", "VALIDATION_FAILED", "basePrice", "REQUIRED"},
    {"{\"basePrice\": 5}", "VALIDATION_FAILED", "name", "REQUIRED"},
    {"{\"name\": \"x\", \"basePrice\": null}", "VALIDATION_FAILED", "basePrice", "REQUIRED"},
    {"{\"name\": \"\", \"basePrice\": 5}", "VALIDATION_FAILED", "name", "TOO_SHORT"},
    {"{\"name\": \" \", \"basePrice\": 5}", "VALIDATION_FAILED", "name", "BLANK"},
    {"{\"name\": \"a\\nb\", \"basePrice\": 5}", "VALIDATION_FAILED", "name", "CONTROL_CHARACTER"},
    {"{\"name\": 7, \"basePrice\": 5}", "VALIDATION_FAILED", "name", "NOT_A_STRING"},
    {"{\"name\": \"x\", \"basePrice\": 5, \"category\": \" \"}", "VALIDATION_FAILED", "category", "BLANK"},
    {"{\"name\": \"x\", \"basePrice\": 5, \"description\": []}", "VALIDATION_FAILED", "description", "NOT_A_STRING"},
    {"{\"name\": \"x\", \"basePrice\": 5, \"version\": 1}", "VALIDATION_FAILED", "version", "UNKNOWN_FIELD"},
    {"{\"name\": \"x\", \"basePrice\": 0}", "INVALID_AMOUNT", NULL, NULL},
    {"{\"name\": \"x\", \"basePrice\": -1}", "INVALID_AMOUNT", NULL, NULL},
    {"{\"name\": \"x\", \"basePrice\": 1e2}", "INVALID_AMOUNT", NULL, NULL},
    {"{\"name\": \"x\", \"basePrice\": 1.005}", "INVALID_AMOUNT", NULL, NULL},
    {"{\"name\": \"x\", \"basePrice\": 10000000000}", "INVALID_AMOUNT", NULL, NULL},
    {"{\"name\": \"x\", \"basePrice\": true}", "INVALID_AMOUNT", NULL, NULL},
};

START_TEST(invalid_products_are_refused_with_their_field)
{
    int64_t before = sql_int(fixture.sql, "SELECT count(*) FROM products WHERE name = 'x'", NULL);
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
        const struct reply *reply = fixture_call(&admin, "POST", SALES_PRODUCTS, invalid[i].body);
        EXPECT_ERROR(reply, 400, invalid[i].code);
        if (invalid[i].field != NULL) {
            EXPECT_TEXT(reply, "fields.0.field", invalid[i].field);
            EXPECT_TEXT(reply, "fields.0.code", invalid[i].field_code);
        }
    }
    char id[UUID_TEXT_SIZE];
    sales_product(&admin, "A lamp", "", id);
    const struct reply *reply = change(id, "{\"name\": \"y\"}");
    EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
    EXPECT_TEXT(reply, "fields.0.field", "version");
    EXPECT_ERROR(change(id, "{\"version\": 1, \"basePrice\": 0}"), 400, "INVALID_AMOUNT");
    EXPECT_ERROR(change(fixture.auction, "{\"version\": 1}"), 404, "NOT_FOUND");
    EXPECT_ERROR(get(NULL, fixture.auction), 404, "NOT_FOUND");
    EXPECT_TEXT(get(NULL, id), "version", "1");
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM products WHERE name = 'x'", NULL), before);
}
END_TEST

static Suite *products_suite(void)
{
    const TTest *const tests[] = {
        a_product_has_what_its_admin_wrote,
        a_change_needs_the_present_version_and_keeps_the_rest,
        a_repeated_creation_answers_the_first_product,
        products_are_found_by_word_stems_and_category_in_pages,
        guests_revalidate_by_etag_and_users_store_nothing,
        guests_read_a_product_without_postgresql,
        only_guests_get_cached_lists,
        invalid_products_are_refused_with_their_field,
        NULL,
    };
    Suite *suite = suite_create("products");
    TCase *everything = tcase_create("products");
    tcase_add_checked_fixture(everything, setup, fixture_teardown);
    for (size_t i = 0; tests[i] != NULL; i++) {
        tcase_add_test(everything, tests[i]);
    }
    suite_add_tcase(suite, everything);
    return suite;
}

int main(void)
{
    return suite_run(products_suite());
}
