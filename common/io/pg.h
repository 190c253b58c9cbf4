/*
 * PostgreSQL on an event base, through libpq's asynchronous and pipeline interface. A struct pg is a small pool of
 * connections that keep themselves alive: a lost one is remade with back-off (50 ms doubling to 2 s). Every statement
 * is parameterised, text format, named, and prepared on each connection before that connection counts as up.
 *
 * One statement:  pg_query, its own transaction.
 * Transactions:   pg_tx_begin takes a connection for its own, pg_tx_send queues statements into the pipeline,
 *                 pg_tx_flush has the server answer what was sent so far, pg_tx_commit sends COMMIT and the sync,
 *                 pg_tx_abort rolls back. The connection goes back to the pool by itself after commit or abort.
 *
 * Callbacks always come from the loop, never from inside the call that sent the statement, exactly once, in order of
 * sending; from inside one everything here may be called, pg_free included. A statement that outlives the timeout
 * (counted from its sending, or from the answer before it on the same connection) costs its connection; everything
 * pending there fails with PG_LOST. The server's own timeouts see to it that a session so abandoned soon lets go of
 * its locks.
 */
#ifndef ROSTRUM_COMMON_IO_PG_H
#define ROSTRUM_COMMON_IO_PG_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg_types.h"
#include "common/io/pg_value.h"

struct pg;
struct pg_tx;
struct metrics_family;

extern struct metrics_family pg_metrics; /* time of statements, by name */

struct pg_options {
    struct event_base *base;
    const char *url;                       /* libpq connection string or URI */
    const char *application;               /* application_name */
    const char *session;                   /* settings of every session, "-c name=value -c …"; NULL: none */
    const struct pg_statement *statements; /* kept, not copied; callers name them by index */
    size_t statement_count;
    int connections;
    int timeout_ms;     /* statement, connect and idle-in-transaction */
    size_t pending_max; /* statements sent and unanswered, per connection; then false */
    /*
     * Called when the first connection comes up, and when the last is lost (after the callbacks of what was pending
     * there); may be NULL. With one connection it tells of every session: what the last one held, an advisory lock
     * say, is gone.
     */
    void (*on_change)(struct pg *pg, bool up, void *arg);
    void *arg;
};

/* NULL without memory, or if the URL cannot be read (logged). Connecting begins in the loop. */
MUST_CHECK struct pg *pg_new(const struct pg_options *options);
/* Pending callbacks get PG_LOST, before this returns; transactions are gone; on_change is not called any more. */
void pg_free(struct pg *pg);
bool pg_up(const struct pg *pg);
/* Milliseconds the last finished statement took; for /ready. */
int64_t pg_latency_ms(const struct pg *pg);

/* `values` are text, NULL for SQL null; copied. False: no connection or pending_max; the callback will not come. */
MUST_CHECK bool pg_query(struct pg *pg, size_t statement, int count, const char *const *values, pg_callback callback,
                         void *arg);

/*
 * A connection of one's own, BEGIN already queued. NULL if none is up and free. Every transaction ends with one
 * pg_tx_commit that says true, or with pg_tx_abort, also when its connection was lost.
 */
MUST_CHECK struct pg_tx *pg_tx_begin(struct pg *pg);
/*
 * False: the connection is lost, or pending_max; `callback` will not come. Once a statement has failed (PG_FAILED),
 * those after it get PG_LOST.
 */
MUST_CHECK bool pg_tx_send(struct pg_tx *tx, size_t statement, int count, const char *const *values,
                           pg_callback callback, void *arg);
/* Asks for the answers to what was sent so far (PQsendFlushRequest). */
MUST_CHECK bool pg_tx_flush(struct pg_tx *tx);
/*
 * COMMIT and sync. `done` gets PG_OK only when the server said COMMIT; PG_FAILED when a statement failed (everything
 * is rolled back; `sqlstate` is that of the first that did), PG_LOST when nothing is known. `tx` is gone once `done`
 * was called, and its connection is free for the next pg_tx_begin already inside `done`. False: `done` will not come,
 * and the transaction must be given back by pg_tx_abort.
 */
MUST_CHECK bool pg_tx_commit(struct pg_tx *tx, pg_callback done, void *arg);
/* Rolls back and gives the connection back; its pending callbacks are not called any more. Not after pg_tx_commit. */
void pg_tx_abort(struct pg_tx *tx);

#endif
