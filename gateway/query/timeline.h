/*
 * Paginated lists sorted by time, newest first. A struct timeline describes one list: its statement and the function
 * that writes a row. Lists that are the same for everyone may be cached for guests (cache.h).
 *
 * Callers: items.c, watchlist.c, me.c, admin.c, admin_users.c, deadletters.c, refunds.c, orders.c; sales.c, products.c
 * (cached).
 */
#ifndef ROSTRUM_GATEWAY_QUERY_TIMELINE_H
#define ROSTRUM_GATEWAY_QUERY_TIMELINE_H

#include "common/base/json.h"
#include "common/io/pg.h"
#include "common/io/redis.h"
#include "gateway/core/deployment.h"
#include "gateway/http/fields.h"
#include "gateway/http/request.h"
#include "gateway/query/statements.h"

enum { TIMELINE_VALUES_MAX = 12 };

/*
 * SQL: what rows come after the cursor, whose time and id are parameters of the statement. Without a cursor its parts
 * are beyond all rows. So the condition uses an index in a generic plan, too.
 */
#define TIMELINE_LAST_ID "'ffffffff-ffff-ffff-ffff-ffffffffffff'"
#define TIMELINE_BEFORE(time, id)                                                                                      \
    "< (coalesce(" time "::timestamptz, 'infinity'), coalesce(" id "::uuid, " TIMELINE_LAST_ID "))"

struct timeline {
    /*
     * The statement's parameters: the user's id (not if `everyones`), the time and id of the cursor or NULLs, the
     * number of rows, then `more` of timeline_reply. Its first column is the id.
     */
    const struct statements *statements;
    size_t statement;
    bool everyones;  /* the list does not belong to a user */
    bool of_subject; /* no row: 404; one row of nulls: the subject exists and has no items */
    const char *tag; /* `sort` of its cursors */
    int key_column;  /* the sort key, in milliseconds since the epoch */
    void (*write)(struct jsonw *json, const struct request *request, const PGresult *result, int row);
};

/* Where a list is read, and where it is cached. */
struct timeline_source {
    struct pg *pg;
    struct redis *redis;
    const struct deployment *deployment;
};

/*
 * ENDS the request with the page of ?limit= and ?cursor=. `field_errors` may contain errors that the caller has found;
 * then they are the answer. `more` are the last `count` parameters of the statement, texts or NULL.
 */
void timeline_reply(struct pg *pg, struct request *request, const struct timeline *list,
                    struct field_errors *field_errors, size_t count, const char *const *more);
/* The same for a list of `everyones`, whose answers to guests are cached. */
void timeline_reply_cached(const struct timeline_source *source, struct request *request, const struct timeline *list,
                           struct field_errors *field_errors, size_t count, const char *const *more);

#endif
