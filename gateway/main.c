/*
 * rostrum-gateway: reads the command line and the settings, then runs the master.
 */
#include <getopt.h>

#include "common/service/daemon.h"
#include "gateway/master.h"

static const struct daemon_program program = {
    .name = "rostrum-gateway",
    .login = LOGIN_GATEWAY,
    .purpose = "the HTTP and WebSocket API",
    .description =
        "  A master binds the address and forks workers, each with one event loop. A bid is checked against\n"
        "  Redis, published to RabbitMQ, and answered 202 once the broker has confirmed it. All other\n"
        "  requests read and write PostgreSQL.\n\n"
        "  SIGHUP reloads the settings and replaces the workers one by one. No connection is refused. The\n"
        "  listening address changes only with a restart. Listening sockets passed by systemd are used.",
};

struct arguments {
    int count;
    char **texts;
};

static bool reload(struct config *config, void *arg)
{
    const struct arguments *arguments = arg;
    int exit_code = EXIT_OK;
    optind = 1; /* restarts getopt */
    return daemon_start(&program, arguments->count, arguments->texts, config, &exit_code);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {argc, argv};
    struct master_options options = {.reload = reload, .arg = &arguments};
    int exit_code = EXIT_OK;
    if (!daemon_start(&program, argc, argv, &options.config, &exit_code)) {
        return exit_code;
    }
    return master_run(&options);
}
