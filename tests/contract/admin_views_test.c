/*
 * What admins see: leader and bidders of auctions and histories, one user with bids, sales and shared addresses. Each
 * look is in the audit log, no look shows a standing maximum, and nobody else may look.
 *
 * Runs alone: it takes the role of all other admins.
 */
#include <stdio.h>

#include "tests/support/admin.h"
#include "tests/support/fixture.h"

#define ADMIN "/api/v1/admin"

static struct factory_user admin;

static void setup(void)
{
    fixture_setup();
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
}

static const struct reply *admin_get(const char *path)
{
    const struct reply *reply = fixture_call(&admin, "GET", path, NULL);
    EXPECT_STATUS(reply, 200);
    return reply;
}

static void bid(const struct factory_user *who, const char *amount)
{
    EXPECT_STATUS(factory_bid(fixture.client, who, fixture.auction, amount), 200);
}

/* How often the admin's calls of this action are in the audit log. */
static int64_t count_audited(const char *action)
{
    return sql_int(fixture.sql, "SELECT count(*) FROM audit_log WHERE actor_id = $1::uuid AND action = $2", admin.id,
                   action, NULL);
}

/* ---- auctions and histories ---- */

START_TEST(admins_see_leader_and_bidders_of_auctions)
{
    bid(&fixture.ann, "10.00");
    bid(&fixture.bob, "12.00");
    const char *path = client_format(ADMIN "/auctions?sellerId=%s", fixture.seller.id);
    const struct reply *reply = admin_get(path);
    EXPECT_TEXT(reply, "items.0.leaderId", fixture.bob.id);
    ck_assert_str_ne(reply_text(reply, "items.0.leaderName"), "");
    ck_assert_int_eq(reply_count(reply, "items.0.bidders"), 2);
    ck_assert_ptr_nonnull(strstr(reply->body, fixture.ann.id));
    EXPECT_ABSENT(factory_get_auction(fixture.client, &fixture.ann, fixture.auction), "leaderId");
    EXPECT_ABSENT(fixture_call(&fixture.seller, "GET", "/api/v1/users/me/auctions", NULL), "items.0.leaderId");
}
END_TEST

START_TEST(auctions_are_filtered_by_bidder_and_statuses)
{
    char other[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    static const char *const sorts[] = {"newest", "ending", "price", "-price"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, other));
    bid(&fixture.ann, "10.00");
    for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
        const struct reply *reply =
            admin_get(client_format(ADMIN "/auctions?bidderId=%s&sort=%s", fixture.ann.id, sorts[i]));
        ck_assert_int_eq(reply_count(reply, "items"), 1);
        EXPECT_TEXT(reply, "items.0.id", fixture.auction);
        ck_assert_int_eq(reply_count(admin_get(client_format(ADMIN "/auctions?bidderId=%s", fixture.bob.id)), "items"),
                         0);
    }
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", client_format("/api/v1/auctions/%s", other), NULL), 204);
    const char *of_seller = client_format(ADMIN "/auctions?sellerId=%s", fixture.seller.id);
    ck_assert_int_eq(reply_count(admin_get(client_format("%s&status=active,cancelled", of_seller)), "items"), 2);
    ck_assert_int_eq(reply_count(admin_get(client_format("%s&status=sold,cancelled", of_seller)), "items"), 1);
    EXPECT_ERROR(fixture_call(&admin, "GET", ADMIN "/auctions?status=active,", NULL), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(&admin, "GET", ADMIN "/auctions?bidderId=ann", NULL), 400, "VALIDATION_FAILED");
}
END_TEST

