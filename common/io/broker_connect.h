/*
 * The thread that connects to RabbitMQ, logs in and checks the topology. Called by broker_link.c.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_CONNECT_H
#define ROSTRUM_COMMON_IO_BROKER_CONNECT_H

#include "common/io/broker_internal.h"
#include "common/io/broker_types.h"

enum {
    BROKER_JOIN_MAX_MS = 500
}; /* broker_connect_free waits at most this long; after that the thread frees its own data */

struct broker_connect;

/* Result of a finished attempt. */
struct broker_login {
    amqp_connection_state_t connection; /* NULL: failed, see `error`; else owned by the receiver */
    int heartbeat_s;                    /* as agreed with the server; 0: none */
    const char *host;                   /* the host that was tried; lives as long as the struct broker_connect */
    int port;
    char error[BROKER_TEXT_SIZE];
};

/* NULL: no memory or descriptors, or the URL cannot be parsed (logged). */
MUST_CHECK struct broker_connect *broker_connect_new(const struct broker_options *options);
/* Stops a running attempt and waits at most BROKER_JOIN_MAX_MS for it. */
void broker_connect_free(struct broker_connect *connect);
/* Becomes readable when an attempt has finished. */
int broker_connect_fd(const struct broker_connect *connect);
size_t broker_connect_hosts(const struct broker_connect *connect); /* number of hosts in the URL */
/*
 * Starts an attempt at one host, with the whole connect_timeout_ms for it; none may be running. False: the thread could
 * not be created.
 */
MUST_CHECK bool broker_connect_start(struct broker_connect *connect, size_t host);
/* Takes the result after broker_connect_fd became readable. */
void broker_connect_take(struct broker_connect *connect, struct broker_login *login);

#endif
