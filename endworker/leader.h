/*
 * Who leads: of all end workers of a deployment only the one that holds a PostgreSQL advisory lock schedules. The lock
 * belongs to the session of a connection of its own, so that it dies with the process or the connection, and a stand-by
 * that asks every LEADER_TRY_MS gets it by itself. Two leaders for a moment do no harm: what they send is recognised.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_LEADER_H
#define ROSTRUM_ENDWORKER_LEADER_H

#include <event2/event.h>

#include "common/base/base.h"

enum { LEADER_TRY_MS = 500 }; /* a stand-by takes over within this after the leader's session has ended */

struct leader;

struct leader_options {
    struct event_base *base;
    const char *pg_url;
    int timeout_ms; /* of the question for the lock; a leader that gets no answer for so long steps down */
    void (*on_change)(bool leading, void *arg);
    void *arg;
};

/* NULL only without memory. */
MUST_CHECK struct leader *leader_new(const struct leader_options *options);
/* Gives the lock away by ending its session; on_change is not called any more. */
void leader_free(struct leader *leader);
bool leader_leads(const struct leader *leader);

#endif
