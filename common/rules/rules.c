/*
 * The rules of bidding; see rules.h. A command goes through three questions: is the auction open for it (rules 8, 10,
 * 11), is the amount one that may be bid (rules 1, 5), and what do price and lead become (rules 2 to 6). Whatever
 * changed either of them may then move the end (rule 7).
 *
 * Why no two accepted public entries are equal: each of them carries the price that it led to, and each way to one
 * (rules_take_lead, rules_lose, rules_bid_on_own_lead) starts from an amount of at least minimumBid, which is above
 * the price there was, and ends at a price above that one. A beaten bid may equal the automatic answer to it; but a
 * beaten bid is outbid, not accepted.
 */
#include "common/rules/rules.h"

#include <assert.h>
#include <string.h>

static const char *const RULES_REASON_TEXTS[] = {
    [RULES_NONE] = "",
    [RULES_BID_TOO_LOW] = "BID_TOO_LOW",
    [RULES_AUCTION_ENDED] = "AUCTION_ENDED",
    [RULES_AUCTION_NOT_STARTED] = "AUCTION_NOT_STARTED",
    [RULES_AUCTION_CANCELLED] = "AUCTION_CANCELLED",
    [RULES_OWN_AUCTION] = "OWN_AUCTION",
    [RULES_USER_BANNED] = "USER_BANNED",
    [RULES_MAXIMUM_NOT_RAISED] = "MAXIMUM_NOT_RAISED",
    [RULES_NO_MAXIMUM] = "NO_MAXIMUM",
    [RULES_TERMS_CHANGED] = "TERMS_CHANGED",
    [RULES_INVALID_AMOUNT] = "INVALID_AMOUNT",
    [RULES_INTERNAL_ERROR] = "INTERNAL_ERROR",
    [RULES_NOT_FOUND] = "NOT_FOUND",
    [RULES_VERSION_CONFLICT] = "VERSION_CONFLICT",
    [RULES_HAS_BIDS] = "HAS_BIDS",
    [RULES_BUY_NOW_GONE] = "BUY_NOW_GONE",
    [RULES_END_NOT_LATER] = "END_NOT_LATER",
    [RULES_BID_VOIDED] = "BID_VOIDED",
    [RULES_RETRACT_TOO_LATE] = "RETRACT_TOO_LATE",
    [RULES_TOO_MANY_BIDS] = "TOO_MANY_BIDS",
};

static const char *const RULES_KIND_TEXTS[RULES_KIND_COUNT] = {
    [RULES_BID] = "bid",         [RULES_PROXY] = "proxy", [RULES_WITHDRAW] = "withdraw", [RULES_START] = "start",
    [RULES_FENCE] = "end",       [RULES_BUY] = "buy",     [RULES_UPDATE] = "update",     [RULES_CANCEL] = "cancel",
    [RULES_EXTEND] = "extend",   [RULES_CLOSE] = "close", [RULES_ABORT] = "abort",       [RULES_VOID] = "void",
    [RULES_RETRACT] = "retract",
};

static const char *const RULES_STATUS_TEXTS[] = {
    [RULES_DRAFT] = "draft", [RULES_SCHEDULED] = "scheduled", [RULES_ACTIVE] = "active",       [RULES_ENDED] = "ended",
    [RULES_SOLD] = "sold",   [RULES_UNSOLD] = "unsold",       [RULES_CANCELLED] = "cancelled",
};

const char *rules_reason_text(enum rules_reason reason)
{
    assert((size_t)reason < ARRAY_LEN(RULES_REASON_TEXTS));
    return RULES_REASON_TEXTS[reason];
}

bool rules_reason_parse(const char *text, enum rules_reason *reason)
{
    for (size_t i = 0; i < ARRAY_LEN(RULES_REASON_TEXTS); i++) {
        if (strcmp(text, RULES_REASON_TEXTS[i]) == 0) {
            *reason = (enum rules_reason)i;
            return true;
        }
    }
    return false;
}

const char *rules_status_text(enum rules_status status)
{
    assert((size_t)status < ARRAY_LEN(RULES_STATUS_TEXTS));
    return RULES_STATUS_TEXTS[status];
}

bool rules_status_parse(const char *text, enum rules_status *status)
{
    for (size_t i = 0; i < ARRAY_LEN(RULES_STATUS_TEXTS); i++) {
        if (strcmp(text, RULES_STATUS_TEXTS[i]) == 0) {
            *status = (enum rules_status)i;
            return true;
        }
    }
    return false;
}

const char *rules_kind_text(enum rules_kind kind)
{
    assert(kind < RULES_KIND_COUNT);
    return RULES_KIND_TEXTS[kind];
}

