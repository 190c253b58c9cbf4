/*
 * The options of a worker's connections; see conn.h. Callers: components.c, conn_state.h.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_CONNS_OPTIONS_H
#define ROSTRUM_GATEWAY_HTTP_CONNS_OPTIONS_H

#include <event2/event.h>
#include <event2/http.h>

#include "common/base/base.h"

struct clients;

enum { CONN_HEAD_BYTES = 128 }; /* of a request line, enough to recognize an upload */

struct conns_options {
    struct event_base *base;
    const struct clients *clients; /* counts the connections of each peer */
    int connections_max;
    int header_max_bytes;
    int body_max_bytes;
    int read_timeout_ms;       /* from a request's first byte to its last */
    int first_byte_timeout_ms; /* from the accept to the first byte */
    int idle_timeout_s;        /* without any byte in or out */
    /*
     * Returns whether the body of a request is held back until conn_upload.h is asked for it, given CONN_HEAD_BYTES of
     * its request line or the whole line. NULL: of none.
     */
    bool (*is_upload)(const char *head, size_t length);
    int upload_max_bytes;
    int upload_timeout_ms;      /* from the request for the body to its last byte */
    int upload_min_bytes_per_s; /* on average since then, after a grace; else 408 */
    const char *cors_origins;   /* for answers that do not go through reply.c; see cors.h */
    void (*request)(struct evhttp_request *evreq, void *arg);
    void *arg;
    /*
     * Called after each accept. Returns whether this worker may accept another connection, so that the workers share
     * them. False only delays accepting by some milliseconds. NULL: always true.
     */
    bool (*turn)(size_t open, void *arg);
    void *turn_arg;
};

#endif
