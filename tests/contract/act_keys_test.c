/*
 * Idempotency keys of acts: changes by an admin, and new secrets of webhooks. A repeated act answers like the first
 * one, and neither acts nor adds an entry to the audit log. The keys of creations are in creations_test.c.
 *
 * Runs alone: its blocked requests hold the gateway's connections to PostgreSQL.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/support/admin.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

#define KEY     "Idempotency-Key: an act"
#define ACTIONS "SELECT count(*) FROM audit_log WHERE subject = $1 AND action = $2"

enum { PATH_SIZE = 160, BODY_SIZE = 256, BLOCKED_MS = 20000, WORKERS_MAX = 16 };

/* An act on `subject`, and another one with the same path. */
struct act {
    const char *method;
    char path[PATH_SIZE];
    char body[BODY_SIZE];
    char other[BODY_SIZE];
    char subject[UUID_TEXT_SIZE];
    const char *action; /* of its entry */
};

static struct factory_user admin;
static struct sql *locker;

static const struct reply *send_with(struct client *client, const struct act *act, const char *body)
{
    client_token(client, admin.token);
    client_header(client, KEY);
    return client_call(client, act->method, act->path, body[0] == '\0' ? NULL : body);
}

static const struct reply *act_send(const struct act *act)
{
    return send_with(fixture.client, act, act->body);
}

static int64_t entries(const struct act *act)
{
    return sql_int(fixture.sql, ACTIONS, act->subject, act->action, NULL);
}

/* The key is bound to the first act; the same act again has no effect, and another one is refused. */
static void expect_once(const struct act *act)
{
    for (int i = 0; i < 3; i++) {
        EXPECT_STATUS(act_send(act), 200);
        ck_assert_int_eq(entries(act), 1);
    }
    EXPECT_ERROR(send_with(fixture.client, act, act->other), 422, "IDEMPOTENCY_KEY_REUSED");
    ck_assert_int_eq(entries(act), 1);
    PQclear(sql_rows(fixture.sql, "DELETE FROM idempotency_keys WHERE user_id = $1::uuid", admin.id, NULL));
}

static struct act act_on_user(const char *what, const char *action, const char *more)
{
    struct act act = {.method = strcmp(what, "role") == 0 ? "PUT" : "POST", .action = action};
    (void)snprintf(act.path, sizeof act.path, "/api/v1/admin/users/%s/%s", fixture.ann.id, what);
    (void)snprintf(act.body, sizeof act.body, "{\"reason\": \"one\"%s}", more);
    (void)snprintf(act.other, sizeof act.other, "{\"reason\": \"another\"%s}", more);
    (void)snprintf(act.subject, sizeof act.subject, "%s", fixture.ann.id);
    return act;
}

START_TEST(a_repeated_change_of_a_user_is_made_once)
{
    struct act ban = act_on_user("ban", "USER_BANNED", "");
    struct act unban = act_on_user("unban", "USER_UNBANNED", "");
    struct act role = act_on_user("role", "USER_ROLE_CHANGED", ", \"role\": \"admin\"");
    expect_once(&ban);
    expect_once(&unban);
    expect_once(&role);
}
END_TEST

START_TEST(a_repeated_ban_does_not_ban_again_who_was_unbanned)
{
    struct act ban = act_on_user("ban", "USER_BANNED", "");
    EXPECT_STATUS(act_send(&ban), 200);
    EXPECT_STATUS(admin_unban(fixture.client, &admin, fixture.ann.id), 200);
    const struct reply *reply = act_send(&ban);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "bannedAt", "null");
    ck_assert_int_eq(entries(&ban), 1);
}
END_TEST

START_TEST(a_refused_act_frees_its_key)
{
    struct act ban = act_on_user("ban", "USER_BANNED", "");
    EXPECT_ERROR(send_with(fixture.client, &ban, "{\"reason\": \"\"}"), 400, "VALIDATION_FAILED");
    PQclear(sql_rows(fixture.sql, "UPDATE users SET role = 'user' WHERE role = 'admin' AND id <> $1::uuid", admin.id,
                     NULL));
    struct act last = ban;
    (void)snprintf(last.path, sizeof last.path, "/api/v1/admin/users/%s/ban", admin.id);
    EXPECT_ERROR(act_send(&last), 409, "LAST_ADMIN");
    EXPECT_STATUS(act_send(&ban), 200);
}
END_TEST

START_TEST(a_repeated_order_of_an_auction_is_decided_once)
{
    char end[CLOCK_TEXT_SIZE];
    struct act act = {.method = "PUT", .action = "AUCTION_EXTEND"};
    (void)snprintf(act.path, sizeof act.path, "/api/v1/admin/auctions/%s", fixture.auction);
    (void)snprintf(act.subject, sizeof act.subject, "%s", fixture.auction);
    clock_format(clock_now_ms() + INT64_C(7200000), end);
    (void)snprintf(act.body, sizeof act.body, "{\"action\": \"extend\", \"endTime\": \"%s\", \"reason\": \"x\"}", end);
    (void)snprintf(act.other, sizeof act.other, "{\"action\": \"end\", \"reason\": \"x\"}");
    expect_once(&act);
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM bids WHERE auction_id = $1::uuid AND kind = 'extend'",
                             fixture.auction, NULL),
                     1);
}
END_TEST

