/*
 * Publishes the depths of the shard queues in Redis (KEYS_DEPTHS and KEYS_SALE_DEPTHS, struct shards_depth) every
 * second. Gateways judge by them whether commands wait that no worker reports.
 *
 * The leader does this. So does every end worker without a connection to PostgreSQL or with a wrong clock: perhaps
 * nobody may lead then. That several read a depth does no harm.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_DEPTHS_H
#define ROSTRUM_ENDWORKER_DEPTHS_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker.h"
#include "common/io/pg.h"
#include "common/io/redis.h"

struct depths;

struct depths_options {
    struct event_base *base;
    struct pg *pg;         /* with statements_table: for the number of shards */
    struct broker *broker; /* one that does not publish */
    struct redis *redis;
    bool (*wanted)(void *arg); /* whether this program reports now */
    void *arg;
};

/* NULL: no memory. */
MUST_CHECK struct depths *depths_new(const struct depths_options *options);
/* Free pg, broker and redis first. */
void depths_free(struct depths *depths);

#endif
