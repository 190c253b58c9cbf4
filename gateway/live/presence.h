/*
 * Users who are connected through this worker, by WebSockets and event streams: what concerns one user alone reaches
 * all of that user's connections, wherever they are, over a channel of Redis that a worker listens to only while it has
 * one. And whether they may stay: when a session ends or a user is banned, and every live_ping_interval_s, credentials
 * are looked at again.
 *
 * Callers: commands.c, eventstream.c (presences); components.c. What has them looked at again: sessions_recheck.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_PRESENCE_H
#define ROSTRUM_GATEWAY_LIVE_PRESENCE_H

#include <sys/queue.h>

#include "common/protocol/message.h"
#include "gateway/http/errors.h"
#include "gateway/http/request.h"
#include "gateway/live/frame.h"

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
    /* About an auction. The text is borrowed. It may not remove a presence. */
    void (*notified)(struct presence *presence, const struct uuid *auction, struct text *text);
    /* Its user may not stay, for this reason: UNAUTHORIZED or USER_BANNED. It was removed. */
    void (*ended)(struct presence *presence, enum error_code reason);
    void *owner;

    /* The rest belongs to presence.c. */
    struct user_connections *connections; /* NULL: not entered */
    struct request_user user;
    int64_t checked_ms; /* monotonic; when that was asked for last */
    TAILQ_ENTRY(presence) of_user;
    TAILQ_ENTRY(presence) all; /* the one checked longest ago first */
};

struct presences_options {
    struct event_base *base;
    const struct config *config;
    struct pg *pg;
    struct redis *redis;    /* commands */
    struct redis *listener; /* subscribes to the users who are connected */
    struct waiters *waiters;
};

MUST_CHECK struct presences *presences_new(const struct presences_options *options);
/* Nobody may be entered any more. */
void presences_free(struct presences *presences);
/* Enters a user whose credentials hold. False without memory. */
MUST_CHECK bool presence_add(struct presences *presences, struct presence *presence, const struct request_user *user);
/* Harmless if it is not entered. */
void presence_remove(struct presences *presences, struct presence *presence);

/* Do these credentials hold? Exactly once, from the loop or at once: ERROR_COUNT if they do, else why not. */
typedef void (*presence_checked)(enum error_code reason, void *arg);
void presence_check(struct redis *redis, const struct request_user *user, presence_checked checked, void *arg);

/* A decision on a user's bid, by whatever way it came: told once to each connection. */
void presences_decided(struct presences *presences, const struct decision *decision);
/* A message of a user's channel. */
void presences_message(struct presences *presences, const struct uuid *user, const char *bytes, size_t length);
/* The connection to Redis that listens came up, or went. */
void presences_listening(struct presences *presences, bool up);

#endif
