/*
 * See daemon.h. The drain is the same in all programs: the first SIGTERM asks the program to finish; the deadline or a
 * second signal ends the loop in any case. Then signals are blocked, so that a signal during cleanup cannot replace the
 * exit code.
 */
#include "common/service/daemon.h"

#include <assert.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "common/base/clock.h"
#include "common/service/memory_guard.h"
#include "common/service/secrets.h"
#include "common/service/watchdog.h"

enum { REASON_SIZE = 1024, STATUS_SIZE = 256 };

static void print_setting(const char *section, const char *name, const char *value, void *arg)
{
    const char **shown = arg;
    if (*shown == NULL || strcmp(*shown, section) != 0) {
        printf("\n  [%s]\n", section);
        *shown = section;
    }
    printf("    %-26s %s\n", name, value);
}

static void print_help(const struct daemon_program *program)
{
    const char *shown = NULL;
    printf("NAME\n  %s - %s\n\n"
           "SYNOPSIS\n  %s [--config FILE]... [--check-config]\n  %s --help | --version\n\n"
           "DESCRIPTION\n%s\n\n"
           "OPTIONS\n"
           "  --config FILE    read settings from this INI file; repeatable, later files override\n"
           "  --check-config   check the settings, print the first error, and exit\n"
           "  --help           print this page and exit\n"
           "  --version        print the version and exit\n\n"
           "SIGNALS\n"
           "  TERM, INT        drain: take no new work, finish running work, exit; a second one exits at once\n"
           "  HUP              the gateway reloads the settings; the other programs ignore it\n\n"
           "ENVIRONMENT\n"
           "  ROSTRUM_CONF     an INI file that overrides those of --config\n"
           "  ROSTRUM_PG_URL, ROSTRUM_REDIS_URL, ROSTRUM_AMQP_URL\n"
           "                   the servers; override every file\n"
           "  ROSTRUM_PG_URL_GATEWAY, ROSTRUM_REDIS_URL_ENDWORKER, ...\n"
           "                   the same for one program, with its own login; see docs/rights.md\n"
           "  ROSTRUM_UNIT     name of this process in log lines, metrics and 'rostrumctl shards'\n"
           "  ROSTRUM_METRICS_PORT, ROSTRUM_MAIL_PASSWORD, ROSTRUM_S3_ACCESS_KEY, ROSTRUM_S3_SECRET_KEY\n"
           "                   override the settings of these names\n"
           "  ROSTRUM_PG_URL_FILE and so on\n"
           "                   files with these addresses, passwords and keys\n"
           "  CREDENTIALS_DIRECTORY\n"
           "                   systemd's: its files pg_url, mail_password and so on override everything\n"
           "  NOTIFY_SOCKET, WATCHDOG_USEC\n"
           "                   systemd's readiness and watchdog protocol, used if set; with WATCHDOG_USEC alone\n"
           "                   the program aborts by itself when its loop hangs for so long\n\n"
           "EXIT STATUS\n"
           "  0 done    1 failed while running    2 wrong command line or settings    75 drain deadline passed\n\n"
           "LOG\n"
           "  one JSON object per line on standard error\n\n"
           "SETTINGS of all programs, and their defaults (explained in conf/rostrum.ini)",
           program->name, program->purpose, program->name, program->name, program->description);
    config_each(print_setting, &shown);
}

enum option_code { OPTION_CONFIG = 256, OPTION_CHECK, OPTION_HELP, OPTION_VERSION };

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"check-config", no_argument, NULL, OPTION_CHECK},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static bool report_error(const struct daemon_program *program, const char *reason, int *exit_code)
{
    (void)fprintf(stderr, "%s: %s\n", program->name, reason);
    *exit_code = EXIT_USAGE;
    return false;
}

static bool read_arguments(const struct daemon_program *program, int argc, char **argv, struct config *config,
                           bool *check_only, int *exit_code)
{
    char reason[REASON_SIZE] = "";
    int option = 0;
    *exit_code = EXIT_OK;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case OPTION_CONFIG:
            if (!config_read(config, optarg, reason, sizeof reason)) {
                return report_error(program, reason, exit_code);
            }
            break;
        case OPTION_CHECK:
            *check_only = true;
            break;
        case OPTION_HELP:
            print_help(program);
            return false;
        case OPTION_VERSION:
            printf("%s %s\n", program->name, ROSTRUM_VERSION);
            return false;
        default: /* getopt_long has named the option */
            return report_error(program, "see --help", exit_code);
        }
    }
    if (optind < argc) {
        (void)snprintf(reason, sizeof reason, "unexpected argument %s; see --help", argv[optind]);
        return report_error(program, reason, exit_code);
    }
    return true;
}

static void warn_of_shared(const struct config *config)
{
    if (config->shared.postgres || config->shared.redis || config->shared.rabbitmq) {
        log_warn("shares its login with other programs in%s%s%s: see docs/rights.md",
                 config->shared.postgres ? " PostgreSQL" : "", config->shared.redis ? " Redis" : "",
                 config->shared.rabbitmq ? " RabbitMQ" : "");
    }
}

