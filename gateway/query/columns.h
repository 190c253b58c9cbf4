/*
 * A column of a result as a member of an answer, null where it is null.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_COLUMNS_H
#define ROSTRUM_GATEWAY_QUERY_COLUMNS_H

#include "common/base/json.h"
#include "common/io/pg.h"

/* A timestamptz as milliseconds since the epoch. */
#define COLUMNS_MS(column) "(extract(epoch FROM " column ") * 1000)::bigint"

/* NUMERIC(12,2). */
void columns_put_money(struct jsonw *json, const char *name, const PGresult *result, int row, int column);
/* Milliseconds since the epoch. */
void columns_put_time(struct jsonw *json, const char *name, const PGresult *result, int row, int column);

#endif
