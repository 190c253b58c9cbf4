/*
 * The tables of one flash sale in memory, for tests of the rules. It loads a working set as the sale worker does, with
 * no row more than sale_command.h says. It writes back only what the set has marked. All arrays are bounded.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_SALE_STORE_H
#define ROSTRUM_TESTS_SUPPORT_SALE_STORE_H

#include "common/rules/sale_rules.h"

enum { STORE_ROWS_MAX = 16384 };

struct sale_store {
    struct sale sale;
    struct sale_entry entries[STORE_ROWS_MAX];
    size_t entry_count;
    struct sale_order orders[STORE_ROWS_MAX];
    size_t order_count;
    struct sale_row rows[STORE_ROWS_MAX];
    size_t row_count;
};

void store_begin(struct sale_store *store, const struct sale_terms *terms);
/* Begins the set with what these commands need, and makes it ready. */
void store_load(const struct sale_store *store, struct sale_set *set, const struct sale_command *commands, size_t count,
                int64_t decided_ms);
/* Writes the sale, the changed entries and orders, and the rows. */
void store_write(struct sale_store *store, const struct sale_set *set);

#endif
