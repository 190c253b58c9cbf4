/*
 * The words that the schema's CHECK constraints allow equal the program's lists. The database would refuse a word that
 * only the list has; the program could not read a word that only the constraint has.
 */
#include <stdio.h>
#include <string.h>

#include "common/protocol/notification_kinds.h"
#include "common/rules/bid_status.h"
#include "common/rules/command_kinds.h"
#include "common/rules/rules.h"
#include "notifyworker/delivery_states.h"
#include "tests/support/deployment.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"

/* A list as text, with a space after each word. */
#define LEDGER_WORD(name, message, ledger, group, carries) ledger " "
#define WORD(name, text)                                   text " "
#define NAME(name)                                         #name " "

static const struct {
    const char *table;
    const char *column;
    const char *words;
} cases[] = {
    {"bids", "kind", COMMAND_KINDS(LEDGER_WORD) LEDGER_AUTOMATIC},
    /* The ledger holds neither pending bids nor the status of voided bids. */
    {"bids", "status", "accepted outbid rejected"},
    {"auctions", "status", RULES_STATUSES(WORD)},
    {"deliveries", "state", DELIVERY_STATES(WORD)},
};

/* The words of all constraints on this column alone. */
static const char constraint_words[] =
    "SELECT coalesce(string_agg(word, ' ' ORDER BY word), '') FROM (SELECT"
    "  (regexp_matches(pg_get_constraintdef(c.oid), '''([A-Za-z_]+)''::text', 'g'))[1] COLLATE \"C\" AS word"
    "  FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]"
    "  WHERE c.contype = 'c' AND c.conrelid = $1::regclass AND a.attname = $2) AS words";
static const char sorted_words[] = "SELECT string_agg(word, ' ' ORDER BY word COLLATE \"C\")"
                                   " FROM unnest(string_to_array(trim($1), ' ')) AS word";

START_TEST(a_check_constraint_allows_the_words_of_its_list)
{
    enum { WORDS_SIZE = 512 };
    char allowed[WORDS_SIZE];
    char listed[WORDS_SIZE];
    struct sql *sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(sql);
    (void)snprintf(allowed, sizeof(allowed), "%s",
                   sql_text(sql, constraint_words, cases[_i].table, cases[_i].column, NULL));
    (void)snprintf(listed, sizeof(listed), "%s", sql_text(sql, sorted_words, cases[_i].words, NULL));
    ck_assert_str_eq(allowed, listed);
    sql_close(sql);
}
END_TEST

/* Those that an erased account has muted, so that no later event writes a notification to it. */
START_TEST(the_schema_knows_every_kind_of_notification)
{
    static const char listed[] = NOTIFICATION_KINDS(NAME);
    struct sql *sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(sql);
    ck_assert_str_eq(sql_text(sql, "SELECT array_to_string(notification_kinds(), ' ') || ' '", NULL), listed);
    sql_close(sql);
}
END_TEST

START_TEST(the_statuses_of_the_ledger_are_parsed)
{
    enum bid_status status = BID_PENDING;
    for (int i = 0; i < BID_STATUS_COUNT; i++) {
        const char *text = bid_status_text((enum bid_status)i);
        bool in_ledger = i != BID_PENDING && i != BID_VOIDED;
        ck_assert(bid_status_parse(text, &status));
        ck_assert_int_eq(strstr("accepted outbid rejected", text) != NULL, in_ledger);
    }
}
END_TEST

static Suite *schema_words_suite(void)
{
    Suite *suite = suite_create("schema_words");
    TCase *tcase = tcase_create("schema_words");
    tcase_add_loop_test(tcase, a_check_constraint_allows_the_words_of_its_list, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(tcase, the_schema_knows_every_kind_of_notification);
    tcase_add_test(tcase, the_statuses_of_the_ledger_are_parsed);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(schema_words_suite());
}
