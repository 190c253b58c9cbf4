/*
 * One connection to PostgreSQL and its outstanding results. Only pg.c includes this.
 *
 * A link is DOWN (back-off), CONNECTING, PREPARING or UP. Only pg_link.c changes the state, and only pg_link_close ends
 * a connection. A ring of struct pg_expected holds each sent item, syncs of the pipeline included, in the order of
 * sending. So every result is matched by its position.
 *
 * A link does not depend on the pool and on transactions; it calls them through struct pg_link_owner. The owner's
 * functions may do anything, including closing the link. So every event handler runs between the owner's `enter` and
 * `leave`, and checks after each such call whether the link still has its connection.
 */
#ifndef ROSTRUM_COMMON_IO_PG_LINK_H
#define ROSTRUM_COMMON_IO_PG_LINK_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg_hosts.h"
#include "common/io/pg_types.h"

struct pg_tx; /* the owner's type; a link only stores the pointer */

enum pg_expectation {
    PG_EXPECT_PREPARED,  /* one prepared statement, or the session's setting, while PREPARING */
    PG_EXPECT_OPENING,   /* the owner's opening query, while PREPARING */
    PG_EXPECT_STATEMENT, /* a statement of a caller */
    PG_EXPECT_BEGIN,
    PG_EXPECT_COMMIT,
    PG_EXPECT_ROLLBACK,
    PG_EXPECT_SYNC,
};

struct pg_expected {
    enum pg_expectation kind;
    pg_callback callback; /* NULL: the result is discarded */
    void *arg;
    struct pg_tx *tx; /* NULL: not in a transaction, or in an aborted one */
    int64_t sent_ms;  /* clock_mono_ms */
    int64_t sent_us;  /* the same time in microseconds */
    size_t series;    /* PG_EXPECT_STATEMENT: label index for the owner's metrics */
};

enum pg_link_state { PG_LINK_DOWN, PG_LINK_CONNECTING, PG_LINK_PREPARING, PG_LINK_UP };

struct pg_link;

/* Settings of a link and its callbacks, shared by all links of a pool. It must outlive the links. */
struct pg_link_owner {
    struct event_base *base;
    const char *url;
    struct pg_hosts *hosts;    /* of the URL; the links change which one is asked next */
    const char *application;   /* application_name */
    const char *libpq_options; /* the connection parameter "options" */
    const struct pg_statement *statements;
    size_t statement_count;
    int timeout_ms;
    size_t pending_max;
    const char *opening; /* NULL: none */
    /* Its result. It may end other links. False: the connection is closed. */
    bool (*opened)(const struct pg_link *link, const PGresult *result, void *arg);
    /* Called around each event handler. `leave` may free the link; nothing else may during the handler. */
    void (*enter)(void *arg);
    void (*leave)(void *arg);
    /* The link came up, or went down; in the latter case `lost` was already called for each expected result. */
    void (*on_change)(bool up, void *arg);
    /* The connection is closed; `lost` follows for each expected result. */
    void (*closed)(struct pg_link *link, void *arg);
    /* The result of a STATEMENT, BEGIN or COMMIT. A COMMIT is PG_OK only if the server committed. */
    void (*answered)(struct pg_link *link, const struct pg_expected *expected, const struct pg_reply *reply, void *arg);
    /* The result will not arrive; `expected` is of any kind. */
    void (*lost)(const struct pg_expected *expected, const struct pg_reply *reply, void *arg);
    void *arg;
};

struct pg_link {
    const struct pg_link_owner *owner;
    enum pg_link_state state;
    bool broken; /* sending failed inside a caller's call: the loop ends the connection */
    PGconn *conn;
    struct event *step;  /* one step of connecting; libpq may use another socket for the next step */
    struct event *read;  /* from PREPARING on */
    struct event *write; /* active while libpq holds bytes that the socket did not accept */
    struct event *timer; /* DOWN: back-off; CONNECTING, PREPARING: deadline; UP: timeout of the oldest statement */
    int backoff_ms;
    size_t host;      /* index of the host that is or was tried */
    size_t failures;  /* attempts since the link was last up; a loss counts as one */
    int64_t tried_ms; /* CONNECTING, PREPARING: when the attempt began */
    struct pg_tx *tx; /* the owner's transaction that holds this connection */
    struct pg_expected *expected;
    size_t expected_first;
    size_t expected_count;
    size_t expected_size; /* a power of two */
    size_t pending;       /* expected results without the syncs */
    PGresult *result;     /* of the first expected result, until NULL ends it */
    int64_t answered_ms;
};

/* Starts connecting; the loop continues it. */
MUST_CHECK bool pg_link_init(struct pg_link *link, const struct pg_link_owner *owner);
/* Ends the connection without any callback: pg_link_fail_all must follow. */
void pg_link_close(struct pg_link *link);
/* Each expected result gets PG_LOST. */
void pg_link_fail_all(struct pg_link *link);
/* Ends a connection with its callbacks, and makes it again. No effect before the opening query. Call it from the loop.
 */
void pg_link_renew(struct pg_link *link, const char *reason);
/* Call it after pg_link_close and pg_link_fail_all. */
void pg_link_free(struct pg_link *link);
/* True if connected and prepared, and nothing failed yet. */
bool pg_link_usable(const struct pg_link *link);
/* True if usable, and pending_max is not reached. */
bool pg_link_has_room(const struct pg_link *link);
/*
 * Each function sends one message into the pipeline and appends `expected` to the ring. False: no memory, or the
 * connection broke; nothing was appended, and the loop ends the connection. `lengths` and `formats` of the parameters:
 * as for PQsendQueryPrepared; NULL: all are text.
 */
MUST_CHECK bool pg_link_execute(struct pg_link *link, const struct pg_expected *expected, const char *name, int count,
                                const char *const *values, const int *lengths, const int *formats);
MUST_CHECK bool pg_link_command(struct pg_link *link, const struct pg_expected *expected, const char *sql);
/* Like the above. The result may be ignored after a statement: without its sync it gets PG_LOST. */
bool pg_link_sync(struct pg_link *link);
/* The i-th expected result, counted from the oldest. */
struct pg_expected *pg_link_expected(struct pg_link *link, size_t i);

#endif
