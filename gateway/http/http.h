/*
 * What answering needs of its worker: one per worker, made by components.c; every request points to it.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_HTTP_H
#define ROSTRUM_GATEWAY_HTTP_HTTP_H

#include <stdbool.h>

struct conns;
struct jsonw;

struct http {
    struct jsonw *json; /* of replies; see reply.h */
    struct conns *conns;
    const char *cors_origins; /* origins with a space between them, or "none" */
    bool draining;            /* answers close their connections */
};

#endif
