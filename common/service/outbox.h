/*
 * The outbox: messages that were committed together with what caused them (table outbox) and must reach the broker.
 * A row is published until the broker confirms it and is then removed; what a dead program left behind is found by
 * its age and published by whoever sweeps first. Delivery is at least once: consumers recognise what they know.
 *
 * In the transaction a program calls outbox_insert and keeps what it wrote; after the COMMIT it hands the rows to
 * outbox_sent, which publishes them without reading them again. Nothing here waits for the broker: under an alarm the
 * rows stay in memory up to OUTBOX_ROWS_MAX and OUTBOX_BYTES_MAX, and beyond that only in the table, for the sweep.
 *
 * The pg pool needs one connection that is not held by a transaction for long: deletes and sweeps are statements of
 * their own. Callers: bidworker, endworker and
 * notifyworker.
 */
#ifndef ROSTRUM_COMMON_SERVICE_OUTBOX_H
#define ROSTRUM_COMMON_SERVICE_OUTBOX_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker.h"
#include "common/io/pg.h"

enum {
    OUTBOX_ROWS_MAX = 1024,              /* rows remembered, until removed from the table */
    OUTBOX_BYTES_MAX = 64 * 1024 * 1024, /* of their bodies */
};

/*
 * The statements that a program puts into its table at three indexes in a row:
 *     enum { …, STATEMENT_OUTBOX, STATEMENT_NEXT = STATEMENT_OUTBOX + OUTBOX_STATEMENTS, … };
 *     static const struct pg_statement statements[] = { …, [STATEMENT_OUTBOX] = OUTBOX_STATEMENT_ROWS, … };
 */
enum outbox_statement { OUTBOX_INSERT, OUTBOX_DELETE, OUTBOX_SWEEP, OUTBOX_STATEMENTS };

#define OUTBOX_INSERT_SQL                                                                                              \
    "INSERT INTO outbox (exchange, routing_key, body, reason) VALUES ($1, $2, $3, $4) RETURNING id"
#define OUTBOX_DELETE_SQL "DELETE FROM outbox WHERE id = ANY ($1::bigint[])"
/* Claims a row by making it young again: for another age_ms no other program takes it up. */
#define OUTBOX_SWEEP_SQL                                                                                               \
    "UPDATE outbox SET created_at = now() WHERE id IN (SELECT id FROM outbox "                                         \
    "WHERE created_at < now() - $1::bigint * interval '1 millisecond' "                                                \
    "ORDER BY created_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED) "                                                    \
    "RETURNING id, exchange, routing_key, body, reason"

/* clang-format off */
#define OUTBOX_STATEMENT_ROWS                                                                                          \
    {"outbox_insert", OUTBOX_INSERT_SQL}, {"outbox_delete", OUTBOX_DELETE_SQL}, {"outbox_sweep", OUTBOX_SWEEP_SQL}
/* clang-format on */

struct outbox;

struct outbox_options {
    struct event_base *base;
    struct pg *pg;
    struct broker *broker;  /* one that publishes */
    size_t first_statement; /* index of OUTBOX_INSERT in the table of `pg` */
    int sweep_ms;           /* between two looks for old rows */
    int age_ms;             /* what counts as old: far more than a confirm and a delete take */
};

struct outbox_row {
    int64_t id; /* as the INSERT returned it */
    const char *exchange;
    const char *routing_key;
    const char *body;   /* NUL-terminated text */
    const char *reason; /* of a dead letter, else NULL */
};

/* NULL only without memory. */
MUST_CHECK struct outbox *outbox_new(const struct outbox_options *options);
/* Free `pg` and `broker` before: their last callbacks still come here. Rows not yet removed are left to the sweep. */
void outbox_free(struct outbox *outbox);

/* Queues the INSERT of `row` (its id is not looked at) into `tx`; the reply's only field is the id. */
MUST_CHECK bool outbox_insert(const struct outbox *outbox, struct pg_tx *tx, const struct outbox_row *row,
                              pg_callback callback, void *arg);
/* These rows are committed: publishes them now. Everything is copied. What finds no room is left to the sweep. */
void outbox_sent(struct outbox *outbox, const struct outbox_row *rows, size_t count);
/* The broker has come up or was unblocked: publishes at once what waits, instead of at the next retry. */
void outbox_wake(struct outbox *outbox);
/* Rows not yet both confirmed and removed; a drain waits for 0. */
size_t outbox_pending(const struct outbox *outbox);

#endif
