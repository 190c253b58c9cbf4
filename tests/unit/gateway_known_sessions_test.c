/*
 * gateway/access/known_sessions: what a worker knows of sessions is about those very sessions.
 */
#include <stdio.h>

#include "gateway/access/known_sessions.h"
#include "tests/support/suite.h"

static struct known_sessions *sessions;

static void setup(void)
{
    sessions = known_sessions_new();
    ck_assert_ptr_nonnull(sessions);
}

static void teardown(void)
{
    known_sessions_free(sessions);
}

static struct request_user user_of(unsigned long long high)
{
    struct request_user user = {.via = REQUEST_BY_SESSION};
    (void)snprintf(user.session, sizeof user.session, "%016llx%016x", high, 7U);
    return user;
}

START_TEST(a_session_is_known_until_it_is_removed)
{
    const struct request_user ann = user_of(0xfedcba9876543210);
    const struct request_user bob = user_of(0x0123456789abcdef);
    ck_assert(!known_sessions_has(sessions, &ann));
    known_sessions_add(sessions, &ann);
    ck_assert(known_sessions_has(sessions, &ann));
    ck_assert(!known_sessions_has(sessions, &bob));
    known_sessions_remove(sessions, &bob);
    ck_assert(known_sessions_has(sessions, &ann));
    known_sessions_remove(sessions, &ann);
    ck_assert(!known_sessions_has(sessions, &ann));
}
END_TEST

START_TEST(a_session_in_the_same_place_displaces_another_one)
{
    const struct request_user ann = user_of(5);
    const struct request_user bob = user_of(5 + KNOWN_SESSIONS_SLOTS);
    known_sessions_add(sessions, &ann);
    ck_assert(!known_sessions_has(sessions, &bob));
    known_sessions_add(sessions, &bob);
    ck_assert(known_sessions_has(sessions, &bob));
    ck_assert(!known_sessions_has(sessions, &ann));
    known_sessions_remove(sessions, &ann);
    ck_assert(known_sessions_has(sessions, &bob));
}
END_TEST

START_TEST(a_user_without_a_session_is_never_known)
{
    const struct request_user guest = {.via = REQUEST_GUEST};
    known_sessions_add(sessions, &guest);
    ck_assert(!known_sessions_has(sessions, &guest));
}
END_TEST

static Suite *known_sessions_suite(void)
{
    Suite *suite = suite_create("known_sessions");
    TCase *known = tcase_create("known");
    tcase_add_checked_fixture(known, setup, teardown);
    tcase_add_test(known, a_session_is_known_until_it_is_removed);
    tcase_add_test(known, a_session_in_the_same_place_displaces_another_one);
    tcase_add_test(known, a_user_without_a_session_is_never_known);
    suite_add_tcase(suite, known);
    return suite;
}

int main(void)
{
    return suite_run(known_sessions_suite());
}
