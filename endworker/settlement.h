/*
 * Settlement: an ended auction becomes sold or unsold (rule 9), once, under its row lock and only while its status is
 * 'ended'. The event goes into the outbox in the same transaction; the snapshot in Redis is updated afterwards.
 *
 * Caller: settlement_consumer.c.
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
    const struct snapshot_writer *snapshots; /* of `redis`; its epoch may change */
};

struct settlement_item {
    struct uuid auction_id;
    bool refused; /* out: permanently refused by the database */
};

/* Every auction of the job is settled, was settled before, or is marked as refused. */
typedef void (*settlement_done)(void *arg);

/* NULL: no memory. */
MUST_CHECK struct settlement *settlement_new(const struct settlement_options *options);
/* Free `pg` first. */
void settlement_free(struct settlement *settlement);
/*
 * Settles these auctions; call it again only after `done`, which comes from the loop. The caller owns the items and
 * must keep them until then.
 */
void settlement_settle(struct settlement *settlement, struct settlement_item *items, size_t count, settlement_done done,
                       void *arg);
/* Disables retries. `done` of the current job is then not guaranteed. */
void settlement_drain(struct settlement *settlement);
/* True while a transaction is running. */
bool settlement_busy(const struct settlement *settlement);

#endif
