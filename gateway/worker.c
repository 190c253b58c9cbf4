/*
 * See worker.h. A worker accepts connections once its back ends are connected, so that a replacement does not start
 * with refusals. After SERVE_ANYWAY_MS it accepts in any case and answers 503.
 */
#include "gateway/worker.h"

#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/service/daemon.h"
#include "common/service/metrics_server.h"
#include "gateway/access/dispatch.h"
#include "gateway/components.h"
#include "gateway/gateway_metrics.h"
#include "gateway/http/conn.h"
#include "gateway/http/http_metrics.h"
#include "gateway/live/live_metrics.h"
#include "gateway/live/stream.h"
#include "gateway/live/watch.h"

enum {
    SERVE_ANYWAY_MS = 3000,
    TICK_MS = 20,     /* poll period for back ends at the start, and for open requests in a drain */
    UNEVEN_MOST = 4,  /* a worker may have this many connections more than another, */
    UNEVEN_PART = 16, /* plus this part of the other's */
};

struct worker {
    const struct worker_options *options;
    struct event_base *base;
    struct gateway gateway;
    struct daemon *daemon;
    struct metrics_server *metrics; /* NULL: disabled, or draining */
    struct event *beat;
    struct event *tick;
    int64_t start_ms;
    bool failed;
};

static void do_beat(evutil_socket_t fd, short what, void *arg)
{
    const struct worker *worker = arg;
    (void)fd;
    (void)what;
    atomic_store(&worker->options->slot->beat_ms, clock_mono_ms());
    atomic_store(&worker->options->slot->open, (int64_t)conns_open(worker->gateway.http.conns));
    atomic_store(&worker->options->slot->live, (int64_t)streams_open(worker->gateway.streams));
    atomic_store(&worker->options->slot->watched,
                 (int64_t)(watches_count(worker->gateway.watches) + watches_count(worker->gateway.sale_watches)));
}

/*
 * True if no other worker has notably fewer connections: they are long-lived, so an imbalance would last. A tolerance
 * is needed: without it a burst is accepted one connection at a time, as each worker waits for the other.
 */
static bool is_turn(size_t open, void *arg)
{
    const struct worker *worker = arg;
    const struct worker_options *options = worker->options;
    atomic_store(&options->slot->open, (int64_t)open);
    for (size_t i = 0; i < options->slot_count; i++) {
        const struct worker_slot *other = &options->slots[i];
        int64_t theirs = atomic_load(&other->open);
        if (other != options->slot && atomic_load(&other->serving) &&
            theirs + theirs / UNEVEN_PART + UNEVEN_MOST < (int64_t)open) {
            return false;
        }
    }
    return true;
}

static bool older_serve(void *arg)
{
    const struct worker *worker = arg;
    const struct worker_options *options = worker->options;
    unsigned own = atomic_load(&options->slot->generation);
    for (size_t i = 0; i < options->slot_count; i++) {
        const struct worker_slot *other = &options->slots[i];
        if (atomic_load(&other->serving) && atomic_load(&other->generation) < own) {
            return true;
        }
    }
    return false;
}

/* The gauges of all workers, whichever worker reports them. */
static void collect(void *arg)
{
    const struct worker *worker = arg;
    size_t serving = 0;
    int64_t open = 0;
    int64_t live = 0;
    int64_t watched = 0;
    for (size_t i = 0; i < worker->options->slot_count; i++) {
        const struct worker_slot *slot = &worker->options->slots[i];
        serving += atomic_load(&slot->serving);
        open += atomic_load(&slot->open);
        live += atomic_load(&slot->live);
        watched += atomic_load(&slot->watched);
    }
    gateway_metrics_workers(serving);
    http_metrics_open(open);
    live_metrics_set_open(live, watched);
}

static bool start_metrics(struct worker *worker)
{
    const struct metrics_server_options options = {
        .base = worker->base, .fd = worker->options->metrics, .collect = collect, .arg = worker};
    if (options.fd >= 0) {
        worker->metrics = metrics_server_new(&options);
    }
    return options.fd < 0 || worker->metrics != NULL;
}

