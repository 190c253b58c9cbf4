/*
 * Blocking access to PostgreSQL for rostrumctl: one connection, one statement at a time. Functions print errors on
 * stderr, so that a command only returns the failure.
 */
#ifndef ROSTRUM_DEPLOY_CTL_STORE_H
#define ROSTRUM_DEPLOY_CTL_STORE_H

#include "common/io/pg.h"
#include "deploy/ctl/ctl.h"

/* Milliseconds since the epoch of a timestamptz column, for SELECT lists. */
#define STORE_MS(column) "(extract(epoch FROM " column ") * 1000)::bigint"

/* Connects unless already connected. Statements time out after pg_timeout_ms, until store_patient is called. */
MUST_CHECK bool store_open(struct ctl *ctl);
/* Removes the time limit of statements. */
MUST_CHECK bool store_patient(struct ctl *ctl);
/* Runs one statement with `count` text parameters. The caller frees the result by PQclear; NULL on error. */
MUST_CHECK PGresult *store_run(struct ctl *ctl, const char *sql, int count, const char *const *values);
/* The same without a result. */
MUST_CHECK bool store_do(struct ctl *ctl, const char *sql, int count, const char *const *values);
/* As store_run, but an error with this SQLSTATE is not printed: returns NULL and sets *met. */
MUST_CHECK PGresult *store_try(struct ctl *ctl, const char *sql, int count, const char *const *values,
                               const char *sqlstate, bool *met);
/* Runs several statements without parameters: a migration. */
MUST_CHECK bool store_script(struct ctl *ctl, const char *name, const char *sql);
/* Returns 0 for NULL, -1 for an invalid amount such as -1.00 or NaN: a tampered row must not end verify. */
int64_t store_money(const PGresult *result, int row, int column);
/* Reads the number of shards on record. Returns false after printing an error if the schema is not migrated. */
MUST_CHECK bool store_shards(struct ctl *ctl, unsigned *shards);

#endif
