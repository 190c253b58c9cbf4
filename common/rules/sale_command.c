/*
 * See sale_command.h.
 *
 * Why the numbers suffice: a batch grants at most SALE_GRANTS_MAX turns in a transaction, and each of its commands
 * takes at most one entry out of the line. An EXPIRE ends at most SALE_EXPIRE_MAX turns, and reservations; each other
 * command at most one. What a command adds has a greater seq than all that was loaded.
 */
#include "common/rules/sale_command.h"

enum sale_needs_of sale_needs_of(const struct sale_command *command)
{
    switch (command->kind) {
    case SALE_COMMAND_JOIN:
    case SALE_COMMAND_LEAVE:
    case SALE_COMMAND_ORDER:
        return SALE_NEEDS_USER;
    case SALE_COMMAND_CONFIRM:
    case SALE_COMMAND_FAIL:
    case SALE_COMMAND_CANCEL:
        return SALE_NEEDS_ORDER;
    case SALE_COMMAND_OPEN:
    case SALE_COMMAND_START:
    case SALE_COMMAND_EXPIRE:
    case SALE_COMMAND_FENCE:
    case SALE_COMMAND_UPDATE:
    case SALE_COMMAND_EXTEND:
    case SALE_COMMAND_CLOSE:
    case SALE_COMMAND_ABORT:
    case SALE_COMMAND_NONE:
        break;
    }
    return SALE_NEEDS_NOTHING;
}

struct sale_needs sale_needs_none(void)
{
    return (struct sale_needs){.heads = SALE_GRANTS_MAX, .due_ms = INT64_MIN};
}

void sale_needs_add(struct sale_needs *needs, const struct sale_command *command)
{
    needs->heads++;
    needs->due++;
    if (command->kind == SALE_COMMAND_EXPIRE) {
        int64_t due_ms = command->received_ms - command->refused_ms;
        needs->due += SALE_EXPIRE_MAX;
        needs->due_ms = due_ms > needs->due_ms ? due_ms : needs->due_ms;
    }
}

struct sale_decision sale_rejected(enum sale_reason reason)
{
    return (struct sale_decision){.verdict = SALE_VERDICT_REJECTED, .reason = reason};
}
