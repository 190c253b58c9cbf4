/*
 * The arrays that common/io/pg_value and pg_column write, as a real PostgreSQL (ROSTRUM_PG_URL) parses them, and values
 * as it returns them. No table is touched.
 */
#include <stdlib.h>

#include "common/base/money.h"
#include "common/io/pg.h"
#include "common/io/pg_column.h"
#include "tests/support/loop.h"

enum { DEADLINE_MS = 10000, TIMEOUT_MS = 1500, PENDING_MAX = 8, ELEMENTS_MANY = 1000 };

enum statement { ELEMENTS, TYPED, LENGTH, BINARY, STATEMENTS };

static const struct pg_statement statements[] = {
    [ELEMENTS] = {"elements", "SELECT t FROM unnest($1::text[]) WITH ORDINALITY AS u (t, o) ORDER BY o"},
    [TYPED] = {"typed", "SELECT i, m, u, b, (extract(epoch FROM w) * 1000)::bigint FROM unnest($1::bigint[],"
                        " $2::numeric(12, 2)[], $3::uuid[], $4::boolean[], $5::timestamptz[]) AS x (i, m, u, b, w)"},
    [LENGTH] = {"length", "SELECT cardinality($1::text[])"},
    [BINARY] = {"binary", "SELECT i, m, u, b, (extract(epoch FROM w) * 1000)::bigint, t, encode(h, 'hex'), $8::integer"
                          " FROM unnest($1::bigint[], $2::numeric[], $3::uuid[], $4::boolean[], $5::timestamptz[],"
                          " $6::text[], $7::bytea[]) WITH ORDINALITY AS x (i, m, u, b, w, t, h, o) ORDER BY o"},
};

static struct event_base *base;
static struct pg *pg;

#define RUN_UNTIL(condition) LOOP_UNTIL(base, condition, DEADLINE_MS)

static void set_up(void)
{
    const char *url = getenv("ROSTRUM_PG_URL");
    ck_assert_msg(url != NULL, "ROSTRUM_PG_URL is not set");
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    const struct pg_options options = {.base = base,
                                       .url = url,
                                       .application = "pg_array_test",
                                       .statements = statements,
                                       .statement_count = STATEMENTS,
                                       .connections = 1,
                                       .timeout_ms = TIMEOUT_MS,
                                       .pending_max = PENDING_MAX};
    pg = pg_new(&options);
    ck_assert_ptr_nonnull(pg);
    RUN_UNTIL(pg_up(pg));
}

static void tear_down(void)
{
    pg_free(pg);
    event_base_free(base);
}

static const char *const awkward[] = {
    "plain",
    "",
    "NULL",
    "null",
    "a,b",
    "{x}",
    "\"quoted\"",
    "back\\slash",
    "\\\"",
    " spaces ",
    "line\nbreak",
    "\t",
    "Grüße, 你好, 🔨",
    "'; DROP TABLE auctions; --",
    NULL,
};

static void note_awkward(const struct pg_reply *reply, void *arg)
{
    int *calls = arg;
    (*calls)++;
    ck_assert_int_eq(reply->outcome, PG_OK);
    ck_assert_int_eq(PQntuples(reply->result), ARRAY_LEN(awkward));
    for (int i = 0; i < (int)ARRAY_LEN(awkward); i++) {
        if (awkward[i] == NULL) {
            ck_assert(pg_null(reply->result, i, 0));
        } else {
            ck_assert(!pg_null(reply->result, i, 0));
            ck_assert_str_eq(pg_text(reply->result, i, 0), awkward[i]);
        }
    }
}

static void note_length(const struct pg_reply *reply, void *arg)
{
    int64_t *length = arg;
    ck_assert_int_eq(reply->outcome, PG_OK);
    *length = pg_int(reply->result, 0, 0);
}

static int64_t length_of(struct pg_array *array)
{
    int64_t length = -1;
    const char *const values[] = {pg_array_done(array)};
    ck_assert(pg_query(pg, LENGTH, 1, values, note_length, &length));
    RUN_UNTIL(length >= 0);
    return length;
}

