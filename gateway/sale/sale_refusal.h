/*
 * Decides from a sale's snapshot which commands the gateway refuses. Pure. Caller: sale_commands.c.
 */
#ifndef ROSTRUM_GATEWAY_SALE_SALE_REFUSAL_H
#define ROSTRUM_GATEWAY_SALE_SALE_REFUSAL_H

#include "common/protocol/sale_message.h"
#include "common/protocol/sale_snapshot.h"

/*
 * The reason if a command is certain to be rejected; SALE_REASON_NONE: the sale worker decides. The clock counts only
 * before the line opens or the sale starts: a sale whose end has passed is active until its fence is decided. Stock
 * refuses only once every unit is sold, because claims and reservations may come back. While new terms may be queued,
 * only the end of the sale refuses.
 */
enum sale_reason sale_refusal_of(const struct sale_snapshot *snapshot, const struct sale_command *command,
                                 int64_t now_ms);
/* True if a snapshot of the sale that is as old as you like gives the same reason. */
bool sale_refusal_lasts(enum sale_reason reason);

#endif
