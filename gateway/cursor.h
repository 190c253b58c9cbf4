/*
 * Keyset pages. A cursor is opaque to clients: base64url of the sort order, the sort key of the last item as text,
 * and its id. It is not signed: a forged one shows nothing that the same list would not show.
 */
#ifndef ROSTRUM_GATEWAY_CURSOR_H
#define ROSTRUM_GATEWAY_CURSOR_H

#include "common/base.h"
#include "common/ids.h"
#include "gateway/reply.h"

enum {
    CURSOR_SORT_SIZE = 16,
    CURSOR_KEY_SIZE = 64,
    CURSOR_TEXT_SIZE = 176, /* base64url of both, two separators and a UUID */
    CURSOR_LIMIT_MAX = 100,
    CURSOR_LIMIT_DEFAULT = 20,
};

struct cursor {
    char sort[CURSOR_SORT_SIZE]; /* the order it belongs to: another order's cursor is refused */
    char key[CURSOR_KEY_SIZE];   /* a time or amount as the statement takes it; "" if the id alone orders */
    struct uuid id;
};

void cursor_format(const struct cursor *cursor, char out[static CURSOR_TEXT_SIZE]);
/* False if it is none of ours, or of another order than `sort`. */
MUST_CHECK bool cursor_parse(const char *text, const char *sort, struct cursor *cursor);

/* Whether the key is a time as we write it, which PostgreSQL can read. */
MUST_CHECK bool cursor_key_is_time(const struct cursor *cursor);

struct page {
    int limit; /* 1..CURSOR_LIMIT_MAX; ask the database for one more to know whether there is a next page */
    bool has_cursor;
    struct cursor cursor;
};
/* Reads ?limit= and ?cursor=; what is wrong becomes a fault. */
void page_read(const struct request *request, const char *sort, struct page *page, struct faults *faults);
/* The same of a list in the order of time: the cursor's key is one that PostgreSQL knows. */
void page_read_by_time(const struct request *request, const char *sort, struct page *page, struct faults *faults);
/* Ends the list: `],"nextCursor":...}`; `last` is the last item shown, or NULL when there is no next page. */
void page_end(struct jsonw *json, const struct cursor *last);
/* The same for a list that has more members between: after the array was ended. */
void page_next(struct jsonw *json, const struct cursor *last);
/* Begins it: `{"items":[`. */
void page_begin(struct jsonw *json);

#endif
