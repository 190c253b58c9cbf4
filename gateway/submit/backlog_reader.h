/*
 * Reads the reports about a family's shards from Redis every BACKLOG_LOOK_MS into a worker's struct backlog, and sets
 * the metrics of the shards. Commands only read that memory.
 *
 * Caller: components.c.
 */
#ifndef ROSTRUM_GATEWAY_SUBMIT_BACKLOG_READER_H
#define ROSTRUM_GATEWAY_SUBMIT_BACKLOG_READER_H

#include <event2/event.h>

#include "common/io/redis.h"
#include "common/service/config.h"
#include "gateway/core/deployment.h"
#include "gateway/submit/backlog.h"
#include "gateway/submit/family.h"

struct backlog_reader;

struct backlog_reader_options {
    struct event_base *base;
    const struct config *config;
    const struct deployment *deployment; /* nothing is read before it is known */
    struct redis *redis;
    const struct submit_family *family;
    struct backlog *backlog; /* filled here */
    /* For the metrics of a shard: age of its oldest undecided command, and depth of its queue; negative: unknown. */
    void (*measured)(unsigned shard, int64_t age_ms, int64_t ready, bool decides);
};

/* NULL: no memory. */
MUST_CHECK struct backlog_reader *backlog_reader_new(const struct backlog_reader_options *options);
/* Free Redis first: its last callbacks use the reader. */
void backlog_reader_free(struct backlog_reader *reader);

#endif
