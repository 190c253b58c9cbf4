/*
 * Items: creation, lists and pages. Only the owner and admins can read an item, and only its owner can list it.
 */
#include <stdio.h>

#include "common/base/clock.h"
#include "tests/support/admin.h"
#include "tests/support/fixture.h"

#define ITEMS    "/api/v1/items"
#define AUCTIONS "/api/v1/auctions"

enum { HOUR_MS = 3600000 };

static void create_item(const struct factory_user *who, const char *title, char id[static UUID_TEXT_SIZE])
{
    const struct reply *reply = fixture_call(who, "POST", ITEMS, client_format("{\"title\": \"%s\"}", title));
    EXPECT_STATUS(reply, 201);
    EXPECT_TEXT(reply, "title", title);
    EXPECT_TEXT(reply, "ownerId", who->id);
    EXPECT_TEXT(reply, "auctionId", "null");
    (void)snprintf(id, UUID_TEXT_SIZE, "%s", reply_text(reply, "id"));
    ck_assert_str_eq(client_reply_header(fixture.client, "Location"), client_format(ITEMS "/%s", id));
}

static const struct reply *list_item_with(const struct factory_user *who, const char *item, const char *more)
{
    char end[CLOCK_TEXT_SIZE];
    clock_format(clock_now_ms() + HOUR_MS, end);
    return fixture_call(
        who, "POST", AUCTIONS,
        client_format("{\"title\": \"x\", \"startingPrice\": 1, \"endTime\": \"%s\", \"itemId\": \"%s\"%s}", end, item,
                      more));
}

static const struct reply *list_item(const struct factory_user *who, const char *item)
{
    return list_item_with(who, item, "");
}

static const struct reply *get_item(const struct factory_user *who, const char *item)
{
    return fixture_call(who, "GET", client_format(ITEMS "/%s", item), NULL);
}

START_TEST(only_owner_and_admins_can_read_an_item)
{
    struct factory_user admin;
    char item[UUID_TEXT_SIZE];
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
    create_item(&fixture.seller, "A lamp", item);
    EXPECT_TEXT(get_item(&fixture.seller, item), "id", item);
    EXPECT_TEXT(get_item(&admin, item), "id", item);
    EXPECT_ERROR(get_item(&fixture.ann, item), 404, "NOT_FOUND");
    EXPECT_ERROR(get_item(NULL, item), 401, "UNAUTHORIZED");
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", ITEMS, NULL), "items"), 0);
}
END_TEST

static void expect_invalid_item(const struct reply *reply)
{
    EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
    EXPECT_TEXT(reply, "fields.0.field", "itemId");
    EXPECT_TEXT(reply, "fields.0.message", "must be the id of one of your items");
}

START_TEST(auctions_and_drafts_can_only_list_items_of_their_seller)
{
    static const char *const kinds[] = {"", ", \"draft\": true"};
    char item[UUID_TEXT_SIZE];
    create_item(&fixture.seller, "A lamp", item);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        expect_invalid_item(list_item_with(&fixture.ann, item, kinds[i]));
        expect_invalid_item(list_item_with(&fixture.seller, fixture.auction, kinds[i])); /* the id of an auction */
    }
    EXPECT_TEXT(get_item(&fixture.seller, item), "auctionId", "null");
    EXPECT_STATUS(list_item_with(&fixture.seller, item, kinds[1]), 201);
    EXPECT_ERROR(list_item(&fixture.seller, item), 409, "ITEM_ALREADY_LISTED");
    expect_invalid_item(list_item(&fixture.ann, item));
}
END_TEST

START_TEST(an_item_names_its_open_auction)
{
    char item[UUID_TEXT_SIZE];
    char auction[UUID_TEXT_SIZE];
    create_item(&fixture.seller, "A lamp", item);
    const struct reply *reply = list_item(&fixture.seller, item);
    EXPECT_STATUS(reply, 201);
    EXPECT_TEXT(reply, "itemId", item);
    (void)snprintf(auction, sizeof(auction), "%s", reply_text(reply, "id"));
    EXPECT_ERROR(list_item(&fixture.seller, item), 409, "ITEM_ALREADY_LISTED");
    EXPECT_TEXT(get_item(&fixture.seller, item), "auctionId", auction);
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", client_format(AUCTIONS "/%s", auction), NULL), 204);
    EXPECT_TEXT(get_item(&fixture.seller, item), "auctionId", "null");
    EXPECT_STATUS(list_item(&fixture.seller, item), 201);
}
END_TEST

START_TEST(items_are_listed_newest_first_in_pages)
{
    static const char *const titles[] = {"One", "Two", "Three"};
    char cursor[256];
    char id[UUID_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
        create_item(&fixture.seller, titles[i], id);
        int64_t created_ms = clock_now_ms();
        SUITE_WAIT(clock_now_ms() > created_ms, FACTORY_DECISION_MS);
    }
    const struct reply *reply = fixture_call(&fixture.seller, "GET", ITEMS "?limit=2", NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    EXPECT_TEXT(reply, "items.0.title", "Three");
    EXPECT_TEXT(reply, "items.1.title", "Two");
    (void)snprintf(cursor, sizeof(cursor), "%s", reply_text(reply, "nextCursor"));
    reply = fixture_call(&fixture.seller, "GET", client_format(ITEMS "?limit=2&cursor=%s", cursor), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.title", "One");
    EXPECT_TEXT(reply, "nextCursor", "null");
    EXPECT_ERROR(fixture_call(&fixture.seller, "GET", ITEMS "?cursor=nonsense", NULL), 400, "VALIDATION_FAILED");
}
END_TEST

START_TEST(invalid_items_are_refused)
{
    static const char *const bodies[] = {"{}", "{\"title\": \"\"}", "{\"title\": 1}",
                                         "{\"title\": \"x\", \"colour\": \"red\"}",
                                         "{\"title\": \"x\", \"description\": 1}"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        EXPECT_ERROR(fixture_call(&fixture.seller, "POST", ITEMS, bodies[i]), 400, "VALIDATION_FAILED");
    }
    ck_assert_int_eq(reply_count(fixture_call(&fixture.seller, "GET", ITEMS, NULL), "items"), 0);
    EXPECT_ERROR(fixture_call(&fixture.seller, "GET", ITEMS "/none", NULL), 404, "NOT_FOUND");
}
END_TEST

static Suite *items_suite(void)
{
    const TTest *const tests[] = {
        only_owner_and_admins_can_read_an_item,
        auctions_and_drafts_can_only_list_items_of_their_seller,
        an_item_names_its_open_auction,
        items_are_listed_newest_first_in_pages,
        invalid_items_are_refused,
        NULL,
    };
    return fixture_suite("items", tests);
}

int main(void)
{
    return suite_run(items_suite());
}
