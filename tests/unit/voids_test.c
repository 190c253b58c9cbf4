/*
 * Voiding bids (common/rules/voids.h): single cases, then random auctions against an oracle. The oracle knows only the
 * ledger without the voided bids. It keeps every user's maximum and its time, finds the leader by comparing all of
 * them, and takes the greatest price that any rule demands. After any number of voids, in any order, an auction must
 * equal the oracle's.
 */
#include "common/rules/voids.h"

#include <string.h>

#include "tests/support/lot.h"

enum {
    USERS = 5,
    COMMANDS_MAX = 30,
    AUCTIONS = 20000,
    VOIDS_MAX = 4,
    ROOM = 64,
};

static struct voids_list list;
static int64_t seq;
static uint8_t ids;

static void set_up(void)
{
    lot_reset();
    lot.snipe_window_ms = 0;
    voids_free(&list);
    ck_assert(voids_reserve(&list, ROOM));
    seq = 0;
    ids = 0;
}

static void tear_down(void)
{
    voids_free(&list);
}

/* Decides a command and enters it as the bid worker does. Its number is its id. */
static struct rules_decision enter(enum command_kind kind, int bidder, int64_t amount)
{
    struct rules_command command = {
        .kind = kind,
        .id = {.bytes = {[0] = 0xb1, [15] = ++ids}},
        .bidder_id = lot_user(bidder),
        .amount = amount,
        .received_ms = LOT_NOW_MS,
    };
    struct rules_decision decision = rules_decide(&lot, &command);
    (void)voids_add(&list, &command, &decision, ++seq);
    seq += decision.automatic ? 1 : 0;
    return decision;
}

static struct rules_decision take(enum command_kind kind, int bidder, uint8_t number, int64_t at_ms)
{
    struct rules_command command = {
        .kind = kind,
        .id = {.bytes = {[0] = 0xc1}},
        .bidder_id = lot_user(bidder),
        .target = {.bytes = {[0] = 0xb1, [15] = number}},
        .received_ms = at_ms,
        .since_ms = kind == COMMAND_RETRACT ? at_ms - 1000 : 0,
    };
    return voids_decide(&lot, &command, &list, seq++);
}

static struct rules_decision void_bid(uint8_t number)
{
    return take(COMMAND_VOID, SELLER, number, LOT_NOW_MS);
}

static void voided(struct rules_decision decision, int bidder)
{
    struct uuid id = lot_user(bidder);
    ck_assert_int_eq(decision.verdict, RULES_ACCEPTED);
    ck_assert(decision.voided && uuid_equal(&decision.loser, &id));
    ck_assert(!decision.ended && !decision.extended && !decision.automatic && !decision.lead_lost);
}

static const struct voids_standing *now(uint8_t number)
{
    for (size_t i = 0; i < list.count; i++) {
        if (list.entries[i].id.bytes[15] == number) {
            return &list.entries[i].standing;
        }
    }
    ck_abort_msg("no entry %d", number);
}

START_TEST(voiding_the_only_bid_leaves_no_bids)
{
    struct rules_auction before = lot;
    lot_expect_accepted(enter(COMMAND_BID, ANN, 5000), 5000);
    voided(void_bid(1), ANN);
    ck_assert(!lot.has_leader && uuid_is_nil(&lot.leader_id) && uuid_is_nil(&lot.leader_bid_id));
    ck_assert_int_eq(lot.price, 0);
    ck_assert_int_eq(lot.bid_count, 0);
    ck_assert_int_eq(lot.leader_max, 0);
    ck_assert_int_eq(lot.runner_up_max, 0);
    ck_assert_int_eq(rules_minimum_bid(&lot), rules_minimum_bid(&before));
    ck_assert(!now(1)->effective);
    lot_expect_accepted(enter(COMMAND_BID, BOB, 1000), 1000);
    lot_expect_state(BOB, 1000, 1000, 1);
}
END_TEST

START_TEST(voiding_the_highest_bid_lets_the_next_lead)
{
    (void)enter(COMMAND_BID, ANN, 1000);
    (void)enter(COMMAND_BID, BOB, 900000);
    voided(void_bid(2), BOB);
    lot_expect_state(ANN, 1000, 1000, 1);
    ck_assert_int_eq(lot.leader_bid_id.bytes[15], 1);
    ck_assert_int_eq(rules_minimum_bid(&lot), 1100);
}
END_TEST

