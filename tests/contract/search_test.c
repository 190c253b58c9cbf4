/*
 * Search of the API: text with typing errors, filters, orders, pages, facets. Also the cached answers: searches,
 * leaderboard, history.
 *
 * Runs alone: its searches would find auctions of other programs.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

#define AUCTIONS "/api/v1/auctions"

enum { WORD_SIZE = 16, CURSOR_SIZE = 256, PAGES_MAX = 200, CACHE_MS = 5000 };

/* A random word, made of a new id, that no other test uses. */
static void make_word(char out[static WORD_SIZE])
{
    const struct uuid id = uuid_new();
    for (size_t i = 0; i < 10; i++) {
        out[i] = (char)('a' + (id.bytes[6 + i] + (int)i * 7) % 26);
    }
    out[10] = '\0';
}

static void list_auction(const char *title, const char *description, const char *category, const char *price)
{
    char id[UUID_TEXT_SIZE];
    char more[512];
    (void)snprintf(more, sizeof more, "\"description\": \"%s\", \"category\": \"%s\"", description, category);
    const struct factory_terms terms = {.title = title, .starting_price = price, .more = more};
    ck_assert(factory_auction(fixture.client, &fixture.ann, &terms, id));
}

/* Searches as Bob: answers to logged-in users are not cached. */
static const struct reply *search(const char *query)
{
    const struct reply *reply = fixture_call(&fixture.bob, "GET", client_format(AUCTIONS "?%s", query), NULL);
    EXPECT_STATUS(reply, 200);
    return reply;
}

static int count_found(const char *query)
{
    return reply_count(search(query), "items");
}

START_TEST(text_search_ranks_title_matches_before_descriptions)
{
    char word[WORD_SIZE];
    make_word(word);
    list_auction("Brass lamp", client_format("goes with the %s", word), "", "1.00");
    list_auction(client_format("%s lamp", word), "made of brass", "", "2.00");
    list_auction("Something else", "entirely", "", "3.00");
    const struct reply *reply = search(client_format("q=%s", word));
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    EXPECT_TEXT(reply, "items.0.startingPrice", "2.00");
    EXPECT_TEXT(reply, "items.1.startingPrice", "1.00");
    EXPECT_TEXT(reply, "nextCursor", "null");
    ck_assert_int_eq(count_found(client_format("q=%s+LAMPS", word)), 2);
    ck_assert_int_eq(count_found(client_format("q=%s&status=sold", word)), 0);
}
END_TEST

START_TEST(search_supports_phrases_exclusions_and_or)
{
    char word[WORD_SIZE];
    make_word(word);
    list_auction(client_format("%s blue glass vase", word), "", "", "1.00");
    list_auction(client_format("%s blue vase of glass", word), "", "", "2.00");
    list_auction(client_format("%s red bowl", word), "", "", "3.00");
    ck_assert_int_eq(count_found(client_format("q=%s+glass+vase", word)), 2);
    ck_assert_int_eq(count_found(client_format("q=%s+%%22glass+vase%%22", word)), 1);
    ck_assert_int_eq(count_found(client_format("q=%s+-glass", word)), 1);
    ck_assert_int_eq(count_found(client_format("q=%s+bowl+or+%s+vase", word, word)), 3);
    /* Quoted and excluded words are not replaced by similar ones. */
    ck_assert_int_eq(count_found(client_format("q=%%22%s+glas+vaze%%22", word)), 0);
}
END_TEST

START_TEST(mistyped_words_find_similar_words)
{
    char word[WORD_SIZE];
    char invalid[WORD_SIZE];
    make_word(word);
    list_auction(client_format("%s telescope", word), "", "optics", "1.00");
    list_auction(client_format("%s telescope", word), "", "optics", "2.00");
    (void)snprintf(invalid, sizeof invalid, "%s", word);
    invalid[4] = word[5];
    invalid[5] = word[4];
    ck_assert_int_eq(count_found(client_format("q=%s", invalid)), 2);
    ck_assert_int_eq(count_found(client_format("q=%.7s%s", word, word + 8)), 2);
    ck_assert_int_eq(count_found(client_format("q=%s+telscope", word)), 2);
    ck_assert_int_eq(count_found(client_format("q=%s+qqqqzzzz", word)), 0);
    /* Facets and pages apply to the similar words. */
    const struct reply *reply = search(client_format("q=%s&facets=true&limit=1", invalid));
    EXPECT_TEXT(reply, "facets.matches", "2");
    EXPECT_TEXT(reply, "facets.category.0.value", "optics");
    reply = search(client_format("q=%s&limit=1&cursor=%s", invalid, reply_text(reply, "nextCursor")));
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "nextCursor", "null");
}
END_TEST

