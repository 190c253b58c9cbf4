/*
 * Changes to auctions over HTTP: drafts, updates, cancellations and admin actions. Most tests end with `rostrumctl
 * verify`, which derives the state from the ledger by the rules and compares.
 *
 * Runs alone: it stops and continues bid workers.
 */
#include <signal.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

#define AUCTIONS "/api/v1/auctions"
#define HOUR_MS  INT64_C(3600000)

static const char *path_of(const char *auction, const char *tail)
{
    return client_format(AUCTIONS "/%s%s", auction, tail);
}

static const char *time_text(int64_t from_now_ms, char out[static CLOCK_TEXT_SIZE])
{
    clock_format(clock_now_ms() + from_now_ms, out);
    return out;
}

static void expect_verified(const char *auction)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    int code = deployment_ctl(out, sizeof(out), "verify", auction, NULL);
    ck_assert_msg(code == 0, "exit code %d: %s", code, out);
}

static const struct reply *update(const struct factory_user *who, const char *auction, const char *body)
{
    return fixture_call(who, "PUT", path_of(auction, ""), body);
}

/* Makes Ann an admin and logs her in again. */
static void promote_ann(void)
{
    PQclear(sql_rows(fixture.sql, "UPDATE users SET role = 'admin' WHERE id = $1::uuid", fixture.ann.id, NULL));
    const struct reply *reply =
        fixture_call(NULL, "POST", "/api/v1/auth/login",
                     client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD "\"}", fixture.ann.email));
    EXPECT_STATUS(reply, 200);
    (void)snprintf(fixture.ann.token, sizeof(fixture.ann.token), "%s", reply_text(reply, "accessToken"));
}

static const struct reply *admin_action(const char *auction, const char *action, const char *more)
{
    return fixture_call(&fixture.ann, "PUT", client_format("/api/v1/admin/auctions/%s", auction),
                        client_format("{\"action\": \"%s\", \"reason\": \"asked for by its owner\"%s}", action, more));
}

/* Audit rows of Ann's `action` on the auction that hold her reason and the id of a command in the ledger. */
static int64_t count_audited(const char *auction, const char *action)
{
    return sql_int(fixture.sql,
                   "SELECT count(*) FROM audit_log l JOIN bids b ON b.bid_id::text = l.new_value->>'commandId'"
                   " AND b.auction_id::text = l.subject WHERE l.subject = $1 AND l.action = $2"
                   " AND l.actor_id = $3::uuid AND l.reason = 'asked for by its owner'"
                   " AND l.old_value->>'status' IS NOT NULL",
                   auction, action, fixture.ann.id, NULL);
}

/* --- update --- */

START_TEST(a_seller_changes_the_terms_before_the_first_bid)
{
    char end[CLOCK_TEXT_SIZE];
    const struct reply *reply = update(
        &fixture.seller, fixture.auction,
        client_format("{\"version\": 1, \"title\": \"A throne\", \"startingPrice\": 20.00, \"reservePrice\": 40.00,"
                      " \"buyNowPrice\": 90, \"incrementTable\": \"ebay-us\", \"endTime\": \"%s\","
                      " \"antiSnipe\": {\"windowSeconds\": 0}}",
                      time_text(2 * HOUR_MS, end)));
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "title", "A throne");
    EXPECT_TEXT(reply, "startingPrice", "20.00");
    EXPECT_TEXT(reply, "minimumBid", "20.00");
    EXPECT_TEXT(reply, "reservePrice", "40.00");
    EXPECT_TEXT(reply, "buyNowPrice", "90.00");
    EXPECT_TEXT(reply, "incrementTable", "ebay-us");
    EXPECT_TEXT(reply, "endTime", end);
    EXPECT_TEXT(reply, "originalEndTime", end);
    EXPECT_TEXT(reply, "antiSnipe.windowSeconds", "0");
    EXPECT_TEXT(reply, "version", "2");
    ck_assert_str_eq(client_reply_header(fixture.client, "ETag"), ""); /* answers to credentials have none */

    /* Omitted members keep their value; null removes one. */
    reply = update(&fixture.seller, fixture.auction,
                   "{\"version\": 2, \"reservePrice\": null, \"bidIncrement\": \"2.50\"}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "title", "A throne");
    EXPECT_TEXT(reply, "hasReserve", "false");
    EXPECT_TEXT(reply, "bidIncrement", "2.50");
    EXPECT_ERROR(factory_bid(fixture.client, &fixture.bob, fixture.auction, "19.99"), 400, "BID_TOO_LOW");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "20.00"), "status", "accepted");
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "minimumBid", "22.50");
    expect_verified(fixture.auction);
}
END_TEST

