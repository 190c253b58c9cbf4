/*
 * The orders of a flash sale with payments: callbacks that succeed or fail, in time, late, twice, and after the fence.
 */
#include "tests/support/flash.h"

enum { AT = FLASH_NOW_MS, DUE = FLASH_NOW_MS + FLASH_RESERVATION_MS, AFTER_MS = FLASH_END_MS + 1 };

static void set_up(void)
{
    flash_begin_active(2, 1);
    flash.sale.terms.payment = SALE_PAYMENT_CALLBACK;
}

static void begin(int64_t quantity, int64_t per_user_limit)
{
    flash_begin_active(quantity, per_user_limit);
    flash.sale.terms.payment = SALE_PAYMENT_CALLBACK;
}

static struct uuid reserve(int user, int64_t quantity, int64_t at_ms)
{
    flash_expect_accepted(flash_order(user, quantity, at_ms));
    return flash_id();
}

/* An order of Ann that expired at DUE. */
static struct uuid expired(void)
{
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_command(SALE_COMMAND_EXPIRE, DUE));
    flash_expect_order(id, SALE_ORDER_EXPIRED);
    return id;
}

static void expect_paid(struct sale_decision decision, struct uuid id)
{
    struct uuid payment = flash_id();
    flash_expect_accepted(decision);
    ck_assert(!decision.refund_due && !decision.payment_unused);
    flash_expect_order(id, SALE_ORDER_CONFIRMED);
    ck_assert(uuid_equal(&flash_order_of(id)->payment_id, &payment));
}

static void expect_refund(struct sale_decision decision, struct uuid id)
{
    struct uuid payment = flash_id();
    flash_expect_accepted(decision);
    ck_assert(decision.refund_due && !decision.payment_unused);
    flash_expect_order(id, SALE_ORDER_REFUND_DUE);
    ck_assert(uuid_equal(&flash_order_of(id)->payment_id, &payment));
}

static void expect_unused(struct sale_decision decision, enum sale_reason reason)
{
    flash_expect_rejected(decision, reason);
    ck_assert(decision.payment_unused && !decision.refund_due);
    ck_assert_uint_eq(flash.changed_order_count, 0);
}

START_TEST(a_payment_in_time_confirms)
{
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    struct uuid ann = flash_user(FLASH_ANN);
    flash_decide_at(DUE + 9000);
    expect_paid(flash_pay(id, FLASH_PRICE, DUE - 1), id);
    const struct sale_row *row = &flash.rows[0];
    ck_assert(row->paid && uuid_equal(&row->user_id, &ann) && uuid_equal(&row->order_id, &id));
    ck_assert_int_eq(row->amount, FLASH_PRICE);
    ck_assert_int_eq(row->quantity, 1);
    flash_expect_units(0, 0, 1);
}
END_TEST

START_TEST(the_amount_is_the_price_of_all_units)
{
    begin(5, 3);
    struct uuid id = reserve(FLASH_ANN, 3, AT);
    expect_unused(flash_pay(id, FLASH_PRICE, AT), SALE_REASON_WRONG_AMOUNT);
    expect_paid(flash_pay(id, FLASH_PRICE * 3, AT), id);
}
END_TEST

START_TEST(a_wrong_amount_never_confirms)
{
    static const int64_t wrong[] = {FLASH_PRICE - 1, FLASH_PRICE + 1, 0, -FLASH_PRICE, INT64_MAX};
    struct uuid reserved = reserve(FLASH_ANN, 1, AT);
    struct uuid failed = reserve(FLASH_BOB, 1, AT);
    flash_expect_accepted(flash_fail(failed, AT));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        expect_unused(flash_pay(reserved, wrong[i], AT), SALE_REASON_WRONG_AMOUNT);
        expect_unused(flash_pay(failed, wrong[i], AT), SALE_REASON_WRONG_AMOUNT);
        expect_unused(flash_pay(reserved, wrong[i], DUE), SALE_REASON_WRONG_AMOUNT);
    }
    flash_expect_order(reserved, SALE_ORDER_RESERVED);
    flash_expect_order(failed, SALE_ORDER_FAILED);
    flash_expect_units(0, 1, 0);
}
END_TEST

