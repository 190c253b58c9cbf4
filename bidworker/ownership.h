/*
 * Decides which shards this worker serves. A worker draws a random number and is alive while its session holds the
 * advisory lock of that number. Every ownership_poll_ms it reads which workers are alive. Then it takes and releases
 * shards as common/service/shards.h assigns them.
 *
 * Without PostgreSQL it keeps its shards: nothing can be decided then anyway. While two workers disagree about the
 * owner of a shard, the broker's single active consumer ensures that one of them reads it. Without RabbitMQ for longer
 * than UNFIT_MS the worker releases its lock, because other workers may still reach RabbitMQ.
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
    /* Whether this worker can consume its shards. Called at each poll. */
    bool (*fit)(void *arg);
    /* Called for each shard at each poll. `mine`: this worker is its owner. */
    void (*mine)(unsigned shard, bool mine, void *arg);
    /* Called at the end of each poll. */
    void (*polled)(void *arg);
    void *arg;
};

MUST_CHECK struct ownership *ownership_new(const struct ownership_options *options);
/* Releases the lock. The other workers take over the shards at their next poll. */
void ownership_free(struct ownership *ownership);
/* Whether the lock is held and the list of live workers was read since. */
bool ownership_settled(const struct ownership *ownership);
uint32_t ownership_number(const struct ownership *ownership);

#endif
