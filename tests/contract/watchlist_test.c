/*
 * The watchlist, notifications to watchers, notification settings, and the contact data of seller and winner.
 */
#include <ctype.h>
#include <stdio.h>

#include "common/protocol/notification_kinds.h"
#include "tests/support/fixture.h"

#define WATCHLIST "/api/v1/users/me/watchlist"
#define NOTICES   "/api/v1/users/me/notifications"
#define ME        "/api/v1/users/me"

enum { NOTIFIED_MS = 20000, SETTLED_MS = 30000 };

#define NO_SNIPE "\"antiSnipe\": {\"windowSeconds\": 0, \"extensionSeconds\": 1, \"maxExtensions\": null}"

static const struct reply *watch(const struct factory_user *who, const char *auction)
{
    return fixture_call(who, "POST", WATCHLIST, client_format("{\"auctionId\": \"%s\"}", auction));
}

START_TEST(a_watcher_is_counted_once)
{
    EXPECT_STATUS(watch(&fixture.ann, fixture.auction), 201);
    EXPECT_STATUS(watch(&fixture.ann, fixture.auction), 200);
    EXPECT_STATUS(watch(&fixture.bob, fixture.auction), 201);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "watchers", "2");
    const struct reply *reply = fixture_call(&fixture.ann, "GET", WATCHLIST, NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.id", fixture.auction);
    EXPECT_STATUS(fixture_call(&fixture.ann, "DELETE", client_format(WATCHLIST "/%s", fixture.auction), NULL), 204);
    EXPECT_ERROR(fixture_call(&fixture.ann, "DELETE", client_format(WATCHLIST "/%s", fixture.auction), NULL), 404,
                 "NOT_FOUND");
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "watchers", "1");
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", WATCHLIST, NULL), "items"), 0);
}
END_TEST

START_TEST(invalid_watchlist_entries_are_refused)
{
    EXPECT_ERROR(watch(&fixture.ann, fixture.ann.id), 404, "NOT_FOUND");
    EXPECT_ERROR(watch(&fixture.ann, "x"), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(&fixture.ann, "POST", WATCHLIST, "{}"), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(watch(NULL, fixture.auction), 401, "UNAUTHORIZED");
}
END_TEST

START_TEST(an_id_in_upper_case_is_answered_in_lower_case)
{
    char upper[UUID_TEXT_SIZE];
    for (size_t i = 0; i < sizeof(upper); i++) {
        upper[i] = (char)toupper((unsigned char)fixture.auction[i]);
    }
    const struct reply *reply = watch(&fixture.ann, upper);
    EXPECT_STATUS(reply, 201);
    EXPECT_TEXT(reply, "auctionId", fixture.auction);
}
END_TEST

START_TEST(the_watchlist_has_pages)
{
    char second[UUID_TEXT_SIZE];
    char cursor[256];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, second));
    EXPECT_STATUS(watch(&fixture.ann, fixture.auction), 201);
    EXPECT_STATUS(watch(&fixture.ann, second), 201);
    const struct reply *reply = fixture_call(&fixture.ann, "GET", WATCHLIST "?limit=1", NULL);
    EXPECT_TEXT(reply, "items.0.id", second);
    (void)snprintf(cursor, sizeof(cursor), WATCHLIST "?limit=1&cursor=%s", reply_text(reply, "nextCursor"));
    reply = fixture_call(&fixture.ann, "GET", cursor, NULL);
    EXPECT_TEXT(reply, "items.0.id", fixture.auction);
    EXPECT_TEXT(reply, "nextCursor", "null");
}
END_TEST

/* Notifications of this kind to `who` about the fixture's auction. */
static int count_notices(const struct factory_user *who, const char *kind)
{
    return factory_notifications(fixture.client, who, fixture.auction, kind);
}

