/*
 * Live updates of an auction: one message for each version, from the program that changed it to the gateways whose
 * clients watch it. Redis channel live:{auction}. A message is not stored and may be lost: a gap in the versions shows
 * the loss, and PostgreSQL has the state.
 *
 * Callers: bidworker/results, endworker/settlement, endworker/ending_soon (publish); gateway/live/watch (reads).
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_LIVE_UPDATE_H
#define ROSTRUM_COMMON_PROTOCOL_LIVE_UPDATE_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/io/redis.h"
#include "common/rules/rules.h"

enum { LIVE_BIDS_MAX = 20 }; /* newest bids in one message, as the API documents */

/*
 * What happened. One batch may contain several events: the message names the most important one. In ascending order of
 * importance. X(name, word in messages, type of the messages to clients)
 *
 *   LOOK         a change that the message does not contain, so the reader must read PostgreSQL: changed terms, voided
 *                bids, a redelivered batch
 *   UPDATED      no public change: rejected bids
 *   ENDED        the hammer fell
 *   ENDING_SOON  has the version of an earlier message
 */
#define LIVE_KINDS(X)                                                                                                  \
    X(LOOK, "look", "snapshot")                                                                                        \
    X(UPDATED, "updated", "auction_updated")                                                                           \
    X(BIDS, "bids", "bid_placed")                                                                                      \
    X(STARTED, "started", "auction_started")                                                                           \
    X(EXTENDED, "extended", "auction_extended")                                                                        \
    X(ENDED, "ended", "auction_ended")                                                                                 \
    X(SOLD, "sold", "auction_sold")                                                                                    \
    X(UNSOLD, "unsold", "auction_unsold")                                                                              \
    X(CANCELLED, "cancelled", "auction_cancelled")                                                                     \
    X(ENDING_SOON, "soon", "auction_ending_soon")

enum live_kind {
#define LIVE_ENUMERATOR(name, message, type) LIVE_##name,
    LIVE_KINDS(LIVE_ENUMERATOR)
#undef LIVE_ENUMERATOR
        LIVE_KIND_COUNT
};

struct live_bid {
    struct uuid bid_id;
    struct uuid bidder_id; /* never sent to clients, which see a pseudonym */
    int64_t amount;        /* minor units */
    int64_t at_ms;         /* time of the decision */
    bool automatic;
};

struct live_update {
    enum live_kind kind;
    struct uuid auction_id;
    int64_t version;
    int64_t at_ms;
    enum rules_status status; /* RULES_NO_STATUS: unchanged */
    int64_t end_ms;           /* 0: unchanged */
    /* The members below are set only if `priced`; else the price is unchanged. */
    bool priced;
    bool reserve_met;
    int64_t start_ms;
    int64_t current_bid; /* minor units, 0: none */
    int64_t minimum_bid;
    int64_t bid_count;
    size_t bids;                           /* number of `newest` */
    struct live_bid newest[LIVE_BIDS_MAX]; /* newest first */
};

/* Appends the message to `writer`, which must be empty. */
void live_write(struct jsonw *writer, const struct live_update *update);
/* Publishes to the current subscribers. Resets `writer` first. Without Redis the update is lost. */
void live_publish(struct redis *redis, struct jsonw *writer, const struct live_update *update);
/* Parses a message; false if it is invalid. */
MUST_CHECK bool live_read(const char *bytes, size_t length, struct live_update *update);
/*
 * Parses the array of bids of live_write, which PostgreSQL may also build: [[id, bidder, minor units, ms, 0 or 1], …].
 */
MUST_CHECK bool live_read_bids(const struct json *array, struct live_bid *bids, size_t *count);

#endif
