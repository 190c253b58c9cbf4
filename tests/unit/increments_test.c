/*
 * Increment tables: the edges of each step, and the tables that sellers can and cannot send.
 */
#include "common/rules/increments.h"

#include <stdio.h>
#include <string.h>

#include "common/base/money.h"
#include "tests/support/suite.h"

START_TEST(a_fixed_increment_is_the_same_at_every_price)
{
    struct increments table = increments_fixed(100);
    ck_assert_int_eq(increments_at(&table, 0), 100);
    ck_assert_int_eq(increments_at(&table, MONEY_MAX), 100);
}
END_TEST

START_TEST(ebay_us_has_the_right_increment_at_each_edge)
{
    const struct {
        int64_t price;
        int64_t increment;
    } cases[] = {
        {0, 5},         {99, 5},        {100, 25},      {499, 25},       {500, 50},
        {2499, 50},     {2500, 100},    {9999, 100},    {10000, 250},    {24999, 250},
        {25000, 500},   {49999, 500},   {50000, 1000},  {99999, 1000},   {100000, 2500},
        {249999, 2500}, {250000, 5000}, {499999, 5000}, {500000, 10000}, {MONEY_MAX, 10000},
    };
    struct increments table = increments_ebay_us();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_int_eq(increments_at(&table, cases[i].price), cases[i].increment);
    }
    ck_assert_int_eq(table.steps[0].from, 0);
}
END_TEST

static bool parse(const char *text, struct increments *table, const char **reason)
{
    struct json *value = json_parse(text, strlen(text), NULL);
    ck_assert_msg(value != NULL, "the test's own JSON: %s", text);
    bool parsed = increments_parse(value, table, reason);
    json_free(value);
    return parsed;
}

START_TEST(a_named_table_is_read)
{
    struct increments table;
    const char *reason = NULL;
    ck_assert(parse("\"ebay-us\"", &table, &reason));
    ck_assert_int_eq(increments_at(&table, 500000), 10000);
}
END_TEST

START_TEST(steps_are_read)
{
    struct increments table;
    const char *reason = NULL;
    ck_assert(parse("[{\"from\": 0, \"increment\": 0.05}, {\"increment\": \"2.50\", \"from\": 100}]", &table, &reason));
    ck_assert_uint_eq(table.count, 2);
    ck_assert_int_eq(increments_at(&table, 9999), 5);
    ck_assert_int_eq(increments_at(&table, 10000), 250);
}
END_TEST

START_TEST(rungs_lead_from_one_to_the_next)
{
    const struct {
        int64_t price;
        int64_t next;
    } cases[] = {
        {0, 10000},     {9999, 10000},  {10000, 12000}, {11000, 12000}, {12000, 15000},
        {17999, 18000}, {18000, 20000}, {20000, 22000}, {21999, 22000}, {22000, 24000},
    };
    struct increments table;
    const char *reason = NULL;
    ck_assert(parse("[100, 120, \"150.00\", 180, 200]", &table, &reason));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_int_eq(cases[i].price + increments_at(&table, cases[i].price), cases[i].next);
    }
}
END_TEST

START_TEST(beyond_the_last_rung_its_distance_repeats)
{
    const struct {
        int64_t price;
        int64_t increment;
    } cases[] = {{9999, 1}, {10000, 3000}, {10001, 2999}, {12999, 1}, {13000, 3000}, {15999, 1}, {16000, 3000}};
    struct increments table;
    const char *reason = NULL;
    ck_assert(parse("[10, 50, 70, 100]", &table, &reason));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_int_eq(increments_at(&table, cases[i].price), cases[i].increment);
    }
}
END_TEST

START_TEST(a_percentage_is_rounded_up_and_has_a_minimum)
{
    struct increments table;
    const char *reason = NULL;
    ck_assert(parse("{\"percent\": 2.5, \"minimum\": 0.50}", &table, &reason));
    ck_assert_int_eq(increments_at(&table, 0), 50);
    ck_assert_int_eq(increments_at(&table, 2000), 50);
    ck_assert_int_eq(increments_at(&table, 2001), 51);
    ck_assert_int_eq(increments_at(&table, 10000), 250);
    ck_assert_int_eq(increments_at(&table, MONEY_MAX), 25000000000);
    ck_assert(parse("{\"percent\": 0.01, \"minimum\": 0.01}", &table, &reason));
    ck_assert_int_eq(increments_at(&table, 10000), 1);
    ck_assert_int_eq(increments_at(&table, 10001), 2);
}
END_TEST

START_TEST(the_whole_price_is_the_greatest_percentage)
{
    struct increments table;
    const char *reason = NULL;
    ck_assert(parse("{\"percent\": 100, \"minimum\": 0.50}", &table, &reason));
    ck_assert_int_eq(increments_at(&table, 10000), 10000);
}
END_TEST

START_TEST(two_rungs_are_enough)
{
    struct increments table;
    const char *reason = NULL;
    ck_assert(parse("[10, 50]", &table, &reason));
    ck_assert_int_eq(increments_at(&table, 5000), 4000);
}
END_TEST

