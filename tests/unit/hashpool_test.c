/*
 * The queue of password hashes: how many jobs it takes, and the places that it keeps for known clients.
 */
#include <check.h>

#include "gateway/account/hashpool.h"
#include "tests/support/suite.h"

enum { PLACES = 8, WAIT_MS = 30000, TIMEOUT_S = 60 };

static int finished;

static void on_verified(bool right, void *arg)
{
    (void)arg;
    ck_assert(!right);
    finished++;
}

/* The jobs do not end before the loop runs. */
static int accepted(struct hashpool *pool, enum hashpool_client client)
{
    const struct hashpool_job job = {.client = client, .password = "a password"};
    int count = 0;
    while (hashpool_verify(pool, &job, on_verified, NULL)) {
        count++;
    }
    return count;
}

static void run_all(struct event_base *base, int jobs)
{
    int64_t until_ms = suite_mono_ms() + WAIT_MS;
    finished = 0;
    while (finished < jobs && suite_mono_ms() < until_ms) {
        ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    ck_assert_int_eq(finished, jobs);
}

START_TEST(a_flood_of_others_leaves_half_of_the_queue_to_known_clients)
{
    struct event_base *base = event_base_new();
    const struct hashpool_options options = {
        .base = base, .threads = 1, .queue_max = PLACES, .ops = 1, .memory_kib = 8};
    ck_assert_int_ge(sodium_init(), 0);
    struct hashpool *pool = hashpool_new(&options);
    ck_assert_ptr_nonnull(pool);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(accepted(pool, HASHPOOL_OTHER), PLACES / 2);
        ck_assert_int_eq(accepted(pool, HASHPOOL_KNOWN), PLACES / 2);
        run_all(base, PLACES);
    }
    ck_assert_int_eq(accepted(pool, HASHPOOL_KNOWN), PLACES);
    ck_assert_int_eq(accepted(pool, HASHPOOL_OTHER), 0);
    hashpool_free(pool);
    event_base_free(base);
}
END_TEST

static Suite *hashpool_suite(void)
{
    Suite *suite = suite_create("hashpool");
    TCase *tcase = tcase_create("hashpool");
    tcase_set_timeout(tcase, TIMEOUT_S);
    tcase_add_test(tcase, a_flood_of_others_leaves_half_of_the_queue_to_known_clients);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(hashpool_suite());
}
