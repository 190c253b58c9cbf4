/*
 * See ids.h. A new id has 74 random bits from libsodium.
 */
#include "common/base/ids.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "common/base/clock.h"

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
    randombytes_buf(id.bytes + 6, 10);
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
