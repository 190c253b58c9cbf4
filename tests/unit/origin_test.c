/*
 * Web origins: which texts are origins, and which are the same.
 */
#include <string.h>

#include "common/base/origin.h"
#include "tests/support/suite.h"

static bool is_of(const char *origin, const char *url)
{
    return origin_of_url(origin, strlen(origin), url);
}

START_TEST(an_origin_is_scheme_host_and_port)
{
    static const char *const valid[] = {"https://shop.example", "http://127.0.0.1:8080", "http://[::1]:8080",
                                        "https://a", "HTTPS://Shop.Example:443"};
    static const char *const invalid[] = {
        "",
        "null",
        "none",
        "*",
        "shop.example",
        "//shop.example",
        "https:shop.example",
        "https://",
        "://shop.example",
        "https://shop.example/",
        "https://shop.example/a",
        "https://shop.example?a",
        "https://shop.example:",
        "https://shop.example:0",
        "https://shop.example:65536",
        "https://shop.example:http",
        "https://user@shop.example",
        "https://:443",
        "https://[::1",
        "https://[::1]443",
        "https://a b",
        "https://shop.example,https://www.example",
        "https://shop.example#",
        "https://a:443:443",
    };
    for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
        ck_assert_msg(origin_valid(valid[i], strlen(valid[i])), "%s", valid[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
        ck_assert_msg(!origin_valid(invalid[i], strlen(invalid[i])), "%s", invalid[i]);
    }
}
END_TEST

START_TEST(an_origin_is_that_of_a_url_if_scheme_host_and_port_are_equal)
{
    static const char url[] = "https://Auctions.example/path?query";
    ck_assert(is_of("https://auctions.example", url));
    ck_assert(is_of("https://auctions.example:443", url));
    ck_assert(is_of("https://auctions.example", "https://auctions.example:443/"));
    ck_assert(is_of("http://127.0.0.1:8080", "http://127.0.0.1:8080"));
    ck_assert(is_of("http://[::1]:8080", "http://[::1]:8080/"));
    static const char *const others[] = {
        "http://auctions.example",
        "https://auctions.example:8443",
        "https://auctions.example.evil",
        "https://evil-auctions.example",
        "https://evil.auctions.example",
        "https://auctions.exampl",
        "https://auctions.example.",
        "https://auctions.example/",
        "null",
        "",
        "https://auctions.example@evil.example",
        "http://auctions.example:443",
        "file://auctions.example",
        "auctions.example",
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        ck_assert_msg(!is_of(others[i], url), "%s", others[i]);
    }
    ck_assert(!is_of("https://a", "https://a@b"));
    ck_assert(!is_of("none", "none"));
}
END_TEST

START_TEST(a_listed_origin_equals_an_entry)
{
    static const char list[] = "https://shop.example  https://www.example:8443 http://127.0.0.1:3000";
    static const char *const listed[] = {"https://shop.example", "https://www.example:8443", "http://127.0.0.1:3000",
                                         "https://SHOP.example:443"};
    static const char *const unlisted[] = {"http://shop.example",
                                           "https://www.example",
                                           "https://shop.example.evil",
                                           "https://shop",
                                           "null",
                                           "none",
                                           "",
                                           "https://example",
                                           "https://shop.example  https://www.example:8443"};
    for (size_t i = 0; i < ARRAY_LEN(listed); i++) {
        ck_assert_msg(origin_listed(listed[i], strlen(listed[i]), list), "%s", listed[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(unlisted); i++) {
        ck_assert_msg(!origin_listed(unlisted[i], strlen(unlisted[i]), list), "%s", unlisted[i]);
    }
    ck_assert(!origin_listed("none", strlen("none"), "none"));
    ck_assert(!origin_listed("https://a\0.example", strlen("https://a") + 9, "https://a"));
}
END_TEST

static Suite *origin_suite(void)
{
    Suite *suite = suite_create("origin");
    TCase *tcase = tcase_create("origin");
    tcase_add_test(tcase, an_origin_is_scheme_host_and_port);
    tcase_add_test(tcase, an_origin_is_that_of_a_url_if_scheme_host_and_port_are_equal);
    tcase_add_test(tcase, a_listed_origin_equals_an_entry);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(origin_suite());
}
