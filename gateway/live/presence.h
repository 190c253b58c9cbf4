/*
 * Users who are connected to this worker by WebSockets and event streams. Messages to a user reach all of the user's
 * connections over a Redis channel per user. A worker subscribes to the channel only while it has a connection of that
 * user.
 *
 * Credentials are checked again when a session ends, when a user is banned, and every live_ping_interval_s. A
 * connection ends within SWEEP_MS once its session or access token has expired.
 *
 * Callers: commands.c, eventstream.c (presences); components.c. sessions_recheck triggers a check.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_PRESENCE_H
#define ROSTRUM_GATEWAY_LIVE_PRESENCE_H

#include <sys/queue.h>

#include "common/protocol/message.h"
#include "common/protocol/sale_message.h"
#include "gateway/http/errors.h"
#include "gateway/http/request.h"
#include "gateway/live/frame.h"

struct access;
struct config;
struct event_base;
struct pg;
struct redis;
struct waiters;
struct user_connections;
struct presence;
struct presences;

/* One connection of a user; owned by the caller. */
struct presence {
    /* Called for a message about an auction. The text is borrowed. It must not remove a presence. */
    void (*notified)(struct presence *presence, const struct uuid *auction, struct text *text);
    /*
     * Called for a decision on a command of the user in a sale. `order`: the order:update of it, borrowed; NULL: it
     * concerns no order. Likewise. NULL: not called.
     */
    void (*sale_decided)(struct presence *presence, const struct sale_message_decision *decision, struct text *order);
    /* Called when the user may not stay connected: UNAUTHORIZED or USER_BANNED. The presence was removed before. */
    void (*ended)(struct presence *presence, enum error_code reason);
    void *owner;

    /* Private to presence.c. */
    struct user_connections *connections; /* NULL: not entered */
    struct request_user user;
    int64_t checked_ms; /* monotonic; time of the last check */
    TAILQ_ENTRY(presence) of_user;
    TAILQ_ENTRY(presence) all; /* oldest check first */
};

struct presences_options {
    struct event_base *base;
    const struct config *config;
    const struct access *access;
    struct pg *pg;
    struct redis *redis;     /* for commands */
    struct redis *listener;  /* subscribes to the channels of connected users */
    struct waiters *waiters; /* for decisions on bids */
    struct waiters *sale_waiters;
};

MUST_CHECK struct presences *presences_new(const struct presences_options *options);
/* All presences must be removed before. */
void presences_free(struct presences *presences);
/* Enters a user with valid credentials. False without memory. */
MUST_CHECK bool presence_add(struct presences *presences, struct presence *presence, const struct request_user *user);
/* No effect if it is not entered. */
void presence_remove(struct presences *presences, struct presence *presence);

/*
 * Called exactly once, from the loop or before presence_check returns. ERROR_COUNT: the credentials are valid; else the
 * reason. `ends_ms`: end of the session; 0: unknown.
 */
typedef void (*presence_checked)(enum error_code reason, int64_t ends_ms, void *arg);
void presence_check(const struct access *access, const struct request_user *user, presence_checked checked, void *arg);

/* A decision on a user's bid, from any source. Each connection receives it once. */
void presences_decided(struct presences *presences, const struct decision *decision);
/* The same for a command of the user in a sale. */
void presences_sale_decided(struct presences *presences, const struct sale_message_decision *decision);
/* Handles a message of a user's channel. */
void presences_message(struct presences *presences, const struct uuid *user, const char *bytes, size_t length);
/* Ends all connections of users: all sessions and tokens have ended. */
void presences_end_all(struct presences *presences);
/* The listener's connection to Redis came up or was lost. */
void presences_set_connected(struct presences *presences, bool up);

#endif
