/*
 * "Accounts" of the API: registration, login, sessions and tokens, and errors that do not reveal other accounts.
 */
#include <stdio.h>

#include "common/base/clock.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

#define REGISTER "/api/v1/auth/register"
#define LOGIN    "/api/v1/auth/login"
#define ME       "/api/v1/users/me"

START_TEST(registering_returns_the_user_without_secrets)
{
    const struct reply *reply =
        fixture_call(NULL, "POST", REGISTER,
                     client_format("{\"email\": \"New.%s\", \"password\": \"12345678\", \"displayName\": \"Zoë\"}",
                                   fixture.ann.email));
    EXPECT_STATUS(reply, 201);
    EXPECT_TEXT(reply, "user.displayName", "Zoë");
    EXPECT_TEXT(reply, "user.role", "user");
    EXPECT_PRESENT(reply, "user.id");
    EXPECT_PRESENT(reply, "user.createdAt");
    EXPECT_TEXT(reply, "user.email", client_format("new.%s", fixture.ann.email));
    ck_assert_ptr_null(strstr(reply->body, "12345678"));
    ck_assert_ptr_null(strstr(reply->body, "argon2"));
}
END_TEST

START_TEST(email_addresses_are_unique_ignoring_case)
{
    char upper[FACTORY_EMAIL_SIZE];
    (void)snprintf(upper, sizeof(upper), "%s", fixture.ann.email);
    for (char *at = upper; *at != '\0'; at++) {
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    }
    EXPECT_ERROR(fixture_call(NULL, "POST", REGISTER,
                              client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD
                                            "\", \"displayName\": \"x\"}",
                                            upper)),
                 409, "EMAIL_TAKEN");
}
END_TEST

START_TEST(validation_errors_name_each_invalid_field)
{
    const struct reply *reply =
        fixture_call(NULL, "POST", REGISTER,
                     "{\"email\": \"no address\", \"password\": \"1234567\", \"displayName\": \"\", \"x\": 1}");
    EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
    ck_assert_int_eq(reply_count(reply, "fields"), 4);
    EXPECT_PRESENT(reply, "fields.0.field");
    EXPECT_PRESENT(reply, "fields.0.message");
}
END_TEST

START_TEST(wrong_password_and_unknown_email_get_the_same_error)
{
    char first[256];
    const struct reply *reply = fixture_call(
        NULL, "POST", LOGIN, client_format("{\"email\": \"%s\", \"password\": \"wrong password\"}", fixture.ann.email));
    EXPECT_ERROR(reply, 401, "INVALID_CREDENTIALS");
    (void)snprintf(first, sizeof(first), "%s", reply_text(reply, "message"));
    reply = fixture_call(NULL, "POST", LOGIN,
                         client_format("{\"email\": \"no.%s\", \"password\": \"wrong password\"}", fixture.ann.email));
    EXPECT_ERROR(reply, 401, "INVALID_CREDENTIALS");
    EXPECT_TEXT(reply, "message", first);
}
END_TEST

/* Logs Ann in and copies "session=…" out of the Set-Cookie header. */
static void log_in(char cookie[static FACTORY_TOKEN_SIZE])
{
    const struct reply *reply =
        fixture_call(NULL, "POST", LOGIN,
                     client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD "\"}", fixture.ann.email));
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "user.id", fixture.ann.id);
    EXPECT_PRESENT(reply, "expiresIn");
    const char *set = client_reply_header(fixture.client, "Set-Cookie");
    ck_assert_msg(strncmp(set, "session=", strlen("session=")) == 0, "Set-Cookie: %s", set);
    ck_assert_ptr_nonnull(strstr(set, "HttpOnly"));
    ck_assert_ptr_nonnull(strstr(set, "SameSite=Lax"));
    ck_assert_ptr_nonnull(strstr(set, "Path=/"));
    ck_assert_ptr_nonnull(strstr(set, "Max-Age=86400"));
    (void)snprintf(cookie, FACTORY_TOKEN_SIZE, "%.*s", (int)strcspn(set, ";"), set);
}

static const struct reply *call_with_cookie(const char *cookie, const char *method, const char *path, const char *body)
{
    client_header(fixture.client, client_format("Cookie: theme=dark; %s", cookie));
    return fixture_call(NULL, method, path, body);
}

START_TEST(cookie_session_token_and_access_token_authenticate)
{
    char cookie[FACTORY_TOKEN_SIZE];
    log_in(cookie);
    EXPECT_TEXT(call_with_cookie(cookie, "GET", ME, NULL), "id", fixture.ann.id);
    client_header(fixture.client, client_format("Authorization: Bearer %s", cookie + strlen("session=")));
    EXPECT_TEXT(fixture_call(NULL, "GET", ME, NULL), "id", fixture.ann.id);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", ME, NULL), "email", fixture.ann.email);
}
END_TEST

START_TEST(a_foreign_origin_cannot_write_with_the_cookie)
{
    char cookie[FACTORY_TOKEN_SIZE];
    log_in(cookie);
    client_header(fixture.client, "Origin: https://elsewhere.example");
    EXPECT_ERROR(call_with_cookie(cookie, "PATCH", ME, "{\"displayName\": \"Mallory\"}"), 403, "CROSS_ORIGIN");
    client_header(fixture.client, "Origin: https://elsewhere.example");
    EXPECT_STATUS(call_with_cookie(cookie, "GET", ME, NULL), 200);
    client_header(fixture.client, client_format("Origin: %s", deployment_http_url()));
    EXPECT_STATUS(call_with_cookie(cookie, "PATCH", ME, "{\"displayName\": \"Ann B\"}"), 200);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", ME, NULL), "displayName", "Ann B");
}
END_TEST

