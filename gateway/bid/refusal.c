/*
 * See refusal.h.
 */
#include "gateway/bid/refusal.h"

/* Rule 1, and rule 5 for a leader who raises their maximum. */
static bool too_low(const struct snapshot *snapshot, const struct command *command)
{
    switch (command_kind_carries(command->kind)) {
    case COMMAND_CARRIES_AMOUNT:
        return command->amount < snapshot->minimum_bid;
    case COMMAND_CARRIES_MAXIMUM:
        return command->amount < snapshot->minimum_bid && !uuid_equal(&snapshot->leader_id, &command->user_id);
    case COMMAND_CARRIES_NOTHING:
        break;
    }
    return false;
}

bool refusal_lasts(enum error_code reason)
{
    return reason == ERROR_OWN_AUCTION || reason == ERROR_AUCTION_CANCELLED;
}

static bool is_open(const struct snapshot *snapshot)
{
    return snapshot->status == RULES_SCHEDULED || snapshot->status == RULES_ACTIVE;
}

bool refusal_certain(const struct snapshot *snapshot, const struct command *command, int64_t now_ms,
                     enum error_code *reason)
{
    if (snapshot->status == RULES_DRAFT) {
        *reason = ERROR_NOT_FOUND;
    } else if (snapshot->status == RULES_CANCELLED) {
        *reason = ERROR_AUCTION_CANCELLED;
    } else if (uuid_equal(&snapshot->seller_id, &command->user_id)) {
        *reason = ERROR_OWN_AUCTION;
    } else if (!is_open(snapshot)) {
        *reason = ERROR_AUCTION_ENDED;
    } else if (snapshot->status == RULES_SCHEDULED && now_ms < snapshot->start_ms) {
        *reason = ERROR_AUCTION_NOT_STARTED;
    } else if (too_low(snapshot, command)) {
        *reason = ERROR_BID_TOO_LOW;
    } else {
        return false;
    }
    return true;
}
