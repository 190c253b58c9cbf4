/*
 * Common parts of every program: command line (--help, --version, --check-config, --config FILE), settings and log.
 * SIGTERM and SIGINT start a drain with a deadline. SIGHUP reloads. systemd gets READY, STOPPING and WATCHDOG.
 *
 * Exit codes: 0 done, 1 failed while running, 2 wrong command line or settings, 75 (EX_TEMPFAIL) drain deadline passed.
 */
#ifndef ROSTRUM_COMMON_SERVICE_DAEMON_H
#define ROSTRUM_COMMON_SERVICE_DAEMON_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/service/config.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DRAIN = 75 };

struct daemon_program {
    const char *name;        /* rostrum-bidworker */
    const char *purpose;     /* one line */
    const char *description; /* for --help: paragraphs */
    enum login login;        /* whose URLs of the servers it uses */
};

/*
 * Reads command line and settings into `config`. False: the program must exit with `*exit_code` at once. That is the
 * case after help, version, --check-config and errors, which are all printed.
 */
MUST_CHECK bool daemon_start(const struct daemon_program *program, int argc, char **argv, struct config *config,
                             int *exit_code);

/*
 * Raises the limit of open descriptors to `wanted`, as far as permitted; the usual limit is 1,024. If the limit stays
 * lower, `consequence` goes into the log.
 */
void daemon_want_descriptors(int wanted, const char *consequence);

struct daemon; /* signals, watchdog and the drain of one process with one loop */

struct daemon_calls {
    void (*drain)(void *arg);  /* SIGTERM or SIGINT: stop taking work, finish, then call daemon_drained */
    void (*reload)(void *arg); /* SIGHUP; NULL: ignored */
    void *arg;
};

MUST_CHECK struct daemon *daemon_new(struct event_base *base, const struct config *config,
                                     const struct daemon_calls *calls);
/* Call it last: it blocks the program's signals. */
void daemon_free(struct daemon *daemon);
/* Sends READY=1; repeated calls are harmless. */
void daemon_ready(struct daemon *daemon);
/* Sends a STATUS= line for systemctl status. */
void daemon_status(struct daemon *daemon, const char *format, ...) PRINTF_LIKE(2, 3);
/* The drain is complete: ends the loop. */
void daemon_drained(struct daemon *daemon);
bool daemon_draining(const struct daemon *daemon);
/* Call it after the loop. Returns 0, or EXIT_DRAIN if the deadline ended the loop. */
int daemon_exit_code(const struct daemon *daemon);

#endif
