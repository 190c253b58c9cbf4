/*
 * Whole auctions from creation to hammer and settlement: winners, notifications, extensions, and the decision of bids
 * around the end.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/support/admin.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

enum {
    HAMMER_LASTS_MS = 2500,    /* duration of an auction: enough for the bids of a test */
    HAMMER_SETTLED_MS = 30000, /* deadline for grace time, fence and settlement */
};

#define NO_SNIPE "\"antiSnipe\": {\"windowSeconds\": 0, \"extensionSeconds\": 120, \"maxExtensions\": null}"

static void create_auction(char id[static UUID_TEXT_SIZE], const char *more)
{
    const struct factory_terms terms = {.lasts_ms = HAMMER_LASTS_MS, .more = more};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
}

/* Waits for a notification of that kind and expects exactly one. */
static void expect_notified_once(const struct factory_user *who, const char *auction, const char *kind)
{
    SUITE_WAIT(factory_notifications(fixture.client, who, auction, kind) > 0, FACTORY_DECISION_MS);
    ck_assert_int_eq(factory_notifications(fixture.client, who, auction, kind), 1);
}

START_TEST(the_highest_bidder_wins_and_participants_are_notified)
{
    char id[UUID_TEXT_SIZE];
    create_auction(id, NO_SNIPE);
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, id, "10.00"), "status", "accepted");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, id, "12.00"), "status", "accepted");
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), HAMMER_SETTLED_MS);
    const struct reply *reply = factory_get_auction(fixture.client, &fixture.seller, id);
    EXPECT_TEXT(reply, "winnerId", fixture.bob.id);
    EXPECT_TEXT(reply, "currentBid", "12.00");
    EXPECT_PRESENT(reply, "winningBidId");
    EXPECT_TEXT(factory_get_auction(fixture.client, &fixture.bob, id), "winnerId", fixture.bob.id);
    EXPECT_ABSENT(factory_get_auction(fixture.client, &fixture.ann, id), "winnerId");
    expect_notified_once(&fixture.ann, id, "OUTBID");
    expect_notified_once(&fixture.ann, id, "AUCTION_LOST");
    expect_notified_once(&fixture.bob, id, "AUCTION_WON");
    expect_notified_once(&fixture.seller, id, "AUCTION_SOLD");
    ck_assert_int_eq(factory_notifications(fixture.client, &fixture.bob, id, "AUCTION_LOST"), 0);
    const struct reply *late = factory_bid(fixture.client, &fixture.ann, id, "20.00");
    EXPECT_ERROR(late, 409, "AUCTION_ENDED");
    EXPECT_TEXT(late, "message", client_format("The auction ended at %s", reply_text(late, "endTime")));
}
END_TEST

START_TEST(an_auction_below_its_reserve_is_unsold)
{
    char id[UUID_TEXT_SIZE];
    create_auction(id, NO_SNIPE ", \"reservePrice\": 100.00");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, id, "99.99"), "status", "accepted");
    SUITE_WAIT(factory_has_status(fixture.client, id, "unsold"), HAMMER_SETTLED_MS);
    EXPECT_ABSENT(factory_get_auction(fixture.client, &fixture.seller, id), "winningBidId");
    expect_notified_once(&fixture.seller, id, "AUCTION_UNSOLD");
    expect_notified_once(&fixture.ann, id, "AUCTION_LOST");
    ck_assert_int_eq(factory_notifications(fixture.client, &fixture.ann, id, "AUCTION_WON"), 0);
}
END_TEST

START_TEST(an_auction_without_bids_is_unsold)
{
    char id[UUID_TEXT_SIZE];
    create_auction(id, NO_SNIPE);
    SUITE_WAIT(factory_has_status(fixture.client, id, "unsold"), HAMMER_SETTLED_MS);
    expect_notified_once(&fixture.seller, id, "AUCTION_UNSOLD");
}
END_TEST

START_TEST(a_beaten_maximum_sends_proxy_exhausted)
{
    char id[UUID_TEXT_SIZE];
    create_auction(id, NO_SNIPE);
    EXPECT_TEXT(factory_proxy(fixture.client, &fixture.ann, id, "20.00"), "status", "accepted");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, id, "15.00"), "status", "outbid");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, id, "25.00"), "status", "accepted");
    expect_notified_once(&fixture.ann, id, "PROXY_EXHAUSTED");
    ck_assert_int_eq(factory_notifications(fixture.client, &fixture.ann, id, "OUTBID"), 0);
    ck_assert_int_eq(factory_notifications(fixture.client, &fixture.bob, id, "OUTBID"),
                     0); /* Bob never led: no notification */
}
END_TEST

