/*
 * A flash sale as a whole: opening and starting, its end, and the changes by an admin.
 */
#include "tests/support/flash.h"

enum { AT = FLASH_NOW_MS };

static void set_up(void)
{
    flash_begin(2, 1);
}

static struct sale_command update_to(const struct sale_terms *terms, int64_t at_ms)
{
    return (struct sale_command){.kind = SALE_COMMAND_UPDATE, .terms = terms, .received_ms = at_ms};
}

/* --- opening and starting --- */

START_TEST(a_sale_opens_and_starts_at_its_times)
{
    flash_expect(flash_command(SALE_COMMAND_OPEN, FLASH_JOIN_MS - 1), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    flash_expect_status(SALE_UPCOMING);
    struct sale_decision decision = flash_command(SALE_COMMAND_OPEN, FLASH_JOIN_MS);
    flash_expect_accepted(decision);
    ck_assert(decision.opened && !decision.started);
    ck_assert_uint_eq(flash.row_count, 1);
    flash_expect_status(SALE_OPEN);
    flash_expect(flash_command(SALE_COMMAND_START, FLASH_START_MS - 1), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    flash_expect_status(SALE_OPEN);
    decision = flash_command(SALE_COMMAND_START, FLASH_START_MS);
    flash_expect_accepted(decision);
    ck_assert(!decision.opened && decision.started);
    flash_expect_status(SALE_ACTIVE);
    flash_expect(flash_command(SALE_COMMAND_START, FLASH_START_MS), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
}
END_TEST

START_TEST(the_first_join_in_time_opens_the_sale)
{
    flash_expect_rejected(flash_join(FLASH_ANN, 1, FLASH_JOIN_MS - 1), SALE_REASON_SALE_NOT_OPEN);
    flash_expect_status(SALE_UPCOMING);
    struct sale_decision decision = flash_join(FLASH_ANN, 1, FLASH_JOIN_MS);
    flash_expect_accepted(decision);
    ck_assert(decision.opened && !decision.started);
    flash_expect_status(SALE_OPEN);
    decision = flash_join(FLASH_BOB, 1, FLASH_START_MS);
    flash_expect_accepted(decision);
    ck_assert(!decision.opened && decision.started);
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_TURN);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_TURN);
}
END_TEST

START_TEST(the_first_order_in_time_opens_and_starts_the_sale)
{
    flash_expect_rejected(flash_order(FLASH_ANN, 1, FLASH_START_MS - 1), SALE_REASON_SALE_NOT_STARTED);
    flash_expect_status(SALE_OPEN);
    set_up();
    struct sale_decision decision = flash_order(FLASH_ANN, 1, FLASH_START_MS);
    flash_expect_accepted(decision);
    ck_assert(decision.opened && decision.started);
    flash_expect_status(SALE_ACTIVE);
    flash_expect_units(0, 1, 0);
}
END_TEST

START_TEST(a_command_that_is_rejected_opens_the_sale_as_well)
{
    struct sale_decision decision = flash_leave(FLASH_ANN, FLASH_START_MS);
    flash_expect_rejected(decision, SALE_REASON_NOT_IN_QUEUE);
    ck_assert(decision.opened && decision.started);
    flash_expect_status(SALE_ACTIVE);
}
END_TEST

START_TEST(each_command_is_in_time_by_its_own_receipt)
{
    flash_expect_accepted(flash_command(SALE_COMMAND_START, FLASH_START_MS));
    flash_expect_rejected(flash_order(FLASH_ANN, 1, FLASH_START_MS - 1), SALE_REASON_SALE_NOT_STARTED);
    flash_expect_rejected(flash_join(FLASH_ANN, 1, FLASH_JOIN_MS - 1), SALE_REASON_SALE_NOT_OPEN);
    flash_expect_accepted(flash_join(FLASH_ANN, 1, FLASH_JOIN_MS));
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_TURN);
}
END_TEST