START_TEST(a_maximum_pays_one_increment_over_the_remaining_bids)
{
    (void)enter(COMMAND_PROXY, ANN, 9000);
    lot_expect_outbid(enter(COMMAND_BID, BOB, 5000), 5000, ANN, 5100);
    lot_expect_outbid(enter(COMMAND_BID, CYD, 6000), 6000, ANN, 6100);
    voided(void_bid(3), CYD);
    lot_expect_state(ANN, 5100, 9000, 2);
    ck_assert_int_eq(lot.runner_up_max, 5000);
    ck_assert(!now(3)->effective && !now(3)->answered);
    voided(void_bid(2), BOB);
    lot_expect_state(ANN, 1000, 9000, 1);
    ck_assert_int_eq(lot.runner_up_max, 0);
}
END_TEST

/* Automatic bids of the voided maximum have no effect any more. A maximum behind it answers anew. */
START_TEST(voiding_a_maximum_removes_its_automatic_bids)
{
    (void)enter(COMMAND_PROXY, ANN, 9000);
    lot_expect_outbid(enter(COMMAND_PROXY, BOB, 5000), 5000, ANN, 5100);
    lot_expect_outbid(enter(COMMAND_BID, CYD, 5500), 5500, ANN, 5600);
    lot_expect_rejected(enter(COMMAND_BID, CYD, 5600), RULES_BID_TOO_LOW);
    voided(void_bid(1), ANN);
    lot_expect_state(CYD, 5500, 5500, 2);
    ck_assert(now(2)->effective && now(2)->verdict == RULES_ACCEPTED && !now(2)->answered);
    ck_assert_int_eq(now(2)->amount, 1000);
    ck_assert(now(3)->effective && now(3)->verdict == RULES_ACCEPTED && !now(3)->answered);

    set_up();
    (void)enter(COMMAND_PROXY, ANN, 9000);
    (void)enter(COMMAND_PROXY, BOB, 5000);
    voided(void_bid(1), ANN);
    lot_expect_state(BOB, 1000, 5000, 1);

    set_up();
    (void)enter(COMMAND_PROXY, ANN, 3000);
    (void)enter(COMMAND_PROXY, BOB, 9000); /* BOB leads at 31.00 */
    lot_expect_outbid(enter(COMMAND_BID, CYD, 3500), 3500, BOB, 3600);
    voided(void_bid(1), ANN);
    lot_expect_state(BOB, 3600, 9000, 2);
    ck_assert_int_eq(now(2)->amount, 1000);
    ck_assert(now(3)->answered);
    ck_assert_int_eq(now(3)->answer_amount, 3600);
}
END_TEST

START_TEST(an_automatic_bid_is_never_given_to_another_user)
{
    (void)enter(COMMAND_PROXY, ANN, 4000);
    (void)enter(COMMAND_PROXY, BOB, 3000);                             /* ANN leads at 31.00 */
    lot_expect_outbid(enter(COMMAND_BID, CYD, 3200), 3200, ANN, 3300); /* above BOB's maximum */
    lot_expect_rejected(enter(COMMAND_BID, CYD, 3300), RULES_BID_TOO_LOW);
    voided(void_bid(1), ANN);
    lot_expect_state(CYD, 3200, 3200, 2);

    set_up();
    (void)enter(COMMAND_PROXY, BOB, 5000);
    (void)enter(COMMAND_PROXY, ANN, 6000); /* ANN leads at 51.00 */
    (void)enter(COMMAND_BID, CYD, 5200);
    ck_assert(now(3)->answered);
    voided(void_bid(2), ANN);
    lot_expect_state(CYD, 5200, 5200, 2);
    ck_assert(!now(3)->answered && now(3)->verdict == RULES_ACCEPTED);
}
END_TEST

/* Without the first proxy bid, its raise becomes a bid at the raise's place. */
START_TEST(a_raise_of_a_voided_maximum_becomes_a_bid)
{
    lot_expect_accepted(enter(COMMAND_PROXY, ANN, 2000), 1000);
    ck_assert(enter(COMMAND_PROXY, ANN, 8000).raise);
    lot_expect_outbid(enter(COMMAND_BID, BOB, 4000), 4000, ANN, 4100);
    voided(void_bid(1), ANN);
    lot_expect_state(ANN, 4100, 8000, 2);
    ck_assert(now(2)->effective && !now(2)->raise);
    ck_assert_int_eq(now(2)->amount, 1000);
}
END_TEST

