/*
 * Idempotency keys of creations while a request is under way: items, auctions, images and webhooks. The tests hold a
 * row lock in PostgreSQL that the new row needs, so that the first request is under way when the second one arrives.
 * What follows after a finished request is in idempotency_test.c.
 *
 * Long: it waits for time limits of requests that are held, and nothing else may run meanwhile.
 * Runs alone: its blocked requests hold the gateway's connections to PostgreSQL.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/support/admin.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/image.h"
#include "tests/support/redis_run.h"

#define KEY "Idempotency-Key: \"under way\""

enum {
    PATH_SIZE = 128,
    TEXT_SIZE = 256,
    CODE_SIZE = 64,
    BLOCKED_MS = 20000,
    VARIANTS = 3,
    REFUSED = 2,
    WORKERS_MAX = 16
};

enum kind { ITEM, AUCTION, IMAGE, WEBHOOK, DEPLOYMENT_WEBHOOK, KIND_COUNT };

static const struct {
    const char *path;
    const char *type;
    const char *count; /* of the rows; $1 is the creator, or for images the auction */
    const char *lock;  /* likewise */
    const char *bodies[VARIANTS];
} kinds[KIND_COUNT] = {
    [ITEM] = {"/api/v1/items",
              "application/json",
              "SELECT count(*) FROM items WHERE owner_id = $1::uuid",
              "SELECT FROM users WHERE id = $1::uuid FOR UPDATE",
              {"{\"title\": \"A desk\"}", "{\"title\": \"A bench\"}", "{\"title\": \"\"}"}},
    [AUCTION] = {"/api/v1/auctions",
                 "application/json",
                 "SELECT count(*) FROM auctions WHERE seller_id = $1::uuid AND title = 'A desk'",
                 "SELECT FROM users WHERE id = $1::uuid FOR UPDATE",
                 {"{\"title\": \"A desk\", \"startingPrice\": 10.00, \"endTime\": \"%s\"}",
                  "{\"title\": \"A desk\", \"startingPrice\": 11.00, \"endTime\": \"%s\"}", "{\"title\": \"\"}"}},
    [IMAGE] = {"/api/v1/auctions/%s/images",
               "image/png",
               "SELECT count(*) FROM images WHERE auction_id = $1::uuid",
               "SELECT FROM auctions WHERE id = $1::uuid FOR UPDATE",
               {NULL}},
    [WEBHOOK] = {"/api/v1/users/me/webhooks",
                 "application/json",
                 "SELECT count(*) FROM webhooks WHERE created_by = $1::uuid",
                 "SELECT FROM users WHERE id = $1::uuid FOR UPDATE",
                 {"{\"url\": \"https://shop.example/a\", \"events\": [\"AUCTION_WON\"]}",
                  "{\"url\": \"https://shop.example/b\", \"events\": [\"AUCTION_WON\"]}", "{\"url\": \"\"}"}},
    [DEPLOYMENT_WEBHOOK] = {"/api/v1/admin/webhooks",
                            "application/json",
                            "SELECT count(*) FROM webhooks WHERE created_by = $1::uuid",
                            "SELECT FROM users WHERE id = $1::uuid FOR UPDATE",
                            {"{\"url\": \"https://shop.example/a\", \"events\": [\"AUCTION_CANCELLED\"]}",
                             "{\"url\": \"https://shop.example/b\", \"events\": [\"AUCTION_CANCELLED\"]}",
                             "{\"url\": \"\"}"}},
};

/* What a user creates: contents 0 and 1 differ, and content REFUSED is invalid. */
struct making {
    enum kind kind;
    const struct factory_user *who;
    const char *subject; /* $1 of count and lock */
    char draft[UUID_TEXT_SIZE];
    char path[PATH_SIZE];
    char texts[VARIANTS][TEXT_SIZE];
    struct image contents[VARIANTS]; /* of IMAGE: bytes of their own; of the other kinds: `texts` */
};

