/*
 * /auctions: creating one, and showing it to who asks for it; listing.c lists them, changes.c changes them.
 */
#ifndef ROSTRUM_GATEWAY_AUCTIONS_H
#define ROSTRUM_GATEWAY_AUCTIONS_H

#include "gateway/router.h"
#include "gateway/statements.h"

extern const struct route auctions_routes[];
extern struct statements auctions_statements;

#endif
