/*
 * gateway/web/page_og: the head of the page of one auction, with texts that sellers chose to do harm.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"
#include "gateway/web/page_og.h"
#include "tests/support/suite.h"

#define ID    "01020304-0506-0708-090a-0b0c0d0e0f10"
#define INDEX "<head><title>Rostrum</title>" PAGE_OG_PLACE "</head><body>$</body>"

enum { JSON_SIZE = 8192 };

static char *page;

static void tear_down(void)
{
    free(page);
    page = NULL;
}

/* Writes the page of an auction with this JSON; NULL if that is refused. */
static const char *write_page(const char *index, const char *json)
{
    size_t length = 0;
    struct page_og og = {.public_url = "https://bids.example", .json = json, .length = strlen(json)};
    ck_assert(uuid_parse(ID, strlen(ID), &og.auction));
    free(page);
    page = page_og_write(index, strlen(index), &og, &length);
    ck_assert(page == NULL || (strlen(page) == length && utf8_valid(page, length)));
    return page;
}

static const char *write_texts(const char *title, const char *description)
{
    char json[JSON_SIZE];
    int length =
        snprintf(json, sizeof(json), "{\"title\":\"%s\",\"description\":\"%s\",\"images\":[]}", title, description);
    ck_assert_int_lt(length, JSON_SIZE);
    ck_assert_ptr_nonnull(write_page(INDEX, json));
    return page;
}

static void expect(const char *part)
{
    ck_assert_msg(strstr(page, part) != NULL, "no %s in %.3000s", part, page);
}

START_TEST(an_auction_has_its_tags)
{
    ck_assert_ptr_nonnull(write_page(
        INDEX, "{\"title\":\"A chair\",\"description\":\"Oak,\\n\\n  old\",\"images\":[{\"url\":\"/images/a\","
               "\"thumbnails\":{\"160\":\"/images/b\",\"640\":\"/images/c\",\"1600\":\"/images/d\"}}]}"));
    ck_assert_str_eq(page, "<head><title>A chair</title>"
                           "<meta name=\"description\" content=\"Oak, old\">\n"
                           "<meta property=\"og:type\" content=\"website\">\n"
                           "<meta property=\"og:title\" content=\"A chair\">\n"
                           "<meta property=\"og:description\" content=\"Oak, old\">\n"
                           "<meta property=\"og:url\" content=\"https://bids.example/auctions/" ID "\">\n"
                           "<meta property=\"og:image\" content=\"https://bids.example/images/c\">\n"
                           "<meta name=\"twitter:card\" content=\"summary_large_image\">\n"
                           "</head><body>$</body>");
}
END_TEST

START_TEST(hostile_texts_stay_texts)
{
    (void)write_texts("</title><script>alert(1)</script>", "\\\" onload=\\\"x\\\" '&amp;");
    expect("<title>&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;</title>");
    expect("og:title\" content=\"&lt;/title&gt;&lt;script&gt;");
    expect("content=\"&quot; onload=&quot;x&quot; &#39;&amp;amp;\"");
    ck_assert_ptr_null(strstr(page, "<script"));
    /* A place or a title in a text is not replaced again. */
    (void)write_texts(PAGE_OG_PLACE "<title>", PAGE_OG_PLACE);
    expect("<title>&lt;!--og--&gt;&lt;title&gt;</title>");
    ck_assert_ptr_null(strstr(page, PAGE_OG_PLACE));
    /* Control characters, line ends, and the direction of text. */
    (void)write_texts("a\\u0001\\r\\n\\tb\\u007fc", "\\u202Eabc\\u2066d\\u200Fe \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d");
    expect("<title>a b c</title>");
    expect("description\" content=\"abcde \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d\"");
}
END_TEST

START_TEST(long_texts_are_cut_between_characters)
{
    for (size_t ahead = 0; ahead < 4; ahead++) {
        char text[2048] = "abc";
        for (size_t at = ahead; at < 1200; at += 4) {
            (void)snprintf(text + at, sizeof(text) - at, "\xf0\x9f\xaa\x91"); /* a chair */
        }
        (void)write_texts(text, text); /* checks that it is UTF-8 */
        expect("\xf0\x9f\xaa\x91…</title>");
        expect("\xf0\x9f\xaa\x91…\">");
    }
}
END_TEST

START_TEST(without_a_place_or_an_auction_there_is_no_page)
{
    static const char json[] = "{\"title\":\"A chair\"}";
    ck_assert_ptr_null(write_page("<head></head>", json));
    ck_assert_ptr_null(write_page("<title>a</title>", json));
    ck_assert_ptr_null(write_page(PAGE_OG_PLACE "<title>a</title>", json));
    ck_assert_ptr_null(write_page("", json));
    ck_assert_ptr_null(write_page(INDEX, "{"));
    ck_assert_ptr_nonnull(write_page(INDEX, json));
    ck_assert_ptr_nonnull(write_page(INDEX, "{\"title\":5,\"images\":{\"a\":1},\"description\":null}"));
}
END_TEST

static Suite *web_page_og_suite(void)
{
    Suite *suite = suite_create("web_page_og");
    TCase *tcase = tcase_create("page_og");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, an_auction_has_its_tags);
    tcase_add_test(tcase, hostile_texts_stay_texts);
    tcase_add_test(tcase, long_texts_are_cut_between_characters);
    tcase_add_test(tcase, without_a_place_or_an_auction_there_is_no_page);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(web_page_og_suite());
}
