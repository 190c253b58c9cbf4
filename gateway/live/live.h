/*
 * The context of the routes of live updates: WebSockets (commands.c) and event streams (eventstream.c). components.c
 * fills it.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_LIVE_H
#define ROSTRUM_GATEWAY_LIVE_LIVE_H

#include "common/io/redis.h"
#include "common/service/config.h"
#include "gateway/access/dispatch.h"
#include "gateway/bid/bids.h"
#include "gateway/core/deployment.h"
#include "gateway/live/own_view.h"
#include "gateway/live/positions.h"
#include "gateway/live/presence.h"
#include "gateway/live/stream.h"
#include "gateway/live/watch.h"
#include "gateway/sale/sale_commands.h"
#include "gateway/submit/waiters.h"

struct live_context {
    const struct config *config;
    const struct deployment *deployment;
    const struct access *access;
    struct own_view_options own_view;
    struct jsonw *json; /* the writer of replies */
    struct streams *streams;
    struct watches *watches; /* of auctions */
    struct watches *sale_watches;
    struct positions *positions;
    struct presences *presences;
    /* For commands over a WebSocket that routes handle. */
    struct dispatch *dispatch;
    struct command_requests *bids;
    struct sale_commands_context *sale_commands;
    struct waiters *waiters; /* for decisions on bids */
    struct waiters *sale_waiters;
};

#endif
