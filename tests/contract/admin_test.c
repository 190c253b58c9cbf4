/*
 * The /admin API: bans, searches, dead letters; every call is audited, and the audit log cannot be changed.
 *
 * Runs alone: it reads and empties the dead letters, and counts audit rows.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/protocol/topology.h"
#include "tests/support/admin.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/queues.h"

#define ADMIN "/api/v1/admin"
#define ME    "/api/v1/users/me"

enum { NOTIFIED_MS = 20000, TIME_SIZE = 32 };

static struct factory_user admin;

static void setup(void)
{
    fixture_setup();
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
}

static const struct reply *admin_get(const char *path)
{
    return fixture_call(&admin, "GET", path, NULL);
}

/* --- bans --- */

START_TEST(a_ban_ends_sessions_and_tokens_at_once)
{
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    const struct reply *reply = admin_ban(fixture.client, &admin, fixture.ann.id);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "id", fixture.ann.id);
    ck_assert_str_ne(reply_text(reply, "bannedAt"), "null");
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", ME, NULL), 403, "USER_BANNED");
    EXPECT_ERROR(fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": 50.00}"), 403, "USER_BANNED");
    client_token(fixture.client, fixture.ann.session);
    ck_assert_int_ge(client_call(fixture.client, "GET", ME, NULL)->status, 401);
    EXPECT_ERROR(
        fixture_call(NULL, "POST", "/api/v1/auth/login",
                     client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD "\"}", fixture.ann.email)),
        403, "USER_BANNED");
    /* A ban voids no bids: Ann still leads. */
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "currentBid", "10.00");
}
END_TEST

START_TEST(an_unban_does_not_restore_old_sessions)
{
    EXPECT_STATUS(admin_ban(fixture.client, &admin, fixture.ann.id), 200);
    const struct reply *reply = admin_unban(fixture.client, &admin, fixture.ann.id);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "bannedAt", "null");
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", ME, NULL), 401, "UNAUTHORIZED");
    reply =
        fixture_call(NULL, "POST", "/api/v1/auth/login",
                     client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD "\"}", fixture.ann.email));
    EXPECT_STATUS(reply, 200);
    (void)snprintf(fixture.ann.token, sizeof(fixture.ann.token), "%s", reply_text(reply, "accessToken"));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
}
END_TEST

static void *run_ban(void *arg)
{
    const struct factory_user *other = arg;
    struct client *client = client_new(deployment_http_url());
    bool done = client != NULL && admin_ban(client, &admin, other->id)->status == 200;
    client_free(client);
    return done ? arg : NULL;
}

