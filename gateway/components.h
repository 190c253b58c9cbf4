/*
 * One gateway worker is put together here, out of its components and its connections to the back ends, and taken apart
 * again. `struct gateway` owns all of it; beyond worker.c nobody knows it: each component and each handler is given
 * what it uses.
 *
 * Caller: worker.c.
 */
#ifndef ROSTRUM_GATEWAY_COMPONENTS_H
#define ROSTRUM_GATEWAY_COMPONENTS_H

#include <event2/event.h>

#include "common/base/ids.h"
#include "common/io/broker.h"
#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/service/config.h"
#include "gateway/access/access.h"
#include "gateway/bid/submission.h"
#include "gateway/core/deployment.h"
#include "gateway/core/scripts.h"
#include "gateway/http/http.h"
#include "gateway/routes.h"

struct gateway {
    struct event_base *base;
    const struct config *config;
    struct uuid id; /* of this worker: names its reply channel */
    struct deployment deployment;
    struct deployment_reader *reader;

    struct pg_statement *statements;                   /* the table that pg was given */
    struct pg *pg;                                     /* use statements_query */
    struct pg *pg_search;                              /* searches: statements of queries.h */
    struct pg *pg_words;                               /* the same, one connection: the short ones among them */
    struct redis_script scripts[GATEWAY_SCRIPT_COUNT]; /* of redis */
    struct redis *redis;                               /* commands */
    struct redis *listener;                            /* decisions for those who wait; what concerns those who watch */
    char channel[KEYS_SIZE];                           /* that listener listens to */
    struct broker *broker;                             /* publishes bids; NULL until the deployment is known */

    struct http http;
    struct access access;
    struct router *router;
    struct dispatch *dispatch;
    struct hashpool *hashpool; /* Argon2id */
    struct publisher *publisher;
    struct waiters *waiters;
    struct submissions submissions;
    struct snapshots *snapshots;
    struct documents *documents;
    struct images *images;
    struct streams *streams;
    struct watches *watches;
    struct presences *presences;
    struct verification *verification; /* whose address is known to be verified */
    struct routes_contexts contexts;
};

struct components_options {
    struct event_base *base;
    const struct config *config;
    struct deployment_record *record;
    bool (*turn)(size_t open, void *arg); /* see conn.h */
    void *turn_arg;
};

/* Everything but its listening sockets. False: not enough memory, or an address that makes no sense; it was logged. */
MUST_CHECK bool components_start(struct gateway *gateway, const struct components_options *options);
/* Every back end is there: bids can be taken, and everything else. */
bool components_ready(const struct gateway *gateway);
/* Nothing new is taken: connections close with their next answer, live connections are closed. */
void components_drain(struct gateway *gateway);
/* What was taken is answered, and every connection is closed. */
bool components_drained(const struct gateway *gateway);
/* Ends what components_start began, also half way. No request may be open. */
void components_stop(struct gateway *gateway);

#endif
