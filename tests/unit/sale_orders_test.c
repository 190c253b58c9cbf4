/*
 * The orders of a flash sale that its buyers confirm: reserving, confirming, cancelling, expiry, sold out.
 */
#include "common/base/money.h"
#include "tests/support/flash.h"

enum { AT = FLASH_NOW_MS, DUE = FLASH_NOW_MS + FLASH_RESERVATION_MS };

static struct uuid reserve(int user, int64_t quantity, int64_t at_ms)
{
    flash_expect_accepted(flash_order(user, quantity, at_ms));
    return flash_id();
}

/* --- ORDER --- */

START_TEST(an_order_in_ones_turn_reserves_and_ends_the_entry)
{
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    flash_decide_at(AT + 3);
    struct sale_decision decision = flash_order(FLASH_ANN, 1, AT + 2);
    struct uuid id = flash_id();
    struct uuid ann = flash_user(FLASH_ANN);
    const struct sale_order *order = flash_order_of(id);
    flash_expect_accepted(decision);
    ck_assert_int_eq(decision.place, flash_entry_of(FLASH_ANN)->seq);
    ck_assert_int_eq(order->seq, flash.rows[0].seq);
    ck_assert(uuid_equal(&order->user_id, &ann) && uuid_equal(&flash.rows[0].order_id, &id));
    ck_assert_int_eq(order->quantity, 1);
    ck_assert_int_eq(order->total_price, FLASH_PRICE);
    ck_assert_int_eq(order->expires_ms, AT + 3 + FLASH_RESERVATION_MS);
    ck_assert(order->added && order->changed && order->reason == SALE_REASON_NONE);
    ck_assert(uuid_is_nil(&order->payment_id));
    flash_expect_order(id, SALE_ORDER_RESERVED);
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_ORDERED);
    flash_expect_units(0, 1, 0);
    ck_assert_uint_eq(flash.changed_entry_count, 1);
    ck_assert_uint_eq(flash.changed_order_count, 1);
}
END_TEST

START_TEST(the_rest_of_the_claim_goes_to_the_next)
{
    flash_begin_active(3, 3);
    flash_expect_accepted(flash_join(FLASH_ANN, 3, AT));
    flash_expect_accepted(flash_join(FLASH_BOB, 3, AT));
    struct uuid id = reserve(FLASH_ANN, 1, AT + 1);
    ck_assert_int_eq(flash_order_of(id)->quantity, 1);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_TURN);
    ck_assert_int_eq(flash_entry_of(FLASH_BOB)->claim, 2);
    flash_expect_units(2, 1, 0);
    ck_assert_uint_eq(flash.row_count, 2);
}
END_TEST

START_TEST(an_order_above_the_claim_is_refused_and_the_turn_stays)
{
    flash_begin_active(2, 2);
    (void)reserve(FLASH_BOB, 1, AT);
    flash_expect_accepted(flash_join(FLASH_ANN, 2, AT));
    ck_assert_int_eq(flash_entry_of(FLASH_ANN)->claim, 1);
    struct sale_decision decision = flash_order(FLASH_ANN, 2, AT + 1);
    flash_expect_rejected(decision, SALE_REASON_CLAIM_EXCEEDED);
    ck_assert_int_eq(decision.place, flash_entry_of(FLASH_ANN)->seq);
    ck_assert_int_eq(decision.quantity, 2);
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_TURN);
    (void)reserve(FLASH_ANN, 1, AT + 2);
    flash_expect_units(0, 2, 0);
}
END_TEST

START_TEST(who_waits_has_to_wait)
{
    flash_begin_active(1, 1);
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    struct sale_decision decision = flash_order(FLASH_BOB, 1, AT + 1);
    flash_expect_rejected(decision, SALE_REASON_NOT_YOUR_TURN);
    ck_assert_int_eq(decision.place, flash_entry_of(FLASH_BOB)->seq);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_WAITING);
    struct uuid id = flash_id();
    flash_expect_order(id, SALE_ORDER_REJECTED);
    ck_assert_int_eq(flash_order_of(id)->reason, SALE_REASON_NOT_YOUR_TURN);
    ck_assert_int_eq(flash_order_of(id)->expires_ms, 0);
    flash_expect_units(1, 0, 0);
}
END_TEST

