/*
 * Account mail, end to end: the deployment sends it to a real mail server, and the tests use the tokens of its links.
 * Also notifications about bids: loss of the lead, settings per channel, unsubscribe links.
 */
#include <stdio.h>

#include "tests/support/fixture.h"
#include "tests/support/own_gateway.h"
#include "tests/support/smtp.h"

#define VERIFY  "/api/v1/auth/verify-email"
#define RESEND  VERIFY "/resend"
#define RESET   "/api/v1/auth/password-reset"
#define CONFIRM RESET "/confirm"
#define LOGIN   "/api/v1/auth/login"
#define ME      "/api/v1/users/me"

enum { TOKEN_SIZE = 44, WAIT_MS = 60000, LINK_SIZE = 256 };

static struct smtp smtp;

static void setup(void)
{
    fixture_setup();
    smtp_of_deployment(&smtp);
}

/* The token (URL fragment) of the link in the newest mail to `email` that contains `words`. */
static void read_token(const char *email, const char *words, char token[static TOKEN_SIZE])
{
    struct json *mail = smtp_wait(&smtp, email, words);
    const char *mark = strchr(smtp_text(mail, "text"), '#');
    ck_assert_ptr_nonnull(mark);
    (void)snprintf(token, TOKEN_SIZE, "%s", mark + 1);
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "html"), token));
    json_free(mail);
}

static const struct reply *send_token(const char *path, const char *token, const char *more)
{
    return fixture_call(NULL, "POST", path, client_format("{\"token\": \"%s\"%s}", token, more));
}

static void verify(const struct factory_user *user)
{
    char token[TOKEN_SIZE];
    read_token(user->email, "confirm", token);
    EXPECT_STATUS(send_token(VERIFY, token, ""), 204);
}

static const struct reply *log_in(const struct factory_user *user, const char *password)
{
    return fixture_call(NULL, "POST", LOGIN,
                        client_format("{\"email\": \"%s\", \"password\": \"%s\"}", user->email, password));
}

static const struct reply *request_reset(const char *email)
{
    return fixture_call(NULL, "POST", RESET, client_format("{\"email\": \"%s\"}", email));
}

/* The database stores only a hash of the token. */
static void expect_hashed(const char *token)
{
    ck_assert_int_eq(
        sql_int(fixture.sql, "SELECT count(*) FROM account_tokens WHERE hash LIKE '%' || $1 || '%'", token, NULL), 0);
    ck_assert_int_eq(
        sql_int(fixture.sql, "SELECT count(*) FROM deliveries d WHERE d::text LIKE '%' || $1 || '%'", token, NULL), 0);
    ck_assert_int_eq(
        sql_int(fixture.sql, "SELECT count(*) FROM outbox o WHERE o::text LIKE '%' || $1 || '%'", token, NULL), 0);
}

/* ---- address verification ---- */

START_TEST(the_token_of_the_registration_mail_verifies_the_address_once)
{
    char token[TOKEN_SIZE];
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", ME, NULL), "emailVerified", "false");
    read_token(fixture.ann.email, "confirm", token);
    expect_hashed(token);
    EXPECT_STATUS(send_token(VERIFY, token, ""), 204);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", ME, NULL), "emailVerified", "true");
    EXPECT_ERROR(send_token(VERIFY, token, ""), 400, "INVALID_TOKEN");
}
END_TEST

static void make_webhook(void)
{
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", ME "/webhooks",
                               "{\"url\": \"http://127.0.0.1:9999/hook\", \"events\": [\"OUTBID\"]}"),
                  201);
}

static int count_webhooks(void)
{
    return reply_count(fixture_call(&fixture.ann, "GET", ME "/webhooks", NULL), "items");
}

/* The person who registered with an address may not be its owner. */
START_TEST(a_webhook_made_before_the_verification_ends_with_it)
{
    char token[TOKEN_SIZE];
    make_webhook();
    ck_assert_int_eq(count_webhooks(), 1);
    read_token(fixture.ann.email, "confirm", token);
    EXPECT_STATUS(send_token(VERIFY, token, ""), 204);
    ck_assert_int_eq(count_webhooks(), 0);
    make_webhook();
    EXPECT_STATUS(request_reset(fixture.ann.email), 202);
    read_token(fixture.ann.email, "new password", token);
    EXPECT_STATUS(send_token(CONFIRM, token, ", \"password\": \"" FACTORY_PASSWORD "\""), 204);
    ck_assert(factory_log_in(fixture.client, &fixture.ann));
    ck_assert_int_eq(count_webhooks(), 1); /* the address was verified when it was made */
}
END_TEST

