/*
 * saleworker/live_updates: the places that a live update says were left. Each place that stopped waiting counts once:
 * among the granted ones, or among those that were left.
 */
#include "saleworker/live_updates.h"

#include <string.h>

#include "tests/support/flash.h"

enum { AT = FLASH_NOW_MS, COMMANDS_MAX = 3 };

/* The places as the next batch loads them. */
static struct sale_batch_place places[FLASH_DOT];

static const struct uuid sale_id = {{77}};

/* Ann has the unit's turn; Bob, Cyd and Dot wait. The next command begins a batch. */
static void set_up(void)
{
    flash_set_up();
    flash_begin_active(1, 1);
    for (int user = FLASH_ANN; user <= FLASH_DOT; user++) {
        flash_expect_accepted(flash_join(user, 1, AT));
        places[user - 1] = (struct sale_batch_place){.seq = flash_entry_of(user)->seq, .waiting = user != FLASH_ANN};
    }
    sale_set_written(&flash, AT);
    ck_assert(sale_set_ready(&flash, COMMANDS_MAX));
}

/* Decides a command in the batch. flash_leave and others would begin a batch for each. */
static void decide(enum sale_command_kind kind, int user)
{
    const struct sale_command command = {
        .kind = kind, .id = uuid_new(), .user_id = flash_user(user), .quantity = 1, .received_ms = AT};
    flash_expect_accepted(sale_decide(&flash, &command));
}

static struct sale_live update_of_batch(void)
{
    const struct sale_batch_sale sale = {.id = sale_id,
                                         .version = 9,
                                         .head_seq = 7,
                                         .set = &flash,
                                         .places = places,
                                         .place_count = ARRAY_LEN(places),
                                         .granted = 3};
    struct sale_live update;
    live_updates_of(&sale, &update);
    return update;
}

START_TEST(a_place_that_was_left_while_it_waited_is_gone)
{
    decide(SALE_COMMAND_LEAVE, FLASH_CYD);
    struct sale_live update = update_of_batch();
    ck_assert_uint_eq(update.gone_count, 1);
    ck_assert_int_eq(update.gone[0], places[FLASH_CYD - 1].seq);
    ck_assert_int_eq(update.waiting, 2);
    ck_assert_int_eq(update.version, 9);
    ck_assert_int_eq(update.head_seq, 7);
    ck_assert_int_eq(update.granted, 3);
    ck_assert(!update.look);
}
END_TEST

START_TEST(every_place_that_was_left_is_gone)
{
    decide(SALE_COMMAND_LEAVE, FLASH_DOT);
    decide(SALE_COMMAND_LEAVE, FLASH_CYD);
    struct sale_live update = update_of_batch();
    ck_assert_uint_eq(update.gone_count, 2);
    ck_assert_int_eq(update.gone[0], places[FLASH_DOT - 1].seq);
    ck_assert_int_eq(update.gone[1], places[FLASH_CYD - 1].seq);
}
END_TEST

START_TEST(an_update_has_the_state_after_the_batch)
{
    decide(SALE_COMMAND_ORDER, FLASH_ANN);
    flash.sale.sold = 5;
    flash.sale.claimed = 3;
    struct sale_live update = update_of_batch();
    ck_assert(uuid_equal(&update.sale_id, &sale_id));
    ck_assert_int_eq(update.at_ms, AT);
    ck_assert_int_eq((int)update.status, SALE_ACTIVE);
    ck_assert_int_eq(update.quantity, 1);
    ck_assert_int_eq(update.claimed, 3);
    ck_assert_int_eq(update.reserved, 1);
    ck_assert_int_eq(update.sold, 5);
    ck_assert_int_eq(update.waiting, 3);
    ck_assert_int_eq(update.join_ms, FLASH_JOIN_MS);
    ck_assert_int_eq(update.start_ms, FLASH_START_MS);
    ck_assert_int_eq(update.end_ms, FLASH_END_MS);
}
END_TEST

START_TEST(a_place_that_was_left_in_its_turn_is_not_gone)
{
    decide(SALE_COMMAND_LEAVE, FLASH_ANN); /* Bob gets the turn */
    flash_expect_entry(FLASH_BOB, SALE_ENTRY_TURN);
    decide(SALE_COMMAND_LEAVE, FLASH_BOB); /* in the same batch */
    flash_expect_entry(FLASH_CYD, SALE_ENTRY_TURN);
    ck_assert_uint_eq(update_of_batch().gone_count, 0);
}
END_TEST

START_TEST(a_place_of_the_same_batch_is_not_gone)
{
    decide(SALE_COMMAND_LEAVE, FLASH_DOT);
    decide(SALE_COMMAND_JOIN, FLASH_DOT);
    decide(SALE_COMMAND_LEAVE, FLASH_DOT);
    struct sale_live update = update_of_batch();
    ck_assert_uint_eq(update.gone_count, 1);
    ck_assert_int_eq(update.gone[0], places[FLASH_DOT - 1].seq);
}
END_TEST

START_TEST(a_batch_without_rows_makes_the_reader_look)
{
    ck_assert(update_of_batch().look);
}
END_TEST

static Suite *saleworker_live_updates_suite(void)
{
    Suite *suite = suite_create("saleworker_live_updates");
    TCase *tcase = tcase_create("saleworker_live_updates");
    tcase_add_checked_fixture(tcase, set_up, flash_tear_down);
    tcase_add_test(tcase, a_place_that_was_left_while_it_waited_is_gone);
    tcase_add_test(tcase, every_place_that_was_left_is_gone);
    tcase_add_test(tcase, an_update_has_the_state_after_the_batch);
    tcase_add_test(tcase, a_place_that_was_left_in_its_turn_is_not_gone);
    tcase_add_test(tcase, a_place_of_the_same_batch_is_not_gone);
    tcase_add_test(tcase, a_batch_without_rows_makes_the_reader_look);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(saleworker_live_updates_suite());
}
