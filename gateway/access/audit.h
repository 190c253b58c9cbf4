/*
 * The audit log: actor, action, and origin. It records every call of a route for admins and every login; their refusals
 * are counted (refusals.h). A call for admins, and a login, is logged before it has an effect; if that fails, it is
 * answered 503 and has none. A change by an admin adds old and new value in the same statement as the change
 * (AUDIT_INSERT). So does a change that users make to their own password, address or sessions (AUDIT_OWN). The database
 * role may only insert and read entries (schema/).
 *
 * Callers: admission.c, limits.c, accounts.c, sessions.c, admin.c, changes.c, deadletters.c, webhooks.c,
 * images.c, recovery.c, unsubscribe.c, verification.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_AUDIT_H
#define ROSTRUM_GATEWAY_ACCESS_AUDIT_H

#include "common/base/base.h"
#include "common/base/clock.h"
#include "gateway/http/request.h"
#include "gateway/query/statements.h"

extern struct statements audit_statements;

enum {
    AUDIT_AGENT_SIZE = 257, /* of the User-Agent; the rest is cut off */
    AUDIT_SUBJECT_SIZE = 513,
    AUDIT_REASON_MOST = 1000, /* characters */
};

/* Actor and origin of an entry, as texts for parameters of a statement. */
struct audit_origin {
    char id[UUID_TEXT_SIZE]; /* of the entry */
    char at[CLOCK_TEXT_SIZE];
    char actor[UUID_TEXT_SIZE];
    bool has_actor;
    char agent[AUDIT_AGENT_SIZE];
};

/* SQL for a statement that changes data and adds its entry to the log. */
#define AUDIT_INSERT                                                                                                   \
    "INSERT INTO audit_log (id, at, actor_id, address, agent, request_id, action, subject, old_value, new_value, "     \
    "reason)"

/*
 * The same for a change that users make to their own account: a CTE for each row of `from`, a user. The parameters are
 * audit_values.
 */
#define AUDIT_OWN(action, from, id, at, address, agent, request)                                                       \
    " noted AS (" AUDIT_INSERT " SELECT " id "::uuid, " at "::timestamptz, id, " address ", " agent ", " request       \
    ", '" action "', id::text, NULL, NULL, '' FROM " from ")"
enum { AUDIT_VALUES = 5 };

/* Call it before the request is answered, because the headers are freed then. */
void audit_origin_read(struct request *request, struct audit_origin *origin);

/* Reads the origin, and writes the parameters of AUDIT_OWN, which point into it and into the request. */
void audit_values(struct request *request, struct audit_origin *origin, const char *values[static AUDIT_VALUES]);

/*
 * Adds an entry, then calls `then`. ENDS the request with 503 if the entry cannot be written. `actor` NULL: the
 * request's user.
 */
void audit_entry(struct request *request, const struct uuid *actor, const char *action, const char *subject,
                 route_handler then);
/* Adds an entry for this call, then calls `then`. ENDS the request with 503 if the entry cannot be written. */
void audit_call(struct request *request, route_handler then);

#endif