START_TEST(bids_within_one_minute_send_one_notification)
{
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "10.00"), 200); /* before Ann watches */
    EXPECT_STATUS(watch(&fixture.ann, fixture.auction), 201);
    EXPECT_STATUS(watch(&fixture.bob, fixture.auction), 201);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), 200);
    SUITE_WAIT(count_notices(&fixture.ann, "WATCHED_BID") == 1, NOTIFIED_MS);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "12.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "13.00"), 200);
    /* The later notification of another auction proves that these bids were processed. */
    char other[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, other));
    EXPECT_STATUS(watch(&fixture.ann, other), 201);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, other, "10.00"), 200);
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.ann, other, "WATCHED_BID") == 1, NOTIFIED_MS);
    ck_assert_int_eq(count_notices(&fixture.ann, "WATCHED_BID"), 1);
    ck_assert_int_eq(count_notices(&fixture.bob, "WATCHED_BID"), 0); /* Bob leads: the leader is not notified */
}
END_TEST

/* Price of the newest WATCHED_BID notification, and whether its end time is the auction's. */
static const char *last_notice(const struct factory_user *who)
{
    return sql_text(fixture.sql,
                    "SELECT n.amount || CASE WHEN n.end_time = a.end_time THEN ' and the end' ELSE ' and another end'"
                    " END FROM notifications n JOIN auctions a ON a.id = n.auction_id WHERE n.user_id = $1::uuid AND"
                    " n.auction_id = $2::uuid AND n.kind = 'WATCHED_BID' ORDER BY n.id DESC LIMIT 1",
                    who->id, fixture.auction, NULL);
}

/* The bids of a minute are merged into one notification with the state at the end of the minute. */
START_TEST(a_watcher_added_within_the_minute_is_notified_at_its_end)
{
    struct factory_user late;
    EXPECT_STATUS(watch(&fixture.ann, fixture.auction), 201);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), 200);
    SUITE_WAIT(count_notices(&fixture.ann, "WATCHED_BID") == 1, NOTIFIED_MS);
    ck_assert_str_eq(last_notice(&fixture.ann), "11.00 and the end");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "12.00"), 200);
    ck_assert(factory_user(fixture.client, &late, "Late"));
    EXPECT_STATUS(watch(&late, fixture.auction), 201);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "13.00"), 200);
    /* Extend the auction, and let the minute be over. */
    ck_assert_int_eq(sql_int(fixture.sql,
                             "UPDATE auctions SET end_time = end_time + interval '7 minutes' WHERE id = $1::uuid"
                             " RETURNING 1",
                             fixture.auction, NULL),
                     1);
    ck_assert_int_eq(
        sql_int(fixture.sql,
                "UPDATE watch_counts SET notified_at = notified_at - interval '1 minute' WHERE auction_id ="
                " $1::uuid RETURNING 1",
                fixture.auction, NULL),
        1);
    SUITE_WAIT(count_notices(&fixture.ann, "WATCHED_BID") == 2 && count_notices(&late, "WATCHED_BID") == 1,
               NOTIFIED_MS);
    ck_assert_str_eq(last_notice(&fixture.ann), "13.00 and the end");
    ck_assert_str_eq(last_notice(&late), "13.00 and the end");
}
END_TEST

START_TEST(watchers_are_notified_before_the_end)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.lasts_ms = 60000, .more = NO_SNIPE};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    EXPECT_STATUS(watch(&fixture.ann, id), 201);
    /* It may have been announced before Ann watched. Without this row it is announced again. */
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, id, "10.00"), 200);
    PQclear(sql_rows(fixture.sql, "DELETE FROM ending_soon WHERE auction_id = $1", id, NULL));
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.ann, id, "AUCTION_ENDING_SOON") == 1, NOTIFIED_MS);
}
END_TEST