/* A ban locks all admin rows in one order. If it locked its user first, two bans could deadlock. */
START_TEST(a_waiting_ban_holds_no_row_lock)
{
    static const char waiting[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE "
                                  "'WITH admins%'";
    struct factory_user first;
    struct factory_user second;
    pthread_t thread;
    void *done = NULL;
    struct sql *watch = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(watch);
    ck_assert(admin_new(fixture.client, fixture.sql, &first));
    ck_assert(admin_new(fixture.client, fixture.sql, &second));
    PQclear(sql_rows(fixture.sql, "BEGIN", NULL));
    PQclear(sql_rows(fixture.sql, "SELECT FROM users WHERE id = $1 FOR UPDATE", first.id, NULL));
    ck_assert_int_eq(pthread_create(&thread, NULL, run_ban, &second), 0);
    SUITE_WAIT(sql_int(watch, waiting, NULL) == 1, NOTIFIED_MS);
    /* Waited for, because the login of `second` may still be recorded: that locks the row for a short time, a ban until
     * it ends. */
    SUITE_WAIT(sql_int(fixture.sql, "SELECT count(*) FROM (SELECT FROM users WHERE id = $1 FOR UPDATE SKIP LOCKED) u",
                       second.id, NULL) == 1,
               NOTIFIED_MS);
    PQclear(sql_rows(fixture.sql, "COMMIT", NULL));
    ck_assert_int_eq(pthread_join(thread, &done), 0);
    ck_assert_ptr_nonnull(done);
    sql_close(watch);
}
END_TEST

START_TEST(the_last_admin_cannot_be_banned)
{
    struct factory_user other;
    ck_assert(admin_new(fixture.client, fixture.sql, &other));
    PQclear(sql_rows(fixture.sql, "UPDATE users SET role = 'user' WHERE role = 'admin' AND id NOT IN ($1, $2)",
                     admin.id, other.id, NULL));
    EXPECT_STATUS(admin_ban(fixture.client, &admin, other.id), 200);
    EXPECT_ERROR(admin_ban(fixture.client, &admin, admin.id), 409, "LAST_ADMIN");
    EXPECT_STATUS(fixture_call(&admin, "GET", ME, NULL), 200);
    EXPECT_STATUS(admin_unban(fixture.client, &admin, other.id), 200);
}
END_TEST

START_TEST(a_ban_requires_a_reason_and_an_existing_user)
{
    const char *path = client_format(ADMIN "/users/%s/ban", fixture.ann.id);
    EXPECT_ERROR(fixture_call(&admin, "POST", path, "{}"), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(&admin, "POST", path, "{\"reason\": \"x\", \"hours\": 3}"), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(admin_ban(fixture.client, &admin, fixture.auction), 404, "NOT_FOUND");
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", ME, NULL), 200);
}
END_TEST

/* --- searches --- */

START_TEST(user_search_filters_and_pages)
{
    const struct reply *reply = admin_get(client_format(ADMIN "/users?q=%s", fixture.ann.id)); /* q matches no ids */
    ck_assert_int_eq(reply_count(reply, "items"), 0);
    reply = admin_get(client_format(ADMIN "/users?q=%.36s", fixture.ann.email));
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.id", fixture.ann.id);
    EXPECT_TEXT(reply, "items.0.bannedAt", "null");
    EXPECT_ABSENT(reply, "items.0.passwordHash");
    EXPECT_STATUS(admin_ban(fixture.client, &admin, fixture.ann.id), 200);
    reply = admin_get(client_format(ADMIN "/users?banned=true&q=%.36s", fixture.ann.email));
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    reply = admin_get(client_format(ADMIN "/users?role=admin&q=%.36s", fixture.ann.email));
    ck_assert_int_eq(reply_count(reply, "items"), 0);
    reply = admin_get(ADMIN "/users?limit=2");
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    reply = admin_get(client_format(ADMIN "/users?limit=2&cursor=%s", reply_text(reply, "nextCursor")));
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    EXPECT_ERROR(admin_get(ADMIN "/users?banned=perhaps"), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(admin_get(ADMIN "/users?role=king"), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(admin_get(ADMIN "/users?role="), 400, "VALIDATION_FAILED");
}
END_TEST

START_TEST(auction_search_filters_by_every_stable_status)
{
    const struct reply *reply = admin_get(client_format(ADMIN "/auctions?sellerId=%s", fixture.seller.id));
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.id", fixture.auction);
    EXPECT_PRESENT(reply, "items.0.reservePrice");
    PQclear(sql_rows(fixture.sql, "UPDATE auctions SET status = 'draft' WHERE id = $1", fixture.auction, NULL));
    reply = admin_get(client_format(
        ADMIN "/auctions?sellerId=%s&status=draft&q=CHAIR&minPrice=5&maxPrice=20&sort=-price", fixture.seller.id));
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    /* Without "ended": the end worker settles such an auction within a second. */
    static const char *const statuses[] = {"draft", "scheduled", "active", "sold", "unsold", "cancelled"};
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        PQclear(sql_rows(fixture.sql,
                         "UPDATE auctions SET status = $2, start_time = now() + CASE $2 WHEN 'scheduled' THEN 1 ELSE"
                         " -1 END * interval '10 minutes' WHERE id = $1 RETURNING 1",
                         fixture.auction, statuses[i], NULL));
        for (size_t asked = 0; asked < ARRAY_LEN(statuses); asked++) {
            reply =
                admin_get(client_format(ADMIN "/auctions?sellerId=%s&status=%s", fixture.seller.id, statuses[asked]));
            ck_assert_int_eq(reply_count(reply, "items"), asked == i ? 1 : 0);
        }
        reply = admin_get(client_format(ADMIN "/auctions?sellerId=%s", fixture.seller.id));
        EXPECT_TEXT(reply, "items.0.status", statuses[i]);
    }
    EXPECT_ERROR(admin_get(ADMIN "/auctions?status=lost&sort=best&minPrice=x"), 400, "VALIDATION_FAILED");
    EXPECT_STATUS(admin_get(client_format(ADMIN "/auctions?category=%0100d", 0)), 200);
    EXPECT_ERROR(admin_get(client_format(ADMIN "/auctions?category=%0101d", 0)), 400, "VALIDATION_FAILED");
}
END_TEST

START_TEST(consecutive_pages_of_auctions_do_not_overlap)
{
    static const char *const sorts[] = {"newest", "ending", "price", "-price"};
    char first[UUID_TEXT_SIZE];
    char cursor[256];
    for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
        const struct reply *reply = admin_get(client_format(ADMIN "/auctions?limit=1&sort=%s", sorts[i]));
        EXPECT_STATUS(reply, 200);
        (void)snprintf(first, sizeof(first), "%s", reply_text(reply, "items.0.id"));
        if (strcmp(reply_text(reply, "nextCursor"), "null") == 0) {
            continue; /* the deployment has only one auction so far */
        }
        (void)snprintf(cursor, sizeof(cursor), "%s", reply_text(reply, "nextCursor"));
        reply = admin_get(client_format(ADMIN "/auctions?limit=1&sort=%s&cursor=%s", sorts[i], cursor));
        EXPECT_STATUS(reply, 200);
        ck_assert_str_ne(reply_text(reply, "items.0.id"), first);
    }
}
END_TEST

START_TEST(an_active_maximum_is_hidden_from_admins_until_settlement)
{
    char bid[UUID_TEXT_SIZE];
    const struct reply *reply = factory_proxy(fixture.client, &fixture.ann, fixture.auction, "87.65");
    EXPECT_STATUS(reply, 200);
    (void)snprintf(bid, sizeof(bid), "%s", reply_text(reply, "bidId"));
    const char *const paths[] = {
        client_format("/api/v1/auctions/%s/bids/%s", fixture.auction, bid),
        client_format("/api/v1/auctions/%s", fixture.auction),
        client_format("/api/v1/auctions/%s/bids", fixture.auction),
        client_format(ADMIN "/auctions?sellerId=%s", fixture.seller.id),
        ADMIN "/audit-logs",
        ADMIN "/stats",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        reply = admin_get(paths[i]);
        EXPECT_STATUS(reply, 200);
        ck_assert_msg(strstr(reply->body, "87.65") == NULL, "%s shows the maximum: %.1000s", paths[i], reply->body);
    }
    EXPECT_ERROR(admin_get(fixture_path("/proxy")), 404, "NOT_FOUND");
    reply = fixture_call(&fixture.ann, "GET", client_format("/api/v1/auctions/%s/bids/%s", fixture.auction, bid), NULL);
    EXPECT_TEXT(reply, "maxAmount", "87.65");
    EXPECT_STATUS(fixture_call(&admin, "PUT", client_format(ADMIN "/auctions/%s", fixture.auction),
                               "{\"action\": \"end\", \"reason\": \"to settle it\"}"),
                  200);
    SUITE_WAIT(factory_has_status(fixture.client, fixture.auction, "sold"), FACTORY_DECISION_MS);
    EXPECT_TEXT(admin_get(client_format("/api/v1/auctions/%s/bids/%s", fixture.auction, bid)), "maxAmount", "87.65");
}
END_TEST

START_TEST(statistics_count_users_and_auctions)
{
    const struct reply *reply = admin_get(ADMIN "/stats");
    EXPECT_STATUS(reply, 200);
    ck_assert_int_ge((int)strtol(reply_text(reply, "users.total"), NULL, 10), 4);
    ck_assert_int_ge((int)strtol(reply_text(reply, "users.admins"), NULL, 10), 1);
    ck_assert_int_ge((int)strtol(reply_text(reply, "auctions.active"), NULL, 10), 1);
    EXPECT_PRESENT(reply, "bids");
    EXPECT_PRESENT(reply, "salesVolume");
    EXPECT_PRESENT(reply, "deadLetters");
}
END_TEST

static bool totals_are_kept(void)
{
    char counted[TIME_SIZE];
    (void)snprintf(counted, sizeof(counted), "%s", reply_text(admin_get(ADMIN "/stats"), "countedAt"));
    return strcmp(reply_text(admin_get(ADMIN "/stats"), "countedAt"), counted) == 0;
}

/* Counting all users and auctions takes long in a large deployment; a dead letter must be seen at once. */
START_TEST(totals_are_kept_for_a_while_and_what_waits_is_counted_each_time)
{
    int waiting = (int)strtol(reply_text(admin_get(ADMIN "/stats"), "deadLetters"), NULL, 10);
    SUITE_WAIT(totals_are_kept(), NOTIFIED_MS);
    ck_assert_int_eq(sql_int(fixture.sql,
                             "WITH made AS (INSERT INTO dead_letters (id, routing_key, reason, body, created_at)"
                             " VALUES (gen_random_uuid(), 'stats', '', '', now()) RETURNING 1) SELECT 1 FROM made",
                             NULL),
                     1);
    ck_assert_int_eq((int)strtol(reply_text(admin_get(ADMIN "/stats"), "deadLetters"), NULL, 10), waiting + 1);
    PQclear(sql_rows(fixture.sql, "DELETE FROM dead_letters WHERE routing_key = 'stats'", NULL));
}
END_TEST

/* --- the audit log --- */

/* Waits until so many refusals of the user are counted, and makes their minute an earlier one. */
static void end_minute(const struct factory_user *who, int refusals)
{
    SUITE_WAIT(sql_int(fixture.sql,
                       "SELECT coalesce((SELECT sum(count) FROM refusal_counts WHERE actor_id = $1::uuid), 0) +"
                       " coalesce((SELECT sum((new_value->>'count')::int) FROM audit_log WHERE actor_id = $1::uuid"
                       " AND new_value->>'count' IS NOT NULL), 0)",
                       who->id, NULL) == refusals,
               NOTIFIED_MS);
    PQclear(sql_rows(fixture.sql, "UPDATE refusal_counts SET minute = minute - interval '2 minutes'", NULL));
}

START_TEST(refusals_of_a_minute_are_one_entry_of_the_audit_log)
{
    enum { CALLS = 40 };
    for (int i = 0; i < CALLS; i++) {
        EXPECT_ERROR(fixture_call(&fixture.ann, "GET", ADMIN "/stats", NULL), 403, "FORBIDDEN");
    }
    end_minute(&fixture.ann, CALLS);
    SUITE_WAIT(sql_int(fixture.sql,
                       "SELECT coalesce(sum((new_value->>'count')::int), 0) FROM audit_log WHERE actor_id = $1::uuid"
                       " AND action = 'ADMIN_REFUSED' AND address = '127.0.0.1' AND subject LIKE '%/admin/stats'",
                       fixture.ann.id, NULL) == CALLS,
               NOTIFIED_MS);
    int64_t rows =
        sql_int(fixture.sql, "SELECT count(*) FROM audit_log WHERE actor_id = $1 AND action = 'ADMIN_REFUSED'",
                fixture.ann.id, NULL);
    ck_assert_int_ge(rows, 1);
    ck_assert_int_le(rows, 2); /* two if a minute ended meanwhile */
}
END_TEST

/* The number in the entries of this action, of which there may be two if a minute ended meanwhile. */
static int counted(const struct factory_user *who, const char *action)
{
    return (int)sql_int(fixture.sql,
                        "SELECT coalesce(sum((new_value->>'count')::int), 0) FROM audit_log WHERE actor_id = $1::uuid"
                        " AND action = $2 HAVING count(*) <= 2",
                        who->id, action, NULL);
}

START_TEST(failed_logins_and_refused_passwords_of_a_minute_are_one_entry_each)
{
    enum { TRIES = 4 };
    const char *login = client_format("{\"email\": \"%s\", \"password\": \"wrong password\"}", fixture.ann.email);
    for (int i = 0; i < TRIES; i++) {
        EXPECT_ERROR(fixture_call(NULL, "POST", "/api/v1/auth/login", login), 401, "INVALID_CREDENTIALS");
        EXPECT_ERROR(fixture_call(&fixture.ann, "PATCH", ME,
                                  "{\"password\": \"another password\", \"currentPassword\": \"wrong password\"}"),
                     400, "VALIDATION_FAILED");
    }
    end_minute(&fixture.ann, 2 * TRIES);
    SUITE_WAIT(counted(&fixture.ann, "LOGIN_FAILED") == TRIES, NOTIFIED_MS);
    SUITE_WAIT(counted(&fixture.ann, "PASSWORD_REFUSED") == TRIES, NOTIFIED_MS);
}
END_TEST

static int entries_of(const struct factory_user *who, const char *action)
{
    return (int)sql_int(fixture.sql, "SELECT count(*) FROM audit_log WHERE actor_id = $1::uuid AND action = $2",
                        who->id, action, NULL);
}

START_TEST(a_new_password_and_a_logout_everywhere_are_answered_after_their_entry)
{
    EXPECT_STATUS(fixture_call(&fixture.ann, "PATCH", ME,
                               "{\"password\": \"another password\", \"currentPassword\": \"" FACTORY_PASSWORD "\"}"),
                  200);
    ck_assert_int_eq(entries_of(&fixture.ann, "PASSWORD_CHANGED"), 1);
    ck_assert_int_eq(
        (int)sql_int(fixture.sql,
                     "SELECT count(*) FROM audit_log WHERE subject = $1 AND address = '127.0.0.1' AND request_id <> ''"
                     " AND action = 'PASSWORD_CHANGED'",
                     fixture.ann.id, NULL),
        1);
    EXPECT_STATUS(fixture_call(&fixture.ann, "PATCH", ME, "{\"displayName\": \"Ann Else\"}"), 401);
    EXPECT_STATUS(fixture_call(&fixture.bob, "PATCH", ME, "{\"displayName\": \"Bob Else\"}"), 200);
    ck_assert_int_eq(entries_of(&fixture.bob, "PASSWORD_CHANGED"), 0);
    EXPECT_STATUS(fixture_call(&fixture.bob, "DELETE", ME "/sessions", NULL), 204);
    ck_assert_int_eq(entries_of(&fixture.bob, "LOGGED_OUT_EVERYWHERE"), 1);
}
END_TEST

START_TEST(admin_calls_changes_logins_and_refusals_are_audited)
{
    client_header(fixture.client, "X-Request-Id: the-ban-of-ann");
    client_header(fixture.client, "User-Agent: A judge's robe");
    EXPECT_STATUS(admin_ban(fixture.client, &admin, fixture.ann.id), 200);
    const struct reply *reply =
        admin_get(client_format(ADMIN "/audit-logs?action=USER_BANNED&subject=%s", fixture.ann.id));
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.actorId", admin.id);
    EXPECT_TEXT(reply, "items.0.reason", "shill bidding");
    EXPECT_TEXT(reply, "items.0.oldValue.bannedAt", "null");
    ck_assert_str_ne(reply_text(reply, "items.0.newValue.bannedAt"), "null");
    EXPECT_TEXT(reply, "items.0.requestId", "the-ban-of-ann");
    EXPECT_TEXT(reply, "items.0.userAgent", "A judge's robe");
    EXPECT_TEXT(reply, "items.0.address", "127.0.0.1");
    reply =
        admin_get(client_format(ADMIN "/audit-logs?actorId=%s&limit=1", admin.id)); /* the newest row is this call */
    EXPECT_TEXT(reply, "items.0.action", "GET " ADMIN "/audit-logs");
    EXPECT_ERROR(fixture_call(&fixture.bob, "GET", ADMIN "/stats", NULL), 403, "FORBIDDEN");
    (void)fixture_call(NULL, "POST", "/api/v1/auth/login",
                       client_format("{\"email\": \"%s\", \"password\": \"wrong password\"}", fixture.bob.email));
    end_minute(&fixture.bob, 2);
    SUITE_WAIT(sql_int(fixture.sql,
                       "SELECT count(DISTINCT action) FROM audit_log WHERE actor_id = $1 AND action IN ('LOGIN',"
                       " 'LOGIN_FAILED', 'ADMIN_REFUSED')",
                       fixture.bob.id, NULL) == 3,
               NOTIFIED_MS);
    ck_assert_int_eq(
        sql_int(fixture.sql, "SELECT count(*) FROM audit_log WHERE audit_log::text LIKE $1", "%wrong password%", NULL),
        0);
    EXPECT_ERROR(admin_get(ADMIN "/audit-logs?actorId=x&from=y"), 400, "VALIDATION_FAILED");
}
END_TEST

/* --- dead letters --- */

/* Dead letters that contain the id of the fixture's auction; optionally only those with a reason. */
static int count_dead_letters(bool with_reason)
{
    return (int)sql_int(fixture.sql,
                        "SELECT count(*) FROM dead_letters WHERE position($1::bytea IN body) > 0"
                        " AND (reason <> '' OR NOT $2::boolean)",
                        fixture.auction, with_reason ? "true" : "false", NULL);
}

START_TEST(dead_letters_can_be_read_requeued_and_dropped)
{
    char body[256];
    char path[128];
    struct queues *queues = queues_open();
    (void)snprintf(body, sizeof(body), "{\"v\":77,\"a\":\"%s\"}", fixture.auction);
    queues_publish(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_BATCH, body, strlen(body));
    SUITE_WAIT(count_dead_letters(false) == 1, NOTIFIED_MS);
    const struct reply *reply = admin_get(ADMIN "/dead-letters?limit=1");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "items.0.routingKey", TOPOLOGY_KEY_DEAD_NOTIFY);
    ck_assert_str_ne(reply_text(reply, "items.0.reason"), "");
    (void)snprintf(path, sizeof(path), ADMIN "/dead-letters/%s", reply_text(reply, "items.0.id"));
    reply = admin_get(path);
    EXPECT_TEXT(reply, "body.a", fixture.auction);
    EXPECT_PRESENT(reply, "bodyBase64");
    /* The cause remains, so the requeued message fails again and updates the same dead letter. */
    EXPECT_STATUS(fixture_call(&admin, "POST", client_format("%s/requeue?reason=mended", path), NULL), 200);
    SUITE_WAIT(strcmp(reply_text(admin_get(path), "times"), "2") == 0, NOTIFIED_MS);
    ck_assert_int_eq(count_dead_letters(false), 1);
    EXPECT_ERROR(fixture_call(&admin, "DELETE", client_format("%s?reason=%%07", path), NULL), 400, "VALIDATION_FAILED");
    EXPECT_STATUS(fixture_call(&admin, "DELETE", client_format("%s?reason=of%%20no%%20use", path), NULL), 204);
    EXPECT_ERROR(admin_get(path), 404, "NOT_FOUND");
    EXPECT_ERROR(fixture_call(&admin, "DELETE", path, NULL), 404, "NOT_FOUND");
    EXPECT_ERROR(fixture_call(&admin, "POST", client_format("%s/requeue", path), NULL), 404, "NOT_FOUND");
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM audit_log WHERE actor_id = $1 AND subject = $2"
                             " AND (action, reason) IN"
                             " (('DEAD_LETTER_REQUEUED', 'mended'), ('DEAD_LETTER_DROPPED', 'of no use'))"
                             " AND old_value ->> 'bytes' = length($3)::text"
                             " AND old_value ->> 'sha256' = encode(sha256($3::bytea), 'hex')"
                             " AND old_value -> 'auctionIds' = jsonb_build_array($4::text)",
                             admin.id, path + strlen(ADMIN "/dead-letters/"), body, fixture.auction, NULL),
                     2);
    queues_close(queues);
}
END_TEST

