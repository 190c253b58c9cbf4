/*
 * The auctions or sales of one shard whose rows other sessions have locked. Their commands wait in the shard's buffer,
 * in the order of the queue, while all others are decided. Each row is tried again with a back-off. Pure: the caller
 * passes the time, on clock_mono_ms. Called by shard_reader.c.
 *
 * Invariant: `items` is sorted by id. The caller bounds their number: each has a command that waits.
 */
#ifndef ROSTRUM_COMMON_WORKER_LOCKED_ROWS_H
#define ROSTRUM_COMMON_WORKER_LOCKED_ROWS_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum {
    LOCKED_RETRY_MIN_MS = 10, /* until the first retry; doubled for each further one */
    LOCKED_RETRY_MAX_MS = 500,
};

struct locked_row {
    struct uuid id;
    int64_t since_ms;
    int64_t due_ms; /* of the next try */
    unsigned tries;
    bool reported; /* in the log; set by the caller */
};

/* Zeroed: empty. */
struct locked_rows {
    struct locked_row *items;
    size_t count;
    size_t size;
};

void locked_rows_free(struct locked_rows *list);
void locked_rows_clear(struct locked_rows *list);
/* Adds the row, due after LOCKED_RETRY_MIN_MS. No effect if it is in the list. False: no memory. */
MUST_CHECK bool locked_rows_add(struct locked_rows *list, const struct uuid *id, int64_t now_ms);
/* NULL if it is not in the list. Valid until the list changes. */
struct locked_row *locked_rows_find(const struct locked_rows *list, const struct uuid *id);
void locked_rows_remove(struct locked_rows *list, struct locked_row *row);
/* It is being tried: sets the time of the next try, should it still be locked. */
void locked_row_try(struct locked_row *row, int64_t now_ms);
/* When the first of them is to be tried, and since when the oldest is locked; INT64_MAX if there is none. */
int64_t locked_rows_due_ms(const struct locked_rows *list);
int64_t locked_rows_since_ms(const struct locked_rows *list);

#endif
