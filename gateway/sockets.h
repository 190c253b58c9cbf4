/*
 * The listening sockets of the gateway: systemd's, where it passes any, else one of our own.
 */
#ifndef ROSTRUM_GATEWAY_SOCKETS_H
#define ROSTRUM_GATEWAY_SOCKETS_H

#include "common/base/base.h"
#include "common/service/config.h"

/* Up to `most` non-blocking, listening descriptors. 0: none could be had, and it was logged why. */
MUST_CHECK size_t sockets_open(const struct config *config, int *fds, size_t most);

#endif
