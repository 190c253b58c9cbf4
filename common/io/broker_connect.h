/*
 * The thread that connects to RabbitMQ, logs in and checks the topology. Called by broker_link.c.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_CONNECT_H
#define ROSTRUM_COMMON_IO_BROKER_CONNECT_H

#include "common/io/broker_internal.h"
#include "common/io/broker_types.h"

enum { BROKER_JOIN_MAX_MS = 500 }; /* that broker_connect_free waits for the thread; then the thread frees its own */

struct broker_connect;

/* What a finished attempt hands over. */
struct broker_login {
    amqp_connection_state_t connection; /* NULL: failed, see `error` */
    int heartbeat_s;                    /* as agreed with the server; 0: none */
    char error[BROKER_TEXT_SIZE];
};

/* NULL: without memory or descriptors, or the URL cannot be read (logged). */
MUST_CHECK struct broker_connect *broker_connect_new(const struct broker_options *options);
/* An attempt under way is told to stop and waited for at most BROKER_JOIN_MAX_MS. */
void broker_connect_free(struct broker_connect *connect);
/* Becomes readable when an attempt is finished. */
int broker_connect_fd(const struct broker_connect *connect);
/* Starts an attempt; there must be none. False: no thread to be had. */
MUST_CHECK bool broker_connect_start(struct broker_connect *connect);
/* After broker_connect_fd became readable. */
void broker_connect_take(struct broker_connect *connect, struct broker_login *login);

#endif