START_TEST(array_elements_are_parsed_unchanged)
{
    int calls = 0;
    struct pg_array array = {0};
    pg_array_reset(&array);
    for (size_t i = 0; i < ARRAY_LEN(awkward); i++) {
        pg_array_text_add(&array, awkward[i]);
    }
    const char *const values[] = {pg_array_done(&array)};
    ck_assert(pg_query(pg, ELEMENTS, 1, values, note_awkward, &calls));
    RUN_UNTIL(calls == 1);
    pg_array_reset(&array);
    ck_assert_int_eq(length_of(&array), 0);
    for (int i = 0; i < ELEMENTS_MANY; i++) {
        pg_array_text_add(&array, awkward[(size_t)i % ARRAY_LEN(awkward)]);
    }
    ck_assert_int_eq(length_of(&array), ELEMENTS_MANY);
    pg_array_free(&array);
}
END_TEST

static const struct uuid some_id = {{0x01, 0x93, 0xaa, 0xbb, 0xcc, 0xdd, 0x7e, 0xff, 0x80, 1, 2, 3, 4, 5, 6, 7}};

static void note_typed(const struct pg_reply *reply, void *arg)
{
    int *calls = arg;
    (*calls)++;
    ck_assert_int_eq(reply->outcome, PG_OK);
    const PGresult *result = reply->result;
    ck_assert_int_eq(PQntuples(result), 2);
    struct uuid id = pg_uuid(result, 0, 2);
    ck_assert_int_eq(pg_int(result, 0, 0), INT64_MIN);
    ck_assert_int_eq(pg_money(result, 0, 1), MONEY_MAX);
    ck_assert(uuid_equal(&id, &some_id));
    ck_assert(pg_bool(result, 0, 3));
    ck_assert_int_eq(pg_int(result, 0, 4), INT64_C(1795000000123));
    id = pg_uuid(result, 1, 2);
    ck_assert_int_eq(pg_int(result, 1, 0), 0);
    ck_assert_int_eq(pg_money(result, 1, 1), 0);
    ck_assert(uuid_is_nil(&id));
    ck_assert(!pg_bool(result, 1, 3));
    ck_assert_str_eq(pg_text(result, 1, 4), "");
}

START_TEST(typed_arrays_are_parsed_unchanged)
{
    struct pg_array arrays[5] = {{0}};
    const char *values[ARRAY_LEN(arrays)];
    for (size_t i = 0; i < ARRAY_LEN(arrays); i++) {
        pg_array_reset(&arrays[i]);
    }
    pg_array_int(&arrays[0], INT64_MIN);
    pg_array_money(&arrays[1], MONEY_MAX);
    pg_array_uuid(&arrays[2], &some_id);
    pg_array_bool(&arrays[3], true);
    pg_array_time(&arrays[4], INT64_C(1795000000123));
    for (size_t i = 0; i < ARRAY_LEN(arrays); i++) {
        pg_array_null(&arrays[i]);
        values[i] = pg_array_done(&arrays[i]);
    }
    int calls = 0;
    ck_assert(pg_query(pg, TYPED, ARRAY_LEN(arrays), values, note_typed, &calls));
    RUN_UNTIL(calls == 1);
    for (size_t i = 0; i < ARRAY_LEN(arrays); i++) {
        pg_array_free(&arrays[i]);
    }
}
END_TEST

/* Amounts whose numeric has no digits, one, leading, trailing and inner zeros, and the most digits. */
static const struct {
    int64_t minor;
    const char *text;
} amounts[] = {
    {0, "0.00"},
    {1, "0.01"},
    {10, "0.10"},
    {99, "0.99"},
    {100, "1.00"},
    {101, "1.01"},
    {12345, "123.45"},
    {999999, "9999.99"},
    {1000000, "10000.00"},
    {1000001, "10000.01"},
    {INT64_C(10000000000), "100000000.00"},
    {INT64_C(10000000050), "100000000.50"},
    {MONEY_MAX, "9999999999.99"},
};

enum { BINARY_COLUMNS = 7, BINARY_MORE = 42, SOME_BYTES = 3, SOME_MS = 1795000000 };
static const unsigned char some_bytes[SOME_BYTES] = {0x00, 0xfe, 0x5c};

