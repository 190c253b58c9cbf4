/*
 * Creates products and flash sales for tests over HTTP. Functions assert that they succeed.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_SALES_H
#define ROSTRUM_TESTS_SUPPORT_SALES_H

#include "tests/support/fixture.h"

#define SALES_PRODUCTS "/api/v1/products"
#define SALES          "/api/v1/flash-sales"

/* Makes the fixture's user an admin; see admin.h. */
void sales_admin(struct factory_user *admin);
/* A product with a price of 80.00. `more`: further JSON members with a leading comma, or "". */
void sales_product(const struct factory_user *admin, const char *name, const char *more,
                   char id[static UUID_TEXT_SIZE]);
/* The body of a sale of 10 units at 20.00, from `starts_in_ms` for an hour. `more` as above. Valid until the next call.
 */
const char *sales_body(const char *product, int64_t starts_in_ms, const char *more);
void sales_sale(const struct factory_user *admin, const char *product, int64_t starts_in_ms, const char *more,
                char id[static UUID_TEXT_SIZE]);
/* GET of the sale as `who` (NULL: a guest). */
const struct reply *sales_get(const struct factory_user *who, const char *sale);

#endif