static void expect_anti_snipe(const struct reply *reply, const char *window, const char *extension, const char *most)
{
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "antiSnipe.windowSeconds", window);
    EXPECT_TEXT(reply, "antiSnipe.extensionSeconds", extension);
    EXPECT_TEXT(reply, "antiSnipe.maxExtensions", most);
}

/* For a new draft, a changed draft and a changed auction. All numbers differ, so that swapped columns are found. */
START_TEST(anti_snipe_terms_are_stored_as_given)
{
    static const char next[] = "{\"version\": %s, \"antiSnipe\":"
                               " {\"windowSeconds\": %d, \"extensionSeconds\": %d, \"maxExtensions\": %d}}";
    static const char rename[] = "{\"version\": %s, \"title\": \"A stool\"}";
    static const struct factory_terms terms = {
        .more = "\"draft\": true,"
                " \"antiSnipe\": {\"windowSeconds\": 30, \"extensionSeconds\": 90, \"maxExtensions\": 5}"};
    char id[UUID_TEXT_SIZE];
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    const struct reply *reply = factory_get_auction(fixture.client, &fixture.seller, id);
    expect_anti_snipe(reply, "30", "90", "5");
    reply = update(&fixture.seller, id, client_format(next, reply_text(reply, "version"), 31, 91, 6));
    expect_anti_snipe(reply, "31", "91", "6");
    reply = update(&fixture.seller, id, client_format(rename, reply_text(reply, "version")));
    expect_anti_snipe(reply, "31", "91", "6");
    EXPECT_STATUS(fixture_call(&fixture.seller, "POST", path_of(id, "/publish"), NULL), 200);
    reply = factory_get_auction(fixture.client, NULL, id);
    expect_anti_snipe(reply, "31", "91", "6");
    reply = update(&fixture.seller, id, client_format(rename, reply_text(reply, "version")));
    expect_anti_snipe(reply, "31", "91", "6");
    reply = update(&fixture.seller, id, client_format(next, reply_text(reply, "version"), 32, 92, 7));
    expect_anti_snipe(reply, "32", "92", "7");
    expect_anti_snipe(factory_get_auction(fixture.client, NULL, id), "32", "92", "7");
    expect_verified(id);
}
END_TEST

START_TEST(an_update_of_an_old_version_is_a_conflict)
{
    EXPECT_ERROR(update(&fixture.seller, fixture.auction, "{\"version\": 2, \"title\": \"x\"}"), 409,
                 "VERSION_CONFLICT");
    EXPECT_STATUS(update(&fixture.seller, fixture.auction, "{\"version\": 1, \"title\": \"x\"}"), 200);
    const struct reply *reply = update(&fixture.seller, fixture.auction, "{\"version\": 1, \"title\": \"y\"}");
    EXPECT_ERROR(reply, 409, "VERSION_CONFLICT");
    EXPECT_TEXT(reply, "version", "2");
    EXPECT_TEXT(reply, "message", "It was changed by another request; its version is 2");
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "title", "x");
}
END_TEST

START_TEST(the_first_bid_locks_the_terms)
{
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "10.00"), 200);
    EXPECT_ERROR(update(&fixture.seller, fixture.auction, "{\"version\": 2, \"title\": \"x\"}"), 409, "HAS_BIDS");
    EXPECT_ERROR(fixture_call(&fixture.seller, "DELETE", fixture_path(""), NULL), 409, "HAS_BIDS");
}
END_TEST

