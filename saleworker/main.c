/*
 * rostrum-saleworker: decides the commands to flash sales of its shards. Any number of sale workers may run; they share
 * the shards through PostgreSQL (common/worker/ownership.h).
 */
#include "common/worker/worker_main.h"
#include "saleworker/saleworker.h"
#include "saleworker/saleworker_metrics.h"

static const struct daemon_program program = {
    .name = "rostrum-saleworker",
    .login = LOGIN_SALEWORKER,
    .purpose = "decides flash sales in order: places in the line, turns and orders",
    .description = "  Consumes the queues of its shards. Decides each batch of commands by the rules\n"
                   "  of flash sales in one transaction, and publishes the results.\n"
                   "\n"
                   "  Start as many as the load requires. They share the shards as bid workers do:\n"
                   "  when one starts, stops or dies, the others take over within a second. When one\n"
                   "  hangs, or its machine vanishes, they take over after lease_s. Commands that a\n"
                   "  worker has not committed stay in the queue, and another worker decides them.",
};

int main(int argc, char **argv)
{
    return worker_main(&program, &saleworker_program, saleworker_metrics_families, argc, argv);
}