static void serve(struct worker *worker)
{
    for (size_t i = 0; i < worker->options->listener_count; i++) {
        if (!conns_listen(worker->gateway.http.conns, worker->options->listeners[i])) {
            log_error("cannot accept connections");
            worker->failed = true;
            event_base_loopbreak(worker->base);
            return;
        }
    }
    atomic_store(&worker->options->slot->serving, true);
    log_info("worker %d accepts connections", (int)getpid());
    daemon_ready(worker->daemon);
}

static void do_tick(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    const struct gateway *gateway = &worker->gateway;
    (void)fd;
    (void)what;
    if (daemon_draining(worker->daemon)) {
        if (components_drained(gateway)) {
            daemon_drained(worker->daemon);
        }
    } else if (components_ready(gateway) || clock_mono_ms() - worker->start_ms >= SERVE_ANYWAY_MS) {
        event_del(worker->tick);
        serve(worker);
    }
}

static void drain(void *arg)
{
    const struct timeval every = {0, TICK_MS * 1000L};
    struct worker *worker = arg;
    atomic_store(&worker->options->slot->serving, false);
    components_drain(&worker->gateway);
    metrics_server_free(worker->metrics);
    worker->metrics = NULL;
    /* Closes the listeners, so that a successor may bind the address at once if the master has exited. */
    for (size_t i = 0; i < worker->options->listener_count; i++) {
        close(worker->options->listeners[i]);
    }
    if (event_add(worker->tick, &every) != 0) {
        daemon_drained(worker->daemon);
    }
}

/*
 * evhttp toggles reading and writing several times per request: EPOLL_USE_CHANGELIST passes only the last state to the
 * kernel.
 */
static struct event_base *make_base(void)
{
    struct event_base *base = NULL;
    struct event_config *config = event_config_new();
    if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0) {
        base = event_base_new_with_config(config);
    }
    if (config != NULL) {
        event_config_free(config);
    }
    return base;
}

static bool start(struct worker *worker)
{
    const struct timeval beat = {0, WORKER_BEAT_MS * 1000L};
    const struct timeval tick = {0, TICK_MS * 1000L};
    const struct daemon_calls calls = {.drain = drain, .arg = worker};
    worker->base = make_base();
    const struct components_options options = {
        .base = worker->base,
        .config = worker->options->config,
        .record = worker->options->record,
        .turn = is_turn,
        .turn_arg = worker,
        .pages = worker->options->pages,
        .older_serve = older_serve,
        .older_arg = worker,
    };
    if (worker->base == NULL || !components_start(&worker->gateway, &options) || !start_metrics(worker)) {
        return false;
    }
    worker->daemon = daemon_new(worker->base, worker->options->config, &calls);
    worker->beat = event_new(worker->base, -1, EV_PERSIST, do_beat, worker);
    worker->tick = event_new(worker->base, -1, EV_PERSIST, do_tick, worker);
    return worker->daemon != NULL && worker->beat != NULL && worker->tick != NULL &&
           event_add(worker->beat, &beat) == 0 && event_add(worker->tick, &tick) == 0;
}

static void stop(struct worker *worker)
{
    if (worker->gateway.dispatch != NULL && dispatch_open(worker->gateway.dispatch) > 0) {
        /*
         * The drain deadline or an error cut requests off, and their callbacks refer to each other's back ends: the
         * process exits without cleaning up.
         */
        log_warn("%zu open requests cut off", dispatch_open(worker->gateway.dispatch));
        return;
    }
    if (worker->beat != NULL) {
        event_free(worker->beat);
    }
    if (worker->tick != NULL) {
        event_free(worker->tick);
    }
    if (worker->daemon != NULL) {
        daemon_free(worker->daemon);
    }
    metrics_server_free(worker->metrics);
    components_stop(&worker->gateway);
    if (worker->base != NULL) {
        event_base_free(worker->base);
    }
}

int worker_run(const struct worker_options *options)
{
    struct worker worker = {.options = options, .start_ms = clock_mono_ms()};
    int code = EXIT_FAILED;
    if (start(&worker)) {
        if (event_base_dispatch(worker.base) >= 0 && !worker.failed) {
            code = daemon_draining(worker.daemon) ? daemon_exit_code(worker.daemon) : EXIT_FAILED;
            code = worker.gateway.contradicted ? EXIT_USAGE : code;
        }
    } else {
        log_error("a worker cannot start");
    }
    stop(&worker);
    return code;
}