START_TEST(a_webhook_made_before_the_verification_ends_with_a_reset)
{
    char token[TOKEN_SIZE];
    make_webhook();
    EXPECT_STATUS(request_reset(fixture.ann.email), 202);
    read_token(fixture.ann.email, "new password", token);
    EXPECT_STATUS(send_token(CONFIRM, token, ", \"password\": \"" FACTORY_PASSWORD "\""), 204);
    ck_assert(factory_log_in(fixture.client, &fixture.ann));
    ck_assert_int_eq(count_webhooks(), 0);
}
END_TEST

START_TEST(the_verification_mail_is_resent_only_to_unverified_addresses)
{
    char token[TOKEN_SIZE];
    read_token(fixture.ann.email, "confirm", token);
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", RESEND, NULL), 202);
    SUITE_WAIT(smtp_count(&smtp, fixture.ann.email) == 2, WAIT_MS);
    EXPECT_STATUS(send_token(VERIFY, token, ""), 204); /* a resend leaves the first token valid */
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", RESEND, NULL), 202);
    EXPECT_STATUS(fixture_call(&fixture.bob, "POST", RESEND, NULL), 202);
    SUITE_WAIT(smtp_count(&smtp, fixture.bob.email) == 2, WAIT_MS);
    ck_assert_int_eq(smtp_count(&smtp, fixture.ann.email), 2);
}
END_TEST

START_TEST(mail_to_an_unverified_address_omits_the_display_name)
{
    struct factory_user user;
    ck_assert(factory_user(fixture.client, &user, "WIN MONEY AT HTTP://SPAM.EXAMPLE"));
    EXPECT_STATUS(request_reset(user.email), 202);
    struct json *mail = smtp_wait(&smtp, user.email, "confirm");
    ck_assert_ptr_null(strstr(smtp_text(mail, "raw"), "SPAM"));
    json_free(mail);
    mail = smtp_wait(&smtp, user.email, "new password");
    ck_assert_ptr_null(strstr(smtp_text(mail, "raw"), "SPAM"));
    json_free(mail);
}
END_TEST

START_TEST(malformed_unknown_foreign_and_expired_tokens_are_refused)
{
    char token[TOKEN_SIZE];
    EXPECT_ERROR(send_token(VERIFY, "x", ""), 400, "INVALID_TOKEN");
    EXPECT_ERROR(send_token(VERIFY, "3nC0dEd-t0kEn_0f-32-bYtEs-AAAAAAAAAAAAAAAAA", ""), 400, "INVALID_TOKEN");
    read_token(fixture.ann.email, "confirm", token);
    EXPECT_ERROR(send_token(CONFIRM, token, ", \"password\": \"another password\""), 400, "INVALID_TOKEN");
    PQclear(sql_rows(fixture.sql, "UPDATE account_tokens SET expires_at = now() WHERE user_id = $1::uuid",
                     fixture.ann.id, NULL));
    EXPECT_ERROR(send_token(VERIFY, token, ""), 400, "INVALID_TOKEN");
}
END_TEST

/* ---- password reset ---- */

START_TEST(a_reset_token_sets_the_password_once_and_ends_all_sessions)
{
    char token[TOKEN_SIZE];
    char other[TOKEN_SIZE];
    static const char password[] = ", \"password\": \"another password\"";
    EXPECT_STATUS(request_reset(fixture.ann.email), 202);
    read_token(fixture.ann.email, "new password", other);
    EXPECT_STATUS(request_reset(fixture.ann.email), 202);
    SUITE_WAIT(smtp_count(&smtp, fixture.ann.email) == 3, WAIT_MS);
    read_token(fixture.ann.email, "new password", token);
    ck_assert_str_ne(token, other);
    expect_hashed(token);
    EXPECT_ERROR(send_token(CONFIRM, token, ", \"password\": \"short\""), 400, "VALIDATION_FAILED");
    EXPECT_STATUS(send_token(CONFIRM, token, password), 204);
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", ME, NULL), 401, "UNAUTHORIZED");
    EXPECT_ERROR(log_in(&fixture.ann, FACTORY_PASSWORD), 401, "INVALID_CREDENTIALS");
    EXPECT_ERROR(send_token(CONFIRM, token, password), 400, "INVALID_TOKEN");
    EXPECT_ERROR(send_token(CONFIRM, other, password), 400, "INVALID_TOKEN");
    EXPECT_STATUS(log_in(&fixture.ann, "another password"), 200);
    json_free(smtp_wait(&smtp, fixture.ann.email, "Your password was changed"));
    ck_assert_str_eq(
        sql_text(fixture.sql, "SELECT verified_at IS NOT NULL FROM users WHERE id = $1::uuid", fixture.ann.id, NULL),
        "t");
}
END_TEST

