/*
 * See relay.h. Each connection has two bufferevents; bytes from one are moved to the other. The relay does not model a
 * slow network.
 */
#include "tests/support/relay.h"

#include <check.h>
#include <event2/buffer.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void cut_pair(struct relay_pair *pair)
{
    for (size_t i = 0; i < ARRAY_LEN(pair->ends); i++) {
        if (pair->ends[i] != NULL) {
            bufferevent_free(pair->ends[i]);
            pair->ends[i] = NULL;
        }
    }
}

static void on_bytes(struct bufferevent *end, void *arg)
{
    struct relay_pair *pair = arg;
    size_t from = end == pair->ends[RELAY_CLIENT] ? RELAY_CLIENT : RELAY_SERVER;
    struct evbuffer *bytes = bufferevent_get_input(end);
    if (pair->relay->see != NULL) {
        pair->relay->see(from, evbuffer_pullup(bytes, -1), evbuffer_get_length(bytes), pair->relay->arg);
    }
    ck_assert_int_eq(bufferevent_write_buffer(pair->ends[1 - from], bytes), 0);
}

static void on_event(struct bufferevent *end, short what, void *arg)
{
    (void)end;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) {
        cut_pair(arg);
    }
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int length,
                      void *arg)
{
    (void)listener;
    (void)address;
    (void)length;
    struct relay *relay = arg;
    ck_assert_uint_lt(relay->pairs, RELAY_PAIRS_MAX);
    struct relay_pair *pair = &relay->all[relay->pairs++];
    pair->relay = relay;
    pair->ends[RELAY_CLIENT] = bufferevent_socket_new(relay->base, fd, BEV_OPT_CLOSE_ON_FREE);
    ck_assert_ptr_nonnull(pair->ends[RELAY_CLIENT]);
    if (relay->silent) {
        return;
    }
    pair->ends[RELAY_SERVER] = bufferevent_socket_new(relay->base, -1, BEV_OPT_CLOSE_ON_FREE);
    ck_assert_ptr_nonnull(pair->ends[RELAY_SERVER]);
    for (size_t i = 0; i < ARRAY_LEN(pair->ends); i++) {
        bufferevent_setcb(pair->ends[i], on_bytes, NULL, on_event, pair);
        ck_assert_int_eq(bufferevent_enable(pair->ends[i], EV_READ | EV_WRITE), 0);
    }
    ck_assert_int_eq(
        bufferevent_socket_connect_hostname(pair->ends[RELAY_SERVER], NULL, AF_INET, relay->host, relay->port), 0);
}

void relay_open(struct relay *relay)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    relay->listener = evconnlistener_new_bind(relay->base, on_accept, relay, LEV_OPT_CLOSE_ON_FREE, -1,
                                              (struct sockaddr *)&address, sizeof address);
    ck_assert_ptr_nonnull(relay->listener);
    socklen_t length = sizeof address;
    ck_assert_int_eq(getsockname(evconnlistener_get_fd(relay->listener), (struct sockaddr *)&address, &length), 0);
    relay->listen_port = ntohs(address.sin_port);
}

void relay_open_url(struct relay *relay, const char *url, char relayed[static RELAY_URL_SIZE])
{
    const char *server = strchr(url, '@');
    const char *port = server == NULL ? NULL : strchr(server, ':');
    char *path = NULL;
    ck_assert_ptr_nonnull(port);
    server++;
    relay->port = (int)strtol(port + 1, &path, 10);
    ck_assert_int_lt(snprintf(relay->host_of_url, RELAY_HOST_SIZE, "%.*s", (int)(port - server), server),
                     RELAY_HOST_SIZE);
    relay->host = relay->host_of_url;
    relay_open(relay);
    ck_assert_int_lt(
        snprintf(relayed, RELAY_URL_SIZE, "%.*s127.0.0.1:%d%s", (int)(server - url), url, relay->listen_port, path),
        RELAY_URL_SIZE);
}

void relay_cut(struct relay *relay)
{
    for (size_t i = 0; i < relay->pairs; i++) {
        cut_pair(&relay->all[i]);
    }
}

void relay_freeze_one(struct relay *relay, size_t number)
{
    ck_assert_uint_lt(number, relay->pairs);
    for (size_t end = 0; end < ARRAY_LEN(relay->all[number].ends); end++) {
        if (relay->all[number].ends[end] != NULL) {
            ck_assert_int_eq(bufferevent_disable(relay->all[number].ends[end], EV_READ | EV_WRITE), 0);
        }
    }
}

void relay_freeze(struct relay *relay)
{
    for (size_t i = 0; i < relay->pairs; i++) {
        relay_freeze_one(relay, i);
    }
}

static void set_reading(struct relay *relay, size_t from, bool reading)
{
    for (size_t i = 0; i < relay->pairs; i++) {
        struct bufferevent *end = relay->all[i].ends[from];
        if (end != NULL) {
            ck_assert_int_eq(reading ? bufferevent_enable(end, EV_READ) : bufferevent_disable(end, EV_READ), 0);
        }
    }
}

void relay_hold(struct relay *relay, size_t from)
{
    set_reading(relay, from, false);
}

void relay_release(struct relay *relay, size_t from)
{
    set_reading(relay, from, true);
}

/* A filter that accepts no byte of any packet: TCP drops what arrives before it looks at it. */
static void drop_all(evutil_socket_t fd)
{
    struct sock_filter drop = {.code = BPF_RET | BPF_K, .k = 0};
    struct sock_fprog program = {.len = 1, .filter = &drop};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
}

void relay_vanish(struct relay *relay)
{
    drop_all(evconnlistener_get_fd(relay->listener));
    for (size_t i = 0; i < relay->pairs; i++) {
        for (size_t end = 0; end < ARRAY_LEN(relay->all[i].ends); end++) {
            if (relay->all[i].ends[end] != NULL) {
                drop_all(bufferevent_getfd(relay->all[i].ends[end]));
            }
        }
    }
    relay_freeze(relay);
}

void relay_close(struct relay *relay)
{
    relay_cut(relay);
    evconnlistener_free(relay->listener);
    relay->listener = NULL;
}
