/*
 * Decides from an auction's snapshot which commands the gateway refuses. Pure.
 */
#ifndef ROSTRUM_GATEWAY_BID_REFUSAL_H
#define ROSTRUM_GATEWAY_BID_REFUSAL_H

#include "common/protocol/message.h"
#include "common/protocol/snapshot.h"
#include "gateway/http/errors.h"

/*
 * True, with the reason, if a command is certain to be rejected. The clock counts only where it is safe: not before
 * endTime + grace_ms, and not for a startTime that has passed.
 */
MUST_CHECK bool refusal_certain(const struct snapshot *snapshot, const struct command *command, int64_t now_ms,
                                int64_t grace_ms, enum error_code *reason);

/* True if only the clock makes the auction ended: its snapshot is still open. */
bool refusal_by_clock(const struct snapshot *snapshot);
/* True if a snapshot of the auction that is as old as you like gives the same reason. */
bool refusal_lasts(enum error_code reason);

#endif