START_TEST(a_buyer_cannot_confirm_without_paying)
{
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    flash_expect_rejected(flash_confirm(FLASH_ANN, id, AT), SALE_REASON_PAYMENT_REQUIRED);
    flash_expect_rejected(flash_confirm(FLASH_BOB, id, AT), SALE_REASON_NOT_FOUND);
    flash_expect_order(id, SALE_ORDER_RESERVED);
}
END_TEST

START_TEST(a_sale_without_payments_takes_none)
{
    flash_begin_active(2, 1);
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    expect_unused(flash_pay(id, FLASH_PRICE, AT), SALE_REASON_NO_PAYMENT_DUE);
    struct sale_decision decision = flash_fail(id, AT);
    flash_expect_rejected(decision, SALE_REASON_NO_PAYMENT_DUE);
    ck_assert(!decision.payment_unused);
    flash_expect_order(id, SALE_ORDER_RESERVED);
}
END_TEST

START_TEST(a_payment_of_an_unknown_or_rejected_order_is_unused)
{
    struct uuid nobody = {{0}};
    expect_unused(flash_pay((struct uuid){{9}}, FLASH_PRICE, AT), SALE_REASON_NOT_FOUND);
    ck_assert(uuid_equal(&flash.rows[0].user_id, &nobody));
    flash_expect_rejected(flash_fail((struct uuid){{9}}, AT), SALE_REASON_NOT_FOUND);
    flash_expect_rejected(flash_order(FLASH_ANN, 2, AT), SALE_REASON_LIMIT_REACHED);
    struct uuid rejected = flash_id();
    expect_unused(flash_pay(rejected, FLASH_PRICE * 2, AT), SALE_REASON_ORDER_CLOSED);
    flash_expect_rejected(flash_fail(rejected, AT), SALE_REASON_ORDER_CLOSED);
    flash_expect_rejected(flash_cancel(FLASH_ANN, rejected, AT), SALE_REASON_ORDER_CLOSED);
}
END_TEST

/* --- failed and succeeded --- */

START_TEST(a_failed_payment_returns_the_units)
{
    begin(1, 1);
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    struct sale_decision decision = flash_fail(id, AT + 1);
    flash_expect_accepted(decision);
    flash_expect_order(id, SALE_ORDER_FAILED);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_TURN);
    flash_expect_units(1, 0, 0);
    flash_expect(flash_fail(id, AT + 2), SALE_VERDICT_UNCHANGED, SALE_REASON_NONE);
    flash_expect_units(1, 0, 0);
}
END_TEST

START_TEST(a_payment_that_succeeds_after_one_that_failed_takes_spare_units)
{
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_fail(id, AT + 1));
    expect_paid(flash_pay(id, FLASH_PRICE, AT + 2), id);
    flash_expect_units(0, 0, 1);
    flash_expect_rejected(flash_join(FLASH_ANN, 1, AT + 3), SALE_REASON_LIMIT_REACHED);
}
END_TEST

START_TEST(a_payment_that_succeeds_after_one_that_failed_takes_no_units_of_others)
{
    begin(1, 1);
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_fail(id, AT + 1));
    (void)reserve(FLASH_BOB, 1, AT + 2);
    expect_refund(flash_pay(id, FLASH_PRICE, AT + 3), id);
    flash_expect_units(0, 1, 0);
}
END_TEST

START_TEST(a_payment_that_fails_after_one_that_succeeded_changes_nothing)
{
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    expect_paid(flash_pay(id, FLASH_PRICE, AT), id);
    struct sale_decision decision = flash_fail(id, AT + 1);
    flash_expect_rejected(decision, SALE_REASON_ORDER_CLOSED);
    ck_assert(!decision.payment_unused);
    flash_expect_order(id, SALE_ORDER_CONFIRMED);
    flash_expect_units(0, 0, 1);
}
END_TEST

START_TEST(a_second_payment_of_another_reference_is_unused)
{
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    expect_paid(flash_pay(id, FLASH_PRICE, AT), id);
    expect_unused(flash_pay(id, FLASH_PRICE, AT + 1), SALE_REASON_ORDER_CLOSED);
    flash_expect_units(0, 0, 1);
}
END_TEST