START_TEST(changing_the_password_invalidates_pending_reset_tokens)
{
    char token[TOKEN_SIZE];
    EXPECT_STATUS(request_reset(fixture.ann.email), 202);
    read_token(fixture.ann.email, "new password", token);
    EXPECT_STATUS(fixture_call(&fixture.ann, "PATCH", ME, "{\"displayName\": \"Anna\"}"), 200);
    EXPECT_ERROR(send_token(CONFIRM, token, ", \"password\": \"short\""), 400, "VALIDATION_FAILED");
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM account_tokens WHERE user_id = $1::uuid"
                             " AND purpose = 'PASSWORD_RESET'",
                             fixture.ann.id, NULL),
                     1);
    EXPECT_STATUS(fixture_call(&fixture.ann, "PATCH", ME,
                               "{\"password\": \"another password\", \"currentPassword\": \"" FACTORY_PASSWORD "\"}"),
                  200);
    EXPECT_ERROR(send_token(CONFIRM, token, ", \"password\": \"a third password\""), 400, "INVALID_TOKEN");
    EXPECT_STATUS(log_in(&fixture.ann, "another password"), 200);
}
END_TEST

START_TEST(a_reset_request_does_not_reveal_whether_the_account_exists)
{
    char body[256];
    char unknown[FACTORY_EMAIL_SIZE + 8];
    (void)snprintf(unknown, sizeof(unknown), "no.%s", fixture.ann.email);
    const struct reply *reply = request_reset(fixture.ann.email);
    EXPECT_STATUS(reply, 202);
    (void)snprintf(body, sizeof(body), "%s", reply->body);
    reply = request_reset(unknown);
    EXPECT_STATUS(reply, 202);
    ck_assert_str_eq(reply->body, body);
    SUITE_WAIT(sql_int(fixture.sql, "SELECT count(*) FROM deliveries WHERE endpoint = $1 AND state = 'dropped'",
                       unknown, NULL) == 1,
               WAIT_MS);
    ck_assert_int_eq(smtp_count(&smtp, unknown), 0);
}
END_TEST

/* ---- logins ---- */

static void log_in_from(const char *agent)
{
    client_header(fixture.client, client_format("User-Agent: %s", agent));
    EXPECT_STATUS(log_in(&fixture.ann, FACTORY_PASSWORD), 200);
}

START_TEST(a_login_from_a_new_browser_sends_one_mail)
{
    verify(&fixture.ann);
    log_in_from("Reading glass/1.0 <b>");
    struct json *mail = smtp_wait(&smtp, fixture.ann.email, "New login");
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "text"), "Reading glass/1.0 <b>"));
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "html"), "Reading glass/1.0 &lt;b&gt;"));
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "text"), "127.0.0.1"));
    json_free(mail);
    log_in_from("Reading glass/1.0 <b>");
    log_in_from("Other glass/2.0");
    SUITE_WAIT(sql_int(fixture.sql, "SELECT count(*) FROM deliveries WHERE endpoint = $1 AND kind = 'NEW_LOGIN'",
                       fixture.ann.email, NULL) == 2,
               WAIT_MS);
    SUITE_WAIT(smtp_count(&smtp, fixture.ann.email) == 3, WAIT_MS);
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM login_places WHERE place LIKE '%glass%'", NULL), 0);
}
END_TEST

/* ---- bids ---- */

static int lost_lead_notifications(const struct factory_user *user)
{
    int outbid = factory_notifications(fixture.client, user, fixture.auction, "OUTBID");
    int exhausted = factory_notifications(fixture.client, user, fixture.auction, "PROXY_EXHAUSTED");
    ck_assert(outbid >= 0 && exhausted >= 0);
    return outbid + exhausted;
}

static void bid(const struct factory_user *user, const char *amount)
{
    EXPECT_STATUS(factory_bid(fixture.client, user, fixture.auction, amount), 200);
}

