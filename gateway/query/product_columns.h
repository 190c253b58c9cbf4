/*
 * SQL: the columns of a row of products named `p`, as an answer shows it. Callers: gateway/sale/products.c, and the
 * search of gateway/search/queries.c.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_PRODUCT_COLUMNS_H
#define ROSTRUM_GATEWAY_QUERY_PRODUCT_COLUMNS_H

#include "gateway/query/columns.h"
#include "gateway/query/images_column.h"

#define PRODUCT_COLUMNS                                                                                                \
    "p.id, p.name, p.description, p.category, p.base_price, p.version, " COLUMNS_MS("p.created_at") ", " COLUMNS_MS(   \
        "p.updated_at") ", " IMAGES_COLUMN("product_images", "product_id", "p.id")

enum {
    PRODUCT_COLUMN_ID,
    PRODUCT_COLUMN_NAME,
    PRODUCT_COLUMN_DESCRIPTION,
    PRODUCT_COLUMN_CATEGORY,
    PRODUCT_COLUMN_PRICE,
    PRODUCT_COLUMN_VERSION,
    PRODUCT_COLUMN_CREATED,
    PRODUCT_COLUMN_UPDATED,
    PRODUCT_COLUMN_IMAGES,
    PRODUCT_COLUMN_COUNT
};

#endif