/* The ledger has the id of the first, so the caller leaves the second out. Should it not, nothing happens. */
START_TEST(the_same_payment_twice_counts_once)
{
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    struct sale_command pay = {.kind = SALE_COMMAND_CONFIRM,
                               .id = {{0x77}},
                               .order_id = id,
                               .paid = true,
                               .amount = FLASH_PRICE,
                               .received_ms = AT};
    flash_expect_accepted(flash_send(pay));
    struct sale_decision decision = flash_send(pay);
    flash_expect(decision, SALE_VERDICT_UNCHANGED, SALE_REASON_NONE);
    ck_assert(!decision.payment_unused);
    flash_expect_units(0, 0, 1);
}
END_TEST

/* --- late --- */

START_TEST(a_late_payment_takes_spare_units)
{
    struct uuid id = expired();
    expect_paid(flash_pay(id, FLASH_PRICE, DUE + 1), id);
    flash_expect_units(0, 0, 1);
}
END_TEST

START_TEST(a_late_payment_takes_nothing_from_those_who_wait)
{
    begin(1, 1);
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    flash_decide_at(FLASH_END_MS); /* Bob waits though the unit is free: no turn is granted any more */
    flash_expect_accepted(flash_command(SALE_COMMAND_EXPIRE, DUE));
    ck_assert_int_eq(sale_free(&flash.sale), 1);
    expect_refund(flash_pay(id, FLASH_PRICE, DUE + 1), id);
    flash_expect_units(0, 0, 0);
}
END_TEST

/* EXPIRE is on its way: the payment ends the reservation as if it had come. */
START_TEST(a_late_payment_before_the_expiry_counts_as_after_it)
{
    begin(1, 1);
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    expect_refund(flash_pay(id, FLASH_PRICE, DUE), id);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_TURN);
    flash_expect_units(1, 0, 0);
    flash_expect(flash_command(SALE_COMMAND_EXPIRE, DUE), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    flash_expect_units(1, 0, 0);
    set_up();
    id = reserve(FLASH_ANN, 1, AT);
    expect_paid(flash_pay(id, FLASH_PRICE, DUE), id);
    flash_expect_units(0, 0, 1);
    flash_expect_rejected(flash_order(FLASH_ANN, 1, DUE), SALE_REASON_LIMIT_REACHED);
}
END_TEST

START_TEST(a_late_payment_needs_enough_units)
{
    begin(3, 2);
    struct uuid id = reserve(FLASH_ANN, 2, AT);
    flash_expect_accepted(flash_command(SALE_COMMAND_EXPIRE, DUE));
    (void)reserve(FLASH_BOB, 1, DUE);
    (void)reserve(FLASH_CYD, 1, DUE);
    expect_refund(flash_pay(id, FLASH_PRICE * 2, DUE), id);
    flash_expect_units(0, 2, 0);
    begin(3, 2);
    id = reserve(FLASH_ANN, 2, AT);
    flash_expect_accepted(flash_command(SALE_COMMAND_EXPIRE, DUE));
    struct uuid last = reserve(FLASH_BOB, 1, DUE);
    expect_paid(flash_pay(id, FLASH_PRICE * 2, DUE), id);
    flash_expect_units(0, 1, 2);
    expect_paid(flash_pay(last, FLASH_PRICE, DUE), last);
    flash_expect_status(SALE_SOLD_OUT);
}
END_TEST

START_TEST(a_late_payment_does_not_exceed_the_limit)
{
    struct uuid id = expired();
    struct uuid anew = reserve(FLASH_ANN, 1, DUE + 1);
    expect_refund(flash_pay(id, FLASH_PRICE, DUE + 2), id);
    expect_paid(flash_pay(anew, FLASH_PRICE, DUE + 2), anew);
    set_up();
    id = expired();
    flash_expect_accepted(flash_join(FLASH_ANN, 1, DUE + 1));
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_TURN);
    expect_refund(flash_pay(id, FLASH_PRICE, DUE + 2), id);
    flash_expect_units(1, 0, 0);
    begin(3, 2);
    id = expired();
    flash_expect_accepted(flash_join(FLASH_ANN, 1, DUE + 1));
    expect_paid(flash_pay(id, FLASH_PRICE, DUE + 2), id);
    flash_expect_units(1, 0, 1);
}
END_TEST

