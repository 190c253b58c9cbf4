/*
 * Cursors of keyset pagination (page.h): the position behind the last item of a page. A cursor is opaque to clients:
 * base64url of the sort order, the sort key of the last item as text, and its id. It is not signed, because a forged
 * cursor gives access to nothing outside the same list.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_CURSOR_H
#define ROSTRUM_GATEWAY_QUERY_CURSOR_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum {
    CURSOR_SORT_SIZE = 16,
    CURSOR_KEY_SIZE = 64,
    CURSOR_TEXT_SIZE = 176, /* base64url of both, two separators and a UUID */
};

struct cursor {
    char sort[CURSOR_SORT_SIZE]; /* the sort order; a cursor of another order is refused */
    char key[CURSOR_KEY_SIZE];   /* a time or amount as the statement expects it; "" if the list is sorted by id only */
    struct uuid id;
};

void cursor_format(const struct cursor *cursor, char out[static CURSOR_TEXT_SIZE]);
/* False if the text is not a cursor, or is one of another order than `sort`. */
MUST_CHECK bool cursor_parse(const char *text, const char *sort, struct cursor *cursor);

/* Returns whether the key is a time in the format of clock_format, which PostgreSQL can parse. */
MUST_CHECK bool cursor_key_is_time(const struct cursor *cursor);

#endif