START_TEST(search_ignores_case_in_every_script)
{
    char word[WORD_SIZE];
    make_word(word);
    list_auction(client_format("%s Ölgemälde aus Köln", word), "самовар тульский", "Gemälde", "1.00");
    ck_assert_int_eq(count_found(client_format("q=%s+%%C3%%B6lgem%%C3%%A4lde", word)), 1);
    ck_assert_int_eq(count_found(client_format("q=%s+%%D0%%A1%%D0%%90%%D0%%9C%%D0%%9E%%D0%%92%%D0%%90%%D0%%A0", word)),
                     1);
    ck_assert_int_eq(count_found(client_format("q=%s&category=Gem%%C3%%A4lde", word)), 1);
    ck_assert_int_eq(count_found(client_format("q=%s+%%F0%%9F%%8E%%BA", word)),
                     1); /* an emoji is not a word: it is ignored */
    ck_assert_int_eq(count_found("q=the"), 0);
    ck_assert_int_eq(count_found("q=%27%22%28%29%3A%2A%26%7C%21%5C"), 0);
}
END_TEST

/* Reads every page of `query`. After each page it adds an auction that matches too, in another category. */
static void read_pages(const char *query, const char *word, int expected)
{
    char seen[PAGES_MAX][UUID_TEXT_SIZE];
    char cursor[CURSOR_SIZE] = "";
    int count = 0;
    for (int page = 0; page < PAGES_MAX && strcmp(cursor, "null") != 0; page++) {
        const struct reply *reply =
            search(client_format("%s&limit=2%s%s", query, page == 0 ? "" : "&cursor=", page == 0 ? "" : cursor));
        for (int i = 0; i < reply_count(reply, "items") && count < PAGES_MAX; i++) {
            (void)snprintf(seen[count], UUID_TEXT_SIZE, "%s", reply_text(reply, client_format("items.%d.id", i)));
            for (int before = 0; before < count; before++) {
                ck_assert_msg(strcmp(seen[before], seen[count]) != 0, "%s: %s twice", query, seen[count]);
            }
            count += strcmp(reply_text(reply, client_format("items.%d.category", i)), "first") == 0;
        }
        (void)snprintf(cursor, sizeof cursor, "%s", reply_text(reply, "nextCursor"));
        list_auction(client_format("%s late", word), "", "late", "3.50");
    }
    ck_assert_str_eq(cursor, "null");
    ck_assert_msg(count == expected, "%s: %d instead of %d", query, count, expected);
}

START_TEST(pages_are_complete_in_every_order_while_auctions_are_added)
{
    static const char *const sorts[] = {"relevance", "ending", "newest", "price", "-price"};
    char word[WORD_SIZE];
    make_word(word);
    for (int i = 1; i <= 5; i++) {
        list_auction(client_format("%s %s", word, i % 2 == 0 ? word : "plain"), "", "first", client_format("%d.00", i));
    }
    for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
        char query[128];
        (void)snprintf(query, sizeof query, "q=%s&sort=%s", word, sorts[i]);
        read_pages(query, word, 5);
    }
}
END_TEST

START_TEST(filters_combine_with_text_and_each_other)
{
    char word[WORD_SIZE];
    make_word(word);
    list_auction(client_format("%s one", word), "", "a", "5.00");
    list_auction(client_format("%s two", word), "", "a", "50.00");
    list_auction(client_format("%s three", word), "", "b", "500.00");
    ck_assert_int_eq(count_found(client_format("q=%s&minPrice=5.01", word)), 2);
    ck_assert_int_eq(count_found(client_format("q=%s&minPrice=5&maxPrice=50.00", word)), 2);
    ck_assert_int_eq(count_found(client_format("q=%s&category=a&maxPrice=49.99", word)), 1);
    ck_assert_int_eq(count_found(client_format("q=%s&sellerId=%s", word, fixture.ann.id)), 3);
    ck_assert_int_eq(count_found(client_format("q=%s&sellerId=%s", word, fixture.seller.id)), 0);
    ck_assert_int_eq(count_found(client_format("sellerId=%s&minPrice=50&maxPrice=50", fixture.ann.id)), 1);
    EXPECT_TEXT(search(client_format("q=%s&sort=-price&category=a", word)), "items.0.startingPrice", "50.00");
    EXPECT_TEXT(search(client_format("sellerId=%s&sort=price&minPrice=6", fixture.ann.id)), "items.0.startingPrice",
                "50.00");
}
END_TEST