START_TEST(the_minimum_never_falls_when_the_price_rises)
{
    static const char *const TABLES[] = {
        "\"ebay-us\"",
        "[{\"from\": 0, \"increment\": 0.05}, {\"from\": 7, \"increment\": 2.50}]",
        "[1, 3, 3.50, 9, 20]",
        "{\"percent\": 33.33, \"minimum\": 0.07}",
    };
    for (size_t i = 0; i < ARRAY_LEN(TABLES); i++) {
        struct increments table;
        const char *reason = NULL;
        int64_t minimum = 0;
        ck_assert(parse(TABLES[i], &table, &reason));
        for (int64_t price = 0; price < 5000; price++) {
            int64_t next = price + increments_at(&table, price);
            if (next < minimum || next <= price) {
                ck_abort_msg("%s: falls at %lld", TABLES[i], (long long)price);
            }
            minimum = next;
        }
    }
}
END_TEST

START_TEST(invalid_tables_are_refused)
{
    static const char *const BAD[] = {
        "\"ebay-uk\"",
        "null",
        "1.00",
        "{}",
        "[]",
        "[1]",
        "[1, 1]",
        "[2, 1]",
        "[0, 1]",
        "[1, 2, 2]",
        "[1, 3, 2]",
        "[1, 2, null]",
        "[1, 2, \"x\"]",
        "[0, 1, 2]",
        "[1, {\"from\": 0, \"increment\": 1}]",
        "[{\"from\": 0, \"increment\": 1}, 5]",
        "[1, null]",
        "{\"percent\": 5}",
        "{\"minimum\": 1}",
        "{\"percent\": 0, \"minimum\": 1}",
        "{\"percent\": 0.001, \"minimum\": 1}",
        "{\"percent\": 100.01, \"minimum\": 1}",
        "{\"percent\": 5, \"minimum\": 0}",
        "{\"percent\": 5, \"minimum\": 1, \"most\": 9}",
        "[{}]",
        "[{\"from\": 0}]",
        "[{\"increment\": 1}]",
        "[{\"from\": 0, \"increment\": 0}]",
        "[{\"from\": 0, \"increment\": 0.00}]",
        "[{\"from\": 0, \"increment\": -1}]",
        "[{\"from\": 0, \"increment\": 1e2}]",
        "[{\"from\": 0, \"increment\": 0.001}]",
        "[{\"from\": 0, \"increment\": true}]",
        "[{\"from\": 0, \"increment\": 10000000000.00}]",
        "[{\"from\": 1, \"increment\": 1}]",
        "[{\"from\": 0, \"increment\": 1, \"to\": 5}]",
        "[{\"from\": 0, \"increment\": 2}, {\"from\": 10, \"increment\": 1}]",
        "[{\"from\": 0, \"increment\": 1}, {\"from\": 0, \"increment\": 2}]",
        "[{\"from\": 0, \"increment\": 1}, {\"from\": 9, \"increment\": 2}, {\"from\": 8, \"increment\": 3}]",
    };
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct increments table;
        const char *reason = NULL;
        ck_assert_msg(!parse(BAD[i], &table, &reason), "accepted: %s", BAD[i]);
        ck_assert_msg(reason != NULL && reason[0] != '\0', "no word about: %s", BAD[i]);
    }
}
END_TEST

START_TEST(rungs_are_bounded)
{
    char text[(INCREMENTS_RUNGS_MAX + 1) * 8];
    for (int rungs = INCREMENTS_RUNGS_MAX; rungs <= INCREMENTS_RUNGS_MAX + 1; rungs++) {
        struct increments table;
        const char *reason = NULL;
        size_t at = 0;
        for (int i = 0; i < rungs; i++) {
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%d", i == 0 ? "[" : ",", i + 1);
        }
        (void)snprintf(text + at, sizeof(text) - at, "]");
        ck_assert_int_eq(parse(text, &table, &reason), rungs == INCREMENTS_RUNGS_MAX);
        ck_assert(rungs > INCREMENTS_RUNGS_MAX || increments_at(&table, (int64_t)INCREMENTS_RUNGS_MAX * 100) == 100);
    }
}
END_TEST

START_TEST(steps_are_bounded)
{
    char text[(INCREMENTS_STEPS_MAX + 1) * 40];
    for (int steps = INCREMENTS_STEPS_MAX; steps <= INCREMENTS_STEPS_MAX + 1; steps++) {
        struct increments table;
        const char *reason = NULL;
        size_t at = 0;
        for (int i = 0; i < steps; i++) {
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s{\"from\":%d,\"increment\":1}", i == 0 ? "[" : ",",
                                   i);
        }
        (void)snprintf(text + at, sizeof(text) - at, "]");
        ck_assert_int_eq(parse(text, &table, &reason), steps == INCREMENTS_STEPS_MAX);
    }
}
END_TEST

static Suite *increments_suite(void)
{
    Suite *suite = suite_create("increments");
    TCase *tcase = tcase_create("increments");
    tcase_add_test(tcase, a_fixed_increment_is_the_same_at_every_price);
    tcase_add_test(tcase, ebay_us_has_the_right_increment_at_each_edge);
    tcase_add_test(tcase, a_named_table_is_read);
    tcase_add_test(tcase, steps_are_read);
    tcase_add_test(tcase, rungs_lead_from_one_to_the_next);
    tcase_add_test(tcase, beyond_the_last_rung_its_distance_repeats);
    tcase_add_test(tcase, a_percentage_is_rounded_up_and_has_a_minimum);
    tcase_add_test(tcase, the_whole_price_is_the_greatest_percentage);
    tcase_add_test(tcase, two_rungs_are_enough);
    tcase_add_test(tcase, the_minimum_never_falls_when_the_price_rises);
    tcase_add_test(tcase, invalid_tables_are_refused);
    tcase_add_test(tcase, rungs_are_bounded);
    tcase_add_test(tcase, steps_are_bounded);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(increments_suite());
}
