/*
 * The inside of common/io/pg: one connection of the pool and what it owes. Only pg.c and pg_link.c include this.
 *
 * A link is DOWN (waiting out its back-off), CONNECTING, PREPARING or UP. pg_link.c alone changes the state, and
 * pg_link_close alone ends a connection. What was sent and is not answered stands in a ring of struct pg_wanted in
 * the order of sending, each sync of the pipeline included, so that every result is known by its place.
 *
 * Callbacks may do anything, pg_free included. So whoever is in the middle of a link (every event handler) holds the
 * pool by pg_enter and pg_leave, and looks after each callback whether the link still has its connection.
 */
#ifndef ROSTRUM_COMMON_IO_PG_LINK_H
#define ROSTRUM_COMMON_IO_PG_LINK_H

#include <sys/queue.h>

#include "common/io/pg.h"

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
    size_t series;    /* PG_WANT_STATEMENT: of pg_metrics */
};

enum pg_link_state { PG_LINK_DOWN, PG_LINK_CONNECTING, PG_LINK_PREPARING, PG_LINK_UP };

struct pg_link {
    struct pg *pg;
    enum pg_link_state state;
    bool broken; /* sending failed inside a caller's call: the loop will end the connection */
    PGconn *conn;
    struct event *step;  /* one step of connecting: the socket may be another at the next */
    struct event *read;  /* from PREPARING on */
    struct event *write; /* added while libpq holds bytes that the socket did not take */
    struct event *timer; /* DOWN: back-off; CONNECTING, PREPARING: deadline; UP: is the oldest statement late? */
    int backoff_ms;
    struct pg_tx *tx; /* whose connection this is at present */
    struct pg_wanted *wanted;
    size_t wanted_first;
    size_t wanted_count;
    size_t wanted_size; /* a power of two */
    size_t pending;     /* wanted without the syncs */
    PGresult *result;   /* of the first wanted, until a NULL ends it */
    int64_t answered_ms;
};

/* A transaction, from pg_tx_begin until its `done` was called or pg_tx_abort. */
struct pg_tx {
    LIST_ENTRY(pg_tx) entry;
    struct pg *pg;
    struct pg_link *link;
    bool lost;       /* its connection is gone */
    bool committing; /* COMMIT was sent */
    bool failed;     /* a statement failed; sqlstate and message are of the first one that did */
    char sqlstate[6];
    char message[256];
};

struct pg {
    struct pg_options options;
    size_t *series;      /* of pg_metrics, by statement */
    char *libpq_options; /* the connection parameter "options" */
    struct pg_link *links;
    size_t up_count;
    int64_t latency_ms;
    LIST_HEAD(, pg_tx) transactions;
    unsigned entered; /* event handlers on the stack */
    bool closing;     /* pg_free was called; the last pg_leave frees the memory */
};

/* pg.c */
void pg_enter(struct pg *pg);
void pg_leave(struct pg *pg);
void pg_count_up(struct pg *pg, bool up);
/* The COMMIT of `tx` was answered, or lost. Frees `tx` and calls `wanted`'s callback. */
void pg_tx_finish(struct pg_tx *tx, const struct pg_wanted *wanted, const struct pg_reply *reply);
void pg_tx_note_failure(struct pg_tx *tx, const struct pg_reply *reply);

/* pg_link.c */
MUST_CHECK bool pg_link_init(struct pg_link *link, struct pg *pg);
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
