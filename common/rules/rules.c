/*
 * The rules of bidding; see rules.h. A command passes three checks:
 *   - Is the auction open for it (rules 8, 10, 11)?
 *   - Is the amount permitted (rules 1, 5)?
 *   - What do price and lead become (rules 2 to 6)?
 * A command that changed one of them may then move the end (rule 7).
 *
 * Why no two accepted public entries are equal: each carries the price that resulted from it. Three functions set such
 * a price: rules_take_lead, rules_lose and rules_bid_on_own_lead. Each starts from an amount of at least minimumBid,
 * which is above the old price, and ends at a price above the old one. A beaten bid may equal the automatic answer to
 * it, but it is outbid, not accepted.
 */
#include "common/rules/rules.h"

#include <assert.h>
#include <string.h>

#include "common/base/names.h"

#define RULES_REASON_TEXT(name)       [RULES_##name] = #name,
#define RULES_STATUS_TEXT(name, text) [RULES_##name] = (text),
static const char *const RULES_REASON_TEXTS[RULES_REASON_COUNT] = {[RULES_NONE] = "", RULES_REASONS(RULES_REASON_TEXT)};
static const char *const RULES_STATUS_TEXTS[RULES_STATUS_COUNT] = {[RULES_NO_STATUS] = "",
                                                                   RULES_STATUSES(RULES_STATUS_TEXT)};

const char *rules_reason_text(enum rules_reason reason)
{
    assert((size_t)reason < RULES_REASON_COUNT);
    return RULES_REASON_TEXTS[reason];
}

bool rules_reason_parse(const char *text, enum rules_reason *reason)
{
    size_t index = 0;
    if (!names_find(RULES_REASON_TEXTS, RULES_REASON_COUNT, text, strlen(text), &index)) {
        return false;
    }
    *reason = (enum rules_reason)index;
    return true;
}

const char *rules_status_text(enum rules_status status)
{
    assert((size_t)status < RULES_STATUS_COUNT);
    return RULES_STATUS_TEXTS[status];
}

bool rules_status_parse(const char *text, enum rules_status *status)
{
    size_t index = 0;
    if (!names_find(RULES_STATUS_TEXTS, RULES_STATUS_COUNT, text, strlen(text), &index) || index == RULES_NO_STATUS) {
        return false;
    }
    *status = (enum rules_status)index;
    return true;
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

/* Rules 8, 10 and 11 for the present state. An auction whose start time has come was already started. */
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
    if (command->kind == COMMAND_WITHDRAW) {
        return RULES_NONE; /* only lowers a maximum to the price: permitted to banned users and on any terms */
    }
    if (command->banned) {
        return RULES_USER_BANNED;
    }
    if (command->terms_version != 0 && command->terms_version != auction->terms_version) {
        return RULES_TERMS_CHANGED;
    }
    return RULES_NONE;
}

/* Rules 1 and 5: the permitted amounts. */
static enum rules_reason rules_amount_refused(const struct rules_auction *auction, const struct rules_command *command)
{
    if (command->amount < 1 || command->amount > MONEY_MAX) {
        return RULES_INVALID_AMOUNT;
    }
    if (command->kind == COMMAND_PROXY && rules_leads(auction, &command->bidder_id)) {
        return command->amount > auction->leader_max ? RULES_NONE : RULES_MAXIMUM_NOT_RAISED;
    }
    if (command->again && auction->has_leader) {
        return command->amount > auction->price ? RULES_NONE : RULES_BID_TOO_LOW;
    }
    return command->amount >= rules_minimum_bid(auction) ? RULES_NONE : RULES_BID_TOO_LOW;
}

/* Rules 3 and 6: raises the price as far as the runner-up's maximum and the reserve require. Never lowers it. */
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

/* Rules 2 and 3: a bid above all maximums, or the first bid. */
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
    auction->leader_by_proxy = command->kind == COMMAND_PROXY;
    auction->leader_max = command->amount;
    if (command->kind == COMMAND_BID) {
        auction->price = command->amount;
    }
    rules_settle_price(auction);
    auction->bid_count++;
    decision.amount = auction->price;
    return decision;
}

