/*
 * Blocking access to the deployment's PostgreSQL, for facts that the API does not return: numbers of rows, the order of
 * the ledger. Contract tests only read by SQL and change data over HTTP.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_SQL_H
#define ROSTRUM_TESTS_SUPPORT_SQL_H

#include <libpq-fe.h>

#include "common/base/base.h"

struct sql;

enum { SQL_TEXT_SIZE = 512 };

/* NULL if the server does not answer. */
MUST_CHECK struct sql *sql_open(const char *url);
void sql_close(struct sql *sql);

/*
 * Runs a statement with up to four text parameters (the list ends with NULL). The caller frees the result by PQclear.
 * Returns NULL after printing an error. Reconnects after a restart of the server.
 */
MUST_CHECK PGresult *sql_rows(struct sql *sql, const char *statement, ...) __attribute__((sentinel));
/* First column of the first row: as a number, -1 on error or no row; as text, "" likewise, valid until the next call.
 */
int64_t sql_int(struct sql *sql, const char *statement, ...) __attribute__((sentinel));
/* Number of sessions of the gateway that wait for a lock of `locker`, or for a session that does; -1 on error. */
int64_t sql_blocked(struct sql *sql, struct sql *locker);
/* Number of shards of the deployment, as it is on record; 0 on error. */
unsigned sql_shards(struct sql *sql);
const char *sql_text(struct sql *sql, const char *statement, ...) __attribute__((sentinel));

#endif