START_TEST(a_payment_after_a_cancel_has_to_be_refunded)
{
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_cancel(FLASH_ANN, id, AT));
    expect_refund(flash_pay(id, FLASH_PRICE, AT + 1), id);
    flash_expect_units(0, 0, 0);
    expect_unused(flash_pay(id, FLASH_PRICE, AT + 2), SALE_REASON_ORDER_CLOSED);
    flash_expect_rejected(flash_fail(id, AT + 2), SALE_REASON_ORDER_CLOSED);
    flash_expect_rejected(flash_cancel(FLASH_ANN, id, AT + 2), SALE_REASON_ORDER_CLOSED);
}
END_TEST

START_TEST(a_refunded_order_is_closed)
{
    struct uuid id = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_cancel(FLASH_ANN, id, AT));
    expect_refund(flash_pay(id, FLASH_PRICE, AT + 1), id);
    flash.orders[0].status = SALE_ORDER_REFUNDED; /* by an admin */
    expect_unused(flash_pay(id, FLASH_PRICE, AT + 2), SALE_REASON_ORDER_CLOSED);
}
END_TEST

/* --- the end of the sale --- */

START_TEST(a_reservation_can_be_paid_after_the_fence)
{
    struct uuid id = reserve(FLASH_ANN, 1, FLASH_END_MS - 1);
    struct uuid late = reserve(FLASH_BOB, 1, FLASH_END_MS - 1);
    struct sale_decision decision = flash_command(SALE_COMMAND_FENCE, FLASH_END_MS);
    ck_assert(decision.ended && !decision.settled);
    flash_expect_status(SALE_ENDED);
    expect_paid(flash_pay(id, FLASH_PRICE, AFTER_MS), id);
    flash_expect_status(SALE_ENDED);
    decision = flash_command(SALE_COMMAND_EXPIRE, FLASH_END_MS - 1 + FLASH_RESERVATION_MS);
    flash_expect_accepted(decision);
    ck_assert(decision.settled);
    flash_expect_status(SALE_SETTLED);
    decision = flash_pay(late, FLASH_PRICE, AFTER_MS + FLASH_RESERVATION_MS);
    expect_paid(decision, late);
    ck_assert(decision.sold_out);
    flash_expect_status(SALE_SOLD_OUT);
}
END_TEST

START_TEST(a_late_payment_can_be_confirmed_in_a_settled_sale)
{
    struct uuid id = reserve(FLASH_ANN, 1, FLASH_END_MS - 1);
    flash_expect_accepted(flash_command(SALE_COMMAND_FENCE, FLASH_END_MS));
    flash_expect_accepted(flash_command(SALE_COMMAND_EXPIRE, FLASH_LATER_MS));
    flash_expect_status(SALE_SETTLED);
    struct sale_decision decision = flash_pay(id, FLASH_PRICE, FLASH_LATER_MS);
    expect_paid(decision, id);
    ck_assert(!decision.settled && !decision.sold_out);
    flash_expect_status(SALE_SETTLED);
    flash_expect_units(0, 0, 1);
}
END_TEST

START_TEST(the_last_confirmation_after_the_end_makes_the_sale_sold_out)
{
    begin(1, 1);
    struct uuid id = reserve(FLASH_ANN, 1, FLASH_END_MS - 1);
    flash_expect_accepted(flash_command(SALE_COMMAND_FENCE, FLASH_END_MS));
    struct sale_decision decision = flash_pay(id, FLASH_PRICE, AFTER_MS);
    expect_paid(decision, id);
    ck_assert(decision.sold_out && !decision.settled);
    flash_expect_status(SALE_SOLD_OUT);
}
END_TEST