bool rules_kind_parse(const char *text, enum rules_kind *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(RULES_KIND_TEXTS); i++) {
        if (strcmp(text, RULES_KIND_TEXTS[i]) == 0) {
            *kind = (enum rules_kind)i;
            return true;
        }
    }
    return false;
}

int64_t rules_minimum_bid(const struct rules_auction *auction)
{
    int64_t increment;

    if (!auction->has_leader) {
        return auction->starting_price;
    }
    increment = increments_at(&auction->increments, auction->price);
    return increment > MONEY_MAX - auction->price ? MONEY_MAX + 1 : auction->price + increment;
}

bool rules_can_buy(const struct rules_auction *auction)
{
    return auction->buy_now_price > 0 && (!auction->has_leader || auction->price < auction->reserve_price);
}

enum rules_status rules_outcome(const struct rules_auction *auction)
{
    return auction->has_leader && auction->price >= auction->reserve_price ? RULES_SOLD : RULES_UNSOLD;
}

static struct rules_decision rules_rejected(enum rules_reason reason)
{
    return (struct rules_decision){.verdict = RULES_REJECTED, .reason = reason};
}

static bool rules_leads(const struct rules_auction *auction, const struct uuid *user_id)
{
    return auction->has_leader && uuid_equal(&auction->leader_id, user_id);
}

/* Rules 8, 10 and 11, for the auction as it stands; one that should have started by now has been started. */
static enum rules_reason rules_closed(const struct rules_auction *auction, const struct rules_command *command)
{
    if (auction->status == RULES_CANCELLED) {
        return RULES_AUCTION_CANCELLED;
    }
    if (auction->status == RULES_DRAFT || auction->status == RULES_SCHEDULED ||
        command->received_ms < auction->start_ms) {
        return RULES_AUCTION_NOT_STARTED;
    }
    if (auction->status != RULES_ACTIVE || command->received_ms >= auction->end_ms) {
        return RULES_AUCTION_ENDED;
    }
    if (uuid_equal(&command->bidder_id, &auction->seller_id)) {
        return RULES_OWN_AUCTION;
    }
    if (command->kind == RULES_WITHDRAW) {
        return RULES_NONE; /* lowers a maximum to the price: open to the banned, and under any terms */
    }
    if (command->banned) {
        return RULES_USER_BANNED;
    }
    if (command->terms_version != 0 && command->terms_version != auction->terms_version) {
        return RULES_TERMS_CHANGED;
    }
    return RULES_NONE;
}

/* Rules 1 and 5: what may be bid. */
static enum rules_reason rules_amount_refused(const struct rules_auction *auction, const struct rules_command *command)
{
    if (command->amount < 1 || command->amount > MONEY_MAX) {
        return RULES_INVALID_AMOUNT;
    }
    if (command->kind == RULES_PROXY && rules_leads(auction, &command->bidder_id)) {
        return command->amount > auction->leader_max ? RULES_NONE : RULES_MAXIMUM_NOT_RAISED;
    }
    if (command->again && auction->has_leader) {
        return command->amount > auction->price ? RULES_NONE : RULES_BID_TOO_LOW;
    }
    return command->amount >= rules_minimum_bid(auction) ? RULES_NONE : RULES_BID_TOO_LOW;
}

/* Rules 3 and 6 for the leader there is: the price moves up to what they call for, and never down. */
static void rules_settle_price(struct rules_auction *auction)
{
    int64_t due = auction->price;

    if (auction->runner_up_max > 0) {
        int64_t above =
            money_add_capped(auction->runner_up_max, increments_at(&auction->increments, auction->runner_up_max));

        above = above < auction->leader_max ? above : auction->leader_max;
        due = above > due ? above : due;
    }
    if (auction->leader_max >= auction->reserve_price && auction->reserve_price > due) {
        due = auction->reserve_price;
    }
    assert(due >= auction->price && due <= auction->leader_max);
    auction->price = due;
}

/* Rules 2 and 3: a bid above every maximum there is, or the first one. */
static struct rules_decision rules_take_lead(struct rules_auction *auction, const struct rules_command *command)
{
    struct rules_decision decision = {
        .verdict = RULES_ACCEPTED,
        .lead_lost = auction->has_leader,
        .loser = auction->leader_id,
        .loser_by_proxy = auction->has_leader && auction->leader_by_proxy,
    };

    if (!auction->has_leader) {
        auction->price = auction->starting_price;
    }
    auction->runner_up_max = auction->has_leader ? auction->leader_max : 0;
    auction->has_leader = true;
    auction->leader_id = command->bidder_id;
    auction->leader_bid_id = command->id;
    auction->leader_by_proxy = command->kind == RULES_PROXY;
    auction->leader_max = command->amount;
    if (command->kind == RULES_BID) {
        auction->price = command->amount;
    }
    rules_settle_price(auction);
    auction->bid_count++;
    decision.amount = auction->price;
    return decision;
}

