/*
 * One page of a list: ?limit= and ?cursor= of a request, and the frame of its answer.
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
    int limit; /* 1..PAGE_LIMIT_MAX; ask the database for one more to know whether there is a next page */
    bool has_cursor;
    struct cursor cursor;
};
/* Reads ?limit= and ?cursor=; what is wrong becomes a fault. */
void page_read(const struct request *request, const char *sort, struct page *page, struct field_errors *field_errors);
/* The same of a list in the order of time: the cursor's key is one that PostgreSQL knows. */
void page_read_by_time(const struct request *request, const char *sort, struct page *page,
                       struct field_errors *field_errors);
/* Ends the list: `],"nextCursor":...}`; `last` is the last item shown, or NULL when there is no next page. */
void page_end(struct jsonw *json, const struct cursor *last);
/* The same for a list that has more members between: after the array was ended. */
void page_next(struct jsonw *json, const struct cursor *last);
/* Begins it: `{"items":[`. */
void page_begin(struct jsonw *json);

#endif
