/*
 * See worker_main.h.
 */
#include "common/worker/worker_main.h"

#include "common/base/log.h"
#include "common/service/service_loop.h"
#include "common/worker/worker.h"

struct process {
    const struct worker_program *program;
    struct config config;
    struct service_loop loop;
    struct worker *worker;
};

static void on_serving(size_t shards, void *arg)
{
    struct process *process = arg;
    log_info("serving %zu shards", shards);
    daemon_status(process->loop.daemon, "serving %zu shards", shards);
    daemon_ready(process->loop.daemon);
}

static void on_drained(void *arg)
{
    struct process *process = arg;
    daemon_drained(process->loop.daemon);
}

static void on_failed(void *arg)
{
    struct process *process = arg;
    service_loop_fail(&process->loop);
}

static void on_drain(void *arg)
{
    struct process *process = arg;
    worker_drain(process->worker);
}

static void on_collect(void *arg)
{
    const struct process *process = arg;
    if (process->worker != NULL) {
        worker_update_gauges(process->worker);
    }
}

static bool on_open(void *arg)
{
    struct process *process = arg;
    const struct worker_options options = {
        .base = process->loop.base,
        .config = &process->config,
        .program = process->program,
        .serving = on_serving,
        .drained = on_drained,
        .failed = on_failed,
        .arg = process,
    };
    process->worker = worker_new(&options);
    return process->worker != NULL;
}

static void on_close(void *arg)
{
    struct process *process = arg;
    worker_free(process->worker);
}

int worker_main(const struct daemon_program *daemon, const struct worker_program *program,
                struct metrics_family *const *families, int argc, char **argv)
{
    static struct process process;
    const struct service_loop_calls calls = {.families = families,
                                             .open = on_open,
                                             .close = on_close,
                                             .drain = on_drain,
                                             .collect = on_collect,
                                             .arg = &process};
    int exit_code = EXIT_FAILED;
    process.program = program;
    if (!daemon_start(daemon, argc, argv, &process.config, &exit_code)) {
        return exit_code;
    }
    exit_code = service_loop_run(&process.loop, &process.config, &calls);
    log_info("exited with code %d", exit_code);
    return exit_code;
}