/* Rules 3 and 4: a bid below the leader's maximum, or equal to it. */
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

/* Rule 5, first half: the leader raises their maximum; this is no bid. */
static struct rules_decision rules_raise(struct rules_auction *auction, const struct rules_command *command)
{
    auction->leader_max = command->amount;
    auction->leader_by_proxy = true;
    auction->leader_bid_id = command->id;
    rules_settle_price(auction);
    return (struct rules_decision){.verdict = RULES_ACCEPTED, .raise = true, .amount = auction->price};
}

/* Rule 5, second half: the leader's own open bid sets the price, and a higher maximum is kept. */
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

/* Applies a bid or a maximum that passed the checks. */
static struct rules_decision rules_place(struct rules_auction *auction, const struct rules_command *command)
{
    int64_t price = auction->price;
    struct rules_decision decision;

    if (!rules_leads(auction, &command->bidder_id)) {
        bool leads = !auction->has_leader || command->amount > auction->leader_max;

        decision = leads ? rules_take_lead(auction, command) : rules_lose(auction, command);
    } else if (command->kind == COMMAND_PROXY) {
        decision = rules_raise(auction, command);
    } else {
        decision = rules_bid_on_own_lead(auction, command);
    }
    /* A new leader always changes the price too. */
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

/* Rule 8: any command that is received after the start time starts a scheduled auction, even a rejected bid. */
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

/* No bid conflicts: the highest maximum is below the reserve, and so below the buy-now price. */
static struct rules_decision rules_buy(struct rules_auction *auction, const struct rules_command *command)
{
    bool led = rules_leads(auction, &command->bidder_id);
    struct rules_decision decision = {.verdict = RULES_ACCEPTED, .amount = auction->buy_now_price, .ended = true};