START_TEST(an_order_without_a_place_takes_what_nobody_waits_for)
{
    flash_begin_active(3, 2);
    struct sale_decision decision = flash_order(FLASH_ANN, 2, AT);
    flash_expect_accepted(decision);
    ck_assert_int_eq(decision.place, 0);
    ck_assert_int_eq(decision.quantity, 2);
    ck_assert_uint_eq(flash.entry_count, 0);
    flash_expect_rejected(flash_order(FLASH_BOB, 2, AT), SALE_REASON_NOT_IN_QUEUE);
    ck_assert_uint_eq(flash.entry_count, 0);
    (void)reserve(FLASH_BOB, 1, AT);
    flash_expect_rejected(flash_order(FLASH_CYD, 1, AT), SALE_REASON_NOT_IN_QUEUE);
    flash_expect_units(0, 3, 0);
}
END_TEST

START_TEST(an_order_without_a_place_takes_nothing_from_those_who_wait)
{
    flash_begin_active(1, 1);
    flash_decide_at(FLASH_END_MS); /* from then on no turn is granted, so Ann waits though a unit is free */
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    ck_assert_int_eq(sale_free(&flash.sale), 1);
    flash_expect_rejected(flash_order(FLASH_BOB, 1, AT), SALE_REASON_NOT_IN_QUEUE);
    flash_expect_accepted(flash_leave(FLASH_ANN, AT));
    (void)reserve(FLASH_BOB, 1, AT);
}
END_TEST

START_TEST(a_turn_can_be_used_up_to_its_last_millisecond)
{
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    flash_decide_at(AT + FLASH_TURN_MS + 9000);
    flash_expect_accepted(flash_order(FLASH_ANN, 1, AT + FLASH_TURN_MS - 1));
    flash_expect_rejected(flash_order(FLASH_BOB, 1, AT + FLASH_TURN_MS), SALE_REASON_TURN_EXPIRED);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_TURN);
    flash_expect_units(1, 1, 0);
}
END_TEST

START_TEST(time_in_which_the_deployment_refused_lengthens_a_turn)
{
    struct sale_command order = {.kind = SALE_COMMAND_ORDER,
                                 .user_id = flash_user(FLASH_ANN),
                                 .quantity = 1,
                                 .received_ms = AT + FLASH_TURN_MS + 1000,
                                 .refused_ms = 1000};
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    flash_expect_rejected(flash_send(order), SALE_REASON_TURN_EXPIRED);
    order.received_ms--;
    flash_expect_accepted(flash_send(order));
}
END_TEST

START_TEST(after_an_expired_turn_one_is_without_a_place)
{
    flash_begin_active(1, 1);
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    flash_expect_accepted(flash_command(SALE_COMMAND_EXPIRE, AT + FLASH_TURN_MS));
    flash_expect_rejected(flash_order(FLASH_ANN, 1, AT + FLASH_TURN_MS), SALE_REASON_NOT_IN_QUEUE);
    flash_expect_accepted(flash_leave(FLASH_BOB, AT + FLASH_TURN_MS));
    (void)reserve(FLASH_ANN, 1, AT + FLASH_TURN_MS);
}
END_TEST

START_TEST(an_order_in_time_counts_even_if_it_is_decided_after_the_end)
{
    flash_decide_at(FLASH_END_MS + 500);
    flash_expect_accepted(flash_order(FLASH_ANN, 1, FLASH_END_MS - 1));
    struct uuid id = flash_id();
    ck_assert_int_eq(flash_order_of(id)->expires_ms, FLASH_END_MS + 500 + FLASH_RESERVATION_MS);
    flash_expect_rejected(flash_order(FLASH_BOB, 1, FLASH_END_MS), SALE_REASON_SALE_ENDED);
    flash_expect_rejected(flash_join(FLASH_BOB, 1, FLASH_END_MS), SALE_REASON_SALE_ENDED);
    flash_expect_accepted(flash_join(FLASH_BOB, 1, FLASH_END_MS - 1));
}
END_TEST

