/*
 * The table of the SQL statements of all resource files, prepared on each connection of the pool. A new resource file
 * is added in statement_registry.c.
 *
 * Caller: components.c.
 */
#ifndef ROSTRUM_GATEWAY_STATEMENT_REGISTRY_H
#define ROSTRUM_GATEWAY_STATEMENT_REGISTRY_H

#include "gateway/query/statements.h"

/* Merges all lists into one table, which the caller owns; NULL without memory. Sets every `first`. */
MUST_CHECK struct pg_statement *statement_registry_gather(size_t *count);

#endif
