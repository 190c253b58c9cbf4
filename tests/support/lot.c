/*
 * See lot.h.
 */
#include "tests/support/lot.h"

struct rules_auction lot;
static uint8_t lot_next_id;

struct uuid lot_user(int user)
{
    struct uuid id = {.bytes = {[15] = (uint8_t)user}};
    return id;
}

void lot_reset(void)
{
    lot_next_id = 0;
    lot = (struct rules_auction){
        .seller_id = lot_user(SELLER),
        .starting_price = 1000,
        .increments = increments_fixed(100),
        .snipe_window_ms = LOT_WINDOW_MS,
        .snipe_extension_ms = LOT_EXTENSION_MS,
        .snipe_max = -1,
        .start_ms = LOT_START_MS,
        .terms_version = 3,
        .status = RULES_ACTIVE,
        .end_ms = LOT_END_MS,
    };
}

struct rules_decision lot_send(enum command_kind kind, int bidder, int64_t amount, int64_t at_ms)
{
    struct rules_command command = {
        .kind = kind,
        .id = {.bytes = {[0] = 0xb1, [15] = ++lot_next_id}},
        .bidder_id = lot_user(bidder),
        .amount = amount,
        .received_ms = at_ms,
        .terms_version = lot.terms_version,
    };
    return rules_decide(&lot, &command);
}

struct rules_decision lot_bid(int bidder, int64_t amount)
{
    return lot_send(COMMAND_BID, bidder, amount, LOT_NOW_MS);
}

struct rules_decision lot_proxy(int bidder, int64_t amount)
{
    return lot_send(COMMAND_PROXY, bidder, amount, LOT_NOW_MS);
}

void lot_expect_rejected(struct rules_decision decision, enum rules_reason reason)
{
    ck_assert_int_eq(decision.verdict, RULES_REJECTED);
    ck_assert_str_eq(rules_reason_text(decision.reason), rules_reason_text(reason));
    ck_assert_int_eq(decision.amount, 0);
    ck_assert(!decision.automatic && !decision.extended && !decision.lead_lost && !decision.raise && !decision.ended);
}

void lot_expect_accepted(struct rules_decision decision, int64_t amount)
{
    ck_assert_int_eq(decision.verdict, RULES_ACCEPTED);
    ck_assert_int_eq(decision.reason, RULES_NONE);
    ck_assert_int_eq(decision.amount, amount);
    ck_assert(!decision.automatic);
}

void lot_expect_outbid(struct rules_decision decision, int64_t amount, int by, int64_t answer)
{
    struct uuid answerer = lot_user(by);
    ck_assert_int_eq(decision.verdict, RULES_OUTBID);
    ck_assert_int_eq(decision.amount, amount);
    ck_assert(decision.automatic && !decision.lead_lost);
    ck_assert(uuid_equal(&decision.automatic_bidder, &answerer));
    ck_assert_int_eq(decision.automatic_amount, answer);
}

void lot_expect_state(int leader, int64_t price, int64_t leader_max, int64_t bid_count)
{
    struct uuid id = lot_user(leader);
    ck_assert(lot.has_leader && uuid_equal(&lot.leader_id, &id));
    ck_assert_int_eq(lot.price, price);
    ck_assert_int_eq(lot.leader_max, leader_max);
    ck_assert_int_eq(lot.bid_count, bid_count);
}

void lot_expect_lost(struct rules_decision decision, int loser, bool by_proxy)
{
    struct uuid id = lot_user(loser);
    ck_assert(decision.lead_lost && uuid_equal(&decision.loser, &id));
    ck_assert_int_eq(decision.loser_by_proxy, by_proxy);
}