/* Unlike a creation, an order keeps its key: the queue has decided it. */
START_TEST(a_repeated_order_that_was_rejected_is_rejected_again)
{
    struct act act = {.method = "PUT", .action = "AUCTION_EXTEND"};
    char end[CLOCK_TEXT_SIZE];
    (void)snprintf(act.path, sizeof act.path, "/api/v1/admin/auctions/%s", fixture.auction);
    (void)snprintf(act.subject, sizeof act.subject, "%s", fixture.auction);
    clock_format(clock_now_ms() + 60000, end);
    (void)snprintf(act.body, sizeof act.body, "{\"action\": \"extend\", \"endTime\": \"%s\", \"reason\": \"x\"}", end);
    for (int i = 0; i < 2; i++) {
        EXPECT_ERROR(act_send(&act), 409, "END_NOT_LATER");
        ck_assert_int_eq(entries(&act), 1);
    }
}
END_TEST

START_TEST(a_repeated_void_is_decided_once)
{
    struct act act = {.method = "POST", .action = "BID_VOID"};
    const struct reply *reply = factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00");
    EXPECT_STATUS(reply, 200);
    (void)snprintf(act.path, sizeof act.path, "/api/v1/admin/auctions/%s/bids/%s/void", fixture.auction,
                   reply_text(reply, "bidId"));
    (void)snprintf(act.subject, sizeof act.subject, "%s", fixture.auction);
    (void)snprintf(act.body, sizeof act.body, "{\"reason\": \"one\"}");
    (void)snprintf(act.other, sizeof act.other, "{\"reason\": \"another\"}");
    expect_once(&act);
}
END_TEST

START_TEST(a_repeated_requeue_sends_the_dead_letter_once)
{
    struct act act = {.method = "POST", .action = "DEAD_LETTER_REQUEUED"};
    (void)snprintf(act.subject, sizeof act.subject, "%s",
                   sql_text(fixture.sql,
                            "INSERT INTO dead_letters (id, routing_key, reason, body, created_at) VALUES"
                            " (gen_random_uuid(), 'dead.email', 'test', '{}', now()) RETURNING id",
                            NULL));
    (void)snprintf(act.path, sizeof act.path, "/api/v1/admin/dead-letters/%s/requeue?reason=one", act.subject);
    for (int i = 0; i < 2; i++) {
        const struct reply *reply = act_send(&act);
        EXPECT_STATUS(reply, 200);
        EXPECT_TEXT(reply, "id", act.subject);
        ck_assert_int_eq(entries(&act), 1);
    }
    (void)snprintf(act.path, sizeof act.path, "/api/v1/admin/dead-letters/%s/requeue?reason=another", act.subject);
    EXPECT_ERROR(act_send(&act), 422, "IDEMPOTENCY_KEY_REUSED");
}
END_TEST

/* The new secret is shown once. */
START_TEST(a_repeated_rotation_keeps_the_secret)
{
    static const char secret[] = "SELECT secret FROM webhooks WHERE id = $1::uuid";
    char first[BODY_SIZE];
    struct act act = {.method = "POST", .action = "WEBHOOK_SECRET_CHANGED"};
    client_token(fixture.client, admin.token);
    const struct reply *reply =
        client_call(fixture.client, "POST", "/api/v1/admin/webhooks",
                    "{\"url\": \"https://shop.example/a\", \"events\": [\"AUCTION_CANCELLED\"]}");
    EXPECT_STATUS(reply, 201);
    (void)snprintf(act.subject, sizeof act.subject, "%s", reply_text(reply, "id"));
    (void)snprintf(act.path, sizeof act.path, "/api/v1/admin/webhooks/%s/secret", act.subject);
    reply = act_send(&act);
    EXPECT_STATUS(reply, 200);
    EXPECT_PRESENT(reply, "secret");
    (void)snprintf(first, sizeof first, "%s", sql_text(fixture.sql, secret, act.subject, NULL));
    reply = act_send(&act);
    EXPECT_STATUS(reply, 200);
    EXPECT_PRESENT(reply, "previousUntil");
    ck_assert_ptr_null(reply_at(reply, "secret"));
    ck_assert_str_eq(sql_text(fixture.sql, secret, act.subject, NULL), first);
    ck_assert_int_eq(entries(&act), 1);
    PQclear(sql_rows(fixture.sql, "DELETE FROM webhooks WHERE created_by = $1::uuid", admin.id, NULL));
}
END_TEST

/* ---- while the first act is under way ---- */

struct sender {
    pthread_t thread;
    const struct act *act;
    int status;
};