/* Rules 3 and 4: a bid that a standing maximum beats, or equals and was there first. */
static struct rules_decision rules_lose(struct rules_auction *auction, const struct rules_command *command)
{
    struct rules_decision decision = {
        .verdict = RULES_OUTBID,
        .amount = command->amount,
        .automatic = true,
        .automatic_bidder = auction->leader_id,
    };

    assert(auction->leader_by_proxy && command->amount > auction->runner_up_max);
    auction->runner_up_max = command->amount;
    rules_settle_price(auction);
    auction->bid_count++;
    decision.automatic_amount = auction->price;
    return decision;
}

/* Rule 5, first half: more room for the lead, no bid. */
static struct rules_decision rules_raise(struct rules_auction *auction, const struct rules_command *command)
{
    auction->leader_max = command->amount;
    auction->leader_by_proxy = true;
    auction->leader_bid_id = command->id;
    rules_settle_price(auction);
    return (struct rules_decision){.verdict = RULES_ACCEPTED, .raise = true, .amount = auction->price};
}

/* Rule 5, second half: an open bid against nobody sets the price and keeps a maximum that is higher. */
static struct rules_decision rules_bid_on_own_lead(struct rules_auction *auction, const struct rules_command *command)
{
    if (command->amount >= auction->leader_max) {
        auction->leader_max = command->amount;
        auction->leader_by_proxy = false;
    }
    auction->leader_bid_id = command->id;
    auction->price = command->amount;
    auction->bid_count++;
    return (struct rules_decision){.verdict = RULES_ACCEPTED, .amount = command->amount};
}

/* Rule 7, for a bid that changed the price or the lead. */
static bool rules_extend(struct rules_auction *auction, int64_t received_ms)
{
    int64_t end_ms = received_ms + auction->snipe_extension_ms;

    if (auction->snipe_window_ms == 0 || received_ms < auction->end_ms - auction->snipe_window_ms ||
        end_ms <= auction->end_ms || (auction->snipe_max >= 0 && auction->extensions_used >= auction->snipe_max)) {
        return false;
    }
    auction->end_ms = end_ms;
    auction->extensions_used++;
    return true;
}

/* A bid or a maximum that is in time and enough. */
static struct rules_decision rules_place(struct rules_auction *auction, const struct rules_command *command)
{
    int64_t price = auction->price;
    struct rules_decision decision;

    if (!rules_leads(auction, &command->bidder_id)) {
        bool leads = !auction->has_leader || command->amount > auction->leader_max;

        decision = leads ? rules_take_lead(auction, command) : rules_lose(auction, command);
    } else if (command->kind == RULES_PROXY) {
        decision = rules_raise(auction, command);
    } else {
        decision = rules_bid_on_own_lead(auction, command);
    }
    /* Who takes the lead always moves the price too. */
    if (auction->price != price && !command->again) {
        decision.extended = rules_extend(auction, command->received_ms);
    }
    return decision;
}

static struct rules_decision rules_withdraw(struct rules_auction *auction, const struct rules_command *command)
{
    if (!rules_leads(auction, &command->bidder_id) || !auction->leader_by_proxy) {
        return rules_rejected(RULES_NO_MAXIMUM);
    }
    auction->leader_max = auction->price;
    auction->leader_by_proxy = false;
    return (struct rules_decision){.verdict = RULES_ACCEPTED};
}

/* Rule 8: whatever shows that startTime has come starts a scheduled auction, a refused bid too. */
static bool rules_start(struct rules_auction *auction, int64_t received_ms)
{
    if (auction->status != RULES_SCHEDULED || received_ms < auction->start_ms) {
        return false;
    }
    auction->status = RULES_ACTIVE;
    return true;
}

static struct rules_decision rules_fence(struct rules_auction *auction, int64_t received_ms)
{
    if (auction->status != RULES_ACTIVE || received_ms < auction->end_ms) {
        return (struct rules_decision){.verdict = RULES_DROPPED};
    }
    auction->status = RULES_ENDED;
    return (struct rules_decision){.verdict = RULES_ACCEPTED, .ended = true};
}

/* No bid stands in the way: the highest maximum is below the reserve, and so below the price that is paid. */
static struct rules_decision rules_buy(struct rules_auction *auction, const struct rules_command *command)
{
    bool led = rules_leads(auction, &command->bidder_id);
    struct rules_decision decision = {.verdict = RULES_ACCEPTED, .amount = auction->buy_now_price, .ended = true};

