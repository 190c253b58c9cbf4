/*
 * The waiting line of a flash sale: joining, leaving, turns and their end, the limit.
 */
#include "tests/support/flash.h"

enum { AT = FLASH_NOW_MS };

/* Ann and Bob have the two units' turns, Cyd and Dot wait. */
static void four_join(void)
{
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    flash_expect_accepted(flash_join(FLASH_CYD, 1, AT));
    flash_expect_accepted(flash_join(FLASH_DOT, 1, AT));
}

START_TEST(a_place_is_the_number_of_its_ledger_row)
{
    struct sale_decision decision = flash_join(FLASH_ANN, 1, AT);
    flash_expect_accepted(decision);
    ck_assert_int_eq(decision.place, flash.rows[0].seq);
    ck_assert_int_eq(decision.quantity, 1);
    ck_assert_int_eq(flash_entry_of(FLASH_ANN)->seq, decision.place);
    ck_assert_int_eq(flash.sale.ledger_seq, decision.place + 1);
}
END_TEST

START_TEST(the_rows_of_a_join_and_of_its_turn_are_complete)
{
    struct uuid ann = flash_user(FLASH_ANN);
    flash_decide_at(AT + 7);
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    ck_assert_uint_eq(flash.row_count, 2);
    struct uuid id = flash_id();
    const struct sale_row *join = &flash.rows[0];
    const struct sale_row *turn = &flash.rows[1];
    ck_assert(uuid_equal(&join->command_id, &id) && uuid_equal(&join->user_id, &ann));
    ck_assert(join->kind == SALE_COMMAND_JOIN && join->verdict == SALE_VERDICT_ACCEPTED);
    ck_assert(uuid_is_nil(&join->order_id) && !join->paid && join->amount == 0);
    ck_assert_int_eq(join->received_ms, AT);
    ck_assert_int_eq(join->decided_ms, AT + 7);
    ck_assert_int_eq(join->place, join->seq);
    ck_assert_int_eq(join->quantity, 1);
    ck_assert(uuid_is_nil(&turn->command_id) && uuid_equal(&turn->user_id, &ann));
    ck_assert(turn->kind == SALE_COMMAND_NONE && turn->verdict == SALE_VERDICT_ACCEPTED);
    ck_assert_int_eq(turn->seq, join->seq + 1);
    ck_assert_int_eq(turn->place, join->seq);
    ck_assert_int_eq(turn->quantity, 1);
    ck_assert_int_eq(turn->received_ms, AT + 7);
    ck_assert_int_eq(turn->decided_ms, AT + 7);
}
END_TEST

START_TEST(a_free_unit_is_claimed_at_once)
{
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_TURN);
    ck_assert_int_eq(flash_entry_of(FLASH_ANN)->claim, 1);
    ck_assert_int_eq(flash_entry_of(FLASH_ANN)->expires_ms, AT + FLASH_TURN_MS);
    flash_expect_units(1, 0, 0);
    ck_assert_int_eq(flash.sale.waiting, 0);
}
END_TEST

START_TEST(the_line_waits_for_the_start_and_is_served_in_order)
{
    flash_begin(2, 1);
    flash_expect_accepted(flash_join(FLASH_CYD, 1, FLASH_JOIN_MS));
    flash_expect_accepted(flash_join(FLASH_ANN, 1, FLASH_JOIN_MS));
    flash_expect_accepted(flash_join(FLASH_BOB, 1, FLASH_START_MS - 1));
    flash_expect_status(SALE_OPEN);
    flash_expect_units(0, 0, 0);
    ck_assert_int_eq(flash.sale.waiting, 3);
    flash_expect_accepted(flash_command(SALE_COMMAND_START, FLASH_START_MS));
    ck_assert_uint_eq(flash.row_count, 3);
    flash_expect_entry(FLASH_CYD, SALE_ENTRY_TURN);
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_TURN);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_WAITING);
    ck_assert_int_eq(flash.rows[1].place, flash_entry_of(FLASH_CYD)->seq);
    ck_assert_int_eq(flash.rows[2].place, flash_entry_of(FLASH_ANN)->seq);
    ck_assert_int_eq(flash.sale.waiting, 1);
}
END_TEST

