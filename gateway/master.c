/*
 * See master.h. The master has no event loop. Signals arrive on a signalfd, and one poll() with a timeout waits for
 * them.
 *
 * Workers have a generation. SIGHUP starts a new one: its workers start beside the old ones, and each new worker that
 * serves lets one old worker drain. A worker that dies is replaced at once if it has run for a while, else after a
 * back-off. A worker whose loop hangs is killed. Invariant: at most `workers` processes of the present generation.
 */
#include "gateway/master.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/listener.h"
#include "common/service/daemon.h"
#include "common/service/watchdog.h"
#include "gateway/gateway_metrics.h"
#include "gateway/sockets.h"
#include "gateway/worker.h"

enum {
    WORKERS_MAX = 256, /* processes, older generations included */
    POLL_MS = 200,
    BACKOFF_LEAST_MS = 100,
    BACKOFF_MOST_MS = 5000,
    LIVED_MS = 5000,                /* a worker that ran this long did not fail at its start */
    STUCK_MS = 20 * WORKER_BEAT_MS, /* a loop without a beat for this long hangs */
    DESCRIPTORS_BESIDE = 128, /* descriptors of a worker besides clients: back ends, loop, connections being refused */
    KILL_AFTER_MS = 2000,     /* after the drain deadline */
    REFUSED_RETRY_MS = 60000, /* until workers are started again with settings that they refused */
};

enum process_state { PROCESS_NONE, PROCESS_RUNNING, PROCESS_DRAINING, PROCESS_KILLED };

struct process {
    enum process_state state;
    pid_t pid;
    unsigned generation;
    int64_t start_ms;
    int64_t drain_ms; /* monotonic; when it was asked to drain */
};

struct shared {
    struct deployment_record record;
    struct worker_slot slots[WORKERS_MAX];
};

struct master {
    struct master_options options;
    int listeners[WORKER_LISTENERS_MAX];
    size_t listener_count;
    int metrics;              /* the metrics listener, -1: none */
    struct shared *shared;    /* memory shared with the workers */
    struct page_table *pages; /* the built pages, which forked workers share; NULL: none */
    struct process processes[WORKERS_MAX];
    unsigned generation;
    int signals; /* signalfd */
    sigset_t mask_before;
    int backoff_ms;
    int64_t next_start_ms;
    int64_t watchdog_ms; /* between two beats of the watchdog, 0: none is wanted */
    int64_t watchdog_next_ms;
    int64_t pass_ms;        /* last pass of the master's own loop */
    int64_t judged_from_ms; /* beats before this time are not judged */
    bool ready;
    bool draining;
    bool drain_failed; /* a worker missed the drain deadline or was killed in the drain */
    bool refused;      /* the workers refuse the settings: end with EXIT_USAGE */
};

/* The only function that sets a process's state. */
static void process_set_state(struct process *process, enum process_state state)
{
    process->state = state;
    if (state == PROCESS_DRAINING) {
        process->drain_ms = clock_mono_ms();
    } else if (state == PROCESS_NONE) {
        process->pid = 0;
    }
}

static void process_signal(struct process *process, int number, enum process_state state)
{
    if (kill(process->pid, number) != 0) {
        log_warn("worker %d cannot be signalled: %s", (int)process->pid, strerror(errno));
    }
    process_set_state(process, state);
}

static struct worker_slot *slot_of(const struct master *master, const struct process *process)
{
    return &master->shared->slots[process - master->processes];
}

static size_t count_present(const struct master *master)
{
    size_t count = 0;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        const struct process *process = &master->processes[i];
        count += process->state == PROCESS_RUNNING && process->generation == master->generation;
    }
    return count;
}

/* ---- starting ---- */

