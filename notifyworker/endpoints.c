/*
 * See endpoints.h. A slot for each hash; who comes to the slot of another takes it over.
 */
#include "notifyworker/endpoints.h"

#include <stdlib.h>

#include "common/protocol/topology.h"

enum {
    SLOTS = 4096,
    SECOND_MS = 1000,
    /* Messages of a second that go into the shortest queue; then doubling. Of who is well, about what it can take. */
    ASIDE_WELL = 1024,
    ASIDE_ILL = 32,
};

struct slot {
    uint64_t hash;
    enum endpoints_health health;
    int64_t health_until_ms;
    int64_t second; /* that `aside` is counted in */
    unsigned aside;
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
    slot->health = failed ? ENDPOINTS_ILL : took_ms > ENDPOINTS_SLOW_MS ? ENDPOINTS_SLOW : ENDPOINTS_WELL;
    slot->health_until_ms = now_ms + ENDPOINTS_REMEMBER_MS;
}

enum endpoints_health endpoints_health(const struct endpoints *endpoints, const char *endpoint, int64_t now_ms)
{
    uint64_t hash = hash_of(endpoint);
    const struct slot *slot = &endpoints->slots[hash % SLOTS];
    return slot->hash == hash && now_ms < slot->health_until_ms ? slot->health : ENDPOINTS_WELL;
}

unsigned endpoints_put_aside(struct endpoints *endpoints, const char *endpoint, int64_t now_ms)
{
    struct slot *slot = slot_of(endpoints, endpoint);
    unsigned wait = 0;
    if (slot->second != now_ms / SECOND_MS) {
        slot->second = now_ms / SECOND_MS;
        slot->aside = 0;
    }
    unsigned first = endpoints_health(endpoints, endpoint, now_ms) == ENDPOINTS_WELL ? ASIDE_WELL : ASIDE_ILL;
    for (unsigned most = first; slot->aside >= most && wait < TOPOLOGY_WAITS - 1; most *= 2) {
        wait++;
    }
    slot->aside++;
    return wait;
}