START_TEST(admins_see_the_bidders_of_a_history_in_pages)
{
    bid(&fixture.ann, "10.00");
    bid(&fixture.bob, "12.00");
    bid(&fixture.ann, "14.00");
    const char *path = client_format(ADMIN "/auctions/%s/bids", fixture.auction);
    const struct reply *reply = admin_get(client_format("%s?limit=2", path));
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    EXPECT_TEXT(reply, "items.0.bidderId", fixture.ann.id);
    EXPECT_TEXT(reply, "items.1.bidderId", fixture.bob.id);
    EXPECT_TEXT(reply, "items.1.amount", "12.00");
    reply = admin_get(client_format("%s?limit=2&cursor=%s", path, reply_text(reply, "nextCursor")));
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "nextCursor", "null");
    char name[64];
    (void)snprintf(name, sizeof(name), "%s", reply_text(reply, "items.0.bidder"));
    reply = fixture_call(NULL, "GET", fixture_path("/bids"), NULL);
    EXPECT_TEXT(reply, "items.0.bidder", name);
    ck_assert_ptr_null(strstr(reply->body, fixture.ann.id));
    EXPECT_ERROR(fixture_call(&admin, "GET", client_format("%s?cursor=zzz", path), NULL), 400, "VALIDATION_FAILED");
}
END_TEST

START_TEST(each_look_is_audited_and_only_admins_may_look)
{
    static const char *const tails[] = {"", "/bids", "/shared-addresses"};
    static const char *const actions[] = {"GET " ADMIN "/users/:id", "GET " ADMIN "/users/:id/bids",
                                          "GET " ADMIN "/users/:id/shared-addresses"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        (void)admin_get(client_format(ADMIN "/users/%s%s", fixture.ann.id, tails[i]));
        ck_assert_int_eq(count_audited(actions[i]), 1);
        const char *path = client_format(ADMIN "/users/%s%s", fixture.ann.id, tails[i]);
        EXPECT_ERROR(fixture_call(&fixture.ann, "GET", path, NULL), 403, "FORBIDDEN");
    }
    (void)admin_get(client_format(ADMIN "/auctions/%s/bids", fixture.auction));
    ck_assert_int_eq(count_audited("GET " ADMIN "/auctions/:id/bids"), 1);
    (void)admin_get(ADMIN "/auctions");
    ck_assert_int_eq(count_audited("GET " ADMIN "/auctions"), 1);
}
END_TEST

START_TEST(no_look_shows_a_standing_maximum)
{
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "87.65"), 200);
    bid(&fixture.bob, "20.00");
    const char *const paths[] = {
        client_format(ADMIN "/auctions?sellerId=%s", fixture.seller.id),
        client_format(ADMIN "/auctions?bidderId=%s", fixture.ann.id),
        client_format(ADMIN "/auctions/%s/bids", fixture.auction),
        client_format(ADMIN "/users/%s", fixture.ann.id),
        client_format(ADMIN "/users/%s/bids", fixture.ann.id),
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        ck_assert_msg(strstr(admin_get(paths[i])->body, "87.65") == NULL, "%s shows the maximum", paths[i]);
    }
}
END_TEST

/* ---- one user ---- */

START_TEST(admins_see_what_a_user_bid_and_sold)
{
    bid(&fixture.ann, "10.00");
    const struct reply *reply = admin_get(client_format(ADMIN "/users/%s", fixture.ann.id));
    EXPECT_TEXT(reply, "id", fixture.ann.id);
    EXPECT_TEXT(reply, "email", fixture.ann.email);
    EXPECT_TEXT(reply, "role", "user");
    EXPECT_TEXT(reply, "bids.0.auctionId", fixture.auction);
    EXPECT_TEXT(reply, "bids.0.state", "leading");
    EXPECT_TEXT(reply, "bids.0.highestBid", "10.00");
    ck_assert_int_eq(reply_count(reply, "auctions"), 0);
    reply = admin_get(client_format(ADMIN "/users/%s", fixture.seller.id));
    EXPECT_TEXT(reply, "auctions.0.auctionId", fixture.auction);
    EXPECT_TEXT(reply, "auctions.0.currentBid", "10.00");
    EXPECT_ERROR(fixture_call(&admin, "GET", client_format(ADMIN "/users/%s", fixture.auction), NULL), 404,
                 "NOT_FOUND");
}
END_TEST

