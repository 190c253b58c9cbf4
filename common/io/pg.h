/*
 * PostgreSQL on an event base, through libpq's asynchronous pipeline interface. A struct pg is a small pool of
 * connections that reconnect with back-off: 50 ms, doubled up to 2 s after each round over all hosts. All statements
 * are parameterised and named; results are text. Each connection prepares them before it counts as up. A commit is
 * durable, even if the server's synchronous_commit is off: each connection raises it to at least `on`.
 *
 *     One statement:  pg_query, in its own transaction.
 *     Transactions:   pg_tx_begin reserves a connection, pg_tx_send queues statements into the pipeline,
 *                     pg_tx_flush sends a sync, so that the results of what was sent so far arrive,
 *                     pg_tx_commit sends COMMIT and a sync,
 *                     pg_tx_abort rolls back. After commit or abort the connection returns to the pool.
 *
 * Callbacks come exactly once, in the order of sending on each connection. They come from the loop or from pg_free,
 * never from the call that sent the statement. After pg_tx_abort those of the transaction do not come. A callback may
 * call every function here, pg_free included.
 *
 * A statement that exceeds the timeout ends its connection, and everything pending there fails with PG_LOST. The
 * timeout starts when the statement is sent or at the previous result on that connection, whichever is later.
 * Server-side timeouts make the server release the locks of such an abandoned session soon.
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

extern struct metrics_family pg_metrics; /* duration of statements, by name */

struct pg_options {
    struct event_base *base;
    const char *url;                       /* libpq connection string or URI */
    const char *application;               /* application_name */
    const char *session;                   /* settings of every session, "-c name=value -c …"; NULL: none */
    const struct pg_statement *statements; /* kept, not copied; callers name them by index */
    size_t statement_count;
    int connections;
    int timeout_ms;     /* for a statement, idle in transaction, and connecting (see also pg_hosts_deadline_ms) */
    size_t pending_max; /* unanswered statements per connection; at that number the calls return false */
    /*
     * A query that each new connection runs before it counts as up; NULL: none. `opened` gets its result and `arg`. If
     * it returns false the connection is closed and made again after the back-off. If the first row is another one than
     * that of the connection before, the other connections are closed and made again: they may be to a server that was
     * replaced. So what `opened` read last is true for every connection that is up.
     */
    const char *opening;
    bool (*opened)(const PGresult *result, void *arg);
    /*
     * Called when the first connection comes up, and when the last one is lost, after the callbacks of its pending
     * statements; may be NULL. With one connection it reports every session: session state, such as an advisory lock,
     * is gone.
     */
    void (*on_change)(struct pg *pg, bool up, void *arg);
    void *arg;
};

/*
 * NULL if the programs can use the URL, or the list of keywords and values; otherwise the reason, without any part of
 * it. It may name several hosts (pg_hosts.h).
 */
MUST_CHECK const char *pg_url_problem(const char *url);
/*
 * Returns one row: the settings of the server that are off although a committed transaction needs them to survive a
 * crash of the machine, as "fsync, full_page_writes"; NULL: none.
 */
#define PG_SQL_NOT_DURABLE                                                                                             \
    "SELECT string_agg(name, ', ' ORDER BY name) FROM pg_settings"                                                     \
    " WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'"
enum { PG_NOT_DURABLE_SIZE = 32 }; /* of that text and its '\0' */

/* NULL: no memory, or the URL cannot be parsed (logged). The loop connects. */
MUST_CHECK struct pg *pg_new(const struct pg_options *options);
/* Before this returns, pending callbacks get PG_LOST. Transactions are freed: do not abort them. No more on_change. */
void pg_free(struct pg *pg);
bool pg_up(const struct pg *pg);
/* Milliseconds of the last finished statement; for /ready. */
int64_t pg_latency_ms(const struct pg *pg);

/*
 * `values` are text, NULL for SQL null; copied. False, and no callback follows: every connection is down, full or in a
 * transaction, or no memory.
 */
MUST_CHECK bool pg_query(struct pg *pg, size_t statement, int count, const char *const *values, pg_callback callback,
                         void *arg);

/*
 * Reserves a connection and queues BEGIN. NULL if none is up and free. Every transaction must end with one pg_tx_commit
 * that returns true or with pg_tx_abort, even after its connection was lost.
 */
MUST_CHECK struct pg_tx *pg_tx_begin(struct pg *pg);
/*
 * False: the connection is lost, or pending_max reached; `callback` is not called. After a failed statement (PG_FAILED)
 * the following ones get PG_LOST.
 */
MUST_CHECK bool pg_tx_send(struct pg_tx *tx, size_t statement, int count, const char *const *values,
                           pg_callback callback, void *arg);
/* The same with parameters of which some are binary; at most 32. */
MUST_CHECK bool pg_tx_send_parameters(struct pg_tx *tx, size_t statement, int count,
                                      const struct pg_parameter *parameters, pg_callback callback, void *arg);
/* Requests the results of what was sent so far. The server waits for the rest no longer than idle in transaction. */
MUST_CHECK bool pg_tx_flush(struct pg_tx *tx);
/*
 * Sends COMMIT and sync. `done` gets PG_OK only if the server reported COMMIT. PG_FAILED: a statement failed and the
 * transaction is rolled back; `sqlstate` is of the first failed one. PG_LOST: the result is unknown.
 *
 * `tx` is freed when `done` returns; inside `done` its connection is already free for the next pg_tx_begin. False:
 * `done` is not called, and the caller must call pg_tx_abort.
 */
MUST_CHECK bool pg_tx_commit(struct pg_tx *tx, pg_callback done, void *arg);
/* Rolls back and releases the connection; pending callbacks of `tx` are not called. Not allowed after pg_tx_commit. */
void pg_tx_abort(struct pg_tx *tx);

#endif
