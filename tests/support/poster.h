/*
 * Asynchronous bids over kept-alive HTTP connections, in the loop of a ws_load, for measurements. Each connection
 * belongs to one bidder and has at most one unanswered bid.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_POSTER_H
#define ROSTRUM_TESTS_SUPPORT_POSTER_H

#include "tests/support/factory.h"
#include "tests/support/ws_load.h"

struct posters;

struct posters_options {
    struct ws_load *ws_load;
    const char *base_url; /* kept, not copied, as are the next two */
    const char *auction;
    const struct factory_user *users; /* `count` of them */
    size_t count;
    /* Called with the answer to a bid: its status, its scheduled time, and the time of the answer. May post again. */
    void (*answered)(int status, int64_t meant_us, int64_t now_us, void *arg);
    void *arg;
};

/* Opens all connections; NULL if the deployment refuses one. */
MUST_CHECK struct posters *posters_new(const struct posters_options *options);
/* Must not be called within ws_load_turn. */
void posters_free(struct posters *posters);
/* Sends a bid on a free connection; false if there is none. `meant_us` is its scheduled time (clock_mono_us). */
MUST_CHECK bool posters_post(struct posters *posters, int64_t cents, int64_t meant_us);
/* Number of unanswered bids. */
size_t posters_busy(const struct posters *posters);

#endif
