/*
 * The effective state of each ledger entry after a void, written by hand. This oracle shares no code with `rostrumctl
 * verify`, which replays with voids.c itself. Also the growth of the list of entries.
 */
#include "common/rules/voids.h"

#include "tests/support/lot.h"

enum { MANY = 150, FIRST_ROOM = 64 };

static struct voids_list list;
static int64_t seq;
static uint8_t ids;

static void set_up(void)
{
    lot_reset();
    lot.snipe_window_ms = 0;
    list = (struct voids_list){0};
    seq = 0;
    ids = 0;
}

static void tear_down(void)
{
    voids_free(&list);
}

static struct rules_command command_of(enum command_kind kind, int bidder, int64_t amount)
{
    ids++;
    return (struct rules_command){.kind = kind,
                                  .id = {{0xb1, ids}},
                                  .bidder_id = lot_user(bidder),
                                  .amount = amount,
                                  .received_ms = LOT_NOW_MS + ids};
}

/* Decides a command and enters it, as the bid worker does. */
static struct voids_entry *enter(enum command_kind kind, int bidder, int64_t amount)
{
    struct rules_command command = command_of(kind, bidder, amount);
    struct rules_decision decision = rules_decide(&lot, &command);
    ck_assert(voids_reserve(&list, 1));
    struct voids_entry *entry = voids_add(&list, &command, &decision, ++seq);
    seq += decision.automatic ? 1 : 0;
    return entry;
}

static struct rules_decision void_entry(size_t index)
{
    struct rules_command command = {.kind = COMMAND_VOID, .target = list.entries[index].id, .received_ms = LOT_NOW_MS};
    return voids_decide(&lot, &command, &list, ++seq);
}

static void expect_counts(size_t index, enum rules_verdict verdict, int64_t amount, bool changed)
{
    const struct voids_entry *entry = &list.entries[index];
    ck_assert_msg(entry->standing.effective, "entry %zu", index);
    ck_assert_msg(entry->standing.verdict == verdict, "entry %zu", index);
    ck_assert_int_eq(entry->standing.amount, amount);
    ck_assert_msg(entry->changed == changed, "entry %zu", index);
}

static void expect_answer(size_t index, int bidder, int64_t amount)
{
    const struct voids_standing *now = &list.entries[index].standing;
    struct uuid id = bidder == 0 ? (struct uuid){{0}} : lot_user(bidder);
    ck_assert_msg(now->answered == (bidder != 0), "entry %zu", index);
    ck_assert(uuid_equal(&now->answer_bidder, &id));
    ck_assert_int_eq(now->answer_amount, amount);
}

static void expect_voided(size_t index)
{
    static const struct uuid nobody;
    const struct voids_standing *now = &list.entries[index].standing;
    ck_assert_msg(!now->effective && !now->raise && !now->answered, "entry %zu", index);
    ck_assert_int_eq(now->amount, 0);
    ck_assert_int_eq(now->answer_amount, 0);
    ck_assert(uuid_equal(&now->answer_bidder, &nobody));
    ck_assert(list.entries[index].changed);
}

START_TEST(an_entry_keeps_its_decision)
{
    (void)enter(COMMAND_PROXY, ANN, 9000);
    const struct voids_entry *entry = enter(COMMAND_BID, BOB, 5000);
    struct uuid bob = lot_user(BOB);
    ck_assert_ptr_eq(entry, &list.entries[1]);
    ck_assert_int_eq(entry->kind, COMMAND_BID);
    ck_assert_int_eq(entry->seq, 2);
    ck_assert_int_eq(entry->id.bytes[1], 2);
    ck_assert(uuid_equal(&entry->bidder_id, &bob));
    ck_assert_int_eq(entry->amount, 5000);
    ck_assert_int_eq(entry->received_ms, LOT_NOW_MS + 2);
    ck_assert(entry->answered && !entry->changed);
    expect_counts(1, RULES_OUTBID, 5000, false);
    expect_answer(1, ANN, 5100);
}
END_TEST