START_TEST(an_undecodable_dead_letter_cannot_be_requeued)
{
    struct queues *queues = queues_open();
    char body[128];
    (void)snprintf(body, sizeof(body), "not JSON %s \xff", fixture.auction);
    queues_publish(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_BATCH, body, strlen(body));
    SUITE_WAIT(count_dead_letters(false) == 1, NOTIFIED_MS);
    const struct reply *reply = admin_get(ADMIN "/dead-letters?limit=1");
    char path[128];
    (void)snprintf(path, sizeof(path), ADMIN "/dead-letters/%s", reply_text(reply, "items.0.id"));
    EXPECT_TEXT(admin_get(path), "body", "null");
    EXPECT_ERROR(fixture_call(&admin, "POST", client_format("%s/requeue", path), NULL), 409, "DEAD_LETTER_UNREADABLE");
    EXPECT_STATUS(fixture_call(&admin, "DELETE", path, NULL), 204);
    queues_close(queues);
}
END_TEST

START_TEST(a_dead_bid_command_is_requeued_to_its_shard)
{
    struct queues *queues = queues_open();
    char body[256];
    char path[128];
    (void)snprintf(body, sizeof(body), "{\"v\":1,\"commands\":[{\"a\":\"%s\"}]}", fixture.auction);
    queues_publish(queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_BIDS, body, strlen(body));
    SUITE_WAIT(count_dead_letters(false) == 1, NOTIFIED_MS);
    const struct reply *reply = admin_get(ADMIN "/dead-letters?limit=1");
    (void)snprintf(path, sizeof(path), ADMIN "/dead-letters/%s/requeue", reply_text(reply, "items.0.id"));
    EXPECT_STATUS(fixture_call(&admin, "POST", path, NULL), 200);
    SUITE_WAIT(count_dead_letters(true) == 1, NOTIFIED_MS); /* the bid worker could not decode it and gave a reason */
    queues_close(queues);
}
END_TEST

