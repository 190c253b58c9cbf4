/*
 * The headers that every answer has: what caches may keep, the request headers on which it depends, and the sites whose
 * scripts may read it (docs/caching.md). Nothing else decides them, also for raw answers. Pure.
 *
 * Callers: reply.c, and errors.c, eventstream.c and websocket.c for answers that evhttp does not write.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_ANSWER_HEADERS_H
#define ROSTRUM_GATEWAY_HTTP_ANSWER_HEADERS_H

#include "common/base/base.h"

/* What caches may do with an answer to a guest. */
enum answer_storage {
    ANSWER_REVALIDATED, /* store it, but ask before each use */
    ANSWER_NOT_STORED,  /* a stream, or a page whose address holds a token */
    ANSWER_IMMUTABLE,   /* keep it: a file whose name is a hash of its content, the same for everyone */
    ANSWER_SHARED,      /* store it, but ask before each use: the same for everyone */
};

struct answer_headers {
    enum answer_storage storage;
    bool confidential;  /* the request has or may have credentials, or it is no GET; no effect if it is for everyone */
    bool encoded;       /* it depends on Accept-Encoding; only an answer for everyone does */
    bool cors;          /* scripts of some other site may read answers */
    const char *origin; /* the site that may read this one; NULL: none, "*": any */
};

enum { ANSWER_HEADERS_SIZE = 1280 }; /* all of them as text, with the longest origin */

typedef void (*answer_header_put)(void *arg, const char *name, const char *value);
/* Calls `put` for each header. */
void answer_headers_each(const struct answer_headers *headers, answer_header_put put, void *arg);
/* Writes them as lines that end with CR LF. */
void answer_headers_text(const struct answer_headers *headers, char out[static ANSWER_HEADERS_SIZE]);
/* Returns whether the answer may have an ETag. */
MUST_CHECK bool answer_headers_tagged(const struct answer_headers *headers);

#endif
