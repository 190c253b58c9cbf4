/*
 * The pages of snapshots that are published again (common/worker/republish.h): all sales, in the order of their ids.
 * Called by saleworker.c.
 */
#ifndef ROSTRUM_SALEWORKER_SNAPSHOT_PAGES_H
#define ROSTRUM_SALEWORKER_SNAPSHOT_PAGES_H

#include "common/worker/republish.h"
#include "saleworker/results.h"

struct snapshot_pages {
    struct pg *pg; /* with statements_all */
    struct results *results;
    struct uuid after;
};

/* The options of republish_new; `pages` must outlive it. */
struct republish_options snapshot_pages_options(struct snapshot_pages *pages, struct event_base *base, unsigned shards);

#endif
