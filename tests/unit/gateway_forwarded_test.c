/*
 * gateway/http/forwarded: the client's address from the peer's address and X-Forwarded-For.
 */
#include "gateway/http/forwarded.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

enum { MANY_SIZE = 1024 };

#define TRUSTED "10.0.0.0/8 fd00::/8 127.0.0.1/32"

static const struct {
    const char *peer;
    const char *first; /* headers in the order of the request */
    const char *second;
    const char *client;
} cases[] = {
    {"192.0.2.1", NULL, NULL, "192.0.2.1"},
    {"192.0.2.1", "198.51.100.7", NULL, "192.0.2.1"}, /* not a proxy of ours: forged */
    {"10.0.0.1", NULL, NULL, "10.0.0.1"},
    {"10.0.0.1", "198.51.100.7", NULL, "198.51.100.7"},
    {"10.0.0.1", "203.0.113.9, 198.51.100.7", NULL, "198.51.100.7"},
    {"10.0.0.1", "203.0.113.9,198.51.100.7 ,\t10.9.9.9", NULL, "198.51.100.7"},
    {"10.0.0.1", "203.0.113.9", "198.51.100.7", "198.51.100.7"},
    {"10.0.0.1", "198.51.100.7", "fd00::5", "198.51.100.7"},
    {"10.0.0.1", "203.0.113.9, 198.51.100.7", "fd00::5, 10.0.0.2", "198.51.100.7"},
    {"10.0.0.1", "10.0.0.3, 10.0.0.2", NULL, "10.0.0.3"}, /* all are proxies */
    {"127.0.0.1", "2001:DB8:0::7", NULL, "2001:db8::7"},
    {"127.0.0.1", "[2001:db8::7]:443", NULL, "2001:db8::7"},
    {"127.0.0.1", "[2001:db8::7]", NULL, "2001:db8::7"},
    {"127.0.0.1", "198.51.100.7:443", NULL, "198.51.100.7"},
    {"::ffff:10.0.0.1", "::ffff:198.51.100.7", NULL, "198.51.100.7"},
    {"fd00::1", "198.51.100.7", NULL, "198.51.100.7"},
    {"fe80::1", "198.51.100.7", NULL, "fe80::1"},
    /* What cannot be read ends the search at the proxy that passed it on. */
    {"10.0.0.1", "", NULL, "10.0.0.1"},
    {"10.0.0.1", "unknown", NULL, "10.0.0.1"},
    {"10.0.0.1", "198.51.100.7,", NULL, "10.0.0.1"},
    {"10.0.0.1", "198.51.100.7, _hidden, 10.0.0.2", NULL, "10.0.0.2"},
    {"10.0.0.1", "198.51.100", NULL, "10.0.0.1"},
    {"10.0.0.1", "198.51.100.07", NULL, "10.0.0.1"},
    {"10.0.0.1", "+198.51.100.7", NULL, "10.0.0.1"},
    {"10.0.0.1", "0xC6.51.100.7", NULL, "10.0.0.1"},
    {"10.0.0.1", "198.51.100.7:", NULL, "10.0.0.1"},
    {"10.0.0.1", "198.51.100.7:+1", NULL, "10.0.0.1"},
    {"10.0.0.1", "198.51.100.7:123456", NULL, "10.0.0.1"},
    {"10.0.0.1", "198.51.100.7/32", NULL, "10.0.0.1"},
    {"10.0.0.1", "[198.51.100.7]", NULL, "10.0.0.1"},
    {"10.0.0.1", "[2001:db8::7", NULL, "10.0.0.1"},
    {"10.0.0.1", "[2001:db8::7]x", NULL, "10.0.0.1"},
    {"10.0.0.1", "fe80::1%eth0", NULL, "10.0.0.1"},
    {"10.0.0.1", "198.51.100.7 203.0.113.9", NULL, "10.0.0.1"},
};

static void append(char out[static MANY_SIZE], const char *more)
{
    size_t length = strlen(out);
    (void)snprintf(out + length, MANY_SIZE - length, "%s", more);
}

static const char *client(const char *networks, const char *peer, const char *first, const char *second)
{
    static char text[ADDRESS_TEXT_SIZE];
    struct address_networks trusted;
    struct forwarded forwarded;
    ck_assert(address_networks_parse(networks, &trusted));
    forwarded_begin(&forwarded, &trusted, peer);
    if (second != NULL) {
        forwarded_add(&forwarded, second);
    }
    if (first != NULL) {
        forwarded_add(&forwarded, first);
    }
    address_format(&forwarded.client, text);
    return text;
}

START_TEST(the_client_is_the_last_address_that_is_no_trusted_proxy)
{
    ck_assert_str_eq(client(TRUSTED, cases[_i].peer, cases[_i].first, cases[_i].second), cases[_i].client);
}
END_TEST

START_TEST(without_trusted_proxies_the_client_is_the_peer)
{
    ck_assert_str_eq(client("none", "10.0.0.1", "198.51.100.7", NULL), "10.0.0.1");
}
END_TEST

START_TEST(entries_have_a_limit)
{
    char many[MANY_SIZE] = "198.51.100.7";
    for (int i = 0; i < FORWARDED_HOPS_MAX - 1; i++) {
        append(many, ", 10.0.0.2");
    }
    ck_assert_str_eq(client(TRUSTED, "10.0.0.1", many, NULL), "198.51.100.7");
    append(many, ", 10.0.0.2");
    ck_assert_str_eq(client(TRUSTED, "10.0.0.1", many, NULL), "10.0.0.2");
}
END_TEST

static Suite *forwarded_suite(void)
{
    Suite *suite = suite_create("forwarded");
    TCase *tcase = tcase_create("forwarded");
    tcase_add_loop_test(tcase, the_client_is_the_last_address_that_is_no_trusted_proxy, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(tcase, without_trusted_proxies_the_client_is_the_peer);
    tcase_add_test(tcase, entries_have_a_limit);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(forwarded_suite());
}
