/*
 * Idempotency keys in PostgreSQL: of creations of rows (auctions, items, images, webhooks), and of acts, which change
 * rows. A new row's id is a keyed hash of user, key, kind and content. So a repeated request never adds a second row,
 * and is answered with the first one.
 *
 * The table idempotency_keys adds the refusals; Redis has no part in it. When the request begins, one statement
 * reserves the key; until the request ends, each further request with the key is 409. Before the answer is sent, the
 * reservation is settled. A key whose row exists, or may exist, is bound to the row's id for 24 hours, and another
 * content is then 422. After a refusal the key is free again. If the worker dies, its reservation expires soon after
 * the deadline.
 *
 * The statement of an act requires the reservation and binds the key (CREATION_HELD, CREATION_BOUND). So the key is
 * bound exactly if the act was done, and a repeated act neither acts nor adds an entry to the audit log.
 *
 * Callers: auctions.c, items.c, images.c, webhooks.c; of acts: admin.c, changes.c, deadletters.c, webhooks.c,
 * webhook_deliveries.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_CREATION_H
#define ROSTRUM_GATEWAY_ACCESS_CREATION_H

#include "gateway/http/request.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

struct creation {
    struct uuid id; /* of the new row */
    bool keyed;     /* the row may exist already */
};

/* Names what a request creates: its key ("": none; see key_header.h) and its content, both valid during the call. */
struct creation_content {
    const char *key;
    const void *bytes;
    size_t length;
};

/*
 * Chooses the id for a row of `kind`; its content is the JSON body. Calls `repeated` if the key made this row before,
 * else `first`; or ENDS the request with 400, 409, 422 or 503.
 */
void creation_begin(struct request *request, const char *kind, route_handler repeated, route_handler first);
/* The same for a request without JSON body. It may have been answered at its deadline. */
void creation_begin_content(struct request *request, const char *kind, const struct creation_content *content,
                            route_handler repeated, route_handler first);
/*
 * The same for an act. Its content is the request's path, query and JSON body, if it has one. `repeated` answers with
 * the present state; the act was done, but what followed it may be missing. It may have been answered at its deadline.
 */
void creation_begin_act(struct request *request, route_handler repeated, route_handler first);
/* NULL before creation_begin. */
const struct creation *creation_of(const struct request *request);
/* As statements_query, with the request as argument of `answered`, for the statement that adds the row. */
MUST_CHECK bool creation_query(struct request *request, struct pg *pg, const struct statements *of, size_t statement,
                               int count, const char *const *values, pg_callback answered);

/*
 * CTEs of the statement of an act, with the parameters `user` and the two of creation_hold. The act requires
 * CREATION_MAY_ACT; CREATION_BOUND binds the key to `status` if `from` has a row. CREATION_HELD locks the key, but only
 * after the rows of `after`, which may wait: meanwhile another request with the key is answered 409.
 */
#define CREATION_HELD(user, hash, reservation, after)                                                                  \
    " held AS (SELECT FROM idempotency_keys WHERE user_id = " user "::uuid AND key_hash = " hash                       \
    "::uuid AND reservation = " reservation "::uuid AND status IS NULL AND EXISTS (SELECT FROM " after ") FOR UPDATE)"
#define CREATION_MAY_ACT(hash) " (" hash "::uuid IS NULL OR EXISTS (SELECT FROM held))"
#define CREATION_BOUND(user, hash, reservation, status, from)                                                          \
    " bound AS (UPDATE idempotency_keys SET status = " status ", made_at = now() WHERE user_id = " user                \
    "::uuid AND key_hash = " hash "::uuid AND reservation = " reservation "::uuid AND EXISTS (SELECT FROM " from "))"
enum { CREATION_HOLD_VALUES = 2 };

/* Writes the parameters hash and reservation, which point into the request; NULL without a key. */
void creation_hold(const struct request *request, const char *values[static CREATION_HOLD_VALUES]);

extern struct statements creation_statements;

#endif
