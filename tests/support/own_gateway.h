/*
 * A second gateway of one worker on the servers of the deployment under test, with settings of its own.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_OWN_GATEWAY_H
#define ROSTRUM_TESTS_SUPPORT_OWN_GATEWAY_H

#include "tests/support/client.h"
#include "tests/support/program.h"

enum { OWN_GATEWAY_URL_SIZE = 64, OWN_GATEWAY_READY_MS = 60000 };

struct own_gateway {
    pid_t pid;
    int port;
    struct client *client; /* of its API */
    char url[OWN_GATEWAY_URL_SIZE];
    char metrics_url[OWN_GATEWAY_URL_SIZE];
    char settings[PROGRAM_SETTINGS_SIZE];
};

/* Starts it with these sections of settings beside those of the deployment, and waits until it is ready. */
void own_gateway_start(struct own_gateway *gateway, const char *sections);
/* The same with another Redis: the URL of one that need not exist. */
void own_gateway_start_with_redis(struct own_gateway *gateway, const char *sections, const char *redis_url);
/* Sends the signal, 0: none, and waits for the exit. Returns its code, or -1 if a signal ended it. */
int own_gateway_end(struct own_gateway *gateway, int signal_number);
/* Drains it; fails the test unless it exits with 0. */
void own_gateway_stop(struct own_gateway *gateway);

#endif
