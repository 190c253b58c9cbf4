/*
 * Sessions and access tokens: lists, revocation, logout, changes of the password, the limit per user, key rotation.
 *
 * Runs alone: it rotates the keys of access tokens.
 */
#include <pthread.h>
#include <stdio.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

#define ME       "/api/v1/users/me"
#define SESSIONS "/api/v1/users/me/sessions"

enum { ROTATED_MS = 40000, BLOCKED_MS = 20000 };

/* Logs the user in from another browser. The struct gets the new tokens. */
static void log_in_from(struct factory_user *user, const char *agent)
{
    client_header(fixture.client, client_format("User-Agent: %s", agent));
    ck_assert(factory_log_in(fixture.client, user));
}

static const struct reply *call_with_session(const struct factory_user *who, const char *method, const char *path)
{
    client_token(fixture.client, who->session);
    return client_call(fixture.client, method, path, NULL);
}

START_TEST(sessions_are_listed_newest_first)
{
    struct factory_user phone = fixture.ann;
    log_in_from(&phone, "A telephone");
    const struct reply *reply = call_with_session(&phone, "GET", SESSIONS);
    EXPECT_STATUS(reply, 200);
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    EXPECT_TEXT(reply, "items.0.current", "true");
    EXPECT_TEXT(reply, "items.0.userAgent", "A telephone");
    EXPECT_PRESENT(reply, "items.0.createdAt");
    EXPECT_PRESENT(reply, "items.0.expiresAt");
    EXPECT_PRESENT(reply, "items.0.address");
    EXPECT_TEXT(reply, "items.1.current", "false");
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", SESSIONS, NULL), "items.1.current", "true");
    ck_assert_int_eq(reply_count(fixture_call(&fixture.bob, "GET", SESSIONS, NULL), "items"), 1);
    EXPECT_ERROR(fixture_call(NULL, "GET", SESSIONS, NULL), 401, "UNAUTHORIZED");
}
END_TEST

START_TEST(revoking_a_session_revokes_its_access_tokens)
{
    struct factory_user phone = fixture.ann;
    char path[128];
    log_in_from(&phone, "A telephone");
    const struct reply *reply = fixture_call(&fixture.ann, "GET", SESSIONS, NULL);
    (void)snprintf(path, sizeof(path), SESSIONS "/%s", reply_text(reply, "items.0.id"));
    EXPECT_ERROR(fixture_call(&fixture.bob, "DELETE", path, NULL), 404, "NOT_FOUND"); /* Bob does not own it */
    EXPECT_STATUS(call_with_session(&phone, "GET", ME), 200);
    EXPECT_STATUS(fixture_call(&fixture.ann, "DELETE", path, NULL), 204);
    EXPECT_ERROR(call_with_session(&phone, "GET", ME), 401, "UNAUTHORIZED");
    EXPECT_ERROR(fixture_call(&phone, "GET", ME, NULL), 401, "UNAUTHORIZED");
    EXPECT_ERROR(fixture_call(&phone, "POST", fixture_path("/bids"), "{\"amount\": 10.00}"), 401, "UNAUTHORIZED");
    EXPECT_ERROR(fixture_call(&fixture.ann, "DELETE", path, NULL), 404, "NOT_FOUND");
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", SESSIONS, NULL), "items"), 1);
}
END_TEST

START_TEST(a_new_password_ends_the_other_sessions)
{
    struct factory_user phone = fixture.ann;
    log_in_from(&phone, "A telephone");
    const struct factory_user before = fixture.ann;
    const struct reply *reply =
        fixture_call(&fixture.ann, "PATCH", ME,
                     "{\"password\": \"another password\", \"currentPassword\": \"" FACTORY_PASSWORD "\"}");
    EXPECT_STATUS(reply, 200);
    (void)snprintf(fixture.ann.token, sizeof(fixture.ann.token), "%s", reply_text(reply, "accessToken"));
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", ME, NULL), 200);
    EXPECT_ERROR(fixture_call(&before, "GET", ME, NULL), 401, "UNAUTHORIZED");
    EXPECT_STATUS(call_with_session(&fixture.ann, "GET", ME), 200);
    EXPECT_ERROR(call_with_session(&phone, "GET", ME), 401, "UNAUTHORIZED");
    EXPECT_ERROR(fixture_call(&phone, "GET", ME, NULL), 401, "UNAUTHORIZED");
    EXPECT_ERROR(call_with_session(&phone, "POST", "/api/v1/auth/refresh"), 401, "UNAUTHORIZED");
}
END_TEST

START_TEST(logging_out_everywhere_ends_all_sessions_and_tokens)
{
    struct factory_user phone = fixture.ann;
    log_in_from(&phone, "A telephone");
    EXPECT_STATUS(call_with_session(&phone, "DELETE", SESSIONS), 204);
    EXPECT_ERROR(call_with_session(&phone, "GET", ME), 401, "UNAUTHORIZED");
    EXPECT_ERROR(fixture_call(&phone, "GET", ME, NULL), 401, "UNAUTHORIZED");
    EXPECT_ERROR(call_with_session(&fixture.ann, "GET", ME), 401, "UNAUTHORIZED");
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", ME, NULL), 401, "UNAUTHORIZED");
    EXPECT_STATUS(fixture_call(&fixture.bob, "GET", ME, NULL), 200);
    ck_assert(factory_log_in(fixture.client, &fixture.ann));
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", SESSIONS, NULL), "items"), 1);
}
END_TEST

