/*
 * See pg_row.h.
 */
#include "tests/support/pg_row.h"

#include <check.h>
#include <string.h>

enum { COLUMNS_MAX = 64, VALUE_SIZE = 128, TEXT_OID = 25 };

PGresult *pg_row(const char *const *values, int columns)
{
    static char column_name[] = "column";
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc attributes[COLUMNS_MAX];
    ck_assert_int_le(columns, COLUMNS_MAX);
    for (int i = 0; i < columns; i++) {
        attributes[i] = (PGresAttDesc){.name = column_name, .typid = TEXT_OID};
    }
    ck_assert(result != NULL && PQsetResultAttrs(result, columns, attributes));
    for (int i = 0; i < columns; i++) {
        char copy[VALUE_SIZE] = "";
        int length = values[i] == NULL ? -1 : (int)strlen(values[i]);
        ck_assert_int_lt(length, (int)sizeof(copy));
        if (values[i] != NULL) {
            memcpy(copy, values[i], (size_t)length);
        }
        ck_assert(PQsetvalue(result, 0, i, values[i] == NULL ? NULL : copy, length));
    }
    return result;
}