START_TEST(a_turn_claims_no_more_than_is_free)
{
    flash_begin_active(5, 4);
    flash_expect_accepted(flash_join(FLASH_ANN, 3, AT));
    flash_expect_accepted(flash_join(FLASH_BOB, 4, AT));
    ck_assert_int_eq(flash_entry_of(FLASH_ANN)->claim, 3);
    ck_assert_int_eq(flash_entry_of(FLASH_BOB)->claim, 2);
    ck_assert_int_eq(flash_entry_of(FLASH_BOB)->wanted, 4);
    flash_expect_units(5, 0, 0);
}
END_TEST

START_TEST(a_second_join_answers_the_place_one_has)
{
    flash_begin_active(1, 1);
    struct sale_decision first = flash_join(FLASH_ANN, 1, AT);
    struct sale_decision again = flash_join(FLASH_ANN, 1, AT + 1);
    flash_expect(again, SALE_VERDICT_UNCHANGED, SALE_REASON_NONE);
    ck_assert_int_eq(again.place, first.place);
    ck_assert_uint_eq(flash.row_count, 1);
    ck_assert_uint_eq(flash.changed_entry_count, 0);
    struct sale_decision waits = flash_join(FLASH_BOB, 1, AT);
    again = flash_join(FLASH_BOB, 9, AT + 1);
    flash_expect(again, SALE_VERDICT_UNCHANGED, SALE_REASON_NONE);
    ck_assert_int_eq(again.place, waits.place);
    ck_assert_int_eq(again.quantity, 1);
    ck_assert_int_eq(flash.rows[0].quantity, 9);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_WAITING);
    ck_assert_int_eq(flash.sale.waiting, 1);
}
END_TEST

START_TEST(who_leaves_in_a_turn_gives_the_unit_to_the_next)
{
    four_join();
    struct sale_decision decision = flash_leave(FLASH_BOB, AT + 1);
    flash_expect_accepted(decision);
    ck_assert_int_eq(decision.place, flash_entry_of(FLASH_BOB)->seq);
    ck_assert_int_eq(flash.rows[0].quantity, 0);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_LEFT);
    flash_expect_entry(FLASH_CYD, SALE_ENTRY_TURN);
    flash_expect_entry(FLASH_DOT, SALE_ENTRY_WAITING);
    flash_expect_units(2, 0, 0);
    ck_assert_uint_eq(flash.changed_entry_count, 2);
}
END_TEST

START_TEST(who_leaves_while_waiting_is_passed_over)
{
    four_join();
    flash_expect_accepted(flash_leave(FLASH_CYD, AT + 1));
    flash_expect_entry(FLASH_CYD, SALE_ENTRY_LEFT);
    ck_assert_int_eq(flash.sale.waiting, 1);
    ck_assert_uint_eq(flash.changed_entry_count, 1);
    flash_expect_accepted(flash_leave(FLASH_ANN, AT + 1));
    flash_expect_entry(FLASH_DOT, SALE_ENTRY_TURN);
    flash_expect_rejected(flash_leave(FLASH_CYD, AT + 2), SALE_REASON_NOT_IN_QUEUE);
}
END_TEST

START_TEST(who_leaves_and_joins_again_is_last)
{
    four_join();
    flash_expect_accepted(flash_leave(FLASH_CYD, AT + 1));
    struct sale_decision again = flash_join(FLASH_CYD, 1, AT + 2);
    flash_expect_accepted(again);
    ck_assert_int_gt(again.place, flash_entry_of(FLASH_DOT)->seq);
    flash_expect_accepted(flash_leave(FLASH_ANN, AT + 3));
    flash_expect_entry(FLASH_DOT, SALE_ENTRY_TURN);
    flash_expect_entry(FLASH_CYD, SALE_ENTRY_WAITING);
}
END_TEST

