/*
 * What the gateway needs to know of an auction to admit a bid, as kept in Redis. The bid worker writes it after each
 * batch, a gateway loads a missing one from PostgreSQL; a script never lets an older version overwrite a newer.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_SNAPSHOT_H
#define ROSTRUM_COMMON_PROTOCOL_SNAPSHOT_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/io/redis.h"
#include "common/rules/rules.h"

struct snapshot {
    struct uuid auction_id;
    struct uuid seller_id;
    struct uuid leader_id; /* nil: none; whose own raise may stay below the minimum (rule 5) */
    int64_t version;       /* auctions.version */
    int64_t terms_version; /* auctions.terms_version */
    enum rules_status status;
    int64_t start_ms;
    int64_t end_ms;
    int64_t minimum_bid; /* minor units */
    int64_t current_bid; /* minor units, 0: none yet */
};

enum {
    SNAPSHOT_LIFE_S = 3600,   /* after the last write; a missing one is loaded again */
    SNAPSHOT_DIGITS_MAX = 18, /* of a number: below 2^63 whatever they are */
    SNAPSHOT_TEXT_SIZE = 256,
    SNAPSHOT_LEADERS_MOST = 100, /* bidders on a leaderboard: one longest page */
    SNAPSHOT_LEADER_SIZE = 64,   /* of one entry in the text of snapshot_leader_add */
};

#define SNAPSHOT_FIELD "s" /* of the hash; "v" is the version alone, for the script; "lb" that of the leaderboard */

/* For a program's table of scripts. Replies 1 if written, 0 if the one there is as new or newer. */
extern const struct redis_script snapshot_script;
/* As text: six numbers, two ids, the status, a space between them. */
void snapshot_format(const struct snapshot *snapshot, char out[static SNAPSHOT_TEXT_SIZE]);
/* All but auction_id; false if it is none, `snapshot` is then undefined. */
MUST_CHECK bool snapshot_parse(const char *text, size_t length, struct snapshot *snapshot);
/* Writes it by script `script` of that table. False: Redis is not there, which harms nothing. */
MUST_CHECK bool snapshot_write(struct redis *redis, size_t script, const struct snapshot *snapshot,
                               redis_callback callback, void *arg);
/*
 * The same, for a batch: `leaders` are its bids as snapshot_leader_add wrote them, and go to the auction's leaderboard
 * if there is one of the version before. Only who knows every bid of that version may call it.
 */
MUST_CHECK bool snapshot_write_leaders(struct redis *redis, size_t script, const struct snapshot *snapshot,
                                       const char *leaders, redis_callback callback, void *arg);
/*
 * Writes one bid as text at `out`, and returns its length; 0 if it does not fit. The score is twice the amount in minor
 * units, and one more for an accepted bid: it stands before one of the same amount that it beat.
 */
size_t snapshot_leader_add(char *out, size_t size, int64_t amount, bool accepted, const struct uuid *bidder);

#endif