START_TEST(a_quantity_is_at_least_one)
{
    flash_expect_rejected(flash_order(FLASH_ANN, 0, AT), SALE_REASON_INVALID_QUANTITY);
    flash_expect_rejected(flash_order(FLASH_ANN, -5, AT), SALE_REASON_INVALID_QUANTITY);
    ck_assert_int_eq(flash_order_of(flash_id())->total_price, 0);
    flash_expect_rejected(flash_order(FLASH_ANN, INT64_MAX, AT), SALE_REASON_LIMIT_REACHED);
    ck_assert_int_eq(flash_order_of(flash_id())->total_price, MONEY_MAX);
    ck_assert_int_eq(flash.rows[0].quantity, INT64_MAX);
    flash_expect_rejected(flash_order(FLASH_ANN, MONEY_MAX / FLASH_PRICE, AT), SALE_REASON_LIMIT_REACHED);
    ck_assert_int_eq(flash_order_of(flash_id())->total_price, MONEY_MAX / FLASH_PRICE * FLASH_PRICE);
    flash_expect_rejected(flash_order(FLASH_ANN, MONEY_MAX / FLASH_PRICE + 1, AT), SALE_REASON_LIMIT_REACHED);
    ck_assert_int_eq(flash_order_of(flash_id())->total_price, MONEY_MAX);
    flash_expect_units(0, 0, 0);
}
END_TEST

/* --- CONFIRM --- */

START_TEST(a_reservation_can_be_confirmed_up_to_its_last_millisecond)
{
    struct uuid ann = reserve(FLASH_ANN, 1, AT);
    struct uuid bob = reserve(FLASH_BOB, 1, AT);
    flash_decide_at(DUE + 9000);
    struct sale_decision decision = flash_confirm(FLASH_ANN, ann, DUE - 1);
    flash_expect_accepted(decision);
    ck_assert_int_eq(decision.quantity, 1);
    flash_expect_order(ann, SALE_ORDER_CONFIRMED);
    flash_expect_rejected(flash_confirm(FLASH_BOB, bob, DUE), SALE_REASON_RESERVATION_EXPIRED);
    flash_expect_order(bob, SALE_ORDER_RESERVED);
    flash_expect_units(0, 1, 1);
}
END_TEST

START_TEST(time_in_which_the_deployment_refused_lengthens_a_reservation)
{
    struct uuid ann = reserve(FLASH_ANN, 1, AT);
    struct sale_command confirm = {.kind = SALE_COMMAND_CONFIRM,
                                   .user_id = flash_user(FLASH_ANN),
                                   .order_id = ann,
                                   .received_ms = DUE + 1000,
                                   .refused_ms = 1000};
    struct sale_command expire = {.kind = SALE_COMMAND_EXPIRE, .received_ms = DUE + 999, .refused_ms = 1000};
    flash_expect(flash_send(expire), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    flash_expect_rejected(flash_send(confirm), SALE_REASON_RESERVATION_EXPIRED);
    confirm.received_ms--;
    flash_expect_accepted(flash_send(confirm));
}
END_TEST

/* Both stand in one batch: the order of the queue decides, and the units return once. */
START_TEST(confirm_and_expire_in_one_batch_have_one_outcome)
{
    static const bool expire_first[] = {false, true};
    for (size_t i = 0; i < ARRAY_LEN(expire_first); i++) {
        flash_begin_active(1, 1);
        struct uuid id = reserve(FLASH_ANN, 1, AT);
        struct sale_command commands[] = {
            {.kind = SALE_COMMAND_CONFIRM,
             .id = {{0xaa}},
             .user_id = flash_user(FLASH_ANN),
             .order_id = id,
             .received_ms = DUE - 1},
            {.kind = SALE_COMMAND_EXPIRE, .id = {{0xbb}}, .received_ms = DUE},
        };
        sale_set_written(&flash, DUE + 10000);
        ck_assert(sale_set_ready(&flash, 2));
        struct sale_decision first = sale_decide(&flash, &commands[expire_first[i]]);
        struct sale_decision second = sale_decide(&flash, &commands[!expire_first[i]]);
        flash_expect_accepted(first);
        if (expire_first[i]) {
            flash_expect_rejected(second, SALE_REASON_RESERVATION_EXPIRED);
            flash_expect_order(id, SALE_ORDER_EXPIRED);
            flash_expect_units(0, 0, 0);
        } else {
            flash_expect(second, SALE_VERDICT_DROPPED, SALE_REASON_NONE);
            flash_expect_order(id, SALE_ORDER_CONFIRMED);
            flash_expect_status(SALE_SOLD_OUT);
        }
        ck_assert_uint_eq(flash.changed_order_count, 1);
    }
}
END_TEST

START_TEST(an_order_is_its_buyers_alone)
{
    struct uuid ann = reserve(FLASH_ANN, 1, AT);
    struct uuid bob = flash_user(FLASH_BOB);
    flash_expect_rejected(flash_confirm(FLASH_BOB, ann, AT), SALE_REASON_NOT_FOUND);
    ck_assert(uuid_equal(&flash.rows[0].user_id, &bob) && uuid_equal(&flash.rows[0].order_id, &ann));
    flash_expect_rejected(flash_cancel(FLASH_BOB, ann, AT), SALE_REASON_NOT_FOUND);
    flash_expect_rejected(flash_confirm(FLASH_ANN, (struct uuid){{1}}, AT), SALE_REASON_NOT_FOUND);
    flash_expect_rejected(flash_cancel(FLASH_ANN, (struct uuid){{1}}, AT), SALE_REASON_NOT_FOUND);
    flash_expect_units(0, 1, 0);
}
END_TEST

START_TEST(a_second_confirmation_changes_nothing)
{
    struct uuid ann = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_confirm(FLASH_ANN, ann, AT));
    flash_expect(flash_confirm(FLASH_ANN, ann, DUE + 1), SALE_VERDICT_UNCHANGED, SALE_REASON_NONE);
    ck_assert_uint_eq(flash.changed_order_count, 0);
    flash_expect_units(0, 0, 1);
}
END_TEST

