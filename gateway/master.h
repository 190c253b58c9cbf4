/*
 * The master process: binds the listening sockets (or takes systemd's), forks the workers, and restarts them. It does
 * nothing else, so that it has little reason to fail.
 */
#ifndef ROSTRUM_GATEWAY_MASTER_H
#define ROSTRUM_GATEWAY_MASTER_H

#include "common/base/base.h"
#include "common/service/config.h"

struct master_options {
    struct config config;
    /* Reads the settings again. False after logging keeps the old ones. */
    bool (*reload)(struct config *config, void *arg);
    void *arg;
};

/* Returns the process's exit code, in a forked worker too. */
int master_run(const struct master_options *options);

#endif
