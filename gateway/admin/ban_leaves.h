/*
 * The commands by which a banned user leaves the waiting lines: a LEAVE for each live place, as rows of the outbox in
 * the statement of the ban. An end worker publishes them at its next sweep (outbox_sweep_ms). So the units of a turn go
 * to the next place at once. A place that the user gets at the same moment as the ban has no LEAVE. The rules refuse
 * its orders, and its turn runs out.
 *
 * Caller: admin.c.
 */
#ifndef ROSTRUM_GATEWAY_ADMIN_BAN_LEAVES_H
#define ROSTRUM_GATEWAY_ADMIN_BAN_LEAVES_H

#include "common/io/pg.h"
#include "gateway/core/deployment.h"
#include "gateway/http/request.h"

/* At most so many places; the turns of further ones run out. A user has one in each sale. */
#define BAN_LEAVES_MOST "1000"

/* The sales with a live place of the user $1. */
#define BAN_LEAVES_SALES                                                                                               \
    "SELECT e.sale_id FROM flash_sales s JOIN queue_entries e ON e.sale_id = s.id AND e.user_id = $1::uuid"            \
    " AND e.status IN ('waiting', 'turn') WHERE s.status IN ('open', 'active') ORDER BY e.sale_id"                     \
    " LIMIT " BAN_LEAVES_MOST

/* A CTE that adds the rows if `from` has one. They are old, so that the next sweep publishes them. */
#define BAN_LEAVES_INSERT(exchanges, keys, bodies, from)                                                               \
    " leaves AS (INSERT INTO outbox (exchange, routing_key, body, created_at) SELECT l.exchange, l.key, l.body,"       \
    " now() - interval '1 day' FROM unnest(" exchanges "::text[], " keys "::text[], " bodies "::text[])"               \
    " AS l (exchange, key, body) WHERE EXISTS (SELECT FROM " from ")),"

enum { BAN_LEAVES_VALUES = 3 };

/* Zeroed at first. Freed by its owner. */
struct ban_leaves {
    struct pg_array exchanges;
    struct pg_array keys;
    struct pg_array bodies;
};

/*
 * Makes the three parameters of BAN_LEAVES_INSERT for the rows of BAN_LEAVES_SALES. They point into `leaves`. False: no
 * memory.
 */
MUST_CHECK bool ban_leaves_make(struct ban_leaves *leaves, const struct deployment *deployment,
                                const struct request *request, const PGresult *sales,
                                const char *values[static BAN_LEAVES_VALUES]);
void ban_leaves_free(struct ban_leaves *leaves);

#endif