START_TEST(only_accepted_bids_and_withdrawals_are_entered)
{
    static const enum command_kind kinds[] = {COMMAND_START,  COMMAND_FENCE,  COMMAND_UPDATE,
                                              COMMAND_CANCEL, COMMAND_EXTEND, COMMAND_CLOSE,
                                              COMMAND_ABORT,  COMMAND_VOID,   COMMAND_RETRACT};
    static const enum command_kind entered[] = {COMMAND_BID, COMMAND_PROXY, COMMAND_BUY, COMMAND_WITHDRAW};
    struct rules_decision accepted = {.verdict = RULES_ACCEPTED};
    struct rules_decision rejected = {.verdict = RULES_REJECTED};
    ck_assert(voids_reserve(&list, ARRAY_LEN(entered)));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct rules_command command = command_of(kinds[i], ANN, 0);
        ck_assert_ptr_null(voids_add(&list, &command, &accepted, 1));
    }
    for (size_t i = 0; i < ARRAY_LEN(entered); i++) {
        struct rules_command command = command_of(entered[i], ANN, 1);
        ck_assert_ptr_null(voids_add(&list, &command, &rejected, 1));
        ck_assert_ptr_nonnull(voids_add(&list, &command, &accepted, 1));
    }
    ck_assert_uint_eq(list.count, ARRAY_LEN(entered));
}
END_TEST

START_TEST(a_bid_below_the_remaining_maximum_stays_outbid)
{
    (void)enter(COMMAND_PROXY, ANN, 9000);
    (void)enter(COMMAND_BID, BOB, 5000);
    (void)enter(COMMAND_BID, CYD, 6000);
    ck_assert_int_eq(void_entry(1).verdict, RULES_ACCEPTED);
    expect_counts(0, RULES_ACCEPTED, 1000, false);
    expect_answer(0, 0, 0);
    expect_voided(1);
    expect_counts(2, RULES_OUTBID, 6000, false);
    expect_answer(2, ANN, 6100);
    lot_expect_state(ANN, 6100, 9000, 2);
}
END_TEST

START_TEST(bids_outbid_by_a_voided_maximum_become_accepted)
{
    (void)enter(COMMAND_PROXY, ANN, 9000);
    (void)enter(COMMAND_BID, BOB, 5000);
    (void)enter(COMMAND_PROXY, CYD, 6000);
    (void)enter(COMMAND_BID, BOB, 6250);
    ck_assert_int_eq(void_entry(0).verdict, RULES_ACCEPTED);
    expect_voided(0);
    expect_counts(1, RULES_ACCEPTED, 5000, true);
    expect_answer(1, 0, 0);
    ck_assert(list.entries[1].answered); /* the row of its automatic bid exists, but is not effective */
    expect_counts(2, RULES_ACCEPTED, 5100, true);
    expect_counts(3, RULES_ACCEPTED, 6250, true);
    lot_expect_state(BOB, 6250, 6250, 3);
    ck_assert_int_eq(lot.leader_bid_id.bytes[1], 4);
    ck_assert_int_eq(lot.runner_up_max, 6000);
    ck_assert(!lot.leader_by_proxy);
}
END_TEST

START_TEST(a_maximum_that_took_the_lead_pays_less_and_answers_as_before)
{
    (void)enter(COMMAND_BID, CYD, 1000);
    (void)enter(COMMAND_BID, BOB, 4950);
    (void)enter(COMMAND_PROXY, ANN, 9000);
    (void)enter(COMMAND_PROXY, BOB, 8950);
    expect_answer(3, ANN, 9000);
    ck_assert_int_eq(void_entry(1).verdict, RULES_ACCEPTED);
    expect_counts(0, RULES_ACCEPTED, 1000, false);
    expect_voided(1);
    expect_counts(2, RULES_ACCEPTED, 1100, true);
    expect_counts(3, RULES_OUTBID, 8950, false);
    expect_answer(3, ANN, 9000);
    ck_assert_int_eq(void_entry(3).verdict, RULES_ACCEPTED);
    expect_voided(3);
    lot_expect_state(ANN, 1100, 9000, 2);
}
END_TEST

START_TEST(a_purchase_and_a_withdrawal_are_replayed)
{
    lot.buy_now_price = 9000;
    lot.reserve_price = 8000;
    (void)enter(COMMAND_BID, BOB, 1000);
    (void)enter(COMMAND_PROXY, ANN, 7000);
    (void)enter(COMMAND_WITHDRAW, ANN, 0);
    (void)enter(COMMAND_BUY, CYD, 0);
    ck_assert_int_eq(void_entry(0).verdict, RULES_ACCEPTED);
    expect_voided(0);
    expect_counts(1, RULES_ACCEPTED, 1000, true);
    ck_assert(!list.entries[2].changed); /* a withdrawal has no effective state */
    expect_counts(3, RULES_ACCEPTED, 9000, false);
    lot_expect_state(CYD, 9000, 9000, 2);
    ck_assert_int_eq(lot.runner_up_max, 1000);
    ck_assert_int_eq(lot.status, RULES_ENDED);
}
END_TEST

