/*
 * Which entries are public, and with which amount: the predicate alone. public_bids_test holds it against the view.
 */
#include "common/rules/ledger_entry.h"
#include "tests/support/suite.h"

/* An accepted bid of 10.00, and how each case differs. */
static struct ledger_entry entry_of(enum command_kind kind, enum rules_verdict verdict)
{
    return (struct ledger_entry){
        .kind = kind, .effective = true, .verdict = verdict, .amount = 1000, .max_amount = 3000};
}

START_TEST(bids_maximums_and_purchases_alone_are_public)
{
    for (enum command_kind kind = COMMAND_BID; (int)kind < COMMAND_KIND_COUNT; kind++) {
        struct ledger_entry entry = entry_of(kind, RULES_ACCEPTED);
        bool due = kind == COMMAND_BID || kind == COMMAND_PROXY || kind == COMMAND_BUY;
        ck_assert_msg(ledger_entry_is_public(&entry) == due, "%s", command_kind_ledger_text(kind));
        ck_assert_msg(ledger_entry_in_history(&entry) == due, "%s", command_kind_ledger_text(kind));
    }
}
END_TEST

START_TEST(rejected_dropped_voided_and_without_amount_are_not_public)
{
    struct ledger_entry entry = entry_of(COMMAND_BID, RULES_OUTBID);
    ck_assert(ledger_entry_is_public(&entry));
    entry.verdict = RULES_REJECTED;
    ck_assert(!ledger_entry_is_public(&entry));
    entry.verdict = RULES_DROPPED;
    ck_assert(!ledger_entry_is_public(&entry));
    entry = entry_of(COMMAND_BID, RULES_ACCEPTED);
    entry.effective = false;
    ck_assert(!ledger_entry_is_public(&entry));
    entry = entry_of(COMMAND_BID, RULES_ACCEPTED);
    entry.amount = 0;
    ck_assert(!ledger_entry_is_public(&entry));
}
END_TEST

START_TEST(a_raise_is_public_but_not_in_the_history)
{
    struct ledger_entry entry = entry_of(COMMAND_PROXY, RULES_ACCEPTED);
    entry.raise = true;
    ck_assert(ledger_entry_is_public(&entry));
    ck_assert(!ledger_entry_in_history(&entry));
    entry.raise = false;
    ck_assert(ledger_entry_in_history(&entry));
}
END_TEST

START_TEST(only_a_beaten_maximum_is_shown)
{
    struct ledger_entry entry = entry_of(COMMAND_PROXY, RULES_ACCEPTED);
    ck_assert_int_eq(ledger_entry_amount(&entry), 1000);
    entry.verdict = RULES_OUTBID;
    ck_assert_int_eq(ledger_entry_amount(&entry), 3000);
    entry.answer = true;
    ck_assert_int_eq(ledger_entry_amount(&entry), 1000);
    entry = entry_of(COMMAND_BID, RULES_OUTBID);
    ck_assert_int_eq(ledger_entry_amount(&entry), 1000);
}
END_TEST

START_TEST(the_ledgers_words_are_read)
{
    static const struct {
        const char *kind;
        const char *status;
        enum command_kind read;
        enum rules_verdict verdict;
        bool automatic;
        bool answer;
    } cases[] = {
        {"bid", "accepted", COMMAND_BID, RULES_ACCEPTED, false, false},
        {"proxy", "outbid", COMMAND_PROXY, RULES_OUTBID, true, false},
        {"auto", "accepted", COMMAND_PROXY, RULES_ACCEPTED, true, true},
        {"buy", "rejected", COMMAND_BUY, RULES_REJECTED, false, false},
        {"end", "accepted", COMMAND_FENCE, RULES_ACCEPTED, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ledger_entry entry = {.amount = 7};
        ck_assert(ledger_entry_parse(cases[i].kind, cases[i].status, &entry));
        ck_assert_int_eq(entry.kind, cases[i].read);
        ck_assert_int_eq(entry.verdict, cases[i].verdict);
        ck_assert_int_eq(entry.answer, cases[i].answer);
        ck_assert_int_eq(ledger_entry_is_automatic(&entry), cases[i].automatic);
        ck_assert_int_eq(entry.amount, 7);
    }
}
END_TEST

START_TEST(unknown_words_leave_the_entry_unchanged)
{
    struct ledger_entry entry = entry_of(COMMAND_BUY, RULES_OUTBID);
    ck_assert(!ledger_entry_parse("gift", "accepted", &entry));
    ck_assert(!ledger_entry_parse("bid", "dropped", &entry));
    ck_assert(!ledger_entry_parse("", "", &entry));
    ck_assert_int_eq(entry.kind, COMMAND_BUY);
    ck_assert_int_eq(entry.verdict, RULES_OUTBID);
}
END_TEST

static Suite *ledger_entry_suite(void)
{
    Suite *suite = suite_create("ledger entry");
    TCase *tcase = tcase_create("ledger entry");
    tcase_add_test(tcase, bids_maximums_and_purchases_alone_are_public);
    tcase_add_test(tcase, rejected_dropped_voided_and_without_amount_are_not_public);
    tcase_add_test(tcase, a_raise_is_public_but_not_in_the_history);
    tcase_add_test(tcase, only_a_beaten_maximum_is_shown);
    tcase_add_test(tcase, the_ledgers_words_are_read);
    tcase_add_test(tcase, unknown_words_leave_the_entry_unchanged);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(ledger_entry_suite());
}