START_TEST(a_late_bid_extends_the_auction_up_to_the_cap)
{
    char id[UUID_TEXT_SIZE];
    char first[CLOCK_TEXT_SIZE];
    char second[CLOCK_TEXT_SIZE];
    const struct factory_terms terms = {
        .lasts_ms = 8000,
        .more = "\"antiSnipe\": {\"windowSeconds\": 60, \"extensionSeconds\": 10, \"maxExtensions\": 1}"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    (void)snprintf(first, sizeof(first), "%s", reply_text(factory_get_auction(fixture.client, NULL, id), "endTime"));
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, id, "10.00"), "status", "accepted");
    const struct reply *reply = factory_get_auction(fixture.client, NULL, id);
    (void)snprintf(second, sizeof(second), "%s", reply_text(reply, "endTime"));
    EXPECT_TEXT(reply, "originalEndTime", first);
    ck_assert_msg(strcmp(second, first) > 0, "%s should have moved: %s", first, second);
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, id, "11.00"), "status", "accepted");
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "endTime", second);
    expect_notified_once(&fixture.seller, id, "AUCTION_EXTENDED");
    /* The fence of the first endTime has no effect; the one of the new endTime ends the auction. */
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), HAMMER_SETTLED_MS);
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM bids b JOIN auctions a ON a.id = b.auction_id "
                             "WHERE a.id = $1::uuid AND b.kind = 'end' AND b.decided_at >= a.end_time",
                             id, NULL),
                     1);
}
END_TEST

/*
 * Two bidders bid until the gateway answers AUCTION_ENDED. Every bid answered 202 has a decision. A bid is rejected
 * with AUCTION_ENDED if and only if it was received at or after endTime. The ledger has no accepted bid after the
 * fence.
 */
START_TEST(every_bid_received_before_the_end_is_decided)
{
    char id[UUID_TEXT_SIZE];
    int answered_202 = 0;
    int cents = 1000;
    create_auction(id, NO_SNIPE ", \"bidIncrement\": 0.01");
    int64_t until_ms = clock_mono_ms() + HAMMER_SETTLED_MS;
    for (bool open = true; open;) {
        const struct factory_user *who = cents % 2 == 0 ? &fixture.ann : &fixture.bob;
        const struct reply *reply = fixture_call(who, "POST", client_format("/api/v1/auctions/%s/bids", id),
                                                 client_format("{\"amount\": %d.%02d}", cents / 100, cents % 100));
        open = reply->status != 409;
        if (open && reply->status == 503) {
            continue; /* a busy machine may miss the confirm deadline: the same amount is bid again */
        }
        if (open) {
            EXPECT_STATUS(reply, 202);
            answered_202++;
            cents++;
        } else {
            EXPECT_ERROR(reply, 409, "AUCTION_ENDED");
        }
        ck_assert(clock_mono_ms() < until_ms);
    }
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), HAMMER_SETTLED_MS);
    SUITE_WAIT(sql_int(fixture.sql, "SELECT count(*) FROM bids WHERE auction_id = $1::uuid AND kind = 'bid'", id,
                       NULL) >= answered_202,
               FACTORY_DECISION_MS);
    ck_assert_int_eq(
        sql_int(fixture.sql,
                "SELECT count(*) FROM bids b JOIN auctions a ON a.id = b.auction_id WHERE a.id = $1::uuid "
                "AND b.kind = 'bid' AND (b.received_at < a.end_time) = (coalesce(b.reason, '') = 'AUCTION_ENDED')",
                id, NULL),
        0);
    ck_assert_int_eq(
        sql_int(fixture.sql,
                "SELECT count(*) FROM bids b JOIN bids e ON e.auction_id = b.auction_id AND e.kind = 'end' "
                "WHERE b.auction_id = $1::uuid AND b.status = 'accepted' AND b.kind = 'bid' "
                "AND b.seq > e.seq",
                id, NULL),
        0);
    const char *highest =
        sql_text(fixture.sql, "SELECT max(amount)::text FROM bids WHERE auction_id = $1::uuid AND status = 'accepted'",
                 id, NULL);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "currentBid", highest);
}
END_TEST

/* Its row is locked, so that a bid which extends the auction is not decided until after the end. */
START_TEST(an_undecided_extension_keeps_the_auction_open)
{
    enum { BEYOND_GRACE_MS = 7000 }; /* more than fence_grace_ms in tests/conf/check.ini */
    const struct factory_terms terms = {
        .lasts_ms = HAMMER_LASTS_MS,
        .more = "\"antiSnipe\": {\"windowSeconds\": 60, \"extensionSeconds\": 60, \"maxExtensions\": null}"};
    char id[UUID_TEXT_SIZE];
    int64_t end_ms = 0;
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    ck_assert(clock_parse(reply_text(factory_get_auction(fixture.client, NULL, id), "endTime"), &end_ms));
    struct sql *holder = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(holder);
    PQclear(sql_rows(holder, "BEGIN", NULL));
    PQclear(sql_rows(holder, "SELECT FROM auctions WHERE id = $1::uuid FOR UPDATE", id, NULL));
    EXPECT_STATUS(
        fixture_call(&fixture.ann, "POST", client_format("/api/v1/auctions/%s/bids", id), "{\"amount\": 10.00}"), 202);
    ck_assert_int_lt(clock_now_ms(), end_ms);
    SUITE_WAIT(clock_now_ms() > end_ms + BEYOND_GRACE_MS, HAMMER_SETTLED_MS);
    EXPECT_STATUS(
        fixture_call(&fixture.bob, "POST", client_format("/api/v1/auctions/%s/bids", id), "{\"amount\": 12.00}"), 202);
    PQclear(sql_rows(holder, "COMMIT", NULL));
    sql_close(holder);
    SUITE_WAIT(sql_int(fixture.sql,
                       "SELECT count(*) FROM bids WHERE auction_id = $1::uuid AND kind = 'bid' AND status = 'accepted'",
                       id, NULL) == 2,
               FACTORY_DECISION_MS);
}
END_TEST

