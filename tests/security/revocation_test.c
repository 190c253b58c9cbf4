/*
 * Revocation is a fact in PostgreSQL: it holds although Redis lost keys or is away, and although a login ran beside it.
 * Some tests start a second gateway on the deployment's servers, with other settings or without Redis.
 *
 * Runs alone: it starts gateways, and removes keys from Redis.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/protocol/links.h"
#include "tests/support/admin.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/own_gateway.h"
#include "tests/support/redis_run.h"
#include "tests/support/websocket.h"

#define LOGIN    "/api/v1/auth/login"
#define ME       "/api/v1/users/me"
#define SESSIONS "/api/v1/users/me/sessions"
#define USERS    "/api/v1/admin/users"
#define NEW      "another password"
#define CHANGED  "{\"password\": \"" NEW "\", \"currentPassword\": \"" FACTORY_PASSWORD "\"}"

enum {
    GATEWAY_MS = 60000,
    NOTICED_MS = 30000, /* until a change that was made by SQL alone is noticed */
    TIMEOUT_S = 150,
    URL_SIZE = 64,
    SETTINGS_SIZE = 1024,
    PATTERN_SIZE = 64,
    STATEMENT_SIZE = 512,
    EXPIRED = 4001,
};

static struct own_gateway gateway;

/* A call to the second gateway. */
static const struct reply *second_call(const char *token, const char *method, const char *path, const char *body)
{
    client_token(gateway.client, token);
    return client_call(gateway.client, method, path, body);
}

static const struct reply *call_with_session(const struct factory_user *who, const char *method, const char *path)
{
    client_token(fixture.client, who->session);
    return client_call(fixture.client, method, path, NULL);
}

/* Removes every key of the user from Redis, except those that begin with `kept`; "": none is kept. */
static void evict(const struct factory_user *user, const char *kept)
{
    static const char script[] = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do\n"
                                 "  if ARGV[2] == '' or string.sub(key, 1, #ARGV[2]) ~= ARGV[2] then\n"
                                 "    redis.call('DEL', key)\n"
                                 "  end\n"
                                 "end\n"
                                 "return 1";
    char pattern[PATTERN_SIZE];
    (void)snprintf(pattern, sizeof(pattern), "*{%s}*", user->id);
    const char *const command[] = {"EVAL", script, "0", pattern, kept};
    redis_run(ARRAY_LEN(command), command);
}

static const char *login_body(const struct factory_user *user, const char *password)
{
    return client_format("{\"email\": \"%s\", \"password\": \"%s\"}", user->email, password);
}

/* ---- a login beside a change of the password ---- */

struct login {
    struct factory_user user; /* gets the tokens */
    int status;
};

static void *log_in_slowly(void *arg)
{
    struct login *login = arg;
    struct client *client = client_new(gateway.url);
    if (client != NULL) {
        const struct reply *reply = client_call(client, "POST", LOGIN, login_body(&login->user, FACTORY_PASSWORD));
        login->status = reply->status;
        (void)snprintf(login->user.token, sizeof(login->user.token), "%s", reply_text(reply, "accessToken"));
        const char *session = strchr(client_reply_header(client, "Set-Cookie"), '=');
        (void)snprintf(login->user.session, sizeof(login->user.session), "%.*s",
                       session == NULL ? 0 : (int)strcspn(session + 1, ";"), session == NULL ? "" : session + 1);
        client_free(client);
    }
    return NULL;
}

/* Whether this server process, or any if it is 0, reads an account for a login. `more` is a further condition. */
static int64_t reader_of_account(const char *process, const char *more)
{
    char statement[STATEMENT_SIZE];
    (void)snprintf(statement, sizeof(statement),
                   "SELECT coalesce(min(pid), 0) FROM pg_stat_activity WHERE application_name = 'rostrum-gateway'"
                   " AND state = 'active' AND query LIKE '%%FROM users WHERE email = $1%%' AND $1::int IN (0, pid)%s",
                   more);
    return sql_int(fixture.sql, statement, process, NULL);
}

/*
 * Starts a login, and returns when it has read the account. The login waits for a lock at first. So the server process
 * that reads for it is known, and also when it has finished.
 */