START_TEST(each_loss_of_the_lead_sends_one_notification)
{
    bid(&fixture.ann, "10.00");
    bid(&fixture.bob, "11.00"); /* Ann loses the lead */
    bid(&fixture.bob, "12.00");
    bid(&fixture.bob, "13.00"); /* Bob led already: Ann loses nothing */
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.bob, fixture.auction, "30.00"), 200);
    bid(&fixture.ann, "15.00"); /* outbid at once by Bob's maximum: Ann never led */
    bid(&fixture.ann, "20.00");
    bid(&fixture.ann, "40.00"); /* Bob loses the lead */
    bid(&fixture.bob, "50.00"); /* Ann loses the lead */
    bid(&fixture.ann, "60.00"); /* Bob loses the lead */
    SUITE_WAIT(lost_lead_notifications(&fixture.bob) == 2, WAIT_MS);
    ck_assert_int_eq(lost_lead_notifications(&fixture.ann), 2);
    ck_assert_int_eq(lost_lead_notifications(&fixture.bob), 2);
    ck_assert_int_eq(factory_notifications(fixture.client, &fixture.bob, fixture.auction, "PROXY_EXHAUSTED"), 1);
}
END_TEST

START_TEST(notification_settings_apply_per_kind_and_channel)
{
    const struct reply *reply =
        fixture_call(&fixture.ann, "PATCH", ME,
                     "{\"notificationSettings\": {\"OUTBID\": {\"inApp\": false, \"email\": true},"
                     " \"AUCTION_WON\": {\"email\": true}, \"AUCTION_LOST\": {\"webhook\": false}}}");
    EXPECT_TEXT(reply, "notificationSettings.OUTBID.inApp", "false");
    EXPECT_TEXT(reply, "notificationSettings.OUTBID.email", "true");
    EXPECT_TEXT(reply, "notificationSettings.OUTBID.webhook", "true");
    EXPECT_TEXT(reply, "notificationSettings.AUCTION_WON.inApp", "true");
    EXPECT_TEXT(reply, "notificationSettings.AUCTION_WON.email", "true");
    EXPECT_TEXT(reply, "notificationSettings.AUCTION_LOST.webhook", "false");
    reply = fixture_call(&fixture.ann, "PATCH", ME,
                         "{\"notificationSettings\": {\"AUCTION_WON\": {\"email\": false}, \"BID_VOIDED\": {}}}");
    EXPECT_TEXT(reply, "notificationSettings.AUCTION_WON.email", "false");
    EXPECT_TEXT(reply, "notificationSettings.OUTBID.email", "true");
    EXPECT_ERROR(fixture_call(&fixture.ann, "PATCH", ME, "{\"notificationSettings\": {\"OUTBID\": {\"email\": 1}}}"),
                 400, "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(&fixture.ann, "PATCH", ME, "{\"notificationSettings\": {\"OUTBID\": {\"fax\": true}}}"),
                 400, "VALIDATION_FAILED");
    verify(&fixture.ann);
    bid(&fixture.ann, "10.00");
    bid(&fixture.bob, "11.00");
    json_free(smtp_wait(&smtp, fixture.ann.email, "You were outbid: A chair"));
    ck_assert_int_eq(lost_lead_notifications(&fixture.ann), 0);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", ME "/notifications/count", NULL), "unread", "0");
}
END_TEST

/* ---- unsubscribing ---- */

/* The path of the List-Unsubscribe link in Ann's newest OUTBID mail. */
static void read_link(char link[static LINK_SIZE])
{
    struct json *mail = smtp_wait(&smtp, fixture.ann.email, "You were outbid");
    const char *path = strstr(smtp_header(mail, "list-unsubscribe"), "/api/");
    ck_assert_ptr_nonnull(path);
    (void)snprintf(link, LINK_SIZE, "%.*s", (int)strcspn(path, ">"), path);
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "text"), link));
    json_free(mail);
}

