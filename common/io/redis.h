/*
 * Redis on an event base, through hiredis. A struct redis keeps one connection alive (back-off 50 ms doubling to 2 s),
 * has the timers that hiredis 0.14 lacks, loads its scripts on every connect and again when the server says NOSCRIPT.
 * Commands that are under way together share round trips by themselves.
 *
 * Redis holds nothing that may not be lost: a NULL reply means "lost or too late", and callers go on without it.
 *
 * Callbacks always come from the loop, never from inside the call that sent the command, and exactly once; from inside
 * one everything here may be called, redis_free included. The process must ignore SIGPIPE (common/service/daemon does).
 */
#ifndef ROSTRUM_COMMON_IO_REDIS_H
#define ROSTRUM_COMMON_IO_REDIS_H

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "common/base/base.h"

struct redis;

enum { REDIS_ARGUMENTS_MAX = 64 }; /* of one command; the longest of ours has 20 */

struct redis_script {
    const char *name; /* for the log */
    const char *body; /* Lua; every key it touches is in KEYS */
};

struct redis_options {
    struct event_base *base;
    const char *url;                    /* redis://[:password@]host:port[/db] */
    const struct redis_script *scripts; /* kept, not copied; callers name them by index */
    size_t script_count;
    int timeout_ms;     /* of a command and of connecting; the oldest one late costs the connection */
    size_t pending_max; /* commands sent and unanswered; then false */
    void (*on_change)(struct redis *redis, bool up, void *arg); /* may be NULL */
    /* Every message of the subscribed channels (below); borrowed bytes. */
    void (*on_message)(struct redis *redis, const char *channel, const char *bytes, size_t length, void *arg);
    void *arg;
};

/* `reply` is NULL when the connection was lost or too slow; an error reply has type REDIS_REPLY_ERROR. Freed after. */
typedef void (*redis_callback)(const redisReply *reply, void *arg);

/* NULL without memory, or if the URL cannot be read (logged). Connecting begins in the loop. */
MUST_CHECK struct redis *redis_new(const struct redis_options *options);
/* Pending callbacks get NULL, before this returns; on_change is not called any more. */
void redis_free(struct redis *redis);
bool redis_up(const struct redis *redis);
int64_t redis_latency_ms(const struct redis *redis);

/*
 * `count` arguments (at most REDIS_ARGUMENTS_MAX); `lengths` may be NULL for texts. `callback` may be NULL if the reply
 * does not matter. False: not connected or pending_max; the callback will not come.
 */
MUST_CHECK bool redis_command(struct redis *redis, redis_callback callback, void *arg, int count,
                              const char *const *arguments, const size_t *lengths);
/* EVALSHA of script `script` with `keys` keys first in `arguments`. */
MUST_CHECK bool redis_call(struct redis *redis, size_t script, redis_callback callback, void *arg, int keys, int count,
                           const char *const *arguments, const size_t *lengths);
/*
 * Subscribes this connection to one channel (kept, not copied), now and after every reconnect. Such a struct redis is
 * for listening only: commands on it are refused, and it is up once it is subscribed. It pings itself, so that a dead
 * link shows within timeout_ms. Call it once, before the loop first runs; false if it is connected already.
 */
MUST_CHECK bool redis_listen(struct redis *redis, const char *channel);
/*
 * One more channel of such a connection while it is up, or one less. `callback` comes when the server has it, as for
 * any command. After a reconnect only the first channel is there by itself: on_change says when to ask again.
 */
MUST_CHECK bool redis_subscribe(struct redis *redis, const char *channel, redis_callback callback, void *arg);
MUST_CHECK bool redis_unsubscribe(struct redis *redis, const char *channel);

#endif
