/*
 * Decides which shards this worker serves. It holds the lease of a random number (common/service/shards.h), and in the
 * same session the locks of its shards. Every ownership_poll_ms it reads all such locks, and takes and leaves shards as
 * common/service/shards.h plans them.
 *
 * Without word from PostgreSQL it keeps its shards for lease_s, because a restart takes less, but decides nothing. Then
 * it loses them all. A worker that cannot consume or decide for LEASE_UNFIT_MS gives its lease up, because others may
 * still be able to. Called by worker.c.
 */
#ifndef ROSTRUM_COMMON_WORKER_OWNERSHIP_H
#define ROSTRUM_COMMON_WORKER_OWNERSHIP_H

#include <event2/event.h>

#include "common/service/config.h"
#include "common/worker/work_family.h"

struct ownership;

struct ownership_options {
    struct event_base *base;
    const struct config *config;
    const struct work_family *family;
    const char *application; /* of the session of the lease */
    unsigned shards;
    /* Whether this worker can consume its shards and decide. Called at each poll. */
    bool (*fit)(void *arg);
    /* Called for each shard at each poll. `mine`: this worker is its owner. */
    void (*mine)(unsigned shard, bool mine, void *arg);
    /* Whether the worker still reads the shard, after mine(shard, false). Its lock is kept until it does not. */
    bool (*reads)(unsigned shard, void *arg);
    /* Called at the end of each poll. */
    void (*polled)(void *arg);
    /* The lease is gone, and with it every shard: others may own them already. */
    void (*lost)(void *arg);
    void *arg;
};

MUST_CHECK struct ownership *ownership_new(const struct ownership_options *options);
/* Releases all locks. The other workers take over the shards at their next poll. Calls nothing back. */
void ownership_free(struct ownership *ownership);
/* Whether the lease is held and the shards were read since. */
bool ownership_settled(const struct ownership *ownership);
/* Whether the lease is held now. Otherwise the worker must begin nothing, and commit nothing. */
bool ownership_holds(const struct ownership *ownership);
/* See lease_hung. */
bool ownership_hung(const struct ownership *ownership);
/* Number of workers alive at the last poll, this one included. */
size_t ownership_alive(const struct ownership *ownership);
/* Gives up all shards, and takes none before `rest_ms` have passed. Calls `lost`. */
void ownership_release(struct ownership *ownership, int64_t rest_ms);
/* To be called when the worker has stopped reading a shard: gives its lock up at once. */
void ownership_left(struct ownership *ownership);
uint32_t ownership_number(const struct ownership *ownership);

#endif