START_TEST(a_withdrawal_cannot_be_voided_and_a_voided_bid_stays_voided)
{
    (void)enter(COMMAND_PROXY, ANN, 7000);
    (void)enter(COMMAND_WITHDRAW, ANN, 0);
    (void)enter(COMMAND_BID, BOB, 8000);
    (void)enter(COMMAND_BID, CYD, 9000);
    lot_expect_rejected(void_entry(1), RULES_NOT_FOUND);
    ck_assert_int_eq(void_entry(2).verdict, RULES_ACCEPTED);
    ck_assert_int_eq(void_entry(3).verdict, RULES_ACCEPTED);
    expect_voided(2);
    expect_voided(3);
    lot_expect_rejected(void_entry(2), RULES_BID_VOIDED);
    lot_expect_state(ANN, 1000, 1000, 1);
}
END_TEST

/* More than twice the list's first allocation. */
START_TEST(a_void_works_among_more_than_64_entries)
{
    for (int i = 0; i < MANY; i++) {
        ck_assert_ptr_nonnull(enter(COMMAND_BID, i % 2 == 0 ? ANN : BOB, 1000 + 100 * i));
    }
    ck_assert_uint_eq(list.count, MANY);
    ck_assert_uint_gt(list.count, 2 * (size_t)FIRST_ROOM);
    ck_assert_int_eq(void_entry(MANY - 1).verdict, RULES_ACCEPTED);
    lot_expect_state(ANN, 1000 + 100 * (MANY - 2), 1000 + 100 * (MANY - 2), MANY - 1);
    ck_assert_int_eq(void_entry(70).verdict, RULES_ACCEPTED);
    for (size_t i = 0; i < MANY; i++) {
        if (i == 70 || i == MANY - 1) {
            expect_voided(i);
        } else {
            expect_counts(i, RULES_ACCEPTED, 1000 + 100 * (int64_t)i, false);
        }
    }
    lot_expect_state(ANN, 1000 + 100 * (MANY - 2), 1000 + 100 * (MANY - 2), MANY - 2);
}
END_TEST

START_TEST(the_list_reserves_the_requested_number_of_entries)
{
    ck_assert(voids_reserve(&list, 1));
    ck_assert_uint_eq(list.size, FIRST_ROOM);
    ck_assert(voids_reserve(&list, FIRST_ROOM));
    ck_assert_uint_eq(list.size, FIRST_ROOM);
    list.count = 1;
    ck_assert(voids_reserve(&list, FIRST_ROOM));
    ck_assert_uint_eq(list.size, 2 * (size_t)FIRST_ROOM);
    ck_assert(voids_reserve(&list, 8 * (size_t)FIRST_ROOM - list.count));
    ck_assert_uint_eq(list.size, 8 * (size_t)FIRST_ROOM);
    voids_free(&list);
    ck_assert(list.entries == NULL && list.count == 0 && list.size == 0);
}
END_TEST

START_TEST(a_void_is_refused_beyond_the_longest_ledger)
{
    (void)enter(COMMAND_BID, ANN, 1000);
    seq = VOIDS_LEDGER_MAX;
    lot_expect_rejected(void_entry(0), RULES_TOO_MANY_BIDS);
    seq = VOIDS_LEDGER_MAX - 1;
    ck_assert_int_eq(void_entry(0).verdict, RULES_ACCEPTED);
}
END_TEST

static Suite *voids_standing_suite(void)
{
    Suite *suite = suite_create("voids_standing");
    TCase *tcase = tcase_create("voids_standing");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_entry_keeps_its_decision);
    tcase_add_test(tcase, only_accepted_bids_and_withdrawals_are_entered);
    tcase_add_test(tcase, a_bid_below_the_remaining_maximum_stays_outbid);
    tcase_add_test(tcase, bids_outbid_by_a_voided_maximum_become_accepted);
    tcase_add_test(tcase, a_maximum_that_took_the_lead_pays_less_and_answers_as_before);
    tcase_add_test(tcase, a_purchase_and_a_withdrawal_are_replayed);
    tcase_add_test(tcase, a_withdrawal_cannot_be_voided_and_a_voided_bid_stays_voided);
    tcase_add_test(tcase, a_void_works_among_more_than_64_entries);
    tcase_add_test(tcase, the_list_reserves_the_requested_number_of_entries);
    tcase_add_test(tcase, a_void_is_refused_beyond_the_longest_ledger);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(voids_standing_suite());
}