    if (!rules_can_buy(auction)) {
        return rules_rejected(RULES_BUY_NOW_GONE);
    }
    if (auction->has_leader && !led) {
        decision.lead_lost = true;
        decision.loser = auction->leader_id;
        decision.loser_by_proxy = auction->leader_by_proxy;
        auction->runner_up_max = auction->leader_max;
    }
    auction->has_leader = true;
    auction->leader_id = command->bidder_id;
    auction->leader_bid_id = command->id;
    auction->leader_by_proxy = false;
    auction->leader_max = auction->buy_now_price;
    auction->price = auction->buy_now_price;
    auction->bid_count++;
    auction->status = RULES_ENDED;
    auction->end_ms = command->received_ms;
    return decision;
}

/* Rule 11: is the auction one that may still be changed in this way? */
static enum rules_reason rules_unchangeable(const struct rules_auction *auction, const struct rules_command *command)
{
    bool of_seller = command->kind == RULES_UPDATE || command->kind == RULES_CANCEL;

    if (auction->status == RULES_CANCELLED) {
        return RULES_AUCTION_CANCELLED;
    }
    if (auction->status == RULES_DRAFT || (auction->status == RULES_SCHEDULED && command->kind == RULES_CLOSE)) {
        return RULES_AUCTION_NOT_STARTED;
    }
    if ((auction->status != RULES_SCHEDULED && auction->status != RULES_ACTIVE) ||
        command->received_ms >= auction->end_ms) {
        return RULES_AUCTION_ENDED;
    }
    if (of_seller && auction->has_leader) {
        return RULES_HAS_BIDS;
    }
    if (command->kind == RULES_UPDATE &&
        (command->stale || (auction->status == RULES_ACTIVE && command->terms->start_ms != auction->start_ms))) {
        return RULES_VERSION_CONFLICT;
    }
    return command->kind == RULES_EXTEND && command->end_ms <= auction->end_ms ? RULES_END_NOT_LATER : RULES_NONE;
}

static void rules_take_terms(struct rules_auction *auction, const struct rules_terms *terms)
{
    auction->starting_price = terms->starting_price;
    auction->reserve_price = terms->reserve_price;
    auction->buy_now_price = terms->buy_now_price;
    auction->increments = terms->increments;
    auction->snipe_window_ms = terms->snipe_window_ms;
    auction->snipe_extension_ms = terms->snipe_extension_ms;
    auction->snipe_max = terms->snipe_max;
    auction->start_ms = terms->start_ms;
    auction->end_ms = terms->end_ms;
    auction->terms_version++;
}

static struct rules_decision rules_change(struct rules_auction *auction, const struct rules_command *command)
{
    enum rules_reason reason = rules_unchangeable(auction, command);
    struct rules_decision decision = {.verdict = RULES_ACCEPTED};

    if (reason != RULES_NONE) {
        return rules_rejected(reason);
    }
    if (command->kind == RULES_UPDATE) {
        rules_take_terms(auction, command->terms);
    } else if (command->kind == RULES_EXTEND) {
        auction->end_ms = command->end_ms;
        decision.extended = true;
    } else if (command->kind == RULES_CLOSE) {
        auction->status = RULES_ENDED;
        auction->end_ms = command->received_ms;
        decision.ended = true;
    } else {
        auction->status = RULES_CANCELLED;
        decision.cancelled = true;
    }
    return decision;
}

static struct rules_decision rules_decide_bidder(struct rules_auction *auction, const struct rules_command *command)
{
    enum rules_reason reason = command->again ? RULES_NONE : rules_closed(auction, command);

    if (reason != RULES_NONE) {
        return rules_rejected(reason);
    }
    if (command->kind == RULES_WITHDRAW) {
        return rules_withdraw(auction, command);
    }
    if (command->kind == RULES_BUY) {
        return rules_buy(auction, command);
    }
    reason = rules_amount_refused(auction, command);
    return reason != RULES_NONE ? rules_rejected(reason) : rules_place(auction, command);
}

struct rules_decision rules_decide(struct rules_auction *auction, const struct rules_command *command)
{
    struct rules_decision decision;
    bool started;

    assert(!auction->has_leader ||
           (auction->price > 0 && auction->price <= auction->leader_max && auction->runner_up_max <= auction->price));
    assert(command->kind < RULES_VOID);
    if (command->kind == RULES_FENCE) {
        return rules_fence(auction, command->received_ms);
    }
    started = rules_start(auction, command->received_ms);
    if (command->kind == RULES_START) {
        decision = (struct rules_decision){.verdict = started ? RULES_ACCEPTED : RULES_DROPPED};
    } else if (command->kind >= RULES_UPDATE) {
        decision = rules_change(auction, command);
        /* New terms may say that it starts now. */
        started = rules_start(auction, command->received_ms) || started;
    } else {
        decision = rules_decide_bidder(auction, command);
    }
    decision.started = started;
    return decision;
}
