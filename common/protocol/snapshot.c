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

#include "common/base/words.h"
#include "common/protocol/keys.h"

const struct redis_script snapshot_script = {
    .name = "snapshot",
    .body = "local there = redis.call('HMGET', KEYS[1], 'v', 'lb')\n"
            "if there[1] and tonumber(there[1]) >= tonumber(ARGV[1]) then\n"
            "  if there[1] == ARGV[1] then redis.call('EXPIRE', KEYS[1], ARGV[3]) end\n"
            "  return 0\n"
            "end\n"
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

/*
 * KEYS[1]: the snapshot. ARGV: the least and the most remaining lifetime, in ms, of a fresh one. A longer one shows
 * that the clock of Redis was set back.
 */
const struct redis_script snapshot_fresh_script = {
    .name = "snapshot_fresh",
    .body = "local left = redis.call('PTTL', KEYS[1])\n"
            "if left < tonumber(ARGV[1]) or left > tonumber(ARGV[2]) then return false end\n"
            "return redis.call('HGET', KEYS[1], '" SNAPSHOT_FIELD "')\n",
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

bool snapshot_parse(const char *text, size_t length, struct snapshot *snapshot)
{
    struct words words = {text, text + length};
    char status[STATUS_SIZE];
    int64_t *const numbers[] = {&snapshot->version, &snapshot->terms_version, &snapshot->start_ms,
                                &snapshot->end_ms,  &snapshot->minimum_bid,   &snapshot->current_bid};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (!words_number(&words, numbers[i])) {
            return false;
        }
    }
    return words_id(&words, &snapshot->seller_id) && words_id(&words, &snapshot->leader_id) &&
           words_text(&words, status, sizeof status) && rules_status_parse(status, &snapshot->status);
}

bool snapshot_read_row(const PGresult *result, int row, struct snapshot *snapshot)
{
    *snapshot = (struct snapshot){
        .auction_id = pg_uuid(result, row, SNAPSHOT_COLUMN_ID),
        .seller_id = pg_uuid(result, row, SNAPSHOT_COLUMN_SELLER),
        .leader_id = pg_uuid(result, row, SNAPSHOT_COLUMN_LEADER),
        .version = pg_int(result, row, SNAPSHOT_COLUMN_VERSION),
        .terms_version = pg_int(result, row, SNAPSHOT_COLUMN_TERMS),
        .start_ms = pg_int(result, row, SNAPSHOT_COLUMN_START),
        .end_ms = pg_int(result, row, SNAPSHOT_COLUMN_END),
        .minimum_bid = pg_money(result, row, SNAPSHOT_COLUMN_MINIMUM),
        .current_bid = pg_money(result, row, SNAPSHOT_COLUMN_CURRENT),
    };
    return rules_status_parse(pg_text(result, row, SNAPSHOT_COLUMN_STATUS), &snapshot->status);
}

bool snapshot_write(const struct snapshot_writer *writer, const struct snapshot *snapshot, redis_callback callback,
                    void *arg)
{
    return snapshot_write_leaders(writer, snapshot, NULL, callback, arg);
}

bool snapshot_write_key(const struct snapshot_writer *writer, const char *key, int64_t version, const char *text,
                        redis_callback callback, void *arg)
{
    char number[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    const char *const arguments[] = {key, number, text, life};
    (void)snprintf(number, sizeof number, "%" PRId64, version);
    (void)snprintf(life, sizeof life, "%d", SNAPSHOT_LIFE_S);
    return redis_call(writer->redis, writer->script, callback, arg, 1, ARRAY_LEN(arguments), arguments, NULL);
}

bool snapshot_write_leaders(const struct snapshot_writer *writer, const struct snapshot *snapshot, const char *leaders,
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
    if (writer->epoch == 0) {
        return false;
    }
    keys_snapshot(writer->epoch, &snapshot->auction_id, key);
    keys_leaderboard(writer->epoch, &snapshot->auction_id, board);
    (void)snprintf(version, sizeof version, "%" PRId64, snapshot->version);
    (void)snprintf(life, sizeof life, "%d", SNAPSHOT_LIFE_S);
    (void)snprintf(most, sizeof most, "%d", SNAPSHOT_LEADERS_MOST);
    snapshot_format(snapshot, text);
    return redis_call(writer->redis, writer->script, callback, arg, 2, count, arguments, NULL);
}

bool snapshot_ask_fresh(struct redis *redis, size_t script, int64_t epoch, const struct uuid *auction,
                        redis_callback callback, void *arg)
{
    char key[KEYS_SIZE];
    keys_snapshot(epoch, auction, key);
    return snapshot_ask_fresh_key(redis, script, key, callback, arg);
}

bool snapshot_ask_fresh_key(struct redis *redis, size_t script, const char *key, redis_callback callback, void *arg)
{
    char least[NUMBER_SIZE];
    char longest[NUMBER_SIZE];
    const char *const arguments[] = {key, least, longest};
    (void)snprintf(least, sizeof least, "%d", SNAPSHOT_LIFE_S * 1000 - SNAPSHOT_FRESH_MS);
    (void)snprintf(longest, sizeof longest, "%d", SNAPSHOT_LIFE_S * 1000);
    return redis_call(redis, script, callback, arg, 1, ARRAY_LEN(arguments), arguments, NULL);
}

size_t snapshot_leader_add(char *out, size_t size, int64_t amount, bool accepted, const struct uuid *bidder)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(bidder, id);
    int length = snprintf(out, size, "%" PRId64 " %s ", 2 * amount + (accepted ? 1 : 0), id);
    assert(length > 0);
    return (size_t)length < size ? (size_t)length : 0;
}
