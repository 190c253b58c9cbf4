/*
 * See linger.h.
 */
#include "gateway/http/linger.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"

enum { LINGERS_MAX = 64, LINGER_MS = 2000, LINGER_BYTES = 8 << 20, PIECE_BYTES = 65536 };

struct lingering {
    struct lingers *lingers;
    struct event *readable;
    int fd;
    size_t left; /* bytes that are still read */
    int64_t until_ms;
    TAILQ_ENTRY(lingering) list;
};

struct lingers {
    struct event_base *base;
    int count;
    TAILQ_HEAD(, lingering) all;
    char piece[PIECE_BYTES];
};

static void lingering_end(struct lingering *lingering)
{
    TAILQ_REMOVE(&lingering->lingers->all, lingering, list);
    lingering->lingers->count--;
    event_free(lingering->readable);
    (void)close(lingering->fd);
    free(lingering);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct lingering *lingering = arg;
    struct lingers *lingers = lingering->lingers;
    if ((what & EV_TIMEOUT) != 0 || clock_mono_ms() >= lingering->until_ms) {
        lingering_end(lingering);
        return;
    }
    ssize_t got = recv(fd, lingers->piece, sizeof(lingers->piece), MSG_DONTWAIT);
    bool again = got < 0 && (errno == EAGAIN || errno == EINTR);
    if (got > 0 && (size_t)got < lingering->left) {
        lingering->left -= (size_t)got;
    } else if (!again) {
        lingering_end(lingering);
    }
}

void linger(struct lingers *lingers, int fd)
{
    const struct timeval most = {LINGER_MS / 1000, 0};
    struct lingering *lingering = lingers->count < LINGERS_MAX ? calloc(1, sizeof(*lingering)) : NULL;
    int copy = lingering == NULL ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        free(lingering);
        return;
    }
    *lingering = (struct lingering){
        .lingers = lingers,
        .readable = event_new(lingers->base, copy, EV_READ | EV_PERSIST, on_readable, lingering),
        .fd = copy,
        .left = LINGER_BYTES,
        .until_ms = clock_mono_ms() + LINGER_MS,
    };
    if (lingering->readable == NULL || event_add(lingering->readable, &most) != 0) {
        if (lingering->readable != NULL) {
            event_free(lingering->readable);
        }
        (void)close(copy);
        free(lingering);
        return;
    }
    (void)shutdown(copy, SHUT_WR); /* fails if the client has closed, which the next read shows */
    TAILQ_INSERT_TAIL(&lingers->all, lingering, list);
    lingers->count++;
}

struct lingers *lingers_new(struct event_base *base)
{
    struct lingers *lingers = calloc(1, sizeof(*lingers));
    if (lingers != NULL) {
        lingers->base = base;
        TAILQ_INIT(&lingers->all);
    }
    return lingers;
}

void lingers_free(struct lingers *lingers)
{
    struct lingering *next = NULL;
    if (lingers == NULL) {
        return;
    }
    for (struct lingering *each = TAILQ_FIRST(&lingers->all); each != NULL; each = next) {
        next = TAILQ_NEXT(each, list);
        lingering_end(each);
    }
    free(lingers);
}
