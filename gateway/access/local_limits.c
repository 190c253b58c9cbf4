/*
 * See local_limits.h.
 */
#include "gateway/access/local_limits.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { PROBES = 8, TEXT_SIZE = 128 };

struct counter {
    uint64_t key; /* 0: free */
    int64_t used;
    int64_t ends_ms;
};

struct local_limits {
    unsigned char secret[crypto_shorthash_KEYBYTES]; /* so that nobody can choose texts with the same slots */
    struct counter counters[LOCAL_LIMITS_SLOTS];
};

struct local_limits *local_limits_new(void)
{
    struct local_limits *limits = calloc(1, sizeof(*limits));
    if (limits != NULL) {
        crypto_shorthash_keygen(limits->secret);
    }
    return limits;
}

void local_limits_free(struct local_limits *limits)
{
    free(limits);
}

uint64_t local_limits_key(const struct local_limits *limits, const char *what, const char *text)
{
    char plain[TEXT_SIZE];
    uint64_t key = 0;
    static_assert(sizeof(key) == crypto_shorthash_BYTES, "the hash is the key");
    int length = snprintf(plain, sizeof(plain), "%s %s", what, text);
    assert(length > 0 && length < TEXT_SIZE);
    (void)crypto_shorthash((unsigned char *)&key, (const unsigned char *)plain, (unsigned long long)length,
                           limits->secret);
    return key == 0 ? 1 : key;
}

/* The counter with this key; else one that is free, or whose window has ended; else the one with the fewest requests.
 */
static struct counter *find(struct local_limits *limits, uint64_t key, int64_t now_ms)
{
    struct counter *best = NULL;
    for (uint64_t i = 0; i < PROBES; i++) {
        struct counter *counter = &limits->counters[(key + i) % LOCAL_LIMITS_SLOTS];
        bool unused = counter->key == 0 || counter->ends_ms <= now_ms;
        if (counter->key == key && !unused) {
            return counter;
        }
        if (unused) {
            counter->used = 0;
        }
        if (best == NULL || counter->used < best->used) {
            best = counter;
        }
    }
    *best = (struct counter){.key = key};
    return best;
}

struct local_count local_limits_count(struct local_limits *limits, uint64_t key, int64_t window_ms, int64_t now_ms)
{
    struct counter *counter = find(limits, key, now_ms);
    if (counter->used == 0) {
        counter->ends_ms = now_ms + window_ms;
    }
    counter->used++;
    return (struct local_count){counter->used, counter->ends_ms - now_ms};
}
