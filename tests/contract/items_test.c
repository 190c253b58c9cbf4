/*
 * Items: kept, listed, seen by their seller alone, and put on sale by nobody else.
 */
#include <stdio.h>

#include "common/clock.h"
#include "tests/support/stage.h"

#define ITEMS    "/api/v1/items"
#define AUCTIONS "/api/v1/auctions"

enum { HOUR_MS = 3600000 };

static void keep(const struct cast_user *who, const char *title, char id[static UUID_TEXT_SIZE])
{
    const struct reply *reply = stage_call(who, "POST", ITEMS, client_format("{\"title\": \"%s\"}", title));
    EXPECT_STATUS(reply, 201);
    EXPECT_TEXT(reply, "title", title);
    EXPECT_TEXT(reply, "sellerId", who->id);
    EXPECT_TEXT(reply, "auctionId", "null");
    (void)snprintf(id, UUID_TEXT_SIZE, "%s", reply_text(reply, "id"));
    ck_assert_str_eq(client_reply_header(stage.client, "Location"), client_format(ITEMS "/%s", id));
}

static const struct reply *sell(const struct cast_user *who, const char *item)
{
    char end[CLOCK_TEXT_SIZE];
    clock_format(clock_now_ms() + HOUR_MS, end);
    return stage_call(
        who, "POST", AUCTIONS,
        client_format("{\"title\": \"x\", \"startingPrice\": 1, \"endTime\": \"%s\", \"itemId\": \"%s\"}", end, item));
}

START_TEST(an_item_is_its_sellers_alone)
{
    char item[UUID_TEXT_SIZE];
    keep(&stage.seller, "A lamp", item);
    const char *path = client_format(ITEMS "/%s", item);
    EXPECT_TEXT(stage_call(&stage.seller, "GET", path, NULL), "id", item);
    path = client_format(ITEMS "/%s", item);
    EXPECT_ERROR(stage_call(&stage.ann, "GET", path, NULL), 404, "NOT_FOUND");
    ck_assert_int_eq(reply_count(stage_call(&stage.ann, "GET", ITEMS, NULL), "items"), 0);
    EXPECT_ERROR(sell(&stage.ann, item), 403, "FORBIDDEN");
}
END_TEST

START_TEST(it_says_which_open_auction_it_is_in)
{
    char item[UUID_TEXT_SIZE];
    char auction[UUID_TEXT_SIZE];
    keep(&stage.seller, "A lamp", item);
    const struct reply *reply = sell(&stage.seller, item);
    EXPECT_STATUS(reply, 201);
    EXPECT_TEXT(reply, "itemId", item);
    (void)snprintf(auction, sizeof(auction), "%s", reply_text(reply, "id"));
    EXPECT_ERROR(sell(&stage.seller, item), 409, "ITEM_ALREADY_LISTED");
    EXPECT_TEXT(stage_call(&stage.seller, "GET", client_format(ITEMS "/%s", item), NULL), "auctionId", auction);
    EXPECT_STATUS(stage_call(&stage.seller, "DELETE", client_format(AUCTIONS "/%s", auction), NULL), 204);
    EXPECT_TEXT(stage_call(&stage.seller, "GET", client_format(ITEMS "/%s", item), NULL), "auctionId", "null");
    EXPECT_STATUS(sell(&stage.seller, item), 201);
}
END_TEST

START_TEST(they_are_listed_newest_first_in_pages)
{
    static const char *const titles[] = {"One", "Two", "Three"};
    char cursor[256];
    char id[UUID_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
        keep(&stage.seller, titles[i], id);
        int64_t kept_ms = clock_now_ms();
        SUITE_WAIT(clock_now_ms() > kept_ms, CAST_DECISION_MS); /* each in a millisecond of its own */
    }
    const struct reply *reply = stage_call(&stage.seller, "GET", ITEMS "?limit=2", NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    EXPECT_TEXT(reply, "items.0.title", "Three");
    EXPECT_TEXT(reply, "items.1.title", "Two");
    (void)snprintf(cursor, sizeof(cursor), "%s", reply_text(reply, "nextCursor"));
    reply = stage_call(&stage.seller, "GET", client_format(ITEMS "?limit=2&cursor=%s", cursor), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.title", "One");
    EXPECT_TEXT(reply, "nextCursor", "null");
    EXPECT_ERROR(stage_call(&stage.seller, "GET", ITEMS "?cursor=nonsense", NULL), 400, "VALIDATION_FAILED");
}
END_TEST

START_TEST(what_is_no_item_is_not_kept)
{
    static const char *const bodies[] = {"{}", "{\"title\": \"\"}", "{\"title\": 1}",
                                         "{\"title\": \"x\", \"colour\": \"red\"}",
                                         "{\"title\": \"x\", \"category\": 1}"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        EXPECT_ERROR(stage_call(&stage.seller, "POST", ITEMS, bodies[i]), 400, "VALIDATION_FAILED");
    }
    ck_assert_int_eq(reply_count(stage_call(&stage.seller, "GET", ITEMS, NULL), "items"), 0);
    EXPECT_ERROR(stage_call(&stage.seller, "GET", ITEMS "/none", NULL), 404, "NOT_FOUND");
}
END_TEST

static Suite *items_suite(void)
{
    const TTest *const tests[] = {
        an_item_is_its_sellers_alone,
        it_says_which_open_auction_it_is_in,
        they_are_listed_newest_first_in_pages,
        what_is_no_item_is_not_kept,
        NULL,
    };
    return stage_suite("items", tests);
}

int main(void)
{
    return suite_run(items_suite());
}
