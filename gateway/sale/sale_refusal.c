/*
 * See sale_refusal.h.
 */
#include "gateway/sale/sale_refusal.h"

static enum sale_reason join_refusal(const struct sale *sale, const struct sale_command *command, int64_t now_ms)
{
    if (sale->status == SALE_UPCOMING && now_ms < sale->terms.join_ms) {
        return SALE_REASON_SALE_NOT_OPEN;
    }
    return command->quantity > sale->terms.per_user_limit ? SALE_REASON_LIMIT_REACHED : SALE_REASON_NONE;
}

static enum sale_reason order_refusal(const struct sale *sale, int64_t now_ms)
{
    bool begun = sale->status == SALE_ACTIVE;
    return !begun && now_ms < sale->terms.start_ms ? SALE_REASON_SALE_NOT_STARTED : SALE_REASON_NONE;
}

enum sale_reason sale_refusal_of(const struct sale_snapshot *snapshot, const struct sale_command *command,
                                 int64_t now_ms)
{
    const struct sale *sale = &snapshot->sale;
    bool of_line = command->kind == SALE_COMMAND_JOIN || command->kind == SALE_COMMAND_LEAVE ||
                   command->kind == SALE_COMMAND_ORDER;
    if (of_line && sale_over(sale)) {
        return sale_over_reason(sale);
    }
    if (snapshot->updating) {
        return SALE_REASON_NONE; /* its new terms may allow the command */
    }
    switch (command->kind) {
    case SALE_COMMAND_JOIN:
        return join_refusal(sale, command, now_ms);
    case SALE_COMMAND_ORDER:
        return order_refusal(sale, now_ms);
    case SALE_COMMAND_NONE:
    case SALE_COMMAND_OPEN:
    case SALE_COMMAND_START:
    case SALE_COMMAND_LEAVE:
    case SALE_COMMAND_CONFIRM:
    case SALE_COMMAND_FAIL:
    case SALE_COMMAND_CANCEL:
    case SALE_COMMAND_EXPIRE:
    case SALE_COMMAND_FENCE:
    case SALE_COMMAND_UPDATE:
    case SALE_COMMAND_EXTEND:
    case SALE_COMMAND_CLOSE:
    case SALE_COMMAND_ABORT:
        break;
    }
    return SALE_REASON_NONE;
}

bool sale_refusal_lasts(enum sale_reason reason)
{
    return reason == SALE_REASON_SALE_CANCELLED || reason == SALE_REASON_SOLD_OUT || reason == SALE_REASON_SALE_ENDED;
}
