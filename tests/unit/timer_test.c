/* Timers of the event loop: what moves a timer, what leaves it as it is, and what happens without memory. */
#include "common/io/timer.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/suite.h"

/* libevent converts between clocks, one of which moves in ticks: due times differ by some milliseconds from these. */
enum { LONG_MS = 60000, BETWEEN_MS = 90000, LONGER_MS = 120000 };

static struct event_base *base;
static struct event *timer;
static int runs;

static void count(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    runs++;
}

static void set_up(void)
{
    runs = 0;
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    timer = evtimer_new(base, count, NULL);
    ck_assert_ptr_nonnull(timer);
}

static void tear_down(void)
{
    event_free(timer);
    event_base_free(base);
}

static int64_t due_ms(void)
{
    struct timeval now;
    struct timeval due = {0};
    ck_assert_int_eq(event_base_gettimeofday_cached(base, &now), 0);
    ck_assert(evtimer_pending(timer, &due));
    return (due.tv_sec - now.tv_sec) * INT64_C(1000) + (due.tv_usec - now.tv_usec) / 1000;
}

START_TEST(a_set_timer_is_moved_and_runs_once)
{
    timer_set(timer, LONG_MS);
    timer_set(timer, 1);
    ck_assert_int_eq(event_base_dispatch(base), 1); /* ends because no event is left */
    ck_assert_int_eq(runs, 1);
}
END_TEST

START_TEST(an_ensured_timer_is_not_moved)
{
    timer_ensure(timer, LONGER_MS);
    ck_assert_int_gt(due_ms(), BETWEEN_MS);
    timer_ensure(timer, 1);
    ck_assert_int_gt(due_ms(), BETWEEN_MS);
    timer_set(timer, LONG_MS);
    ck_assert_int_lt(due_ms(), BETWEEN_MS);
}
END_TEST

START_TEST(a_time_that_is_past_is_now)
{
    timer_set(timer, -LONG_MS);
    ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
    ck_assert_int_eq(runs, 1);
}
END_TEST

static void *no_memory(void *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    return NULL;
}

START_TEST(a_program_without_memory_for_a_timer_is_aborted)
{
    int status = 0;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL); /* a sanitizer's handler would turn it into an exit code */
        event_set_mem_functions(malloc, no_memory, free);
        timer_set(timer, LONG_MS);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}
END_TEST

static Suite *timer_suite(void)
{
    Suite *suite = suite_create("timer");
    TCase *tcase = tcase_create("timer");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_set_timer_is_moved_and_runs_once);
    tcase_add_test(tcase, an_ensured_timer_is_not_moved);
    tcase_add_test(tcase, a_time_that_is_past_is_now);
    tcase_add_test(tcase, a_program_without_memory_for_a_timer_is_aborted);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(timer_suite());
}
