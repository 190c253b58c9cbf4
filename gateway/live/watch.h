/*
 * Auctions that somebody watches through this worker. For each one it holds the present state and whoever watches; it
 * listens to the auction's channel in Redis only while there is anyone, keeps the state up to date by what it hears,
 * and has every message written once for all.
 *
 * What was missed - Redis was away, a version is missing, a message says so itself - is found in PostgreSQL and told as
 * a fresh snapshot. Beside that the versions of what is watched are compared with PostgreSQL's every live_check_ms:
 * what never came over Redis shows there, and while Redis is away this is how prices move.
 *
 * Many are told a chunk at a time, so that bids have their turn in between. After a rest they are told as fast as can
 * be; if there is always something to tell, this takes only a part of a processor. If messages come faster than that,
 * all but the present state are left out.
 *
 * Callers: commands.c, eventstream.c (watchers); components.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_WATCH_H
#define ROSTRUM_GATEWAY_LIVE_WATCH_H

#include <sys/queue.h>

#include "common/protocol/live_update.h"
#include "gateway/http/errors.h"
#include "gateway/live/frame.h"
#include "gateway/query/statements.h"

struct config;
struct deployment;
struct event_base;
struct pg;
struct redis;
struct watch;
struct watches;
struct watcher;

extern struct statements watch_statements;

/* One who watches one auction; owned by the caller. */
struct watcher {
    /* The first snapshot and everything after it; the text is borrowed. It may remove any watcher. */
    void (*update)(struct watcher *watcher, struct text *text);
    /* There is no such auction, or it cannot be known now: the watcher is removed already. */
    void (*refused)(struct watcher *watcher, enum error_code reason);
    void *owner;

    /* The rest belongs to watch.c. */
    struct watch *watch; /* NULL: removed */
    int64_t seq;         /* told last */
    TAILQ_ENTRY(watcher) list;
};

struct watches_options {
    struct event_base *base;
    const struct config *config;
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *listener; /* subscribes to the auctions that are watched */
};

MUST_CHECK struct watches *watches_new(const struct watches_options *options);
/* Nobody may watch any more. */
void watches_free(struct watches *watches);
/* The first news may come at once. False without memory. */
MUST_CHECK bool watch_add(struct watches *watches, struct watcher *watcher, const struct uuid *auction);
/* Harmless if it was removed. */
void watch_remove(struct watcher *watcher);
const struct uuid *watch_auction(const struct watcher *watcher);
/* The present state for one who missed something; the caller's reference. NULL without memory. */
MUST_CHECK struct text *watch_snapshot(struct watcher *watcher);
/* Those who watch through this worker, each auction counted by itself. */
size_t watches_count(const struct watches *watches);

/* A message of an auction's channel. */
void watches_message(struct watches *watches, const struct uuid *auction, const char *bytes, size_t length);
/* The connection to Redis that listens came up, or went. */
void watches_listening(struct watches *watches, bool up);

#endif
