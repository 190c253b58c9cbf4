/*
 * From evhttp to the handler: makes requests out of evhttp's, checks them (HTTP, route, who asks, limits, body), gives
 * them to their handlers, and answers 503 for those that are not answered by their deadline. One per worker.
 *
 * Caller: gateway.c.
 */
#ifndef ROSTRUM_GATEWAY_DISPATCH_H
#define ROSTRUM_GATEWAY_DISPATCH_H

#include "common/base.h"

struct dispatch;
struct evhttp_request;
struct gateway;

/* NULL only without memory. */
MUST_CHECK struct dispatch *dispatch_new(struct gateway *gateway);
/* No request may be open. */
void dispatch_free(struct dispatch *dispatch);
/* For conns_options; `arg` is the struct dispatch. */
void dispatch_take(struct evhttp_request *evreq, void *arg);
/* Requests that their handlers have not ended yet. */
size_t dispatch_open(const struct dispatch *dispatch);

#endif