static void note_binary(const struct pg_reply *reply, void *arg)
{
    int *calls = arg;
    (*calls)++;
    ck_assert_msg(reply->outcome == PG_OK, "%s %s", reply->sqlstate, reply->message);
    const PGresult *result = reply->result;
    ck_assert_int_eq(PQntuples(result), ARRAY_LEN(amounts) + 1);
    for (int i = 0; i < (int)ARRAY_LEN(amounts); i++) {
        struct uuid id = pg_uuid(result, i, 2);
        const char *text = awkward[i];
        ck_assert_int_eq(pg_int(result, i, 0), i == 0 ? INT64_MIN : INT64_MAX - i);
        ck_assert_str_eq(pg_text(result, i, 1), amounts[i].text);
        ck_assert(uuid_equal(&id, &some_id));
        ck_assert(pg_bool(result, i, 3) == (i % 2 == 0));
        ck_assert_int_eq(pg_int(result, i, 4), i == 0 ? 0 : INT64_C(1000) * SOME_MS + i);
        ck_assert_str_eq(pg_text(result, i, 5), text);
        ck_assert_str_eq(pg_text(result, i, 6), "00fe5c");
        ck_assert_int_eq(pg_int(result, i, 7), BINARY_MORE);
    }
    for (int column = 0; column < BINARY_COLUMNS; column++) {
        ck_assert(pg_null(result, ARRAY_LEN(amounts), column));
    }
}

static void send_binary(struct pg_column columns[static BINARY_COLUMNS], pg_callback callback, int *calls)
{
    struct pg_parameter parameters[BINARY_COLUMNS + 1];
    for (size_t i = 0; i < BINARY_COLUMNS; i++) {
        ck_assert(pg_column_done(&columns[i], &parameters[i]));
    }
    parameters[BINARY_COLUMNS] = (struct pg_parameter){.value = "42"};
    struct pg_tx *tx = pg_tx_begin(pg);
    ck_assert_ptr_nonnull(tx);
    ck_assert(pg_tx_send_parameters(tx, BINARY, BINARY_COLUMNS + 1, parameters, callback, calls));
    ck_assert(pg_tx_commit(tx, NULL, NULL));
    RUN_UNTIL(*calls == 1);
}

static void note_empty(const struct pg_reply *reply, void *arg)
{
    int *calls = arg;
    (*calls)++;
    ck_assert_int_eq(reply->outcome, PG_OK);
    ck_assert_int_eq(PQntuples(reply->result), 0);
}

START_TEST(binary_arrays_are_read_unchanged)
{
    static const enum pg_column_type types[BINARY_COLUMNS] = {PG_COLUMN_INT,  PG_COLUMN_MONEY, PG_COLUMN_UUID,
                                                              PG_COLUMN_BOOL, PG_COLUMN_TIME,  PG_COLUMN_TEXT,
                                                              PG_COLUMN_BYTES};
    struct pg_column columns[BINARY_COLUMNS] = {{0}};
    int calls = 0;
    for (size_t i = 0; i < BINARY_COLUMNS; i++) {
        pg_column_reset(&columns[i]);
    }
    send_binary(columns, note_empty, &calls);
    for (size_t i = 0; i < BINARY_COLUMNS; i++) {
        pg_column_reset(&columns[i]);
    }
    for (int i = 0; i < (int)ARRAY_LEN(amounts); i++) {
        pg_column_int(&columns[0], i == 0 ? INT64_MIN : INT64_MAX - i);
        pg_column_money(&columns[1], amounts[i].minor);
        pg_column_uuid(&columns[2], &some_id);
        pg_column_bool(&columns[3], i % 2 == 0);
        pg_column_time(&columns[4], i == 0 ? 0 : INT64_C(1000) * SOME_MS + i);
        pg_column_text(&columns[5], awkward[i]);
        pg_column_bytes(&columns[6], some_bytes, sizeof some_bytes);
    }
    for (size_t i = 0; i < BINARY_COLUMNS; i++) {
        pg_column_null(&columns[i], types[i]);
    }
    calls = 0;
    send_binary(columns, note_binary, &calls);
    for (size_t i = 0; i < BINARY_COLUMNS; i++) {
        pg_column_free(&columns[i]);
    }
}
END_TEST

static Suite *pg_array_suite(void)
{
    Suite *suite = suite_create("pg_array");
    TCase *tcase = tcase_create("pg_array");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, array_elements_are_parsed_unchanged);
    tcase_add_test(tcase, typed_arrays_are_parsed_unchanged);
    tcase_add_test(tcase, binary_arrays_are_read_unchanged);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(pg_array_suite());
}