static struct factory_user admin;
static struct sql *locker;

/* Images need a draft, because only the row of a draft is locked by a new image. */
static void fill_images(struct making *making)
{
    const struct factory_terms terms = {.more = "\"draft\": true"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, making->draft));
    making->subject = making->draft;
    (void)snprintf(making->path, PATH_SIZE, "/api/v1/auctions/%s/images", making->draft);
    for (uint32_t i = 0; i < VARIANTS; i++) {
        making->contents[i] = image_png(20, 20, i + 1);
    }
    making->contents[REFUSED].length /= 2;
}

/* As after 24 hours. */
static void forget_keys(const struct factory_user *who)
{
    PQclear(sql_rows(fixture.sql, "DELETE FROM idempotency_keys WHERE user_id = $1::uuid", who->id, NULL));
}

static void making_begin(struct making *making, enum kind kind)
{
    char end[CLOCK_TEXT_SIZE];
    *making = (struct making){.kind = kind, .who = kind == DEPLOYMENT_WEBHOOK ? &admin : &fixture.seller};
    making->subject = making->who->id;
    forget_keys(making->who); /* the kinds share a key */
    if (kind == IMAGE) {
        fill_images(making);
        return;
    }
    clock_format(clock_now_ms() + 3600000, end);
    (void)snprintf(making->path, PATH_SIZE, "%s", kinds[kind].path);
    for (int i = 0; i < VARIANTS; i++) {
        const char *body = kinds[kind].bodies[i];
        const char *time = strstr(body, "%s");
        size_t before = time == NULL ? strlen(body) : (size_t)(time - body);
        (void)snprintf(making->texts[i], TEXT_SIZE, "%.*s%s%s", (int)before, body, time == NULL ? "" : end,
                       time == NULL ? "" : time + 2);
        making->contents[i] = (struct image){(unsigned char *)making->texts[i], strlen(making->texts[i])};
    }
}

static void making_end(struct making *making)
{
    for (int i = 0; i < VARIANTS; i++) {
        if (making->contents[i].bytes != (unsigned char *)making->texts[i]) {
            free(making->contents[i].bytes);
        }
    }
    if (making->kind == DEPLOYMENT_WEBHOOK) {
        PQclear(sql_rows(fixture.sql, "DELETE FROM webhooks WHERE created_by = $1::uuid", admin.id, NULL));
    }
}

static const struct reply *making_send(const struct making *making, struct client *client, int which)
{
    const struct image *content = &making->contents[which];
    char type[PATH_SIZE];
    (void)snprintf(type, sizeof type, "Content-Type: %s", kinds[making->kind].type);
    client_token(client, making->who->token);
    client_header(client, KEY);
    client_header(client, type);
    return client_send(client, "POST", making->path, content->bytes, content->length);
}

static int64_t making_count(const struct making *making)
{
    return sql_int(fixture.sql, kinds[making->kind].count, making->subject, NULL);
}

/* A request on a connection and thread of its own. */
struct sender {
    pthread_t thread;
    const struct making *making;
    int which;
    int status;
    char error[CODE_SIZE];
    char id[UUID_TEXT_SIZE];
};

static void *run_sender(void *arg)
{
    struct sender *sender = arg;
    struct client *client = client_new(deployment_http_url());
    if (client != NULL) {
        const struct reply *reply = making_send(sender->making, client, sender->which);
        sender->status = reply->status;
        (void)snprintf(sender->error, sizeof sender->error, "%s", reply_text(reply, "error"));
        (void)snprintf(sender->id, sizeof sender->id, "%s", reply_text(reply, "id"));
        client_free(client);
    }
    return NULL;
}

static void sender_begin(struct sender *sender, const struct making *making, int which)
{
    *sender = (struct sender){.making = making, .which = which};
    ck_assert_int_eq(pthread_create(&sender->thread, NULL, run_sender, sender), 0);
}

