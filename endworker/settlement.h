/*
 * Settlement: what the hammer ended becomes sold or unsold (rule 9), once, under the auction's row lock and only while
 * its status is still 'ended'. The event goes into the outbox with it, the snapshot in Redis follows.
 *
 * Caller: endings.c.
 */
#ifndef ROSTRUM_ENDWORKER_SETTLEMENT_H
#define ROSTRUM_ENDWORKER_SETTLEMENT_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/service/outbox.h"

struct settlement;

struct settlement_options {
    struct event_base *base;
    struct pg *pg; /* with statements_table */
    struct outbox *outbox;
    struct redis *redis;
    size_t snapshot_script; /* index of snapshot_script in the table of `redis` */
};

struct settlement_item {
    struct uuid auction_id;
    bool refused; /* out: the database refuses for good */
};

/* Every auction of the job is settled, was so before, or is marked as refused. */
typedef void (*settlement_done)(void *arg);

/* NULL only without memory. */
MUST_CHECK struct settlement *settlement_new(const struct settlement_options *options);
/* Free `pg` before. */
void settlement_free(struct settlement *settlement);
/*
 * Settles these auctions; the next job only after `done`, which comes from the loop. The items belong to the caller
 * and stay where they are until then.
 */
void settlement_settle(struct settlement *settlement, struct settlement_item *items, size_t count, settlement_done done,
                       void *arg);
/* From now on what fails is not tried again: `done` of the job in hand may not come. */
void settlement_drain(struct settlement *settlement);
/* A transaction is under way. */
bool settlement_busy(const struct settlement *settlement);

#endif
