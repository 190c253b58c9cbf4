/*
 * One gateway worker is put together here, out of its parts and its connections to the back ends, and taken apart
 * again.
 *
 * Caller: worker.c.
 */
#ifndef ROSTRUM_GATEWAY_COMPONENTS_H
#define ROSTRUM_GATEWAY_COMPONENTS_H

#include "gateway/core/gateway.h"

struct components_options {
    struct event_base *base;
    const struct config *config;
    struct deployment_record *record;
    bool (*turn)(size_t open, void *arg); /* see conn.h */
    void *turn_arg;
};

/* Everything but its listening sockets. False: not enough memory, or an address that makes no sense; it was logged. */
MUST_CHECK bool components_start(struct gateway *gateway, const struct components_options *options);
/* Ends what components_start began, also half way. No request may be open. */
void components_stop(struct gateway *gateway);

#endif