static void *change_password(void *arg)
{
    bool *changed = arg;
    struct client *client = client_new(deployment_http_url());
    if (client != NULL) {
        client_token(client, fixture.ann.token);
        const char *body = client_format("{\"password\": \"another password %p\", \"currentPassword\": \"%s\"}", arg,
                                         FACTORY_PASSWORD);
        *changed = client_call(client, "PATCH", ME, body)->status == 200;
        client_free(client);
    }
    return NULL;
}

/* With two answers of 200, one of the two clients would have a password that is not valid. */
START_TEST(of_concurrent_password_changes_one_succeeds)
{
    enum { CHANGES = 4 };
    pthread_t threads[CHANGES];
    bool changed[CHANGES] = {false};
    int succeeded = 0;
    for (size_t i = 0; i < CHANGES; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, change_password, &changed[i]), 0);
    }
    for (size_t i = 0; i < CHANGES; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        succeeded += changed[i] ? 1 : 0;
    }
    ck_assert_int_eq(succeeded, 1);
}
END_TEST

START_TEST(logging_out_revokes_the_access_token)
{
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/auth/logout", NULL), 204);
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", ME, NULL), 401, "UNAUTHORIZED");
    EXPECT_ERROR(call_with_session(&fixture.ann, "GET", ME), 401, "UNAUTHORIZED");
    EXPECT_STATUS(fixture_call(&fixture.bob, "GET", ME, NULL), 200);
}
END_TEST

START_TEST(a_user_has_at_most_a_hundred_sessions)
{
    enum { LIMIT = 100 };
    struct factory_user first = fixture.ann;
    for (int i = 0; i < LIMIT; i++) {
        log_in_from(&fixture.ann, "Many");
    }
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", SESSIONS, NULL), "items"), LIMIT);
    EXPECT_ERROR(call_with_session(&first, "GET", ME), 401, "UNAUTHORIZED");
}
END_TEST

/* Logs Bob in without a cookie. The struct gets the tokens; `refresh` is the refresh token. */
static void log_in_refreshable(char refresh[static FACTORY_SESSION_SIZE])
{
    const struct reply *reply = fixture_call(NULL, "POST", "/api/v1/auth/login",
                                             client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD
                                                           "\", \"refreshToken\": true}",
                                                           fixture.bob.email));
    EXPECT_STATUS(reply, 200);
    ck_assert_str_eq(client_reply_header(fixture.client, "Set-Cookie"), "");
    (void)snprintf(fixture.bob.token, sizeof(fixture.bob.token), "%s", reply_text(reply, "accessToken"));
    (void)snprintf(refresh, FACTORY_SESSION_SIZE, "%s", reply_text(reply, "refreshToken"));
    ck_assert_str_ne(refresh, "");
}

/* Uses a refresh token; `next` gets the one that follows, "" after a refusal. Returns the status. */
static int refresh_by(const char *refresh, char next[static FACTORY_SESSION_SIZE])
{
    const struct reply *reply =
        fixture_call(NULL, "POST", "/api/v1/auth/refresh", client_format("{\"refreshToken\": \"%s\"}", refresh));
    (void)snprintf(next, FACTORY_SESSION_SIZE, "%s", reply_text(reply, "refreshToken"));
    if (reply->status == 200) {
        (void)snprintf(fixture.bob.token, sizeof(fixture.bob.token), "%s", reply_text(reply, "accessToken"));
    }
    return reply->status;
}

START_TEST(a_refresh_token_is_replaced_by_its_use)
{
    char first[FACTORY_SESSION_SIZE];
    char second[FACTORY_SESSION_SIZE];
    char again[FACTORY_SESSION_SIZE];
    char third[FACTORY_SESSION_SIZE];
    log_in_refreshable(first);
    ck_assert_int_eq(refresh_by(first, second), 200);
    ck_assert_str_ne(first, second);
    EXPECT_STATUS(fixture_call(&fixture.bob, "GET", ME, NULL), 200);
    ck_assert_int_eq(refresh_by(first, again), 200); /* the answer was lost */
    ck_assert_str_eq(again, second);
    ck_assert_int_eq(refresh_by(second, third), 200);
    EXPECT_STATUS(fixture_call(&fixture.bob, "GET", ME, NULL), 200);
    ck_assert_int_eq(refresh_by("AAAA", again), 401);
    EXPECT_STATUS(fixture_call(&fixture.bob, "GET", ME, NULL), 200); /* a made-up token ends nothing */
}
END_TEST