/* --- the end of a reservation --- */

START_TEST(an_expired_reservation_returns_its_units_once)
{
    flash_begin_active(3, 3);
    struct uuid ann = reserve(FLASH_ANN, 2, AT);
    struct uuid bob = reserve(FLASH_BOB, 1, AT + 1);
    flash_expect(flash_command(SALE_COMMAND_EXPIRE, DUE - 1), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    struct sale_decision decision = flash_command(SALE_COMMAND_EXPIRE, DUE);
    flash_expect_accepted(decision);
    ck_assert_int_eq(decision.quantity, 2);
    flash_expect_order(ann, SALE_ORDER_EXPIRED);
    flash_expect_order(bob, SALE_ORDER_RESERVED);
    flash_expect_units(0, 1, 0);
    flash_expect(flash_command(SALE_COMMAND_EXPIRE, DUE), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    flash_expect_rejected(flash_cancel(FLASH_ANN, ann, DUE), SALE_REASON_RESERVATION_EXPIRED);
    flash_expect_rejected(flash_confirm(FLASH_ANN, ann, DUE), SALE_REASON_RESERVATION_EXPIRED);
    flash_expect_accepted(flash_command(SALE_COMMAND_EXPIRE, DUE + 1));
    flash_expect_units(0, 0, 0);
}
END_TEST

START_TEST(one_expire_ends_turns_and_reservations)
{
    flash_begin_active(2, 1);
    struct uuid ann = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    struct sale_decision decision = flash_command(SALE_COMMAND_EXPIRE, DUE);
    ck_assert_int_eq(decision.quantity, 2);
    flash_expect_order(ann, SALE_ORDER_EXPIRED);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_EXPIRED);
    flash_expect_units(0, 0, 0);
}
END_TEST

START_TEST(a_cancelled_order_gives_its_units_to_the_next)
{
    flash_begin_active(1, 1);
    struct uuid ann = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    struct sale_decision decision = flash_cancel(FLASH_ANN, ann, AT + 1);
    flash_expect_accepted(decision);
    ck_assert_int_eq(flash.rows[0].quantity, 1);
    flash_expect_order(ann, SALE_ORDER_CANCELLED);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_TURN);
    flash_expect_units(1, 0, 0);
    flash_expect(flash_cancel(FLASH_ANN, ann, AT + 2), SALE_VERDICT_UNCHANGED, SALE_REASON_NONE);
    flash_expect_rejected(flash_confirm(FLASH_ANN, ann, AT + 2), SALE_REASON_ORDER_CLOSED);
    flash_expect_units(1, 0, 0);
}
END_TEST

START_TEST(a_late_cancel_before_the_expiry_gives_the_units_back)
{
    struct uuid ann = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_cancel(FLASH_ANN, ann, DUE + 5));
    flash_expect(flash_command(SALE_COMMAND_EXPIRE, DUE), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    flash_expect_order(ann, SALE_ORDER_CANCELLED);
    flash_expect_units(0, 0, 0);
}
END_TEST

