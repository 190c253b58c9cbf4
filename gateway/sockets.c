/*
 * The listening sockets of the gateway; see sockets.h.
 */
#include "gateway/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

enum {
    BACKLOG = 1024,   /* connections that the kernel holds while workers are busy or being replaced */
    BIND_TRIES = 100, /* with BIND_PAUSE_MS between: the workers of a master that was killed close theirs first */
    BIND_PAUSE_MS = 50,
    PORT_SIZE = 8,
};

static bool set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static size_t take_passed(int *fds, size_t most)
{
    size_t count = 0;
    int passed = sd_listen_fds(0);
    for (int i = 0; i < passed && count < most; i++) {
        int fd = SD_LISTEN_FDS_START + i;
        if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0 || !set_nonblocking(fd)) {
            log_error("the passed descriptor %d is no listening stream socket", fd);
            return 0;
        }
        fds[count++] = fd;
    }
    return count;
}

static bool bind_patiently(int fd, const struct addrinfo *address)
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
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 && bind_patiently(fd, address) &&
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

size_t sockets_open(const struct config *config, int *fds, size_t most)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    char port[PORT_SIZE];
    if (sd_listen_fds(0) > 0) {
        return take_passed(fds, most);
    }
    (void)snprintf(port, sizeof(port), "%d", config->listen_port);
    int failed = getaddrinfo(config->listen_address, port, &hints, &addresses);
    if (failed != 0) {
        log_error("listen_address %s: %s", config->listen_address, gai_strerror(failed));
        return 0;
    }
    fds[0] = bind_address(addresses);
    if (fds[0] < 0) {
        log_error("cannot listen on %s port %s: %s", config->listen_address, port, strerror(errno));
    }
    freeaddrinfo(addresses);
    return fds[0] < 0 ? 0 : 1;
}
