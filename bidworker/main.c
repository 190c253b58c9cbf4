/*
 * rostrum-bidworker: decides the bids of its shards. Any number of bid workers may run; they share the shards through
 * PostgreSQL (ownership.h).
 */
#include "bidworker/bidworker_metrics.h"
#include "bidworker/worker.h"
#include "common/base/log.h"
#include "common/service/daemon.h"
#include "common/service/service_loop.h"

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

struct bidworker {
    struct config config;
    struct service_loop loop;
    struct worker *worker;
};

static void on_serving(size_t shards, void *arg)
{
    struct bidworker *bidworker = arg;
    log_info("serving %zu shards", shards);
    daemon_status(bidworker->loop.daemon, "serving %zu shards", shards);
    daemon_ready(bidworker->loop.daemon);
}

static void on_drained(void *arg)
{
    struct bidworker *bidworker = arg;
    daemon_drained(bidworker->loop.daemon);
}

static void on_failed(void *arg)
{
    struct bidworker *bidworker = arg;
    service_loop_fail(&bidworker->loop);
}

static void on_drain(void *arg)
{
    struct bidworker *bidworker = arg;
    worker_drain(bidworker->worker);
}

static void on_collect(void *arg)
{
    const struct bidworker *bidworker = arg;
    if (bidworker->worker != NULL) {
        worker_update_gauges(bidworker->worker);
    }
}

static bool on_open(void *arg)
{
    struct bidworker *bidworker = arg;
    const struct worker_options options = {
        .base = bidworker->loop.base,
        .config = &bidworker->config,
        .serving = on_serving,
        .drained = on_drained,
        .failed = on_failed,
        .arg = bidworker,
    };
    bidworker->worker = worker_new(&options);
    return bidworker->worker != NULL;
}

static void on_close(void *arg)
{
    struct bidworker *bidworker = arg;
    worker_free(bidworker->worker);
}

int main(int argc, char **argv)
{
    static struct bidworker bidworker;
    const struct service_loop_calls calls = {.families = bidworker_metrics_families,
                                             .open = on_open,
                                             .close = on_close,
                                             .drain = on_drain,
                                             .collect = on_collect,
                                             .arg = &bidworker};
    int exit_code = EXIT_FAILED;
    if (!daemon_start(&program, argc, argv, &bidworker.config, &exit_code)) {
        return exit_code;
    }
    exit_code = service_loop_run(&bidworker.loop, &bidworker.config, &calls);
    log_info("exited with code %d", exit_code);
    return exit_code;
}
