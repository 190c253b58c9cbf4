/*
 * PostgreSQL for a command line: one connection, one statement at a time, waiting for each. What goes wrong is said on
 * stderr here, so that a command only passes the failure on.
 */
#ifndef ROSTRUM_DEPLOY_CTL_STORE_H
#define ROSTRUM_DEPLOY_CTL_STORE_H

#include "common/io/pg.h"
#include "deploy/ctl/ctl.h"

/* Milliseconds since the epoch of a timestamptz column, for SELECT lists. */
#define STORE_MS(column) "(extract(epoch FROM " column ") * 1000)::bigint"

/* Connects if that was not done yet. Statements are given pg_timeout_ms each, until store_patient. */
MUST_CHECK bool store_open(struct ctl *ctl);
/* From here on a statement may take as long as it takes. */
MUST_CHECK bool store_patient(struct ctl *ctl);
/* One statement with `count` text parameters. The result, for PQclear by the caller; NULL when it failed. */
MUST_CHECK PGresult *store_run(struct ctl *ctl, const char *sql, int count, const char *const *values);
/* The same for a statement whose result does not matter. */
MUST_CHECK bool store_do(struct ctl *ctl, const char *sql, int count, const char *const *values);
/* As store_run, but a failure with this SQLSTATE is not said: then NULL and *met. */
MUST_CHECK PGresult *store_try(struct ctl *ctl, const char *sql, int count, const char *const *values,
                               const char *sqlstate, bool *met);
/* Several statements without parameters: a migration. */
MUST_CHECK bool store_script(struct ctl *ctl, const char *name, const char *sql);
/* The number of shards on record; false, and said, when the deployment was not migrated. */
MUST_CHECK bool store_shards(struct ctl *ctl, unsigned *shards);

#endif
