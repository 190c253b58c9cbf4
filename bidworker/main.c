/*
 * rostrum-bidworker: decides the bids of its shards. Any number of bid workers may run; they share the shards through
 * PostgreSQL (common/worker/ownership.h).
 */
#include "bidworker/bidworker.h"
#include "bidworker/bidworker_metrics.h"
#include "common/worker/worker_main.h"

static const struct daemon_program program = {
    .name = "rostrum-bidworker",
    .login = LOGIN_BIDWORKER,
    .purpose = "decides bids in order, each exactly once",
    .description = "  Consumes the queues of its shards. Decides each batch of bids by the rules of\n"
                   "  bidding in one transaction, and publishes the results.\n"
                   "\n"
                   "  Start as many as the load requires. They share the shards: when a worker starts,\n"
                   "  stops or dies, the others take over within a second. When one hangs, or its\n"
                   "  machine vanishes, they take over after lease_s. Bids that a worker has not\n"
                   "  committed stay in the queue, and another worker decides them.",
};

int main(int argc, char **argv)
{
    return worker_main(&program, &bidworker_program, bidworker_metrics_families, argc, argv);
}
