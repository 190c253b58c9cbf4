/*
 * Export and erasure of an account: an export holds every row and no secret, an erasure leaves only an opaque id, and
 * the ledger stays complete.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/protocol/notification_kinds.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

#define ME "/api/v1/users/me"

enum {
    CURSOR_SIZE = 512,
    PAGES_MAX = 100,
    SETTLED_MS = 30000,
    BODY_SIZE = 256,
    WAITING_MS = 5000,
    DURATION_MS = 3600000
};

#define RIGHT "{\"password\": \"" FACTORY_PASSWORD "\"}"

static const struct reply *erase(const struct factory_user *who, const char *body)
{
    return fixture_call(who, "POST", ME "/erasure", body);
}

/* ---- export ---- */

/* Reads all pages of one item each; whether one of them contains the text. */
static bool exports(const struct factory_user *who, const char *text)
{
    char path[CURSOR_SIZE] = ME "/export?limit=1";
    bool found = false;
    for (int page = 0; page < PAGES_MAX; page++) {
        const struct reply *reply = fixture_call(who, "GET", path, NULL);
        EXPECT_STATUS(reply, 200);
        found = found || strstr(reply->body, text) != NULL;
        if (strcmp(reply_text(reply, "nextCursor"), "null") == 0) {
            EXPECT_TEXT(reply, "section", "auditLog");
            return found;
        }
        (void)snprintf(path, sizeof(path), ME "/export?limit=1&cursor=%s", reply_text(reply, "nextCursor"));
    }
    ck_abort_msg("the export does not end");
    return false;
}

START_TEST(an_export_holds_every_row_and_no_secret)
{
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "77.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "30.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "40.00"), 200);
    EXPECT_STATUS(
        fixture_call(&fixture.ann, "POST", ME "/watchlist", client_format("{\"auctionId\": \"%s\"}", fixture.auction)),
        201);
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/items", "{\"title\": \"A lamp of Ann\"}"), 201);
    ck_assert(exports(&fixture.ann, fixture.ann.email));
    ck_assert(exports(&fixture.ann, "77.00"));
    ck_assert(exports(&fixture.ann, "40.00"));
    ck_assert(exports(&fixture.ann, "A lamp of Ann"));
    ck_assert(exports(&fixture.ann, "\"action\":\"LOGIN\""));
    ck_assert(!exports(&fixture.ann, "argon2"));
    ck_assert(!exports(&fixture.ann, "30.00")); /* the bid of another user */
    ck_assert(!exports(&fixture.bob, "77.00"));
    ck_assert(exports(&fixture.seller, fixture.auction));
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", ME "/export?cursor=x", NULL), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(NULL, "GET", ME "/export", NULL), 401, "UNAUTHORIZED");
}
END_TEST

/* Two places of the same millisecond, and two orders of one user, of which one has a refund. */
START_TEST(an_export_holds_places_and_orders_with_their_refunds)
{
    static const char rows[] =
        "WITH p AS (INSERT INTO queue_entries (sale_id, seq, id, user_id, wanted, claim, status, joined_at) SELECT"
        " md5('sale' || $1)::uuid, i, md5('place' || i || $1)::uuid, $1::uuid, i, 0, 'left', '2026-01-01 00:00:00.123Z'"
        " FROM generate_series(1, 2) i), o AS (INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price,"
        " status, expires_at, payment_ref, created_at, updated_at) SELECT md5('order' || i || $1)::uuid,"
        " md5('sale' || $1)::uuid, i + 2, $1::uuid, 1, 20, 'cancelled', now(), 'a payment', now() - i * interval '1 s',"
        " now() FROM generate_series(1, 2) i) INSERT INTO refunds (id, sale_id, order_id, user_id, amount, reference,"
        " created_at) VALUES (md5('refund' || $1)::uuid, md5('sale' || $1)::uuid, md5('order2' || $1)::uuid, $1::uuid,"
        " 20, 'a second payment', now()) RETURNING 1";
    static const char *const ids[] = {"place1", "place2", "order1", "order2", "refund"};
    PGresult *made = sql_rows(fixture.sql, rows, fixture.ann.id, NULL);
    ck_assert_ptr_nonnull(made);
    PQclear(made);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        char id[UUID_TEXT_SIZE];
        (void)snprintf(id, sizeof(id), "%s",
                       sql_text(fixture.sql, "SELECT md5($1 || $2)::uuid", ids[i], fixture.ann.id, NULL));
        ck_assert_msg(exports(&fixture.ann, id), "%s is missing", ids[i]);
        ck_assert(!exports(&fixture.bob, id));
    }
    ck_assert(exports(&fixture.ann, "a second payment"));
    EXPECT_STATUS(erase(&fixture.ann, RIGHT), 204); /* nobody depends on them */
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM orders WHERE user_id = $1::uuid", fixture.ann.id, NULL),
                     2);
}
END_TEST

