/*
 * The auctions of one shard whose rows other sessions have locked. Their commands wait in the shard's buffer, in the
 * order of the queue, while those of other auctions are decided. Each auction is tried again with a back-off. Pure: the
 * caller passes the time, on clock_mono_ms. Called by shard_reader.c.
 *
 * Invariant: `items` is sorted by id. The caller bounds their number: each has a command that waits.
 */
#ifndef ROSTRUM_BIDWORKER_LOCKED_AUCTIONS_H
#define ROSTRUM_BIDWORKER_LOCKED_AUCTIONS_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum {
    LOCKED_RETRY_MIN_MS = 10, /* until the first retry; doubled for each further one */
    LOCKED_RETRY_MAX_MS = 500,
};

struct locked_auction {
    struct uuid id;
    int64_t since_ms;
    int64_t due_ms; /* of the next try */
    unsigned tries;
    bool reported; /* in the log; set by the caller */
};

/* Zeroed: empty. */
struct locked_auctions {
    struct locked_auction *items;
    size_t count;
    size_t size;
};

void locked_auctions_free(struct locked_auctions *list);
void locked_auctions_clear(struct locked_auctions *list);
/* Adds the auction, due after LOCKED_RETRY_MIN_MS. No effect if it is in the list. False: no memory. */
MUST_CHECK bool locked_auctions_add(struct locked_auctions *list, const struct uuid *id, int64_t now_ms);
/* NULL if it is not in the list. Valid until the list changes. */
struct locked_auction *locked_auctions_find(const struct locked_auctions *list, const struct uuid *id);
void locked_auctions_remove(struct locked_auctions *list, struct locked_auction *auction);
/* It is being tried: sets the time of the next try, should it still be locked. */
void locked_auction_try(struct locked_auction *auction, int64_t now_ms);
/* When the first of them is to be tried, and since when the oldest is locked; INT64_MAX if there is none. */
int64_t locked_auctions_due_ms(const struct locked_auctions *list);
int64_t locked_auctions_since_ms(const struct locked_auctions *list);

#endif
