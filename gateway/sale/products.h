/*
 * Products: the things that are sold in flash sales. Everyone can read them; admins create and change them. Images of
 * products: gateway/image.
 */
#ifndef ROSTRUM_GATEWAY_SALE_PRODUCTS_H
#define ROSTRUM_GATEWAY_SALE_PRODUCTS_H

#include "gateway/http/router.h"
#include "gateway/query/documents.h"

/* What the handlers use. components.c fills it. */
struct products_context {
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
    struct documents *documents; /* of product_document_kind */
    struct pg *search;           /* with the statements of gateway/search/queries.h */
};

extern const struct route products_routes[];
extern struct statements products_statements;
extern const struct documents_kind product_document_kind;

#endif
