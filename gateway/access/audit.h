/*
 * The audit log: who did what, from where. Every call of a route for admins is written down before its handler runs
 * (what cannot be logged is not done), each refusal there, and every login; a change of an admin's adds its old and new
 * value in the same statement as the change (AUDIT_INSERT). The database lets the deployment add and read only
 * (schema/).
 *
 * Callers: admission.c, limits.c, accounts.c, sessions.c, admin.c, changes.c, deadletters.c,
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
    AUDIT_AGENT_SIZE = 257, /* of the User-Agent; cut beyond */
    AUDIT_SUBJECT_SIZE = 513,
    AUDIT_REASON_MOST = 1000, /* characters */
};

/* Who and from where, as the texts that a statement takes. */
struct audit_origin {
    char id[UUID_TEXT_SIZE]; /* of the entry */
    char at[CLOCK_TEXT_SIZE];
    char actor[UUID_TEXT_SIZE];
    bool has_actor;
    char agent[AUDIT_AGENT_SIZE];
};

/* For a statement of one's own: the columns before action, subject, old_value, new_value, reason. */
#define AUDIT_INSERT                                                                                                   \
    "INSERT INTO audit_log (id, at, actor_id, address, agent, request_id, action, subject, old_value, new_value, "     \
    "reason)"

/* Call it before the request is answered: its headers are gone then. */
void audit_origin_read(struct request *request, struct audit_origin *origin);

/* Adds an entry without waiting for it; one that cannot be written is a line in the log. `actor` may be NULL. */
void audit_note(struct request *request, const struct uuid *actor, const char *action, const char *subject);
/* Adds an entry for this call, and then calls `then`; 503 when it cannot be written. */
void audit_call(struct request *request, route_handler then);

#endif
