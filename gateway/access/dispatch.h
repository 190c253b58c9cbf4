/*
 * Creates a request for each request of evhttp, checks it (HTTP, route, credentials, limits, body) and calls its
 * handler. Answers 503 at the deadline. One per worker.
 *
 * Caller: components.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_DISPATCH_H
#define ROSTRUM_GATEWAY_ACCESS_DISPATCH_H

#include "common/base/base.h"
#include "common/base/ids.h"

struct dispatch;
struct evhttp_request;
struct access;
struct config;
struct event_base;
struct http;
struct json;
struct request_user;
struct request_transport;
struct route;
struct router;

struct dispatch_options {
    struct event_base *base;
    const struct config *config;
    const struct router *router;
    struct http *http;
    const struct access *access;
    const struct uuid *id; /* of this worker; prefix of the request ids that it creates */
    /*
     * Finds the route of a GET of a page, and its parameters, for a path that does not belong to the API. `context` is
     * that of these routes. NULL: there are no pages.
     */
    const struct route *(*find_page)(const char *path, struct uuid *parameters);
    void *pages;
};

/* Returns NULL only if out of memory. */
MUST_CHECK struct dispatch *dispatch_new(const struct dispatch_options *options);
/* All requests must have ended. */
void dispatch_free(struct dispatch *dispatch);
/* For conns_options; `arg` is the struct dispatch. */
void dispatch_take(struct evhttp_request *evreq, void *arg);
/*
 * Passes a request that did not arrive over HTTP (struct request_transport) to the handler of `route`. The handler must
 * check the user itself (ROUTE_BID). `body` is a JSON object, freed with the request. False if out of memory: the
 * handler was not called, and `body` was freed.
 */
struct dispatch_transport {
    const struct route *route;
    void *context;         /* of the route's module */
    struct uuid parameter; /* of the route's path */
    struct json *body;
    const struct request_user *user;
    const char *address;
    struct request_transport *transport;
};
MUST_CHECK bool dispatch_by_transport(struct dispatch *dispatch, const struct dispatch_transport *from);
/* Number of requests that have not ended yet. */
size_t dispatch_open(const struct dispatch *dispatch);

#endif