/* ---- erasure ---- */

START_TEST(an_erasure_needs_the_password)
{
    const struct reply *reply = erase(&fixture.ann, "{\"password\": \"not the password\"}");
    EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
    EXPECT_TEXT(reply, "fields.0.field", "password");
    SUITE_WAIT(sql_int(fixture.sql,
                       "SELECT count(*) FROM (SELECT action, actor_id FROM refusal_counts UNION ALL SELECT action,"
                       " actor_id FROM audit_log WHERE new_value ? 'count') r WHERE action = 'PASSWORD_REFUSED'"
                       " AND actor_id = $1::uuid",
                       fixture.ann.id, NULL) == 1,
               WAITING_MS); /* counted: it cannot flood the audit log */
    EXPECT_ERROR(erase(&fixture.ann, "{}"), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(erase(NULL, RIGHT), 401, "UNAUTHORIZED");
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", ME, NULL), 200);
}
END_TEST

START_TEST(who_sells_or_leads_an_open_auction_is_not_erased)
{
    static const char entries[] = "SELECT count(*) FROM audit_log WHERE action = 'ERASURE' AND actor_id = $1::uuid";
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    EXPECT_ERROR(erase(&fixture.seller, RIGHT), 409, "ACCOUNT_IN_USE");
    EXPECT_ERROR(erase(&fixture.ann, RIGHT), 409, "ACCOUNT_IN_USE");
    ck_assert_int_eq(sql_int(fixture.sql, entries, fixture.ann.id, NULL), 0);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), 200);
    EXPECT_STATUS(erase(&fixture.ann, RIGHT), 204); /* outbid */
    ck_assert_int_eq(sql_int(fixture.sql, entries, fixture.ann.id, NULL), 1);
    EXPECT_STATUS(fixture_call(&fixture.seller, "GET", ME, NULL), 200);
}
END_TEST

/* Rows of the user in each table that an erasure empties. */
static const char left_rows[] =
    "SELECT (SELECT count(*) FROM sessions WHERE user_id = $1::uuid) + (SELECT count(*) FROM account_tokens"
    " WHERE user_id = $1::uuid) + (SELECT count(*) FROM login_places WHERE user_id = $1::uuid)"
    " + (SELECT count(*) FROM webhooks WHERE owner_id = $1::uuid) + (SELECT count(*) FROM watchlist"
    " WHERE user_id = $1::uuid) + (SELECT count(*) FROM notifications WHERE user_id = $1::uuid)"
    " + (SELECT count(*) FROM deliveries WHERE user_id = $1::uuid) + (SELECT count(*) FROM items"
    " WHERE owner_id = $1::uuid) + (SELECT count(*) FROM auctions WHERE seller_id = $1::uuid AND status = 'draft')";

START_TEST(an_erased_account_leaves_an_opaque_id)
{
    char draft[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.more = "\"draft\": true"};
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), 200);
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.ann, fixture.auction, "OUTBID") == 1,
               FACTORY_DECISION_MS);
    EXPECT_STATUS(
        fixture_call(&fixture.ann, "POST", ME "/watchlist", client_format("{\"auctionId\": \"%s\"}", fixture.auction)),
        201);
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/items", "{\"title\": \"A lamp\"}"), 201);
    ck_assert(factory_auction(fixture.client, &fixture.ann, &terms, draft));
    ck_assert_int_gt(sql_int(fixture.sql, left_rows, fixture.ann.id, NULL), 4);
    EXPECT_STATUS(erase(&fixture.ann, RIGHT), 204);
    ck_assert_int_eq(sql_int(fixture.sql, left_rows, fixture.ann.id, NULL), 0);
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM users WHERE email = $1 OR (id = $2::uuid AND (display_name <> "
                             "'Erased user' OR password_hash <> '*' OR erased_at IS NULL OR banned_at IS NULL))",
                             fixture.ann.email, fixture.ann.id, NULL),
                     0);
    static const char *const kinds[] = {NOTIFICATION_KINDS(NOTIFICATION_WORD) NULL};
    for (size_t i = 0; kinds[i] != NULL; i++) { /* no later event writes a notification */
        ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM users WHERE id = $1::uuid AND $2 = ANY (muted)",
                                 fixture.ann.id, kinds[i], NULL),
                         1);
    }
    /* Sessions and tokens ended; the address is free again. */
    ck_assert_int_ge(fixture_call(&fixture.ann, "GET", ME, NULL)->status, 401);
    client_token(fixture.client, fixture.ann.session);
    ck_assert_int_ge(client_call(fixture.client, "GET", ME, NULL)->status, 401);
    EXPECT_ERROR(
        fixture_call(NULL, "POST", "/api/v1/auth/login",
                     client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD "\"}", fixture.ann.email)),
        401, "INVALID_CREDENTIALS");
    EXPECT_STATUS(fixture_call(NULL, "POST", "/api/v1/auth/register",
                               client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD
                                             "\", \"displayName\": \"Ann again\"}",
                                             fixture.ann.email)),
                  201);
    /* The history keeps the bid under its pseudonym. */
    ck_assert_int_eq(reply_count(fixture_call(NULL, "GET", fixture_path("/bids"), NULL), "items"), 2);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "watchers", "0");
}
END_TEST

