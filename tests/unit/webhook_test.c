/*
 * Webhooks, the pure part: addresses that may be connected to, valid URLs, and signatures.
 */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/protocol/webhook.h"
#include "tests/support/suite.h"

static bool passes(const char *text, const char *networks)
{
    struct address_networks allowed;
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
    ck_assert(address_networks_parse(networks, &allowed));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
    } else {
        ck_assert_int_eq(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        v6->sin6_family = AF_INET6;
    }
    bool passed = address_allowed(&allowed, (const struct sockaddr *)&storage);
    ck_assert_int_eq(address_literal(&allowed, text), passed ? ADDRESS_ALLOWED : ADDRESS_REFUSED);
    return passed;
}

/* The first and the last address of each special range. */
static const char *const special[] = {
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.0",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.255",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.0",
    "239.255.255.255",
    "240.0.0.0",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "1fff:ffff::1",
    "2001::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "3fff:fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
};

START_TEST(special_addresses_are_refused)
{
    ck_assert_msg(!passes(special[_i], "none"), "%s passed", special[_i]);
}
END_TEST

/* The addresses next to the special ranges. */
static const char *const ordinary[] = {
    "1.0.0.0",     "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",    "126.255.255.255",
    "128.0.0.0",   "169.253.255.255", "169.255.0.0",     "172.15.255.255", "172.32.0.0",     "191.255.255.255",
    "192.0.1.0",   "192.0.3.0",       "192.167.255.255", "192.169.0.0",    "198.17.255.255", "198.20.0.0",
    "203.0.112.1", "203.0.114.1",     "223.255.255.255", "8.8.8.8",        "2001:200::1",    "2001:4860:4860::8888",
    "2001:db9::1", "2003::1",         "2000::1",         "3ffe::1",        "3fff:1000::1",   "2a00:1450::1",
};

START_TEST(ordinary_addresses_are_allowed)
{
    ck_assert_msg(passes(ordinary[_i], "none"), "%s was refused", ordinary[_i]);
}
END_TEST

START_TEST(addresses_of_listed_networks_are_allowed)
{
    ck_assert(passes("127.0.0.1", "127.0.0.1/32"));
    ck_assert(!passes("127.0.0.2", "127.0.0.1/32"));
    ck_assert(passes("127.0.0.2", "  10.0.0.0/8\t127.0.0.0/30 "));
    ck_assert(!passes("127.0.0.4", "10.0.0.0/8 127.0.0.0/30"));
    ck_assert(passes("172.16.200.1", "172.16.128.0/17"));
    ck_assert(!passes("172.16.100.1", "172.16.128.0/17"));
    ck_assert(passes("169.254.1.1", "0.0.0.0/0"));
    ck_assert(!passes("::1", "0.0.0.0/0 127.0.0.1/32"));
    ck_assert(!passes("::ffff:127.0.0.1", "127.0.0.1/32"));
    ck_assert(passes("::1", "::1/128"));
    ck_assert(passes("fd00:1::1", "fd00::/8"));
    ck_assert(passes("::ffff:127.0.0.1", "::ffff:127.0.0.0/104"));
    ck_assert(passes("8.8.8.8", "10.0.0.0/8"));
}
END_TEST

START_TEST(invalid_networks_are_refused)
{
    static const char *const wrong[] = {
        "127.0.0.1",
        "127.0.0.1/",
        "127.0.0.1/33",
        "::/129",
        "/8",
        "localhost/8",
        "10/8",
        "::1/-1",
        "10.0.0.0/8 no",
        "::1/0x10",
        "10.0.0.0/0008",
        "10.0.0.0/8,127.0.0.0/8",
    };
    char many[(ADDRESS_NETWORKS_MAX + 1) * sizeof("1.2.3.4/1 ")] = "";
    struct address_networks networks;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_msg(!address_networks_parse(wrong[i], &networks), "%s passed", wrong[i]);
    }
    for (size_t i = 0; i <= ADDRESS_NETWORKS_MAX; i++) {
        ck_assert(i == 0 || address_networks_parse(many, &networks));
        (void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "1.2.3.4/1 ");
    }
    ck_assert(!address_networks_parse(many, &networks));
}
END_TEST

START_TEST(other_address_families_are_refused)
{
    const struct address_networks none = {.count = 0};
    const struct sockaddr local = {.sa_family = AF_UNIX};
    ck_assert(!address_allowed(&none, &local));
}
END_TEST

static enum webhook_url_error error(const char *url, bool http, const char *networks)
{
    struct webhook_rules rules = {.http = http};
    ck_assert(address_networks_parse(networks, &rules.networks));
    return webhook_url_error(&rules, url);
}

static const char *const valid_urls[] = {
    "https://shop.example/hooks?from=rostrum&x=%20",
    "HTTPS://shop.example",
    "https://shop.example:8443/",
    "https://shop.example.:443/",
    "https://xn--bcher-kva.example/",
    "https://8.8.8.8/",
    "https://[2a00:1450::1]:1024/hook",
    "https://a-b.c1/",
    "https://shop.example?q",
    "https://4u.example/",
};

