/*
 * Many WebSockets that watch one auction, and event streams among them if wanted, in one thread, over epoll: for tests
 * and measurements of thousands. Each watcher does what the contract asks of a client: it subscribes, answers pings,
 * and when its connection ends it comes back, after the pause that the deployment named or a short random one, and
 * subscribes anew, or asks for what follows the last event that it has. It parses no JSON: a few members are looked for
 * in the text, so that ten thousand of them cost the machine little beside what is measured.
 *
 * Nothing happens but within ws_load_turn. Our own errors (no memory, no descriptors) end the program with a message.
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
    int64_t price; /* currentBid in minor units, 0: none; of the newest message that said it */
    bool over;     /* it was told that the auction ended */
    bool deaf;     /* reads nothing (ws_load_deafen) */
};

struct ws_load_options {
    const char *base_url; /* kept, not copied */
    const char *auction;  /* likewise */
    size_t stream_each;   /* of so many watchers one is an event stream; 0: none is */
    /* A message has been read, and `watcher` says what is known now; may be NULL. */
    void (*heard)(size_t index, const struct ws_load_watcher *watcher, int64_t now_us, void *arg);
    void *arg;
};

struct ws_load_counts {
    size_t watching;  /* have a snapshot */
    int64_t messages; /* of any type */
    int64_t lost;     /* connections that ended */
    int64_t gaps;     /* a seq was passed over, with no snapshot to make up for it */
    int64_t back;     /* a message older than one before it on the same connection */
    int64_t refused;  /* handshakes that were not answered 101 */
    int64_t odd;      /* what no server may send */
};

MUST_CHECK struct ws_load *ws_load_new(const struct ws_load_options *options);
void ws_load_free(struct ws_load *ws_load);
/* So many watchers in all; new ones connect in the turns to come. Fewer: the newest ones leave. */
void ws_load_resize(struct ws_load *ws_load, size_t count);
/* The first `count` watchers stop reading, or read again. */
void ws_load_deafen(struct ws_load *ws_load, size_t count, bool deaf);
/* Handles what is due, and waits so long at most for something to come. */
void ws_load_turn(struct ws_load *ws_load, int wait_ms);
/* Also waits for another descriptor to be readable, and calls `ready` then. */
void ws_load_attach(struct ws_load *ws_load, int fd, void (*ready)(void *arg), void *arg);

struct ws_load_counts ws_load_counts(const struct ws_load *ws_load);
size_t ws_load_size(const struct ws_load *ws_load);
const struct ws_load_watcher *ws_load_watcher(const struct ws_load *ws_load, size_t index);

#endif