START_TEST(price_filters_use_the_current_bid)
{
    char query[256];
    (void)snprintf(query, sizeof query, "sellerId=%s&sort=-price&minPrice=12", fixture.seller.id);
    ck_assert_int_eq(count_found(query), 0);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "12.50"), 200);
    const struct reply *reply = search(query);
    EXPECT_TEXT(reply, "items.0.currentBid", "12.50");
    ck_assert_int_eq(count_found(client_format("sellerId=%s&sort=price&maxPrice=12.49", fixture.seller.id)), 0);
}
END_TEST

/* Ends the auction with this price by SQL, as sold; the end worker leaves it alone. */
static void sell(const char *word, const char *price)
{
    int64_t sold = sql_int(fixture.sql,
                           "UPDATE auctions SET status = 'sold', winner_id = seller_id, winning_bid_id = id,"
                           " end_time = now() WHERE title LIKE $1 || '%' AND starting_price = $2::numeric RETURNING 1",
                           word, price, NULL);
    ck_assert_int_eq(sold, 1);
}

/* Pages of one auction each show all, in every order, and each once. */
START_TEST(several_statuses_are_searched_in_every_order)
{
    static const char *const orders[] = {"ending", "newest", "price", "-price", "relevance"};
    static const char *const prices[] = {"1.00", "2.00", "3.00"};
    char word[WORD_SIZE];
    make_word(word);
    for (size_t i = 0; i < ARRAY_LEN(prices); i++) {
        list_auction(client_format("%s lamp", word), "", "", prices[i]);
    }
    sell(word, "2.00");
    ck_assert_int_eq(count_found(client_format("q=%s", word)), 2);
    ck_assert_int_eq(count_found(client_format("q=%s&status=sold", word)), 1);
    ck_assert_int_eq(count_found(client_format("q=%s&status=active,sold,sold", word)), 3);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        char page[CURSOR_SIZE] = "";
        int cents = 0;
        for (int shown = 0; shown < 3; shown++) {
            const struct reply *reply =
                search(client_format("q=%s&status=active,sold&sort=%s&limit=1%s", word, orders[i], page));
            ck_assert_int_eq(reply_count(reply, "items"), 1);
            cents += reply_text(reply, "items.0.startingPrice")[0] - '0';
            (void)snprintf(page, sizeof page, "&cursor=%s", reply_text(reply, "nextCursor"));
        }
        ck_assert_int_eq(cents, 1 + 2 + 3);
        ck_assert_str_eq(page, "&cursor=null");
    }
    const struct reply *reply = search(client_format("q=%s&status=active,sold&facets=true", word));
    EXPECT_TEXT(reply, "facets.matches", "3");
    reply = search(client_format("sellerId=%s&status=active,sold&sort=price&minPrice=2", fixture.ann.id));
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    EXPECT_TEXT(reply, "items.0.status", "sold");
    reply = fixture_call(&fixture.bob, "GET", AUCTIONS "?status=active,draft", NULL);
    EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
}
END_TEST

