/*
 * One page of a list: parses ?limit= and ?cursor= of a request, and writes the frame of the answer. Called by the
 * handlers of lists.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_PAGE_H
#define ROSTRUM_GATEWAY_QUERY_PAGE_H

#include "gateway/http/reply.h"
#include "gateway/query/cursor.h"

enum {
    PAGE_LIMIT_MAX = 100,
    PAGE_LIMIT_DEFAULT = 20,
};

struct page {
    int limit; /* 1..PAGE_LIMIT_MAX; query limit + 1 rows to learn whether there is a next page */
    bool has_cursor;
    struct cursor cursor;
};
/* Reads ?limit= and ?cursor=. Invalid values become field errors. */
void page_read(const struct request *request, const char *sort, struct page *page, struct field_errors *field_errors);
/* As page_read, for a list sorted by time: also checks that PostgreSQL can parse the cursor's key. */
void page_read_by_time(const struct request *request, const char *sort, struct page *page,
                       struct field_errors *field_errors);
/* Writes the end: `],"nextCursor":...}`. `last` is the last item shown, or NULL if there is no next page. */
void page_end(struct jsonw *json, const struct cursor *last);
/* As page_end, but the caller has ended the array already: for answers with members after it. */
void page_next(struct jsonw *json, const struct cursor *last);
/* Writes the beginning: `{"items":[`. */
void page_begin(struct jsonw *json);

#endif