static Suite *admin_suite(void)
{
    const TTest *const tests[] = {
        a_ban_ends_sessions_and_tokens_at_once,
        an_unban_does_not_restore_old_sessions,
        a_waiting_ban_holds_no_row_lock,
        the_last_admin_cannot_be_banned,
        a_ban_requires_a_reason_and_an_existing_user,
        user_search_filters_and_pages,
        auction_search_filters_by_every_stable_status,
        consecutive_pages_of_auctions_do_not_overlap,
        an_active_maximum_is_hidden_from_admins_until_settlement,
        statistics_count_users_and_auctions,
        totals_are_kept_for_a_while_and_what_waits_is_counted_each_time,
        admin_calls_changes_logins_and_refusals_are_audited,
        refusals_of_a_minute_are_one_entry_of_the_audit_log,
        failed_logins_and_refused_passwords_of_a_minute_are_one_entry_each,
        a_new_password_and_a_logout_everywhere_are_answered_after_their_entry,
        dead_letters_can_be_read_requeued_and_dropped,
        an_undecodable_dead_letter_cannot_be_requeued,
        a_dead_bid_command_is_requeued_to_its_shard,
    };
    Suite *suite = suite_create("admin");
    TCase *tcase = tcase_create("admin");
    tcase_add_checked_fixture(tcase, setup, fixture_teardown);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(admin_suite());
}
