/*
 * The outbox: messages that are committed in the transaction of their cause (table outbox) and must reach the broker. A
 * row is published until the broker confirms it, and is then deleted. Rows that a terminated program left behind are
 * found by their age; any program with an outbox publishes them. Delivery is at least once: consumers ignore what they
 * already have.
 *
 * In a transaction the program calls outbox_insert and keeps the rows. After the COMMIT it passes them to outbox_sent,
 * which publishes them without reading them again. Nothing here waits for the broker. Under an alarm the rows stay in
 * memory up to OUTBOX_ROWS_MAX and OUTBOX_BYTES_MAX; further ones stay in the table until a sweep.
 *
 * Deletes and sweeps are separate statements. So the pg pool needs one connection that no long transaction holds.
 * Callers: bidworker, endworker and notifyworker.
 */
#ifndef ROSTRUM_COMMON_SERVICE_OUTBOX_H
#define ROSTRUM_COMMON_SERVICE_OUTBOX_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker.h"
#include "common/io/pg.h"

enum {
    OUTBOX_ROWS_MAX = 1024,              /* rows in memory, until they are deleted from the table */
    OUTBOX_BYTES_MAX = 64 * 1024 * 1024, /* size of their bodies */
};

/*
 * A program puts these statements into its table at consecutive indexes:
 *     enum { …, STATEMENT_OUTBOX, STATEMENT_NEXT = STATEMENT_OUTBOX + OUTBOX_STATEMENTS, … };
 *     static const struct pg_statement statements[] = { …, [STATEMENT_OUTBOX] = OUTBOX_STATEMENT_ROWS, … };
 */
enum outbox_statement { OUTBOX_INSERT, OUTBOX_DELETE, OUTBOX_SWEEP, OUTBOX_STATEMENTS };

#define OUTBOX_INSERT_SQL                                                                                              \
    "INSERT INTO outbox (exchange, routing_key, body, reason) VALUES ($1, $2, $3, $4) RETURNING id"
#define OUTBOX_DELETE_SQL "DELETE FROM outbox WHERE id = ANY ($1::bigint[])"
/*
 * Claims rows by renewing their age: no other program claims them for another age_ms. Only rows of exchanges to which
 * the program may publish.
 */
#define OUTBOX_SWEEP_SQL                                                                                               \
    "UPDATE outbox SET created_at = now() WHERE id IN (SELECT id FROM outbox "                                         \
    "WHERE created_at < now() - $1::bigint * interval '1 millisecond' AND exchange ~ $3 "                              \
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
    struct broker *broker;  /* a broker for publishing */
    size_t first_statement; /* index of OUTBOX_INSERT in the table of `pg` */
    int sweep_ms;           /* between sweeps for old rows */
    int age_ms;             /* age of an old row: much longer than a confirm and a delete take */
    const char *exchanges;  /* regular expression: those of the rows that the sweep takes; kept, not copied */
};

struct outbox_row {
    int64_t id; /* as the INSERT returned it */
    const char *exchange;
    const char *routing_key;
    const char *body;   /* NUL-terminated text */
    const char *reason; /* header of a dead letter, else NULL */
};

/* NULL only without memory. */
MUST_CHECK struct outbox *outbox_new(const struct outbox_options *options);
/* Free `pg` and `broker` first, because their last callbacks use the outbox. Rows that remain are left to the sweep. */
void outbox_free(struct outbox *outbox);

/* Queues the INSERT of `row` (its id is ignored) into `tx`; the only column of the reply is the id. */
MUST_CHECK bool outbox_insert(const struct outbox *outbox, struct pg_tx *tx, const struct outbox_row *row,
                              pg_callback callback, void *arg);
/* Publishes committed rows. Everything is copied. Rows beyond the limits are left to the sweep. */
void outbox_sent(struct outbox *outbox, const struct outbox_row *rows, size_t count);
/* The broker is up or unblocked: publishes waiting rows at once instead of at the next retry. */
void outbox_wake(struct outbox *outbox);
/* Rows that are not yet confirmed and deleted; a drain waits for 0. */
size_t outbox_pending(const struct outbox *outbox);

#endif
