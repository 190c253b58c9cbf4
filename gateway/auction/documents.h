/*
 * GET of one auction. A guest is answered without a query of PostgreSQL. Redis holds the public JSON, the document,
 * beside the snapshot, with the version that it shows. A document is valid while the snapshot has no newer version, and
 * for DOCUMENTS_LIFE_MS at most. Every decided batch updates the snapshot. The time limit covers changes outside the
 * queue and lost snapshots.
 *
 * If the document is not valid, the row is read from PostgreSQL. One query serves all guests who ask while it runs, and
 * the row becomes the new document. A draft is visible to its seller only and never has a document.
 *
 * A user is answered from PostgreSQL: one statement reads the auction together with `you` (you.h), so that both are of
 * one version.
 *
 * Without PostgreSQL the document is shown whatever its age, with the header Age and "stale": true. Price, minimum, end
 * and status are then those of the snapshot if it is newer. To a user `you` is null then.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_DOCUMENTS_H
#define ROSTRUM_GATEWAY_AUCTION_DOCUMENTS_H

#include "common/io/redis.h"
#include "gateway/http/request.h"
#include "gateway/query/statements.h"

enum { DOCUMENTS_LIFE_MS = 5000 };

extern const struct redis_script documents_script;
extern struct statements documents_statements;

struct deployment;
struct documents;
struct event_base;

MUST_CHECK struct documents *documents_new(struct event_base *base, const struct deployment *deployment, struct pg *pg,
                                           struct redis *redis);
/* No request may be open. NULL is allowed. */
void documents_free(struct documents *documents);

/* ENDS the request for the auction of the first path parameter: 200, 304, 404 or 503. Uses the handler state. */
void documents_get(struct documents *documents, struct request *request);
/* The same for a user after a change by this request, whose handler state is in use. Without PostgreSQL 503. */
void documents_show(struct documents *documents, struct request *request);
/*
 * ENDS with the auction of row 0 (VIEW_COLUMNS, and YOU_COLUMNS unless the request is a guest's) as the request's user
 * may see it, and serverTime. Guests get an ETag. A GET with a matching If-None-Match is answered 304.
 */
void documents_reply(struct documents *documents, struct request *request, int status, const PGresult *result);
/* Removes the document after a public change that did not raise the version: the next request reads the row. */
void documents_invalidate(struct redis *redis, int64_t epoch, const struct uuid *auction);

#endif