START_TEST(commands_that_come_too_late_do_not_open_the_sale)
{
    flash_expect_rejected(flash_join(FLASH_ANN, 1, FLASH_END_MS), SALE_REASON_SALE_ENDED);
    flash_expect_rejected(flash_order(FLASH_ANN, 1, FLASH_END_MS), SALE_REASON_SALE_ENDED);
    flash_expect(flash_command(SALE_COMMAND_START, FLASH_END_MS), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    flash_expect_status(SALE_UPCOMING);
    flash_expect(flash_command(SALE_COMMAND_FENCE, FLASH_END_MS - 1), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    struct sale_decision decision = flash_command(SALE_COMMAND_FENCE, FLASH_END_MS);
    flash_expect_accepted(decision);
    ck_assert(decision.ended && decision.settled && !decision.opened);
    flash_expect_status(SALE_SETTLED);
}
END_TEST

START_TEST(orders_and_the_end_worker_do_not_open_the_sale)
{
    flash_expect_rejected(flash_confirm(FLASH_ANN, (struct uuid){{1}}, AT), SALE_REASON_NOT_FOUND);
    flash_expect_rejected(flash_cancel(FLASH_ANN, (struct uuid){{1}}, AT), SALE_REASON_NOT_FOUND);
    flash_expect_rejected(flash_fail((struct uuid){{1}}, AT), SALE_REASON_NOT_FOUND);
    flash_expect(flash_command(SALE_COMMAND_EXPIRE, AT), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    flash_expect(flash_command(SALE_COMMAND_FENCE, AT), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    flash_expect_status(SALE_UPCOMING);
    struct sale_decision decision = flash_command(SALE_COMMAND_ABORT, AT);
    flash_expect_accepted(decision);
    ck_assert(!decision.opened && !decision.started);
}
END_TEST

/* --- UPDATE --- */

START_TEST(new_terms_are_taken_before_the_sale_opens)
{
    struct sale_terms terms = {.price = 5,
                               .quantity = 9,
                               .per_user_limit = 3,
                               .join_ms = FLASH_JOIN_MS + 10,
                               .start_ms = FLASH_JOIN_MS + 20,
                               .end_ms = FLASH_JOIN_MS + 30,
                               .turn_ms = 4,
                               .reservation_ms = 6,
                               .payment = SALE_PAYMENT_CALLBACK};
    struct sale_decision decision = flash_send(update_to(&terms, FLASH_JOIN_MS - 1));
    flash_expect_accepted(decision);
    ck_assert(!decision.opened);
    ck_assert_int_eq(flash.sale.terms.price, 5);
    ck_assert_int_eq(flash.sale.terms.quantity, 9);
    ck_assert_int_eq(flash.sale.terms.reservation_ms, 6);
    flash_expect_rejected(flash_join(FLASH_ANN, 1, FLASH_JOIN_MS + 9), SALE_REASON_SALE_NOT_OPEN);
    flash_expect_accepted(flash_join(FLASH_ANN, 3, FLASH_JOIN_MS + 10));
    flash_expect_rejected(flash_send(update_to(&terms, FLASH_JOIN_MS + 11)), SALE_REASON_SALE_ALREADY_OPEN);
}
END_TEST

START_TEST(new_terms_may_open_and_start_the_sale)
{
    struct sale_terms terms = flash.sale.terms;
    terms.join_ms = 5;
    terms.start_ms = 10;
    struct sale_decision decision = flash_send(update_to(&terms, FLASH_JOIN_MS - 1));
    flash_expect_accepted(decision);
    ck_assert(decision.opened && decision.started);
    flash_expect_status(SALE_ACTIVE);
    set_up();
    terms.start_ms = FLASH_START_MS;
    decision = flash_send(update_to(&terms, FLASH_JOIN_MS - 1));
    ck_assert(decision.opened && !decision.started);
}
END_TEST

START_TEST(an_update_in_time_opens_the_sale_and_so_comes_too_late)
{
    struct sale_terms terms = flash.sale.terms;
    struct sale_decision decision = flash_send(update_to(&terms, FLASH_JOIN_MS));
    flash_expect_rejected(decision, SALE_REASON_SALE_ALREADY_OPEN);
    ck_assert(decision.opened);
    set_up();
    flash_expect_rejected(flash_send(update_to(&terms, FLASH_END_MS)), SALE_REASON_SALE_ENDED);
}
END_TEST

START_TEST(a_stale_or_invalid_update_is_refused)
{
    struct sale_terms terms = flash.sale.terms;
    struct sale_command update = update_to(&terms, FLASH_JOIN_MS - 1);
    update.stale = true;
    flash_expect_rejected(flash_send(update), SALE_REASON_VERSION_CONFLICT);
    update.stale = false;
    terms.quantity = 0;
    flash_expect_rejected(flash_send(update), SALE_REASON_INVALID_TERMS);
    ck_assert_int_eq(flash.sale.terms.quantity, 2);
}
END_TEST

START_TEST(terms_have_bounds)
{
    struct sale_terms valid = {.price = 1,
                               .quantity = 1,
                               .per_user_limit = 1,
                               .join_ms = 0,
                               .start_ms = 0,
                               .end_ms = 1,
                               .turn_ms = 1,
                               .reservation_ms = 1};
    struct sale_terms greatest = {.price = INT64_C(999999999999) / SALE_QUANTITY_MAX,
                                  .quantity = SALE_QUANTITY_MAX,
                                  .per_user_limit = SALE_QUANTITY_MAX,
                                  .join_ms = SALE_TIME_MS_MAX - 1,
                                  .start_ms = SALE_TIME_MS_MAX - 1,
                                  .end_ms = SALE_TIME_MS_MAX,
                                  .turn_ms = SALE_DURATION_MS_MAX,
                                  .reservation_ms = SALE_DURATION_MS_MAX};
    ck_assert(sale_terms_valid(&valid) && sale_terms_valid(&greatest));
#define EXPECT_INVALID(base, member, value)                                                                            \
    do {                                                                                                               \
        struct sale_terms changed = (base);                                                                            \
        changed.member = (value);                                                                                      \
        ck_assert_msg(!sale_terms_valid(&changed), "%s = %s", #member, #value);                                        \
    } while (0)
    EXPECT_INVALID(valid, price, 0);
    EXPECT_INVALID(valid, quantity, 0);
    EXPECT_INVALID(valid, per_user_limit, 0);
    EXPECT_INVALID(valid, per_user_limit, SALE_QUANTITY_MAX + 1);
    EXPECT_INVALID(valid, join_ms, -1);
    EXPECT_INVALID(valid, join_ms, 1);
    EXPECT_INVALID(valid, start_ms, 1);
    EXPECT_INVALID(valid, end_ms, 0);
    EXPECT_INVALID(valid, turn_ms, 0);
    EXPECT_INVALID(valid, reservation_ms, 0);
    EXPECT_INVALID(greatest, price, greatest.price + 1);
    EXPECT_INVALID(greatest, quantity, SALE_QUANTITY_MAX + 1);
    EXPECT_INVALID(greatest, end_ms, SALE_TIME_MS_MAX + 1);
    EXPECT_INVALID(greatest, turn_ms, SALE_DURATION_MS_MAX + 1);
    EXPECT_INVALID(greatest, reservation_ms, SALE_DURATION_MS_MAX + 1);
#undef EXPECT_INVALID
    valid.per_user_limit = SALE_QUANTITY_MAX; /* above the quantity */
    ck_assert(sale_terms_valid(&valid));
}
END_TEST

/* --- EXTEND, CLOSE, ABORT --- */

START_TEST(an_end_can_only_move_back)
{
    flash_expect_rejected(flash_extend(FLASH_END_MS, AT), SALE_REASON_END_NOT_LATER);
    flash_expect_rejected(flash_extend(FLASH_END_MS - 1, AT), SALE_REASON_END_NOT_LATER);
    flash_expect_rejected(flash_extend(SALE_TIME_MS_MAX + 1, AT), SALE_REASON_INVALID_TERMS);
    struct sale_decision decision = flash_extend(FLASH_END_MS + 1, FLASH_END_MS - 1);
    flash_expect_accepted(decision);
    ck_assert(decision.extended);
    ck_assert_int_eq(flash.rows[0].end_ms, FLASH_END_MS + 1);
    flash_expect(flash_command(SALE_COMMAND_FENCE, FLASH_END_MS), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    flash_expect_accepted(flash_order(FLASH_ANN, 1, FLASH_END_MS));
    flash_expect_rejected(flash_extend(FLASH_END_MS + 9, FLASH_END_MS + 1), SALE_REASON_SALE_ENDED);
    flash_expect_accepted(flash_command(SALE_COMMAND_FENCE, FLASH_END_MS + 1));
    set_up();
    flash_expect_accepted(flash_extend(SALE_TIME_MS_MAX, AT));
}
END_TEST

START_TEST(a_sale_can_be_ended_at_once)
{
    flash_begin_active(2, 1);
    flash_expect_accepted(flash_order(FLASH_ANN, 1, AT));
    struct uuid order = flash_id();
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    struct sale_decision decision = flash_command(SALE_COMMAND_CLOSE, AT + 1);
    flash_expect_accepted(decision);
    ck_assert(decision.ended && !decision.settled);
    ck_assert_int_eq(flash.sale.terms.end_ms, AT + 1);
    flash_expect_status(SALE_ENDED);
    flash_expect_units(0, 1, 0);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_CLOSED);
    flash_expect_accepted(flash_confirm(FLASH_ANN, order, AT + 2));
    flash_expect_status(SALE_SETTLED);
}
END_TEST

START_TEST(a_sale_cannot_be_ended_before_it_started_or_after_its_end)
{
    flash_begin_active(2, 1);
    flash_expect_rejected(flash_command(SALE_COMMAND_CLOSE, FLASH_START_MS), SALE_REASON_SALE_NOT_STARTED);
    flash_expect_rejected(flash_command(SALE_COMMAND_CLOSE, FLASH_START_MS - 1), SALE_REASON_SALE_NOT_STARTED);
    flash_expect_rejected(flash_command(SALE_COMMAND_CLOSE, FLASH_END_MS), SALE_REASON_SALE_ENDED);
    flash_expect_status(SALE_ACTIVE);
    flash_expect_accepted(flash_command(SALE_COMMAND_CLOSE, FLASH_START_MS + 1));
    ck_assert_int_eq(flash.sale.terms.end_ms, FLASH_START_MS + 1);
    set_up();
    struct sale_decision decision = flash_command(SALE_COMMAND_CLOSE, AT);
    flash_expect_accepted(decision);
    ck_assert(decision.opened && decision.started && decision.ended && decision.settled);
}
END_TEST

START_TEST(a_cancelled_sale_holds_nothing_but_what_is_confirmed)
{
    flash_begin_active(4, 1);
    flash_expect_accepted(flash_order(FLASH_ANN, 1, AT));
    struct uuid bought = flash_id();
    flash_expect_accepted(flash_confirm(FLASH_ANN, bought, AT));
    flash_expect_accepted(flash_order(FLASH_BOB, 1, AT));
    struct uuid reserved = flash_id();
    flash_expect_accepted(flash_join(FLASH_CYD, 1, AT));
    struct sale_decision decision = flash_command(SALE_COMMAND_ABORT, FLASH_END_MS + 5);
    flash_expect_accepted(decision);
    ck_assert(decision.cancelled && !decision.ended && !decision.settled);
    flash_expect_status(SALE_CANCELLED);
    flash_expect_units(0, 0, 1);
    ck_assert_uint_eq(flash.changed_order_count + flash.changed_entry_count, 0);
    flash_expect_order(bought, SALE_ORDER_CONFIRMED);
    flash_expect_order(reserved, SALE_ORDER_CANCELLED);
    flash_expect_entry(FLASH_CYD, SALE_ENTRY_CLOSED);
    flash_expect_rejected(flash_confirm(FLASH_BOB, reserved, AT), SALE_REASON_ORDER_CLOSED);
    flash_expect(flash_cancel(FLASH_BOB, reserved, AT), SALE_VERDICT_UNCHANGED, SALE_REASON_NONE);
    flash_expect(flash_command(SALE_COMMAND_EXPIRE, FLASH_LATER_MS), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    flash_expect_units(0, 0, 1);
    flash_expect_rejected(flash_command(SALE_COMMAND_ABORT, AT), SALE_REASON_SALE_CANCELLED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sale_changes");
    TCase *tcase = tcase_create("changes");
    tcase_add_checked_fixture(tcase, set_up, flash_tear_down);
    tcase_add_test(tcase, a_sale_opens_and_starts_at_its_times);
    tcase_add_test(tcase, the_first_join_in_time_opens_the_sale);
    tcase_add_test(tcase, the_first_order_in_time_opens_and_starts_the_sale);
    tcase_add_test(tcase, a_command_that_is_rejected_opens_the_sale_as_well);
    tcase_add_test(tcase, each_command_is_in_time_by_its_own_receipt);
    tcase_add_test(tcase, commands_that_come_too_late_do_not_open_the_sale);
    tcase_add_test(tcase, orders_and_the_end_worker_do_not_open_the_sale);
    tcase_add_test(tcase, new_terms_are_taken_before_the_sale_opens);
    tcase_add_test(tcase, new_terms_may_open_and_start_the_sale);
    tcase_add_test(tcase, an_update_in_time_opens_the_sale_and_so_comes_too_late);
    tcase_add_test(tcase, a_stale_or_invalid_update_is_refused);
    tcase_add_test(tcase, terms_have_bounds);
    tcase_add_test(tcase, an_end_can_only_move_back);
    tcase_add_test(tcase, a_sale_can_be_ended_at_once);
    tcase_add_test(tcase, a_sale_cannot_be_ended_before_it_started_or_after_its_end);
    tcase_add_test(tcase, a_cancelled_sale_holds_nothing_but_what_is_confirmed);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