START_TEST(a_refused_url_has_its_reason)
{
    ck_assert_int_eq(error("https://shop.example/#part", false, "none"), WEBHOOK_URL_MALFORMED);
    ck_assert_int_eq(error("ftp://shop.example/", true, "none"), WEBHOOK_URL_SCHEME);
    ck_assert_int_eq(error("https://ann:secret@shop.example/", false, "none"), WEBHOOK_URL_CREDENTIALS);
    ck_assert_int_eq(error("https://shop..example/", false, "none"), WEBHOOK_URL_HOST);
    ck_assert_int_eq(error("https://169.254.169.254/", false, "none"), WEBHOOK_URL_NETWORK);
    ck_assert_int_eq(error("https://shop.example:25/", false, "none"), WEBHOOK_URL_PORT);
}
END_TEST

START_TEST(valid_urls_are_accepted)
{
    ck_assert_msg(error(valid_urls[_i], false, "none") == WEBHOOK_URL_OK, "%s was refused", valid_urls[_i]);
}
END_TEST

static const char *const bad_urls[] = {
    "",
    "https://",
    "https:///path",
    "http://shop.example/",
    "ftp://shop.example/",
    "file:///etc/passwd",
    "gopher://shop.example/",
    "//shop.example/",
    "https:/shop.example",
    "https://ann:secret@shop.example/",
    "https://shop.example@127.0.0.1/",
    "https://shop.example\\@127.0.0.1/",
    "https://shop.example/#part",
    "https://shop.example/a b",
    "https://shop.example/\r\nX: y",
    "https://b\303\274cher.example/",
    "https://shop..example/",
    "https://.example/",
    "https://shop.example:/",
    "https://shop.example:0/",
    "https://shop.example:25/",
    "https://shop.example:1023/",
    "https://shop.example:65536/",
    "https://shop.example:123456/",
    "https://shop.example:80a/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://1.2.3/",
    "https://10.0.0.1:8443/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[fe80::1%25eth0]/",
    "https://[2a00:1450::1/",
    "https://[2a00:1450::1]x/",
    "https://[8.8.8.8]/",
    "https://2a00:1450::1/",
    "https://shop_example/",
    "https://*.example/",
    "https://%6c%6f%63%61%6c/",
};

START_TEST(bad_urls_are_refused)
{
    ck_assert_msg(error(bad_urls[_i], false, "none") != WEBHOOK_URL_OK, "%s passed", bad_urls[_i]);
}
END_TEST

START_TEST(settings_allow_http_and_listed_networks)
{
    char long_url[WEBHOOK_URL_MOST + 2] = "https://shop.example/";
    ck_assert_int_eq(error("http://127.0.0.1:8080/x", true, "127.0.0.1/32"), WEBHOOK_URL_OK);
    ck_assert_int_eq(error("http://127.0.0.1:8080/x", false, "127.0.0.1/32"), WEBHOOK_URL_SCHEME);
    ck_assert_int_eq(error("http://127.0.0.1:8080/x", true, "10.0.0.0/8"), WEBHOOK_URL_NETWORK);
    ck_assert_int_eq(error("http://[::1]:8080/x", true, "::1/128"), WEBHOOK_URL_OK);
    memset(long_url + strlen(long_url), 'x', sizeof(long_url) - 1 - strlen(long_url));
    ck_assert_int_eq(error(long_url, false, "none"), WEBHOOK_URL_MALFORMED);
    long_url[WEBHOOK_URL_MOST] = '\0';
    ck_assert_int_eq(error(long_url, false, "none"), WEBHOOK_URL_OK);
}
END_TEST

START_TEST(a_secret_is_read_as_written)
{
    char first[WEBHOOK_SECRET_SIZE];
    char second[WEBHOOK_SECRET_SIZE];
    uint8_t bytes[WEBHOOK_SECRET_BYTES];
    webhook_secret_new(first);
    webhook_secret_new(second);
    ck_assert_uint_eq(strlen(first), WEBHOOK_SECRET_SIZE - 1);
    ck_assert_str_ne(first, second);
    ck_assert(webhook_secret_parse(first, bytes));
    ck_assert(!webhook_secret_parse(first + 1, bytes));
    ck_assert(!webhook_secret_parse("whsec_", bytes));
    ck_assert(!webhook_secret_parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                    bytes)); /* 24 bytes, not a secret of this program */
    first[WEBHOOK_SECRET_SIZE - 2] = '!';
    ck_assert(!webhook_secret_parse(first, bytes));
}
END_TEST

/* Made with OpenSSL: printf %s ID.TIME.BODY | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f -binary | base64
 */