START_TEST(each_end_of_the_last_reservation_settles_an_ended_sale)
{
    static const enum sale_order_status ends[] = {SALE_ORDER_CONFIRMED, SALE_ORDER_FAILED, SALE_ORDER_CANCELLED,
                                                  SALE_ORDER_EXPIRED};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        set_up();
        struct uuid id = reserve(FLASH_ANN, 1, FLASH_END_MS - 1);
        flash_expect_accepted(flash_command(SALE_COMMAND_FENCE, FLASH_END_MS));
        struct sale_decision decision = ends[i] == SALE_ORDER_CONFIRMED ? flash_pay(id, FLASH_PRICE, AFTER_MS)
                                        : ends[i] == SALE_ORDER_FAILED  ? flash_fail(id, AFTER_MS)
                                        : ends[i] == SALE_ORDER_CANCELLED
                                            ? flash_cancel(FLASH_ANN, id, AFTER_MS)
                                            : flash_command(SALE_COMMAND_EXPIRE, FLASH_LATER_MS);
        flash_expect_accepted(decision);
        ck_assert(decision.settled);
        flash_expect_order(id, ends[i]);
        flash_expect_status(SALE_SETTLED);
    }
}
END_TEST

START_TEST(a_payment_in_a_cancelled_sale_has_to_be_refunded)
{
    struct uuid expired_id = expired();
    struct uuid id = reserve(FLASH_BOB, 1, DUE + 1);
    flash_expect_accepted(flash_command(SALE_COMMAND_ABORT, DUE + 2));
    flash_expect_order(id, SALE_ORDER_CANCELLED);
    ck_assert_int_eq(flash_order_of(id)->status, SALE_ORDER_RESERVED);
    expect_refund(flash_pay(id, FLASH_PRICE, DUE + 3), id);
    expect_refund(flash_pay(expired_id, FLASH_PRICE, DUE + 3), expired_id);
    flash_expect_units(0, 0, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sale_payments");
    TCase *tcase = tcase_create("payments");
    tcase_add_checked_fixture(tcase, set_up, flash_tear_down);
    tcase_add_test(tcase, a_payment_in_time_confirms);
    tcase_add_test(tcase, the_amount_is_the_price_of_all_units);
    tcase_add_test(tcase, a_wrong_amount_never_confirms);
    tcase_add_test(tcase, a_buyer_cannot_confirm_without_paying);
    tcase_add_test(tcase, a_sale_without_payments_takes_none);
    tcase_add_test(tcase, a_payment_of_an_unknown_or_rejected_order_is_unused);
    tcase_add_test(tcase, a_failed_payment_returns_the_units);
    tcase_add_test(tcase, a_payment_that_succeeds_after_one_that_failed_takes_spare_units);
    tcase_add_test(tcase, a_payment_that_succeeds_after_one_that_failed_takes_no_units_of_others);
    tcase_add_test(tcase, a_payment_that_fails_after_one_that_succeeded_changes_nothing);
    tcase_add_test(tcase, a_second_payment_of_another_reference_is_unused);
    tcase_add_test(tcase, the_same_payment_twice_counts_once);
    tcase_add_test(tcase, a_late_payment_takes_spare_units);
    tcase_add_test(tcase, a_late_payment_takes_nothing_from_those_who_wait);
    tcase_add_test(tcase, a_late_payment_before_the_expiry_counts_as_after_it);
    tcase_add_test(tcase, a_late_payment_needs_enough_units);
    tcase_add_test(tcase, a_late_payment_does_not_exceed_the_limit);
    tcase_add_test(tcase, a_payment_after_a_cancel_has_to_be_refunded);
    tcase_add_test(tcase, a_refunded_order_is_closed);
    tcase_add_test(tcase, a_reservation_can_be_paid_after_the_fence);
    tcase_add_test(tcase, a_late_payment_can_be_confirmed_in_a_settled_sale);
    tcase_add_test(tcase, the_last_confirmation_after_the_end_makes_the_sale_sold_out);
    tcase_add_test(tcase, each_end_of_the_last_reservation_settles_an_ended_sale);
    tcase_add_test(tcase, a_payment_in_a_cancelled_sale_has_to_be_refunded);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