START_TEST(rows_beyond_the_first_are_erased_by_the_notification_worker)
{
    PQclear(sql_rows(fixture.sql,
                     "INSERT INTO notifications (user_id, id, kind, created_at, shown) SELECT $1::uuid,"
                     " gen_random_uuid(), 'OUTBID', now(), true FROM generate_series(1, 2500)",
                     fixture.ann.id, NULL));
    EXPECT_STATUS(erase(&fixture.ann, RIGHT), 204);
    int64_t rows =
        sql_int(fixture.sql, "SELECT count(*) FROM notifications WHERE user_id = $1::uuid", fixture.ann.id, NULL);
    ck_assert_int_le(rows, 500);
    ck_assert_int_eq(
        sql_int(fixture.sql, "SELECT count(*) FROM users WHERE id = $1::uuid AND erasing", fixture.ann.id, NULL), 1);
    /* As the notification worker does (retention.c); its next sweep may be ten minutes away. */
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM users WHERE id = $1::uuid AND erase_rows(id, 5000)",
                             fixture.ann.id, NULL),
                     0);
    ck_assert_int_eq(
        sql_int(fixture.sql, "SELECT count(*) FROM notifications WHERE user_id = $1::uuid", fixture.ann.id, NULL), 0);
}
END_TEST

/* ---- an erasure beside other requests ---- */

/* A request of the user ann on a thread, while a transaction of the test holds a lock that it needs. */
struct beside {
    const char *path;
    char body[BODY_SIZE];
    int status;
    pthread_t thread;
};

static void *call_beside(void *arg)
{
    struct beside *beside = arg;
    struct client *client = client_new(deployment_http_url());
    if (client != NULL) {
        client_token(client, fixture.ann.token);
        beside->status = client_call(client, "POST", beside->path, beside->body)->status;
        client_free(client);
    }
    return NULL;
}

/* Begins the request, and returns once its statement waits. */
static void begin_beside(struct beside *beside)
{
    ck_assert_int_eq(pthread_create(&beside->thread, NULL, call_beside, beside), 0);
    SUITE_WAIT(sql_int(fixture.sql,
                       "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rostrum-gateway'"
                       " AND wait_event_type = 'Lock'",
                       NULL) == 1,
               WAITING_MS);
}

static struct sql *begin_transaction(void)
{
    struct sql *other = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(other);
    PQclear(sql_rows(other, "BEGIN", NULL));
    return other;
}

static void end_beside(struct beside *beside, struct sql *other)
{
    PQclear(sql_rows(other, "COMMIT", NULL));
    sql_close(other);
    ck_assert_int_eq(pthread_join(beside->thread, NULL), 0);
}

static const char *const creations[] = {"/api/v1/items", "/api/v1/auctions", ME "/webhooks", ME "/watchlist"};

/* The members that each of these needs. */
static void write_creation(size_t creation, char body[static BODY_SIZE])
{
    char end[CLOCK_TEXT_SIZE];
    clock_format(clock_now_ms() + DURATION_MS, end);
    const char *const bodies[] = {
        "{\"title\": \"A lamp\"}",
        client_format("{\"title\": \"A lamp\", \"startingPrice\": 5, \"endTime\": \"%s\"}", end),
        "{\"url\": \"https://shop.example/\", \"events\": [\"OUTBID\"]}",
        client_format("{\"auctionId\": \"%s\"}", fixture.auction),
    };
    (void)snprintf(body, BODY_SIZE, "%s", bodies[creation]);
}

