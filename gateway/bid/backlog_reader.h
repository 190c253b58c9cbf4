/*
 * Reads the reports about the shards from Redis every BACKLOG_LOOK_MS into a worker's struct backlog, and sets the
 * metrics of the shards. Bids only read that memory.
 *
 * Caller: components.c.
 */
#ifndef ROSTRUM_GATEWAY_BID_BACKLOG_READER_H
#define ROSTRUM_GATEWAY_BID_BACKLOG_READER_H

#include <event2/event.h>

#include "common/io/redis.h"
#include "common/service/config.h"
#include "gateway/bid/backlog.h"
#include "gateway/core/deployment.h"

struct backlog_reader;

struct backlog_reader_options {
    struct event_base *base;
    const struct config *config;
    const struct deployment *deployment; /* nothing is read before it is known */
    struct redis *redis;
    struct backlog *backlog; /* filled here */
};

/* NULL: no memory. */
MUST_CHECK struct backlog_reader *backlog_reader_new(const struct backlog_reader_options *options);
/* Free Redis first: its last callbacks use the reader. */
void backlog_reader_free(struct backlog_reader *reader);

#endif
