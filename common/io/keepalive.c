/*
 * See keepalive.h. Called by broker_connect, redis and rostrumctl.
 */
#include "common/io/keepalive.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

bool keepalive_set(int fd)
{
    static const struct {
        int level;
        int name;
        int value;
    } settings[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
    };
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (setsockopt(fd, settings[i].level, settings[i].name, &settings[i].value, sizeof settings[i].value) != 0) {
            return false;
        }
    }
    return true;
}
