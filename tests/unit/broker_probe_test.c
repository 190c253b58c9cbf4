/*
 * Which connection to RabbitMQ is proved, and whether its proof is fresh. And messages that the server never answers.
 * A table stands for the connection: it keeps the callbacks, and the tests give the verdicts.
 */
#include "common/io/broker_probe.h"

#include <event2/event.h>

#include "common/base/clock.h"
#include "common/io/broker_confirm.h"
#include "tests/support/suite.h"

enum { QUEUES = 3, TWICE = 2 * QUEUES, THRICE = 3 * QUEUES, SENT_MAX = 16, LONG_MS = 60000, AGE_MS = 20 };

struct sent {
    broker_verdict_callback callback;
    void *arg;
};

static struct event_base *base;
static struct broker_prober *prober;
static struct sent sent[SENT_MAX];
static size_t sent_count;

static bool keep(void *connection, const struct broker_message *message, broker_verdict_callback callback, void *arg)
{
    (void)connection;
    ck_assert_str_eq(message->type, BROKER_PROBE_TYPE);
    ck_assert_uint_lt(sent_count, SENT_MAX);
    sent[sent_count++] = (struct sent){callback, arg};
    return true;
}

static void answer(size_t first, size_t count, enum broker_verdict verdict)
{
    for (size_t i = first; i < first + count; i++) {
        sent[i].callback(verdict, sent[i].arg);
    }
}

static void set_up(void)
{
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    sent_count = 0;
    prober = broker_prober_new(base, keep, NULL);
    ck_assert_ptr_nonnull(prober);
    for (int i = 0; i < QUEUES; i++) {
        ck_assert(broker_prober_add(prober, "shard", "key"));
    }
    broker_prober_start(prober);
    ck_assert_uint_eq(sent_count, QUEUES);
}

static void tear_down(void)
{
    broker_prober_free(prober);
    event_base_free(base);
}

static void pass(int64_t ms)
{
    const struct timespec time = {.tv_nsec = ms * 1000000};
    ck_assert_int_eq(nanosleep(&time, NULL), 0);
}

START_TEST(a_connection_is_proved_once_all_probes_are_answered)
{
    answer(0, QUEUES - 1, BROKER_CONFIRMED);
    ck_assert(!broker_prober_proved(prober));
    pass(AGE_MS);
    ck_assert_int_ge(broker_prober_waiting_ms(prober), AGE_MS);
    answer(QUEUES - 1, 1, BROKER_CONFIRMED);
    ck_assert(broker_prober_proved(prober));
    ck_assert_int_eq(broker_prober_waiting_ms(prober), 0);
    broker_prober_stop(prober);
    ck_assert(!broker_prober_proved(prober));
    ck_assert_int_eq(broker_prober_waiting_ms(prober), 0);
}
END_TEST

START_TEST(a_proof_is_fresh_only_after_another_confirm)
{
    answer(0, QUEUES, BROKER_CONFIRMED);
    ck_assert(broker_prober_fresh(prober, LONG_MS));
    pass(AGE_MS);
    ck_assert(!broker_prober_fresh(prober, AGE_MS));
    broker_prober_renew(prober);
    ck_assert_uint_eq(sent_count, TWICE);
    ck_assert(!broker_prober_fresh(prober, AGE_MS));
    answer(QUEUES, 1, BROKER_NACKED);
    ck_assert(!broker_prober_fresh(prober, AGE_MS));
    answer(QUEUES + 1, 1, BROKER_RETURNED);
    ck_assert(!broker_prober_fresh(prober, AGE_MS));
    answer(QUEUES + 2, 1, BROKER_CONFIRMED);
    ck_assert(broker_prober_fresh(prober, LONG_MS));
    ck_assert(broker_prober_proved(prober));
}
END_TEST

START_TEST(renewals_have_a_pause_between_them)
{
    answer(0, QUEUES, BROKER_CONFIRMED);
    int64_t began_ms = clock_mono_ms();
    broker_prober_renew(prober);
    answer(QUEUES, QUEUES, BROKER_CONFIRMED);
    broker_prober_renew(prober);
    if (clock_mono_ms() - began_ms >= BROKER_PROBE_RENEW_MS) {
        return; /* the machine was too slow to show it */
    }
    ck_assert_uint_eq(sent_count, TWICE);
    pass(BROKER_PROBE_RENEW_MS);
    broker_prober_renew(prober);
    ck_assert_uint_eq(sent_count, THRICE);
    answer(TWICE, QUEUES, BROKER_UNKNOWN);
}
END_TEST

