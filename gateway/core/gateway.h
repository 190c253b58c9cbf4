/*
 * What the files of one gateway worker share: its loop, its back ends, and what it knows of the deployment. Made after
 * the fork, once per worker; there is exactly one per process, handed on as a pointer and never global. The parts are
 * known here by their names alone; parts.c makes them.
 */
#ifndef ROSTRUM_GATEWAY_CORE_GATEWAY_H
#define ROSTRUM_GATEWAY_CORE_GATEWAY_H

#include <event2/event.h>
#include <stdatomic.h>

#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/io/broker.h"
#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/service/config.h"
#include "gateway/core/token.h"

struct conns;
struct dispatch;
struct documents;
struct hashpool;
struct images;
struct presences;
struct publisher;
struct router;
struct snapshots;
struct verification;
struct streams;
struct waiters;
struct watches;

enum { GATEWAY_KEY_BYTES = 32 };

/* What PostgreSQL has on record of the deployment; the same for its whole life. */
struct deployment {
    bool known; /* loaded; before that nobody can be served but /health and /time */
    unsigned shards;
    uint8_t idempotency[GATEWAY_KEY_BYTES]; /* keys the hash that makes bid ids out of idempotency keys */
    uint8_t pseudonym[GATEWAY_KEY_BYTES];   /* keys bidders' public names */
    uint8_t receipt[GATEWAY_KEY_BYTES];     /* Ed25519 seed of receipts, for the whole life of the deployment */
    struct token_keys tokens;               /* Ed25519 seeds of access tokens, as first read */
};

/* Scripts in the table of gateway->redis, by index. */
enum gateway_script {
    GATEWAY_SCRIPT_USER,          /* admission.c */
    GATEWAY_SCRIPT_MARK,          /* admission.c */
    GATEWAY_SCRIPT_LIMIT,         /* limits.c */
    GATEWAY_SCRIPT_SNAPSHOT,      /* common/protocol/snapshot.h */
    GATEWAY_SCRIPT_SESSION_BEGIN, /* sessions.c */
    GATEWAY_SCRIPT_SESSION_END,   /* sessions.c */
    GATEWAY_SCRIPT_SESSION_LIST,  /* sessions.c */
    GATEWAY_SCRIPT_HISTORY,       /* cache.c */
    GATEWAY_SCRIPT_HISTORY_KEEP,  /* cache.c */
    GATEWAY_SCRIPT_LEADERS,       /* leaderboard.c */
    GATEWAY_SCRIPT_LEADERS_KEEP,  /* leaderboard.c */
    GATEWAY_SCRIPT_DOCUMENT,      /* documents.c */
    GATEWAY_SCRIPT_COUNT
};

/*
 * A deployment's record outlives workers and PostgreSQL's bad hours: it stands in memory that the master's children
 * share. The first worker to read it from PostgreSQL writes it there, later ones begin with it.
 */
struct deployment_record {
    atomic_bool known;
    struct deployment deployment;
};

struct gateway {
    struct event_base *base;
    const struct config *config;
    struct uuid id;                   /* of this worker: names its reply channel */
    struct deployment_record *record; /* shared with the other workers */
    struct deployment deployment;
    struct pg *pg;                                     /* use statements_query */
    struct pg *pg_search;                              /* searches: statements of queries.h */
    struct pg *pg_words;                               /* the same, one connection: the short ones among them */
    struct redis_script scripts[GATEWAY_SCRIPT_COUNT]; /* of redis */
    struct redis *redis;                               /* commands */
    struct redis *listener;                            /* decisions for those who wait; what concerns those who watch */
    char channel[KEYS_SIZE];                           /* that listener listens to */
    struct broker *broker;                             /* publishes bids */
    struct tokens *tokens;                             /* NULL until the deployment is known */
    struct jws_key receipts;                           /* signs them; likewise */
    struct hashpool *hashpool;                         /* Argon2id */
    struct conns *conns;
    struct router *router;
    struct dispatch *dispatch;
    struct publisher *publisher;
    struct waiters *waiters;
    struct snapshots *snapshots;
    struct documents *documents;
    struct images *images;
    struct streams *streams;
    struct watches *watches;
    struct presences *presences;
    struct verification *verification; /* whose address is known to be verified */
    struct jsonw *json;                /* of replies; see reply.h */
    struct pg_statement *statements;   /* the table that pg was given */
    struct event *clock;               /* measures the offset, and reads the deployment's record until it is known */
    int64_t clock_offset_ms;           /* this machine's clock less the database's, as last measured */
    int64_t clock_asked_ms;            /* when the measurement under way began, 0: none is */
    bool draining;                     /* answers close their connections */
};

/* Bids can be taken: the deployment is known and the broker has its topology. */
bool gateway_takes_bids(const struct gateway *gateway);

#endif