/* Each bid extends this auction by some milliseconds. */
static void make_extending(char id[static UUID_TEXT_SIZE])
{
    const struct factory_terms terms = {
        .more = "\"antiSnipe\": {\"windowSeconds\": 3600, \"extensionSeconds\": 3600, \"maxExtensions\": null}"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
}

/* Texts of deliveries to the user, by channel. */
static int64_t count_deliveries(const struct factory_user *who, const char *channel)
{
    return sql_int(fixture.sql,
                   "SELECT count(*) FROM deliveries WHERE user_id = $1::uuid AND channel = $2"
                   " AND kind = 'AUCTION_EXTENDED'",
                   who->id, channel, NULL);
}

START_TEST(many_extensions_notify_a_watcher_once_on_each_channel)
{
    enum { BIDS = 10 };
    char id[UUID_TEXT_SIZE];
    struct factory_user late;
    ck_assert(factory_user(fixture.client, &late, "Late"));
    PQclear(sql_rows(fixture.sql,
                     "UPDATE users SET verified_at = now(), email_kinds = '{AUCTION_EXTENDED}' WHERE id = $1::uuid",
                     late.id, NULL));
    PQclear(
        sql_rows(fixture.sql,
                 "INSERT INTO webhooks (id, owner_id, slot, created_by, url, description, events, secret, created_at,"
                 " updated_at) VALUES (gen_random_uuid(), $1::uuid, 1, $1::uuid, 'https://example.org/', '',"
                 " '{AUCTION_EXTENDED}', 'whsec_AAAA', now(), now())",
                 late.id, NULL));
    make_extending(id);
    EXPECT_STATUS(watch(&late, id), 201);
    EXPECT_STATUS(watch(&fixture.seller, id), 201);
    for (int i = 0; i < BIDS; i++) {
        const struct factory_user *who = i % 2 == 0 ? &fixture.ann : &fixture.bob;
        EXPECT_STATUS(factory_bid(fixture.client, who, id, client_format("%d.00", 10 + i)), 200);
    }
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT extensions_used FROM auctions WHERE id = $1::uuid", id, NULL), BIDS);
    SUITE_WAIT(factory_notifications(fixture.client, &late, id, "AUCTION_EXTENDED") == 1, NOTIFIED_MS);
    ck_assert_int_eq(count_deliveries(&late, "email"), 1);
    ck_assert_int_eq(count_deliveries(&late, "webhook"), 1);
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM deliveries WHERE user_id = $1::uuid AND channel = 'webhook'"
                             " AND payload->'data'->>'text' LIKE '“A chair” was extended. It now ends at %UTC.'"
                             " AND payload->'data'->>'link' LIKE 'http%/api/v1/auctions/' || $2",
                             late.id, id, NULL),
                     1);
    /* The seller is notified by the event, and not once more as a watcher. */
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.seller, id, "AUCTION_EXTENDED") >= 1, NOTIFIED_MS);
    ck_assert_int_eq(sql_int(fixture.sql,
                             "UPDATE watch_counts SET notified_end = notified_end - interval '1 second',"
                             " notified_end_at = notified_end_at - interval '5 minutes' WHERE auction_id = $1::uuid"
                             " RETURNING 1",
                             id, NULL),
                     1);
    SUITE_WAIT(factory_notifications(fixture.client, &late, id, "AUCTION_EXTENDED") == 2, NOTIFIED_MS);
}
END_TEST

START_TEST(a_watcher_may_mute_extensions)
{
    char id[UUID_TEXT_SIZE];
    struct factory_user late;
    ck_assert(factory_user(fixture.client, &late, "Late"));
    EXPECT_STATUS(
        fixture_call(&late, "PATCH", ME, "{\"notificationSettings\": {\"AUCTION_EXTENDED\": {\"inApp\": false}}}"),
        200);
    make_extending(id);
    EXPECT_STATUS(watch(&late, id), 201);
    EXPECT_STATUS(watch(&fixture.bob, id), 201);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, id, "10.00"), 200);
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.bob, id, "AUCTION_EXTENDED") == 1, NOTIFIED_MS);
    ck_assert_int_eq(factory_notifications(fixture.client, &late, id, "AUCTION_EXTENDED"), 0);
}
END_TEST

