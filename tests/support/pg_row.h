/*
 * Results of PostgreSQL that libpq makes without a server, for tests of what is read from a row.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_PG_ROW_H
#define ROSTRUM_TESTS_SUPPORT_PG_ROW_H

#include <libpq-fe.h>

/* A result of one row of texts; NULL is SQL's NULL. The caller clears it. Fails the test without memory. */
PGresult *pg_row(const char *const *values, int columns);

#endif
