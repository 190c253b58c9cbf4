/*
 * GET of one auction, fast: its public JSON stands in Redis beside the snapshot, with the version that it shows. It
 * holds as long as the snapshot, which every decided batch renews, has no newer version, and for DOCUMENTS_LIFE_MS at
 * most: that bounds what a change outside the queue, or a snapshot that Redis missed, can leave behind.
 *
 * Where it does not hold, or who asks may see more than the public (seller, winner, admins), the row is read from
 * PostgreSQL, once for all who ask at that moment; a document is made of it for the next ones. A draft, which its
 * seller alone may see, never has one.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_DOCUMENTS_H
#define ROSTRUM_GATEWAY_AUCTION_DOCUMENTS_H

#include "common/io/redis.h"
#include "gateway/http/request.h"
#include "gateway/query/statements.h"

enum { DOCUMENTS_LIFE_MS = 5000 };

extern const struct redis_script documents_script;
extern struct statements documents_statements;

struct documents;
struct event_base;

MUST_CHECK struct documents *documents_new(struct event_base *base, struct pg *pg, struct redis *redis);
/* No request may be open. NULL is allowed. */
void documents_free(struct documents *documents);

/* ENDS the request, for the auction that its first parameter names: 200, 304, 404 or 503. Takes the request's own. */
void documents_get(struct documents *documents, struct request *request);
/* The same after a change that this request asked for: with the row as it is now, whatever Redis knows yet. */
void documents_show(struct documents *documents, struct request *request);
/*
 * ENDS with the auction in row 0 (VIEW_COLUMNS) as the request's user may see it, and serverTime. Sets ETag and
 * Vary. A GET whose client has it already (If-None-Match) is answered 304.
 */
void documents_reply(struct documents *documents, struct request *request, int status, const PGresult *result);
/* What the public sees of it was changed without a new version: the next one who asks is shown the row. */
void documents_forget(struct redis *redis, const struct uuid *auction);

#endif