bool daemon_start(const struct daemon_program *program, int argc, char **argv, struct config *config, int *exit_code)
{
    char reason[REASON_SIZE] = "";
    bool check_only = false;
    if (!memory_guard()) {
        return report_error(program, "its memory cannot be kept from other processes", exit_code);
    }
    secrets_set_program(program->name);
    config_defaults(config);
    if (!read_arguments(program, argc, argv, config, &check_only, exit_code)) {
        return false;
    }
    if (!config_read_environment(config, reason, sizeof reason)) {
        return report_error(program, reason, exit_code);
    }
    config_choose(config, program->login);
    if (!config_check(config, reason, sizeof reason)) {
        return report_error(program, reason, exit_code);
    }
    config_forget(config);
    if (check_only) {
        printf("%s: the settings are valid\n", program->name);
        return false;
    }
    if (sodium_init() < 0) {
        *exit_code = EXIT_FAILED;
        (void)fprintf(stderr, "%s: libsodium cannot be initialised\n", program->name);
        return false;
    }
    enum log_level level = LOG_INFO;
    bool ok = log_level_parse(config->log_level, &level);
    assert(ok);
    (void)ok;
    log_open(program->name, level);
    warn_of_shared(config);
    (void)signal(SIGPIPE, SIG_IGN);
    return true;
}

void daemon_want_descriptors(int wanted, const char *consequence)
{
    struct rlimit limit;
    const rlim_t most = (rlim_t)wanted;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= most) {
        return;
    }
    limit.rlim_cur = limit.rlim_max < most ? limit.rlim_max : most;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < most) {
        log_warn("only %llu of %d descriptors available: %s", (unsigned long long)limit.rlim_cur, wanted, consequence);
    }
}

struct daemon {
    struct event_base *base;
    struct daemon_calls calls;
    struct event *signals[3];
    struct event *watchdog;
    struct event *deadline;
    struct timeval drain_time;
    bool ready;
    bool draining;
    bool drained;
};

static void on_terminate(evutil_socket_t number, short what, void *arg)
{
    struct daemon *daemon = arg;
    (void)what;
    if (daemon->draining) {
        log_warn("signal %d during the drain: exiting at once", (int)number);
        event_base_loopbreak(daemon->base);
        return;
    }
    daemon->draining = true;
    log_info("signal %d: draining", (int)number);
    sd_notify(0, "STOPPING=1");
    if (event_add(daemon->deadline, &daemon->drain_time) != 0) {
        log_error("no timer for the drain: exiting at once");
        event_base_loopbreak(daemon->base);
        return;
    }
    daemon->calls.drain(daemon->calls.arg);
}

static void on_hangup(evutil_socket_t number, short what, void *arg)
{
    struct daemon *daemon = arg;
    (void)number;
    (void)what;
    if (daemon->calls.reload != NULL) {
        daemon->calls.reload(daemon->calls.arg);
    }
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct daemon *daemon = arg;
    (void)fd;
    (void)what;
    log_warn("drain deadline passed: exiting with unfinished work");
    event_base_loopbreak(daemon->base);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    watchdog_beat();
}

static bool start_watchdog(struct daemon *daemon)
{
    int64_t beat_ms = watchdog_start();
    struct timeval beat = clock_timeval(beat_ms);
    if (beat_ms == 0) {
        return true;
    }
    daemon->watchdog = event_new(daemon->base, -1, EV_PERSIST, on_watchdog, daemon);
    return daemon->watchdog != NULL && event_add(daemon->watchdog, &beat) == 0;
}

static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

static void block_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        (void)sigaddset(&set, numbers[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

struct daemon *daemon_new(struct event_base *base, const struct config *config, const struct daemon_calls *calls)
{
    struct daemon *daemon = calloc(1, sizeof *daemon);
    if (daemon == NULL) {
        return NULL;
    }
    daemon->base = base;
    daemon->calls = *calls;
    daemon->drain_time = clock_timeval(config->drain_deadline_ms);
    daemon->deadline = evtimer_new(base, on_deadline, daemon);
    bool ok = daemon->deadline != NULL && start_watchdog(daemon);
    for (size_t i = 0; ok && i < ARRAY_LEN(numbers); i++) {
        event_callback_fn on_signal = numbers[i] == SIGHUP ? on_hangup : on_terminate;
        daemon->signals[i] = evsignal_new(base, numbers[i], on_signal, daemon);
        ok = daemon->signals[i] != NULL && event_add(daemon->signals[i], NULL) == 0;
    }
    if (!ok) {
        daemon_free(daemon);
        return NULL;
    }
    return daemon;
}

static void free_event(struct event *event)
{
    if (event != NULL) {
        event_free(event);
    }
}

void daemon_free(struct daemon *daemon)
{
    if (daemon == NULL) {
        return;
    }
    block_signals(); /* libevent restores their default action */
    for (size_t i = 0; i < ARRAY_LEN(daemon->signals); i++) {
        free_event(daemon->signals[i]);
    }
    free_event(daemon->watchdog);
    free_event(daemon->deadline);
    free(daemon);
}

void daemon_ready(struct daemon *daemon)
{
    if (!daemon->ready) {
        daemon->ready = true;
        sd_notify(0, "READY=1");
        log_info("ready");
    }
}

void daemon_status(struct daemon *daemon, const char *format, ...)
{
    (void)daemon;
    char text[STATUS_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sd_notifyf(0, "STATUS=%s", text);
}

void daemon_drained(struct daemon *daemon)
{
    assert(daemon->draining);
    daemon->drained = true;
    event_base_loopbreak(daemon->base);
}

bool daemon_draining(const struct daemon *daemon)
{
    return daemon->draining;
}

int daemon_exit_code(const struct daemon *daemon)
{
    if (daemon->drained) {
        return EXIT_OK;
    }
    return daemon->draining ? EXIT_DRAIN : EXIT_FAILED;
}
