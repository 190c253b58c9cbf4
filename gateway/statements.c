/*
 * SQL of all resource files in one table, prepared on each connection of the pool; see statements.h.
 */
#include "gateway/statements.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/gateway.h"

struct statements *const statements_all[] = {
    NULL,
};

struct pg_statement *statements_gather(size_t *count)
{
    *count = 0;
    for (size_t i = 0; statements_all[i] != NULL; i++) {
        statements_all[i]->first = *count;
        *count += statements_all[i]->count;
    }
    struct pg_statement *table = calloc(*count + 1, sizeof(*table));
    if (table == NULL) {
        return NULL;
    }
    for (size_t i = 0; statements_all[i] != NULL; i++) {
        const struct statements *part = statements_all[i];
        memcpy(table + part->first, part->list, part->count * sizeof(*table));
    }
    return table;
}

bool statements_query(struct gateway *gateway, const struct statements *of, size_t statement, int count,
                      const char *const *values, pg_callback callback, void *arg)
{
    return pg_query(gateway->pg, statements_number(of, statement), count, values, callback, arg);
}

size_t statements_number(const struct statements *of, size_t statement)
{
    return of->first + statement;
}
