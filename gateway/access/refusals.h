/*
 * Refusals that a client can cause as often as it likes, such as 403 on a route for admins or a wrong password. They
 * are counted for user, client address and action. The counts of a minute become one entry of the audit log each, with
 * the number in "newValue". A worker counts in memory and adds its counts to the table refusal_counts each second. When
 * the minute is over, one worker moves its rows to audit_log, in one statement. A worker that dies loses the counts of
 * its last second. If a connection is lost, the counts that were under way are added again, although they may have been
 * added already.
 *
 * More than REFUSALS_MAX kinds of refusals at a time are counted together, those of one action as one, without user and
 * address. So a flood of one action cannot hide another one. There are at most REFUSALS_ACTIONS_MAX actions.
 *
 * One per worker, created by components.c. Callers: admission.c, limits.c, accounts.c, erasure.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_REFUSALS_H
#define ROSTRUM_GATEWAY_ACCESS_REFUSALS_H

#include <event2/event.h>

#include "common/io/pg.h"
#include "gateway/http/request.h"
#include "gateway/query/statements.h"

struct client_counts;
struct refusals;

extern struct statements refusals_statements;

enum { REFUSALS_MAX = 256, REFUSALS_ACTIONS_MAX = 8 };

/* NULL only if out of memory. */
MUST_CHECK struct refusals *refusals_new(struct event_base *base, struct pg *pg, struct client_counts *counts);
void refusals_free(struct refusals *refusals);

/*
 * Counts a refusal of an authenticated user. `action` is a constant. False: user or address has reached
 * refusals_per_minute; the refusal is counted all the same, and the caller answers 429.
 */
MUST_CHECK bool refusals_count(struct refusals *refusals, struct request *request, const char *action);
/*
 * Counts a refusal that is not held against the client, as other limits bound it. `actor` NULL: the request's user.
 * `subject` is copied.
 */
void refusals_note(struct request *request, const struct uuid *actor, const char *action, const char *subject);

#endif
