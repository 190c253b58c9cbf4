/*
 * Publishes snapshots again, of a shard that this worker begins to serve, and of all its shards when its connection to
 * Redis comes back. Meanwhile a change may have been committed without a snapshot, or Redis may have been started from
 * an older dump. Then its snapshots refuse valid commands, until the next batch or the end of their lifetime.
 *
 * It reads rows in pages, in parts that the program defines, for example by status, and publishes what has changed
 * within the lifetime of a snapshot. An older change needs no publication: a snapshot from before it has expired.
 *
 * Callers: redis_results.c, worker.c.
 */
#ifndef ROSTRUM_COMMON_WORKER_REPUBLISH_H
#define ROSTRUM_COMMON_WORKER_REPUBLISH_H

#include <event2/event.h>

#include "common/io/pg.h"
#include "common/protocol/snapshot.h"

struct republish;

/* The pages that a program has read. */
struct republish_pages {
    /*
     * Parameters: rows of a page, lifetime of a snapshot in seconds, and behind which row the page begins: its id, its
     * end, the part's text. A part begins with rows that ended at most past_s ago.
     */
    size_t statement;
    int parameters;                     /* the first ones that it has: 4 or 5 */
    const char *(*part)(size_t number); /* the text */
    size_t parts;                       /* of a pass; 1 or more */
    int changed_column; /* whether the row changed within the lifetime of a snapshot; column 0 is its id */
    int end_column;     /* when the auction or sale ends, in milliseconds */
    int past_s;         /* in seconds, at least the lifetime of a snapshot */
    /* Publishes the row. False: Redis takes no more. */
    bool (*publish)(const struct snapshot_writer *snapshots, const PGresult *result, int row);
};

/* All pointers are borrowed. */
struct republish_options {
    struct event_base *base;
    struct pg *pg; /* with the program's statements */
    const struct snapshot_writer *snapshots;
    const struct republish_pages *pages;
    unsigned shards;
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