START_TEST(each_notification_has_a_sentence_and_a_link)
{
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.50"), 200);
    SUITE_WAIT(count_notices(&fixture.ann, "OUTBID") == 1, NOTIFIED_MS);
    const struct reply *reply = fixture_call(&fixture.ann, "GET", NOTICES, NULL);
    EXPECT_TEXT(reply, "items.0.text", "You were outbid on “A chair”. The price is 11.50 USD.");
    const char *link = reply_text(reply, "items.0.link");
    ck_assert_int_eq(strncmp(link, "http", 4), 0);
    ck_assert_str_eq(link + strlen(link) - strlen(fixture.auction), fixture.auction);
    /* No kind is without its sentence. */
    static const char *const kinds[] = {NOTIFICATION_KINDS(NOTIFICATION_WORD) "WEBHOOK_OFF"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const char *text = sql_text(fixture.sql, "SELECT notification_text($1, 'A chair', 1, now())", kinds[i], NULL);
        ck_assert_msg(strchr(text, '.') != NULL, "%s: %s", kinds[i], text);
        text = sql_text(fixture.sql, "SELECT notification_text($1, 'A chair', NULL, NULL)", kinds[i], NULL);
        ck_assert_msg(strchr(text, '.') != NULL && strstr(text, "USD") == NULL, "%s: %s", kinds[i], text);
    }
}
END_TEST

START_TEST(watchers_are_notified_once_of_a_cancellation)
{
    EXPECT_STATUS(watch(&fixture.ann, fixture.auction), 201);
    EXPECT_STATUS(watch(&fixture.seller, fixture.auction), 201);
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", client_format("/api/v1/auctions/%s", fixture.auction), NULL),
                  204);
    SUITE_WAIT(count_notices(&fixture.ann, "AUCTION_CANCELLED") == 1, NOTIFIED_MS);
    SUITE_WAIT(count_notices(&fixture.seller, "AUCTION_CANCELLED") == 1,
               NOTIFIED_MS); /* one notification, although seller and watcher */
    ck_assert_int_eq(count_notices(&fixture.bob, "AUCTION_CANCELLED"), 0);
}
END_TEST

/* A rejected bid makes nobody a bidder in the event. Here it is a buy-now of an auction without buy-now price. */
START_TEST(a_watcher_with_only_rejected_bids_is_notified_of_a_cancellation)
{
    EXPECT_STATUS(watch(&fixture.ann, fixture.auction), 201);
    client_header(fixture.client, "Prefer: wait=10");
    EXPECT_TEXT(fixture_call(&fixture.ann, "POST", fixture_path("/buy-now"), NULL), "status", "rejected");
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", fixture_path(""), NULL), 204);
    SUITE_WAIT(count_notices(&fixture.ann, "AUCTION_CANCELLED") == 1, NOTIFIED_MS);
}
END_TEST

/* A retracted bid no longer counts, so its bidder is notified as a watcher. */
START_TEST(a_watcher_who_retracted_a_bid_is_notified_of_a_cancellation)
{
    EXPECT_STATUS(watch(&fixture.bob, fixture.auction), 201);
    const struct reply *bid = factory_bid(fixture.client, &fixture.bob, fixture.auction, "10.00");
    EXPECT_STATUS(bid, 200);
    const char *path = client_format("/api/v1/auctions/%s/bids/%s", fixture.auction, reply_text(bid, "bidId"));
    EXPECT_STATUS(fixture_call(&fixture.bob, "DELETE", path, NULL), 204);
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", fixture_path(""), NULL), 204);
    SUITE_WAIT(count_notices(&fixture.bob, "AUCTION_CANCELLED") == 1, NOTIFIED_MS);
}
END_TEST

START_TEST(muted_kinds_are_not_sent)
{
    const struct reply *reply = fixture_call(&fixture.ann, "GET", ME, NULL);
    EXPECT_TEXT(reply, "notificationSettings.OUTBID.inApp", "true");
    reply = fixture_call(&fixture.ann, "PATCH", ME,
                         "{\"notificationSettings\": {\"OUTBID\": {\"inApp\": false}, \"AUCTION_LOST\": {\"inApp\": "
                         "false}}}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "notificationSettings.OUTBID.inApp", "false");
    EXPECT_TEXT(reply, "notificationSettings.PROXY_EXHAUSTED.inApp", "true");
    reply =
        fixture_call(&fixture.ann, "PATCH", ME, "{\"notificationSettings\": {\"AUCTION_LOST\": {\"inApp\": true}}}");
    EXPECT_TEXT(reply, "notificationSettings.OUTBID.inApp", "false");
    EXPECT_TEXT(reply, "notificationSettings.AUCTION_LOST.inApp", "true");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), 200);
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "12.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "13.00"), 200);
    SUITE_WAIT(count_notices(&fixture.ann, "PROXY_EXHAUSTED") == 1, NOTIFIED_MS);
    ck_assert_int_eq(count_notices(&fixture.ann, "OUTBID"), 0);
    EXPECT_ERROR(fixture_call(&fixture.ann, "PATCH", ME, "{\"notificationSettings\": {\"SPAM\": {\"inApp\": true}}}"),
                 400, "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(&fixture.ann, "PATCH", ME, "{\"notificationSettings\": {\"OUTBID\": true}}"), 400,
                 "VALIDATION_FAILED");
}
END_TEST