START_TEST(a_user_who_is_banned_in_the_line_loses_the_turn_and_not_the_stock)
{
    four_join();
    struct sale_command order = {
        .kind = SALE_COMMAND_ORDER, .user_id = flash_user(FLASH_ANN), .quantity = 1, .received_ms = AT, .banned = true};
    struct sale_command join = {
        .kind = SALE_COMMAND_JOIN, .user_id = flash_user(FLASH_ANN), .quantity = 1, .received_ms = AT, .banned = true};
    flash_expect_rejected(flash_send(order), SALE_REASON_USER_BANNED);
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_TURN);
    flash_expect_accepted(flash_leave(FLASH_ANN, AT + 1));
    flash_expect_entry(FLASH_CYD, SALE_ENTRY_TURN);
    flash_expect_units(2, 0, 0);
    flash_expect_rejected(flash_send(join), SALE_REASON_USER_BANNED);
}
END_TEST

/* --- the limit --- */

START_TEST(the_limit_counts_reserved_and_confirmed_units)
{
    flash_begin_active(9, 3);
    flash_expect_rejected(flash_join(FLASH_ANN, 4, AT), SALE_REASON_LIMIT_REACHED);
    ck_assert_int_eq(flash.rows[0].quantity, 4);
    flash_expect_accepted(flash_order(FLASH_ANN, 1, AT));
    struct uuid bought = flash_id();
    flash_expect_accepted(flash_order(FLASH_ANN, 1, AT));
    struct uuid cancelled = flash_id();
    flash_expect_accepted(flash_confirm(FLASH_ANN, bought, AT));
    flash_expect_rejected(flash_join(FLASH_ANN, 2, AT), SALE_REASON_LIMIT_REACHED);
    flash_expect_rejected(flash_order(FLASH_ANN, 2, AT), SALE_REASON_LIMIT_REACHED);
    flash_expect_accepted(flash_cancel(FLASH_ANN, cancelled, AT));
    flash_expect_accepted(flash_join(FLASH_ANN, 2, AT));
    flash_expect_rejected(flash_order(FLASH_ANN, 3, AT), SALE_REASON_CLAIM_EXCEEDED);
    flash_expect_accepted(flash_order(FLASH_ANN, 2, AT));
    flash_expect_rejected(flash_join(FLASH_ANN, 1, AT), SALE_REASON_LIMIT_REACHED);
    flash_expect_rejected(flash_order(FLASH_ANN, 1, AT), SALE_REASON_LIMIT_REACHED);
    flash_expect_accepted(flash_order(FLASH_BOB, 3, AT));
}
END_TEST

START_TEST(an_expired_reservation_no_longer_counts)
{
    flash_expect_accepted(flash_order(FLASH_ANN, 1, AT));
    flash_expect_rejected(flash_join(FLASH_ANN, 1, AT), SALE_REASON_LIMIT_REACHED);
    flash_expect_accepted(flash_command(SALE_COMMAND_EXPIRE, AT + FLASH_RESERVATION_MS));
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT + FLASH_RESERVATION_MS));
}
END_TEST

START_TEST(a_quantity_is_at_least_one)
{
    flash_expect_rejected(flash_join(FLASH_ANN, 0, AT), SALE_REASON_INVALID_QUANTITY);
    flash_expect_rejected(flash_join(FLASH_ANN, -1, AT), SALE_REASON_INVALID_QUANTITY);
    flash_expect_rejected(flash_join(FLASH_ANN, INT64_MAX, AT), SALE_REASON_LIMIT_REACHED);
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
}
END_TEST

/* --- the end of a turn --- */

START_TEST(a_turn_expires_at_its_time_and_the_next_is_served)
{
    four_join();
    flash_expect(flash_command(SALE_COMMAND_EXPIRE, AT + FLASH_TURN_MS - 1), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    ck_assert(!flash.changed && flash.row_count == 0);
    struct sale_decision decision = flash_command(SALE_COMMAND_EXPIRE, AT + FLASH_TURN_MS);
    flash_expect_accepted(decision);
    ck_assert_int_eq(decision.quantity, 2);
    ck_assert_int_eq(flash.rows[0].quantity, 2);
    ck_assert(!decision.unfinished);
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_EXPIRED);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_EXPIRED);
    flash_expect_entry(FLASH_CYD, SALE_ENTRY_TURN);
    flash_expect_entry(FLASH_DOT, SALE_ENTRY_TURN);
    flash_expect_units(2, 0, 0);
    flash_expect(flash_command(SALE_COMMAND_EXPIRE, AT + FLASH_TURN_MS), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
}
END_TEST