START_TEST(voiding_a_raise_restores_the_maximum_before)
{
    (void)enter(COMMAND_PROXY, ANN, 2000);
    (void)enter(COMMAND_PROXY, ANN, 8000);
    (void)enter(COMMAND_BID, BOB, 4000);
    voided(void_bid(2), ANN);
    lot_expect_state(BOB, 4000, 4000, 2);
    ck_assert_int_eq(lot.runner_up_max, 2000);
    ck_assert(now(3)->verdict == RULES_ACCEPTED && !now(3)->answered);
}
END_TEST

START_TEST(voiding_a_bid_between_two_of_one_user_makes_the_second_a_raise)
{
    (void)enter(COMMAND_PROXY, ANN, 2000);
    (void)enter(COMMAND_BID, BOB, 3000);
    lot_expect_accepted(enter(COMMAND_PROXY, ANN, 5000), 3100);
    voided(void_bid(2), BOB);
    lot_expect_state(ANN, 1000, 5000, 1);
    ck_assert(now(3)->raise);
}
END_TEST

START_TEST(a_withdrawal_is_kept_by_a_void)
{
    (void)enter(COMMAND_PROXY, ANN, 9000);
    (void)enter(COMMAND_BID, BOB, 5000);
    (void)enter(COMMAND_WITHDRAW, ANN, 0);
    lot_expect_state(ANN, 5100, 5100, 2);
    voided(void_bid(2), BOB);
    lot_expect_state(ANN, 1000, 1000, 1);
    ck_assert(!lot.leader_by_proxy);
    voided(void_bid(1), ANN); /* the withdrawal has no effect any more */
    ck_assert(!lot.has_leader);
}
END_TEST

START_TEST(a_void_can_leave_the_reserve_unmet)
{
    lot.reserve_price = 5000;
    (void)enter(COMMAND_BID, ANN, 1000);
    lot_expect_accepted(enter(COMMAND_PROXY, BOB, 6000), 5000);
    ck_assert_int_eq(rules_outcome(&lot), RULES_SOLD);
    voided(void_bid(2), BOB);
    ck_assert_int_eq(rules_outcome(&lot), RULES_UNSOLD);
    lot.buy_now_price = 9000;
    ck_assert(rules_can_buy(&lot));
}
END_TEST

START_TEST(a_void_keeps_extensions)
{
    lot.snipe_window_ms = LOT_WINDOW_MS;
    struct rules_command late = {.kind = COMMAND_BID,
                                 .id = {.bytes = {[0] = 0xb1, [15] = 1}},
                                 .bidder_id = lot_user(ANN),
                                 .amount = 1000,
                                 .received_ms = LOT_END_MS - 1};
    struct rules_decision decision = rules_decide(&lot, &late);
    (void)voids_add(&list, &late, &decision, 1);
    ck_assert(decision.extended);
    voided(void_bid(1), ANN);
    ck_assert_int_eq(lot.end_ms, LOT_END_MS - 1 + LOT_EXTENSION_MS);
    ck_assert_int_eq(lot.extensions_used, 1);
    ck_assert_int_eq(lot.status, RULES_ACTIVE);
}
END_TEST

START_TEST(a_void_after_settlement_changes_the_outcome)
{
    lot.reserve_price = 2000;
    (void)enter(COMMAND_BID, ANN, 1500);
    (void)enter(COMMAND_BID, BOB, 3000);
    (void)enter(COMMAND_BID, CYD, 4000);
    lot.status = RULES_SOLD;
    voided(void_bid(3), CYD);
    ck_assert_int_eq(lot.status, RULES_SOLD);
    lot_expect_state(BOB, 3000, 3000, 2);
    voided(void_bid(2), BOB);
    ck_assert_int_eq(lot.status, RULES_UNSOLD);
    lot_expect_state(ANN, 1500, 1500, 1);
}
END_TEST

