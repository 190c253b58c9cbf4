/*
 * Where a page of a list ends, and the next begins (keyset pages, page.h). A cursor is opaque to clients: base64url of
 * the sort order, the sort key of the last item as text, and its id. It is not signed: a forged one shows nothing that
 * the same list would not show.
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
    char sort[CURSOR_SORT_SIZE]; /* the order it belongs to: another order's cursor is refused */
    char key[CURSOR_KEY_SIZE];   /* a time or amount as the statement takes it; "" if the id alone orders */
    struct uuid id;
};

void cursor_format(const struct cursor *cursor, char out[static CURSOR_TEXT_SIZE]);
/* False if it is none of ours, or of another order than `sort`. */
MUST_CHECK bool cursor_parse(const char *text, const char *sort, struct cursor *cursor);

/* Whether the key is a time as we write it, which PostgreSQL can read. */
MUST_CHECK bool cursor_key_is_time(const struct cursor *cursor);

#endif
