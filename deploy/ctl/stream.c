/*
 * See stream.h.
 */
#include "deploy/ctl/stream.h"

#include <stdio.h>

#include "deploy/ctl/store.h"

enum { PAGE_ROWS = 1000, SQL_SIZE = 4096 };

bool stream_open(struct stream *stream, struct ctl *ctl, const struct stream_query *query, const char *id)
{
    char sql[SQL_SIZE];
    *stream = (struct stream){.ctl = ctl, .name = query->name};
    int length = snprintf(sql, sizeof sql, "DECLARE %s NO SCROLL CURSOR FOR SELECT %s FROM %s%s%s%s ORDER BY %s",
                          query->name, query->columns, query->tables, id == NULL ? "" : " WHERE ",
                          id == NULL ? "" : query->id_column, id == NULL ? "" : " = $1", query->order);
    return length > 0 && (size_t)length < sizeof sql && store_do(ctl, sql, id == NULL ? 0 : 1, &id);
}

bool stream_here(struct stream *stream)
{
    char sql[SQL_SIZE];
    if (stream->page != NULL && stream->row < PQntuples(stream->page)) {
        return true;
    }
    if (stream->failed || (stream->page != NULL && PQntuples(stream->page) < PAGE_ROWS)) {
        return false;
    }
    PQclear(stream->page);
    (void)snprintf(sql, sizeof sql, "FETCH %d FROM %s", PAGE_ROWS, stream->name);
    stream->page = store_run(stream->ctl, sql, 0, NULL);
    stream->row = 0;
    stream->failed = stream->page == NULL;
    return !stream->failed && PQntuples(stream->page) > 0;
}

void stream_close(struct stream *stream)
{
    PQclear(stream->page);
    stream->page = NULL;
}
