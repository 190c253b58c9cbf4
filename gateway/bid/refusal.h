/*
 * Decides from an auction's snapshot which commands the gateway refuses. Pure.
 */
#ifndef ROSTRUM_GATEWAY_BID_REFUSAL_H
#define ROSTRUM_GATEWAY_BID_REFUSAL_H

#include "common/protocol/message.h"
#include "common/protocol/snapshot.h"
#include "gateway/http/errors.h"

/*
 * True, with the reason, if a command is certain to be rejected. The clock counts only before startTime. An auction
 * whose endTime has passed is open until its fence is decided: a bid that is ahead in the queue may extend it.
 */
MUST_CHECK bool refusal_certain(const struct snapshot *snapshot, const struct command *command, int64_t now_ms,
                                enum error_code *reason);

/* True if a snapshot of the auction that is as old as you like gives the same reason. */
bool refusal_lasts(enum error_code reason);

#endif
