/*
 * notifyworker/mail_links: links of mails to pages, and to the API without pages.
 */
#include "notifyworker/mail_links.h"
#include "tests/support/suite.h"

#include <stdio.h>

static struct config config;

static void expect(enum mail_link link, const struct mail_link_ids *ids, const char *expected)
{
    char text[MAIL_LINK_SIZE];
    mail_link_write(&config, link, ids, text);
    ck_assert_str_eq(text, expected);
}

START_TEST(links_lead_to_pages_or_to_the_api)
{
    const struct mail_link_ids ids = {.auction = "A", .sale = "S", .order = "O", .token = "T"};
    config_defaults(&config);
    (void)snprintf(config.public_url, sizeof(config.public_url), "https://bids.example");
    expect(MAIL_LINK_AUCTION, &ids, "https://bids.example/api/v1/auctions/A");
    expect(MAIL_LINK_SALE, &ids, "https://bids.example/api/v1/flash-sales/S");
    expect(MAIL_LINK_ORDER, &ids, "https://bids.example/api/v1/orders/O");
    expect(MAIL_LINK_VERIFY, &ids, "https://bids.example/verify-email#T");
    expect(MAIL_LINK_RESET, &ids, "https://bids.example/reset-password#T");
    (void)snprintf(config.web_root, sizeof(config.web_root), "/usr/share/rostrum/web");
    expect(MAIL_LINK_AUCTION, &ids, "https://bids.example/auctions/A");
    expect(MAIL_LINK_SALE, &ids, "https://bids.example/sales/S");
    expect(MAIL_LINK_ORDER, &ids, "https://bids.example/sales/S");
    expect(MAIL_LINK_VERIFY, &ids, "https://bids.example/verify#token=T");
    expect(MAIL_LINK_RESET, &ids, "https://bids.example/reset#token=T");
}
END_TEST

START_TEST(a_mail_about_nothing_has_no_link)
{
    config_defaults(&config);
    for (int link = 0; link < MAIL_LINKS; link++) {
        expect((enum mail_link)link, &(struct mail_link_ids){0}, "");
    }
}
END_TEST

static Suite *mail_links_suite(void)
{
    Suite *suite = suite_create("mail_links");
    TCase *tcase = tcase_create("links");
    tcase_add_test(tcase, links_lead_to_pages_or_to_the_api);
    tcase_add_test(tcase, a_mail_about_nothing_has_no_link);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(mail_links_suite());
}
