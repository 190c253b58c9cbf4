/*
 * The JSON of live messages: the state of an auction as this worker knows it, and its updates. Pure, except that
 * serverTime reads the clock.
 *
 * Callers: watch.c, presence.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_LIVE_MESSAGE_H
#define ROSTRUM_GATEWAY_LIVE_LIVE_MESSAGE_H

#include "common/protocol/live_update.h"
#include "gateway/http/errors.h"

/* The public state of an auction. */
struct live_state {
    struct uuid auction_id;
    int64_t seq;
    enum rules_status status;
    char *title; /* owned by the owner of the state */
    char currency[8];
    int64_t starting_price;
    int64_t start_ms;
    int64_t end_ms;
    int64_t current_bid; /* minor units, 0: none */
    int64_t minimum_bid;
    int64_t bid_count;
    bool reserve_met;
    size_t bids;
    struct live_bid newest[LIVE_BIDS_MAX]; /* newest first */
};

/* Applies an update of the next version, or of the present one. */
void live_message_apply(struct live_state *state, const struct live_update *update);
/* `key` is the key of pseudonyms. */
void live_message_snapshot(struct jsonw *json, const struct live_state *state, const uint8_t *key);
/* Called after live_message_apply; not for LIVE_LOOK. */
void live_message_update(struct jsonw *json, const struct live_state *state, const struct live_update *update,
                         const uint8_t *key);

#endif
