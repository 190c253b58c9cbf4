/*
 * Seals the audit log: while this end worker leads, it adds new entries to their chain of hashes each second
 * (schema/0024-audit-chain.sql, docs/audit.md). The hashes are made in the database, so entries are not transferred.
 *
 * The log gets the newest hash, so that it is also outside the database. The sealer remembers its newest link and
 * passes it to the next statement, so that a link that was changed or cut off meanwhile is noticed at once.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_SEALER_H
#define ROSTRUM_ENDWORKER_SEALER_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"

struct sealer;

struct sealer_options {
    struct event_base *base;
    struct pg *pg;            /* with statements_table */
    bool (*leads)(void *arg); /* asked each second: whether this end worker leads */
    void *arg;
};

/* NULL: no memory. */
MUST_CHECK struct sealer *sealer_new(const struct sealer_options *options);
/* Free `pg` first. NULL is allowed. */
void sealer_free(struct sealer *sealer);
/* Longest time in ms that an entry may have waited to be sealed; 0 without the lead. */
int64_t sealer_lag_ms(const struct sealer *sealer);

#endif
