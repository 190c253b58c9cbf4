/*
 * See service_loop.h.
 */
#include "common/service/service_loop.h"

#include <stdio.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/unit.h"
#include "common/service/metrics_server.h"

enum { DRAIN_POLL_MS = 20, PID_SIZE = 24 };

struct metrics_family service_loop_metrics = {
    .name = "rostrum_worker_info",
    .help = "1, with the unit and the pid of this worker.",
    .type = METRICS_GAUGE,
    .label_count = 2,
    .labels = {{"unit", NULL, 1}, {"pid", NULL, 1}},
};

static void show_process(void)
{
    static char pid[PID_SIZE];
    (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
    (void)metrics_value(&service_loop_metrics, 0, unit_name());
    (void)metrics_value(&service_loop_metrics, 1, pid);
    metrics_set(&service_loop_metrics, 0, 1); /* of the first and only values of both labels */
}

static void on_drain_poll(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct service_loop *loop = arg;
    if (!loop->calls->busy(loop->calls->arg)) {
        daemon_drained(loop->daemon);
    }
}

static void on_drain(void *arg)
{
    struct service_loop *loop = arg;
    const struct timeval every = {.tv_usec = DRAIN_POLL_MS * 1000L};
    loop->calls->drain(loop->calls->arg);
    if (loop->calls->busy != NULL && event_add(loop->drain_timer, &every) != 0) {
        log_error("no timer for the drain: exiting at once");
        daemon_drained(loop->daemon);
    }
}

static bool loop_open(struct service_loop *loop, const struct config *config)
{
    const struct service_loop_calls *calls = loop->calls;
    const struct daemon_calls daemon = {.drain = on_drain, .arg = loop};
    bool ok = false;
    loop->base = event_base_new();
    if (loop->base == NULL) {
        return false;
    }
    loop->daemon = daemon_new(loop->base, config, &daemon);
    loop->drain_timer = event_new(loop->base, -1, EV_PERSIST, on_drain_poll, loop);
    if (loop->daemon == NULL || loop->drain_timer == NULL) {
        return false;
    }
    loop->metrics = metrics_server_start(loop->base, config, calls->families, calls->collect, calls->arg, &ok);
    show_process();
    return ok && calls->open(calls->arg);
}

static void loop_close(struct service_loop *loop)
{
    loop->calls->close(loop->calls->arg);
    metrics_server_free(loop->metrics);
    if (loop->drain_timer != NULL) {
        event_free(loop->drain_timer);
    }
    daemon_free(loop->daemon);
    if (loop->base != NULL) {
        event_base_free(loop->base);
    }
}

int service_loop_run(struct service_loop *loop, const struct config *config, const struct service_loop_calls *calls)
{
    int exit_code = EXIT_FAILED;
    loop->calls = calls;
    if (!loop_open(loop, config)) {
        log_error("cannot start: no memory, or an address cannot be used");
    } else if (event_base_dispatch(loop->base) >= 0 && !loop->failed) {
        exit_code = daemon_exit_code(loop->daemon);
    }
    loop_close(loop);
    return loop->refused ? EXIT_USAGE : exit_code;
}

void service_loop_fail(struct service_loop *loop)
{
    loop->failed = true;
    (void)event_base_loopbreak(loop->base);
}

void service_loop_refuse(struct service_loop *loop)
{
    loop->refused = true;
    service_loop_fail(loop);
}
