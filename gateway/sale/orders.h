/*
 * Orders of flash sales: how one is shown, and the routes GET /orders and GET /orders/:id. An order that is not decided
 * yet is in Redis only, as the entry of its command (keys.h: bid:), so a list does not have it.
 *
 * Callers: routes.c; sale_commands.c, which shows decided orders and looks for the sale of an order.
 */
#ifndef ROSTRUM_GATEWAY_SALE_ORDERS_H
#define ROSTRUM_GATEWAY_SALE_ORDERS_H

#include <hiredis/hiredis.h>

#include "common/base/json.h"
#include "common/io/redis.h"
#include "common/rules/sale_words.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use. components.c fills it. */
struct orders_context {
    struct pg *pg;
    struct redis *redis;
};

/* An order as it is shown. */
struct order_view {
    struct uuid id;
    struct uuid sale_id;
    int64_t quantity;
    int64_t total_price; /* minor units; 0: not known yet, or of a rejected order that had no price */
    enum sale_order_status status;
    enum sale_reason reason;
    int64_t expires_ms; /* 0: it was never reserved */
    int64_t received_ms;
    const char *product_name; /* NULL: only PostgreSQL knows it. As long as the result that it was read from */
    bool by_payment;          /* only a payment confirms it. Of an order that PostgreSQL has */
};

void orders_write(struct jsonw *json, const struct order_view *order);
/* Without the braces. */
void orders_write_members(struct jsonw *json, const struct order_view *order);

/* Queries the order of the request's path, if it is the user's; `then` gets one row or none. As statements_query. */
MUST_CHECK bool orders_find(struct pg *pg, struct request *request, pg_callback then);
/* The order that orders_find has found. False: it has a word of a newer version, and its states are not known. */
bool orders_read_found(const PGresult *result, struct order_view *order);
/* Asks Redis for the same order while it is not decided; orders_read_pending reads the reply. As redis_command. */
MUST_CHECK bool orders_ask_pending(struct redis *redis, struct request *request, redis_callback then);
enum orders_pending {
    ORDERS_PENDING,        /* the reply is the JSON of a pending order, of sale `*sale`, received at `*received_ms` */
    ORDERS_NOT_PENDING,    /* it may have been decided meanwhile */
    ORDERS_PENDING_UNKNOWN /* the reply says nothing about the order */
};
enum orders_pending orders_read_pending(const redisReply *reply, struct uuid *sale, int64_t *received_ms);

enum { ORDERS_NOTE_LIFE_S = 600 /* much more than the age of a report about a shard */ };
/*
 * Keeps for ORDERS_NOTE_LIFE_S that this order is about to be queued, for payments.c, which knows no user. `noted` is
 * called with `request` when Redis has it, or has failed. False: no connection to Redis, and it is not called.
 */
MUST_CHECK bool orders_note(struct redis *redis, const struct uuid *order, const struct uuid *sale,
                            redis_callback noted, struct request *request);
/* Asks for that. False as above. The reply is a text if the order may be undecided, nil if not. */
MUST_CHECK bool orders_ask_noted(struct redis *redis, const struct uuid *order, redis_callback then,
                                 struct request *request);

extern const struct route orders_routes[];
extern struct statements orders_statements;

#endif