static void sender_end(struct sender *sender)
{
    ck_assert_int_eq(pthread_join(sender->thread, NULL), 0);
}

static void lock(const struct making *making)
{
    PQclear(sql_rows(locker, "BEGIN", NULL));
    PQclear(sql_rows(locker, kinds[making->kind].lock, making->subject, NULL));
}

static void unlock(void)
{
    PQclear(sql_rows(locker, "COMMIT", NULL));
}

static void expire_reservation(const struct making *making)
{
    PQclear(sql_rows(fixture.sql,
                     "UPDATE idempotency_keys SET held_until = now() - interval '1 second' WHERE user_id = $1::uuid",
                     making->who->id, NULL));
}

static void expect_in_use(const struct making *making, int which)
{
    EXPECT_ERROR(making_send(making, fixture.client, which), 409, "IDEMPOTENCY_KEY_IN_USE");
    ck_assert_str_eq(client_reply_header(fixture.client, "Retry-After"), "1");
}

START_TEST(a_key_is_in_use_until_its_creation_is_answered)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct making making;
        struct sender first;
        making_begin(&making, (enum kind)kind);
        lock(&making);
        sender_begin(&first, &making, 0);
        SUITE_WAIT(sql_blocked(fixture.sql, locker) == 1, BLOCKED_MS);
        expect_in_use(&making, 0);
        expect_in_use(&making, 1);
        unlock();
        sender_end(&first);
        ck_assert_int_eq(first.status, 201);
        const struct reply *reply = making_send(&making, fixture.client, 0);
        EXPECT_STATUS(reply, 201);
        EXPECT_TEXT(reply, "id", first.id);
        EXPECT_ERROR(making_send(&making, fixture.client, 1), 422, "IDEMPOTENCY_KEY_REUSED");
        ck_assert_int_eq(making_count(&making), 1);
        making_end(&making);
    }
}
END_TEST

/* The reservation of the first request expires while it is under way, so the second one is not refused. */
START_TEST(equal_creations_at_once_make_one_row_although_a_reservation_expired)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct making making;
        struct sender senders[2];
        making_begin(&making, (enum kind)kind);
        lock(&making);
        sender_begin(&senders[0], &making, 0);
        SUITE_WAIT(sql_blocked(fixture.sql, locker) == 1, BLOCKED_MS);
        expire_reservation(&making);
        EXPECT_ERROR(making_send(&making, fixture.client, 1), 422, "IDEMPOTENCY_KEY_REUSED");
        sender_begin(&senders[1], &making, 0);
        SUITE_WAIT(sql_blocked(fixture.sql, locker) == 2, BLOCKED_MS);
        unlock();
        for (int i = 0; i < 2; i++) {
            sender_end(&senders[i]);
            ck_assert_int_eq(senders[i].status, 201);
        }
        ck_assert_str_eq(senders[0].id, senders[1].id);
        ck_assert_int_eq(making_count(&making), 1);
        making_end(&making);
    }
}
END_TEST

/* The workers are killed while the row is being added: it is committed, and nobody is answered. */
START_TEST(after_a_killed_gateway_the_same_request_gets_its_row_and_another_is_refused)
{
    struct making making;
    struct sender first;
    pid_t workers[WORKERS_MAX];
    char id[UUID_TEXT_SIZE];
    making_begin(&making, ITEM);
    lock(&making);
    sender_begin(&first, &making, 0);
    SUITE_WAIT(sql_blocked(fixture.sql, locker) == 1, BLOCKED_MS);
    size_t count = deployment_children(deployment_pid("gateway"), workers, WORKERS_MAX);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(kill(workers[i], SIGKILL), 0);
    }
    unlock();
    sender_end(&first);
    ck_assert_int_eq(first.status, 0);
    SUITE_WAIT(making_count(&making) == 1, BLOCKED_MS);
    (void)snprintf(id, sizeof id, "%s",
                   sql_text(fixture.sql, "SELECT id FROM items WHERE owner_id = $1::uuid", making.subject, NULL));
    SUITE_WAIT(deployment_ready(), BLOCKED_MS);
    ck_assert_int_ne(making_send(&making, fixture.client, 1)->status, 201);
    SUITE_WAIT(making_send(&making, fixture.client, 0)->status == 201,
               BLOCKED_MS); /* 409 until the reservation expires */
    EXPECT_TEXT(making_send(&making, fixture.client, 0), "id", id);
    EXPECT_ERROR(making_send(&making, fixture.client, 1), 422, "IDEMPOTENCY_KEY_REUSED");
    ck_assert_int_eq(making_count(&making), 1);
    making_end(&making);
}
END_TEST