/* "watchlist|0000-01-01T00:00:00.000Z|<id>": a well-formed cursor with a time that PostgreSQL does not support. */
START_TEST(a_forged_cursor_is_refused)
{
    static const char forged[] = "d2F0Y2hsaXN0fDAwMDAtMDEtMDFUMDA6MDA6MDAuMDAwWnwwMTIzNDU2Ny04OWFiLTdkZWYtODEyMy00NTY3"
                                 "ODlhYmNkZWY";
    const struct reply *reply = fixture_call(&fixture.ann, "GET", client_format(WATCHLIST "?cursor=%s", forged), NULL);
    EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
}
END_TEST

START_TEST(unread_notifications_are_counted)
{
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", NOTICES "/count", NULL), "unread", "0");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), 200);
    SUITE_WAIT(strcmp(reply_text(fixture_call(&fixture.ann, "GET", NOTICES "/count", NULL), "unread"), "1") == 0,
               NOTIFIED_MS);
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", NOTICES "/read", "{\"all\": true}"), 204);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", NOTICES "/count", NULL), "unread", "0");
}
END_TEST

START_TEST(after_a_sale_seller_and_winner_see_each_others_contact)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.lasts_ms = 2500, .more = NO_SNIPE};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, id, "10.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, id, "11.00"), 200);
    EXPECT_ABSENT(factory_get_auction(fixture.client, &fixture.seller, id), "contact");
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), SETTLED_MS);
    const struct reply *reply = factory_get_auction(fixture.client, &fixture.seller, id);
    EXPECT_TEXT(reply, "contact.role", "winner");
    EXPECT_TEXT(reply, "contact.email", fixture.bob.email);
    EXPECT_TEXT(reply, "contact.userId", fixture.bob.id);
    reply = factory_get_auction(fixture.client, &fixture.bob, id);
    EXPECT_TEXT(reply, "contact.role", "seller");
    EXPECT_TEXT(reply, "contact.email", fixture.seller.email);
    EXPECT_ABSENT(factory_get_auction(fixture.client, &fixture.ann, id), "contact");
    EXPECT_ABSENT(factory_get_auction(fixture.client, NULL, id), "contact");
}
END_TEST

static Suite *watchlist_suite(void)
{
    const TTest *const tests[] = {
        a_watcher_is_counted_once,
        invalid_watchlist_entries_are_refused,
        an_id_in_upper_case_is_answered_in_lower_case,
        the_watchlist_has_pages,
        bids_within_one_minute_send_one_notification,
        a_watcher_added_within_the_minute_is_notified_at_its_end,
        watchers_are_notified_before_the_end,
        many_extensions_notify_a_watcher_once_on_each_channel,
        a_watcher_may_mute_extensions,
        each_notification_has_a_sentence_and_a_link,
        watchers_are_notified_once_of_a_cancellation,
        a_watcher_with_only_rejected_bids_is_notified_of_a_cancellation,
        a_watcher_who_retracted_a_bid_is_notified_of_a_cancellation,
        muted_kinds_are_not_sent,
        a_forged_cursor_is_refused,
        unread_notifications_are_counted,
        after_a_sale_seller_and_winner_see_each_others_contact,
        NULL,
    };
    return fixture_suite("watchlist", tests);
}

int main(void)
{
    return suite_run(watchlist_suite());
}
