/*
 * rostrum-bidworker: decides the bids of its shards. Any number of bid workers may run; they share the shards through
 * PostgreSQL (ownership.h).
 */
#include <stdio.h>

#include "bidworker/bidworker_metrics.h"
#include "bidworker/worker.h"
#include "common/base/log.h"
#include "common/service/daemon.h"
#include "common/service/metrics_server.h"

static const struct daemon_program program = {
    .name = "rostrum-bidworker",
    .purpose = "decides bids in order, each exactly once",
    .description = "  Consumes the queues of its shards. Decides each batch of bids by the rules of\n"
                   "  bidding in one transaction, and publishes the results.\n"
                   "\n"
                   "  Start as many as the load requires. They share the shards: when a worker starts,\n"
                   "  stops or dies, the others take over within a second. Bids that a worker has\n"
                   "  not committed stay in the queue, and another worker decides them.",
};

struct bidworker {
    struct daemon *daemon;
    struct event_base *base;
    struct worker *worker;
    struct metrics_server *metrics; /* NULL: switched off */
    bool failed;
};

static void on_serving(size_t shards, void *arg)
{
    struct bidworker *bidworker = arg;
    log_info("serving %zu shards", shards);
    daemon_status(bidworker->daemon, "serving %zu shards", shards);
    daemon_ready(bidworker->daemon);
}

static void on_drained(void *arg)
{
    struct bidworker *bidworker = arg;
    daemon_drained(bidworker->daemon);
}

static void on_failed(void *arg)
{
    struct bidworker *bidworker = arg;
    bidworker->failed = true;
    (void)event_base_loopbreak(bidworker->base);
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

static int run(struct bidworker *bidworker, const struct config *config)
{
    struct daemon_calls calls = {.drain = on_drain, .arg = bidworker};
    int exit_code = EXIT_FAILED;
    bool metrics_started = false;
    bidworker->base = event_base_new();
    bidworker->daemon = bidworker->base == NULL ? NULL : daemon_new(bidworker->base, config, &calls);
    if (bidworker->daemon != NULL) {
        bidworker->metrics = metrics_server_start(bidworker->base, config, bidworker_metrics_families, on_collect,
                                                  bidworker, &metrics_started);
    }
    if (metrics_started) {
        struct worker_options options = {
            .base = bidworker->base,
            .config = config,
            .serving = on_serving,
            .drained = on_drained,
            .failed = on_failed,
            .arg = bidworker,
        };
        bidworker->worker = worker_new(&options);
    }
    if (bidworker->worker == NULL) {
        log_error("cannot start: no memory, or an address cannot be used");
    } else if (event_base_dispatch(bidworker->base) == 0 && !bidworker->failed) {
        exit_code = daemon_exit_code(bidworker->daemon);
    }
    metrics_server_free(bidworker->metrics);
    worker_free(bidworker->worker);
    if (bidworker->daemon != NULL) {
        daemon_free(bidworker->daemon);
    }
    if (bidworker->base != NULL) {
        event_base_free(bidworker->base);
    }
    return exit_code;
}

int main(int argc, char **argv)
{
    static struct config config;
    struct bidworker bidworker = {0};
    int exit_code = EXIT_FAILED;
    if (!daemon_start(&program, argc, argv, &config, &exit_code)) {
        return exit_code;
    }
    exit_code = run(&bidworker, &config);
    log_info("ended with %d", exit_code);
    return exit_code;
}
