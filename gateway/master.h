/*
 * The master: binds the sockets (or takes systemd's), forks the workers, and keeps as many of them alive as the
 * settings say. It does nothing else, so that it has nothing to fail at.
 */
#ifndef ROSTRUM_GATEWAY_MASTER_H
#define ROSTRUM_GATEWAY_MASTER_H

#include "common/base/base.h"
#include "common/service/config.h"

struct master_options {
    struct config config;
    /* Reads the settings again; false (and it was said why) keeps the old ones. */
    bool (*reload)(struct config *config, void *arg);
    void *arg;
};

/* Returns the process's exit code; in a forked worker too. */
int master_run(const struct master_options *options);

#endif
