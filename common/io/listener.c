/*
 * See listener.h.
 */
#include "common/io/listener.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"

enum {
    BACKLOG = 1024, /* connections that the kernel queues while workers are busy or being replaced */
    BIND_TRIES =
        100, /* with BIND_PAUSE_MS between them: the workers of a killed master need time to close their sockets */
    BIND_PAUSE_MS = 50,
    PORT_SIZE = 8,
};

static bool bind_with_retry(int fd, const struct addrinfo *address)
{
    const struct timespec pause = {0, BIND_PAUSE_MS * 1000000L};
    for (int i = 0; i < BIND_TRIES; i++) {
        if (bind(fd, address->ai_addr, address->ai_addrlen) == 0) {
            return true;
        }
        if (errno != EADDRINUSE) {
            break;
        }
        nanosleep(&pause, NULL);
    }
    return false;
}

static int bind_address(const struct addrinfo *address)
{
    const int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 && bind_with_retry(fd, address) &&
        listen(fd, BACKLOG) == 0) {
        return fd;
    }
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return -1;
}

int listener_open(const char *address, int port)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    char text[PORT_SIZE];
    (void)snprintf(text, sizeof(text), "%d", port);
    int failed = getaddrinfo(address, text, &hints, &addresses);
    if (failed != 0) {
        log_error("address %s: %s", address, gai_strerror(failed));
        return -1;
    }
    int fd = bind_address(addresses);
    if (fd < 0) {
        log_error("cannot listen on %s port %s: %s", address, text, strerror(errno));
    }
    freeaddrinfo(addresses);
    return fd;
}
