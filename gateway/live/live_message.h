/*
 * What those who watch are sent, as JSON: an auction as a gateway worker knows it, and what happened to it. Pure, but
 * for the clock in serverTime.
 *
 * Callers: watch.c, presence.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_LIVE_MESSAGE_H
#define ROSTRUM_GATEWAY_LIVE_LIVE_MESSAGE_H

#include "common/protocol/live_update.h"
#include "gateway/http/errors.h"

/* An auction in public. */
struct live_state {
    struct uuid auction_id;
    int64_t seq;
    enum rules_status status;
    char *title; /* owned by whoever keeps the state */
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

/* Takes over what the news say; they are of the next version, or of this one. */
void live_message_apply(struct live_state *state, const struct live_update *update);
/* `key` is that of pseudonyms. */
void live_message_snapshot(struct jsonw *json, const struct live_state *state, const uint8_t *key);
/* After live_message_apply; not of LIVE_LOOK. */
void live_message_update(struct jsonw *json, const struct live_state *state, const struct live_update *update,
                         const uint8_t *key);

#endif
