/*
 * A TCP relay on the test's event loop, between a client under test and a real server. It can close every connection,
 * stop forwarding with the connections open, accept and never answer, or vanish like a machine without power. (Not
 * named proxy: that is a kind of bid.)
 */
#ifndef ROSTRUM_TESTS_SUPPORT_RELAY_H
#define ROSTRUM_TESTS_SUPPORT_RELAY_H

#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "common/base/base.h"

enum { RELAY_PAIRS_MAX = 32, RELAY_CLIENT = 0, RELAY_SERVER = 1, RELAY_HOST_SIZE = 64, RELAY_URL_SIZE = 512 };

struct relay {
    /* Set by the test before relay_open. */
    struct event_base *base;
    const char *host;
    int port;
    bool silent; /* accepts connections and sends nothing */
    /* Called with the bytes of RELAY_CLIENT or RELAY_SERVER before they are forwarded; may be NULL. */
    void (*see)(size_t from, const uint8_t *bytes, size_t length, void *arg);
    void *arg;
    /* Read by the test. */
    int listen_port;
    size_t pairs; /* connections accepted so far, closed ones included */
    /* Private. */
    char host_of_url[RELAY_HOST_SIZE];
    struct evconnlistener *listener;
    struct relay_pair {
        struct relay *relay;
        struct bufferevent *ends[2];
    } all[RELAY_PAIRS_MAX];
};

/* Failures fail the test. */
void relay_open(struct relay *relay);
/*
 * Opens a relay to the server of a URL (scheme://user:password@host:port/path), and writes the URL that leads through
 * it. `base` must be set.
 */
void relay_open_url(struct relay *relay, const char *url, char relayed[static RELAY_URL_SIZE]);
/* Closes every connection, both ends. */
void relay_cut(struct relay *relay);
/* Leaves the present connections open and forwards nothing more on them; later connections are forwarded. */
void relay_freeze(struct relay *relay);
/* The same for the connection that was accepted as the `number`-th, from 0. */
void relay_freeze_one(struct relay *relay, size_t number);
/*
 * Stops forwarding the bytes of RELAY_CLIENT or RELAY_SERVER on the present connections, and continues. No byte is
 * lost.
 */
void relay_hold(struct relay *relay, size_t from);
void relay_release(struct relay *relay, size_t from);
/*
 * From now on the kernel drops every packet that arrives for the relay: no ACK, FIN or RST answers client or server,
 * and no connection can be made. It lasts until relay_close.
 */
void relay_vanish(struct relay *relay);
void relay_close(struct relay *relay);

#endif
