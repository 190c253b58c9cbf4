/*
 * What the answers of a worker share. One per worker, created by components.c; every request points to it.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_HTTP_H
#define ROSTRUM_GATEWAY_HTTP_HTTP_H

#include <stdbool.h>

struct clients;
struct conns;
struct jsonw;

struct http {
    struct jsonw *json; /* of replies; see reply.h */
    struct conns *conns;
    const struct clients *clients; /* counts what each client holds */
    int uploads;                   /* places that are taken; see upload.h */
    int uploads_max;
    const char *public_url;   /* its origin is the deployment's own */
    const char *cors_origins; /* origins separated by spaces, or "none" */
    bool draining;            /* answers close their connections */
};

#endif
