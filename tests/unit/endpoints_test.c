/*
 * What is remembered of endpoints, and for how long.
 */
#include <check.h>
#include <stdio.h>

#include "common/protocol/topology.h"
#include "notifyworker/endpoints.h"
#include "tests/support/suite.h"

enum { NOW_MS = 5000000, QUICK_MS = 5, MANY = 20000, NAME_SIZE = 16 };

static struct endpoints *endpoints;

static void set_up(void)
{
    endpoints = endpoints_new();
    ck_assert_ptr_nonnull(endpoints);
}

static void tear_down(void)
{
    endpoints_free(endpoints);
}

START_TEST(who_is_unknown_is_well)
{
    ck_assert_int_eq(endpoints_health(endpoints, "a", NOW_MS), ENDPOINTS_HEALTHY);
    ck_assert_int_eq(endpoints_health(endpoints, "", NOW_MS), ENDPOINTS_HEALTHY);
}
END_TEST

START_TEST(a_failure_counts_until_a_success_or_a_minute_later)
{
    endpoints_note(endpoints, "a", true, QUICK_MS, NOW_MS);
    ck_assert_int_eq(endpoints_health(endpoints, "a", NOW_MS + ENDPOINTS_REMEMBER_MS - 1), ENDPOINTS_FAILING);
    ck_assert_int_eq(endpoints_health(endpoints, "a", NOW_MS + ENDPOINTS_REMEMBER_MS), ENDPOINTS_HEALTHY);
    ck_assert_int_eq(endpoints_health(endpoints, "b", NOW_MS), ENDPOINTS_HEALTHY);
    endpoints_note(endpoints, "a", false, QUICK_MS, NOW_MS + 1);
    ck_assert_int_eq(endpoints_health(endpoints, "a", NOW_MS + 2), ENDPOINTS_HEALTHY);
}
END_TEST

START_TEST(slow_is_not_ill)
{
    endpoints_note(endpoints, "a", false, ENDPOINTS_SLOW_MS, NOW_MS);
    ck_assert_int_eq(endpoints_health(endpoints, "a", NOW_MS), ENDPOINTS_HEALTHY);
    endpoints_note(endpoints, "a", false, ENDPOINTS_SLOW_MS + 1, NOW_MS);
    ck_assert_int_eq(endpoints_health(endpoints, "a", NOW_MS), ENDPOINTS_SLOW);
    endpoints_note(endpoints, "a", true, ENDPOINTS_SLOW_MS + 1, NOW_MS);
    ck_assert_int_eq(endpoints_health(endpoints, "a", NOW_MS), ENDPOINTS_FAILING);
}
END_TEST

/* How many of so many messages of one second go into the shortest queue, and into the longest. */
static void spread(const char *endpoint, int64_t at_ms, unsigned counts[TOPOLOGY_WAITS])
{
    unsigned before = 0;
    for (unsigned wait = 0; wait < TOPOLOGY_WAITS; wait++) {
        counts[wait] = 0;
    }
    for (unsigned i = 0; i < MANY; i++) {
        unsigned wait = endpoints_defer(endpoints, endpoint, at_ms);
        ck_assert(wait >= before && wait < TOPOLOGY_WAITS);
        counts[wait]++;
        before = wait;
    }
}

START_TEST(the_more_are_put_aside_the_longer)
{
    unsigned well[TOPOLOGY_WAITS];
    unsigned ill[TOPOLOGY_WAITS];
    spread("a", NOW_MS, well);
    ck_assert(well[0] == well[1] && 2 * well[1] == well[2] && well[4] > well[3]);
    ck_assert_uint_eq(endpoints_defer(endpoints, "a", NOW_MS), TOPOLOGY_WAITS - 1);
    ck_assert_uint_eq(endpoints_defer(endpoints, "a", NOW_MS + 1000), 0);
    ck_assert_uint_eq(endpoints_defer(endpoints, "b", NOW_MS), 0);
    endpoints_note(endpoints, "b", true, QUICK_MS, NOW_MS);
    spread("b", NOW_MS + 1000, ill);
    ck_assert_msg(ill[0] > 0 && ill[0] < well[0] && ill[4] > well[4], "%u of %u", ill[0], well[0]);
}
END_TEST

