/*
 * common/io/pg_value without a server: the text of array parameters, and the SQLSTATEs that are worth a retry.
 * tests/integration/pg_array_test.c tests how the server parses the arrays.
 */
#include <stdlib.h>
#include <string.h>

#include "common/io/pg.h"
#include "tests/support/suite.h"

enum { MANY = 1000, LONG_TEXT = 100000 };

static const struct {
    const char *state;
    bool transient;
} states[] = {
    {"08006", true},  /* connection failure */
    {"08P01", true},  /* protocol violation */
    {"40001", true},  /* serialization failure */
    {"40P01", true},  /* deadlock */
    {"53100", true},  /* disk full */
    {"53200", true},  /* out of memory */
    {"53300", true},  /* too many connections */
    {"55P03", true},  /* lock not available */
    {"57014", true},  /* cancelled, for instance by statement_timeout */
    {"57P01", true},  /* terminated by the administrator */
    {"57P03", true},  /* starting up */
    {"58030", true},  /* I/O error */
    {"25006", true},  /* read only */
    {"25P03", true},  /* idle in transaction for too long */
    {"XX001", true},  /* data corrupted */
    {"25P02", false}, /* transaction aborted: the failure before it decides */
    {"22003", false}, /* out of range */
    {"22P02", false}, /* invalid text for the type */
    {"23505", false}, /* unique violation */
    {"23514", false}, /* check violation */
    {"42P01", false}, /* no such table */
    {"55000", false}, /* not in the prerequisite state */
    {"XX000", false}, /* internal error, possibly caused by this data */
    {"P0001", false}, /* raised by a function */
    {"", false},
};

START_TEST(transient_sqlstates_are_retried)
{
    ck_assert_msg(pg_state_is_transient(states[_i].state) == states[_i].transient, "%s", states[_i].state);
}
END_TEST

START_TEST(arrays_are_quoted)
{
    struct pg_array array = {0};
    pg_array_reset(&array);
    ck_assert_str_eq(pg_array_done(&array), "{}");
    pg_array_text_add(&array, "plain");
    ck_assert_str_eq(pg_array_done(&array), "{\"plain\"}");
    pg_array_text_add(&array, "a \"b\" \\ {c},");
    pg_array_text_add(&array, NULL);
    pg_array_text_add(&array, "NULL");
    pg_array_text_add(&array, "");
    ck_assert_str_eq(pg_array_done(&array), "{\"plain\",\"a \\\"b\\\" \\\\ {c},\",NULL,\"NULL\",\"\"}");
    pg_array_reset(&array);
    ck_assert_str_eq(pg_array_done(&array), "{}");
    pg_array_free(&array);
}
END_TEST

START_TEST(arrays_of_every_type_are_written)
{
    const struct uuid id = {{0xff}};
    struct pg_array array = {0};
    pg_array_reset(&array);
    pg_array_int(&array, INT64_MIN);
    pg_array_int(&array, INT64_MAX);
    pg_array_money(&array, 5);
    pg_array_money(&array, 999999999999);
    pg_array_time(&array, 0);
    pg_array_uuid(&array, &id);
    pg_array_bool(&array, true);
    pg_array_bool(&array, false);
    pg_array_null(&array);
    ck_assert_str_eq(pg_array_done(&array),
                     "{-9223372036854775808,9223372036854775807,0.05,9999999999.99,1970-01-01T00:00:00.000Z,"
                     "ff000000-0000-0000-0000-000000000000,t,f,NULL}");
    pg_array_free(&array);
}
END_TEST

START_TEST(arrays_grow_beyond_the_first_allocation)
{
    struct pg_array array = {0};
    char *text = malloc(LONG_TEXT + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, '"', LONG_TEXT);
    text[LONG_TEXT] = '\0';
    pg_array_reset(&array);
    for (int i = 0; i < MANY; i++) {
        pg_array_int(&array, 7);
    }
    ck_assert_uint_eq(strlen(pg_array_done(&array)), 2 * MANY + 1);
    pg_array_text_add(&array, text);
    ck_assert_uint_eq(strlen(pg_array_done(&array)), 2 * MANY + 1 + 3 + 2 * LONG_TEXT);
    pg_array_free(&array);
    free(text);
}
END_TEST

START_TEST(columns_are_read)
{
    /* libpq can build a result by hand, so no server is needed. */
    PGresAttDesc columns[5] = {{.name = (char[]){"c"}},
                               {.name = (char[]){"c"}},
                               {.name = (char[]){"c"}},
                               {.name = (char[]){"c"}},
                               {.name = (char[]){"c"}}};
    char values[5][40] = {"-42", "55.01", "t", "0193aabb-ccdd-7eff-8001-020304050607", "text"};
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    ck_assert_ptr_nonnull(result);
    ck_assert_int_ne(PQsetResultAttrs(result, ARRAY_LEN(columns), columns), 0);
    for (int i = 0; i < (int)ARRAY_LEN(columns); i++) {
        ck_assert_int_ne(PQsetvalue(result, 0, i, values[i], (int)strlen(values[i])), 0);
        ck_assert_int_ne(PQsetvalue(result, 1, i, NULL, -1), 0);
    }
    struct uuid id = pg_uuid(result, 0, 3);
    ck_assert_int_eq(pg_int(result, 0, 0), -42);
    ck_assert_int_eq(pg_money(result, 0, 1), 5501);
    ck_assert(pg_bool(result, 0, 2));
    ck_assert_int_eq(id.bytes[0], 0x01);
    ck_assert_int_eq(id.bytes[15], 0x07);
    ck_assert_str_eq(pg_text(result, 0, 4), "text");
    id = pg_uuid(result, 1, 3);
    ck_assert_int_eq(pg_int(result, 1, 0), 0);
    ck_assert_int_eq(pg_money(result, 1, 1), 0);
    ck_assert(!pg_bool(result, 1, 2));
    ck_assert(uuid_is_nil(&id));
    ck_assert_str_eq(pg_text(result, 1, 4), "");
    ck_assert(pg_null(result, 1, 4) && !pg_null(result, 0, 4));
    PQclear(result);
}
END_TEST

START_TEST(only_sqlstates_of_bad_data_blame_the_data)
{
    static const char *const data[] = {"22003", "23505", "21000", "P0001", "XX000", "54000"};
    static const char *const deployment[] = {"42P01", "42501", "40001", "08006", "57014",
                                             "53100", "XX001", "0A000", "25P02"};
    for (size_t i = 0; i < ARRAY_LEN(data); i++) {
        ck_assert_msg(pg_state_is_data_error(data[i]), "%s", data[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(deployment); i++) {
        ck_assert_msg(!pg_state_is_data_error(deployment[i]), "%s", deployment[i]);
    }
}
END_TEST

static Suite *pg_value_suite(void)
{
    Suite *suite = suite_create("pg_value");
    TCase *tcase = tcase_create("pg_value");
    tcase_add_test(tcase, only_sqlstates_of_bad_data_blame_the_data);
    tcase_add_loop_test(tcase, transient_sqlstates_are_retried, 0, ARRAY_LEN(states));
    tcase_add_test(tcase, arrays_are_quoted);
    tcase_add_test(tcase, arrays_of_every_type_are_written);
    tcase_add_test(tcase, arrays_grow_beyond_the_first_allocation);
    tcase_add_test(tcase, columns_are_read);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(pg_value_suite());
}
