/*
 * A lease: an advisory lock of PostgreSQL that a worker must keep confirming. Bid workers hold their shards by it
 * (common/worker/ownership), and the leading end worker its lead (endworker/leader).
 *
 * The lock belongs to a session that is used for nothing else. At every poll the session runs one small statement, in
 * no transaction. PostgreSQL ends it after lease_s without one, whether the worker's process hangs, its machine is gone
 * or its network is. Then every lock of the session is free for another worker. The worker itself counts the same time
 * from when it sent the last statement that was answered, which is earlier, so it always gives up first. The time that
 * a suspended machine sleeps counts too.
 *
 *   LEASE_NONE    no lock, at the start or because this worker gave it up. The owner does nothing that needs it, and
 *                 gives up what it held by it.
 *   LEASE_LOST    no lock, because lease_s passed without a confirmation. Others may hold it since.
 *   LEASE_HELD    the lock is held, and lease_s have not passed since it was confirmed.
 *   LEASE_UNSURE  the session is lost, but lease_s have not passed: a restart of PostgreSQL takes less. The owner keeps
 *                 what it holds and begins nothing new. A new session that gets the lock makes it LEASE_HELD again.
 *
 * A lock says who should act. It guards no data: row locks and RabbitMQ's single active consumer do.
 */
#ifndef ROSTRUM_COMMON_SERVICE_LEASE_H
#define ROSTRUM_COMMON_SERVICE_LEASE_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg_types.h"
#include "common/service/config.h"

struct lease;
struct metrics_family;

extern struct metrics_family lease_metrics;

enum lease_state { LEASE_NONE, LEASE_LOST, LEASE_HELD, LEASE_UNSURE, LEASE_STATE_COUNT };

enum {
    LEASE_STATEMENTS_MAX = 4, /* of the owner */
    LEASE_UNFIT_MS = 3000,    /* longer than a restart of RabbitMQ, which affects all workers alike */
};

struct lease_options {
    struct event_base *base;
    const struct config *config; /* borrowed */
    const char *application;     /* of the session: application_name, followed by pid and unit of this process */
    int poll_ms;
    uint32_t key_least;                    /* the key of the lock is random, from here … */
    uint32_t key_most;                     /* … to here, and drawn again if another session holds it */
    const char *take;                      /* SQL; $1: the key. One row: whether this session now holds the lock */
    const char *confirm;                   /* SQL, run at every poll while the lease is held; any rows */
    const struct pg_statement *statements; /* further ones, for lease_query */
    size_t statement_count;
    /*
     * Called at every poll: whether this program can use the lease. If false for LEASE_UNFIT_MS, the lease is given
     * up and not taken, because others may be able to use it.
     */
    bool (*fit)(void *arg);
    void (*changed)(enum lease_state state, void *arg);
    /* The answer to `confirm`; may be NULL. Valid until it returns. */
    void (*confirmed)(const PGresult *rows, void *arg);
    void *arg;
};

/* NULL: no memory, or the URL cannot be parsed (logged). */
MUST_CHECK struct lease *lease_new(const struct lease_options *options);
/* Gives the lock up by ending its session. `changed` is not called any more. */
void lease_free(struct lease *lease);
/* LEASE_LOST as soon as lease_s have passed, even if the loop was late and `changed` has not been called yet. */
enum lease_state lease_state(const struct lease *lease);
/* Whether the lease was lost because this process stood still, and not PostgreSQL or the network. */
bool lease_hung(const struct lease *lease);
uint32_t lease_key(const struct lease *lease);
/* Gives the lease up, and takes none before `rest_ms` have passed. Calls `changed`. No effect without a lease. */
void lease_release(struct lease *lease, int64_t rest_ms);
/* Polls at once instead of at the next interval. */
void lease_poll(struct lease *lease);
/* Runs the i-th further statement in the lock's session. False: no session; `callback` is not called. */
MUST_CHECK bool lease_query(struct lease *lease, size_t statement, int count, const char *const *values,
                            pg_callback callback, void *arg);

#endif
