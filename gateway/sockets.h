/*
 * The listening sockets of the gateway: those passed by systemd, else one of its own.
 */
#ifndef ROSTRUM_GATEWAY_SOCKETS_H
#define ROSTRUM_GATEWAY_SOCKETS_H

#include "common/base/base.h"
#include "common/service/config.h"

/* Returns up to `most` non-blocking listening descriptors. 0 after logging: none is available. */
MUST_CHECK size_t sockets_open(const struct config *config, int *fds, size_t most);

#endif
