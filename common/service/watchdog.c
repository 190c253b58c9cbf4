/*
 * See watchdog.h.
 */
#include "common/service/watchdog.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/base/log.h"

enum { US_PER_S = 1000000 };

static uint64_t interval_us; /* 0: none */
static bool own_timer;

/* Only functions that are allowed in a signal handler. The signal may have come in the middle of any other. */
static void on_alarm(int number)
{
    static const char line[] = "{\"level\":\"error\",\"message\":\"watchdog: the event loop hangs; aborting\"}\n";
    (void)number;
    ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
    (void)written;
    abort();
}

int64_t watchdog_start(void)
{
    if (sd_watchdog_enabled(0, &interval_us) <= 0) {
        interval_us = 0;
        return 0;
    }
    own_timer = getenv("NOTIFY_SOCKET") == NULL;
    if (own_timer) {
        struct sigaction action = {.sa_handler = on_alarm};
        (void)sigemptyset(&action.sa_mask);
        if (sigaction(SIGALRM, &action, NULL) != 0) {
            log_error("the watchdog cannot be set");
            interval_us = 0;
            return 0;
        }
    }
    watchdog_beat();
    return (int64_t)(interval_us / 2000);
}

void watchdog_beat(void)
{
    if (!own_timer) {
        (void)sd_notify(0, "WATCHDOG=1");
        return;
    }
    struct itimerval timer = {
        .it_value = {.tv_sec = (time_t)(interval_us / US_PER_S), .tv_usec = (suseconds_t)(interval_us % US_PER_S)}};
    if (setitimer(ITIMER_REAL, &timer, NULL) != 0) {
        log_error("the watchdog cannot be set");
    }
}
