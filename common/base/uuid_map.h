/*
 * A hash table from ids to numbers, for instance to the places of items in an array. The memory is the map's own.
 * Callers: common/rules/sale_set.c.
 *
 * Ids are made by the deployment, so nobody can choose them to collide.
 */
#ifndef ROSTRUM_COMMON_BASE_UUID_MAP_H
#define ROSTRUM_COMMON_BASE_UUID_MAP_H

#include "common/base/ids.h"

/* The greatest number of ids in a map. */
enum { UUID_MAP_MAX = 1 << 22 };

struct uuid_map_slot {
    struct uuid id;
    bool used;
    size_t value;
};

/* Zeroed: empty. */
struct uuid_map {
    struct uuid_map_slot *slots;
    size_t size; /* 0 or a power of two, at least twice `count` */
    size_t count;
};

void uuid_map_free(struct uuid_map *map);
/* Removes all ids and keeps the memory. */
void uuid_map_clear(struct uuid_map *map);
/* Makes room for `more` further ids; false without memory, or if there could be more than UUID_MAP_MAX. */
MUST_CHECK bool uuid_map_reserve(struct uuid_map *map, size_t more);
/* Sets the value of an id; there must be room for it. */
void uuid_map_put(struct uuid_map *map, const struct uuid *id, size_t value);
/* False if the map does not have the id; `*value` is then unchanged. */
MUST_CHECK bool uuid_map_get(const struct uuid_map *map, const struct uuid *id, size_t *value);

#endif
