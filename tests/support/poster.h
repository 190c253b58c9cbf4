/*
 * Bids over kept-alive HTTP connections that nobody waits for, in the loop of a ws_load: for measurements. Each
 * connection is of one bidder and has one bid under way at most.
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
    /* The answer to a bid: its status, and when it was meant to be sent and was answered. May post again. */
    void (*answered)(int status, int64_t meant_us, int64_t now_us, void *arg);
    void *arg;
};

/* Connects them all; NULL when the deployment does not take them. */
MUST_CHECK struct posters *posters_new(const struct posters_options *options);
/* Not while the ws_load turns. */
void posters_free(struct posters *posters);
/* Sends a bid by whoever is free; false: nobody is. `meant_us`: clock_mono_us when it should have been sent. */
MUST_CHECK bool posters_post(struct posters *posters, int64_t cents, int64_t meant_us);
/* Bids that are not answered yet. */
size_t posters_busy(const struct posters *posters);

#endif
