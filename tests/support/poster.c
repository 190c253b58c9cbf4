/*
 * See poster.h. Errors of this program, and a connection that the deployment closes, end it with a message: the
 * measurement would be invalid.
 */
#include "tests/support/poster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/money.h"

enum { ANSWER_SIZE = 8192, REQUEST_SIZE = 2048 };

struct poster {
    struct posters *posters;
    const struct factory_user *user;
    int fd;
    bool busy;
    int64_t meant_us;
    size_t length;
    char answer[ANSWER_SIZE];
};

struct posters {
    struct posters_options options;
    size_t next; /* where the search for a free connection begins */
    size_t busy;
    struct poster all[];
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "a bid: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* Status of a complete answer, 0 if it is incomplete. */
static int whole(const struct poster *poster)
{
    static const char LENGTH[] = "\r\nContent-Length:";
    const char *end = strstr(poster->answer, "\r\n\r\n");
    const char *length = end == NULL ? NULL : strcasestr(poster->answer, LENGTH);
    if (length == NULL || length > end || strlen(end + 4) < strtoul(length + strlen(LENGTH), NULL, 10)) {
        return 0;
    }
    return (int)strtol(poster->answer + strlen("HTTP/1.1 "), NULL, 10);
}

static void on_answer(void *arg)
{
    struct poster *poster = arg;
    struct posters *posters = poster->posters;
    ssize_t got = recv(poster->fd, poster->answer + poster->length, ANSWER_SIZE - 1 - poster->length, 0);
    if (got <= 0) {
        fail("the deployment closed its connection");
    }
    poster->length += (size_t)got;
    poster->answer[poster->length] = '\0';
    int status = whole(poster);
    if (status != 0 && poster->busy) {
        poster->busy = false;
        posters->busy--;
        posters->options.answered(status, poster->meant_us, clock_mono_us(), posters->options.arg);
    }
}

static int connect_to(const char *base_url)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const char *colon = strrchr(base_url, ':');
    const int on = 1;
    address.sin_port = htons((uint16_t)strtoul(colon == NULL ? "" : colon + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        fail("no connection");
    }
    return fd;
}

/* The deployment closes a connection that sends nothing for some seconds, so each sends a first request at once. */
static void introduce(struct poster *poster)
{
    static const char request[] = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    if (send(poster->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1) {
        fail("it cannot be sent");
    }
    while (whole(poster) == 0) {
        ssize_t got = recv(poster->fd, poster->answer + poster->length, ANSWER_SIZE - 1 - poster->length, 0);
        if (got <= 0) {
            fail("the deployment closed its connection");
        }
        poster->length += (size_t)got;
        poster->answer[poster->length] = '\0';
    }
}

struct posters *posters_new(const struct posters_options *options)
{
    struct posters *posters = calloc(1, sizeof(*posters) + options->count * sizeof(posters->all[0]));
    if (posters == NULL) {
        return NULL;
    }
    posters->options = *options;
    for (size_t i = 0; i < options->count; i++) {
        struct poster *poster = &posters->all[i];
        poster->posters = posters;
        poster->user = &options->users[i];
        poster->fd = connect_to(options->base_url);
        introduce(poster);
        ws_load_attach(options->ws_load, poster->fd, on_answer, poster);
    }
    return posters;
}

void posters_free(struct posters *posters)
{
    for (size_t i = 0; posters != NULL && i < posters->options.count; i++) {
        (void)close(posters->all[i].fd);
    }
    free(posters);
}

static void post(struct poster *poster, int64_t cents)
{
    char body[64];
    char amount[MONEY_TEXT_SIZE];
    char request[REQUEST_SIZE];
    money_format(cents, amount);
    int body_length = snprintf(body, sizeof(body), "{\"amount\": %s}", amount);
    int length = snprintf(request, sizeof(request),
                          "POST /api/v1/auctions/%s/bids HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                          "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                          poster->posters->options.auction, poster->user->session, body_length, body);
    if (length >= REQUEST_SIZE || send(poster->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
        fail("it cannot be sent");
    }
    poster->busy = true;
    poster->posters->busy++;
    poster->length = 0;
    poster->answer[0] = '\0';
}

bool posters_post(struct posters *posters, int64_t cents, int64_t meant_us)
{
    size_t count = posters->options.count;
    for (size_t i = 0; i < count; i++) {
        struct poster *poster = &posters->all[(posters->next + i) % count];
        if (!poster->busy) {
            posters->next = (posters->next + i + 1) % count;
            poster->meant_us = meant_us;
            post(poster, cents);
            return true;
        }
    }
    return false;
}

size_t posters_busy(const struct posters *posters)
{
    return posters->busy;
}