static void *run_sender(void *arg)
{
    struct sender *sender = arg;
    struct client *client = client_new(deployment_http_url());
    if (client != NULL) {
        sender->status = send_with(client, sender->act, sender->act->body)->status;
        client_free(client);
    }
    return NULL;
}

static void sender_begin(struct sender *sender, const struct act *act)
{
    *sender = (struct sender){.act = act};
    ck_assert_int_eq(pthread_create(&sender->thread, NULL, run_sender, sender), 0);
}

static void sender_end(struct sender *sender)
{
    ck_assert_int_eq(pthread_join(sender->thread, NULL), 0);
}

static void lock_user(void)
{
    PQclear(sql_rows(locker, "BEGIN", NULL));
    PQclear(sql_rows(locker, "SELECT FROM users WHERE id = $1::uuid FOR UPDATE", fixture.ann.id, NULL));
}

static void unlock_user(void)
{
    PQclear(sql_rows(locker, "COMMIT", NULL));
}

START_TEST(the_key_of_an_act_is_in_use_until_it_is_answered)
{
    struct sender first;
    struct act ban = act_on_user("ban", "USER_BANNED", "");
    lock_user();
    sender_begin(&first, &ban);
    SUITE_WAIT(sql_blocked(fixture.sql, locker) == 1, BLOCKED_MS);
    EXPECT_ERROR(act_send(&ban), 409, "IDEMPOTENCY_KEY_IN_USE");
    unlock_user();
    sender_end(&first);
    ck_assert_int_eq(first.status, 200);
    expect_once(&ban);
}
END_TEST

/* The reservation of the first act expires while it is under way; the second one takes the key. */
START_TEST(equal_acts_at_once_act_once_although_a_reservation_expired)
{
    struct sender senders[2];
    struct act ban = act_on_user("ban", "USER_BANNED", "");
    lock_user();
    sender_begin(&senders[0], &ban);
    SUITE_WAIT(sql_blocked(fixture.sql, locker) == 1, BLOCKED_MS);
    PQclear(sql_rows(fixture.sql,
                     "UPDATE idempotency_keys SET held_until = now() - interval '1 second' WHERE user_id = $1::uuid",
                     admin.id, NULL));
    sender_begin(&senders[1], &ban);
    SUITE_WAIT(sql_blocked(fixture.sql, locker) == 2, BLOCKED_MS);
    unlock_user();
    sender_end(&senders[0]);
    sender_end(&senders[1]);
    ck_assert_int_eq(entries(&ban), 1);
    EXPECT_STATUS(act_send(&ban), 200);
    ck_assert_int_eq(entries(&ban), 1);
}
END_TEST

/* The workers are killed while the act waits: it is committed, and nobody is answered. */
START_TEST(an_act_of_a_killed_gateway_is_not_done_again)
{
    struct sender first;
    pid_t workers[WORKERS_MAX];
    struct act ban = act_on_user("ban", "USER_BANNED", "");
    lock_user();
    sender_begin(&first, &ban);
    SUITE_WAIT(sql_blocked(fixture.sql, locker) == 1, BLOCKED_MS);
    size_t count = deployment_children(deployment_pid("gateway"), workers, WORKERS_MAX);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(kill(workers[i], SIGKILL), 0);
    }
    unlock_user();
    sender_end(&first);
    ck_assert_int_eq(first.status, 0);
    SUITE_WAIT(entries(&ban) == 1, BLOCKED_MS);
    SUITE_WAIT(deployment_ready(), BLOCKED_MS);
    expect_once(&ban);
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", "/api/v1/users/me", NULL), 403, "USER_BANNED");
}
END_TEST

static void setup(void)
{
    fixture_setup();
    locker = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(locker);
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
}

static void teardown(void)
{
    sql_close(locker);
    fixture_teardown();
}

static Suite *act_keys_suite(void)
{
    Suite *suite = suite_create("act_keys");
    TCase *cases = tcase_create("act_keys");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, a_repeated_change_of_a_user_is_made_once);
    tcase_add_test(cases, a_repeated_ban_does_not_ban_again_who_was_unbanned);
    tcase_add_test(cases, a_refused_act_frees_its_key);
    tcase_add_test(cases, a_repeated_order_of_an_auction_is_decided_once);
    tcase_add_test(cases, a_repeated_order_that_was_rejected_is_rejected_again);
    tcase_add_test(cases, a_repeated_void_is_decided_once);
    tcase_add_test(cases, a_repeated_requeue_sends_the_dead_letter_once);
    tcase_add_test(cases, a_repeated_rotation_keeps_the_secret);
    tcase_add_test(cases, the_key_of_an_act_is_in_use_until_it_is_answered);
    tcase_add_test(cases, equal_acts_at_once_act_once_although_a_reservation_expired);
    tcase_add_test(cases, an_act_of_a_killed_gateway_is_not_done_again);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return suite_run(act_keys_suite());
}