/* A body that no state allows gets 400 in every state. A valid body gets 409 where the state forbids the change. */
START_TEST(an_invalid_body_is_400_in_every_state_of_the_auction)
{
    static const struct {
        const char *body;
        const char *code;
    } invalid[] = {
        {"{\"title\": \"x\"}", "VALIDATION_FAILED"},
        {"{\"version\": 1, \"colour\": \"red\"}", "VALIDATION_FAILED"},
        {"{\"version\": 1, \"title\": 5}", "VALIDATION_FAILED"},
        {"{\"version\": 1, \"startingPrice\": -1}", "INVALID_AMOUNT"},
        {"{\"version\": 1, \"endTime\": \"2001-01-01T00:00:00Z\"}", "VALIDATION_FAILED"},
    };
    char ended[UUID_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    const struct factory_terms terms = {.lasts_ms = 1500};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, ended));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "10.00"), 200);
    SUITE_WAIT(factory_has_status(fixture.client, ended, "unsold"), FACTORY_DECISION_MS);
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
        EXPECT_ERROR(update(&fixture.seller, fixture.auction, invalid[i].body), 400, invalid[i].code);
        EXPECT_ERROR(update(&fixture.seller, ended, invalid[i].body), 400, invalid[i].code);
    }
    (void)snprintf(end, sizeof(end), "%s", reply_text(factory_get_auction(fixture.client, NULL, ended), "endTime"));
    EXPECT_ERROR(update(&fixture.seller, ended, client_format("{\"version\": 1, \"endTime\": \"%s\"}", end)), 409,
                 "AUCTION_ENDED");
}
END_TEST

START_TEST(updates_are_validated_and_limited_to_the_seller)
{
    char past[CLOCK_TEXT_SIZE];
    EXPECT_ERROR(update(NULL, fixture.auction, "{\"version\": 1}"), 401, "UNAUTHORIZED");
    EXPECT_ERROR(update(&fixture.ann, fixture.auction, "{\"version\": 1}"), 403, "FORBIDDEN");
    EXPECT_ERROR(update(&fixture.seller, fixture.seller.id, "{\"version\": 1}"), 404, "NOT_FOUND");
    EXPECT_ERROR(update(&fixture.seller, fixture.auction, "{\"title\": \"x\"}"), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(update(&fixture.seller, fixture.auction, "{\"version\": 1, \"itemId\": null}"), 400,
                 "VALIDATION_FAILED");
    EXPECT_ERROR(update(&fixture.seller, fixture.auction, "{\"version\": 1, \"startingPrice\": -1}"), 400,
                 "INVALID_AMOUNT");
    EXPECT_ERROR(update(&fixture.seller, fixture.auction, "{\"version\": 1, \"startingPrice\": null}"), 400,
                 "VALIDATION_FAILED");
    (void)time_text(-HOUR_MS, past);
    EXPECT_ERROR(update(&fixture.seller, fixture.auction, client_format("{\"version\": 1, \"endTime\": \"%s\"}", past)),
                 400, "VALIDATION_FAILED");
    EXPECT_ERROR(
        update(&fixture.seller, fixture.auction, client_format("{\"version\": 1, \"startTime\": \"%s\"}", past)), 400,
        "VALIDATION_FAILED");
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "version", "1");
}
END_TEST

START_TEST(a_scheduled_start_can_be_moved)
{
    char id[UUID_TEXT_SIZE];
    char start[CLOCK_TEXT_SIZE];
    const struct factory_terms terms = {.starts_in_ms = HOUR_MS, .lasts_ms = 2 * HOUR_MS};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    const struct reply *reply = update(
        &fixture.seller, id, client_format("{\"version\": 1, \"startTime\": \"%s\"}", time_text(HOUR_MS / 2, start)));
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "scheduled");
    EXPECT_TEXT(reply, "startTime", start);
    EXPECT_STATUS(
        update(&fixture.seller, id, client_format("{\"version\": 2, \"startTime\": \"%s\"}", time_text(-1000, start))),
        200);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "status", "active");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, id, "10.00"), "status", "accepted");
    expect_verified(id);
}
END_TEST

/* Sends `signal` to every bid worker. */
static void signal_workers(int signal)
{
    static const char *const names[] = {"bidworker-1", "bidworker-2"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        pid_t pid = deployment_pid(names[i]);
        ck_assert_int_gt(pid, 0);
        ck_assert_int_eq(kill(pid, signal), 0);
    }
}