START_TEST(the_bids_of_a_user_have_pages)
{
    char other[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, other));
    bid(&fixture.ann, "10.00");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, other, "10.00"), 200);
    const char *path = client_format(ADMIN "/users/%s/bids?limit=1", fixture.ann.id);
    const struct reply *reply = admin_get(path);
    EXPECT_TEXT(reply, "items.0.auctionId", other);
    reply = admin_get(client_format("%s&cursor=%s", path, reply_text(reply, "nextCursor")));
    EXPECT_TEXT(reply, "items.0.auctionId", fixture.auction);
    EXPECT_TEXT(reply, "nextCursor", "null");
}
END_TEST

/* Makes all places of the user's logins those of nobody else, but one address that is shared with `other`. */
static void share_one_address(const struct factory_user *who, const struct factory_user *other)
{
    const char *each[] = {who->id, other->id};
    for (size_t i = 0; i < ARRAY_LEN(each); i++) {
        PQclear(sql_rows(fixture.sql, "DELETE FROM login_places WHERE user_id = $1", each[i], NULL));
        PQclear(sql_rows(fixture.sql,
                         "INSERT INTO login_places SELECT $1::uuid, 'shared ' || $2, now(), 'address'"
                         " UNION ALL SELECT $1::uuid, 'a common browser', now(), 'agent'",
                         each[i], who->id, NULL));
    }
}

START_TEST(a_login_stores_the_address_as_a_keyed_hash)
{
    static const char stored[] = "SELECT count(*) FROM login_places WHERE user_id = $1 AND kind = 'address'"
                                 " AND place ~ '^[0-9a-f]{64}$'";
    SUITE_WAIT(sql_int(fixture.sql, stored, fixture.ann.id, NULL) == 1, FACTORY_DECISION_MS);
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM login_places WHERE place LIKE '%127.0%'", NULL), 0);
}
END_TEST

START_TEST(admins_see_who_shares_an_address)
{
    SUITE_WAIT(sql_int(fixture.sql, "SELECT count(*) FROM login_places WHERE user_id IN ($1, $2)", fixture.ann.id,
                       fixture.bob.id, NULL) >= 4,
               FACTORY_DECISION_MS); /* the logins of the fixture are recorded */
    share_one_address(&fixture.ann, &fixture.bob);
    const struct reply *reply = admin_get(client_format(ADMIN "/users/%s", fixture.ann.id));
    ck_assert_int_eq(reply_count(reply, "sharedAddresses"), 1);
    EXPECT_TEXT(reply, "sharedAddresses.0.id", fixture.bob.id);
    EXPECT_TEXT(reply, "sharedAddresses.0.addresses", "1");
    reply = admin_get(client_format(ADMIN "/users/%s/shared-addresses?limit=1", fixture.bob.id));
    EXPECT_TEXT(reply, "items.0.email", fixture.ann.email);
    EXPECT_TEXT(reply, "nextCursor", "null");
    PQclear(sql_rows(fixture.sql, "DELETE FROM login_places WHERE user_id = $1 AND kind = 'address'", fixture.bob.id,
                     NULL)); /* a common browser is no shared address */
    reply = admin_get(client_format(ADMIN "/users/%s/shared-addresses", fixture.ann.id));
    ck_assert_int_eq(reply_count(reply, "items"), 0);
}
END_TEST

/* ---- roles ---- */

static const struct reply *set_role(const struct factory_user *who, const char *role)
{
    return fixture_call(&admin, "PUT", client_format(ADMIN "/users/%s/role", who->id),
                        client_format("{\"role\": \"%s\", \"reason\": \"a test\"}", role));
}

