/*
 * "Auctions" of the API: creating, reading and listing them, with their defaults and increment tables.
 *
 * Runs alone: other programs would add auctions to its lists.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "tests/support/fixture.h"

#define AUCTIONS "/api/v1/auctions"

START_TEST(a_new_auction_has_all_defaults)
{
    const struct reply *reply = factory_get_auction(fixture.client, NULL, fixture.auction);
    EXPECT_STATUS(reply, 200);
    ck_assert_str_ne(client_reply_header(fixture.client, "ETag"), "");
    EXPECT_TEXT(reply, "id", fixture.auction);
    EXPECT_TEXT(reply, "sellerId", fixture.seller.id);
    EXPECT_TEXT(reply, "sellerName", "Sam Seller");
    EXPECT_TEXT(reply, "title", "A chair");
    EXPECT_TEXT(reply, "currency", "USD");
    EXPECT_TEXT(reply, "startingPrice", "10.00");
    EXPECT_TEXT(reply, "hasReserve", "false");
    EXPECT_TEXT(reply, "bidIncrement", "1.00");
    EXPECT_TEXT(reply, "currentBid", "null");
    EXPECT_TEXT(reply, "minimumBid", "10.00");
    EXPECT_TEXT(reply, "bidCount", "0");
    EXPECT_TEXT(reply, "status", "active");
    EXPECT_TEXT(reply, "antiSnipe.windowSeconds", "120");
    EXPECT_TEXT(reply, "antiSnipe.extensionSeconds", "120");
    EXPECT_TEXT(reply, "antiSnipe.maxExtensions", "null");
    EXPECT_TEXT(reply, "version", "1");
    ck_assert_str_eq(reply_text(reply, "endTime"), reply_text(reply, "originalEndTime"));
    static const char *const present[] = {"startTime", "createdAt", "updatedAt", "serverTime", "images", "watchers"};
    for (size_t i = 0; i < ARRAY_LEN(present); i++) {
        EXPECT_PRESENT(reply, present[i]);
    }
    int64_t server_ms = 0;
    ck_assert(clock_parse(reply_text(reply, "serverTime"), &server_ms));
    ck_assert(llabs(server_ms - clock_now_ms()) < INT64_C(60000));
}
END_TEST

START_TEST(creating_returns_201_and_location)
{
    char end[CLOCK_TEXT_SIZE];
    clock_format(clock_now_ms() + INT64_C(3600000), end);
    const struct reply *reply = fixture_call(
        &fixture.seller, "POST", AUCTIONS,
        client_format(
            "{\"title\": \"Lamp\", \"description\": \"Brass\", \"category\": \"light\", \"currency\": \"USD\", "
            "\"startingPrice\": \"5.50\", \"bidIncrement\": 0.25, \"endTime\": \"%s\"}",
            end));
    EXPECT_STATUS(reply, 201);
    ck_assert_str_eq(client_reply_header(fixture.client, "Location"),
                     client_format(AUCTIONS "/%s", reply_text(reply, "id")));
    EXPECT_TEXT(reply, "startingPrice", "5.50");
    EXPECT_TEXT(reply, "bidIncrement", "0.25");
    EXPECT_TEXT(reply, "description", "Brass");
    EXPECT_TEXT(reply, "category", "light");
    EXPECT_TEXT(reply, "endTime", end);
}
END_TEST

START_TEST(guests_cannot_create_auctions)
{
    EXPECT_ERROR(fixture_call(NULL, "POST", AUCTIONS, "{}"), 401, "UNAUTHORIZED");
}
END_TEST

START_TEST(only_the_seller_sees_the_reserve_price)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.more = "\"reservePrice\": 25.00"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    const struct reply *reply = factory_get_auction(fixture.client, &fixture.ann, id);
    EXPECT_TEXT(reply, "hasReserve", "true");
    EXPECT_TEXT(reply, "reserveMet", "false");
    EXPECT_ABSENT(reply, "reservePrice");
    EXPECT_TEXT(factory_get_auction(fixture.client, &fixture.seller, id), "reservePrice", "25.00");
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, id, "30.00"), 200);
    reply = factory_get_auction(fixture.client, NULL, id);
    EXPECT_TEXT(reply, "reserveMet", "true");
    EXPECT_TEXT(reply, "currentBid", "25.00");
    EXPECT_ABSENT(reply, "reservePrice");
}
END_TEST

START_TEST(increment_tables_set_the_minimum_bid)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms ebay = {.starting_price = "99.00", .more = "\"incrementTable\": \"ebay-us\""};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &ebay, id));
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "incrementTable", "ebay-us");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, id, "99.99"), 200);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "minimumBid", "100.99");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, id, "101.00"), 200);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "minimumBid", "103.50");

    const struct factory_terms steps = {
        .more = "\"incrementTable\": [{\"from\": 0, \"increment\": 0.05}, {\"from\": 20, \"increment\": 5}]"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &steps, id));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, id, "19.99"), 200);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "minimumBid", "20.04");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, id, "20.04"), 200);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "minimumBid", "25.04");
}
END_TEST

START_TEST(an_item_cannot_be_in_two_open_auctions)
{
    char item[UUID_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    const struct reply *reply = fixture_call(&fixture.seller, "POST", "/api/v1/items", "{\"title\": \"A chair\"}");
    EXPECT_STATUS(reply, 201);
    (void)snprintf(item, sizeof(item), "%s", reply_text(reply, "id"));
    clock_format(clock_now_ms() + INT64_C(3600000), end);
    const char *body =
        client_format("{\"title\": \"One\", \"startingPrice\": 1, \"endTime\": \"%s\", \"itemId\": \"%s\"}", end, item);
    EXPECT_STATUS(fixture_call(&fixture.seller, "POST", AUCTIONS, body), 201);
    body =
        client_format("{\"title\": \"Two\", \"startingPrice\": 1, \"endTime\": \"%s\", \"itemId\": \"%s\"}", end, item);
    EXPECT_ERROR(fixture_call(&fixture.seller, "POST", AUCTIONS, body), 409, "ITEM_ALREADY_LISTED");
}
END_TEST

/* Creates `count` auctions of Ann at 1.00, 2.00, …, which end in that order. No two share a creation millisecond. */
static void list_some(int count)
{
    for (int i = 1; i <= count; i++) {
        char id[UUID_TEXT_SIZE];
        char price[16];
        (void)snprintf(price, sizeof(price), "%d.00", i);
        const struct factory_terms terms = {.starting_price = price,
                                            .lasts_ms = INT64_C(3600000) + INT64_C(1000) * i,
                                            .more = "\"category\": \"found\""};
        ck_assert(factory_auction(fixture.client, &fixture.ann, &terms, id));
        int64_t listed_ms = clock_now_ms();
        SUITE_WAIT(clock_now_ms() > listed_ms, FACTORY_DECISION_MS);
    }
}

