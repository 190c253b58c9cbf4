/*
 * Builds the texts of Redis keys and channels; keys.h describes their values. No I/O.
 */
#include "common/protocol/keys.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EPOCH "%016" PRIx64

/* A truncated key could equal another key, so callers must bound the parts of a key. */
static PRINTF_LIKE(2, 3) void key_write(char *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(out, KEYS_SIZE, format, arguments);
    va_end(arguments);
    assert(length > 0 && length < KEYS_SIZE);
    (void)length;
}

void keys_session(const struct uuid *user, const char *token_hash, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    uuid_format(user, id);
    key_write(out, "s:{%s}:%s", id, token_hash);
}

void keys_seen(const char *account_hash, const char *address, char out[static KEYS_SIZE])
{
    key_write(out, "seen:{%s}:%s", account_hash, address);
}

void keys_user(int64_t epoch, const struct uuid *user, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    uuid_format(user, id);
    key_write(out, "u:" EPOCH ":{%s}", (uint64_t)epoch, id);
}

void keys_user_limit(const struct uuid *user, const char *what, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    uuid_format(user, id);
    keys_text_limit(id, what, out);
}

void keys_text_limit(const char *text, const char *what, char out[static KEYS_SIZE])
{
    key_write(out, "rl:{%s}:%s", text, what);
}

void keys_bid(const struct uuid *user, const struct uuid *bid, char out[static KEYS_SIZE])
{
    char user_text[UUID_TEXT_SIZE];
    char bid_text[UUID_TEXT_SIZE];
    uuid_format(user, user_text);
    uuid_format(bid, bid_text);
    key_write(out, "bid:{%s}:%s", user_text, bid_text);
}

void keys_idempotency(const struct uuid *user, const char *key_hash, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    uuid_format(user, id);
    key_write(out, "idem:{%s}:%s", id, key_hash);
}

void keys_snapshot(int64_t epoch, const struct uuid *auction, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    uuid_format(auction, id);
    key_write(out, "snap:" EPOCH ":{%s}", (uint64_t)epoch, id);
}

void keys_sale(int64_t epoch, const struct uuid *sale, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    uuid_format(sale, id);
    key_write(out, "sale:" EPOCH ":{%s}", (uint64_t)epoch, id);
}

void keys_leaderboard(int64_t epoch, const struct uuid *auction, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    uuid_format(auction, id);
    key_write(out, "top:" EPOCH ":{%s}", (uint64_t)epoch, id);
}

void keys_history(int64_t epoch, const struct uuid *auction, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    uuid_format(auction, id);
    key_write(out, "hist:" EPOCH ":{%s}", (uint64_t)epoch, id);
}

void keys_search(int64_t epoch, const char *hash, char out[static KEYS_SIZE])
{
    key_write(out, "q:" EPOCH ":{%s}", (uint64_t)epoch, hash);
}

void keys_reply_channel(const struct uuid *gateway, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    uuid_format(gateway, id);
    key_write(out, "gw:%s", id);
}

#define LIVE_CHANNEL "live:{"
#define USER_CHANNEL "user:{"

void keys_live_channel(const struct uuid *id, char out[static KEYS_SIZE])
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    key_write(out, LIVE_CHANNEL "%s}", text);
}

void keys_user_channel(const struct uuid *user, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    uuid_format(user, id);
    key_write(out, USER_CHANNEL "%s}", id);
}

bool keys_parse_channel(const char *channel, bool *of_user, struct uuid *id)
{
    size_t prefix = sizeof(LIVE_CHANNEL) - 1; /* both prefixes have the same length */
    *of_user = strncmp(channel, USER_CHANNEL, prefix) == 0;
    return (*of_user || strncmp(channel, LIVE_CHANNEL, prefix) == 0) && strlen(channel) == prefix + UUID_TEXT_SIZE &&
           uuid_parse(channel + prefix, UUID_TEXT_SIZE - 1, id);
}
