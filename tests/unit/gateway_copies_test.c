/*
 * gateway/access/copies: the copies of session and user in Redis allow a request only if both are there, agree, are
 * young and allow it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/access/access.h"
#include "gateway/access/copies.h"
#include "tests/support/suite.h"

enum { AGE_S = 600, FROM_MS = 1000 };

static struct config config = {.credentials_age_s = AGE_S};
static struct deployment deployment = {.epoch = {.sessions_from_ms = FROM_MS}};
static const struct access access_state = {.config = &config, .deployment = &deployment};
static struct copies copies;

static redisReply text_reply(char *text)
{
    return text == NULL ? (redisReply){.type = REDIS_REPLY_NIL}
                        : (redisReply){.type = REDIS_REPLY_STRING, .str = text, .len = strlen(text)};
}

/* Whether the copies allow a request of a session, or of an access token with this epoch (not 0). */
static bool allow(const char *session, const char *user, int64_t token_epoch)
{
    char texts[2][128];
    (void)snprintf(texts[0], sizeof texts[0], "%s", session == NULL ? "" : session);
    (void)snprintf(texts[1], sizeof texts[1], "%s", user == NULL ? "" : user);
    redisReply parts[] = {text_reply(session == NULL ? NULL : texts[0]), text_reply(user == NULL ? NULL : texts[1])};
    redisReply *elements[] = {&parts[0], &parts[1]};
    const redisReply reply = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = elements};
    const struct request_user asking = {.via = token_epoch == 0 ? REQUEST_BY_SESSION : REQUEST_BY_ACCESS_TOKEN,
                                        .epoch = token_epoch};
    return copies_allow(&access_state, &asking, &reply, &copies);
}

/* The copy of a session that ends in `left_ms` and was copied `age_ms` ago. */
static const char *session_of(int64_t epoch, int64_t from_ms, int64_t left_ms, int64_t age_ms)
{
    static char text[128];
    int64_t now_ms = clock_now_ms();
    (void)snprintf(text, sizeof text, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, epoch, from_ms, now_ms + left_ms,
                   now_ms - age_ms);
    return text;
}

START_TEST(a_valid_session_is_allowed)
{
    ck_assert(allow(session_of(3, FROM_MS, 60000, 1000), "3 user 0", 0));
    ck_assert_int_eq(copies.epoch, 3);
    ck_assert(!copies.admin);
    ck_assert_int_gt(copies.ends_ms, clock_now_ms());
    ck_assert(allow(session_of(3, FROM_MS, 60000, 1000), "3 admin 0", 3));
    ck_assert(copies.admin);
}
END_TEST

START_TEST(a_session_that_ended_or_belongs_to_another_epoch_is_not_allowed)
{
    ck_assert(!allow(session_of(2, FROM_MS, 60000, 1000), "3 user 0", 0));
    ck_assert(!allow(session_of(3, FROM_MS + 1, 60000, 1000), "3 user 0", 0));
    ck_assert(!allow(session_of(3, FROM_MS, -1, 1000), "3 user 0", 0));
    ck_assert(!allow(session_of(3, FROM_MS, 60000, 1000), "3 user 0", 2));
    ck_assert(!allow("-", "3 user 0", 0));
}
END_TEST

START_TEST(a_banned_user_is_not_allowed)
{
    ck_assert(!allow(session_of(3, FROM_MS, 60000, 1000), "3 user 1", 0));
    ck_assert(!allow(session_of(3, FROM_MS, 60000, 1000), "3 admin 1", 0));
}
END_TEST

START_TEST(a_copy_that_is_old_missing_or_unreadable_is_not_allowed)
{
    ck_assert(!allow(session_of(3, FROM_MS, 60000, AGE_S * 1000 + 1), "3 user 0", 0));
    ck_assert(!allow(NULL, "3 user 0", 0));
    ck_assert(!allow(session_of(3, FROM_MS, 60000, 1000), NULL, 0));
    ck_assert(!allow(session_of(3, FROM_MS, 60000, 1000), "3 user ", 0));
    ck_assert(!allow(session_of(3, FROM_MS, 60000, 1000), " user 0", 0));
    ck_assert(!allow("3 1000 -5 7", "3 user 0", 0));
    ck_assert(!allow("3 1000", "3 user 0", 0));
    ck_assert(!copies_allow(&access_state, &(struct request_user){0}, NULL, &copies));
}
END_TEST

static Suite *copies_suite(void)
{
    Suite *suite = suite_create("gateway copies");
    TCase *tcase = tcase_create("copies");
    tcase_add_test(tcase, a_valid_session_is_allowed);
    tcase_add_test(tcase, a_session_that_ended_or_belongs_to_another_epoch_is_not_allowed);
    tcase_add_test(tcase, a_banned_user_is_not_allowed);
    tcase_add_test(tcase, a_copy_that_is_old_missing_or_unreadable_is_not_allowed);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(copies_suite());
}