/* Per second: as many in the shortest queue as one that is well takes, then as many again, then doubling. */
START_TEST(how_many_are_put_aside_where)
{
    static const unsigned well[TOPOLOGY_WAITS] = {1024, 1024, 2048, 4096, MANY - 8192};
    static const unsigned ill[TOPOLOGY_WAITS] = {32, 32, 64, 128, MANY - 256};
    unsigned counts[TOPOLOGY_WAITS];
    spread("a", NOW_MS, counts);
    ck_assert_mem_eq(counts, well, sizeof(counts));
    endpoints_note(endpoints, "b", true, QUICK_MS, NOW_MS);
    spread("b", NOW_MS, counts);
    ck_assert_mem_eq(counts, ill, sizeof(counts));
    endpoints_note(endpoints, "c", false, ENDPOINTS_SLOW_MS + 1, NOW_MS);
    spread("c", NOW_MS, counts);
    ck_assert_mem_eq(counts, ill, sizeof(counts));
}
END_TEST

START_TEST(a_second_is_counted_by_itself)
{
    unsigned counts[TOPOLOGY_WAITS];
    spread("a", NOW_MS, counts);
    ck_assert_uint_eq(endpoints_defer(endpoints, "a", NOW_MS + 999), TOPOLOGY_WAITS - 1);
    for (unsigned i = 0; i < 1024; i++) {
        ck_assert_uint_eq(endpoints_defer(endpoints, "a", NOW_MS + 1000), 0);
    }
    ck_assert_uint_eq(endpoints_defer(endpoints, "a", NOW_MS + 1999), 1);
}
END_TEST

START_TEST(an_endpoint_takes_over_the_slot_of_another_and_nothing_of_it)
{
    char name[NAME_SIZE];
    endpoints_note(endpoints, "first", true, QUICK_MS, NOW_MS);
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "%u", i);
        ck_assert_int_eq(endpoints_health(endpoints, name, NOW_MS), ENDPOINTS_HEALTHY);
        (void)endpoints_defer(endpoints, name, NOW_MS);
        ck_assert_int_eq(endpoints_health(endpoints, name, NOW_MS), ENDPOINTS_HEALTHY);
        if (endpoints_health(endpoints, "first", NOW_MS) == ENDPOINTS_HEALTHY) {
            return; /* this name has its slot */
        }
    }
    ck_abort_msg("no name of %d shares the slot", MANY);
}
END_TEST

START_TEST(more_endpoints_than_slots_are_only_forgotten)
{
    char name[NAME_SIZE];
    unsigned known = 0;
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "%u", i);
        endpoints_note(endpoints, name, true, QUICK_MS, NOW_MS);
        ck_assert_int_eq(endpoints_health(endpoints, name, NOW_MS), ENDPOINTS_FAILING);
    }
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "%u", i);
        known += endpoints_health(endpoints, name, NOW_MS) == ENDPOINTS_FAILING;
    }
    ck_assert_msg(known > 1000 && known < MANY, "%u are known", known);
}
END_TEST

static Suite *endpoints_suite(void)
{
    Suite *suite = suite_create("endpoints");
    TCase *tcase = tcase_create("endpoints");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, who_is_unknown_is_well);
    tcase_add_test(tcase, a_failure_counts_until_a_success_or_a_minute_later);
    tcase_add_test(tcase, slow_is_not_ill);
    tcase_add_test(tcase, the_more_are_put_aside_the_longer);
    tcase_add_test(tcase, how_many_are_put_aside_where);
    tcase_add_test(tcase, a_second_is_counted_by_itself);
    tcase_add_test(tcase, an_endpoint_takes_over_the_slot_of_another_and_nothing_of_it);
    tcase_add_test(tcase, more_endpoints_than_slots_are_only_forgotten);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(endpoints_suite());
}
