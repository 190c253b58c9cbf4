/*
 * Products: the things that are sold in flash sales. Everyone can read them; admins create and change them. Images of
 * products: gateway/image.
 */
#ifndef ROSTRUM_GATEWAY_SALE_PRODUCTS_H
#define ROSTRUM_GATEWAY_SALE_PRODUCTS_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route products_routes[]; /* context: struct pg */
extern struct statements products_statements;

#endif
