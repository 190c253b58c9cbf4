/*
 * The auction's snapshot in Redis: one script that writes it, all fields at once, unless the one there is as new.
 * The bid worker calls it after each batch, a gateway when a snapshot is missing; both may do so at the same moment,
 * which is why the version decides and not the order of arrival.
 *
 * Amounts are minor units and times milliseconds, as plain integers: admission compares them in Lua, whose numbers
 * hold integers exactly up to 2^53. All of ours are below.
 *
 * The leaderboard is a sorted set beside it. The field lb of the snapshot says for which version it stands: a batch
 * adds its bids only to a board of the version before its own, so that whatever is lost on the way - a worker between
 * COMMIT and Redis, a change that is no bid - leaves a board whose lb is not the snapshot's v, which nobody shows.
 */
#include "common/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/keys.h"

const struct redis_script snapshot_script = {
    .name = "snapshot",
    .body = "local there = redis.call('HMGET', KEYS[1], 'v', 'lb')\n"
            "if there[1] and tonumber(there[1]) >= tonumber(ARGV[1]) then return 0 end\n"
            "redis.call('HSET', KEYS[1], 'v', ARGV[1], 'st', ARGV[2], 'sa', ARGV[3], 'en', ARGV[4], 'mi', ARGV[5],\n"
            "           'cu', ARGV[6], 'se', ARGV[7], 'tv', ARGV[8], 'le', ARGV[9])\n"
            "redis.call('EXPIRE', KEYS[1], ARGV[10])\n"
            "if KEYS[2] and there[2] and there[1] == there[2] and there[1] + 1 == tonumber(ARGV[1]) then\n"
            "  for score, bidder in string.gmatch(ARGV[11], '(%d+) (%S+)') do\n"
            "    redis.call('ZADD', KEYS[2], 'GT', score, bidder)\n"
            "  end\n"
            "  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[12])\n"
            "  redis.call('EXPIRE', KEYS[2], ARGV[10])\n"
            "  redis.call('HSET', KEYS[1], 'lb', ARGV[1])\n"
            "end\n"
            "return 1\n",
};

enum { NUMBER_SIZE = 24 };

static const char *number(int64_t value, char out[static NUMBER_SIZE])
{
    (void)snprintf(out, NUMBER_SIZE, "%" PRId64, value);
    return out;
}

bool snapshot_write(struct redis *redis, size_t script, const struct snapshot *snapshot, redis_callback callback,
                    void *arg)
{
    return snapshot_write_leaders(redis, script, snapshot, NULL, callback, arg);
}

bool snapshot_write_leaders(struct redis *redis, size_t script, const struct snapshot *snapshot, const char *leaders,
                            redis_callback callback, void *arg)
{
    char key[KEYS_SIZE];
    char board[KEYS_SIZE];
    char seller[UUID_TEXT_SIZE];
    char leader[UUID_TEXT_SIZE];
    char version[NUMBER_SIZE];
    char start[NUMBER_SIZE];
    char end[NUMBER_SIZE];
    char minimum[NUMBER_SIZE];
    char current[NUMBER_SIZE];
    char terms[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    char most[NUMBER_SIZE];
    keys_snapshot(&snapshot->auction_id, key);
    keys_leaderboard(&snapshot->auction_id, board);
    uuid_format(&snapshot->seller_id, seller);
    uuid_format(&snapshot->leader_id, leader);
    const char *const arguments[] = {
        key,
        board,
        number(snapshot->version, version),
        snapshot->status,
        number(snapshot->start_ms, start),
        number(snapshot->end_ms, end),
        number(snapshot->minimum_bid, minimum),
        snapshot->current_bid == 0 ? "" : number(snapshot->current_bid, current),
        seller,
        number(snapshot->terms_version, terms),
        uuid_is_nil(&snapshot->leader_id) ? "" : leader,
        number(SNAPSHOT_LIFE_S, life),
        leaders,
        number(SNAPSHOT_LEADERS_MOST, most),
    };
    if (leaders != NULL) {
        return redis_call(redis, script, callback, arg, 2, ARRAY_LEN(arguments), arguments, NULL);
    }
    /* One key, and nothing behind the life. */
    const char *plain[ARRAY_LEN(arguments)] = {key};
    const int count = (int)ARRAY_LEN(arguments) - 3;
    memcpy(plain + 1, arguments + 2, (size_t)(count - 1) * sizeof(*plain));
    return redis_call(redis, script, callback, arg, 1, count, plain, NULL);
}

size_t snapshot_leader_add(char *out, size_t size, int64_t amount, bool accepted, const struct uuid *bidder)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(bidder, id);
    int length = snprintf(out, size, "%" PRId64 " %s ", 2 * amount + (accepted ? 1 : 0), id);
    return length > 0 && (size_t)length < size ? (size_t)length : 0;
}