    if (!rules_can_buy(auction)) {
        return rules_rejected(RULES_BUY_NOW_GONE);
    }
    if (command->price != 0 && command->price != auction->buy_now_price) {
        return rules_rejected(RULES_TERMS_CHANGED);
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

/* A sold auction may be reopened, too: the operator decides that. */
static enum rules_reason rules_unreopenable(const struct rules_auction *auction, const struct rules_command *command)
{
    if (auction->status == RULES_CANCELLED) {
        return RULES_AUCTION_CANCELLED;
    }
    if (auction->status == RULES_DRAFT || auction->status == RULES_SCHEDULED) {
        return RULES_AUCTION_NOT_STARTED;
    }
    return command->end_ms <= auction->end_ms ? RULES_END_NOT_LATER : RULES_NONE;
}

/* Rule 11: whether the auction may still be changed in this way. */
static enum rules_reason rules_unchangeable(const struct rules_auction *auction, const struct rules_command *command)
{
    bool of_seller = command->kind == COMMAND_UPDATE || command->kind == COMMAND_CANCEL;

    if (auction->status == RULES_CANCELLED) {
        return RULES_AUCTION_CANCELLED;
    }
    if (auction->status == RULES_DRAFT || (auction->status == RULES_SCHEDULED && command->kind == COMMAND_CLOSE)) {
        return RULES_AUCTION_NOT_STARTED;
    }
    if ((auction->status != RULES_SCHEDULED && auction->status != RULES_ACTIVE) ||
        command->received_ms >= auction->end_ms) {
        return RULES_AUCTION_ENDED;
    }
    if (of_seller && auction->has_leader) {
        return RULES_HAS_BIDS;
    }
    if (command->kind == COMMAND_UPDATE &&
        (command->stale || (auction->status == RULES_ACTIVE && command->terms->start_ms != auction->start_ms))) {
        return RULES_VERSION_CONFLICT;
    }
    return command->kind == COMMAND_EXTEND && command->end_ms <= auction->end_ms ? RULES_END_NOT_LATER : RULES_NONE;
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

static struct rules_decision rules_update(struct rules_auction *auction, const struct rules_command *command)
{
    rules_take_terms(auction, command->terms);
    /* The new terms may have a start time that has come. */
    return (struct rules_decision){.verdict = RULES_ACCEPTED, .started = rules_start(auction, command->received_ms)};
}

static struct rules_decision rules_extend_to(struct rules_auction *auction, int64_t end_ms)
{
    auction->end_ms = end_ms;
    return (struct rules_decision){.verdict = RULES_ACCEPTED, .extended = true};
}

static struct rules_decision rules_reopen(struct rules_auction *auction, int64_t end_ms)
{
    auction->status = RULES_ACTIVE;
    return rules_extend_to(auction, end_ms);
}

static struct rules_decision rules_close(struct rules_auction *auction, int64_t received_ms)
{
    auction->status = RULES_ENDED;
    auction->end_ms = received_ms;
    return (struct rules_decision){.verdict = RULES_ACCEPTED, .ended = true};
}

static struct rules_decision rules_cancel(struct rules_auction *auction)
{
    auction->status = RULES_CANCELLED;
    return (struct rules_decision){.verdict = RULES_ACCEPTED, .cancelled = true};
}

/* Reasons against the command other than its amount. */
static enum rules_reason rules_refused(const struct rules_auction *auction, const struct rules_command *command)
{
    switch (command_kind_group(command->kind)) {
    case COMMAND_GROUP_BID:
    case COMMAND_GROUP_WITHDRAW:
        return command->again ? RULES_NONE : rules_closed(auction, command);
    case COMMAND_GROUP_CHANGE:
        return command->kind == COMMAND_REOPEN ? rules_unreopenable(auction, command)
                                               : rules_unchangeable(auction, command);
    case COMMAND_GROUP_SCHEDULE:
    case COMMAND_GROUP_VOID:
    case COMMAND_GROUP_NONE:
        break;
    }
    return RULES_NONE; /* rules_act rejects the kinds that are not decided here */
}

/* Applies a permitted command. `started`: this command has started the auction. */
static struct rules_decision rules_act(struct rules_auction *auction, const struct rules_command *command, bool started)
{
    enum rules_reason reason;

    switch (command->kind) {
    case COMMAND_BID:
    case COMMAND_PROXY:
        reason = rules_amount_refused(auction, command);
        return reason != RULES_NONE ? rules_rejected(reason) : rules_place(auction, command);
    case COMMAND_WITHDRAW:
        return rules_withdraw(auction, command);
    case COMMAND_BUY:
        return rules_buy(auction, command);
    case COMMAND_START:
        return (struct rules_decision){.verdict = started ? RULES_ACCEPTED : RULES_DROPPED};
    case COMMAND_FENCE:
        return rules_fence(auction, command->received_ms);
    case COMMAND_UPDATE:
        return rules_update(auction, command);
    case COMMAND_EXTEND:
        return rules_extend_to(auction, command->end_ms);
    case COMMAND_REOPEN:
        return rules_reopen(auction, command->end_ms);
    case COMMAND_CLOSE:
        return rules_close(auction, command->received_ms);
    case COMMAND_CANCEL:
    case COMMAND_ABORT:
        return rules_cancel(auction);
    case COMMAND_VOID:
    case COMMAND_RETRACT:
    case COMMAND_NONE:
        break;
    }
    return rules_rejected(RULES_INTERNAL_ERROR);
}

struct rules_decision rules_decide(struct rules_auction *auction, const struct rules_command *command)
{
    struct rules_decision decision;
    enum rules_reason reason;
    bool started;

    assert(!auction->has_leader ||
           (auction->price > 0 && auction->price <= auction->leader_max && auction->runner_up_max <= auction->price));
    /* A fence of an auction that never started has no effect. */
    started = command->kind != COMMAND_FENCE && rules_start(auction, command->received_ms);
    reason = rules_refused(auction, command);
    decision = reason != RULES_NONE ? rules_rejected(reason) : rules_act(auction, command, started);
    decision.started = decision.started || started;
    return decision;
}
