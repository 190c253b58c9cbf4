/*
 * A blocking look into the deployment's PostgreSQL, for what the contract does not show: how many rows there are, what
 * the ledger's order is. Tests read; what they change, they change over HTTP.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_SQL_H
#define ROSTRUM_TESTS_SUPPORT_SQL_H

#include <libpq-fe.h>

#include "common/base/base.h"

struct sql;

enum { SQL_TEXT_SIZE = 512 };

/* NULL when the server does not answer. */
MUST_CHECK struct sql *sql_open(const char *url);
void sql_close(struct sql *sql);

/*
 * One statement with up to four text parameters (NULL-ended list; none may be NULL). The result is the caller's to
 * PQclear; NULL on any error, which is printed. Connects again when the server was restarted meanwhile.
 */
MUST_CHECK PGresult *sql_rows(struct sql *sql, const char *statement, ...) __attribute__((sentinel));
/* First column of the first row: as a number, -1 on error or no row; as text, "" likewise (valid until the next call).
 */
int64_t sql_int(struct sql *sql, const char *statement, ...) __attribute__((sentinel));
const char *sql_text(struct sql *sql, const char *statement, ...) __attribute__((sentinel));

#endif
