/*
 * The routes that place bids: POST bids, POST and DELETE proxy, POST buy. This is the hot path: parse, one round trip
 * to Redis, publish, and 202 at the broker's confirm.
 */
#ifndef ROSTRUM_GATEWAY_BID_BIDS_H
#define ROSTRUM_GATEWAY_BID_BIDS_H

#include "common/service/config.h"
#include "gateway/account/verification.h"
#include "gateway/bid/snapshots.h"
#include "gateway/core/deployment.h"
#include "gateway/http/router.h"
#include "gateway/submit/backlog.h"
#include "gateway/submit/submission.h"

/* What the handlers use. components.c fills it. */
struct bids_context {
    const struct config *config;
    const struct deployment *deployment;
    const struct backlog *backlog;
    struct pg *pg;
    struct snapshot_loads *snapshots;
    struct verification *verification;
    const struct submissions *submissions;
};

/* Indexes in the table. Commands over a WebSocket use the same routes. */
enum { BIDS_PLACE, BIDS_PROXY, BIDS_BUY, BIDS_WITHDRAW };

extern const struct route bids_routes[];

#endif