/* Runs `rostrumctl auctions extend` for the span of one millisecond in which the auction ended. */
static int extend_ended(const struct factory_user *admin, const char *auction, const char *option,
                        char out[static DEPLOYMENT_OUTPUT_SIZE])
{
    int64_t end_ms = 0;
    char from[CLOCK_TEXT_SIZE];
    char to[CLOCK_TEXT_SIZE];
    ck_assert(clock_parse(reply_text(factory_get_auction(fixture.client, NULL, auction), "endTime"), &end_ms));
    clock_format(end_ms, from);
    clock_format(end_ms + 1, to);
    return deployment_ctl(out, DEPLOYMENT_OUTPUT_SIZE, "auctions", "extend", "--ended-between", from, to, "--admin",
                          admin->email, "--reason", "power failure", "--least", "3", option, NULL);
}

START_TEST(an_auction_that_ended_in_an_outage_gets_time_back)
{
    static char out[DEPLOYMENT_OUTPUT_SIZE];
    char id[UUID_TEXT_SIZE];
    struct factory_user admin;
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
    create_auction(id, NO_SNIPE);
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, id, "10.00"), "status", "accepted");
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), HAMMER_SETTLED_MS);
    expect_notified_once(&fixture.ann, id, "AUCTION_WON");
    ck_assert_int_eq(extend_ended(&fixture.ann, id, NULL, out), 1);
    ck_assert_ptr_nonnull(strstr(out, "there is no admin"));
    ck_assert_int_eq(extend_ended(&admin, id, "--dry-run", out), 0);
    ck_assert_ptr_nonnull(strstr(out, "would be extended"));
    ck_assert(factory_has_status(fixture.client, id, "sold"));
    ck_assert_msg(extend_ended(&admin, id, NULL, out) == 0, "%s", out);
    ck_assert_ptr_nonnull(strstr(out, "1 of 1 auctions extended"));
    SUITE_WAIT(factory_has_status(fixture.client, id, "active"), FACTORY_DECISION_MS);
    EXPECT_ABSENT(factory_get_auction(fixture.client, &fixture.seller, id), "winnerId");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, id, "12.00"), "status", "accepted");
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), HAMMER_SETTLED_MS);
    EXPECT_TEXT(factory_get_auction(fixture.client, &fixture.seller, id), "winnerId", fixture.bob.id);
    expect_notified_once(&fixture.bob, id, "AUCTION_WON");
    expect_notified_once(&fixture.ann, id, "AUCTION_LOST");
    expect_notified_once(&fixture.ann, id, "AUCTION_EXTENDED");
    ck_assert_str_eq(
        sql_text(fixture.sql, "SELECT string_agg(kind, ' ' ORDER BY seq) FROM bids WHERE auction_id = $1", id, NULL),
        "bid end reopen bid end");
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM audit_log WHERE subject = $1 AND action = 'AUCTION_REOPEN'"
                             " AND actor_id = $2::uuid AND reason = 'power failure' AND old_value->>'status' = 'sold'",
                             id, admin.id, NULL),
                     1);
    int code = deployment_ctl(out, sizeof(out), "verify", id, NULL);
    ck_assert_msg(code == 0, "%s", out);
}
END_TEST

START_TEST(a_bought_auction_gets_no_time_back)
{
    static char out[DEPLOYMENT_OUTPUT_SIZE];
    char id[UUID_TEXT_SIZE];
    struct factory_user admin;
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
    create_auction(id, NO_SNIPE ", \"buyNowPrice\": 50.00");
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", client_format("/api/v1/auctions/%s/buy-now", id), NULL), 202);
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), HAMMER_SETTLED_MS);
    ck_assert_int_eq(extend_ended(&admin, id, NULL, out), 0);
    ck_assert_ptr_nonnull(strstr(out, "0 of 0 auctions extended"));
    ck_assert(factory_has_status(fixture.client, id, "sold"));
}
END_TEST

static Suite *hammer_suite(void)
{
    const TTest *const tests[] = {
        the_highest_bidder_wins_and_participants_are_notified,
        an_auction_below_its_reserve_is_unsold,
        an_auction_without_bids_is_unsold,
        a_beaten_maximum_sends_proxy_exhausted,
        a_late_bid_extends_the_auction_up_to_the_cap,
        every_bid_received_before_the_end_is_decided,
        an_undecided_extension_keeps_the_auction_open,
        an_auction_that_ended_in_an_outage_gets_time_back,
        a_bought_auction_gets_no_time_back,
        NULL,
    };
    return fixture_suite("hammer", tests);
}

int main(void)
{
    return suite_run(hammer_suite());
}
