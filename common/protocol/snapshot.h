/*
 * The snapshot of an auction in Redis: the values that the gateway needs to admit a bid. The bid worker writes it after
 * each batch; a gateway loads a missing one from PostgreSQL. The script never overwrites a newer version.
 *
 * Redis may return an old snapshot: it was started from an older dump, or a write was lost. So a snapshot refuses a bid
 * only while it is fresh: written, or found unchanged in PostgreSQL, within SNAPSHOT_FRESH_MS. Its age is known from
 * the key's remaining lifetime, which depends on the clock of Redis alone.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_SNAPSHOT_H
#define ROSTRUM_COMMON_PROTOCOL_SNAPSHOT_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/io/pg.h"
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
    SNAPSHOT_FRESH_MS = 1000, /* age up to which a snapshot refuses bids */
    SNAPSHOT_TEXT_SIZE = 256,
    SNAPSHOT_LEADERS_MOST = 100, /* bidders on a leaderboard: the largest page */
    SNAPSHOT_LEADER_SIZE = 64,   /* text of one bid, written by snapshot_leader_add */
};

#define SNAPSHOT_FIELD                                                                                                 \
    "s" /* field of the hash. Field "v" is the version, for the script; field "lb" the version of the leaderboard. */

/*
 * For a program's table of scripts. Replies 1 if written, 0 if the stored version is the same or newer. The same
 * version becomes fresh.
 */
extern const struct redis_script snapshot_script;
/* Replies the snapshot as text if it is fresh, else nil. See snapshot_ask_fresh. */
extern const struct redis_script snapshot_fresh_script;
/* The columns of table auctions from which snapshot_read_row makes a snapshot. */
#define SNAPSHOT_COLUMNS                                                                                               \
    "id, seller_id, version, terms_version, status, (extract(epoch FROM start_time) * 1000)::bigint,"                  \
    " (extract(epoch FROM end_time) * 1000)::bigint, minimum_bid, current_bid, leader_id"
enum {
    SNAPSHOT_COLUMN_ID,
    SNAPSHOT_COLUMN_SELLER,
    SNAPSHOT_COLUMN_VERSION,
    SNAPSHOT_COLUMN_TERMS,
    SNAPSHOT_COLUMN_STATUS,
    SNAPSHOT_COLUMN_START,
    SNAPSHOT_COLUMN_END,
    SNAPSHOT_COLUMN_MINIMUM,
    SNAPSHOT_COLUMN_CURRENT,
    SNAPSHOT_COLUMN_LEADER,
    SNAPSHOT_COLUMN_COUNT
};
/* Makes a snapshot of a row that begins with SNAPSHOT_COLUMNS. False if its status is unknown. */
MUST_CHECK bool snapshot_read_row(const PGresult *result, int row, struct snapshot *snapshot);

/* As text: six numbers, two ids and the status, separated by spaces. */
void snapshot_format(const struct snapshot *snapshot, char out[static SNAPSHOT_TEXT_SIZE]);
/* Parses all members but auction_id. False if the text is invalid; `snapshot` is then undefined. */
MUST_CHECK bool snapshot_parse(const char *text, size_t length, struct snapshot *snapshot);
/*
 * How a program writes snapshots. `script` is the number of snapshot_script in the table of `redis`, `epoch` that of
 * the rows from which the snapshot was made.
 */
struct snapshot_writer {
    struct redis *redis;
    size_t script;
    int64_t epoch;
};
/* Writes the snapshot. False: Redis is down, or the epoch is not known; readers then use PostgreSQL. */
MUST_CHECK bool snapshot_write(const struct snapshot_writer *writer, const struct snapshot *snapshot,
                               redis_callback callback, void *arg);
/*
 * The same for a batch. `leaders` are its bids as written by snapshot_leader_add. They are added to the auction's
 * leaderboard if that has the version before. The caller must know every bid of this version. NULL: the leaderboard is
 * not updated.
 */
MUST_CHECK bool snapshot_write_leaders(const struct snapshot_writer *writer, const struct snapshot *snapshot,
                                       const char *leaders, redis_callback callback, void *arg);
/* Asks for the snapshot, if it is fresh, by script number `script`: snapshot_fresh_script. False: Redis is down. */
MUST_CHECK bool snapshot_ask_fresh(struct redis *redis, size_t script, int64_t epoch, const struct uuid *auction,
                                   redis_callback callback, void *arg);
/*
 * The same for another kind of snapshot, which has a key of its own and no leaderboard (sale_snapshot.h). The caller
 * knows that the epoch is known.
 */
MUST_CHECK bool snapshot_write_key(const struct snapshot_writer *writer, const char *key, int64_t version,
                                   const char *text, redis_callback callback, void *arg);
MUST_CHECK bool snapshot_ask_fresh_key(struct redis *redis, size_t script, const char *key, redis_callback callback,
                                       void *arg);
/*
 * Writes one bid as text at `out`. Returns its length, or 0 if it does not fit. The score is twice the amount in minor
 * units, plus one for an accepted bid: it ranks before a beaten bid of the same amount.
 */
size_t snapshot_leader_add(char *out, size_t size, int64_t amount, bool accepted, const struct uuid *bidder);

#endif
