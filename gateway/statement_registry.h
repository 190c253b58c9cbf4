/*
 * SQL of all resource files in one table, prepared on each connection of the pool. A new resource file is entered in
 * statement_registry.c.
 *
 * Caller: components.c.
 */
#ifndef ROSTRUM_GATEWAY_STATEMENT_REGISTRY_H
#define ROSTRUM_GATEWAY_STATEMENT_REGISTRY_H

#include "gateway/query/statements.h"

/* All lists in one table, owned by the caller; NULL without memory. Sets every `first`. */
MUST_CHECK struct pg_statement *statement_registry_gather(size_t *count);

#endif