static bool bid_is(const char *bid, const char *status)
{
    const struct reply *reply =
        fixture_call(&fixture.bob, "GET", path_of(fixture.auction, client_format("/bids/%s", bid)), NULL);
    return strcmp(reply_text(reply, "status"), status) == 0;
}

/* Also: a bid sent while the old terms were shown is rejected with TERMS_CHANGED under the new ones. */
START_TEST(an_update_that_is_not_decided_in_time_gets_202_and_is_applied)
{
    char bid[UUID_TEXT_SIZE];
    signal_workers(SIGSTOP);
    const struct reply *reply = update(&fixture.seller, fixture.auction, "{\"version\": 1, \"startingPrice\": 5}");
    int status = reply->status;
    bool has_command_id = reply_at(reply, "commandId") != NULL && strcmp(reply_text(reply, "status"), "pending") == 0;
    reply = fixture_call(&fixture.bob, "POST", fixture_path("/bids"), "{\"amount\": 10.00}");
    int bid_status = reply->status;
    (void)snprintf(bid, sizeof(bid), "%s", reply_text(reply, "bidId"));
    signal_workers(SIGCONT);
    ck_assert_int_eq(status, 202);
    ck_assert(has_command_id);
    ck_assert_int_eq(bid_status, 202);
    SUITE_WAIT(bid_is(bid, "rejected"), FACTORY_DECISION_MS);
    EXPECT_TEXT(fixture_call(&fixture.bob, "GET", path_of(fixture.auction, client_format("/bids/%s", bid)), NULL),
                "reason", "TERMS_CHANGED");
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "startingPrice", "5.00");
    expect_verified(fixture.auction);
}
END_TEST

/* --- cancel --- */

START_TEST(a_seller_cancels_before_the_first_bid)
{
    EXPECT_ERROR(fixture_call(&fixture.ann, "DELETE", fixture_path(""), NULL), 403, "FORBIDDEN");
    EXPECT_ERROR(fixture_call(NULL, "DELETE", fixture_path(""), NULL), 401, "UNAUTHORIZED");
    const struct reply *reply = fixture_call(&fixture.seller, "DELETE", fixture_path(""), NULL);
    EXPECT_STATUS(reply, 204);
    ck_assert_uint_eq(reply->length, 0);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "status", "cancelled");
    EXPECT_ERROR(factory_bid(fixture.client, &fixture.bob, fixture.auction, "10.00"), 409, "AUCTION_CANCELLED");
    EXPECT_ERROR(fixture_call(&fixture.seller, "DELETE", fixture_path(""), NULL), 409, "AUCTION_CANCELLED");
    EXPECT_ERROR(update(&fixture.seller, fixture.auction, "{\"version\": 2}"), 409, "AUCTION_CANCELLED");
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.seller, fixture.auction, "AUCTION_CANCELLED") == 1,
               FACTORY_DECISION_MS);
    expect_verified(fixture.auction);
}
END_TEST

/* --- drafts --- */

static const char *create_draft(char id[static UUID_TEXT_SIZE], int64_t lasts_ms)
{
    const struct factory_terms terms = {.more = "\"draft\": true", .lasts_ms = lasts_ms};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    return id;
}

START_TEST(a_draft_is_visible_to_its_seller_only)
{
    char id[UUID_TEXT_SIZE];
    (void)create_draft(id, HOUR_MS);
    EXPECT_TEXT(factory_get_auction(fixture.client, &fixture.seller, id), "status", "draft");
    EXPECT_STATUS(factory_get_auction(fixture.client, NULL, id), 404);
    EXPECT_STATUS(factory_get_auction(fixture.client, &fixture.ann, id), 404);
    EXPECT_ERROR(update(&fixture.ann, id, "{\"version\": 1}"), 404, "NOT_FOUND");
    EXPECT_ERROR(fixture_call(&fixture.ann, "DELETE", path_of(id, ""), NULL), 404, "NOT_FOUND");
    EXPECT_ERROR(fixture_call(&fixture.ann, "POST", path_of(id, "/publish"), NULL), 404, "NOT_FOUND");
    EXPECT_ERROR(factory_bid(fixture.client, &fixture.ann, id, "10.00"), 404, "NOT_FOUND");
    EXPECT_STATUS(fixture_call(NULL, "GET", path_of(id, "/bids"), NULL), 404);
}
END_TEST

