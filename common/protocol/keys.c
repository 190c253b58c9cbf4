/*
 * Builds the texts of Redis keys and channels; keys.h describes their values. No I/O.
 */
#include "common/protocol/keys.h"

#include <assert.h>
#include <string.h>

/* A number of the epoch in a key: 16 digits. */
enum { EPOCH_DIGITS = 16, EPOCH_SIZE = EPOCH_DIGITS + 1 };

static const char *epoch_text(int64_t epoch, char out[static EPOCH_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t left = (uint64_t)epoch;
    for (int i = EPOCH_DIGITS - 1; i >= 0; i--) {
        out[i] = digits[left & 15];
        left >>= 4;
    }
    out[EPOCH_DIGITS] = '\0';
    return out;
}

static const char *id_text(const struct uuid *id, char out[static UUID_TEXT_SIZE])
{
    uuid_format(id, out);
    return out;
}

/*
 * Joins the parts, of which the last one is NULL. A bid needs several keys, so this is no printf. A truncated key could
 * equal another key, so callers must bound the parts of a key.
 */
static void key_join(char out[static KEYS_SIZE], const char *const parts[])
{
    size_t length = 0;
    for (size_t i = 0; parts[i] != NULL; i++) {
        size_t more = strlen(parts[i]);
        assert(length + more < KEYS_SIZE);
        memcpy(out + length, parts[i], more);
        length += more;
    }
    out[length] = '\0';
}

#define KEY(out, ...) key_join(out, (const char *const[]){__VA_ARGS__, NULL})

void keys_session(const struct uuid *user, const char *token_hash, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    KEY(out, "s:{", id_text(user, id), "}:", token_hash);
}

void keys_seen(const char *account_hash, const char *address, char out[static KEYS_SIZE])
{
    KEY(out, "seen:{", account_hash, "}:", address);
}

void keys_user(int64_t epoch, const struct uuid *user, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    char number[EPOCH_SIZE];
    KEY(out, "u:", epoch_text(epoch, number), ":{", id_text(user, id), "}");
}

void keys_user_limit(const struct uuid *user, const char *what, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    uuid_format(user, id);
    keys_text_limit(id, what, out);
}

void keys_text_limit(const char *text, const char *what, char out[static KEYS_SIZE])
{
    KEY(out, "rl:{", text, "}:", what);
}

void keys_bid(const struct uuid *user, const struct uuid *bid, char out[static KEYS_SIZE])
{
    char user_text[UUID_TEXT_SIZE];
    char bid_text[UUID_TEXT_SIZE];
    KEY(out, "bid:{", id_text(user, user_text), "}:", id_text(bid, bid_text));
}

void keys_join(const struct uuid *user, const struct uuid *sale, char out[static KEYS_SIZE])
{
    char user_text[UUID_TEXT_SIZE];
    char sale_text[UUID_TEXT_SIZE];
    KEY(out, "join:{", id_text(user, user_text), "}:", id_text(sale, sale_text));
}

void keys_order(const struct uuid *order, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    KEY(out, "order:{", id_text(order, id), "}");
}

void keys_idempotency(const struct uuid *user, const char *key_hash, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    KEY(out, "idem:{", id_text(user, id), "}:", key_hash);
}

void keys_snapshot(int64_t epoch, const struct uuid *auction, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    char number[EPOCH_SIZE];
    KEY(out, "snap:", epoch_text(epoch, number), ":{", id_text(auction, id), "}");
}

void keys_sale(int64_t epoch, const struct uuid *sale, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    char number[EPOCH_SIZE];
    KEY(out, "sale:", epoch_text(epoch, number), ":{", id_text(sale, id), "}");
}

void keys_product(int64_t epoch, const struct uuid *product, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    char number[EPOCH_SIZE];
    KEY(out, "product:", epoch_text(epoch, number), ":{", id_text(product, id), "}");
}

void keys_leaderboard(int64_t epoch, const struct uuid *auction, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    char number[EPOCH_SIZE];
    KEY(out, "top:", epoch_text(epoch, number), ":{", id_text(auction, id), "}");
}

void keys_history(int64_t epoch, const struct uuid *auction, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    char number[EPOCH_SIZE];
    KEY(out, "hist:", epoch_text(epoch, number), ":{", id_text(auction, id), "}");
}

void keys_search(int64_t epoch, const char *hash, char out[static KEYS_SIZE])
{
    char number[EPOCH_SIZE];
    KEY(out, "q:", epoch_text(epoch, number), ":{", hash, "}");
}

void keys_reply_channel(const struct uuid *gateway, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    KEY(out, "gw:", id_text(gateway, id));
}

#define LIVE_CHANNEL "live:{"
#define USER_CHANNEL "user:{"

void keys_live_channel(const struct uuid *id, char out[static KEYS_SIZE])
{
    char text[UUID_TEXT_SIZE];
    KEY(out, LIVE_CHANNEL, id_text(id, text), "}");
}

void keys_user_channel(const struct uuid *user, char out[static KEYS_SIZE])
{
    char id[UUID_TEXT_SIZE];
    KEY(out, USER_CHANNEL, id_text(user, id), "}");
}

bool keys_parse_channel(const char *channel, bool *of_user, struct uuid *id)
{
    size_t prefix = sizeof(LIVE_CHANNEL) - 1; /* both prefixes have the same length */
    *of_user = strncmp(channel, USER_CHANNEL, prefix) == 0;
    return (*of_user || strncmp(channel, LIVE_CHANNEL, prefix) == 0) && strlen(channel) == prefix + UUID_TEXT_SIZE &&
           uuid_parse(channel + prefix, UUID_TEXT_SIZE - 1, id);
}
