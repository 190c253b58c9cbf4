/*
 * The auction's snapshot in Redis: one script that writes it, all fields at once, unless the one there is as new.
 * The bid worker calls it after each batch, a gateway when a snapshot is missing; both may do so at the same moment,
 * which is why the version decides and not the order of arrival.
 *
 * Amounts are minor units and times milliseconds, as plain integers: admission compares them in Lua, whose numbers
 * hold integers exactly up to 2^53. All of ours are below.
 */
#include "common/snapshot.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/keys.h"

const struct redis_script snapshot_script = {
    .name = "snapshot",
    .body = "local there = redis.call('HGET', KEYS[1], 'v')\n"
            "if there and tonumber(there) >= tonumber(ARGV[1]) then return 0 end\n"
            "redis.call('HSET', KEYS[1], 'v', ARGV[1], 'st', ARGV[2], 'sa', ARGV[3], 'en', ARGV[4], 'mi', ARGV[5],\n"
            "           'cu', ARGV[6], 'se', ARGV[7], 'tv', ARGV[8], 'le', ARGV[9])\n"
            "redis.call('EXPIRE', KEYS[1], ARGV[10])\n"
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
    char key[KEYS_SIZE];
    char seller[UUID_TEXT_SIZE];
    char leader[UUID_TEXT_SIZE];
    char version[NUMBER_SIZE];
    char start[NUMBER_SIZE];
    char end[NUMBER_SIZE];
    char minimum[NUMBER_SIZE];
    char current[NUMBER_SIZE];
    char terms[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    keys_snapshot(&snapshot->auction_id, key);
    uuid_format(&snapshot->seller_id, seller);
    uuid_format(&snapshot->leader_id, leader);
    const char *const arguments[] = {
        key,
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
    };
    return redis_call(redis, script, callback, arg, 1, ARRAY_LEN(arguments), arguments, NULL);
}
