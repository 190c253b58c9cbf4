/*
 * Lists in the order of time, the newest first, page by page: each is a row of a table that says which statement finds
 * it and how a row is shown.
 *
 * Callers: items.c, watchlist.c, me.c, admin.c, deadletters.c.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_TIMELINE_H
#define ROSTRUM_GATEWAY_QUERY_TIMELINE_H

#include "common/base/json.h"
#include "common/io/pg.h"
#include "gateway/http/fields.h"
#include "gateway/http/request.h"
#include "gateway/query/statements.h"

enum { TIMELINE_VALUES_MAX = 12 };

struct timeline {
    /*
     * Its first column is the id. It takes whose list it is (the user's id), unless it is everyone's; the time and the
     * id to begin behind, or NULLs; how many rows; and what else the caller says.
     */
    const struct statements *statements;
    size_t statement;
    bool everyones;
    const char *tag; /* of its cursors */
    int key_column;  /* milliseconds that order it */
    void (*write)(struct jsonw *json, const struct request *request, const PGresult *result, int row);
};

/*
 * Answers with the page that ?limit= and ?cursor= ask for. `faults` may hold what the caller has found wrong already:
 * then that is the answer. `more` are the statement's last values, texts or NULL.
 */
void timeline_show(struct pg *pg, struct request *request, const struct timeline *list,
                   struct field_errors *field_errors, size_t count, const char *const *more);

#endif