START_TEST(auctions_are_found_by_their_ids)
{
    char other[UUID_TEXT_SIZE];
    char both[2 * UUID_TEXT_SIZE + 8];
    static char many[101 * UUID_TEXT_SIZE + 32];
    const struct factory_terms terms = {.more = "\"draft\": true"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, other));
    (void)snprintf(both, sizeof both, "ids=%s,%s", fixture.auction, other);
    const struct reply *reply = search(both); /* the draft is not public */
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.id", fixture.auction);
    EXPECT_TEXT(reply, "nextCursor", "null");
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", client_format(AUCTIONS "/%s", fixture.auction), NULL), 204);
    ck_assert_int_eq(count_found(both), 1); /* every status */
    ck_assert_int_eq(count_found(client_format("%s&status=active", both)), 0);
    EXPECT_ERROR(fixture_call(NULL, "GET", AUCTIONS "?ids=1", NULL), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(NULL, "GET", AUCTIONS "?ids=", NULL), 400, "VALIDATION_FAILED");
    reply = fixture_call(NULL, "GET", client_format(AUCTIONS "?%s&q=chair", both), NULL);
    EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
    EXPECT_TEXT(reply, "fields.0.field", "q");
    int length = snprintf(many, sizeof many, AUCTIONS "?ids=%s", other);
    for (int i = 1; i < 101; i++) {
        length += snprintf(many + length, sizeof many - (size_t)length, ",%s", other);
    }
    EXPECT_ERROR(fixture_call(NULL, "GET", many, NULL), 400, "VALIDATION_FAILED");
    many[length - UUID_TEXT_SIZE] = '\0'; /* 100 ids */
    EXPECT_STATUS(fixture_call(NULL, "GET", many, NULL), 200);
}
END_TEST

START_TEST(facets_count_the_matches)
{
    char word[WORD_SIZE];
    make_word(word);
    list_auction(client_format("%s one", word), "", "a", "5.00");
    list_auction(client_format("%s two", word), "", "a", "10.00");
    list_auction(client_format("%s three", word), "", "b", "9000.00");
    const struct reply *reply = search(client_format("q=%s&facets=true&limit=1", word));
    EXPECT_TEXT(reply, "facets.matches", "3");
    EXPECT_TEXT(reply, "facets.approximate", "false");
    EXPECT_TEXT(reply, "facets.category.0.value", "a");
    EXPECT_TEXT(reply, "facets.category.0.count", "2");
    EXPECT_TEXT(reply, "facets.category.1.count", "1");
    EXPECT_TEXT(reply, "facets.status.1.value", "active");
    EXPECT_TEXT(reply, "facets.status.1.count", "3");
    EXPECT_TEXT(reply, "facets.status.3.count", "0");
    ck_assert_int_eq(reply_count(reply, "facets.price"), 3);
    EXPECT_TEXT(reply, "facets.price.0.to", "10.00");
    EXPECT_TEXT(reply, "facets.price.1.from", "10.00");
    EXPECT_TEXT(reply, "facets.price.2.from", "5000.00");
    EXPECT_TEXT(reply, "facets.price.2.to", "null");
    reply = search(client_format("q=%s&facets=true&category=b", word));
    EXPECT_TEXT(reply, "facets.matches", "1");
    EXPECT_ABSENT(search(client_format("q=%s&facets=false", word)), "facets");
    EXPECT_PRESENT(search("facets=true&minPrice=1&category=none"), "facets.price");
}
END_TEST

/* Copies the fixture's auction by SQL: ten thousand auctions over HTTP would take minutes. */
static void copy_auction(const char *word, const char *times)
{
    PQclear(sql_rows(
        fixture.sql,
        "INSERT INTO auctions (id, seller_id, title, category, starting_price, increments, snipe_window_s,"
        " snipe_extension_s, start_time, original_end_time, end_time, status, minimum_bid, created_at, updated_at)"
        " SELECT gen_random_uuid(), seller_id, $2 || repeat(' ' || $2, n % 3), 'many', starting_price, increments,"
        " snipe_window_s, snipe_extension_s, start_time, original_end_time, end_time, status, minimum_bid,"
        " created_at - n * interval '1 s', updated_at FROM auctions, generate_series(1, $3::integer) n WHERE id = "
        "$1::uuid",
        fixture.auction, word, times, NULL));
}

START_TEST(over_10000_matches_facets_are_approximate_and_pages_complete)
{
    char word[WORD_SIZE];
    char cursor[CURSOR_SIZE] = "";
    int count = 0;
    make_word(word);
    copy_auction(word, "10050");
    const struct reply *reply = search(client_format("q=%s&facets=true&limit=1", word));
    EXPECT_TEXT(reply, "facets.approximate", "true");
    EXPECT_TEXT(reply, "facets.matches", "10000");
    for (int page = 0; page < PAGES_MAX && strcmp(cursor, "null") != 0; page++) {
        reply = search(client_format("q=%s&limit=100%s%s", word, page == 0 ? "" : "&cursor=", cursor));
        count += reply_count(reply, "items");
        (void)snprintf(cursor, sizeof cursor, "%s", reply_text(reply, "nextCursor"));
    }
    ck_assert_int_eq(count, 10050);
    PQclear(sql_rows(fixture.sql, "DELETE FROM auctions WHERE category = 'many' AND seller_id = $1::uuid",
                     fixture.seller.id, NULL));
}
END_TEST

