/*
 * The pages of snapshots that are published again (common/worker/republish.h): the open auctions and those that ended
 * recently, by status. Called by bidworker.c.
 */
#ifndef ROSTRUM_BIDWORKER_SNAPSHOT_PAGES_H
#define ROSTRUM_BIDWORKER_SNAPSHOT_PAGES_H

#include "bidworker/results.h"
#include "common/worker/republish.h"

struct snapshot_pages {
    struct pg *pg; /* with statements_all */
    struct results *results;
    int64_t after_end_ms;
    struct uuid after_id;
};

/* The options of republish_new; `pages` must outlive it. */
struct republish_options snapshot_pages_options(struct snapshot_pages *pages, struct event_base *base, unsigned shards);

#endif