START_TEST(keys_of_creations_hold_after_redis_forgot_everything)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct making making;
        char id[UUID_TEXT_SIZE];
        making_begin(&making, (enum kind)kind);
        const struct reply *reply = making_send(&making, fixture.client, 0);
        EXPECT_STATUS(reply, 201);
        (void)snprintf(id, sizeof id, "%s", reply_text(reply, "id"));
        redis_forget(making.who->id, fixture.auction);
        reply = making_send(&making, fixture.client, 0);
        EXPECT_STATUS(reply, 201);
        EXPECT_TEXT(reply, "id", id);
        EXPECT_ERROR(making_send(&making, fixture.client, 1), 422, "IDEMPOTENCY_KEY_REUSED");
        ck_assert_int_eq(making_count(&making), 1);
        ck_assert_int_eq(sql_int(fixture.sql,
                                 "SELECT status FROM idempotency_keys WHERE user_id = $1::uuid AND resource_id ="
                                 " $2::uuid",
                                 making.who->id, id, NULL),
                         201);
        making_end(&making);
    }
}
END_TEST

START_TEST(keys_of_creations_hold_while_redis_does_not_answer)
{
    struct making making;
    char id[UUID_TEXT_SIZE];
    making_begin(&making, ITEM);
    ck_assert_int_eq(kill(deployment_pid("redis"), SIGSTOP), 0);
    const struct reply *reply = making_send(&making, fixture.client, 0);
    EXPECT_STATUS(reply, 201);
    (void)snprintf(id, sizeof id, "%s", reply_text(reply, "id"));
    EXPECT_TEXT(making_send(&making, fixture.client, 0), "id", id);
    EXPECT_ERROR(making_send(&making, fixture.client, 1), 422, "IDEMPOTENCY_KEY_REUSED");
    ck_assert_int_eq(making_count(&making), 1);
    ck_assert_int_eq(kill(deployment_pid("redis"), SIGCONT), 0);
    making_end(&making);
}
END_TEST

START_TEST(a_key_is_free_after_a_day)
{
    struct making making;
    making_begin(&making, ITEM);
    EXPECT_STATUS(making_send(&making, fixture.client, 0), 201);
    PQclear(sql_rows(fixture.sql,
                     "UPDATE idempotency_keys SET made_at = made_at - interval '24 hours' WHERE user_id = $1::uuid",
                     making.who->id, NULL));
    EXPECT_STATUS(making_send(&making, fixture.client, 1), 201);
    ck_assert_int_eq(making_count(&making), 2);
    making_end(&making);
}
END_TEST

START_TEST(different_creations_at_once_make_one_row)
{
    enum { SENDERS = 8 };
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct making making;
        struct sender senders[SENDERS];
        int made = 0;
        making_begin(&making, (enum kind)kind);
        for (int i = 0; i < SENDERS; i++) {
            sender_begin(&senders[i], &making, i % 2);
        }
        for (int i = 0; i < SENDERS; i++) {
            sender_end(&senders[i]);
            bool refused = (senders[i].status == 409 && strcmp(senders[i].error, "IDEMPOTENCY_KEY_IN_USE") == 0) ||
                           (senders[i].status == 422 && strcmp(senders[i].error, "IDEMPOTENCY_KEY_REUSED") == 0);
            ck_assert_msg(refused || senders[i].status == 201, "%d %s", senders[i].status, senders[i].error);
            made += senders[i].status == 201 ? 1 : 0;
        }
        ck_assert_int_ge(made, 1);
        ck_assert_int_eq(making_count(&making), 1);
        making_end(&making);
    }
}
END_TEST

