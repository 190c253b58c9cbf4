/*
 * Which shards this worker serves. It holds an advisory lock under a random number for as long as its session lives,
 * looks every ownership_poll_ms who else does, and takes and leaves shards as common/service/shards.h shares them out.
 * Without PostgreSQL it keeps what it has: nothing can be decided then anyway, and the broker's single active consumer
 * guards every moment in which two workers believe different things. Without its broker, for longer than a moment, it
 * gives up the lock: others may still reach theirs.
 */
#ifndef ROSTRUM_BIDWORKER_OWNERSHIP_H
#define ROSTRUM_BIDWORKER_OWNERSHIP_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/service/config.h"

struct ownership;

struct ownership_options {
    struct event_base *base;
    const struct config *config;
    unsigned shards;
    /* Can this worker take what its shards hold? Asked at each look. */
    bool (*fit)(void *arg);
    /* Called at each look, for each shard: is it ours? */
    void (*mine)(unsigned shard, bool mine, void *arg);
    /* After each look. */
    void (*looked)(void *arg);
    void *arg;
};

MUST_CHECK struct ownership *ownership_new(const struct ownership_options *options);
/* Gives up the lock: the others share our shards among themselves at their next look. */
void ownership_free(struct ownership *ownership);
/* The lock is held and the living were seen since. */
bool ownership_settled(const struct ownership *ownership);
uint32_t ownership_number(const struct ownership *ownership);

#endif