START_TEST(reuse_of_a_refresh_token_ends_its_session)
{
    char first[FACTORY_SESSION_SIZE];
    char second[FACTORY_SESSION_SIZE];
    char third[FACTORY_SESSION_SIZE];
    const struct factory_user other = fixture.bob;
    log_in_refreshable(first);
    ck_assert_int_eq(refresh_by(first, second), 200);
    ck_assert_int_eq(refresh_by(second, third), 200);
    ck_assert_int_eq(refresh_by(first, second), 401); /* its successor was used */
    ck_assert_int_eq(refresh_by(third, second), 401);
    EXPECT_ERROR(fixture_call(&fixture.bob, "GET", ME, NULL), 401, "UNAUTHORIZED");
    EXPECT_STATUS(fixture_call(&other, "GET", ME, NULL), 200); /* another session */
}
END_TEST

START_TEST(a_former_refresh_token_works_for_half_a_minute)
{
    char first[FACTORY_SESSION_SIZE];
    char second[FACTORY_SESSION_SIZE];
    log_in_refreshable(first);
    ck_assert_int_eq(refresh_by(first, second), 200);
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM sessions WHERE user_id = $1::uuid AND refresh_former_until"
                             " BETWEEN now() + interval '1 second' AND now() + interval '30 seconds'",
                             fixture.bob.id, NULL),
                     1);
    PQclear(sql_rows(fixture.sql, "UPDATE sessions SET refresh_former_until = now() WHERE user_id = $1::uuid",
                     fixture.bob.id, NULL));
    ck_assert_int_eq(refresh_by(first, second), 401);
    EXPECT_ERROR(fixture_call(&fixture.bob, "GET", ME, NULL), 401, "UNAUTHORIZED");
}
END_TEST

struct refreshing {
    const char *token;
    int status;
};

static void *refresh_beside(void *arg)
{
    struct refreshing *refreshing = arg;
    struct client *client = client_new(deployment_http_url());
    if (client != NULL) {
        const char *body = client_format("{\"refreshToken\": \"%s\"}", refreshing->token);
        refreshing->status = client_call(client, "POST", "/api/v1/auth/refresh", body)->status;
        client_free(client);
    }
    return NULL;
}

/* The session ends while its token is used. That is no theft. */
START_TEST(a_refresh_beside_a_logout_is_no_reuse)
{
    char first[FACTORY_SESSION_SIZE];
    pthread_t thread;
    log_in_refreshable(first);
    struct refreshing refreshing = {.token = first};
    struct sql *locker = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(locker);
    PQclear(sql_rows(locker, "BEGIN", NULL));
    PQclear(sql_rows(locker, "DELETE FROM sessions WHERE user_id = $1::uuid", fixture.bob.id, NULL));
    ck_assert_int_eq(pthread_create(&thread, NULL, refresh_beside, &refreshing), 0);
    SUITE_WAIT(sql_blocked(fixture.sql, locker) == 1, BLOCKED_MS);
    PQclear(sql_rows(locker, "COMMIT", NULL));
    sql_close(locker);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(refreshing.status, 401);
    ck_assert_int_eq(
        sql_int(fixture.sql,
                "SELECT count(*) FROM audit_log WHERE action = 'REFRESH_TOKEN_REUSED' AND actor_id = $1::uuid",
                fixture.bob.id, NULL),
        0);
}
END_TEST

static int count_public_keys(void)
{
    return reply_count(fixture_call(NULL, "GET", "/.well-known/jwks.json", NULL), "keys");
}

/* True if a new login's token is signed with another key than the token `header`. */
static bool new_key_signs(const char *header)
{
    log_in_from(&fixture.bob, "Bob");
    return strncmp(fixture.bob.token, header, strcspn(header, ".")) != 0;
}

START_TEST(key_rotation_keeps_old_access_tokens_valid)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    char before[FACTORY_TOKEN_SIZE];
    int published = count_public_keys();
    (void)snprintf(before, sizeof(before), "%s", fixture.bob.token);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "keys", "rotate", NULL), 0);
    SUITE_WAIT(count_public_keys() == published + 1, ROTATED_MS);
    SUITE_WAIT(new_key_signs(before), ROTATED_MS);
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", ME, NULL), 200); /* signed with the old key */
    EXPECT_STATUS(fixture_call(&fixture.bob, "GET", ME, NULL), 200);
}
END_TEST

static Suite *sessions_suite(void)
{
    const TTest *const tests[] = {
        sessions_are_listed_newest_first,
        revoking_a_session_revokes_its_access_tokens,
        logging_out_everywhere_ends_all_sessions_and_tokens,
        a_new_password_ends_the_other_sessions,
        of_concurrent_password_changes_one_succeeds,
        a_refresh_token_is_replaced_by_its_use,
        reuse_of_a_refresh_token_ends_its_session,
        a_former_refresh_token_works_for_half_a_minute,
        a_refresh_beside_a_logout_is_no_reuse,
        logging_out_revokes_the_access_token,
        a_user_has_at_most_a_hundred_sessions,
        key_rotation_keeps_old_access_tokens_valid,
        NULL,
    };
    return fixture_suite("sessions", tests);
}

int main(void)
{
    return suite_run(sessions_suite());
}