/* Each request follows at once on another connection, so that it can reach any of the gateway's workers. */
START_TEST(a_refused_creation_frees_its_key_before_it_is_answered)
{
    enum { CONNECTIONS = 4, ATTEMPTS = 12 };
    struct client *clients[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++) {
        clients[i] = client_new(deployment_http_url());
        ck_assert_ptr_nonnull(clients[i]);
    }
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct making making;
        making_begin(&making, (enum kind)kind);
        for (int i = 0; i < ATTEMPTS; i++) {
            EXPECT_ERROR(making_send(&making, clients[i % CONNECTIONS], REFUSED), kind == IMAGE ? 422 : 400,
                         kind == IMAGE ? "INVALID_IMAGE" : "VALIDATION_FAILED");
        }
        EXPECT_STATUS(making_send(&making, clients[0], 0), 201);
        EXPECT_ERROR(making_send(&making, clients[1], 1), 422, "IDEMPOTENCY_KEY_REUSED");
        making_end(&making);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        client_free(clients[i]);
    }
}
END_TEST

/* The first answer is 503 at the deadline. The row is added only after that. Meanwhile no other request has the key. */
START_TEST(a_creation_that_was_answered_too_early_is_found_by_a_repetition)
{
    struct making making;
    struct sender first;
    making_begin(&making, ITEM);
    lock(&making);
    sender_begin(&first, &making, 0);
    SUITE_WAIT(sql_blocked(fixture.sql, locker) == 1, BLOCKED_MS);
    sender_end(&first);
    ck_assert_int_eq(first.status, 503);
    int status = making_send(&making, fixture.client, 1)->status;
    ck_assert_msg(status == 409 || status == 422, "status %d", status); /* 422: the statement was given up */
    unlock();
    SUITE_WAIT(making_send(&making, fixture.client, 0)->status != 409, BLOCKED_MS);
    EXPECT_STATUS(making_send(&making, fixture.client, 0), 201);
    EXPECT_ERROR(making_send(&making, fixture.client, 1), 422, "IDEMPOTENCY_KEY_REUSED");
    ck_assert_int_eq(making_count(&making), 1);
    making_end(&making);
}
END_TEST

/* ---- what a repetition shows ---- */

START_TEST(a_repeated_webhook_does_not_show_its_secret_again)
{
    for (int kind = WEBHOOK; kind <= DEPLOYMENT_WEBHOOK; kind++) {
        char id[UUID_TEXT_SIZE];
        struct making making;
        making_begin(&making, (enum kind)kind);
        const struct reply *reply = making_send(&making, fixture.client, 0);
        EXPECT_STATUS(reply, 201);
        EXPECT_PRESENT(reply, "secret");
        (void)snprintf(id, sizeof id, "%s", reply_text(reply, "id"));
        for (int forgotten = 0; forgotten < 2; forgotten++) {
            reply = making_send(&making, fixture.client, 0);
            EXPECT_STATUS(reply, 201);
            EXPECT_TEXT(reply, "id", id);
            ck_assert_ptr_null(reply_at(reply, "secret"));
            forget_keys(making.who);
        }
        making_end(&making);
    }
}
END_TEST

