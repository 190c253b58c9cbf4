/*
 * Many WebSockets that watch one auction, and event streams among them if wanted, in one thread, over epoll: for tests
 * and measurements of thousands. Each watcher does what the contract asks of a client: it subscribes, answers pings,
 * and when its connection ends it comes back, after the pause that the deployment named or a short random one, and
 * subscribes anew, or asks for what follows the last event that it has. It parses no JSON: a few members are looked for
 * in the text, so that ten thousand of them cost the machine little beside what is measured.
 *
 * Nothing happens but within herd_turn. Our own errors (no memory, no descriptors) end the program with a message.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_WS_LOAD_H
#define ROSTRUM_TESTS_SUPPORT_WS_LOAD_H

#include "common/base/base.h"
#include "common/base/ids.h"

struct herd;

enum herd_state { HERD_AWAY, HERD_CONNECTING, HERD_GREETING, HERD_ASKING, HERD_WATCHING };

struct herd_watcher {
    enum herd_state state;
    int64_t seq;   /* of the newest message; -1: none yet */
    int64_t price; /* currentBid in minor units, 0: none; of the newest message that said it */
    bool over;     /* it was told that the auction ended */
    bool deaf;     /* reads nothing (herd_deafen) */
};

struct herd_options {
    const char *base_url; /* kept, not copied */
    const char *auction;  /* likewise */
    size_t stream_each;   /* of so many watchers one is an event stream; 0: none is */
    /* A message has been read, and `watcher` says what is known now; may be NULL. */
    void (*heard)(size_t index, const struct herd_watcher *watcher, int64_t now_us, void *arg);
    void *arg;
};

struct herd_counts {
    size_t watching;  /* have a snapshot */
    int64_t messages; /* of any type */
    int64_t lost;     /* connections that ended */
    int64_t gaps;     /* a seq was passed over, with no snapshot to make up for it */
    int64_t back;     /* a message older than one before it on the same connection */
    int64_t refused;  /* handshakes that were not answered 101 */
    int64_t odd;      /* what no server may send */
};

MUST_CHECK struct herd *herd_new(const struct herd_options *options);
void herd_free(struct herd *herd);
/* So many watchers in all; new ones connect in the turns to come. Fewer: the newest ones leave. */
void herd_resize(struct herd *herd, size_t count);
/* The first `count` watchers stop reading, or read again. */
void herd_deafen(struct herd *herd, size_t count, bool deaf);
/* Handles what is due, and waits so long at most for something to come. */
void herd_turn(struct herd *herd, int wait_ms);
/* Also waits for another descriptor to be readable, and calls `ready` then. */
void herd_attach(struct herd *herd, int fd, void (*ready)(void *arg), void *arg);

struct herd_counts herd_counts(const struct herd *herd);
size_t herd_size(const struct herd *herd);
const struct herd_watcher *herd_watcher(const struct herd *herd, size_t index);

#endif
