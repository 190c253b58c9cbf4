/*
 * A flash sale as the API shows it, read from a row. Before an upgrade is complete, a program of the newer version may
 * have written a word that this one does not know.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/sale/sale_view.h"
#include "tests/support/pg_row.h"
#include "tests/support/suite.h"

#define COLUMN(member) (SALE_VIEW_FIRST_MEMBER + SALE_MEMBER_##member - SALE_MEMBER_PRICE)

static const char *values[SALE_VIEW_COLUMN_COUNT]; /* each test changes the columns under test */

static void set(void)
{
    static const char *const row[SALE_VIEW_COLUMN_COUNT] = {
        [SALE_VIEW_ID] = "01000000-0000-0000-0000-000000000000",
        [SALE_VIEW_PRODUCT] = "02000000-0000-0000-0000-000000000000",
        [SALE_VIEW_PRODUCT_NAME] = "Lamp",
        [COLUMN(PRICE)] = "9.90",
        [COLUMN(QUANTITY)] = "10",
        [COLUMN(LIMIT)] = "2",
        [COLUMN(JOIN)] = "1000",
        [COLUMN(START)] = "2000",
        [COLUMN(END)] = "3000",
        [COLUMN(TURN)] = "60",
        [COLUMN(RESERVATION)] = "120",
        [COLUMN(PAYMENT)] = "none",
        [COLUMN(STATUS)] = "active",
        [COLUMN(CLAIMED)] = "1",
        [COLUMN(RESERVED)] = "2",
        [COLUMN(SOLD)] = "3",
        [COLUMN(WAITING)] = "4",
        [SALE_VIEW_VERSION] = "7",
        [SALE_VIEW_CREATED] = "500",
        [SALE_VIEW_UPDATED] = "600",
    };
    memcpy(values, row, sizeof(values));
}

/* The members of the row as a finished object; the caller frees it. */
static struct json *shown(void)
{
    PGresult *result = pg_row(values, SALE_VIEW_COLUMN_COUNT);
    struct jsonw *writer = jsonw_new();
    size_t length = 0;
    jsonw_object(writer);
    sale_view_write_members(writer, result, 0);
    jsonw_end_object(writer);
    const char *text = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(text);
    struct json *tree = json_parse(text, length, NULL);
    ck_assert_ptr_nonnull(tree);
    jsonw_free(writer);
    PQclear(result);
    return tree;
}

static void expect_member(const struct json *tree, const char *name, const char *text)
{
    const struct json *member = json_member(tree, name);
    ck_assert_msg(member != NULL, "no member %s", name);
    ck_assert_str_eq(member->text, text);
}

START_TEST(a_sale_is_shown_as_its_row_has_it)
{
    set();
    struct json *tree = shown();
    expect_member(tree, "productName", "Lamp");
    expect_member(tree, "flashPrice", "9.90");
    expect_member(tree, "turnSeconds", "60");
    expect_member(tree, "payment", "none");
    expect_member(tree, "status", "active");
    expect_member(tree, "available", "4");
    expect_member(tree, "version", "7");
    json_free(tree);
}
END_TEST

START_TEST(a_word_of_a_newer_version_is_shown_as_it_is)
{
    set();
    values[COLUMN(STATUS)] = "drawn";
    values[COLUMN(PAYMENT)] = "instalments";
    struct json *tree = shown();
    expect_member(tree, "status", "drawn");
    expect_member(tree, "payment", "instalments");
    expect_member(tree, "available", "4");
    json_free(tree);
}
END_TEST

START_TEST(a_row_with_a_word_of_a_newer_version_is_read_with_an_error)
{
    struct sale_snapshot found;
    for (int i = 0; i < 3; i++) {
        set();
        values[COLUMN(STATUS)] = i == 1 ? "drawn" : "active";
        values[COLUMN(PAYMENT)] = i == 2 ? "instalments" : "none";
        PGresult *result = pg_row(values, SALE_VIEW_COLUMN_COUNT);
        ck_assert_int_eq(sale_view_read(result, 0, &found), i == 0);
        ck_assert_int_eq(found.version, 7);
        PQclear(result);
    }
}
END_TEST

static Suite *sale_view_suite(void)
{
    Suite *suite = suite_create("sale_view");
    TCase *tcase = tcase_create("sale_view");
    tcase_add_test(tcase, a_sale_is_shown_as_its_row_has_it);
    tcase_add_test(tcase, a_word_of_a_newer_version_is_shown_as_it_is);
    tcase_add_test(tcase, a_row_with_a_word_of_a_newer_version_is_read_with_an_error);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(sale_view_suite());
}