START_TEST(a_draft_can_be_changed_and_published)
{
    char id[UUID_TEXT_SIZE];
    (void)create_draft(id, HOUR_MS);
    EXPECT_ERROR(factory_bid(fixture.client, &fixture.ann, id, "10.00"), 404, "NOT_FOUND");
    const struct reply *reply = update(&fixture.seller, id, "{\"version\": 1, \"startingPrice\": 3}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "draft");
    EXPECT_TEXT(reply, "minimumBid", "3.00");
    EXPECT_ERROR(update(&fixture.seller, id, "{\"version\": 1, \"startingPrice\": 4}"), 409, "VERSION_CONFLICT");
    reply = fixture_call(&fixture.seller, "POST", path_of(id, "/publish"), NULL);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "active");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, id, "3.00"), "status", "accepted");
    EXPECT_ERROR(fixture_call(&fixture.seller, "POST", path_of(id, "/publish"), NULL), 409, "NOT_A_DRAFT");
    EXPECT_ERROR(fixture_call(&fixture.ann, "POST", path_of(id, "/publish"), NULL), 403, "FORBIDDEN");
    expect_verified(id);
}
END_TEST

START_TEST(verify_accepts_a_draft_without_bids)
{
    char id[UUID_TEXT_SIZE];
    (void)create_draft(id, HOUR_MS);
    expect_verified(id);
    EXPECT_STATUS(fixture_call(&fixture.seller, "POST", path_of(id, "/publish"), NULL), 200);
    expect_verified(id);
}
END_TEST

START_TEST(a_draft_can_be_deleted)
{
    char id[UUID_TEXT_SIZE];
    (void)create_draft(id, HOUR_MS);
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", path_of(id, ""), NULL), 204);
    EXPECT_STATUS(factory_get_auction(fixture.client, &fixture.seller, id), 404);
}
END_TEST

START_TEST(a_draft_with_a_past_end_cannot_be_published)
{
    char id[UUID_TEXT_SIZE];
    (void)create_draft(id, HOUR_MS);
    PQclear(sql_rows(fixture.sql,
                     "UPDATE auctions SET start_time = now() - interval '2 h', end_time = now() - interval '1 h',"
                     " original_end_time = now() - interval '1 h' WHERE id = $1::uuid",
                     id, NULL));
    EXPECT_ERROR(fixture_call(&fixture.seller, "POST", path_of(id, "/publish"), NULL), 400, "VALIDATION_FAILED");
    EXPECT_TEXT(factory_get_auction(fixture.client, &fixture.seller, id), "status", "draft");
}
END_TEST

/* --- admins --- */

START_TEST(an_admin_extends_an_auction)
{
    char end[CLOCK_TEXT_SIZE];
    promote_ann();
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "10.00"), 200);
    const struct reply *reply =
        admin_action(fixture.auction, "extend", client_format(", \"endTime\": \"%s\"", time_text(3 * HOUR_MS, end)));
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "endTime", end);
    EXPECT_TEXT(reply, "status", "active");
    char sooner[CLOCK_TEXT_SIZE];
    (void)time_text(2 * HOUR_MS, sooner);
    reply = admin_action(fixture.auction, "extend", client_format(", \"endTime\": \"%s\"", sooner));
    EXPECT_ERROR(reply, 409, "END_NOT_LATER");
    EXPECT_TEXT(reply, "endTime", end);
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.bob, fixture.auction, "AUCTION_EXTENDED") == 1,
               FACTORY_DECISION_MS);
    ck_assert_int_eq(count_audited(fixture.auction, "AUCTION_EXTEND"), 2); /* refused actions are audited too */
    expect_verified(fixture.auction);
}
END_TEST

