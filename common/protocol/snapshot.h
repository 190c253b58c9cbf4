/*
 * The snapshot of an auction in Redis: the values that the gateway needs to admit a bid. The bid worker writes it after
 * each batch; a gateway loads a missing one from PostgreSQL. The script never overwrites a newer version.
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
    struct uuid leader_id; /* nil: none; the leader's raise may be below the minimum (rule 5) */
    int64_t version;       /* auctions.version */
    int64_t terms_version; /* auctions.terms_version */
    enum rules_status status;
    int64_t start_ms;
    int64_t end_ms;
    int64_t minimum_bid; /* minor units */
    int64_t current_bid; /* minor units, 0: none yet */
};

enum {
    SNAPSHOT_LIFE_S = 3600,   /* expiry after the last write; a missing snapshot is loaded again */
    SNAPSHOT_DIGITS_MAX = 18, /* digits of a number: any value is below 2^63 */
    SNAPSHOT_TEXT_SIZE = 256,
    SNAPSHOT_LEADERS_MOST = 100, /* bidders on a leaderboard: the largest page */
    SNAPSHOT_LEADER_SIZE = 64,   /* text of one bid, written by snapshot_leader_add */
};

#define SNAPSHOT_FIELD                                                                                                 \
    "s" /* field of the hash. Field "v" is the version, for the script; field "lb" the version of the leaderboard. */

/* For a program's table of scripts. Replies 1 if written, 0 if the stored version is the same or newer. */
extern const struct redis_script snapshot_script;
/* As text: six numbers, two ids and the status, separated by spaces. */
void snapshot_format(const struct snapshot *snapshot, char out[static SNAPSHOT_TEXT_SIZE]);
/* Parses all members but auction_id. False if the text is invalid; `snapshot` is then undefined. */
MUST_CHECK bool snapshot_parse(const char *text, size_t length, struct snapshot *snapshot);
/* Writes the snapshot by script number `script` of that table. False: Redis is down; readers then use PostgreSQL. */
MUST_CHECK bool snapshot_write(struct redis *redis, size_t script, const struct snapshot *snapshot,
                               redis_callback callback, void *arg);
/*
 * The same for a batch. `leaders` are its bids as written by snapshot_leader_add. They are added to the auction's
 * leaderboard if that has the version before. The caller must know every bid of this version. NULL: the leaderboard is
 * not updated.
 */
MUST_CHECK bool snapshot_write_leaders(struct redis *redis, size_t script, const struct snapshot *snapshot,
                                       const char *leaders, redis_callback callback, void *arg);
/*
 * Writes one bid as text at `out`. Returns its length, or 0 if it does not fit. The score is twice the amount in minor
 * units, plus one for an accepted bid: it ranks before a beaten bid of the same amount.
 */
size_t snapshot_leader_add(char *out, size_t size, int64_t amount, bool accepted, const struct uuid *bidder);

#endif
