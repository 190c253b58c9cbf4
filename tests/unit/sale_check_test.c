/*
 * Each invariant of a flash sale, violated by hand in a set that held it; and the words of the lists of flash sales.
 */
#include "common/rules/sale_check.h"

#include <string.h>

#include "tests/support/flash.h"

enum { AT = FLASH_NOW_MS };

/* Of 6 units Ann and Bob have each reserved one, Cyd has a turn of 2, Dot one of 2 although she wanted 3. User 5 waits.
 */
static void set_up(void)
{
    flash_begin_active(6, 3);
    flash_expect_accepted(flash_order(FLASH_ANN, 1, AT));
    struct uuid bought = flash_id();
    flash_expect_accepted(flash_order(FLASH_BOB, 1, AT));
    flash_expect_accepted(flash_join(FLASH_CYD, 2, AT));
    flash_expect_accepted(flash_join(FLASH_DOT, 3, AT));
    flash_expect_accepted(flash_join(5, 1, AT));
    flash_expect_accepted(flash_confirm(FLASH_ANN, bought, AT));
    flash_expect_units(4, 1, 1);
    ck_assert_ptr_null(sale_check(&flash));
}

static void expect_violated(const char *words)
{
    const char *violated = sale_check(&flash);
    ck_assert_msg(violated != NULL && strstr(violated, words) != NULL, "%s instead of %s",
                  violated == NULL ? "nothing" : violated, words);
    set_up();
}

START_TEST(a_counter_is_never_negative)
{
    flash.sale.claimed = -1;
    expect_violated("below 0");
    flash.sale.reserved = -1;
    expect_violated("below 0");
    flash.sale.sold = -1;
    expect_violated("below 0");
    flash.sale.waiting = -1;
    expect_violated("below 0");
}
END_TEST

START_TEST(there_are_no_more_units_than_the_quantity)
{
    flash.sale.claimed++;
    expect_violated("than there are");
    flash.sale.terms.quantity = 5;
    expect_violated("than there are");
}
END_TEST

START_TEST(a_counter_is_the_sum_of_its_rows)
{
    flash.sale.terms.quantity = 9;
    flash.sale.claimed++;
    expect_violated("differs");
    flash.sale.terms.quantity = 9;
    flash.sale.reserved++;
    expect_violated("differs");
    flash.sale.terms.quantity = 9;
    flash.sale.sold++;
    expect_violated("differs");
    flash.sale.waiting++;
    expect_violated("differs");
    flash.sale.claimed--;
    expect_violated("more units");
    flash.sale.reserved--;
    expect_violated("more units");
    flash.sale.sold--;
    expect_violated("more units");
    flash.sale.waiting--;
    expect_violated("more units");
}
END_TEST

START_TEST(in_a_part_of_the_rows_the_sums_may_be_less)
{
    flash.complete = false;
    flash.sale.terms.quantity = 9;
    flash.sale.claimed++;
    flash.sale.reserved++;
    flash.sale.sold++;
    flash.sale.waiting++;
    flash.users[0].held++;
    ck_assert_ptr_null(sale_check(&flash));
    flash.sale.sold -= 2;
    expect_violated("more units");
}
END_TEST

START_TEST(a_sale_that_is_over_has_no_line)
{
    flash.sale.status = SALE_ENDED;
    expect_violated("is over");
    flash.sale.status = SALE_CANCELLED;
    flash.sale.claimed = 0;
    expect_violated("is over");
    flash.sale.status = SALE_ENDED;
    flash.sale.claimed = 0;
    flash.sale.waiting = 0;
    ck_assert_ptr_null(sale_check(&flash));
    flash.sale.status = SALE_SETTLED;
    expect_violated("not active");
    flash.sale.status = SALE_OPEN;
    expect_violated("not active");
    flash.sale.status = SALE_ENDED;
    flash.sale.claimed = 0;
    flash.sale.waiting = 0;
    flash.sale.reserved = 0;
    expect_violated("not settled");
}
END_TEST

START_TEST(a_sale_is_sold_out_when_all_is_sold)
{
    flash.sale.status = SALE_SOLD_OUT;
    flash.sale.claimed = 0;
    flash.sale.waiting = 0;
    flash.sale.reserved = 0;
    expect_violated("sold out");
    flash.sale.claimed = 0;
    flash.sale.reserved = 0;
    flash.sale.sold = 6;
    expect_violated("sold out");
}
END_TEST

START_TEST(places_are_in_order_and_served_in_order)
{
    flash.entries[1].seq = flash.entries[0].seq;
    expect_violated("same place");
    flash.entries[0].status = SALE_ENTRY_WAITING;
    flash.entries[0].claim = 0;
    expect_violated("before an earlier one");
}
END_TEST

START_TEST(a_claim_is_within_what_was_wanted)
{
    flash.entries[0].claim = 3;
    expect_violated("a claim");
    flash.entries[1].claim = 0;
    expect_violated("a claim");
    flash.entries[2].claim = -1;
    expect_violated("a claim");
}
END_TEST