/* Runs in the child: keeps only the settings, sockets and shared memory of the master. */
static int run_child(struct master *master, struct worker_slot *slot, pid_t parent)
{
    const struct worker_options options = {
        .config = &master->options.config,
        .listeners = master->listeners,
        .listener_count = master->listener_count,
        .slot = slot,
        .slots = master->shared->slots,
        .slot_count = WORKERS_MAX,
        .record = &master->shared->record,
        .metrics = master->metrics,
        .pages = master->pages,
    };
    close(master->signals);
    /* only the master notifies systemd */
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    /*
     * Own process group: Ctrl-C must reach only the master, because a second signal would cut a worker's drain short.
     */
    if (setpgid(0, 0) != 0 || sigprocmask(SIG_SETMASK, &master->mask_before, NULL) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) {
        return EXIT_FAILED;
    }
    if (getppid() != parent) {
        return EXIT_FAILED; /* the master died before PR_SET_PDEATHSIG was set */
    }
    return worker_run(&options);
}

/* Returns true in the child, with its exit code: the caller must return at once. */
static bool start_process(struct master *master, struct process *process, int *exit_code)
{
    struct worker_slot *slot = slot_of(master, process);
    pid_t parent = getpid();
    atomic_store(&slot->serving, false);
    atomic_store(&slot->open, 0);
    atomic_store(&slot->live, 0);
    atomic_store(&slot->watched, 0);
    atomic_store(&slot->generation, master->generation);
    atomic_store(&slot->beat_ms, clock_mono_ms());
    pid_t pid = fork();
    if (pid == 0) {
        *exit_code = run_child(master, slot, parent);
        return true;
    }
    if (pid < 0) {
        log_error("cannot fork: %s", strerror(errno));
        master->next_start_ms = clock_mono_ms() + BACKOFF_MOST_MS;
        return false;
    }
    *process = (struct process){.pid = pid, .generation = master->generation, .start_ms = clock_mono_ms()};
    process_set_state(process, PROCESS_RUNNING);
    log_info("worker %d started", (int)pid);
    return false;
}

static struct process *find_free(struct master *master)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        if (master->processes[i].state == PROCESS_NONE) {
            return &master->processes[i];
        }
    }
    return NULL;
}

/* Returns true in a child. */
static bool start_missing(struct master *master, int *exit_code)
{
    size_t count = count_present(master);
    while (!master->draining && count < (size_t)master->options.config.workers &&
           clock_mono_ms() >= master->next_start_ms) {
        struct process *process = find_free(master);
        if (process == NULL) {
            break; /* too many old processes still drain */
        }
        if (start_process(master, process, exit_code)) {
            return true;
        }
        count++;
    }
    return false;
}

/* ---- ending ---- */

static void drain_all(struct master *master)
{
    master->draining = true;
    (void)sd_notify(0, "STOPPING=1");
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        if (master->processes[i].state == PROCESS_RUNNING) {
            process_signal(&master->processes[i], SIGTERM, PROCESS_DRAINING);
        }
    }
}

static bool has_older(const struct master *master)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        if (master->processes[i].state == PROCESS_RUNNING && master->processes[i].generation != master->generation) {
            return true;
        }
    }
    return false;
}

/* A worker found that its settings contradict the deployment's record. After a reload the old workers stay. */
static void settings_refused(struct master *master)
{
    if (has_older(master)) {
        log_error("the new workers refuse their settings: the old workers stay");
        master->next_start_ms = clock_mono_ms() + REFUSED_RETRY_MS;
    } else if (!master->draining) {
        master->refused = true;
        drain_all(master);
    }
}

static void process_ended(struct master *master, struct process *process, int status)
{
    int64_t lived = clock_mono_ms() - process->start_ms;
    bool asked = process->state != PROCESS_RUNNING;
    if (WIFSIGNALED(status)) {
        log_warn("worker %d died of signal %d", (int)process->pid, WTERMSIG(status));
    } else {
        log_line(asked ? LOG_INFO : LOG_WARN, NULL, "worker %d ended with code %d", (int)process->pid,
                 WEXITSTATUS(status));
        master->drain_failed |= WEXITSTATUS(status) == EXIT_DRAIN;
    }
    if (!asked && lived < LIVED_MS) {
        master->next_start_ms = clock_mono_ms() + master->backoff_ms;
        master->backoff_ms = master->backoff_ms * 2 > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : master->backoff_ms * 2;
    } else if (!asked) {
        master->backoff_ms = BACKOFF_LEAST_MS;
    }
    atomic_store(&slot_of(master, process)->serving, false);
    atomic_store(&slot_of(master, process)->open, 0);
    atomic_store(&slot_of(master, process)->live, 0);
    atomic_store(&slot_of(master, process)->watched, 0);
    process_set_state(process, PROCESS_NONE);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_USAGE) {
        settings_refused(master);
    }
}

