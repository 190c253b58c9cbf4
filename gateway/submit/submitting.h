/*
 * The parts by which a gateway worker publishes the commands of one family and waits for their decisions. These are
 * the publisher with its bound, the waiters and the backlog of the shards; submissions use them.
 *
 * Caller: components.c, once for bids and once for sales.
 */
#ifndef ROSTRUM_GATEWAY_SUBMIT_SUBMITTING_H
#define ROSTRUM_GATEWAY_SUBMIT_SUBMITTING_H

#include "gateway/submit/backlog_reader.h"
#include "gateway/submit/submission.h"

struct submitting {
    struct backlog backlog;
    struct backlog_reader *backlog_reader;
    struct publisher *publisher;
    struct waiters *waiters;
    struct submissions submissions;
};

struct submitting_options {
    struct event_base *base;
    const struct config *config;
    const struct deployment *deployment;
    const struct submit_family *family;
    size_t open_max; /* of the publisher */
    struct pg *pg;
    struct redis *redis;
    struct timing_guard *timing;
    struct uuid id;                                                                /* of the worker */
    void (*measured)(unsigned shard, int64_t age_ms, int64_t ready, bool decides); /* see backlog_reader.h */
};

/* False: no memory. submitting_stop is called nevertheless. */
MUST_CHECK bool submitting_start(struct submitting *submitting, const struct submitting_options *options);
/* Free broker, Redis and PostgreSQL first. Also takes a zeroed struct. */
void submitting_stop(struct submitting *submitting);
/* Whether an overdue backlog refuses a command to this auction or sale: its 202 would be a promise kept too late. */
MUST_CHECK bool submitting_overdue(const struct backlog *backlog, const struct config *config, unsigned shards,
                                   const struct uuid *subject);

#endif
