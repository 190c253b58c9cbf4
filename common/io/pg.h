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
#include <libpq-fe.h>

#include "common/base/base.h"
#include "common/base/ids.h"

struct pg;
struct pg_tx;
struct metrics_family;

extern struct metrics_family pg_metrics; /* time of statements, by name */

struct pg_statement {
    const char *name; /* of the prepared statement; unique within the table */
    const char *sql;
};

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

enum pg_outcome {
    PG_OK,     /* `result` holds rows or the command's tag */
    PG_FAILED, /* the server refused it: `sqlstate` and `message` */
    PG_LOST,   /* connection lost, or aborted by an earlier statement's failure: nothing is known */
};

struct pg_reply {
    enum pg_outcome outcome;
    const PGresult *result; /* PG_OK only; freed after the callback */
    char sqlstate[6];
    const char *message; /* for the log only, never for a client */
};

typedef void (*pg_callback)(const struct pg_reply *reply, void *arg);

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

/* True for SQLSTATEs that say "not now" (connection, lock, deadlock, disk, memory, shutdown), not "never". */
bool pg_state_is_transient(const char *sqlstate);
/* True for SQLSTATEs that can be the fault of what was sent. All others are the deployment's (a table or a right is
 * missing): no message is to blame for them. */
bool pg_state_blames_data(const char *sqlstate);

/* Reading results. A column that is null gives 0, "", false or the nil id. */
int64_t pg_int(const PGresult *result, int row, int column);
int64_t pg_money(const PGresult *result, int row, int column); /* NUMERIC(12,2) text to minor units */
bool pg_bool(const PGresult *result, int row, int column);
struct uuid pg_uuid(const PGresult *result, int row, int column);
const char *pg_text(const PGresult *result, int row, int column);
bool pg_null(const PGresult *result, int row, int column);

/* An array parameter under construction, '{…}', with every element quoted as it must be. */
struct pg_array {
    char *text;
    size_t length;
    size_t size;
    bool failed; /* no memory; pg_array_text then gives NULL */
};
void pg_array_reset(struct pg_array *array); /* starts an empty one; also the first call on a zeroed struct */
void pg_array_free(struct pg_array *array);
void pg_array_null(struct pg_array *array);
void pg_array_text_add(struct pg_array *array, const char *text); /* NULL: null */
void pg_array_int(struct pg_array *array, int64_t value);
void pg_array_money(struct pg_array *array, int64_t minor);
void pg_array_time(struct pg_array *array, int64_t ms);
void pg_array_uuid(struct pg_array *array, const struct uuid *id);
void pg_array_bool(struct pg_array *array, bool value);
/* Closes it and gives the text, valid until the next reset; NULL if it failed. */
MUST_CHECK const char *pg_array_done(struct pg_array *array);

#endif