START_TEST(what_is_confirmed_stays_so)
{
    struct uuid ann = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_confirm(FLASH_ANN, ann, AT));
    flash_expect_rejected(flash_cancel(FLASH_ANN, ann, AT), SALE_REASON_ORDER_CLOSED);
    flash_expect(flash_command(SALE_COMMAND_EXPIRE, FLASH_LATER_MS), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    flash_expect_accepted(flash_command(SALE_COMMAND_ABORT, AT + 1));
    flash_expect_order(ann, SALE_ORDER_CONFIRMED);
    flash_expect_units(0, 0, 1);
}
END_TEST

/* --- sold out --- */

START_TEST(a_sale_that_is_sold_out_closes_its_line)
{
    flash_begin_active(1, 1);
    struct uuid ann = reserve(FLASH_ANN, 1, AT);
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    struct sale_decision decision = flash_confirm(FLASH_ANN, ann, AT + 1);
    flash_expect_accepted(decision);
    ck_assert(decision.sold_out && !decision.ended && !decision.settled);
    flash_expect_status(SALE_SOLD_OUT);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_CLOSED);
    ck_assert_int_eq(flash.sale.waiting, 0);
    flash_expect_rejected(flash_leave(FLASH_BOB, AT + 2), SALE_REASON_SOLD_OUT);
    flash_expect_rejected(flash_order(FLASH_BOB, 1, AT + 2), SALE_REASON_SOLD_OUT);
    flash_expect(flash_command(SALE_COMMAND_FENCE, FLASH_END_MS), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    decision = flash_confirm(FLASH_ANN, ann, FLASH_END_MS);
    flash_expect(decision, SALE_VERDICT_UNCHANGED, SALE_REASON_NONE);
    ck_assert(!decision.sold_out);
    flash_expect_status(SALE_SOLD_OUT);
}
END_TEST

START_TEST(a_reserved_unit_is_not_sold)
{
    flash_begin_active(1, 1);
    (void)reserve(FLASH_ANN, 1, AT);
    flash_expect_status(SALE_ACTIVE);
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    flash_expect_accepted(flash_command(SALE_COMMAND_EXPIRE, DUE));
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_TURN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sale_orders");
    TCase *tcase = tcase_create("orders");
    tcase_add_checked_fixture(tcase, flash_set_up, flash_tear_down);
    tcase_add_test(tcase, an_order_in_ones_turn_reserves_and_ends_the_entry);
    tcase_add_test(tcase, the_rest_of_the_claim_goes_to_the_next);
    tcase_add_test(tcase, an_order_above_the_claim_is_refused_and_the_turn_stays);
    tcase_add_test(tcase, who_waits_has_to_wait);
    tcase_add_test(tcase, an_order_without_a_place_takes_what_nobody_waits_for);
    tcase_add_test(tcase, an_order_without_a_place_takes_nothing_from_those_who_wait);
    tcase_add_test(tcase, a_turn_can_be_used_up_to_its_last_millisecond);
    tcase_add_test(tcase, time_in_which_the_deployment_refused_lengthens_a_turn);
    tcase_add_test(tcase, after_an_expired_turn_one_is_without_a_place);
    tcase_add_test(tcase, an_order_in_time_counts_even_if_it_is_decided_after_the_end);
    tcase_add_test(tcase, a_quantity_is_at_least_one);
    tcase_add_test(tcase, a_reservation_can_be_confirmed_up_to_its_last_millisecond);
    tcase_add_test(tcase, time_in_which_the_deployment_refused_lengthens_a_reservation);
    tcase_add_test(tcase, confirm_and_expire_in_one_batch_have_one_outcome);
    tcase_add_test(tcase, an_order_is_its_buyers_alone);
    tcase_add_test(tcase, a_second_confirmation_changes_nothing);
    tcase_add_test(tcase, an_expired_reservation_returns_its_units_once);
    tcase_add_test(tcase, one_expire_ends_turns_and_reservations);
    tcase_add_test(tcase, a_cancelled_order_gives_its_units_to_the_next);
    tcase_add_test(tcase, a_late_cancel_before_the_expiry_gives_the_units_back);
    tcase_add_test(tcase, what_is_confirmed_stays_so);
    tcase_add_test(tcase, a_sale_that_is_sold_out_closes_its_line);
    tcase_add_test(tcase, a_reserved_unit_is_not_sold);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
