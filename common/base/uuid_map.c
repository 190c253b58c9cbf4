/*
 * See uuid_map.h. Open addressing with linear probing. At most half of the slots are used, so a search ends soon.
 */
#include "common/base/uuid_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 64 };

void uuid_map_free(struct uuid_map *map)
{
    free(map->slots);
    *map = (struct uuid_map){0};
}

void uuid_map_clear(struct uuid_map *map)
{
    if (map->count > 0) {
        memset(map->slots, 0, map->size * sizeof *map->slots);
    }
    map->count = 0;
}

/* A UUID of version 7 is random in its second half only, so both halves are mixed. */
static size_t hash_of(const struct uuid *id)
{
    uint64_t halves[2];
    memcpy(halves, id->bytes, sizeof halves);
    uint64_t hash = halves[0] ^ (halves[1] * UINT64_C(0x9e3779b97f4a7c15));
    hash = (hash ^ (hash >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return (size_t)(hash ^ (hash >> 32));
}

/* The slot that has the id, or the empty one for it. */
static struct uuid_map_slot *slot_of(const struct uuid_map *map, const struct uuid *id)
{
    size_t at = hash_of(id) & (map->size - 1);
    while (map->slots[at].used && !uuid_equal(&map->slots[at].id, id)) {
        at = (at + 1) & (map->size - 1);
    }
    return &map->slots[at];
}

bool uuid_map_reserve(struct uuid_map *map, size_t more)
{
    struct uuid_map larger = {.size = map->size == 0 ? SLOTS_MIN : map->size};
    if (more > UUID_MAP_MAX - map->count) {
        return false;
    }
    while (larger.size < 2 * (map->count + more)) {
        larger.size *= 2;
    }
    if (larger.size == map->size) {
        return true;
    }
    larger.slots = calloc(larger.size, sizeof *larger.slots);
    if (larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < map->size; i++) {
        if (map->slots[i].used) {
            uuid_map_put(&larger, &map->slots[i].id, map->slots[i].value);
        }
    }
    free(map->slots);
    *map = larger;
    return true;
}

void uuid_map_put(struct uuid_map *map, const struct uuid *id, size_t value)
{
    assert(map->size > 0);
    struct uuid_map_slot *slot = slot_of(map, id);
    if (!slot->used) {
        assert(2 * (map->count + 1) <= map->size);
        map->count++;
    }
    *slot = (struct uuid_map_slot){.id = *id, .used = true, .value = value};
}

bool uuid_map_get(const struct uuid_map *map, const struct uuid *id, size_t *value)
{
    if (map->count == 0) {
        return false;
    }
    const struct uuid_map_slot *slot = slot_of(map, id);
    if (slot->used) {
        *value = slot->value;
    }
    return slot->used;
}
