/*
 * What is told of an auction while it runs, from whoever changed it to the gateways whose clients watch it: one message
 * for each version, over Redis channel live:{auction}. Nobody keeps it, and it may be lost: the versions show that, and
 * PostgreSQL has what was in it.
 *
 * Callers: bidworker/results, endworker/settlement, endworker/ending_soon (out); gateway/live/watch (in).
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_LIVE_UPDATE_H
#define ROSTRUM_COMMON_PROTOCOL_LIVE_UPDATE_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/io/redis.h"
#include "common/rules/rules.h"

enum { LIVE_BIDS_MAX = 20 }; /* newest bids of a message; the contract's number */

/*
 * What happened, the most important thing of it: one batch may hold many. In the order of importance.
 * X(name, word in messages, type in what clients are sent)
 *
 *   LOOK         what the message does not say: changed terms, voided bids, a batch that is told a second time
 *   UPDATED      nothing that is public: bids that were refused
 *   ENDED        the hammer fell
 *   ENDING_SOON  of the version there was already
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
    struct uuid bidder_id; /* never leaves the deployment: clients see a pseudonym */
    int64_t amount;        /* minor units */
    int64_t at_ms;         /* when it was decided */
    bool automatic;
};

struct live_update {
    enum live_kind kind;
    struct uuid auction_id;
    int64_t version;
    int64_t at_ms;
    enum rules_status status; /* RULES_NO_STATUS: as before */
    int64_t end_ms;           /* 0: as before */
    /* The price; only if `priced`, else as before. */
    bool priced;
    bool reserve_met;
    int64_t start_ms;
    int64_t current_bid; /* minor units, 0: none */
    int64_t minimum_bid;
    int64_t bid_count;
    size_t bids;                           /* of `newest` */
    struct live_bid newest[LIVE_BIDS_MAX]; /* newest first */
};

/* Appends to `writer`, a fresh one. */
void live_write(struct jsonw *writer, const struct live_update *update);
/* To whoever listens now. `writer` is emptied for it; without Redis nobody hears it. */
void live_publish(struct redis *redis, struct jsonw *writer, const struct live_update *update);
/* False if it is none. */
MUST_CHECK bool live_read(const char *bytes, size_t length, struct live_update *update);
/* The array that live_write makes of bids, as PostgreSQL may make it too: [[id, bidder, minor units, ms, 0 or 1], …].
 */
MUST_CHECK bool live_read_bids(const struct json *array, struct live_bid *bids, size_t *count);

#endif
