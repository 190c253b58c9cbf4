/*
 * Accepting of connections, and their admission by peer and number. Caller: conn.c.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_CONN_ACCEPT_H
#define ROSTRUM_GATEWAY_HTTP_CONN_ACCEPT_H

#include "gateway/http/conn_state.h"

/* For evhttp_set_bevcb. */
struct bufferevent *conn_make(struct event_base *base, void *arg);
/* Runs right after the accept, when the evhttp_connection is available for the first time. */
void conn_adopt(struct conn *conn);
/* Called after connections were accepted and after a pause. */
void conns_accept_next(struct conns *conns);
/* Callback of conns->resume. */
void conns_accept_resume(evutil_socket_t fd, short what, void *arg);
/* Turns accepting on or off. */
void conns_accept_switch(struct conns *conns, bool on);

/* A listener's error callback. It gets evhttp's argument instead of ours, so it serves the `conns` of the process. */
void conns_accept_failed(struct evconnlistener *listener, void *arg);
void conns_accept_serves(struct conns *conns);

#endif
