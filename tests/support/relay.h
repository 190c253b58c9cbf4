/*
 * A TCP relay on the test's own event loop, between a client under test and a real server: it can cut every
 * connection, stop passing bytes with the connections open, or never answer at all. (Not called a proxy: in this
 * deployment that is a kind of bid.)
 */
#ifndef ROSTRUM_TESTS_SUPPORT_RELAY_H
#define ROSTRUM_TESTS_SUPPORT_RELAY_H

#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "common/base/base.h"

enum { RELAY_PAIRS_MAX = 16, RELAY_CLIENT = 0, RELAY_SERVER = 1 };

struct relay {
    /* Set by the test before relay_open. */
    struct event_base *base;
    const char *host;
    int port;
    bool silent; /* takes connections and says nothing */
    /* Sees what came from RELAY_CLIENT or RELAY_SERVER before it is passed on; may be NULL. */
    void (*see)(size_t from, const uint8_t *bytes, size_t length, void *arg);
    void *arg;
    /* To be read by the test. */
    int listen_port;
    size_t pairs; /* taken so far, cut ones included */
    /* The relay's own. */
    struct evconnlistener *listener;
    struct relay_pair {
        struct relay *relay;
        struct bufferevent *ends[2];
    } all[RELAY_PAIRS_MAX];
};

/* Failures fail the test. */
void relay_open(struct relay *relay);
/* Closes every connection, both ends. */
void relay_cut(struct relay *relay);
/* Leaves the connections open and passes nothing on any more; later connections are served. */
void relay_freeze(struct relay *relay);
/*
 * Holds back what comes from RELAY_CLIENT or RELAY_SERVER, and passes it on again: nothing is lost. For connections
 * that are open by then.
 */
void relay_hold(struct relay *relay, size_t from);
void relay_release(struct relay *relay, size_t from);
void relay_close(struct relay *relay);

#endif