START_TEST(another_role_ends_sessions_and_is_audited)
{
    const struct reply *reply = set_role(&fixture.ann, "admin");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "role", "admin");
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", "/api/v1/users/me", NULL), 401, "UNAUTHORIZED");
    ck_assert(factory_log_in(fixture.client, &fixture.ann));
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", ADMIN "/stats", NULL), 200);
    EXPECT_STATUS(set_role(&fixture.ann, "user"), 200);
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", ADMIN "/stats", NULL), 401, "UNAUTHORIZED");
    reply = admin_get(client_format(ADMIN "/audit-logs?action=USER_ROLE_CHANGED&subject=%s", fixture.ann.id));
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    EXPECT_TEXT(reply, "items.0.oldValue.role", "admin");
    EXPECT_TEXT(reply, "items.0.newValue.role", "user");
    EXPECT_TEXT(reply, "items.0.reason", "a test");
}
END_TEST

START_TEST(the_last_admin_stays_an_admin)
{
    PQclear(sql_rows(fixture.sql, "UPDATE users SET role = 'user' WHERE role = 'admin' AND id <> $1", admin.id, NULL));
    EXPECT_ERROR(set_role(&admin, "user"), 409, "LAST_ADMIN");
    EXPECT_STATUS(fixture_call(&admin, "GET", ADMIN "/stats", NULL), 200);
    EXPECT_ERROR(set_role(&fixture.ann, "king"), 400, "VALIDATION_FAILED");
    const char *path = client_format(ADMIN "/users/%s/role", fixture.ann.id);
    EXPECT_ERROR(fixture_call(&admin, "PUT", path, "{\"role\": \"admin\"}"), 400, "VALIDATION_FAILED");
    EXPECT_STATUS(set_role(&fixture.ann, "admin"), 200);
    EXPECT_STATUS(set_role(&admin, "user"), 200);
    EXPECT_ERROR(fixture_call(&admin, "GET", ADMIN "/stats", NULL), 401, "UNAUTHORIZED");
}
END_TEST

/* ---- plans ---- */

/* With indices forced, a plan has a scan of a table only where no index fits. */
START_TEST(shared_addresses_are_found_by_index)
{
    static const char plan[] =
        "SELECT p.user_id FROM login_places p WHERE p.kind = 'address' AND p.place = 'x' AND p.user_id <> $1::uuid"
        " ORDER BY p.user_id LIMIT 21";
    PQclear(sql_rows(fixture.sql, "SET enable_seqscan = off", NULL));
    PGresult *result = sql_rows(fixture.sql, client_format("EXPLAIN (COSTS OFF) %s", plan), fixture.ann.id, NULL);
    ck_assert_ptr_nonnull(result);
    bool indexed = false;
    for (int row = 0; row < PQntuples(result); row++) {
        indexed = indexed || strstr(PQgetvalue(result, row, 0), "login_places_by_address") != NULL;
        ck_assert_ptr_null(strstr(PQgetvalue(result, row, 0), "Sort"));
    }
    ck_assert(indexed);
    PQclear(result);
}
END_TEST

static Suite *admin_views_suite(void)
{
    const TTest *const tests[] = {
        admins_see_leader_and_bidders_of_auctions,
        auctions_are_filtered_by_bidder_and_statuses,
        admins_see_the_bidders_of_a_history_in_pages,
        each_look_is_audited_and_only_admins_may_look,
        no_look_shows_a_standing_maximum,
        admins_see_what_a_user_bid_and_sold,
        the_bids_of_a_user_have_pages,
        a_login_stores_the_address_as_a_keyed_hash,
        admins_see_who_shares_an_address,
        another_role_ends_sessions_and_is_audited,
        the_last_admin_stays_an_admin,
        shared_addresses_are_found_by_index,
    };
    Suite *suite = suite_create("admin_views");
    TCase *tcase = tcase_create("admin_views");
    tcase_add_checked_fixture(tcase, setup, fixture_teardown);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(admin_views_suite());
}
