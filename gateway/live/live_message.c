/*
 * See live_message.h.
 */
#include "gateway/live/live_message.h"

#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/pseudonym.h"

#define LIVE_TYPE(name, message, type) [LIVE_##name] = (type),
static const char *const types[LIVE_KIND_COUNT] = {LIVE_KINDS(LIVE_TYPE)};

static void add_bids(struct live_state *state, const struct live_update *update)
{
    size_t kept = state->bids;
    if (kept > LIVE_BIDS_MAX - update->bids) {
        kept = LIVE_BIDS_MAX - update->bids;
    }
    memmove(state->newest + update->bids, state->newest, kept * sizeof(state->newest[0]));
    memcpy(state->newest, update->newest, update->bids * sizeof(state->newest[0]));
    state->bids = kept + update->bids;
}

void live_message_apply(struct live_state *state, const struct live_update *update)
{
    if (update->status != RULES_NO_STATUS) {
        state->status = update->status;
    }
    if (update->end_ms != 0) {
        state->end_ms = update->end_ms;
    }
    if (update->priced) {
        state->start_ms = update->start_ms;
        state->current_bid = update->current_bid;
        state->minimum_bid = update->minimum_bid;
        state->bid_count = update->bid_count;
        state->reserve_met = update->reserve_met;
    }
    if (update->kind != LIVE_ENDING_SOON) {
        state->seq = update->version;
    }
    add_bids(state, update);
}

static void begin(struct jsonw *json, const char *type, const struct live_state *state)
{
    jsonw_object(json);
    jsonw_put_string(json, "type", type);
    jsonw_put_uuid(json, "auctionId", &state->auction_id);
    jsonw_put_int(json, "seq", state->seq);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_put_string(json, "status", rules_status_text(state->status));
}

static void write_price(struct jsonw *json, const struct live_state *state)
{
    if (state->current_bid > 0) {
        jsonw_put_money(json, "currentBid", state->current_bid);
    } else {
        jsonw_put_null(json, "currentBid");
    }
    jsonw_put_money(json, "minimumBid", state->minimum_bid);
    jsonw_put_int(json, "bidCount", state->bid_count);
    jsonw_put_bool(json, "reserveMet", state->reserve_met);
}

/* The same members as in the public history. */
static void write_bids(struct jsonw *json, const struct uuid *auction, const struct live_bid *bids, size_t count,
                       const uint8_t *key)
{
    char bidder[PSEUDONYM_SIZE];
    jsonw_name(json, "bids");
    jsonw_array(json);
    for (size_t i = 0; i < count; i++) {
        pseudonym_write(key, auction, &bids[i].bidder_id, bidder);
        jsonw_object(json);
        jsonw_put_uuid(json, "bidId", &bids[i].bid_id);
        jsonw_put_string(json, "bidder", bidder);
        jsonw_put_money(json, "amount", bids[i].amount);
        jsonw_put_bool(json, "isProxyBid", bids[i].automatic);
        jsonw_put_time(json, "createdAt", bids[i].at_ms);
        jsonw_end_object(json);
    }
    jsonw_end_array(json);
}

void live_message_snapshot(struct jsonw *json, const struct live_state *state, const uint8_t *key)
{
    begin(json, "snapshot", state);
    jsonw_put_string(json, "title", state->title);
    jsonw_put_string(json, "currency", state->currency);
    jsonw_put_money(json, "startingPrice", state->starting_price);
    jsonw_put_time(json, "startTime", state->start_ms);
    jsonw_put_time(json, "endTime", state->end_ms);
    write_price(json, state);
    write_bids(json, &state->auction_id, state->newest, state->bids, key);
    jsonw_end_object(json);
}

void live_message_update(struct jsonw *json, const struct live_state *state, const struct live_update *update,
                         const uint8_t *key)
{
    assert(update->kind != LIVE_LOOK);
    begin(json, types[update->kind], state);
    jsonw_put_time(json, "endTime", state->end_ms);
    write_price(json, state);
    write_bids(json, &state->auction_id, update->newest, update->bids, key);
    jsonw_end_object(json);
}