START_TEST(a_signature_equals_one_computed_with_openssl)
{
    static const char body[] = "{\"type\":\"TEST\"}";
    uint8_t secret[WEBHOOK_SECRET_BYTES];
    char signature[WEBHOOK_SIGNATURE_SIZE];
    for (size_t i = 0; i < sizeof(secret); i++) {
        secret[i] = (uint8_t)i;
    }
    webhook_sign(secret, "01890000-0000-7000-8000-000000000000", INT64_C(1795215496), body, strlen(body), signature);
    ck_assert_str_eq(signature, "v1,KKJ8GIvIjMPcNS8XdrQlQOmFB4kx0lWb0APuLtSrdSI=");
}
END_TEST

/* Signed by both keys of `keys`, as the body is signed above. */
static struct webhook_received received(const char *signatures)
{
    static const char body[] = "{\"type\":\"TEST\"}";
    return (struct webhook_received){"01890000-0000-7000-8000-000000000000", "1795215496", signatures, body,
                                     sizeof(body) - 1};
}

START_TEST(a_received_signature_is_verified_by_each_key_within_the_tolerance)
{
    static const char right[] = "v1,KKJ8GIvIjMPcNS8XdrQlQOmFB4kx0lWb0APuLtSrdSI=";
    static const char several[] = "v1,AAAA v1a,xx  v1,KKJ8GIvIjMPcNS8XdrQlQOmFB4kx0lWb0APuLtSrdSI=";
    static const char wrong[] = "v1,KKJ8GIvIjMPcNS8XdrQlQOmFB4kx0lWb0APuLtSrdSJ=";
    static const int64_t at_s = INT64_C(1795215496);
    struct webhook_keys keys;
    ck_assert(webhook_keys_parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                                 " whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                                 &keys));
    ck_assert_uint_eq(keys.of[0].length, 24);
    struct webhook_received call = received(right);
    ck_assert(webhook_verify(&keys, &call, at_s));
    ck_assert(webhook_verify(&keys, &call, at_s + WEBHOOK_TOLERANCE_S));
    ck_assert(webhook_verify(&keys, &call, at_s - WEBHOOK_TOLERANCE_S));
    ck_assert(!webhook_verify(&keys, &call, at_s + WEBHOOK_TOLERANCE_S + 1));
    ck_assert(!webhook_verify(&keys, &call, at_s - WEBHOOK_TOLERANCE_S - 1));
    call.length--;
    ck_assert(!webhook_verify(&keys, &call, at_s));
    call = received(several);
    ck_assert(webhook_verify(&keys, &call, at_s));
    keys.count = 1; /* only the key that did not sign */
    ck_assert(!webhook_verify(&keys, &call, at_s));
    keys.count = 2;
    call = received(wrong);
    ck_assert(!webhook_verify(&keys, &call, at_s));
    call = received(NULL);
    ck_assert(!webhook_verify(&keys, &call, at_s));
    call = received(right);
    call.timestamp = "1795215496 ";
    ck_assert(!webhook_verify(&keys, &call, at_s));
    call.timestamp = NULL;
    ck_assert(!webhook_verify(&keys, &call, at_s));
    call = received(right);
    call.id = NULL;
    ck_assert(!webhook_verify(&keys, &call, at_s));
}
END_TEST

static const char *const bad_keys[] = {
    "",
    "none",
    "whsec_",
    "whsec_AAAA", /* 3 bytes */
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA x",
    "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA  whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
};

START_TEST(keys_of_another_form_are_refused)
{
    struct webhook_keys keys;
    ck_assert(!webhook_keys_parse(bad_keys[_i], &keys));
    ck_assert_uint_eq(keys.count, 0);
}
END_TEST

static Suite *webhook_suite(void)
{
    Suite *suite = suite_create("webhook");
    TCase *tcase = tcase_create("webhook");
    tcase_add_loop_test(tcase, special_addresses_are_refused, 0, (int)ARRAY_LEN(special));
    tcase_add_loop_test(tcase, ordinary_addresses_are_allowed, 0, (int)ARRAY_LEN(ordinary));
    tcase_add_test(tcase, addresses_of_listed_networks_are_allowed);
    tcase_add_test(tcase, invalid_networks_are_refused);
    tcase_add_test(tcase, other_address_families_are_refused);
    tcase_add_test(tcase, a_refused_url_has_its_reason);
    tcase_add_loop_test(tcase, valid_urls_are_accepted, 0, (int)ARRAY_LEN(valid_urls));
    tcase_add_loop_test(tcase, bad_urls_are_refused, 0, (int)ARRAY_LEN(bad_urls));
    tcase_add_test(tcase, settings_allow_http_and_listed_networks);
    tcase_add_test(tcase, a_secret_is_read_as_written);
    tcase_add_test(tcase, a_signature_equals_one_computed_with_openssl);
    tcase_add_test(tcase, a_received_signature_is_verified_by_each_key_within_the_tolerance);
    tcase_add_loop_test(tcase, keys_of_another_form_are_refused, 0, (int)ARRAY_LEN(bad_keys));
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    return suite_run(webhook_suite());
}
