/*
 * rostrum-bidworker: decides the bids of the shards that it shares with the other bid workers. Any number of it may
 * run; they find each other by themselves.
 */
#include "bidworker/bidworker_metrics.h"
#include "bidworker/worker.h"
#include "common/base/log.h"
#include "common/service/daemon.h"
#include "common/service/service_loop.h"

static const struct daemon_program program = {
    .name = "rostrum-bidworker",
    .purpose = "decides bids, in order, once",
    .description = "  Takes bids from the shard queues that are its own, decides each batch of them by\n"
                   "  the rules of bidding in one transaction, and tells gateways and daemons of it.\n"
                   "\n"
                   "  Start as many as there is work for: they share the shards among themselves, and\n"
                   "  when one comes, goes or dies the others take over within a second. What a bid\n"
                   "  worker has not committed stays in its queue and is decided by the next.",
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
        worker_meter(bidworker->worker);
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