static void begin_login(struct login *login, pthread_t *thread)
{
    char process[SQL_TEXT_SIZE] = "0";
    struct sql *lock = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(lock);
    PQclear(sql_rows(lock, "BEGIN", NULL));
    PQclear(sql_rows(lock, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE", NULL));
    ck_assert_int_eq(pthread_create(thread, NULL, log_in_slowly, login), 0);
    SUITE_WAIT(reader_of_account("0", " AND wait_event_type = 'Lock'") != 0, GATEWAY_MS);
    (void)snprintf(process, sizeof(process), "%lld", (long long)reader_of_account("0", ""));
    PQclear(sql_rows(lock, "COMMIT", NULL));
    sql_close(lock);
    SUITE_WAIT(reader_of_account(process, "") == 0, GATEWAY_MS);
}

/* Sets a new password by a link as in a mail. */
static void reset_password(const struct factory_user *user)
{
    char token[LINKS_TOKEN_SIZE];
    char hash[LINKS_HASH_SIZE];
    links_token_new(token, hash);
    PQclear(sql_rows(fixture.sql,
                     "INSERT INTO account_tokens (hash, user_id, purpose, expires_at)"
                     " VALUES ($1, $2::uuid, 'PASSWORD_RESET', now() + interval '1 hour')",
                     hash, user->id, NULL));
    EXPECT_STATUS(fixture_call(NULL, "POST", "/api/v1/auth/password-reset/confirm",
                               client_format("{\"token\": \"%s\", \"password\": \"" NEW "\"}", token)),
                  204);
}

/* The password was set by the second gateway, so that its check takes long. Meanwhile the first one replaces it. */
START_TEST(a_login_beside_a_password_change_keeps_no_session)
{
    struct login login = {.status = 0};
    pthread_t thread;
    own_gateway_start(&gateway,
                      "[gateway]\nrequest_deadline_ms = 30000\n[auth]\nargon2_ops = 15\nargon2_memory_kib = 32768\n");
    ck_assert(factory_user(gateway.client, &login.user, "Ann Slow"));
    login.user.token[0] = login.user.session[0] = '\0';
    begin_login(&login, &thread);
    reset_password(&login.user);
    ck_assert_int_eq(login.status, 0); /* the login is still under way */
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_msg(login.status == 401 || login.status == 200, "login: %d", login.status);
    if (login.user.token[0] != '\0') {
        ck_assert_msg(fixture_call(&login.user, "GET", ME, NULL)->status == 401, "its access token is valid");
        ck_assert_msg(call_with_session(&login.user, "GET", ME)->status == 401, "its session is valid");
    }
    ck_assert_int_eq(login.status, 401);
    own_gateway_stop(&gateway);
}
END_TEST

/* ---- evicted keys ---- */

START_TEST(a_new_password_ends_sessions_that_redis_lost_track_of)
{
    struct factory_user thief = fixture.ann;
    ck_assert(factory_log_in(fixture.client, &thief));
    evict(&fixture.ann, "s:{");
    EXPECT_STATUS(fixture_call(&fixture.ann, "PATCH", ME, CHANGED), 200);
    EXPECT_ERROR(call_with_session(&thief, "GET", ME), 401, "UNAUTHORIZED");
    EXPECT_ERROR(fixture_call(&thief, "GET", ME, NULL), 401, "UNAUTHORIZED");
    EXPECT_STATUS(call_with_session(&fixture.ann, "GET", ME), 200);
}
END_TEST

START_TEST(an_evicted_mark_revives_no_ended_session)
{
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/auth/logout", NULL), 204);
    evict(&fixture.ann, "");
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", ME, NULL), 401, "UNAUTHORIZED");
    EXPECT_ERROR(call_with_session(&fixture.ann, "GET", ME), 401, "UNAUTHORIZED");
}
END_TEST

START_TEST(sessions_outlive_the_data_of_redis)
{
    evict(&fixture.ann, "");
    EXPECT_STATUS(call_with_session(&fixture.ann, "GET", ME), 200);
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", ME, NULL), 200);
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", SESSIONS, NULL), "items"), 1);
    evict(&fixture.bob, "");
    fixture_submit(&fixture.bob, fixture.auction, "20.00", (char[UUID_TEXT_SIZE]){""});
}
END_TEST

/* ---- changes by SQL alone ---- */

static bool is_answered(const char *token, int status)
{
    return second_call(token, "GET", ME, NULL)->status == status;
}

START_TEST(a_role_or_ban_set_by_sql_ends_sessions_and_tokens)
{
    own_gateway_start(&gateway, "[auth]\ncredentials_age_s = 1\n");
    ck_assert(is_answered(fixture.ann.token, 200) && is_answered(fixture.ann.session, 200));
    PQclear(sql_rows(fixture.sql, "UPDATE users SET role = 'admin' WHERE id = $1", fixture.ann.id, NULL));
    SUITE_WAIT(is_answered(fixture.ann.token, 401), NOTICED_MS);
    SUITE_WAIT(is_answered(fixture.ann.session, 401), NOTICED_MS);
    ck_assert(is_answered(fixture.bob.token, 200));
    PQclear(sql_rows(fixture.sql, "UPDATE users SET banned_at = now() WHERE id = $1", fixture.bob.id, NULL));
    SUITE_WAIT(is_answered(fixture.bob.token, 403), NOTICED_MS);
    own_gateway_stop(&gateway);
}
END_TEST

START_TEST(sockets_close_with_4001_when_their_session_expires)
{
    PGresult *result =
        sql_rows(fixture.sql, "UPDATE sessions SET expires_at = now() + interval '5 seconds' WHERE user_id = $1::uuid",
                 fixture.bob.id, NULL);
    PQclear(result);
    evict(&fixture.bob, "");
    struct websocket *by_cookie =
        websocket_open(deployment_http_url(), client_format("Cookie: session=%s\r\n", fixture.bob.session));
    struct websocket *by_command = websocket_open(deployment_http_url(), "");
    ck_assert(by_cookie != NULL && by_command != NULL);
    ck_assert(
        websocket_send_text(by_command, client_format("{\"type\": \"auth\", \"token\": \"%s\"}", fixture.bob.session)));
    ck_assert_ptr_nonnull(websocket_receive(by_command, "authenticated"));
    ck_assert_uint_eq(websocket_receive_close(by_cookie), EXPIRED);
    ck_assert_uint_eq(websocket_receive_close(by_command), EXPIRED);
    websocket_free(by_cookie);
    websocket_free(by_command);
    EXPECT_ERROR(call_with_session(&fixture.bob, "GET", ME), 401, "UNAUTHORIZED");
}
END_TEST

/* ---- without Redis ---- */

START_TEST(without_redis_a_logged_out_admin_is_no_admin)
{
    struct factory_user admin;
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
    own_gateway_start_with_redis(&gateway, "", "redis://127.0.0.1:1");
    EXPECT_STATUS(second_call(admin.token, "GET", USERS, NULL), 200);
    EXPECT_STATUS(fixture_call(&admin, "POST", "/api/v1/auth/logout", NULL), 204);
    EXPECT_ERROR(second_call(admin.token, "GET", USERS, NULL), 401, "UNAUTHORIZED");
    EXPECT_ERROR(second_call(fixture.ann.token, "GET", USERS, NULL), 403, "FORBIDDEN");
    own_gateway_stop(&gateway);
}
END_TEST

START_TEST(without_redis_guesses_registrations_and_resets_are_limited)
{
    enum { MOST = 3 };
    own_gateway_start_with_redis(
        &gateway,
        "[limits]\nlogins_per_minute = 100\nlogins_account_per_minute = 3\nregistrations_per_hour = 3\n"
        "resets_per_hour = 3\n",
        "redis://127.0.0.1:1");
    for (int i = 0; i <= MOST; i++) {
        int status = second_call(NULL, "POST", LOGIN, login_body(&fixture.ann, "wrong password"))->status;
        ck_assert_msg(status == (i < MOST ? 401 : 429), "login %d: %d", i, status);
    }
    for (int i = 0; i <= MOST; i++) {
        int status = second_call(NULL, "POST", "/api/v1/auth/register", "{}")->status;
        ck_assert_msg(status == (i < MOST ? 400 : 429), "registration %d: %d", i, status);
    }
    for (int i = 0; i <= MOST; i++) {
        int status = second_call(NULL, "POST", "/api/v1/auth/password-reset", "{}")->status;
        ck_assert_msg(status == (i < MOST ? 400 : 429), "reset %d: %d", i, status);
    }
    own_gateway_stop(&gateway);
}
END_TEST

static Suite *revocation_suite(void)
{
    Suite *suite = suite_create("revocation");
    TCase *tcase = tcase_create("revocation");
    tcase_set_timeout(tcase, TIMEOUT_S);
    tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
    tcase_add_test(tcase, a_login_beside_a_password_change_keeps_no_session);
    tcase_add_test(tcase, a_new_password_ends_sessions_that_redis_lost_track_of);
    tcase_add_test(tcase, an_evicted_mark_revives_no_ended_session);
    tcase_add_test(tcase, sessions_outlive_the_data_of_redis);
    tcase_add_test(tcase, a_role_or_ban_set_by_sql_ends_sessions_and_tokens);
    tcase_add_test(tcase, sockets_close_with_4001_when_their_session_expires);
    tcase_add_test(tcase, without_redis_a_logged_out_admin_is_no_admin);
    tcase_add_test(tcase, without_redis_guesses_registrations_and_resets_are_limited);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(revocation_suite());
}