START_TEST(time_in_which_the_deployment_refused_does_not_run_against_a_turn)
{
    struct sale_command expire = {
        .kind = SALE_COMMAND_EXPIRE, .received_ms = AT + FLASH_TURN_MS + 999, .refused_ms = 1000};
    four_join();
    flash_expect(flash_send(expire), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    expire.received_ms++;
    flash_expect_accepted(flash_send(expire));
    ck_assert_int_eq(flash.rows[0].refused_ms, 1000);
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_EXPIRED);
}
END_TEST

START_TEST(a_turn_that_was_used_or_left_does_not_expire)
{
    four_join();
    flash_expect_accepted(flash_order(FLASH_ANN, 1, AT + 1));
    flash_expect_accepted(flash_leave(FLASH_BOB, AT + 1));
    struct sale_decision decision = flash_command(SALE_COMMAND_EXPIRE, AT + FLASH_TURN_MS);
    flash_expect(decision, SALE_VERDICT_DROPPED, SALE_REASON_NONE);
    decision = flash_command(SALE_COMMAND_EXPIRE, AT + FLASH_TURN_MS + 1);
    flash_expect_accepted(decision);
    ck_assert_int_eq(decision.quantity, 1);
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_ORDERED);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_LEFT);
    flash_expect_entry(FLASH_CYD, SALE_ENTRY_EXPIRED);
    flash_expect_units(1, 1, 0);
}
END_TEST

START_TEST(only_those_that_are_due_expire)
{
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT + 1));
    flash_expect_accepted(flash_command(SALE_COMMAND_EXPIRE, AT + FLASH_TURN_MS));
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_EXPIRED);
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_TURN);
    flash_expect_accepted(flash_command(SALE_COMMAND_EXPIRE, AT + FLASH_TURN_MS + 1));
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_EXPIRED);
}
END_TEST

START_TEST(a_turn_ends_with_the_sale)
{
    flash_expect_accepted(flash_join(FLASH_ANN, 1, FLASH_END_MS - FLASH_TURN_MS));
    flash_expect_accepted(flash_join(FLASH_BOB, 1, FLASH_END_MS - 5));
    ck_assert_int_eq(flash_entry_of(FLASH_ANN)->expires_ms, FLASH_END_MS);
    ck_assert_int_eq(flash_entry_of(FLASH_BOB)->expires_ms, FLASH_END_MS);
    flash_expect_accepted(flash_order(FLASH_BOB, 1, FLASH_END_MS - 1));
    flash_expect_rejected(flash_order(FLASH_ANN, 1, FLASH_END_MS), SALE_REASON_SALE_ENDED);
    flash_expect_accepted(flash_command(SALE_COMMAND_FENCE, FLASH_END_MS));
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_CLOSED);
    flash_expect_units(0, 1, 0);
}
END_TEST

START_TEST(a_later_end_lengthens_no_turn_that_was_granted)
{
    flash_expect_accepted(flash_join(FLASH_ANN, 1, FLASH_END_MS - 5));
    flash_expect_accepted(flash_extend(FLASH_END_MS + 1000000, FLASH_END_MS - 4));
    ck_assert_int_eq(flash_entry_of(FLASH_ANN)->expires_ms, FLASH_END_MS);
    flash_expect_rejected(flash_order(FLASH_ANN, 1, FLASH_END_MS), SALE_REASON_TURN_EXPIRED);
    flash_expect_accepted(flash_join(FLASH_BOB, 1, FLASH_END_MS - 3));
    ck_assert_int_eq(flash_entry_of(FLASH_BOB)->expires_ms, FLASH_END_MS + FLASH_TURN_MS);
}
END_TEST

