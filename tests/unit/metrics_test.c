/*
 * Metrics and their text: bounded labels, histograms, gauges, and several processes that count together.
 */
#include "common/base/metrics.h"

#include <event2/buffer.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/exposition.h"
#include "tests/support/suite.h"

enum { TEXT_SIZE = 16384, LEARNT_MOST = 3 };

static const char *const colours[] = {"red", "green"};
static const int64_t bounds[] = {1000, 10000};

static struct metrics_family plain = {.name = "t_plain_total", .help = "Plain.", .type = METRICS_COUNTER};
static struct metrics_family fixed = {
    .name = "t_fixed_total",
    .help = "Two labels.",
    .type = METRICS_COUNTER,
    .label_count = 2,
    .labels = {{"colour", colours, ARRAY_LEN(colours)}, {"word", NULL, LEARNT_MOST}},
};
static struct metrics_family level = {.name = "t_level", .help = "A gauge.", .type = METRICS_GAUGE};
static struct metrics_family times = {
    .name = "t_seconds",
    .help = "Times.",
    .type = METRICS_HISTOGRAM,
    .bounds = bounds,
    .bound_count = ARRAY_LEN(bounds),
    .is_time = true,
};
static struct metrics_family closed = {.name = "t_closed_total", .help = "Never opened.", .type = METRICS_COUNTER};

static struct metrics_family *const families[] = {&plain, &fixed, &level, &times, NULL};

static void set_up(void)
{
    ck_assert(metrics_open(families));
}

/* The exposition text, checked for its format; valid until the next call. */
static const char *text(void)
{
    static char out[TEXT_SIZE];
    struct evbuffer *buffer = evbuffer_new();
    ck_assert_ptr_nonnull(buffer);
    ck_assert(metrics_write(buffer));
    int length = evbuffer_remove(buffer, out, sizeof(out) - 1);
    ck_assert_int_gt(length, 0);
    out[length] = '\0';
    evbuffer_free(buffer);
    exposition_check(out);
    return out;
}

static void shown(const char *line)
{
    ck_assert_msg(strstr(text(), line) != NULL, "no %s in %s", line, text());
}

START_TEST(a_counter_without_labels_is_shown_from_the_start)
{
    shown("\nt_plain_total 0\n");
    metrics_add(&plain, 0, 0, 0, 2);
    metrics_add(&plain, 0, 0, 0, 3);
    shown("\nt_plain_total 5\n");
}
END_TEST

START_TEST(labels_are_bounded)
{
    static const char *const words[] = {"one", "two", "three", "four", "five"};
    ck_assert_uint_eq(exposition_count(text(), "t_fixed_total", ""), 0);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t index = metrics_value(&fixed, 1, words[i]);
        ck_assert_uint_eq(index, i < LEARNT_MOST ? i : LEARNT_MOST);
        ck_assert_uint_eq(metrics_value(&fixed, 1, words[i]), index);
        metrics_add(&fixed, metrics_value(&fixed, 0, "green"), index, 0, 1);
    }
    metrics_add(&fixed, metrics_value(&fixed, 0, "blue"), 999, 0, 1);
    shown("t_fixed_total{colour=\"green\",word=\"one\"} 1\n");
    shown("t_fixed_total{colour=\"green\",word=\"other\"} 2\n");
    shown("t_fixed_total{colour=\"other\",word=\"other\"} 1\n");
    ck_assert_uint_eq(exposition_count(text(), "t_fixed_total", ""), 5);
}
END_TEST

START_TEST(a_gauge_may_be_absent)
{
    ck_assert_uint_eq(exposition_count(text(), "t_level", ""), 0);
    metrics_set(&level, 0, 0);
    shown("\nt_level 0\n");
    metrics_set(&level, 0, 7);
    shown("\nt_level 7\n");
    metrics_set(&level, 0, -1);
    ck_assert_uint_eq(exposition_count(text(), "t_level", ""), 0);
}
END_TEST

START_TEST(a_histograms_buckets_sum_and_count_agree)
{
    static const int64_t values[] = {0, 1000, 1001, 10000, 10001, 5000000, -3};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        metrics_observe(&times, 0, 0, values[i]);
    }
    shown("t_seconds_bucket{le=\"0.001000\"} 3\n");
    shown("t_seconds_bucket{le=\"0.010000\"} 5\n");
    shown("t_seconds_bucket{le=\"+Inf\"} 7\n");
    shown("t_seconds_sum 5.022002\n");
    shown("t_seconds_count 7\n");
}
END_TEST

START_TEST(a_metric_that_was_not_opened_is_not_shown)
{
    metrics_add(&closed, 0, 0, 0, 1);
    ck_assert_ptr_null(strstr(text(), "t_closed"));
}
END_TEST

/* The work of one process: it adds label values in an order of its own and is then killed. */
static void count_and_die(int first)
{
    static const char *const words[] = {"a", "b", "c"};
    for (int i = 0; i < 30000; i++) {
        metrics_add(&fixed, 0, metrics_value(&fixed, 1, words[(first + i) % 3]), 0, 1);
    }
    (void)kill(getpid(), SIGKILL);
}

START_TEST(counts_of_killed_processes_are_kept)
{
    enum { PROCESSES = 4 };
    for (int i = 0; i < PROCESSES; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            count_and_die(i);
            _exit(EXIT_FAILURE);
        }
        ck_assert_int_gt(pid, 0);
    }
    while (wait(NULL) > 0) {
    }
    for (const char *const *word = (const char *const[]){"\"a\"", "\"b\"", "\"c\"", NULL}; *word != NULL; word++) {
        ck_assert_int_eq(exposition_sum(text(), "t_fixed_total", *word), INT64_C(10000) * PROCESSES);
        ck_assert_uint_eq(exposition_count(text(), "t_fixed_total", *word), 1);
    }
}
END_TEST

static Suite *metrics_suite(void)
{
    const TTest *const tests[] = {
        a_counter_without_labels_is_shown_from_the_start,
        labels_are_bounded,
        a_gauge_may_be_absent,
        a_histograms_buckets_sum_and_count_agree,
        a_metric_that_was_not_opened_is_not_shown,
        counts_of_killed_processes_are_kept,
    };
    Suite *suite = suite_create("metrics");
    TCase *all = tcase_create("metrics");
    tcase_add_checked_fixture(all, set_up, NULL);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(all, tests[i]);
    }
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return suite_run(metrics_suite());
}
