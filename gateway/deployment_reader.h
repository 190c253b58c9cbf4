/*
 * Reads the facts of the deployment from PostgreSQL until they are known. After that it reads the keys of access tokens
 * every few seconds, and measures the offset of the clocks.
 *
 * Caller: components.c.
 */
#ifndef ROSTRUM_GATEWAY_DEPLOYMENT_READER_H
#define ROSTRUM_GATEWAY_DEPLOYMENT_READER_H

#include "gateway/core/deployment.h"
#include "gateway/query/statements.h"

struct event_base;
struct deployment_reader;

struct deployment_reader_options {
    struct event_base *base;
    int clock_skew_max_ms; /* a slower measurement of the clock is ignored */
    struct pg *pg;
    struct deployment_record *record; /* shared with the other workers */
    struct deployment *deployment;    /* filled here; zeroed by deployment_reader_free */
    bool (*known)(void *arg);         /* called once the facts are known; false: no memory */
    void *arg;
};

extern struct statements deployment_reader_statements;

/* NULL only without memory. */
MUST_CHECK struct deployment_reader *deployment_reader_new(const struct deployment_reader_options *options);
void deployment_reader_free(struct deployment_reader *reader);
/* Call when the rest of the worker is ready. */
void deployment_reader_begin(struct deployment_reader *reader);
/* Call when PostgreSQL is connected: reads the facts, or the keys and the clock, at once. */
void deployment_reader_read_now(struct deployment_reader *reader);

#endif
