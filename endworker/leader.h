/*
 * Leader election: only the end worker that holds the lease of one PostgreSQL advisory lock schedules
 * (common/service/lease.h). A stand-by requests it every LEADER_TRY_MS. Two leaders for a short time do no harm:
 * duplicate commands are recognised.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_LEADER_H
#define ROSTRUM_ENDWORKER_LEADER_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/service/config.h"

/* A stand-by takes over within this time after the leader's session has ended; with lease_s = 1 still four tries. */
enum { LEADER_TRY_MS = 250 };

struct leader;

struct leader_options {
    struct event_base *base;
    const struct config *config; /* borrowed */
    /* As in struct lease_options: whether this program can schedule. */
    bool (*fit)(void *arg);
    void (*on_change)(bool leading, void *arg);
    void *arg;
};

/* NULL: no memory. */
MUST_CHECK struct leader *leader_new(const struct leader_options *options);
/* Releases the lock by ending its session; on_change is not called any more. */
void leader_free(struct leader *leader);
/* False as soon as the lease has expired, even if the loop was late and on_change has not been called yet. */
bool leader_leads(const struct leader *leader);

#endif
