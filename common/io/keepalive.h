/*
 * TCP keepalives: how soon an idle connection to a server is found dead when its other end vanished without a word. The
 * kernel of a peer that merely hangs still answers them, so each protocol has its own timeouts or heartbeats besides.
 *
 * They are not joined by TCP_USER_TIMEOUT, which would also end a connection whose peer reads slowly, as RabbitMQ does
 * under an alarm. pg_link.c sets it, because each of its statements has a time limit anyway.
 */
#ifndef ROSTRUM_COMMON_IO_KEEPALIVE_H
#define ROSTRUM_COMMON_IO_KEEPALIVE_H

#include "common/base/base.h"

/* Macros, because libpq takes them as text. A dead peer is noticed after 1 + 1 * 3 seconds. */
#define KEEPALIVE_IDLE_S     1
#define KEEPALIVE_INTERVAL_S 1
#define KEEPALIVE_COUNT      3

#define KEEPALIVE_QUOTE(number) #number
#define KEEPALIVE_TEXT(macro)   KEEPALIVE_QUOTE(macro)

/* Switches them on for a TCP socket. False if the system refuses. */
MUST_CHECK bool keepalive_set(int fd);

#endif
