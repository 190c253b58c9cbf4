/*
 * The waiting line of a flash sale: places and turns. Part of the rules of sale_rules.h, which calls it.
 *
 * Invariants: places are served in the order of seq. A turn claims at least one unit, and at most what was wanted and
 * free. The units of a turn return exactly once: when it is used, left or expired, or when the line closes.
 */
#ifndef ROSTRUM_COMMON_RULES_SALE_LINE_H
#define ROSTRUM_COMMON_RULES_SALE_LINE_H

#include "common/rules/sale_command.h"

/* They decide JOIN and LEAVE. */
struct sale_decision sale_line_join(struct sale_set *set, const struct sale_command *command);
struct sale_decision sale_line_leave(struct sale_set *set, const struct sale_command *command);

/* Ends a turn: its units are free again. */
void sale_line_end_turn(struct sale_set *set, struct sale_entry *entry, enum sale_entry_status status);
/* Expires at most SALE_EXPIRE_MAX turns that are due. Returns the units; sets `*unfinished` if it stopped there. */
int64_t sale_line_expire(struct sale_set *set, int64_t due_ms, bool *unfinished);
/* The sale is over: no place and no turn holds anything. The entries are not written. */
void sale_line_close(struct sale_set *set);

/* Whether the head of the line has a right to a turn now: the sale is active, units are free, the end has not come. */
bool sale_line_grant_due(const struct sale_set *set);
/* Grants it, and adds the ledger row. Only when due. */
void sale_line_grant(struct sale_set *set);

#endif