START_TEST(no_turn_is_granted_from_the_end_on)
{
    flash_decide_at(FLASH_END_MS - 1);
    flash_expect_accepted(flash_join(FLASH_ANN, 1, FLASH_END_MS - 1));
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_TURN);
    flash_decide_at(FLASH_END_MS);
    flash_expect_accepted(flash_join(FLASH_BOB, 1, FLASH_END_MS - 1));
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_WAITING);
    ck_assert(!sale_grant_due(&flash));
    flash_decide_at(FLASH_END_MS + 1);
    flash_expect_accepted(flash_extend(FLASH_END_MS + 2, FLASH_END_MS - 1));
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_TURN);
    ck_assert_int_eq(flash_entry_of(FLASH_BOB)->expires_ms, FLASH_END_MS + 2);
}
END_TEST

START_TEST(the_fence_closes_the_line_without_writing_its_entries)
{
    four_join();
    struct sale_decision decision = flash_command(SALE_COMMAND_FENCE, FLASH_END_MS);
    flash_expect_accepted(decision);
    ck_assert(decision.ended && decision.settled);
    ck_assert_uint_eq(flash.changed_entry_count, 0);
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_CLOSED);
    flash_expect_entry(FLASH_DOT, SALE_ENTRY_CLOSED);
    flash_expect_units(0, 0, 0);
    ck_assert_int_eq(flash.sale.waiting, 0);
    flash_expect_rejected(flash_leave(FLASH_DOT, FLASH_END_MS), SALE_REASON_SALE_ENDED);
    flash_expect(flash_command(SALE_COMMAND_EXPIRE, FLASH_LATER_MS), SALE_VERDICT_DROPPED, SALE_REASON_NONE);
}
END_TEST

START_TEST(a_decision_is_never_earlier_than_the_one_before)
{
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    flash_decide_at(AT - 5000);
    flash_expect_accepted(flash_join(FLASH_BOB, 1, AT));
    ck_assert_int_eq(flash.rows[0].decided_ms, AT);
    ck_assert_int_eq(flash_entry_of(FLASH_BOB)->expires_ms, AT + FLASH_TURN_MS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sale_line");
    TCase *tcase = tcase_create("line");
    tcase_add_checked_fixture(tcase, flash_set_up, flash_tear_down);
    tcase_add_test(tcase, a_place_is_the_number_of_its_ledger_row);
    tcase_add_test(tcase, the_rows_of_a_join_and_of_its_turn_are_complete);
    tcase_add_test(tcase, a_free_unit_is_claimed_at_once);
    tcase_add_test(tcase, the_line_waits_for_the_start_and_is_served_in_order);
    tcase_add_test(tcase, a_turn_claims_no_more_than_is_free);
    tcase_add_test(tcase, a_second_join_answers_the_place_one_has);
    tcase_add_test(tcase, who_leaves_in_a_turn_gives_the_unit_to_the_next);
    tcase_add_test(tcase, who_leaves_while_waiting_is_passed_over);
    tcase_add_test(tcase, who_leaves_and_joins_again_is_last);
    tcase_add_test(tcase, a_user_who_is_banned_in_the_line_loses_the_turn_and_not_the_stock);
    tcase_add_test(tcase, the_limit_counts_reserved_and_confirmed_units);
    tcase_add_test(tcase, an_expired_reservation_no_longer_counts);
    tcase_add_test(tcase, a_quantity_is_at_least_one);
    tcase_add_test(tcase, a_turn_expires_at_its_time_and_the_next_is_served);
    tcase_add_test(tcase, time_in_which_the_deployment_refused_does_not_run_against_a_turn);
    tcase_add_test(tcase, a_turn_that_was_used_or_left_does_not_expire);
    tcase_add_test(tcase, only_those_that_are_due_expire);
    tcase_add_test(tcase, a_turn_ends_with_the_sale);
    tcase_add_test(tcase, a_later_end_lengthens_no_turn_that_was_granted);
    tcase_add_test(tcase, no_turn_is_granted_from_the_end_on);
    tcase_add_test(tcase, the_fence_closes_the_line_without_writing_its_entries);
    tcase_add_test(tcase, a_decision_is_never_earlier_than_the_one_before);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
