/*
 * See endpoints.h. A hash table without chaining: an endpoint overwrites another one in its slot.
 */
#include "notifyworker/endpoints.h"

#include <stdlib.h>

#include "common/protocol/topology.h"

enum {
    SLOTS = 4096,
    SECOND_MS = 1000,
    /*
     * Deferred messages of a second for the shortest queue; each longer queue doubles it. For a healthy endpoint this
     * is about what it can process.
     */
    DEFERRED_HEALTHY = 1024,
    DEFERRED_FAILING = 32,
};

struct slot {
    uint64_t hash;
    enum endpoints_health health;
    int64_t health_until_ms;
    int64_t second; /* the second that `deferred` counts */
    unsigned deferred;
};

struct endpoints {
    struct slot slots[SLOTS];
};

struct endpoints *endpoints_new(void)
{
    return calloc(1, sizeof(struct endpoints));
}

void endpoints_free(struct endpoints *endpoints)
{
    free(endpoints);
}

/* FNV-1a, 64 bit. */
static uint64_t hash_of(const char *endpoint)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *endpoint != '\0'; endpoint++) {
        hash = (hash ^ (unsigned char)*endpoint) * UINT64_C(1099511628211);
    }
    return hash;
}

static struct slot *slot_of(struct endpoints *endpoints, const char *endpoint)
{
    uint64_t hash = hash_of(endpoint);
    struct slot *slot = &endpoints->slots[hash % SLOTS];
    if (slot->hash != hash) {
        *slot = (struct slot){.hash = hash};
    }
    return slot;
}

void endpoints_note(struct endpoints *endpoints, const char *endpoint, bool failed, int64_t took_ms, int64_t now_ms)
{
    struct slot *slot = slot_of(endpoints, endpoint);
    slot->health = failed ? ENDPOINTS_FAILING : took_ms > ENDPOINTS_SLOW_MS ? ENDPOINTS_SLOW : ENDPOINTS_HEALTHY;
    slot->health_until_ms = now_ms + ENDPOINTS_REMEMBER_MS;
}

enum endpoints_health endpoints_health(const struct endpoints *endpoints, const char *endpoint, int64_t now_ms)
{
    uint64_t hash = hash_of(endpoint);
    const struct slot *slot = &endpoints->slots[hash % SLOTS];
    return slot->hash == hash && now_ms < slot->health_until_ms ? slot->health : ENDPOINTS_HEALTHY;
}

unsigned endpoints_defer(struct endpoints *endpoints, const char *endpoint, int64_t now_ms)
{
    struct slot *slot = slot_of(endpoints, endpoint);
    unsigned wait = 0;
    if (slot->second != now_ms / SECOND_MS) {
        slot->second = now_ms / SECOND_MS;
        slot->deferred = 0;
    }
    unsigned first =
        endpoints_health(endpoints, endpoint, now_ms) == ENDPOINTS_HEALTHY ? DEFERRED_HEALTHY : DEFERRED_FAILING;
    for (unsigned most = first; slot->deferred >= most && wait < TOPOLOGY_WAITS - 1; most *= 2) {
        wait++;
    }
    slot->deferred++;
    return wait;
}