START_TEST(a_bearer_token_that_is_not_valid_is_named_as_the_error)
{
    EXPECT_ERROR(fixture_call(NULL, "GET", ME, NULL), 401, "UNAUTHORIZED");
    ck_assert_str_eq(client_reply_header(fixture.client, "WWW-Authenticate"), "Bearer");
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/auth/logout", NULL), 204);
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", ME, NULL), 401, "UNAUTHORIZED");
    ck_assert_str_eq(client_reply_header(fixture.client, "WWW-Authenticate"), "Bearer error=\"invalid_token\"");
    client_header(fixture.client, "Authorization: Bearer a.b.c");
    EXPECT_ERROR(fixture_call(NULL, "GET", ME, NULL), 401, "UNAUTHORIZED");
    ck_assert_str_eq(client_reply_header(fixture.client, "WWW-Authenticate"), "Bearer error=\"invalid_token\"");
}
END_TEST

START_TEST(logging_out_ends_the_session_at_once)
{
    char cookie[FACTORY_TOKEN_SIZE];
    log_in(cookie);
    EXPECT_STATUS(call_with_cookie(cookie, "POST", "/api/v1/auth/logout", NULL), 204);
    EXPECT_ERROR(call_with_cookie(cookie, "GET", ME, NULL), 401, "UNAUTHORIZED");
}
END_TEST

START_TEST(a_session_refreshes_its_access_token)
{
    char cookie[FACTORY_TOKEN_SIZE];
    log_in(cookie);
    const struct reply *reply = call_with_cookie(cookie, "POST", "/api/v1/auth/refresh", NULL);
    EXPECT_STATUS(reply, 200);
    EXPECT_PRESENT(reply, "expiresIn");
    int64_t expires_ms = 0;
    ck_assert(clock_parse(reply_text(reply, "expiresAt"), &expires_ms));
    int64_t left_s = (expires_ms - clock_now_ms()) / 1000;
    ck_assert_int_gt(left_s, 3000); /* access_token_s is an hour */
    ck_assert_int_le(left_s, 3600);
    client_header(fixture.client, client_format("Authorization: Bearer %s", reply_text(reply, "accessToken")));
    EXPECT_TEXT(fixture_call(NULL, "GET", ME, NULL), "id", fixture.ann.id);
    EXPECT_ERROR(fixture_call(NULL, "POST", "/api/v1/auth/refresh", NULL), 401, "UNAUTHORIZED");
}
END_TEST

START_TEST(users_change_their_name_and_password)
{
    EXPECT_TEXT(fixture_call(&fixture.ann, "PATCH", ME, "{\"displayName\": \"Anna\"}"), "displayName", "Anna");
    const struct reply *reply =
        fixture_call(&fixture.ann, "PATCH", ME, "{\"password\": \"another password\", \"currentPassword\": \"wrong\"}");
    ck_assert_int_ge(reply->status, 400);
    ck_assert_int_lt(reply->status, 404);
    EXPECT_ERROR(fixture_call(&fixture.ann, "PATCH", ME, "{\"password\": \"another password\"}"), 400,
                 "VALIDATION_FAILED");
    EXPECT_STATUS(fixture_call(&fixture.ann, "PATCH", ME,
                               "{\"password\": \"another password\", \"currentPassword\": \"" FACTORY_PASSWORD "\"}"),
                  200);
    EXPECT_STATUS(
        fixture_call(NULL, "POST", LOGIN,
                     client_format("{\"email\": \"%s\", \"password\": \"another password\"}", fixture.ann.email)),
        200);
    EXPECT_ERROR(
        fixture_call(NULL, "POST", LOGIN,
                     client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD "\"}", fixture.ann.email)),
        401, "INVALID_CREDENTIALS");
}
END_TEST

START_TEST(the_access_tokens_public_key_is_published)
{
    const struct reply *reply = fixture_call(NULL, "GET", "/.well-known/jwks.json", NULL);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "keys.0.kty", "OKP");
    EXPECT_TEXT(reply, "keys.0.crv", "Ed25519");
    EXPECT_PRESENT(reply, "keys.0.x");
    EXPECT_ABSENT(reply, "keys.0.d");
}
END_TEST

static Suite *accounts_suite(void)
{
    const TTest *const tests[] = {
        registering_returns_the_user_without_secrets,
        email_addresses_are_unique_ignoring_case,
        validation_errors_name_each_invalid_field,
        wrong_password_and_unknown_email_get_the_same_error,
        cookie_session_token_and_access_token_authenticate,
        a_foreign_origin_cannot_write_with_the_cookie,
        a_bearer_token_that_is_not_valid_is_named_as_the_error,
        logging_out_ends_the_session_at_once,
        a_session_refreshes_its_access_token,
        users_change_their_name_and_password,
        the_access_tokens_public_key_is_published,
        NULL,
    };
    return fixture_suite("accounts", tests);
}

int main(void)
{
    return suite_run(accounts_suite());
}
