/*
 * See own_gateway.h.
 */
#include "tests/support/own_gateway.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

enum { SETTINGS_SIZE = 2048 };

static bool is_ready(const struct own_gateway *gateway)
{
    return client_call(gateway->client, "GET", "/ready", NULL)->status == 200 &&
           client_call(gateway->client, "GET", "/.well-known/jwks.json", NULL)->status == 200;
}

void own_gateway_start(struct own_gateway *gateway, const char *sections)
{
    char ini[SETTINGS_SIZE];
    gateway->port = program_free_port(0);
    int metrics_port = program_free_port(gateway->port);
    (void)snprintf(gateway->url, sizeof(gateway->url), "http://127.0.0.1:%d", gateway->port);
    (void)snprintf(gateway->metrics_url, sizeof(gateway->metrics_url), "http://127.0.0.1:%d", metrics_port);
    ck_assert_int_eq(unsetenv("ROSTRUM_METRICS_PORT"), 0);
    int length =
        snprintf(ini, sizeof(ini), "[gateway]\nlisten_port = %d\nworkers = 1\n[metrics]\nmetrics_port = %d\n%s",
                 gateway->port, metrics_port, sections);
    ck_assert_int_lt(length, SETTINGS_SIZE);
    program_settings_of_deployment(ini, gateway->settings);
    gateway->pid = program_start("rostrum-gateway", gateway->settings);
    gateway->client = client_new(gateway->url);
    ck_assert_ptr_nonnull(gateway->client);
    SUITE_WAIT(is_ready(gateway), OWN_GATEWAY_READY_MS);
}

void own_gateway_start_with_redis(struct own_gateway *gateway, const char *sections, const char *redis_url)
{
    const char *url = getenv("ROSTRUM_REDIS_URL");
    char *before = url == NULL ? NULL : strdup(url);
    ck_assert_ptr_nonnull(before);
    ck_assert_int_eq(setenv("ROSTRUM_REDIS_URL", redis_url, 1), 0);
    own_gateway_start(gateway, sections);
    ck_assert_int_eq(setenv("ROSTRUM_REDIS_URL", before, 1), 0);
    free(before);
}

int own_gateway_end(struct own_gateway *gateway, int signal_number)
{
    client_free(gateway->client);
    int code = program_end(gateway->pid, signal_number);
    program_settings_remove(gateway->settings);
    return code;
}

void own_gateway_stop(struct own_gateway *gateway)
{
    ck_assert_int_eq(own_gateway_end(gateway, SIGTERM), 0);
}
