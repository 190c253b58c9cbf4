/*
 * Creation of rows (auctions, items, images, webhooks) with an idempotency key. The new row's id is a keyed hash of
 * user, key, kind and content. So a repeated request never adds a second row, and is answered with the first one.
 *
 * The table idempotency_keys adds the refusals; Redis has no part in it. When the request begins, one statement
 * reserves the key; until the request ends, each further request with the key is 409. Before the answer is sent, the
 * reservation is settled. A key whose row exists, or may exist, is bound to the row's id for 24 hours, and another
 * content is then 422. After a refusal the key is free again. If the worker dies, its reservation expires soon after
 * the deadline.
 *
 * Callers: auctions.c, items.c, images.c, webhooks.c.
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
/* NULL before creation_begin. */
const struct creation *creation_of(const struct request *request);
/* As statements_query, with the request as argument of `answered`, for the statement that adds the row. */
MUST_CHECK bool creation_query(struct request *request, struct pg *pg, const struct statements *of, size_t statement,
                               int count, const char *const *values, pg_callback answered);

extern struct statements creation_statements;

#endif
