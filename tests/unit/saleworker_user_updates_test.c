/*
 * saleworker/user_updates: which users of a sale hear of a transaction in which they sent no command.
 */
#include "saleworker/user_updates.h"

#include "tests/support/flash.h"

enum { AT = FLASH_NOW_MS, COMMANDS_MAX = 3, VERSION = 9 };

/* The places as the next batch loads them. */
static struct sale_batch_place places[FLASH_CYD];

static const struct uuid sale_id = {{77}};

/* Ann has the unit's turn; Bob and Cyd wait. The next command begins a batch. */
static void set_up(void)
{
    flash_set_up();
    flash_begin_active(1, 1);
    for (int user = FLASH_ANN; user <= FLASH_CYD; user++) {
        flash_expect_accepted(flash_join(user, 1, AT));
        places[user - 1] =
            (struct sale_batch_place){.seq = flash_entry_of(user)->seq, .id = uuid_new(), .waiting = user != FLASH_ANN};
    }
    sale_set_written(&flash, AT);
    ck_assert(sale_set_ready(&flash, COMMANDS_MAX));
}

static void decide(enum sale_command_kind kind, int user)
{
    const struct sale_command command = {
        .kind = kind, .id = uuid_new(), .user_id = flash_user(user), .quantity = 1, .received_ms = AT};
    flash_expect_accepted(sale_decide(&flash, &command));
}

/* What updates of places and orders have alike. */
static void expect_header(const struct sale_message_decision *update, int user)
{
    struct uuid id = flash_user(user);
    ck_assert(uuid_equal(&update->user_id, &id));
    ck_assert(uuid_equal(&update->sale_id, &sale_id));
    ck_assert_int_eq((int)update->kind, SALE_COMMAND_EXPIRE);
    ck_assert_int_eq((int)update->verdict, SALE_VERDICT_ACCEPTED);
    ck_assert_int_eq(update->received_ms, flash.decided_ms);
    ck_assert_int_eq(update->decided_ms, flash.decided_ms);
    ck_assert_int_eq(update->version, VERSION);
}

/* The next update must be of this user's place. */
static struct sale_message_decision expect_place(const struct sale_batch_sale *sale, size_t *at, int user,
                                                 enum sale_entry_status status)
{
    struct sale_message_decision update;
    ck_assert(user_updates_next(sale, at, &update));
    expect_header(&update, user);
    ck_assert_int_eq(update.place, flash_entry_of(user)->seq);
    ck_assert_int_eq((int)update.entry_status, (int)status);
    ck_assert_int_eq(update.position, status == SALE_ENTRY_TURN ? 0 : SALE_POSITION_UNKNOWN);
    ck_assert(uuid_equal(&update.entry_id, &places[user - 1].id));
    ck_assert(uuid_is_nil(&update.order_id));
    return update;
}

static void expect_no_more(const struct sale_batch_sale *sale, size_t *at)
{
    struct sale_message_decision update;
    ck_assert(!user_updates_next(sale, at, &update));
}

START_TEST(a_turn_that_another_user_gave_up_is_said_to_the_next_user_alone)
{
    const struct sale_batch_sale sale = {
        .id = sale_id, .version = VERSION, .set = &flash, .places = places, .place_count = ARRAY_LEN(places)};
    size_t at = 0;
    decide(SALE_COMMAND_LEAVE, FLASH_ANN);
    struct sale_message_decision update = expect_place(&sale, &at, FLASH_BOB, SALE_ENTRY_TURN);
    ck_assert_int_eq(update.position, 0);
    ck_assert_int_eq(update.quantity, 1);
    ck_assert_int_eq(update.turn_expires_ms, flash_entry_of(FLASH_BOB)->expires_ms);
    expect_no_more(&sale, &at);
}
END_TEST

START_TEST(a_place_that_was_left_while_it_waited_is_said_to_nobody)
{
    const struct sale_batch_sale sale = {
        .id = sale_id, .version = VERSION, .set = &flash, .places = places, .place_count = ARRAY_LEN(places)};
    size_t at = 0;
    decide(SALE_COMMAND_LEAVE, FLASH_BOB);
    expect_no_more(&sale, &at);
}
END_TEST

START_TEST(what_ends_with_the_sale_is_said_to_nobody)
{
    const struct sale_batch_sale sale = {
        .id = sale_id, .version = VERSION, .set = &flash, .places = places, .place_count = ARRAY_LEN(places)};
    size_t at = 0;
    decide(SALE_COMMAND_LEAVE, FLASH_ANN); /* Bob gets the turn */
    flash.sale.status = SALE_CANCELLED;
    expect_no_more(&sale, &at);
}
END_TEST

START_TEST(a_reservation_and_a_turn_that_ran_out_are_said_to_their_users)
{
    const struct sale_batch_sale sale = {
        .id = sale_id, .version = VERSION, .set = &flash, .places = places, .place_count = ARRAY_LEN(places)};
    struct sale_message_decision update;
    size_t at = 0;
    decide(SALE_COMMAND_ORDER, FLASH_ANN);
    ck_assert_uint_eq(flash.changed_order_count, 1);
    ck_assert(!user_updates_next(&sale, &at, &update)); /* it is reserved */
    flash.orders[flash.changed_orders[0]].status = SALE_ORDER_EXPIRED;
    flash.entries[flash.changed_entries[0]].status = SALE_ENTRY_EXPIRED;
    at = 0;
    (void)expect_place(&sale, &at, FLASH_ANN, SALE_ENTRY_EXPIRED);
    ck_assert(user_updates_next(&sale, &at, &update));
    expect_header(&update, FLASH_ANN);
    const struct sale_order *order = &flash.orders[flash.changed_orders[0]];
    ck_assert(uuid_equal(&update.order_id, &order->id));
    ck_assert_int_eq(update.quantity, 1);
    ck_assert_int_eq(update.total_price, FLASH_PRICE);
    ck_assert_int_eq(update.order_expires_ms, order->expires_ms);
    ck_assert_int_eq(update.position, SALE_POSITION_UNKNOWN);
    ck_assert_int_eq((int)update.order_status, SALE_ORDER_EXPIRED);
    ck_assert_int_eq(update.place, 0);
    expect_no_more(&sale, &at);
}
END_TEST

static Suite *saleworker_user_updates_suite(void)
{
    Suite *suite = suite_create("saleworker_user_updates");
    TCase *tcase = tcase_create("saleworker_user_updates");
    tcase_add_checked_fixture(tcase, set_up, flash_tear_down);
    tcase_add_test(tcase, a_turn_that_another_user_gave_up_is_said_to_the_next_user_alone);
    tcase_add_test(tcase, a_place_that_was_left_while_it_waited_is_said_to_nobody);
    tcase_add_test(tcase, what_ends_with_the_sale_is_said_to_nobody);
    tcase_add_test(tcase, a_reservation_and_a_turn_that_ran_out_are_said_to_their_users);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(saleworker_user_updates_suite());
}