START_TEST(a_key_of_a_deployments_webhook_is_none_of_the_users_webhook)
{
    char ids[2][UUID_TEXT_SIZE];
    struct making making;
    making_begin(&making, DEPLOYMENT_WEBHOOK);
    const struct reply *reply = making_send(&making, fixture.client, 0);
    EXPECT_STATUS(reply, 201);
    (void)snprintf(ids[0], sizeof ids[0], "%s", reply_text(reply, "id"));
    (void)snprintf(making.path, sizeof making.path, "/api/v1/users/me/webhooks");
    EXPECT_ERROR(making_send(&making, fixture.client, 0), 422, "IDEMPOTENCY_KEY_REUSED");
    forget_keys(making.who);
    reply = making_send(&making, fixture.client, 0);
    EXPECT_STATUS(reply, 201);
    (void)snprintf(ids[1], sizeof ids[1], "%s", reply_text(reply, "id"));
    ck_assert_str_ne(ids[0], ids[1]);
    EXPECT_TEXT(fixture_call(making.who, "GET", client_format("%s/%s", making.path, ids[1]), NULL), "id", ids[1]);
    EXPECT_ERROR(fixture_call(making.who, "GET", client_format("%s/%s", making.path, ids[0]), NULL), 404, "NOT_FOUND");
    ck_assert_int_eq(making_count(&making), 2);
    making_end(&making);
}
END_TEST

START_TEST(a_repeated_image_is_shown_although_no_other_may_be_added)
{
    char id[UUID_TEXT_SIZE];
    char url[PATH_SIZE];
    struct making making;
    making_begin(&making, IMAGE);
    const struct reply *reply = making_send(&making, fixture.client, 0);
    EXPECT_STATUS(reply, 201);
    (void)snprintf(id, sizeof id, "%s", reply_text(reply, "id"));
    (void)snprintf(url, sizeof url, "%s", reply_text(reply, "url"));
    EXPECT_STATUS(fixture_call(making.who, "POST", client_format("/api/v1/auctions/%s/publish", making.draft), NULL),
                  200);
    EXPECT_STATUS(fixture_call(making.who, "DELETE", client_format("/api/v1/auctions/%s", making.draft), NULL), 204);
    for (int forgotten = 0; forgotten < 2; forgotten++) {
        reply = making_send(&making, fixture.client, 0);
        EXPECT_STATUS(reply, 201);
        EXPECT_TEXT(reply, "id", id);
        EXPECT_TEXT(reply, "url", url);
        EXPECT_TEXT(reply, "order", "1");
        ck_assert_str_eq(client_reply_header(fixture.client, "Location"), url);
        forget_keys(making.who);
    }
    EXPECT_ERROR(making_send(&making, fixture.client, 1), 409, "AUCTION_CANCELLED");
    ck_assert_int_eq(making_count(&making), 1);
    making_end(&making);
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
    (void)kill(deployment_pid("redis"), SIGCONT); /* after a failure of a test that has stopped it */
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    sql_close(locker);
    fixture_teardown();
}

static Suite *creations_suite(void)
{
    Suite *suite = suite_create("creations");
    TCase *cases = tcase_create("creations");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, a_key_is_in_use_until_its_creation_is_answered);
    tcase_add_test(cases, equal_creations_at_once_make_one_row_although_a_reservation_expired);
    tcase_add_test(cases, after_a_killed_gateway_the_same_request_gets_its_row_and_another_is_refused);
    tcase_add_test(cases, keys_of_creations_hold_after_redis_forgot_everything);
    tcase_add_test(cases, keys_of_creations_hold_while_redis_does_not_answer);
    tcase_add_test(cases, a_key_is_free_after_a_day);
    tcase_add_test(cases, different_creations_at_once_make_one_row);
    tcase_add_test(cases, a_refused_creation_frees_its_key_before_it_is_answered);
    tcase_add_test(cases, a_creation_that_was_answered_too_early_is_found_by_a_repetition);
    tcase_add_test(cases, a_repeated_webhook_does_not_show_its_secret_again);
    tcase_add_test(cases, a_key_of_a_deployments_webhook_is_none_of_the_users_webhook);
    tcase_add_test(cases, a_repeated_image_is_shown_although_no_other_may_be_added);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return suite_run(creations_suite());
}