static void reap(struct master *master)
{
    int status = 0;
    pid_t pid = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < WORKERS_MAX; i++) {
            if (master->processes[i].pid == pid) {
                process_ended(master, &master->processes[i], status);
            }
        }
    }
}

static bool all_gone(const struct master *master)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        if (master->processes[i].state != PROCESS_NONE) {
            return false;
        }
    }
    return true;
}

/* For each new worker that serves, one old worker drains. */
static void retire_old(struct master *master)
{
    size_t serving = 0;
    size_t old = 0;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        const struct process *process = &master->processes[i];
        if (process->state == PROCESS_RUNNING && process->generation != master->generation) {
            old++;
        } else if (process->state == PROCESS_RUNNING && atomic_load(&master->shared->slots[i].serving)) {
            serving++;
        }
    }
    size_t wanted = (size_t)master->options.config.workers;
    for (size_t i = 0; i < WORKERS_MAX && old > 0 && serving + old > wanted; i++) {
        struct process *process = &master->processes[i];
        if (process->state == PROCESS_RUNNING && process->generation != master->generation) {
            process_signal(process, SIGTERM, PROCESS_DRAINING);
            old--;
        }
    }
}

static void check_process(struct master *master, struct process *process, int64_t now)
{
    int64_t beat = atomic_load(&slot_of(master, process)->beat_ms);
    beat = beat < master->judged_from_ms ? master->judged_from_ms : beat;
    if (process->state == PROCESS_RUNNING && now - beat > STUCK_MS) {
        log_error("worker %d hangs and is killed", (int)process->pid);
        process_signal(process, SIGKILL, PROCESS_KILLED);
    } else if (process->state == PROCESS_DRAINING &&
               now - process->drain_ms > master->options.config.drain_deadline_ms + KILL_AFTER_MS) {
        log_error("worker %d missed the drain deadline and is killed", (int)process->pid);
        master->drain_failed = true;
        process_signal(process, SIGKILL, PROCESS_KILLED);
    }
}

/* If the master itself was suspended, so were the workers: after a suspended machine resumes none is killed. */
static void check_processes(struct master *master, int64_t now)
{
    if (now - master->pass_ms > STUCK_MS / 2) {
        master->judged_from_ms = now;
    }
    master->pass_ms = now;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        check_process(master, &master->processes[i], now);
    }
}

/* ---- pages ---- */

/* Reads the built pages by these settings and replaces those in use. False: they stay. */
static bool read_pages(struct master *master, const struct config *config)
{
    struct page_table *pages = NULL;
    if (config_has_pages(config)) {
        pages = page_table_read(config->web_root, master->pages);
        if (pages == NULL) {
            return false;
        }
    }
    page_table_free(master->pages);
    master->pages = pages;
    return true;
}

/* ---- signals ---- */

static void reload(struct master *master)
{
    struct config fresh;
    if (!master->options.reload(&fresh, master->options.arg) || !read_pages(master, &fresh)) {
        log_error("settings not reloaded: the old ones stay in use");
        return;
    }
    (void)sd_notify(0, "RELOADING=1");
    master->options.config = fresh;
    master->generation++;
    master->next_start_ms = 0;
    master->ready = false;
    log_info("settings reloaded: replacing the workers");
}