START_TEST(an_admin_ends_an_auction_at_once)
{
    promote_ann();
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "10.00"), 200);
    EXPECT_STATUS(admin_action(fixture.auction, "end", ""), 200);
    SUITE_WAIT(factory_has_status(fixture.client, fixture.auction, "sold"), FACTORY_DECISION_MS);
    EXPECT_TEXT(factory_get_auction(fixture.client, &fixture.bob, fixture.auction), "winnerId", fixture.bob.id);
    char end[CLOCK_TEXT_SIZE];
    (void)snprintf(end, sizeof(end), "%s",
                   reply_text(factory_get_auction(fixture.client, NULL, fixture.auction), "endTime"));
    static const char *const actions[] = {"end", "cancel"};
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        const struct reply *reply = admin_action(fixture.auction, actions[i], "");
        EXPECT_ERROR(reply, 409, "AUCTION_ENDED");
        EXPECT_TEXT(reply, "endTime", end);
    }
    EXPECT_PRESENT(update(&fixture.seller, fixture.auction, "{\"version\": 1, \"title\": \"y\"}"), "endTime");
    ck_assert_int_eq(count_audited(fixture.auction, "AUCTION_END"), 2);
    ck_assert_int_eq(count_audited(fixture.auction, "AUCTION_CANCEL"), 1);
    expect_verified(fixture.auction);
}
END_TEST

START_TEST(an_admin_cancels_an_auction_with_bids)
{
    promote_ann();
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "10.00"), 200);
    const struct reply *reply = admin_action(fixture.auction, "cancel", "");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "cancelled");
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.bob, fixture.auction, "AUCTION_CANCELLED") == 1,
               FACTORY_DECISION_MS);
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.seller, fixture.auction, "AUCTION_CANCELLED") == 1,
               FACTORY_DECISION_MS);
    EXPECT_ERROR(admin_action(fixture.auction, "cancel", ""), 409, "AUCTION_CANCELLED");
    expect_verified(fixture.auction);
}
END_TEST

START_TEST(admin_actions_are_validated)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms later = {.starts_in_ms = HOUR_MS, .lasts_ms = 2 * HOUR_MS};
    EXPECT_ERROR(admin_action(fixture.auction, "end", ""), 403, "FORBIDDEN");
    EXPECT_ERROR(fixture_call(NULL, "PUT", client_format("/api/v1/admin/auctions/%s", fixture.auction), "{}"), 401,
                 "UNAUTHORIZED");
    promote_ann();
    EXPECT_ERROR(admin_action(fixture.auction, "sell", ""), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(admin_action(fixture.auction, "extend", ""), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(admin_action(fixture.auction, "end", ", \"endTime\": \"2030-01-01T00:00:00.000Z\""), 400,
                 "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(&fixture.ann, "PUT", client_format("/api/v1/admin/auctions/%s", fixture.auction),
                              "{\"action\": \"end\"}"),
                 400, "VALIDATION_FAILED");
    EXPECT_ERROR(admin_action(fixture.ann.id, "end", ""), 404, "NOT_FOUND");
    EXPECT_ERROR(admin_action(create_draft(id, HOUR_MS), "end", ""), 404, "NOT_FOUND");
    ck_assert(factory_auction(fixture.client, &fixture.seller, &later, id));
    EXPECT_ERROR(admin_action(id, "end", ""), 409, "AUCTION_NOT_STARTED");
}
END_TEST

static Suite *changes_suite(void)
{
    const TTest *const tests[] = {
        a_seller_changes_the_terms_before_the_first_bid,
        anti_snipe_terms_are_stored_as_given,
        an_update_of_an_old_version_is_a_conflict,
        the_first_bid_locks_the_terms,
        an_invalid_body_is_400_in_every_state_of_the_auction,
        updates_are_validated_and_limited_to_the_seller,
        a_scheduled_start_can_be_moved,
        an_update_that_is_not_decided_in_time_gets_202_and_is_applied,
        a_seller_cancels_before_the_first_bid,
        a_draft_is_visible_to_its_seller_only,
        a_draft_can_be_changed_and_published,
        verify_accepts_a_draft_without_bids,
        a_draft_can_be_deleted,
        a_draft_with_a_past_end_cannot_be_published,
        an_admin_extends_an_auction,
        an_admin_ends_an_auction_at_once,
        an_admin_cancels_an_auction_with_bids,
        admin_actions_are_validated,
        NULL,
    };
    return fixture_suite("changes", tests);
}

int main(void)
{
    return suite_run(changes_suite());
}
