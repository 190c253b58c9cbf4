/*
 * See ids.h. A new id has 74 random bits from libsodium. Each thread takes them from a pool, because a system call for
 * each id costs more than the rest of it. A forked process does not use the bytes of its parent's pool.
 */
#include "common/base/ids.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "common/base/clock.h"

enum {
    ID_RANDOM_BYTES = 10,
    POOL_IDS = 64, /* made of one system call */
};

static _Thread_local struct {
    uint8_t bytes[POOL_IDS * ID_RANDOM_BYTES];
    size_t left;
} pool;

static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static bool pool_usable; /* a fork will empty it */

/* Called in the child, by the only thread that it has. */
static void pool_empty(void)
{
    pool.left = 0;
}

static void pool_prepare(void)
{
    pool_usable = pthread_atfork(NULL, NULL, pool_empty) == 0;
}

static void put_random(uint8_t out[static ID_RANDOM_BYTES])
{
    if (pthread_once(&pool_once, pool_prepare) != 0 || !pool_usable) {
        randombytes_buf(out, ID_RANDOM_BYTES);
        return;
    }
    if (pool.left == 0) {
        randombytes_buf(pool.bytes, sizeof pool.bytes);
        pool.left = POOL_IDS;
    }
    memcpy(out, pool.bytes + --pool.left * ID_RANDOM_BYTES, ID_RANDOM_BYTES);
}

static void set_version(struct uuid *id, uint8_t version)
{
    id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0f) | (version << 4));
    id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3f) | 0x80);
}

static void put_time(struct uuid *id, int64_t ms)
{
    assert(ms >= 0);
    for (int i = 0; i < 6; i++) {
        id->bytes[i] = (uint8_t)((uint64_t)ms >> (40 - 8 * i));
    }
}

struct uuid uuid_new(void)
{
    struct uuid id;
    put_time(&id, clock_now_ms());
    put_random(id.bytes + 6);
    set_version(&id, 7);
    return id;
}

struct uuid uuid_from_hash(const uint8_t hash[static 16])
{
    struct uuid id;
    memcpy(id.bytes, hash, sizeof id.bytes);
    set_version(&id, 8);
    return id;
}

struct uuid uuid_from_hash_at(int64_t at_ms, const uint8_t hash[static 10])
{
    struct uuid id;
    put_time(&id, at_ms);
    memcpy(id.bytes + 6, hash, 10);
    set_version(&id, 8);
    return id;
}

void uuid_format(const struct uuid *id, char out[static UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *at = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        *at++ = digits[id->bytes[i] >> 4];
        *at++ = digits[id->bytes[i] & 15];
    }
    *at = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool uuid_parse(const char *text, size_t length, struct uuid *id)
{
    if (length != UUID_TEXT_SIZE - 1) {
        return false;
    }
    struct uuid parsed;
    const char *at = text;
    for (int i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *at++ != '-') {
            return false;
        }
        int high = hex_value(at[0]);
        int low = high < 0 ? -1 : hex_value(at[1]);
        if (low < 0) {
            return false;
        }
        parsed.bytes[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    *id = parsed;
    return true;
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

int uuid_compare(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

bool uuid_is_nil(const struct uuid *id)
{
    static const struct uuid nil;
    return uuid_equal(id, &nil);
}

unsigned ids_shard(const struct uuid *auction_id, unsigned shards)
{
    assert(shards > 0);
    uint32_t hash = UINT32_C(2166136261); /* FNV-1a offset basis; the prime is below */
    for (size_t i = 0; i < sizeof auction_id->bytes; i++) {
        hash = (hash ^ auction_id->bytes[i]) * UINT32_C(16777619);
    }
    return hash % shards;
}