START_TEST(a_voided_purchase_does_not_reopen_the_auction)
{
    lot.buy_now_price = 9000;
    lot.reserve_price = 5000;
    (void)enter(COMMAND_BID, ANN, 1500);
    ck_assert(enter(COMMAND_BUY, BOB, 0).ended);
    voided(void_bid(2), BOB);
    ck_assert_int_eq(lot.status, RULES_ENDED);
    ck_assert_int_eq(lot.end_ms, LOT_NOW_MS);
    lot_expect_state(ANN, 1500, 1500, 1);

    set_up();
    lot.buy_now_price = 9000;
    lot.reserve_price = 5000;
    (void)enter(COMMAND_BID, ANN, 1500);
    (void)enter(COMMAND_BUY, BOB, 0);
    voided(void_bid(1), ANN);
    lot_expect_state(BOB, 9000, 9000, 1);
    ck_assert_int_eq(lot.runner_up_max, 0);
}
END_TEST

START_TEST(unknown_rejected_and_already_voided_bids_cannot_be_voided)
{
    (void)enter(COMMAND_PROXY, ANN, 9000);
    (void)enter(COMMAND_BID, BOB, 5000);
    (void)enter(COMMAND_BID, BOB, 5000); /* rejected */
    (void)enter(COMMAND_WITHDRAW, ANN, 0);
    struct rules_auction before = lot;
    lot_expect_rejected(void_bid(99), RULES_NOT_FOUND);
    lot_expect_rejected(void_bid(3), RULES_NOT_FOUND);
    lot_expect_rejected(void_bid(4), RULES_NOT_FOUND);
    lot_expect_state(ANN, before.price, before.leader_max, before.bid_count);
    ck_assert_int_eq(lot.runner_up_max, before.runner_up_max);
    ck_assert_int_eq(lot.end_ms, before.end_ms);
    voided(void_bid(2), BOB);
    lot_expect_rejected(void_bid(2), RULES_BID_VOIDED);
    seq = VOIDS_LEDGER_MAX + 1;
    lot_expect_rejected(void_bid(1), RULES_TOO_MANY_BIDS);
    seq = 10;
    lot.status = RULES_CANCELLED;
    lot_expect_rejected(void_bid(1), RULES_AUCTION_CANCELLED);
}
END_TEST

START_TEST(a_bidder_can_retract_own_bids_in_time)
{
    (void)enter(COMMAND_BID, ANN, 1000);
    (void)enter(COMMAND_BID, BOB, 200000);
    lot_expect_rejected(take(COMMAND_RETRACT, ANN, 2, LOT_NOW_MS), RULES_NOT_FOUND);
    lot_expect_rejected(take(COMMAND_RETRACT, BOB, 2, LOT_NOW_MS + 1001), RULES_RETRACT_TOO_LATE);
    lot_expect_rejected(take(COMMAND_RETRACT, BOB, 2, LOT_END_MS), RULES_AUCTION_ENDED);
    voided(take(COMMAND_RETRACT, BOB, 2, LOT_NOW_MS + 1000), BOB);
    lot_expect_rejected(take(COMMAND_RETRACT, BOB, 2, LOT_NOW_MS + 1000), RULES_BID_VOIDED);
    lot_expect_state(ANN, 1000, 1000, 1);
    lot.status = RULES_ENDED;
    lot_expect_rejected(take(COMMAND_RETRACT, ANN, 1, LOT_NOW_MS), RULES_AUCTION_ENDED);
    voided(take(COMMAND_VOID, SELLER, 1, LOT_END_MS + 1), ANN);
}
END_TEST

/* --- random auctions --- */

static uint64_t random_state;

static int64_t random_below(int64_t end)
{
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t value = random_state;
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (int64_t)((value ^ (value >> 31)) % (uint64_t)end);
}

struct oracle {
    int64_t maximum[USERS + 1]; /* by user, 0: none */
    size_t since[USERS + 1];
    bool hidden[USERS + 1];
    int64_t price;
    int64_t bids;
};

static int oracle_best(const struct oracle *oracle, int besides)
{
    int best = 0;
    for (int i = 1; i <= USERS; i++) {
        if (i == besides || oracle->maximum[i] == 0) {
            continue;
        }
        if (best == 0 || oracle->maximum[i] > oracle->maximum[best] ||
            (oracle->maximum[i] == oracle->maximum[best] && oracle->since[i] < oracle->since[best])) {
            best = i;
        }
    }
    return best;
}

