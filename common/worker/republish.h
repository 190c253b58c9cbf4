/*
 * Publishes snapshots again, of a shard that this worker begins to serve, and of all its shards when its connection to
 * Redis comes back. Meanwhile a change may have been committed without a snapshot, or Redis may have been started from
 * an older dump. Then its snapshots refuse valid commands, until the next batch or the end of their lifetime.
 *
 * It reads rows in pages, in parts that the program defines, and publishes what has changed within the lifetime of a
 * snapshot. An older change needs no publication: a snapshot from before it has expired.
 *
 * Callers: bidworker.c, saleworker.c.
 */
#ifndef ROSTRUM_COMMON_WORKER_REPUBLISH_H
#define ROSTRUM_COMMON_WORKER_REPUBLISH_H

#include <event2/event.h>

#include "common/io/pg.h"

struct republish;

enum { REPUBLISH_PAGE_ROWS = 256 /* each sends one command to Redis */ };

struct republish_options {
    struct event_base *base;
    unsigned shards;
    size_t parts;       /* of a pass, each read from its beginning; 1 or more */
    int changed_column; /* whether the row changed within the lifetime of a snapshot; column 0 is its id */
    /* The next page is the first one of the part, or that behind this row. */
    void (*begin)(size_t part, void *arg);
    void (*go_on)(const PGresult *result, int row, void *arg);
    /* Sends the query for the next page of the part. False: no connection. */
    bool (*ask)(size_t part, pg_callback callback, void *callback_arg, void *arg);
    /* Publishes the row. False: Redis takes no more. */
    bool (*publish)(const PGresult *result, int row, void *arg);
    bool (*connected)(void *arg); /* to Redis */
    void *arg;
};

/* NULL without memory. */
MUST_CHECK struct republish *republish_new(const struct republish_options *options);
/* Free the connections to PostgreSQL first. NULL is allowed. */
void republish_free(struct republish *republish);
/* The worker begins or continues to serve the shard, or does not serve it. */
void republish_serve(struct republish *republish, unsigned shard, bool mine);
/* The connection to Redis came up. */
void republish_all(struct republish *republish);

#endif
