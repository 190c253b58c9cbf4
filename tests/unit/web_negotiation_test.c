/*
 * gateway/web/negotiation: the coding of a page by Accept-Encoding, and whether a request accepts HTML.
 */
#include "gateway/web/negotiation.h"
#include "tests/support/suite.h"

enum { ALL = 1U << CODING_BR | 1U << CODING_GZIP | 1U << CODING_IDENTITY, NO_BR = ALL & ~(1U << CODING_BR) };

START_TEST(the_best_accepted_coding_is_chosen)
{
    static const struct {
        const char *accept;
        unsigned available;
        enum coding expected;
    } cases[] = {
        {"", ALL, CODING_IDENTITY},
        {"br", ALL, CODING_BR},
        {"br", NO_BR, CODING_IDENTITY},
        {"gzip", ALL, CODING_GZIP},
        {"x-gzip", ALL, CODING_GZIP},
        {"GZIP", ALL, CODING_GZIP},
        {"gzip, deflate, br, zstd", ALL, CODING_BR},
        {"gzip, deflate, br, zstd", NO_BR, CODING_GZIP},
        {"gzip;q=0.9, br;q=0.1", ALL, CODING_GZIP},
        {"gzip;q=1.000,br;q=0.999", ALL, CODING_GZIP},
        {"br;q=0, gzip", ALL, CODING_GZIP},
        {"br;q=0", ALL, CODING_IDENTITY},
        {"*", ALL, CODING_BR},
        {"*", NO_BR, CODING_GZIP},
        {"*;q=0", ALL, CODING_IDENTITY},
        {"br;q=0, *;q=0.5", ALL, CODING_GZIP},
        {"gzip;q=0.5, *;q=0.2", ALL, CODING_GZIP},
        {"identity", ALL, CODING_IDENTITY},
        {"identity;q=1, br;q=0.5", ALL, CODING_IDENTITY},
        {"identity;q=0.5, br;q=0.5", ALL, CODING_BR},
        {"identity;q=0, gzip", ALL, CODING_GZIP},
        {"identity;q=0", ALL, CODING_IDENTITY}, /* there is nothing else that the client accepts */
        {"identity;q=0, *;q=0", ALL, CODING_IDENTITY},
        {" gzip ; q=0.5 , br ; q=1 ", ALL, CODING_BR},
        {",,br,,", ALL, CODING_BR},
        {"br;level=3;q=0.4, gzip;q=0.5", ALL, CODING_GZIP},
        {"br;Q=0", ALL, CODING_IDENTITY},
        {"br;q=", ALL, CODING_IDENTITY},
        {"br;q=2", ALL, CODING_IDENTITY},
        {"br;q=1.5", ALL, CODING_IDENTITY},
        {"br;q=-1", ALL, CODING_IDENTITY},
        {"br;q=0.0001", ALL, CODING_IDENTITY},
        {"br;q=1x", ALL, CODING_IDENTITY},
        {"br x", ALL, CODING_IDENTITY},
        {"brotli, gzipped", ALL, CODING_IDENTITY},
        {";q=1, ;, =", ALL, CODING_IDENTITY},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum coding coding = coding_choose(cases[i].accept, cases[i].available);
        ck_assert_msg(coding == cases[i].expected, "\"%s\": %d", cases[i].accept, (int)coding);
    }
    ck_assert_str_eq(coding_name(CODING_BR), "br");
    ck_assert_str_eq(coding_name(CODING_GZIP), "gzip");
    ck_assert_str_eq(coding_name(CODING_IDENTITY), "identity");
}
END_TEST

START_TEST(html_is_accepted_by_its_most_specific_range)
{
    static const struct {
        const char *accept;
        bool expected;
    } cases[] = {
        {"", true},
        {"*/*", true},
        {"text/html", true},
        {"text/*", true},
        {"TEXT/HTML", true},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", true},
        {"application/json", false},
        {"application/json, */*;q=0", false},
        {"application/json, */*;q=0.1", true},
        {"text/html;q=0, */*", false},
        {"*/*, text/html;q=0", false},
        {"text/*;q=0, text/html", true},
        {"text/html, text/*;q=0", true},
        {"text/*;q=0, */*", false},
        {"text/event-stream", false},
        {"text/htmlx", false},
        {"text/html;q=x", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_msg(accepts_html(cases[i].accept) == cases[i].expected, "\"%s\"", cases[i].accept);
    }
}
END_TEST

static Suite *web_negotiation_suite(void)
{
    Suite *suite = suite_create("web_negotiation");
    TCase *tcase = tcase_create("negotiation");
    tcase_add_test(tcase, the_best_accepted_coding_is_chosen);
    tcase_add_test(tcase, html_is_accepted_by_its_most_specific_range);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(web_negotiation_suite());
}
