/*
 * Flash sales: lists, one sale, and creation by admins. A new sale is written directly to PostgreSQL. Nobody can join
 * it before its id is known, so this needs no order in its queue.
 */
#ifndef ROSTRUM_GATEWAY_SALE_SALES_H
#define ROSTRUM_GATEWAY_SALE_SALES_H

#include "common/protocol/webhook.h"
#include "gateway/http/router.h"
#include "gateway/query/documents.h"

/* What the handlers use. components.c fills it. */
struct sales_context {
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
    struct documents *documents;             /* of sale_document_kind */
    const struct webhook_keys *payment_keys; /* none: no sale may take payments */
};

extern const struct route sales_routes[];
extern struct statements sales_statements;
extern const struct documents_kind sale_document_kind;

#endif