static int64_t greatest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void oracle_bid(struct oracle *oracle, const struct voids_entry *entry, size_t when)
{
    int bidder = entry->bidder_id.bytes[15];
    int before = oracle_best(oracle, 0);
    int64_t amount = entry->kind == COMMAND_BUY ? lot.buy_now_price : entry->amount;
    bool raise = entry->kind == COMMAND_PROXY && bidder == before;
    if (entry->kind == COMMAND_PROXY || amount >= oracle->maximum[bidder]) {
        oracle->maximum[bidder] = amount;
        oracle->since[bidder] = when;
        oracle->hidden[bidder] = entry->kind == COMMAND_PROXY;
    }
    int leader = oracle_best(oracle, 0);
    int64_t top = oracle->maximum[leader];
    int64_t second = oracle->maximum[oracle_best(oracle, leader)];
    oracle->price = greatest(oracle->price, lot.starting_price);
    if (second > 0) {
        int64_t above = second + increments_at(&lot.increments, second);
        oracle->price = greatest(oracle->price, above < top ? above : top);
    }
    if (entry->kind != COMMAND_PROXY && bidder == leader) {
        oracle->price = greatest(oracle->price, amount);
    }
    if (top >= lot.reserve_price) {
        oracle->price = greatest(oracle->price, lot.reserve_price);
    }
    oracle->bids += raise ? 0 : 1;
}

/* Computes the auction anew, without the bids marked as voided. */
static void oracle_check(uint64_t seed, const bool *gone)
{
    struct oracle oracle = {.price = 0};
    for (size_t i = 0; i < list.count; i++) {
        const struct voids_entry *entry = &list.entries[i];
        int bidder = entry->bidder_id.bytes[15];
        if (gone[i]) {
            continue;
        }
        if (entry->kind != COMMAND_WITHDRAW) {
            oracle_bid(&oracle, entry, i);
        } else if (oracle_best(&oracle, 0) == bidder && oracle.hidden[bidder]) {
            oracle.maximum[bidder] = oracle.price;
            oracle.hidden[bidder] = false;
        }
    }
    int leader = oracle_best(&oracle, 0);
    struct uuid leader_id = lot_user(leader);
    bool same = lot.price == oracle.price && lot.bid_count == oracle.bids && lot.has_leader == (leader != 0) &&
                uuid_equal(&lot.leader_id, &leader_id) && lot.leader_max == oracle.maximum[leader] &&
                lot.leader_by_proxy == oracle.hidden[leader] &&
                lot.runner_up_max == oracle.maximum[leader == 0 ? 0 : oracle_best(&oracle, leader)];
    if (!same) {
        ck_abort_msg("seed %llu: price %lld, by the oracle %lld; leader %d, by the oracle %d", (unsigned long long)seed,
                     (long long)lot.price, (long long)oracle.price, lot.leader_id.bytes[15], leader);
    }
}

/* The effective bids form a valid history: its bids are counted, and no two accepted amounts are equal. */
static struct uuid answerers[COMMANDS_MAX]; /* by entry, as first decided */

static void check_history(uint64_t seed, const bool *gone)
{
    int64_t accepted[2 * COMMANDS_MAX];
    size_t count = 0;
    int64_t bids = 0;
    for (size_t i = 0; i < list.count; i++) {
        const struct voids_entry *entry = &list.entries[i];
        bool bid = entry->kind != COMMAND_WITHDRAW;
        if (bid && entry->standing.effective == gone[i]) {
            ck_abort_msg("seed %llu: entry %zu counts wrongly", (unsigned long long)seed, i);
        }
        if (!bid || !entry->standing.effective || entry->standing.raise) {
            continue;
        }
        bids++;
        if (entry->standing.answered && !entry->answered) {
            ck_abort_msg("seed %llu: entry %zu has an answer that was not there", (unsigned long long)seed, i);
        }
        if (entry->standing.answered && !uuid_equal(&entry->standing.answer_bidder, &answerers[i])) {
            ck_abort_msg("seed %llu: entry %zu is answered by another", (unsigned long long)seed, i);
        }
        int64_t amount = entry->standing.answered ? entry->standing.answer_amount : entry->standing.amount;
        for (size_t k = 0; k < count; k++) {
            if (accepted[k] == amount) {
                ck_abort_msg("seed %llu: two of the same amount", (unsigned long long)seed);
            }
        }
        accepted[count++] = amount;
    }
    if (bids != lot.bid_count) {
        ck_abort_msg("seed %llu: number of bids", (unsigned long long)seed);
    }
}

