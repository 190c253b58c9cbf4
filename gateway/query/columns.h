/*
 * Writes a column of a query result as a JSON member; SQL NULL becomes null. Called by the handlers.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_COLUMNS_H
#define ROSTRUM_GATEWAY_QUERY_COLUMNS_H

#include "common/base/json.h"
#include "common/io/pg.h"

/* SQL: a timestamptz as milliseconds since the epoch. */
#define COLUMNS_MS(column) "(extract(epoch FROM " column ") * 1000)::bigint"

/* The column is a NUMERIC(12,2). */
void columns_put_money(struct jsonw *json, const char *name, const PGresult *result, int row, int column);
/* The column is in milliseconds since the epoch; see COLUMNS_MS. */
void columns_put_time(struct jsonw *json, const char *name, const PGresult *result, int row, int column);

#endif
