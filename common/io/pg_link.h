/*
 * One connection to PostgreSQL and the answers it still owes: the lower half of common/io/pg, included by pg.c alone.
 *
 * A link is DOWN (waiting out its back-off), CONNECTING, PREPARING or UP. pg_link.c alone changes the state, and
 * pg_link_close alone ends a connection. What was sent and is not answered stands in a ring of struct pg_wanted in
 * the order of sending, each sync of the pipeline included, so that every result is known by its place.
 *
 * A link knows nothing of the pool and of transactions; it speaks to them by struct pg_link_owner. The owner's
 * functions may do anything, closing the link included. So every event handler stands between the owner's `enter` and
 * `leave`, and looks after each of these calls whether the link still has its connection.
 */
#ifndef ROSTRUM_COMMON_IO_PG_LINK_H
#define ROSTRUM_COMMON_IO_PG_LINK_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg_types.h"

struct pg_tx; /* the owner's; a link only carries the pointer */

enum pg_want {
    PG_WANT_PREPARED,  /* of one statement, while PREPARING */
    PG_WANT_STATEMENT, /* a caller's */
    PG_WANT_BEGIN,
    PG_WANT_COMMIT,
    PG_WANT_ROLLBACK,
    PG_WANT_SYNC,
};

struct pg_wanted {
    enum pg_want kind;
    pg_callback callback; /* NULL: nobody waits any more */
    void *arg;
    struct pg_tx *tx; /* NULL: of no transaction, or of one that was given up */
    int64_t sent_ms;  /* clock_mono_ms */
    int64_t sent_us;  /* the same moment */
    size_t series;    /* PG_WANT_STATEMENT: the owner's, for its metrics */
};

enum pg_link_state { PG_LINK_DOWN, PG_LINK_CONNECTING, PG_LINK_PREPARING, PG_LINK_UP };

struct pg_link;

/* The settings of a link and the functions that it calls; one for all links of a pool. It must outlive the links. */
struct pg_link_owner {
    struct event_base *base;
    const char *url;
    const char *application;   /* application_name */
    const char *libpq_options; /* the connection parameter "options" */
    const struct pg_statement *statements;
    size_t statement_count;
    int timeout_ms;
    size_t pending_max;
    /* Around each event handler. The link may be freed by `leave`, and not before it. */
    void (*enter)(void *arg);
    void (*leave)(void *arg);
    /* The link is up, or was up and is not any more; then everything wanted of it was given to `lost` already. */
    void (*on_change)(bool up, void *arg);
    /* The connection is gone; `lost` follows for everything wanted. */
    void (*closed)(struct pg_link *link, void *arg);
    /* The answer to a STATEMENT, BEGIN or COMMIT. A COMMIT is PG_OK only if the server did commit. */
    void (*answered)(struct pg_link *link, const struct pg_wanted *wanted, const struct pg_reply *reply, void *arg);
    /* No answer will come; `wanted` is of any kind. */
    void (*lost)(const struct pg_wanted *wanted, const struct pg_reply *reply, void *arg);
    void *arg;
};

struct pg_link {
    const struct pg_link_owner *owner;
    enum pg_link_state state;
    bool broken; /* sending failed inside a caller's call: the loop will end the connection */
    PGconn *conn;
    struct event *step;  /* one step of connecting: the socket may be another at the next */
    struct event *read;  /* from PREPARING on */
    struct event *write; /* added while libpq holds bytes that the socket did not take */
    struct event *timer; /* DOWN: back-off; CONNECTING, PREPARING: deadline; UP: is the oldest statement late? */
    int backoff_ms;
    struct pg_tx *tx; /* the owner's: whose connection this is at present */
    struct pg_wanted *wanted;
    size_t wanted_first;
    size_t wanted_count;
    size_t wanted_size; /* a power of two */
    size_t pending;     /* wanted without the syncs */
    PGresult *result;   /* of the first wanted, until a NULL ends it */
    int64_t answered_ms;
};

/* Begins to connect in the loop. */
MUST_CHECK bool pg_link_init(struct pg_link *link, const struct pg_link_owner *owner);
/* Ends the connection without a word to anyone: pg_link_fail_all must follow. */
void pg_link_close(struct pg_link *link);
/* Every wanted answer gets PG_LOST. */
void pg_link_fail_all(struct pg_link *link);
/* After pg_link_close and pg_link_fail_all. */
void pg_link_free(struct pg_link *link);
/* Connected, prepared, and nothing failed yet. */
bool pg_link_usable(const struct pg_link *link);
/* Usable, and pending_max not reached. */
bool pg_link_has_room(const struct pg_link *link);
/*
 * Each puts one message into the pipeline and what it will be answered with into the ring. False: out of memory or
 * the connection broke; the loop will end it, nothing was added to the ring.
 */
MUST_CHECK bool pg_link_execute(struct pg_link *link, const struct pg_wanted *wanted, const char *name, int count,
                                const char *const *values);
MUST_CHECK bool pg_link_command(struct pg_link *link, const struct pg_wanted *wanted, const char *sql);
MUST_CHECK bool pg_link_request_flush(struct pg_link *link);
/* Likewise; need not be looked at, since without its sync a statement counts for nothing: its answer is PG_LOST. */
bool pg_link_sync(struct pg_link *link);
/* The i-th wanted from the oldest. */
struct pg_wanted *pg_link_wanted(struct pg_link *link, size_t i);

#endif
