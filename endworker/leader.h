/*
 * Leader election: only the end worker that holds a PostgreSQL advisory lock schedules. The lock belongs to the session
 * of a separate connection, and is released when the process or the connection ends. A stand-by requests the lock every
 * LEADER_TRY_MS. Two leaders for a short time do no harm: duplicate commands are recognised.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_LEADER_H
#define ROSTRUM_ENDWORKER_LEADER_H

#include <event2/event.h>

#include "common/base/base.h"

enum { LEADER_TRY_MS = 500 }; /* a stand-by takes over within this time after the leader's session has ended */

struct leader;

struct leader_options {
    struct event_base *base;
    const char *pg_url;
    int timeout_ms; /* for the lock query; a leader without an answer for this long steps down */
    void (*on_change)(bool leading, void *arg);
    void *arg;
};

/* NULL: no memory. */
MUST_CHECK struct leader *leader_new(const struct leader_options *options);
/* Releases the lock by ending its session; on_change is not called any more. */
void leader_free(struct leader *leader);
bool leader_leads(const struct leader *leader);

#endif