static void random_terms(void)
{
    switch (random_below(4)) {
    case 0:
        lot.increments = increments_ebay_us();
        break;
    case 1:
        lot.increments = (struct increments){.form = INCREMENTS_PERCENT, .percent = {.points = 700, .least = 30}};
        break;
    case 2:
        lot.increments = (struct increments){.form = INCREMENTS_RUNGS, .count = 4, .rungs = {1000, 1150, 1200, 1500}};
        break;
    default:
        break;
    }
    lot.reserve_price = random_below(2) == 0 ? 0 : 1000 + random_below(2000);
    lot.buy_now_price = random_below(3) == 0 ? 3500 : 0;
}

static void random_auction(void)
{
    size_t commands = 1 + (size_t)random_below(COMMANDS_MAX);
    set_up();
    random_terms();
    for (size_t i = 0; i < commands && lot.status == RULES_ACTIVE; i++) {
        int bidder = 2 + (int)random_below(USERS - 1);
        int64_t chance = random_below(20);
        int64_t minimum = rules_minimum_bid(&lot);
        int64_t amount = minimum - 20 + random_below(12) * 50;
        enum command_kind kind = chance < 9 ? COMMAND_BID : chance < 18 ? COMMAND_PROXY : COMMAND_WITHDRAW;
        kind = chance == 19 && random_below(10) == 0 ? COMMAND_BUY : kind;
        (void)enter(kind, bidder, kind == COMMAND_BID || kind == COMMAND_PROXY ? amount : 0);
    }
}

static void random_void(uint64_t seed, bool *gone)
{
    size_t index = (size_t)random_below((int64_t)list.count);
    const struct voids_entry *entry = &list.entries[index];
    int64_t price = lot.price;
    int64_t end_ms = lot.end_ms;
    bool can = entry->kind != COMMAND_WITHDRAW && !gone[index];
    struct rules_decision decision = void_bid(entry->id.bytes[15]);
    if ((decision.verdict == RULES_ACCEPTED) != can || lot.price > price || lot.end_ms != end_ms) {
        ck_abort_msg("seed %llu: entry %zu", (unsigned long long)seed, index);
    }
    gone[index] = gone[index] || can;
}

START_TEST(after_voids_an_auction_equals_the_oracle)
{
    tear_down();
    for (uint64_t seed = 0; seed < AUCTIONS; seed++) {
        bool gone[COMMANDS_MAX] = {false};
        random_state = seed;
        random_auction();
        for (size_t i = 0; i < list.count; i++) {
            answerers[i] = list.entries[i].standing.answer_bidder;
        }
        oracle_check(seed, gone);
        for (int i = 0; i < VOIDS_MAX && list.count > 0; i++) {
            random_void(seed, gone);
            oracle_check(seed, gone);
            check_history(seed, gone);
        }
        tear_down();
    }
    set_up();
}
END_TEST

static Suite *voids_suite(void)
{
    Suite *suite = suite_create("voids");
    TCase *tcase = tcase_create("voids");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, voiding_the_only_bid_leaves_no_bids);
    tcase_add_test(tcase, voiding_the_highest_bid_lets_the_next_lead);
    tcase_add_test(tcase, a_maximum_pays_one_increment_over_the_remaining_bids);
    tcase_add_test(tcase, voiding_a_maximum_removes_its_automatic_bids);
    tcase_add_test(tcase, an_automatic_bid_is_never_given_to_another_user);
    tcase_add_test(tcase, a_raise_of_a_voided_maximum_becomes_a_bid);
    tcase_add_test(tcase, voiding_a_raise_restores_the_maximum_before);
    tcase_add_test(tcase, voiding_a_bid_between_two_of_one_user_makes_the_second_a_raise);
    tcase_add_test(tcase, a_withdrawal_is_kept_by_a_void);
    tcase_add_test(tcase, a_void_can_leave_the_reserve_unmet);
    tcase_add_test(tcase, a_void_keeps_extensions);
    tcase_add_test(tcase, a_void_after_settlement_changes_the_outcome);
    tcase_add_test(tcase, a_voided_purchase_does_not_reopen_the_auction);
    tcase_add_test(tcase, unknown_rejected_and_already_voided_bids_cannot_be_voided);
    tcase_add_test(tcase, a_bidder_can_retract_own_bids_in_time);
    tcase_add_test(tcase, after_voids_an_auction_equals_the_oracle);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(voids_suite());
}
