/*
 * Signals of a daemon, in the test's own process: a drain that finishes, a drain ended by a second signal, and signals
 * after the event loop was freed.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/service/daemon.h"
#include "tests/support/suite.h"

static struct daemon *daemon_under_test;
static bool finishes; /* the drain ends at once */
static int drains;

static void on_drain(void *arg)
{
    (void)arg;
    drains++;
    if (finishes) {
        daemon_drained(daemon_under_test);
    }
}

/*
 * Gives the signals their default action, unblocked and not pending: daemon_free leaves them blocked, and without forks
 * (under valgrind) all tests share one process. Replaces Check's handlers too.
 */
static void reset_signals(void)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        (void)signal(numbers[i], SIG_IGN); /* discards a pending one */
        (void)signal(numbers[i], SIG_DFL);
        (void)sigaddset(&set, numbers[i]);
    }
    ck_assert_int_eq(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
}

/* Sends the signals to this process, runs the loop until it ends, and frees everything. Returns the exit code. */
static int run(const int *numbers, size_t count, bool finishing)
{
    static struct config config;
    const struct daemon_calls calls = {.drain = on_drain};
    struct event_base *base = event_base_new();
    ck_assert_ptr_nonnull(base);
    config_defaults(&config);
    reset_signals();
    finishes = finishing;
    drains = 0;
    daemon_under_test = daemon_new(base, &config, &calls);
    ck_assert_ptr_nonnull(daemon_under_test);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(kill(getpid(), numbers[i]), 0);
    }
    ck_assert_int_eq(event_base_dispatch(base), 0);
    int exit_code = daemon_exit_code(daemon_under_test);
    daemon_free(daemon_under_test);
    event_base_free(base);
    return exit_code;
}

START_TEST(a_finished_drain_exits_0)
{
    const int numbers[] = {SIGTERM};
    ck_assert_int_eq(run(numbers, ARRAY_LEN(numbers), true), EXIT_OK);
    ck_assert_int_eq(drains, 1);
}
END_TEST

START_TEST(a_second_signal_ends_the_drain_at_once)
{
    const int numbers[] = {SIGTERM, SIGINT};
    ck_assert_int_eq(run(numbers, ARRAY_LEN(numbers), false), EXIT_DRAIN);
    ck_assert_int_eq(drains, 1);
}
END_TEST

/* With its default action a signal would end this process. */
START_TEST(a_signal_after_the_drain_is_ignored)
{
    const int numbers[] = {SIGTERM};
    ck_assert_int_eq(run(numbers, ARRAY_LEN(numbers), true), EXIT_OK);
    ck_assert_int_eq(kill(getpid(), SIGTERM), 0);
    ck_assert_int_eq(kill(getpid(), SIGINT), 0);
    ck_assert_int_eq(kill(getpid(), SIGHUP), 0);
}
END_TEST

static void hang(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    for (;;) {
        (void)pause();
    }
}

/* As in a private deployment: systemd's variable, and nobody who listens. */
static void hang_under_watchdog(void)
{
    static struct config config;
    const struct daemon_calls calls = {.drain = on_drain};
    struct event_base *base = event_base_new();
    const struct timeval soon = {.tv_usec = 400000}; /* after some beats */
    config_defaults(&config);
    ck_assert_int_eq(unsetenv("NOTIFY_SOCKET"), 0);
    ck_assert_int_eq(setenv("WATCHDOG_USEC", "200000", 1), 0);
    daemon_under_test = daemon_new(base, &config, &calls);
    ck_assert_ptr_nonnull(daemon_under_test);
    ck_assert_int_eq(event_base_once(base, -1, EV_TIMEOUT, hang, NULL, &soon), 0);
    (void)event_base_dispatch(base);
}

START_TEST(a_loop_that_hangs_is_aborted)
{
    int status = 0;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        hang_under_watchdog();
        _exit(EXIT_FAILURE);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}
END_TEST

static Suite *daemon_suite(void)
{
    Suite *suite = suite_create("daemon");
    TCase *tests = tcase_create("daemon");
    tcase_add_test(tests, a_finished_drain_exits_0);
    tcase_add_test(tests, a_second_signal_ends_the_drain_at_once);
    tcase_add_test(tests, a_loop_that_hangs_is_aborted);
    tcase_add_test(tests, a_signal_after_the_drain_is_ignored);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(daemon_suite());
}
