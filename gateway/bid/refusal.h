/*
 * What the gateway refuses by an auction's snapshot. Pure.
 */
#ifndef ROSTRUM_GATEWAY_BID_REFUSAL_H
#define ROSTRUM_GATEWAY_BID_REFUSAL_H

#include "common/protocol/message.h"
#include "common/protocol/snapshot.h"
#include "gateway/http/errors.h"

/*
 * Whether a command is certain to be rejected, and why. By the clock only when it is sure: not before endTime +
 * grace_ms, nor for a start that the clock has passed.
 */
MUST_CHECK bool refusal_certain(const struct snapshot *snapshot, const struct command *command, int64_t now_ms,
                                int64_t grace_ms, enum error_code *reason);

/* Whether a refusal as ended would be by the clock alone: the auction was still open then. */
bool refusal_by_clock(const struct snapshot *snapshot);

#endif
