/*
 * See sockets.h.
 */
#include "gateway/sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "common/base/log.h"
#include "common/io/listener.h"

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
            log_error("descriptor %d from systemd is not a listening stream socket", fd);
            return 0;
        }
        fds[count++] = fd;
    }
    return count;
}

size_t sockets_open(const struct config *config, int *fds, size_t most)
{
    if (sd_listen_fds(0) > 0) {
        return take_passed(fds, most);
    }
    fds[0] = listener_open(config->listen_address, config->listen_port);
    return fds[0] < 0 ? 0 : 1;
}
