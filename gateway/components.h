/*
 * Builds one gateway worker from its components and its connections to the back ends, and stops it. `struct gateway`
 * owns all of them. Only worker.c and components.c know it: each component and handler gets what it uses.
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
#include "gateway/core/clients.h"
#include "gateway/core/deployment.h"
#include "gateway/core/scripts.h"
#include "gateway/http/http.h"
#include "gateway/routes.h"
#include "gateway/submit/submitting.h"
#include "gateway/web/pages.h"

struct gateway {
    struct event_base *base;
    const struct config *config;
    struct uuid id; /* of this worker: names its reply channel */
    struct deployment deployment;
    struct deployment_reader *reader;
    bool contradicted; /* the settings contradict the deployment's record: end with EXIT_USAGE */

    struct pg_statement *statements;                   /* the statements of pg */
    struct pg *pg;                                     /* use statements_query */
    struct pg *pg_search;                              /* searches, with the statements of queries.h */
    struct pg *pg_words;                               /* the same with one connection, for searches of similar words */
    struct redis_script scripts[GATEWAY_SCRIPT_COUNT]; /* used by redis */
    struct redis *redis;                               /* commands */
    struct redis_policy *redis_policy;
    struct redis *listener;  /* receives decisions for waiters and live updates for watchers */
    char channel[KEYS_SIZE]; /* the channel of listener */
    struct broker *broker;   /* publishes bids; NULL until the deployment is known */

    struct clients clients;
    struct http http;
    struct refusals *refusals;
    struct access access;
    struct router *router;
    struct dispatch *dispatch;
    struct hashpool *hashpool; /* Argon2id */
    struct submitting bids;    /* commands to auctions */
    struct submitting sales;   /* commands to flash sales */
    struct snapshot_loads *snapshots;
    struct snapshot_loads *sale_snapshots;
    struct documents *documents; /* of auctions */
    struct documents *sale_documents;
    struct documents *product_documents;
    struct images *images;
    struct streams *streams;
    struct watches *watches;
    struct watches *sale_watches;
    struct positions *positions;
    struct presences *presences;
    struct verification *verification; /* knows users with a verified address */
    struct routes_contexts contexts;
    struct pages_context pages;
};

struct components_options {
    struct event_base *base;
    const struct config *config;
    struct deployment_record *record;
    bool (*turn)(size_t open, void *arg); /* see conn.h */
    void *turn_arg;
    const struct page_table *pages; /* NULL: there are none */
    bool (*older_serve)(void *arg); /* see gateway/web/pages.h */
    void *older_arg;
};

/* Starts everything but the listening sockets. False after logging: no memory, or an invalid address of a back end. */
MUST_CHECK bool components_start(struct gateway *gateway, const struct components_options *options);
/* True if every back end is connected, so that bids can be accepted. */
bool components_ready(const struct gateway *gateway);
/* Accepts nothing new: connections close after their next answer, and live connections are closed. */
void components_drain(struct gateway *gateway);
/* True if all accepted requests were answered and all connections are closed. */
bool components_drained(const struct gateway *gateway);
/* Stops what components_start started, also after its failure. No request may be open. */
void components_stop(struct gateway *gateway);

#endif
