/*
 * GET of one auction, flash sale or product. A guest is answered without a query of PostgreSQL. Redis holds the public
 * JSON, the document, in the hash of the snapshot, with the version that it shows. It is used for DOCUMENTS_LIFE_MS at
 * most: that covers changes outside the queue and lost snapshots. Every decided batch updates the snapshot. When that
 * has a newer version:
 *
 *   auctions  the document is not valid any more, because the snapshot does not hold all that it shows
 *   sales     the document is shown with the values of the snapshot, which holds all that a command can change; so a
 *             sale that changes many times a second is read once in DOCUMENTS_LIFE_MS
 *   products  they have no snapshot; each change of a product removes its document
 *
 * If no document is valid, the row is read from PostgreSQL. One query serves all guests who ask while it runs, and the
 * row becomes the new document. A row that is not public (a draft) never has a document.
 *
 * A user is answered from PostgreSQL: one statement reads the row together with the member `you`, so that both are of
 * one version.
 *
 * Without PostgreSQL the document is shown whatever its age, with the header Age and "stale": true. What the snapshot
 * holds is then the snapshot's if it is newer. To a user `you` is null then.
 *
 * What is shown, and how, is in a kind. Callers: gateway/auction/auction_document.h, gateway/sale/sales.h,
 * gateway/sale/products.h (kinds and their handlers); gateway/web/pages.c.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_DOCUMENTS_H
#define ROSTRUM_GATEWAY_QUERY_DOCUMENTS_H

#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "gateway/core/deployment.h"
#include "gateway/http/request.h"
#include "gateway/query/statements.h"

enum {
    DOCUMENTS_LIFE_MS = 5000,
    DOCUMENTS_SNAPSHOT_SIZE = 256, /* bytes of the largest snapshot of any kind */
};

extern const struct redis_script documents_script;

struct documents;
struct event_base;

/* How Redis names the hash with the document. */
typedef void (*documents_key)(int64_t epoch, const struct uuid *id, char out[static KEYS_SIZE]);

struct documents_kind {
    const struct statements *statements;
    size_t get;     /* $1 id; the row for guests */
    size_t get_for; /* $1 id, $2 user; the rows for a user. The same columns, then those of write_you. */
    int version_column;
    documents_key key;
    /* Whether the request's user may not see the row of the reply. NULL: everyone may see every row. */
    bool (*hidden)(const struct request *request, const PGresult *result);
    /* Whether the row may have a document. NULL: every row. */
    bool (*is_public)(const PGresult *result);
    /* Writes the members of row 0 as `user` may see them; all zero: a guest. */
    void (*write_members)(struct jsonw *json, const struct request_user *user, const PGresult *result);
    /* Writes the member `you` of the rows of get_for. NULL: users see what guests see, and get_for is not used. */
    void (*write_you)(struct jsonw *json, const struct deployment *deployment, const struct request_user *user,
                      const PGresult *result);
    /* Reads the snapshot from Redis (DOCUMENTS_SNAPSHOT_SIZE bytes). False: there is none. NULL: the kind has none. */
    bool (*read_snapshot)(const redisReply *reply, const struct uuid *id, void *snapshot, int64_t *version);
    /* Writes the value of a member of a newer snapshot. False: the snapshot does not hold it. */
    bool (*write_newer)(struct jsonw *json, const char *name, const void *snapshot);
    bool whole; /* the snapshot holds all that its versions change: an older document with its values is valid */
};

/* The kind must outlive the documents. */
MUST_CHECK struct documents *documents_new(const struct documents_kind *kind, struct event_base *base,
                                           const struct deployment *deployment, struct pg *pg, struct redis *redis);
/* No request may be open. NULL is allowed. */
void documents_free(struct documents *documents);

/* ENDS the request for the id of the first path parameter: 200, 304, 404 or 503. Uses the handler state. */
void documents_get(struct documents *documents, struct request *request);
/*
 * Reads the public JSON for a guest's request, which `read` ENDS, also if it was answered at its deadline. `json` is
 * valid during the call, without serverTime. NULL: no such row, none that guests may see, or it cannot be read. Uses
 * the handler state.
 */
typedef void (*documents_reader)(struct request *request, const char *json, size_t length);
void documents_read(struct documents *documents, struct request *request, documents_reader read);
/* The same as documents_get for a user after a change by this request, whose handler state is in use. Without
 * PostgreSQL 503. */
void documents_show(struct documents *documents, struct request *request);
/*
 * ENDS with the rows of get or get_for as the request's user may see them, and serverTime. Guests get an ETag. A GET
 * with a matching If-None-Match is answered 304.
 */
void documents_reply(const struct documents *documents, struct request *request, int status, const PGresult *result);
/* Removes the document after a public change that did not raise the snapshot's version: the next GET reads the row. */
void documents_invalidate(struct redis *redis, documents_key key, int64_t epoch, const struct uuid *id);

#endif