START_TEST(an_unsubscribe_link_disables_mail_of_its_kind_only)
{
    char link[LINK_SIZE];
    verify(&fixture.ann);
    EXPECT_STATUS(fixture_call(&fixture.ann, "PATCH", ME,
                               "{\"notificationSettings\": {\"OUTBID\": {\"email\": true}, "
                               "\"AUCTION_WON\": {\"email\": true}}}"),
                  200);
    bid(&fixture.ann, "10.00");
    bid(&fixture.bob, "11.00");
    read_link(link);
    const struct reply *reply = fixture_call(NULL, "GET", link, NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_ptr_nonnull(strstr(reply->body, "<form method=\"post\""));
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", ME, NULL), "notificationSettings.OUTBID.email", "true");
    char *kind = strstr(link, "OUTBID.");
    memcpy(kind, "BIDOUT.", strlen("BIDOUT."));
    EXPECT_ERROR(fixture_call(NULL, "POST", link, NULL), 400, "INVALID_TOKEN");
    memcpy(kind, "OUTBID.", strlen("OUTBID."));
    kind[strlen("OUTBID.")] ^= 1; /* another user */
    EXPECT_ERROR(fixture_call(NULL, "POST", link, NULL), 400, "INVALID_TOKEN");
    kind[strlen("OUTBID.")] ^= 1;
    client_header(fixture.client, "Content-Type: application/x-www-form-urlencoded");
    EXPECT_STATUS(
        client_send(fixture.client, "POST", link, "List-Unsubscribe=One-Click", strlen("List-Unsubscribe=One-Click")),
        200);
    for (int i = 0; i < 5; i++) {
        EXPECT_STATUS(fixture_call(NULL, "POST", link, NULL), 200);
    }
    /* A repetition changes nothing. Else anybody with a link could flood the audit log. */
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM audit_log WHERE action = 'UNSUBSCRIBED' AND actor_id = $1::uuid"
                             " AND subject = 'OUTBID' AND address <> ''",
                             fixture.ann.id, NULL),
                     1);
    reply = fixture_call(&fixture.ann, "GET", ME, NULL);
    EXPECT_TEXT(reply, "notificationSettings.OUTBID.email", "false");
    EXPECT_TEXT(reply, "notificationSettings.OUTBID.inApp", "true");
    EXPECT_TEXT(reply, "notificationSettings.AUCTION_WON.email", "true");
}
END_TEST

/* ---- without mail ---- */

static const struct reply *own_call(const struct own_gateway *own, const struct factory_user *who, const char *method,
                                    const char *path, const char *body)
{
    client_token(own->client, who == NULL ? NULL : who->token);
    return client_call(own->client, method, path, body);
}

START_TEST(without_mail_nobody_waits_for_one)
{
    struct own_gateway own;
    struct factory_user cyd;
    const struct reply *reply = fixture_call(&fixture.ann, "GET", ME, NULL);
    EXPECT_TEXT(reply, "sendsMail", "true");
    own_gateway_start(&own, "[mail]\nmail_url = none\n");
    ck_assert(factory_user(own.client, &cyd, "Cyd"));
    reply = own_call(&own, &cyd, "GET", ME, NULL);
    EXPECT_TEXT(reply, "sendsMail", "false");
    EXPECT_TEXT(reply, "emailVerified", "false");
    EXPECT_ERROR(own_call(&own, &cyd, "POST", RESEND, NULL), 503, "MAIL_OFF");
    const char *body = client_format("{\"email\": \"%s\"}", cyd.email);
    EXPECT_ERROR(own_call(&own, NULL, "POST", RESET, body), 503, "MAIL_OFF");
    EXPECT_ERROR(own_call(&own, NULL, "POST", RESET, "{\"email\": \"nobody@example.org\"}"), 503, "MAIL_OFF");
    own_gateway_stop(&own);
}
END_TEST

static Suite *account_mail_suite(void)
{
    const TTest *const tests[] = {
        the_token_of_the_registration_mail_verifies_the_address_once,
        a_webhook_made_before_the_verification_ends_with_it,
        a_webhook_made_before_the_verification_ends_with_a_reset,
        the_verification_mail_is_resent_only_to_unverified_addresses,
        mail_to_an_unverified_address_omits_the_display_name,
        malformed_unknown_foreign_and_expired_tokens_are_refused,
        a_reset_token_sets_the_password_once_and_ends_all_sessions,
        changing_the_password_invalidates_pending_reset_tokens,
        a_reset_request_does_not_reveal_whether_the_account_exists,
        a_login_from_a_new_browser_sends_one_mail,
        each_loss_of_the_lead_sends_one_notification,
        notification_settings_apply_per_kind_and_channel,
        an_unsubscribe_link_disables_mail_of_its_kind_only,
        without_mail_nobody_waits_for_one,
    };
    Suite *suite = suite_create("account_mail");
    TCase *cases = tcase_create("account_mail");
    tcase_add_checked_fixture(cases, setup, fixture_teardown);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(cases, tests[i]);
    }
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return suite_run(account_mail_suite());
}
