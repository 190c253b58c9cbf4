/*
 * Commands to flash sales, as gateway/submit publishes them, and their decisions in the ledger. Callers: components.c,
 * and what queues commands to sales.
 */
#ifndef ROSTRUM_GATEWAY_SALE_SALE_FAMILY_H
#define ROSTRUM_GATEWAY_SALE_SALE_FAMILY_H

#include "gateway/query/statements.h"
#include "gateway/submit/family.h"

extern const struct submit_family sale_family;
extern struct statements sale_family_statements;

#endif
