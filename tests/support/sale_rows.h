/*
 * Creates flash sales, places in their lines and orders by SQL, in any state, for tests of a single program without the
 * rest of the deployment. All calls fail the test if the server refuses.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_SALE_ROWS_H
#define ROSTRUM_TESTS_SUPPORT_SALE_ROWS_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "tests/support/sql.h"

/* Times of 0 are those of a sale that opened two hours ago, started an hour ago, and ends in an hour. */
struct sale_rows_sale {
    const char *status; /* NULL: active */
    int64_t join_ms;
    int64_t start_ms;
    int64_t end_ms;
};

enum { SALE_ROWS_TURN_S = 120, SALE_ROWS_RESERVATION_S = 300 };

/* A sale of 100 units of the product "A lamp" at 20.00. */
void sale_rows_new(struct sql *sql, const struct sale_rows_sale *sale, char id[static UUID_TEXT_SIZE]);
/* A place for one unit; `expires_ms` of its turn, 0: none. */
void sale_rows_entry(struct sql *sql, const char *sale, int seq, const char *user, const char *status,
                     int64_t expires_ms);
/* An order of one unit. */
void sale_rows_order(struct sql *sql, const char *sale, int seq, const char *user, const char *status,
                     int64_t expires_ms, char id[static UUID_TEXT_SIZE]);
/* Deletes all rows of these tables. */
void sale_rows_clear(struct sql *sql);

#endif
