/*
 * The epoch of the data. Every Redis key that is derived from rows contains it (common/protocol/keys.h), so data of an
 * older or newer state of the database is never read. It changes when rows were restored: schema/0012-timeline.sql.
 *
 * A program reads it by EPOCH_SQL on each new connection (`opening` of struct pg_options), before it runs any other
 * statement there. All connections of a pool that are up have the same epoch. Callers: the programs that use such keys.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_EPOCH_H
#define ROSTRUM_COMMON_PROTOCOL_EPOCH_H

#include "common/base/base.h"
#include "common/io/pg.h"

struct epoch {
    int64_t number;           /* 0: not known yet; no key with it exists */
    int64_t sessions_from_ms; /* sessions and access tokens that began earlier have ended */
};

#define EPOCH_SQL "SELECT epoch, (extract(epoch FROM sessions_from) * 1000)::bigint FROM data_epoch"

/* Reads the result of EPOCH_SQL. False if it has no row. */
MUST_CHECK bool epoch_read(const PGresult *result, struct epoch *epoch);

#endif