START_TEST(an_order_has_units)
{
    flash.orders[1].quantity = 0;
    expect_violated("no units");
    flash_expect_rejected(flash_order(FLASH_ANN, 0, AT), SALE_REASON_INVALID_QUANTITY);
    ck_assert_ptr_null(sale_check(&flash));
}
END_TEST

START_TEST(a_user_holds_no_more_than_the_limit)
{
    flash.users[0].held = 4;
    expect_violated("the limit");
    flash.users[0].held = -1;
    expect_violated("the limit");
    flash.sale.terms.per_user_limit = 1;
    expect_violated("the limit");
    flash.users[2].held = 2; /* Cyd's turn has 2 more */
    expect_violated("the limit");
}
END_TEST

START_TEST(a_user_holds_what_the_orders_say)
{
    flash.users[0].held = 2;
    expect_violated("holds other units");
    flash.users[2].entry = SALE_NO_INDEX;
    expect_violated("two live entries");
    flash.users[4].entry = SALE_NO_INDEX;
    expect_violated("two live entries");
}
END_TEST

START_TEST(words_are_those_of_the_contract)
{
    enum sale_command_kind kind = SALE_COMMAND_NONE;
    enum sale_status status = SALE_UPCOMING;
    enum sale_reason reason = SALE_REASON_NONE;
    enum sale_entry_status entry = SALE_ENTRY_WAITING;
    enum sale_order_status order = SALE_ORDER_PENDING;
    enum sale_payment payment = SALE_PAYMENT_NONE;
    enum sale_verdict verdict = SALE_VERDICT_DROPPED;
    ck_assert_str_eq(sale_command_text(SALE_COMMAND_EXPIRE), "expire");
    ck_assert(sale_command_parse("abort", &kind) && kind == SALE_COMMAND_ABORT);
    ck_assert(!sale_command_parse("turn", &kind) && kind == SALE_COMMAND_ABORT);
    ck_assert_str_eq(sale_ledger_text(SALE_COMMAND_NONE), "turn");
    ck_assert_str_eq(sale_ledger_text(SALE_COMMAND_JOIN), "join");
    ck_assert(sale_ledger_parse("turn", &kind) && kind == SALE_COMMAND_NONE);
    ck_assert_str_eq(sale_status_text(SALE_SOLD_OUT), "sold_out");
    ck_assert(sale_status_parse("active", &status) && status == SALE_ACTIVE);
    ck_assert_str_eq(sale_entry_text(SALE_ENTRY_TURN), "turn");
    ck_assert(sale_entry_parse("left", &entry) && entry == SALE_ENTRY_LEFT);
    ck_assert_str_eq(sale_order_text(SALE_ORDER_REFUND_DUE), "refund_due");
    ck_assert(sale_order_parse("confirmed", &order) && order == SALE_ORDER_CONFIRMED);
    ck_assert_str_eq(sale_payment_text(SALE_PAYMENT_CALLBACK), "callback");
    ck_assert(sale_payment_parse("callback", &payment) && payment == SALE_PAYMENT_CALLBACK);
    ck_assert_str_eq(sale_verdict_text(SALE_VERDICT_UNCHANGED), "unchanged");
    ck_assert(sale_verdict_parse("rejected", &verdict) && verdict == SALE_VERDICT_REJECTED);
    ck_assert_str_eq(sale_reason_text(SALE_REASON_NONE), "");
    ck_assert_str_eq(sale_reason_text(SALE_REASON_NOT_YOUR_TURN), "NOT_YOUR_TURN");
    ck_assert(sale_reason_parse("SOLD_OUT", &reason) && reason == SALE_REASON_SOLD_OUT);
    ck_assert(sale_reason_parse("", &reason) && reason == SALE_REASON_NONE);
    ck_assert(!sale_reason_parse("SOLD", &reason));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sale_check");
    TCase *tcase = tcase_create("check");
    tcase_add_checked_fixture(tcase, set_up, flash_tear_down);
    tcase_add_test(tcase, a_counter_is_never_negative);
    tcase_add_test(tcase, there_are_no_more_units_than_the_quantity);
    tcase_add_test(tcase, a_counter_is_the_sum_of_its_rows);
    tcase_add_test(tcase, in_a_part_of_the_rows_the_sums_may_be_less);
    tcase_add_test(tcase, a_sale_that_is_over_has_no_line);
    tcase_add_test(tcase, a_sale_is_sold_out_when_all_is_sold);
    tcase_add_test(tcase, places_are_in_order_and_served_in_order);
    tcase_add_test(tcase, a_claim_is_within_what_was_wanted);
    tcase_add_test(tcase, an_order_has_units);
    tcase_add_test(tcase, a_user_holds_no_more_than_the_limit);
    tcase_add_test(tcase, a_user_holds_what_the_orders_say);
    tcase_add_test(tcase, words_are_those_of_the_contract);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