/* The request was admitted before the erasure, and writes after it. */
START_TEST(nothing_is_added_to_an_account_that_is_being_erased)
{
    struct beside beside = {.path = creations[_i]};
    write_creation((size_t)_i, beside.body);
    struct sql *other = begin_transaction();
    ck_assert_str_eq(sql_text(other, "SELECT erase_user(id, password_hash, now(), 2000) FROM users WHERE id = $1::uuid",
                              fixture.ann.id, NULL),
                     "ERASED");
    begin_beside(&beside);
    end_beside(&beside, other);
    ck_assert_msg(beside.status == 403, "%s: %d", beside.path, beside.status);
    ck_assert_int_eq(sql_int(fixture.sql, left_rows, fixture.ann.id, NULL), 0);
    ck_assert_int_eq(
        sql_int(fixture.sql, "SELECT count(*) FROM auctions WHERE seller_id = $1::uuid", fixture.ann.id, NULL), 0);
}
END_TEST

/* As the notification worker does for a mail, and a login after its answer. */
START_TEST(tokens_and_places_of_an_erased_account_are_not_kept)
{
    EXPECT_STATUS(erase(&fixture.ann, RIGHT), 204);
    PQclear(sql_rows(fixture.sql,
                     "INSERT INTO account_tokens (hash, user_id, purpose, expires_at)"
                     " VALUES ('x', $1::uuid, 'PASSWORD_RESET', now() + interval '1 hour')",
                     fixture.ann.id, NULL));
    PQclear(sql_rows(fixture.sql, "INSERT INTO login_places (user_id, place, seen_at) VALUES ($1::uuid, 'x', now())",
                     fixture.ann.id, NULL));
    ck_assert_int_eq(sql_int(fixture.sql, left_rows, fixture.ann.id, NULL), 0);
}
END_TEST

START_TEST(who_publishes_meanwhile_is_not_erased)
{
    char draft[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.more = "\"draft\": true"};
    struct beside beside = {.path = ME "/erasure", .body = RIGHT};
    ck_assert(factory_auction(fixture.client, &fixture.ann, &terms, draft));
    struct sql *other = begin_transaction();
    PQclear(sql_rows(other, "UPDATE auctions SET status = 'active' WHERE id = $1::uuid", draft, NULL));
    begin_beside(&beside);
    end_beside(&beside, other);
    ck_assert_int_eq(beside.status, 409);
}
END_TEST

START_TEST(the_ledger_is_complete_after_an_erasure)
{
    char id[UUID_TEXT_SIZE];
    static char output[DEPLOYMENT_OUTPUT_SIZE];
    const struct factory_terms terms = {
        .lasts_ms = 3000,
        .more = "\"antiSnipe\": {\"windowSeconds\": 0, \"extensionSeconds\": 1, \"maxExtensions\": null}"};
    ck_assert(factory_auction(fixture.client, &fixture.bob, &terms, id));
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, id, "20.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.seller, id, "15.00"), 200);
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), SETTLED_MS);
    EXPECT_STATUS(erase(&fixture.ann, RIGHT), 204);
    EXPECT_STATUS(erase(&fixture.bob, RIGHT), 204);
    const struct reply *reply = factory_get_auction(fixture.client, &fixture.seller, id); /* guests see a cached name */
    EXPECT_TEXT(reply, "status", "sold");
    EXPECT_TEXT(reply, "sellerName", "Erased user");
    ck_assert_int_eq(
        reply_count(fixture_call(NULL, "GET", client_format("/api/v1/auctions/%s/bids", id), NULL), "items"), 3);
    int code = deployment_ctl(output, sizeof(output), "verify", id, NULL);
    ck_assert_msg(code == 0, "verify: %d: %s", code, output);
}
END_TEST

static Suite *erasure_suite(void)
{
    const TTest *const tests[] = {
        an_export_holds_every_row_and_no_secret,
        an_export_holds_places_and_orders_with_their_refunds,
        an_erasure_needs_the_password,
        who_sells_or_leads_an_open_auction_is_not_erased,
        an_erased_account_leaves_an_opaque_id,
        rows_beyond_the_first_are_erased_by_the_notification_worker,
        tokens_and_places_of_an_erased_account_are_not_kept,
        who_publishes_meanwhile_is_not_erased,
        the_ledger_is_complete_after_an_erasure,
        NULL,
    };
    Suite *suite = fixture_suite("erasure", tests);
    TCase *beside = tcase_create("beside");
    tcase_add_checked_fixture(beside, fixture_setup, fixture_teardown);
    tcase_add_loop_test(beside, nothing_is_added_to_an_account_that_is_being_erased, 0, (int)ARRAY_LEN(creations));
    suite_add_tcase(suite, beside);
    return suite;
}

int main(void)
{
    return suite_run(erasure_suite());
}
