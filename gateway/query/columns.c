/*
 * See columns.h.
 */
#include "gateway/query/columns.h"

void columns_put_money(struct jsonw *json, const char *name, const PGresult *result, int row, int column)
{
    if (pg_null(result, row, column)) {
        jsonw_put_null(json, name);
    } else {
        jsonw_put_money(json, name, pg_money(result, row, column));
    }
}

void columns_put_time(struct jsonw *json, const char *name, const PGresult *result, int row, int column)
{
    if (pg_null(result, row, column)) {
        jsonw_put_null(json, name);
    } else {
        jsonw_put_time(json, name, pg_int(result, row, column));
    }
}
