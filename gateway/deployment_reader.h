/*
 * Reads the facts of the deployment from PostgreSQL until they are known. After that it reads the keys of access tokens
 * every few seconds. Owns the guard of the clock and of the recorded deadlines. It also keeps the epoch that each new
 * connection reads.
 *
 * Caller: components.c.
 */
#ifndef ROSTRUM_GATEWAY_DEPLOYMENT_READER_H
#define ROSTRUM_GATEWAY_DEPLOYMENT_READER_H

#include "common/service/timing_guard.h"
#include "gateway/core/deployment.h"
#include "gateway/query/statements.h"

struct event_base;
struct deployment_reader;

struct deployment_reader_options {
    struct event_base *base;
    const struct config *config;
    struct pg *pg;
    struct deployment_record *record; /* shared with the other workers */
    struct deployment *deployment;    /* filled here; zeroed by deployment_reader_free */
    bool (*known)(void *arg);         /* called once the facts are known; false: no memory */
    void (*contradicted)(void *arg);  /* the settings contradict the deployment's record */
    /* Called from the loop, with PostgreSQL connected, after the epoch has changed. `ended`: so have all sessions. */
    void (*renewed)(bool ended, void *arg);
    void *arg;
};

extern struct statements deployment_reader_statements;

/* NULL only without memory. */
MUST_CHECK struct deployment_reader *deployment_reader_new(const struct deployment_reader_options *options);
void deployment_reader_free(struct deployment_reader *reader);
/* Call when the rest of the worker is ready. */
void deployment_reader_begin(struct deployment_reader *reader);
/* Takes over the epoch that a new connection to PostgreSQL has read. */
void deployment_reader_set_epoch(struct deployment_reader *reader, const struct epoch *epoch);
/* Call when PostgreSQL is connected: reads the facts, or the keys, at once. */
void deployment_reader_read_now(struct deployment_reader *reader);
struct timing_guard *deployment_reader_timing(const struct deployment_reader *reader);

#endif
