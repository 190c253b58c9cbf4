/*
 * A cursor over one query of `rostrumctl verify`, read in pages: memory holds one page, independent of the number of
 * rows. It belongs to the caller's transaction. Callers: verify.c, sale_verify.c.
 */
#ifndef ROSTRUM_DEPLOY_CTL_STREAM_H
#define ROSTRUM_DEPLOY_CTL_STREAM_H

#include <libpq-fe.h>

#include "deploy/ctl/ctl.h"

struct stream {
    struct ctl *ctl;
    const char *name;
    PGresult *page; /* the current one */
    int row;        /* the current one, after stream_here; the reader counts it up */
    bool failed;    /* PostgreSQL did; an error was printed */
};

/* The texts are constants of the caller. */
struct stream_query {
    const char *name; /* of the cursor */
    const char *columns;
    const char *tables;
    const char *id_column; /* is compared with the id, if there is one */
    const char *order;     /* that of an index: rows are read completely */
};

/* `id` is a text; NULL: all rows. False after printing an error. */
MUST_CHECK bool stream_open(struct stream *stream, struct ctl *ctl, const struct stream_query *query, const char *id);
/* Makes sure that a row is current. Returns false at the end, or if the database failed. */
bool stream_here(struct stream *stream);
/* Frees the page. The cursor ends with the transaction. */
void stream_close(struct stream *stream);

#endif