/* One silent queue does not hide that the node confirms the probes of others. */
START_TEST(a_queue_that_is_silent_holds_up_no_renewal_of_others)
{
    answer(0, QUEUES, BROKER_CONFIRMED);
    broker_prober_renew(prober);
    answer(QUEUES, QUEUES - 1, BROKER_CONFIRMED);
    pass(BROKER_PROBE_RENEW_MS);
    broker_prober_renew(prober);
    ck_assert_uint_eq(sent_count, THRICE - 1);
    ck_assert(!broker_prober_fresh(prober, BROKER_PROBE_RENEW_MS));
    int64_t before_ms = clock_mono_ms();
    answer(TWICE, 1, BROKER_CONFIRMED);
    ck_assert(broker_prober_fresh(prober, clock_mono_ms() - before_ms + 1));
    answer(TWICE - 1, 1, BROKER_UNKNOWN);
    answer(TWICE + 1, QUEUES - 2, BROKER_UNKNOWN);
}
END_TEST

START_TEST(the_confirms_of_a_lost_connection_prove_nothing_about_the_next)
{
    answer(0, QUEUES, BROKER_CONFIRMED);
    ck_assert(broker_prober_fresh(prober, LONG_MS));
    broker_prober_stop(prober);
    ck_assert(!broker_prober_fresh(prober, LONG_MS));
}
END_TEST

START_TEST(after_an_alarm_the_time_to_be_proved_begins_anew)
{
    pass(AGE_MS);
    ck_assert_int_ge(broker_prober_waiting_ms(prober), AGE_MS);
    int64_t before_ms = clock_mono_ms();
    broker_prober_resume(prober);
    ck_assert_int_le(broker_prober_waiting_ms(prober), clock_mono_ms() - before_ms);
}
END_TEST

START_TEST(a_probe_without_an_answer_is_not_sent_again)
{
    answer(0, 1, BROKER_CONFIRMED);
    broker_prober_renew(prober);
    ck_assert_uint_eq(sent_count, QUEUES + 1);
    answer(1, QUEUES, BROKER_UNKNOWN);
    broker_prober_stop(prober);
    broker_prober_renew(prober);
    ck_assert_uint_eq(sent_count, QUEUES + 1);
}
END_TEST

START_TEST(a_connection_without_probes_is_fresh)
{
    struct broker_prober *empty = broker_prober_new(base, keep, NULL);
    ck_assert_ptr_nonnull(empty);
    ck_assert(broker_prober_fresh(empty, 0));
    broker_prober_free(empty);
}
END_TEST

/* --- messages that are never answered --- */

static size_t verdicts[BROKER_VERDICT_COUNT];

static void count(enum broker_verdict verdict, void *arg)
{
    (void)arg;
    verdicts[verdict]++;
}

START_TEST(a_message_that_is_never_answered_does_not_fill_the_ring)
{
    struct broker_confirms confirms;
    uint64_t messages = 0;
    ck_assert(broker_confirm_init(&confirms, 2));
    broker_confirm_add(&confirms, count, NULL);
    while (!broker_confirm_full(&confirms)) {
        broker_confirm_add(&confirms, count, NULL);
        messages++;
        ck_assert(broker_confirm_settle(&confirms, confirms.next_tag - 1, false, BROKER_CONFIRMED));
    }
    ck_assert_uint_eq(confirms.open, 1);
    broker_confirm_expire(&confirms, LONG_MS);
    ck_assert(broker_confirm_full(&confirms));
    pass(AGE_MS);
    broker_confirm_expire(&confirms, AGE_MS);
    ck_assert(!broker_confirm_full(&confirms));
    ck_assert_uint_eq(verdicts[BROKER_UNKNOWN], 1);
    /* Its confirm comes after all, and has no effect. */
    ck_assert(broker_confirm_settle(&confirms, 1, false, BROKER_CONFIRMED));
    ck_assert_uint_eq(verdicts[BROKER_CONFIRMED], messages);
    ck_assert_uint_eq(confirms.open, 0);
    broker_confirm_close(&confirms);
}
END_TEST

static Suite *broker_probe_suite(void)
{
    Suite *suite = suite_create("broker_probe");
    TCase *tcase = tcase_create("broker_probe");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_connection_is_proved_once_all_probes_are_answered);
    tcase_add_test(tcase, a_proof_is_fresh_only_after_another_confirm);
    tcase_add_test(tcase, renewals_have_a_pause_between_them);
    tcase_add_test(tcase, a_queue_that_is_silent_holds_up_no_renewal_of_others);
    tcase_add_test(tcase, the_confirms_of_a_lost_connection_prove_nothing_about_the_next);
    tcase_add_test(tcase, after_an_alarm_the_time_to_be_proved_begins_anew);
    tcase_add_test(tcase, a_probe_without_an_answer_is_not_sent_again);
    tcase_add_test(tcase, a_connection_without_probes_is_fresh);
    tcase_add_test(tcase, a_message_that_is_never_answered_does_not_fill_the_ring);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(broker_probe_suite());
}
