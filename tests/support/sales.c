/*
 * See sales.h.
 */
#include "tests/support/sales.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "tests/support/admin.h"

enum { HOUR_MS = 3600000, BODY_SIZE = 2048 };

void sales_admin(struct factory_user *admin)
{
    ck_assert(admin_new(fixture.client, fixture.sql, admin));
}

static void keep_id(const struct reply *reply, char id[static UUID_TEXT_SIZE])
{
    EXPECT_STATUS(reply, 201);
    (void)snprintf(id, UUID_TEXT_SIZE, "%s", reply_text(reply, "id"));
}

void sales_product(const struct factory_user *admin, const char *name, const char *more, char id[static UUID_TEXT_SIZE])
{
    keep_id(fixture_call(admin, "POST", SALES_PRODUCTS,
                         client_format("{\"name\": \"%s\", \"basePrice\": 80.00%s}", name, more)),
            id);
}

const char *sales_body(const char *product, int64_t starts_in_ms, const char *more)
{
    static char body[BODY_SIZE];
    char start[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    int64_t now_ms = clock_now_ms();
    clock_format(now_ms + starts_in_ms, start);
    clock_format(now_ms + starts_in_ms + HOUR_MS, end);
    (void)snprintf(body, sizeof(body),
                   "{\"productId\": \"%s\", \"flashPrice\": 20.00, \"quantityAvailable\": 10, \"startTime\": \"%s\","
                   " \"endTime\": \"%s\"%s}",
                   product, start, end, more);
    return body;
}

void sales_sale(const struct factory_user *admin, const char *product, int64_t starts_in_ms, const char *more,
                char id[static UUID_TEXT_SIZE])
{
    keep_id(fixture_call(admin, "POST", SALES, sales_body(product, starts_in_ms, more)), id);
}

const struct reply *sales_get(const struct factory_user *who, const char *sale)
{
    return fixture_call(who, "GET", client_format(SALES "/%s", sale), NULL);
}