static void read_signals(struct master *master)
{
    struct signalfd_siginfo info;
    while (read(master->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            continue; /* reap runs in any case */
        }
        if (info.ssi_signo == SIGHUP) {
            if (!master->draining) {
                reload(master);
            }
        } else if (master->draining) {
            for (size_t i = 0; i < WORKERS_MAX; i++) {
                if (master->processes[i].state == PROCESS_DRAINING) {
                    (void)kill(master->processes[i].pid, SIGTERM); /* a second signal ends a worker at once */
                }
            }
        } else {
            drain_all(master);
        }
    }
}

static void notify_systemd(struct master *master, int64_t now)
{
    size_t serving = 0;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        const struct process *process = &master->processes[i];
        serving += process->state == PROCESS_RUNNING && process->generation == master->generation &&
                   atomic_load(&master->shared->slots[i].serving);
    }
    if (!master->ready && !master->draining && serving == (size_t)master->options.config.workers) {
        master->ready = true;
        (void)sd_notifyf(0, "READY=1\nSTATUS=%zu workers serve", serving);
    }
    if (master->watchdog_ms > 0 && now >= master->watchdog_next_ms) {
        master->watchdog_next_ms = now + master->watchdog_ms;
        watchdog_beat();
    }
}

/* ---- main loop ---- */

static bool open_master(struct master *master)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &mask, &master->mask_before) != 0) {
        return false;
    }
    master->signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    master->shared = mmap(NULL, sizeof(*master->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (master->signals < 0 || master->shared == MAP_FAILED) {
        log_error("the master cannot start: %s", strerror(errno));
        return false;
    }
    daemon_want_descriptors(master->options.config.connections_max + DESCRIPTORS_BESIDE,
                            "accepting pauses before connections_max is reached");
    master->watchdog_ms = watchdog_start();
    master->listener_count = sockets_open(&master->options.config, master->listeners, WORKER_LISTENERS_MAX);
    return master->listener_count > 0;
}

/* Before any fork: all workers use the same cells and the same listener. */
static bool open_metrics(struct master *master)
{
    const struct config *config = &master->options.config;
    if (!metrics_open(gateway_metrics_families)) {
        log_error("no memory for the metrics");
        return false;
    }
    if (config->metrics_port != 0) {
        master->metrics = listener_open(config->metrics_address, config->metrics_port);
    }
    return config->metrics_port == 0 || master->metrics >= 0;
}

/* One pass of the loop; true in a child. */
static bool master_round(struct master *master, int *exit_code)
{
    struct pollfd wait = {.fd = master->signals, .events = POLLIN};
    if (start_missing(master, exit_code)) {
        return true;
    }
    if (poll(&wait, 1, POLL_MS) < 0 && errno != EINTR) {
        log_error("poll: %s", strerror(errno));
    }
    read_signals(master);
    reap(master);
    int64_t now = clock_mono_ms();
    check_processes(master, now);
    retire_old(master);
    notify_systemd(master, now);
    return false;
}

int master_run(const struct master_options *options)
{
    static struct master master; /* too large for a stack; there is only one */
    int exit_code = EXIT_FAILED;
    master = (struct master){.options = *options, .backoff_ms = BACKOFF_LEAST_MS, .signals = -1, .metrics = -1};
    if (!read_pages(&master, &master.options.config)) {
        return EXIT_USAGE;
    }
    if (!open_metrics(&master) || !open_master(&master)) {
        return EXIT_FAILED;
    }
    log_info("listening on %s port %d with %d workers", master.options.config.listen_address,
             master.options.config.listen_port, master.options.config.workers);
    while (!master.draining || !all_gone(&master)) {
        if (master_round(&master, &exit_code)) {
            return exit_code; /* a worker has ended */
        }
    }
    for (size_t i = 0; i < master.listener_count; i++) {
        close(master.listeners[i]);
    }
    if (master.metrics >= 0) {
        close(master.metrics);
    }
    close(master.signals);
    munmap(master.shared, sizeof(*master.shared));
    page_table_free(master.pages);
    if (master.refused) {
        return EXIT_USAGE;
    }
    return master.drain_failed ? EXIT_DRAIN : EXIT_OK;
}
