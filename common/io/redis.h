/*
 * Redis on an event base, through hiredis. A struct redis keeps one connection alive (back-off 50 ms doubling to 2 s)
 * and adds the timers that hiredis 0.14 lacks. It loads its scripts on every connect, and again after a NOSCRIPT error.
 * Concurrent commands share round trips.
 *
 * All data in Redis may be lost: a NULL reply means "lost or too late", and callers continue without it.
 *
 * Callbacks come from the loop, never from the call that sent the command, and exactly once. A callback may call every
 * function here, redis_free included. The process must ignore SIGPIPE (common/service/daemon does).
 */
#ifndef ROSTRUM_COMMON_IO_REDIS_H
#define ROSTRUM_COMMON_IO_REDIS_H

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "common/base/base.h"

struct redis;

enum { REDIS_ARGUMENTS_MAX = 64 }; /* of one command; our longest has 20 */

struct redis_script {
    const char *name; /* for the log */
    const char *body; /* Lua; every key that it uses is in KEYS */
};

struct redis_options {
    struct event_base *base;
    const char *url;                    /* redis://[:password@]host:port[/db] */
    const struct redis_script *scripts; /* kept, not copied; callers name them by index */
    size_t script_count;
    int timeout_ms;     /* for a command and for connecting; if the oldest command is late the connection is closed */
    size_t pending_max; /* unanswered commands; above that the calls return false */
    void (*on_change)(struct redis *redis, bool up, void *arg); /* may be NULL */
    /* Called for every message of the subscribed channels (below); the bytes are borrowed. */
    void (*on_message)(struct redis *redis, const char *channel, const char *bytes, size_t length, void *arg);
    void *arg;
};

/*
 * `reply` is NULL if the connection was lost or too slow; an error has type REDIS_REPLY_ERROR. Freed after the
 * callback.
 */
typedef void (*redis_callback)(const redisReply *reply, void *arg);

/* User and password of a URL, decoded; the caller frees them. NULL: it has none. False: as redis_url_is_valid. */
MUST_CHECK bool redis_url_login(const char *url, char **user, char **password);
/* Whether redis_new can parse the URL; also false without memory. */
MUST_CHECK bool redis_url_is_valid(const char *url);
/* NULL: no memory, or the URL cannot be parsed (logged). The loop connects. */
MUST_CHECK struct redis *redis_new(const struct redis_options *options);
/* Before this returns, pending callbacks get NULL. on_change is not called any more. */
void redis_free(struct redis *redis);
bool redis_up(const struct redis *redis);
int64_t redis_latency_ms(const struct redis *redis);

/*
 * `count` arguments (at most REDIS_ARGUMENTS_MAX); `lengths` may be NULL if all are texts. `callback` may be NULL if
 * the reply is not needed. False: not connected, or pending_max reached; no callback follows.
 */
MUST_CHECK bool redis_command(struct redis *redis, redis_callback callback, void *arg, int count,
                              const char *const *arguments, const size_t *lengths);
/* EVALSHA of script `script`; the first `keys` of `arguments` are keys. */
MUST_CHECK bool redis_call(struct redis *redis, size_t script, redis_callback callback, void *arg, int keys, int count,
                           const char *const *arguments, const size_t *lengths);
/*
 * Subscribes this connection to one channel (kept, not copied), now and after every reconnect. A subscribed struct
 * redis refuses commands, and it is up when it is subscribed. It sends pings, so that a dead link is detected within
 * timeout_ms. Call it once, before the loop first runs. False: it is already connected.
 */
MUST_CHECK bool redis_listen(struct redis *redis, const char *channel);
/*
 * Adds or removes a further channel while the connection is up. `callback` is called when the server has confirmed it.
 * After a reconnect only the first channel is subscribed: subscribe to the others again in on_change.
 */
MUST_CHECK bool redis_subscribe(struct redis *redis, const char *channel, redis_callback callback, void *arg);
MUST_CHECK bool redis_unsubscribe(struct redis *redis, const char *channel);

#endif
