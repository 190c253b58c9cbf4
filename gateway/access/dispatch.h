/*
 * From evhttp to the handler: makes requests out of evhttp's, checks them (HTTP, route, who asks, limits, body), gives
 * them to their handlers, and answers 503 for those that are not answered by their deadline. One per worker.
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
    const struct uuid *id; /* of this worker, for the ids of its requests */
};

/* NULL only without memory. */
MUST_CHECK struct dispatch *dispatch_new(const struct dispatch_options *options);
/* No request may be open. */
void dispatch_free(struct dispatch *dispatch);
/* For conns_options; `arg` is the struct dispatch. */
void dispatch_take(struct evhttp_request *evreq, void *arg);
/*
 * A request that came by another way (struct request_transport), to the handler of `route`, which checks its user by
 * itself (ROUTE_BID). `body` is a JSON object, freed with the request. False without memory: then nothing happened, and
 * `body` was freed.
 */
struct dispatch_transport {
    const struct route *route;
    void *context;         /* of the route's module */
    struct uuid parameter; /* of its path */
    struct json *body;
    const struct request_user *user;
    const char *address;
    struct request_transport *transport;
};
MUST_CHECK bool dispatch_by_transport(struct dispatch *dispatch, const struct dispatch_transport *from);
/* Requests that their handlers have not ended yet. */
size_t dispatch_open(const struct dispatch *dispatch);

#endif
