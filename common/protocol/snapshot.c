/*
 * The auction's snapshot in Redis. One script writes it, unless the stored version is the same or newer. The bid worker
 * runs it after each batch, a gateway when a snapshot is missing. Both may do so at the same time. Therefore the
 * version decides, and not the order of arrival.
 *
 * The snapshot is one text, because every bid reads it: nine hash fields cost Redis and the gateway several times as
 * much. The version is a field of its own, for the script.
 *
 * The leaderboard is a separate sorted set. Field lb of the snapshot is the version for which the leaderboard is
 * complete. A batch adds its bids only to a leaderboard of the version before its own. If an update is lost (a worker
 * crashes between COMMIT and Redis, or a change bypasses the queue), lb differs from v, and such a leaderboard is never
 * shown.
 */
#include "common/protocol/snapshot.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/protocol/keys.h"

const struct redis_script snapshot_script = {
    .name = "snapshot",
    .body = "local there = redis.call('HMGET', KEYS[1], 'v', 'lb')\n"
            "if there[1] and tonumber(there[1]) >= tonumber(ARGV[1]) then return 0 end\n"
            "redis.call('HSET', KEYS[1], 'v', ARGV[1], 's', ARGV[2])\n"
            "redis.call('EXPIRE', KEYS[1], ARGV[3])\n"
            "if ARGV[4] and there[2] and there[1] == there[2] and there[1] + 1 == tonumber(ARGV[1]) then\n"
            "  for score, bidder in string.gmatch(ARGV[4], '(%d+) (%S+)') do\n"
            "    redis.call('ZADD', KEYS[2], 'GT', score, bidder)\n"
            "  end\n"
            "  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[5])\n"
            "  redis.call('EXPIRE', KEYS[2], ARGV[3])\n"
            "  redis.call('HSET', KEYS[1], 'lb', ARGV[1])\n"
            "end\n"
            "return 1\n",
};

enum { NUMBER_SIZE = 24, STATUS_SIZE = 16 };

void snapshot_format(const struct snapshot *snapshot, char out[static SNAPSHOT_TEXT_SIZE])
{
    char seller[UUID_TEXT_SIZE];
    char leader[UUID_TEXT_SIZE];
    uuid_format(&snapshot->seller_id, seller);
    uuid_format(&snapshot->leader_id, leader);
    int length = snprintf(
        out, SNAPSHOT_TEXT_SIZE, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s %s %s",
        snapshot->version, snapshot->terms_version, snapshot->start_ms, snapshot->end_ms, snapshot->minimum_bid,
        snapshot->current_bid, seller, leader, rules_status_text(snapshot->status));
    assert(snapshot->status != RULES_NO_STATUS && length > 0 && length < SNAPSHOT_TEXT_SIZE);
    (void)length;
}

struct reader {
    const char *at;
    const char *end;
};

/* Returns the next word and its length, which is 0 at the end. */
static const char *read_word(struct reader *reader, size_t *length)
{
    const char *word = reader->at;
    const char *space = memchr(word, ' ', (size_t)(reader->end - word));
    *length = (size_t)((space != NULL ? space : reader->end) - word);
    reader->at = space != NULL ? space + 1 : reader->end;
    return word;
}

static bool read_number(struct reader *reader, int64_t *out)
{
    size_t length = 0;
    const char *word = read_word(reader, &length);
    int64_t value = 0;
    if (length == 0 || length > SNAPSHOT_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (word[i] < '0' || word[i] > '9') {
            return false;
        }
        value = value * 10 + (word[i] - '0');
    }
    *out = value;
    return true;
}

static bool read_id(struct reader *reader, struct uuid *out)
{
    size_t length = 0;
    const char *word = read_word(reader, &length);
    return uuid_parse(word, length, out);
}

static bool read_status(struct reader *reader, enum rules_status *out)
{
    char text[STATUS_SIZE];
    size_t length = 0;
    const char *word = read_word(reader, &length);
    if (length >= sizeof text) {
        return false;
    }
    memcpy(text, word, length);
    text[length] = '\0';
    return rules_status_parse(text, out);
}

bool snapshot_parse(const char *text, size_t length, struct snapshot *snapshot)
{
    struct reader reader = {text, text + length};
    int64_t *const numbers[] = {&snapshot->version, &snapshot->terms_version, &snapshot->start_ms,
                                &snapshot->end_ms,  &snapshot->minimum_bid,   &snapshot->current_bid};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (!read_number(&reader, numbers[i])) {
            return false;
        }
    }
    if (!read_id(&reader, &snapshot->seller_id) || !read_id(&reader, &snapshot->leader_id)) {
        return false;
    }
    return read_status(&reader, &snapshot->status);
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
    char version[NUMBER_SIZE];
    char text[SNAPSHOT_TEXT_SIZE];
    char life[NUMBER_SIZE];
    char most[NUMBER_SIZE];
    const char *const arguments[] = {key, board, version, text, life, leaders, most};
    const int count = leaders != NULL ? (int)ARRAY_LEN(arguments) : (int)ARRAY_LEN(arguments) - 2;
    keys_snapshot(&snapshot->auction_id, key);
    keys_leaderboard(&snapshot->auction_id, board);
    (void)snprintf(version, sizeof version, "%" PRId64, snapshot->version);
    (void)snprintf(life, sizeof life, "%d", SNAPSHOT_LIFE_S);
    (void)snprintf(most, sizeof most, "%d", SNAPSHOT_LEADERS_MOST);
    snapshot_format(snapshot, text);
    return redis_call(redis, script, callback, arg, 2, count, arguments, NULL);
}

size_t snapshot_leader_add(char *out, size_t size, int64_t amount, bool accepted, const struct uuid *bidder)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(bidder, id);
    int length = snprintf(out, size, "%" PRId64 " %s ", 2 * amount + (accepted ? 1 : 0), id);
    assert(length > 0);
    return (size_t)length < size ? (size_t)length : 0;
}