START_TEST(validation_errors_name_the_parameter)
{
    static const struct {
        const char *query;
        const char *field;
    } invalid[] = {
        {"q=%FF", "q"},
        {"q=a%00b", "q"},
        {"q=%0A", "q"},
        {"sort=relevance", "sort"},
        {"sort=best&q=x", "sort"},
        {"facets=yes", "facets"},
        {"category=%C3%28", "category"},
        {"minPrice=-1", "minPrice"},
        {"maxPrice=1e2", "maxPrice"},
        {"sellerId=x", "sellerId"},
        {"status=draft", "status"},
        {"limit=101", "limit"},
        {"cursor=zzzz", "cursor"},
        {"q=x&cursor=cmVsZXZhbmNlfHIxLjVAbm93fDAxOGYwMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMQ", "cursor"},
        {"cursor=ZW5kaW5nfH4yMDI2LTAxLTAxVDAwOjAwOjAwWnwwMThmMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDE", "cursor"},
    };
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
        const struct reply *reply = fixture_call(NULL, "GET", client_format(AUCTIONS "?%s", invalid[i].query), NULL);
        EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
        EXPECT_TEXT(reply, "fields.0.field", invalid[i].field);
    }
    char many[300];
    memset(many, 'a', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    EXPECT_ERROR(fixture_call(NULL, "GET", client_format(AUCTIONS "?q=%s", many), NULL), 400, "VALIDATION_FAILED");
    EXPECT_STATUS(fixture_call(NULL, "GET", AUCTIONS "?q=", NULL), 200);
}
END_TEST

START_TEST(only_guests_get_cached_search_results)
{
    char word[WORD_SIZE];
    make_word(word);
    char query[64];
    (void)snprintf(query, sizeof query, AUCTIONS "?q=%s", word);
    EXPECT_STATUS(fixture_call(NULL, "GET", query, NULL), 200);
    list_auction(client_format("%s clock", word), "", "", "1.00");
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", query, NULL), "items"), 1);
    SUITE_WAIT(reply_count(fixture_call(NULL, "GET", query, NULL), "items") == 1, CACHE_MS);
    /* A cached answer has the current serverTime. */
    char first[CLOCK_TEXT_SIZE];
    (void)snprintf(first, sizeof first, "%s", reply_text(fixture_call(NULL, "GET", query, NULL), "items.0.serverTime"));
    SUITE_WAIT(strcmp(reply_text(fixture_call(NULL, "GET", query, NULL), "items.0.serverTime"), first) > 0, CACHE_MS);
}
END_TEST

static const struct reply *read_leaderboard(const char *tail)
{
    const struct reply *reply =
        fixture_call(NULL, "GET", client_format("%s%s", fixture_path("/leaderboard"), tail), NULL);
    EXPECT_STATUS(reply, 200);
    return reply;
}

START_TEST(the_leaderboard_shows_each_bidders_highest_bid)
{
    ck_assert_int_eq(reply_count(read_leaderboard(""), "items"), 0);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "12.00"), 200);
    SUITE_WAIT(reply_count(read_leaderboard(""), "items") == 2, FACTORY_DECISION_MS);
    char bob[64];
    (void)snprintf(bob, sizeof bob, "%s", reply_text(read_leaderboard(""), "items.0.bidder"));
    EXPECT_TEXT(read_leaderboard(""), "items.0.amount", "12.00");
    EXPECT_TEXT(read_leaderboard(""), "items.1.amount", "10.00");
    /* Later bids reach it through the bid worker, and automatic bids count too. */
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "20.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "15.00"), 200);
    SUITE_WAIT(strcmp(reply_text(read_leaderboard(""), "items.0.amount"), "16.00") == 0, FACTORY_DECISION_MS);
    EXPECT_TEXT(read_leaderboard(""), "items.1.amount", "15.00");
    EXPECT_TEXT(read_leaderboard(""), "items.1.bidder", bob);
    ck_assert_int_eq(reply_count(read_leaderboard("?limit=1"), "items"), 1);
    EXPECT_ERROR(fixture_call(NULL, "GET", fixture_path("/leaderboard?limit=0"), NULL), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(NULL, "GET", AUCTIONS "/018f0000-0000-7000-8000-000000000001/leaderboard", NULL), 404,
                 "NOT_FOUND");
}
END_TEST

