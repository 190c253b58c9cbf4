/*
 * Thousands of WebSockets and event streams that watch one auction, in one thread over epoll, for tests and benches. A
 * watcher follows the contract: it subscribes and answers pings. After the end of its connection it waits (the server's
 * pause, or a short random one), reconnects and subscribes, or resumes after its last event. It does not parse JSON but
 * searches for a few members, so that ten thousand watchers use little of the measured machine.
 *
 * All work is done within ws_load_turn. Errors of this program (no memory, no descriptors) end it with a message.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_WS_LOAD_H
#define ROSTRUM_TESTS_SUPPORT_WS_LOAD_H

#include "common/base/base.h"
#include "common/base/ids.h"

struct ws_load;

enum ws_load_state { WS_LOAD_AWAY, WS_LOAD_CONNECTING, WS_LOAD_GREETING, WS_LOAD_ASKING, WS_LOAD_WATCHING };

struct ws_load_watcher {
    enum ws_load_state state;
    int64_t seq;   /* of the newest message; -1: none yet */
    int64_t price; /* currentBid in minor units, 0: none; of the newest message with this member */
    bool over;     /* it received the end of the auction */
    bool paused;   /* reads nothing */
};

struct ws_load_options {
    const char *base_url; /* kept, not copied */
    const char *auction;  /* likewise */
    size_t stream_each;   /* one of this many watchers is an event stream; 0: none */
    /* Called after each message with the watcher's new state; may be NULL. */
    void (*on_message)(size_t index, const struct ws_load_watcher *watcher, int64_t now_us, void *arg);
    void *arg;
};

struct ws_load_counts {
    size_t watching;   /* have a snapshot */
    int64_t messages;  /* of any type */
    int64_t lost;      /* connections that ended */
    int64_t gaps;      /* missing seq without a snapshot */
    int64_t reordered; /* messages older than one before on the same connection */
    int64_t refused;   /* handshakes that were not answered 101 */
    int64_t invalid;   /* invalid frames or messages */
};

MUST_CHECK struct ws_load *ws_load_new(const struct ws_load_options *options);
void ws_load_free(struct ws_load *ws_load);
/* Sets the number of watchers. New ones connect in later turns; if there are fewer, the newest ones disconnect. */
void ws_load_resize(struct ws_load *ws_load, size_t count);
/* The first `count` watchers stop reading, or read again. */
void ws_load_set_paused(struct ws_load *ws_load, size_t count, bool paused);
/* Handles pending events, and waits at most `wait_ms` for one. */
void ws_load_turn(struct ws_load *ws_load, int wait_ms);
/* Adds a descriptor to the loop; calls `ready` whenever it is readable. */
void ws_load_attach(struct ws_load *ws_load, int fd, void (*ready)(void *arg), void *arg);

struct ws_load_counts ws_load_counts(const struct ws_load *ws_load);
size_t ws_load_size(const struct ws_load *ws_load);
const struct ws_load_watcher *ws_load_watcher(const struct ws_load *ws_load, size_t index);

#endif
