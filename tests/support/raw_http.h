/*
 * HTTP written by hand, from any address of the loopback network. The tests' settings exempt only 127.0.0.1 from the
 * bounds of a client.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_RAW_HTTP_H
#define ROSTRUM_TESTS_SUPPORT_RAW_HTTP_H

#include "common/base/base.h"

enum { RAW_HTTP_ANSWER_MS = 10000 };

/* Connects to a port of 127.0.0.1 from 127.0.0.`host`. `receive_bytes` 0: the usual buffer. Fails the test if it
 * cannot. */
int raw_http_connect(int port, int host, int receive_bytes);
/* False: the gateway has closed the connection. */
bool raw_http_send(int fd, const char *text);
/* The status of the next answer; 0: the connection was closed without one, -1: neither within `wait_ms`. */
int raw_http_status(int fd, int wait_ms);
/* Sends a GET and returns the status, within RAW_HTTP_ANSWER_MS. `headers` are whole lines. */
int raw_http_get(int fd, const char *path, const char *headers);
/* The same on a connection of its own. */
int raw_http_get_once(int port, int host, const char *path);
/* Whether the gateway closes the connection within `wait_ms`; skips what it sends before. */
bool raw_http_closed(int fd, int wait_ms);
void raw_http_close_all(const int *fds, size_t count);

#endif