static const struct reply *find(const char *query)
{
    const struct reply *reply =
        fixture_call(NULL, "GET", client_format(AUCTIONS "?sellerId=%s%s", fixture.ann.id, query), NULL);
    EXPECT_STATUS(reply, 200);
    return reply;
}

START_TEST(the_auction_list_filters_and_sorts)
{
    list_some(4);
    ck_assert_int_eq(reply_count(find(""), "items"), 4);
    ck_assert_int_eq(reply_count(find("&minPrice=2&maxPrice=3.00"), "items"), 2);
    ck_assert_int_eq(reply_count(find("&category=found"), "items"), 4);
    ck_assert_int_eq(reply_count(find("&category=lost"), "items"), 0);
    ck_assert_int_eq(reply_count(find("&status=sold"), "items"), 0);
    EXPECT_TEXT(find("&sort=ending"), "items.0.startingPrice", "1.00");
    EXPECT_TEXT(find("&sort=newest"), "items.0.startingPrice", "4.00");
    EXPECT_TEXT(find("&sort=price"), "items.3.startingPrice", "4.00");
    EXPECT_TEXT(find("&sort=-price"), "items.3.startingPrice", "1.00");
}
END_TEST

START_TEST(pages_contain_each_auction_once_in_every_order)
{
    static const char *const sorts[] = {"ending", "newest", "price", "-price"};
    list_some(5);
    for (size_t s = 0; s < ARRAY_LEN(sorts); s++) {
        const char *query = client_format("&sort=%s&limit=2", sorts[s]);
        char cursor[256];
        int seen = 0;
        int pages = 0;
        const struct reply *reply = find(query);
        for (;; pages++) {
            seen += reply_count(reply, "items");
            (void)snprintf(cursor, sizeof(cursor), "%s", reply_text(reply, "nextCursor"));
            if (strcmp(cursor, "null") == 0 || pages > 5) {
                break;
            }
            reply = find(client_format("&sort=%s&limit=2&cursor=%s", sorts[s], cursor));
        }
        ck_assert_int_eq(seen, 5);
        ck_assert_int_eq(pages, 2);
    }
}
END_TEST

START_TEST(invalid_query_parameters_get_400)
{
    static const char *const invalid[] = {"?limit=0",     "?limit=101",    "?limit=x",       "?sort=best",
                                          "?status=open", "?minPrice=1e2", "?sellerId=nope", "?cursor=%00"};
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
        const struct reply *reply = fixture_call(NULL, "GET", client_format(AUCTIONS "%s", invalid[i]), NULL);
        ck_assert_msg(reply->status == 400, "%s: %d %.1000s", invalid[i], reply->status, reply->body);
    }
}
END_TEST

START_TEST(a_scheduled_auction_starts_at_its_start_time)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.starts_in_ms = 2500, .lasts_ms = 60000};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "status", "scheduled");
    EXPECT_ERROR(factory_bid(fixture.client, &fixture.ann, id, "10.00"), 409, "AUCTION_NOT_STARTED");
    SUITE_WAIT(factory_has_status(fixture.client, id, "active"), FACTORY_DECISION_MS);
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, id, "10.00"), "status", "accepted");
}
END_TEST

static Suite *auctions_suite(void)
{
    const TTest *const tests[] = {
        a_new_auction_has_all_defaults,
        creating_returns_201_and_location,
        guests_cannot_create_auctions,
        only_the_seller_sees_the_reserve_price,
        increment_tables_set_the_minimum_bid,
        an_item_cannot_be_in_two_open_auctions,
        the_auction_list_filters_and_sorts,
        pages_contain_each_auction_once_in_every_order,
        invalid_query_parameters_get_400,
        a_scheduled_auction_starts_at_its_start_time,
        NULL,
    };
    return fixture_suite("auctions", tests);
}

int main(void)
{
    return suite_run(auctions_suite());
}