START_TEST(a_buy_now_leads_the_leaderboard)
{
    char id[UUID_TEXT_SIZE];
    char path[128];
    const struct factory_terms terms = {.more = "\"reservePrice\": 40.00, \"buyNowPrice\": 50.00"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    (void)snprintf(path, sizeof path, AUCTIONS "/%s/leaderboard", id);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, id, "10.00"), 200);
    EXPECT_TEXT(fixture_call(NULL, "GET", path, NULL), "items.0.amount", "10.00");
    client_header(fixture.client, "Prefer: wait=10");
    EXPECT_STATUS(fixture_call(&fixture.bob, "POST", client_format(AUCTIONS "/%s/buy-now", id), NULL), 200);
    SUITE_WAIT(strcmp(reply_text(fixture_call(NULL, "GET", path, NULL), "items.0.amount"), "50.00") == 0,
               FACTORY_DECISION_MS);
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), FACTORY_DECISION_MS);
    EXPECT_TEXT(fixture_call(NULL, "GET", path, NULL), "items.0.amount", "50.00");
    EXPECT_TEXT(fixture_call(NULL, "GET", path, NULL), "items.1.amount", "10.00");
}
END_TEST

START_TEST(drafts_are_not_found_before_publication)
{
    char word[WORD_SIZE];
    char id[UUID_TEXT_SIZE];
    char path[128];
    make_word(word);
    const struct factory_terms terms = {.title = word, .more = "\"draft\": true"};
    ck_assert(factory_auction(fixture.client, &fixture.bob, &terms, id));
    (void)snprintf(path, sizeof path, AUCTIONS "/%s", id);
    ck_assert_int_eq(count_found(client_format("q=%s", word)), 0);
    ck_assert_int_eq(count_found(client_format("sellerId=%s&sort=price", fixture.bob.id)), 0);
    EXPECT_ERROR(fixture_call(&fixture.bob, "GET", client_format("%s/leaderboard", path), NULL), 404, "NOT_FOUND");
    EXPECT_STATUS(fixture_call(&fixture.bob, "POST", client_format("%s/publish", path), NULL), 200);
    ck_assert_int_eq(count_found(client_format("q=%s", word)), 1);
    ck_assert_int_eq(count_found(client_format("sellerId=%s&sort=price", fixture.bob.id)), 1);
    ck_assert_int_eq(reply_count(fixture_call(NULL, "GET", client_format("%s/leaderboard", path), NULL), "items"), 0);
}
END_TEST

START_TEST(the_next_batch_invalidates_the_cached_history)
{
    const char *path = fixture_path("/bids");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(reply_count(fixture_call(NULL, "GET", path, NULL), "items"), 1);
    }
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "12.00"), 200);
    SUITE_WAIT(reply_count(fixture_call(NULL, "GET", path, NULL), "items") == 2, FACTORY_DECISION_MS);
    ck_assert_int_eq(reply_count(fixture_call(NULL, "GET", client_format("%s?limit=1", path), NULL), "items"), 1);
}
END_TEST

static Suite *search_suite(void)
{
    const TTest *const tests[] = {
        text_search_ranks_title_matches_before_descriptions,
        search_supports_phrases_exclusions_and_or,
        mistyped_words_find_similar_words,
        search_ignores_case_in_every_script,
        pages_are_complete_in_every_order_while_auctions_are_added,
        filters_combine_with_text_and_each_other,
        price_filters_use_the_current_bid,
        several_statuses_are_searched_in_every_order,
        auctions_are_found_by_their_ids,
        facets_count_the_matches,
        over_10000_matches_facets_are_approximate_and_pages_complete,
        validation_errors_name_the_parameter,
        only_guests_get_cached_search_results,
        the_leaderboard_shows_each_bidders_highest_bid,
        a_buy_now_leads_the_leaderboard,
        drafts_are_not_found_before_publication,
        the_next_batch_invalidates_the_cached_history,
        NULL,
    };
    return fixture_suite("search", tests);
}

int main(void)
{
    return suite_run(search_suite());
}
