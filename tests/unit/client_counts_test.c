/*
 * What each client of a gateway worker holds: the keys of an address and a user, bounds, and the table when it is full.
 */
#include <check.h>
#include <stdio.h>

#include "gateway/core/client_counts.h"
#include "tests/support/suite.h"

enum { ROOM = 64, MOST = 3 };

static struct client_keys client_at(const char *text)
{
    struct client_keys client = {.count = 0};
    struct address address;
    ck_assert_msg(address_parse(text, strlen(text), &address), "%s is not an address", text);
    client_add_address(&client, &address);
    return client;
}

static struct client_counts *counts_of(int address, int network, int user, size_t room)
{
    struct client_bounds bounds = {.most = {{0}}};
    bounds.most[CLIENT_LIVE][CLIENT_ADDRESS] = address;
    bounds.most[CLIENT_LIVE][CLIENT_NETWORK] = network;
    bounds.most[CLIENT_LIVE][CLIENT_USER] = user;
    bounds.most[CLIENT_REFUSALS][CLIENT_ADDRESS] = address;
    struct client_counts *counts = client_counts_new(&bounds, room);
    ck_assert_ptr_nonnull(counts);
    return counts;
}

START_TEST(an_address_is_canonical)
{
    struct client_keys plain = client_at("192.0.2.1");
    struct client_keys mapped = client_at("::ffff:192.0.2.1");
    ck_assert_int_eq((int)plain.count, 1);
    ck_assert_mem_eq(&plain, &mapped, sizeof(plain));

    struct client_keys one = client_at("2001:db8:1:2:3::4");
    struct client_keys other = client_at("2001:DB8:1:2:ffff::1");
    struct client_keys far = client_at("2001:db8:1:3::4");
    ck_assert_int_eq((int)one.count, 2);
    ck_assert_mem_eq(&one, &other, sizeof(one));
    ck_assert_mem_ne(&one.keys[0], &far.keys[0], sizeof(far.keys[0]));
    ck_assert_mem_eq(&one.keys[1], &far.keys[1], sizeof(far.keys[1]));

    struct address address;
    ck_assert(!address_parse("192.0.2.1:80", strlen("192.0.2.1:80"), &address));
    ck_assert(!address_parse("[::1]", strlen("[::1]"), &address));
    ck_assert(!address_parse("", strlen(""), &address));
}
END_TEST

START_TEST(a_prefix_keeps_its_bits_and_a_network_contains_it)
{
    struct address address;
    struct address_networks networks;
    ck_assert(address_parse("255.255.255.255", strlen("255.255.255.255"), &address));
    ck_assert_int_eq(address_prefix(&address, 13).bytes[1], 0xf8);
    ck_assert_int_eq(address_prefix(&address, 13).bytes[2], 0);
    ck_assert_int_eq(address_prefix(&address, 0).bytes[0], 0);
    ck_assert_int_eq(address_prefix(&address, 32).bytes[3], 0xff);

    ck_assert(address_networks_parse("10.0.0.0/8 2001:db8::/32", &networks));
    ck_assert(address_parse("::ffff:10.1.2.3", strlen("::ffff:10.1.2.3"), &address));
    ck_assert(address_is_in(&networks, &address));
    ck_assert(address_parse("11.1.2.3", strlen("11.1.2.3"), &address));
    ck_assert(!address_is_in(&networks, &address));
    ck_assert(address_parse("2001:db8:ffff::1", strlen("2001:db8:ffff::1"), &address));
    ck_assert(address_is_in(&networks, &address));
}
END_TEST

START_TEST(shares_are_parts_of_the_whole)
{
    ck_assert_int_eq(client_share(8192, 50), 4096);
    ck_assert_int_eq(client_share(16, 25), 4);
    ck_assert_int_eq(client_share(1, 25), 1);
    ck_assert_int_eq(client_share(8192, 100), 8192);
    ck_assert_int_eq(client_network_share(8192, 50), 6144);
    ck_assert_int_eq(client_network_share(8192, 100), 8192);
}
END_TEST

START_TEST(an_address_may_hold_its_bound_and_no_more)
{
    struct client_counts *counts = counts_of(MOST, 0, 0, ROOM);
    struct client_keys one = client_at("192.0.2.1");
    struct client_keys other = client_at("192.0.2.2");
    ck_assert(client_counts_take(counts, &one, CLIENT_LIVE, MOST));
    ck_assert(!client_counts_take(counts, &one, CLIENT_LIVE, 1));
    ck_assert(client_counts_take(counts, &other, CLIENT_LIVE, 1));
    ck_assert(client_counts_take(counts, &one, CLIENT_UNSENT, 1000)); /* without a bound */
    client_counts_give(counts, &one, CLIENT_LIVE, 1);
    ck_assert(!client_counts_take(counts, &one, CLIENT_LIVE, 2));
    ck_assert(client_counts_take(counts, &one, CLIENT_LIVE, 1));
    ck_assert_int_eq(client_counts_of(counts, &one.keys[0], CLIENT_LIVE), MOST);
    client_counts_free(counts);
}
END_TEST

START_TEST(the_48_of_an_ipv6_address_has_a_bound_of_its_own)
{
    struct client_counts *counts = counts_of(2, MOST, 0, ROOM);
    struct client_keys one = client_at("2001:db8:1:1::1");
    struct client_keys other = client_at("2001:db8:1:2::1");
    struct client_keys far = client_at("2001:db8:2:1::1");
    ck_assert(client_counts_take(counts, &one, CLIENT_LIVE, 2));
    ck_assert(!client_counts_take(counts, &one, CLIENT_LIVE, 1));
    ck_assert(client_counts_take(counts, &other, CLIENT_LIVE, 1));
    ck_assert(!client_counts_take(counts, &other, CLIENT_LIVE, 1));
    ck_assert_int_eq(client_counts_of(counts, &other.keys[0], CLIENT_LIVE), 1); /* a refusal adds to no key */
    ck_assert(client_counts_take(counts, &far, CLIENT_LIVE, 1));
    client_counts_free(counts);
}
END_TEST

START_TEST(a_user_is_counted_over_all_addresses)
{
    struct client_counts *counts = counts_of(0, 0, 2, ROOM);
    const struct uuid user = {{7}};
    struct client_keys one = client_at("192.0.2.1");
    struct client_keys other = client_at("2001:db8::1");
    struct client_keys exempt = {.count = 0};
    client_add_user(&one, &user);
    client_add_user(&other, &user);
    ck_assert(client_counts_take(counts, &one, CLIENT_LIVE, 1));
    ck_assert(client_counts_take(counts, &other, CLIENT_LIVE, 1));
    ck_assert(!client_counts_take(counts, &one, CLIENT_LIVE, 1));
    for (int i = 0; i < ROOM; i++) {
        ck_assert(client_counts_take(counts, &exempt, CLIENT_LIVE, 1));
    }
    client_counts_free(counts);
}
END_TEST

static struct client_keys client_number(unsigned i)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16U, (i >> 8U) & 255U, i & 255U);
    return client_at(text);
}

START_TEST(a_client_without_counts_takes_no_room)
{
    struct client_counts *counts = counts_of(0, 0, 0, ROOM);
    for (unsigned round = 0; round < 1000; round++) {
        for (unsigned i = 0; i < ROOM; i++) {
            struct client_keys client = client_number(round * ROOM + i);
            ck_assert(client_counts_take(counts, &client, CLIENT_LIVE, 1));
        }
        struct client_keys late = client_number(round * ROOM + ROOM);
        ck_assert(!client_counts_take(counts, &late, CLIENT_LIVE, 1)); /* full */
        for (unsigned i = 0; i < ROOM; i++) {
            struct client_keys client = client_number(round * ROOM + (i * 7) % ROOM);
            ck_assert_int_eq(client_counts_of(counts, &client.keys[0], CLIENT_LIVE), 1);
            client_counts_give(counts, &client, CLIENT_LIVE, 1);
            ck_assert_int_eq(client_counts_of(counts, &client.keys[0], CLIENT_LIVE), 0);
        }
        ck_assert_int_eq((int)client_counts_keys(counts), 0);
    }
    client_counts_free(counts);
}
END_TEST

START_TEST(refusals_leave_half_of_the_room_and_are_cleared)
{
    struct client_counts *counts = counts_of(MOST, 0, 0, ROOM);
    struct client_keys kept = client_number(0);
    ck_assert(client_counts_take(counts, &kept, CLIENT_LIVE, 1));
    for (unsigned i = 0; i < 10 * ROOM; i++) {
        struct client_keys client = client_number(i);
        ck_assert(client_counts_take(counts, &client, CLIENT_REFUSALS, 1));
    }
    ck_assert_int_eq((int)client_counts_keys(counts), ROOM / 2);
    ck_assert(client_counts_take(counts, &kept, CLIENT_REFUSALS, MOST - 1));
    ck_assert(!client_counts_take(counts, &kept, CLIENT_REFUSALS, 1));
    client_counts_clear(counts, CLIENT_REFUSALS);
    ck_assert_int_eq((int)client_counts_keys(counts), 1);
    ck_assert_int_eq(client_counts_of(counts, &kept.keys[0], CLIENT_LIVE), 1);
    ck_assert(client_counts_take(counts, &kept, CLIENT_REFUSALS, 1));
    client_counts_free(counts);
}
END_TEST

static Suite *client_counts_suite(void)
{
    Suite *suite = suite_create("client_counts");
    TCase *tcase = tcase_create("client_counts");
    tcase_add_test(tcase, an_address_is_canonical);
    tcase_add_test(tcase, a_prefix_keeps_its_bits_and_a_network_contains_it);
    tcase_add_test(tcase, shares_are_parts_of_the_whole);
    tcase_add_test(tcase, an_address_may_hold_its_bound_and_no_more);
    tcase_add_test(tcase, the_48_of_an_ipv6_address_has_a_bound_of_its_own);
    tcase_add_test(tcase, a_user_is_counted_over_all_addresses);
    tcase_add_test(tcase, a_client_without_counts_takes_no_room);
    tcase_add_test(tcase, refusals_leave_half_of_the_room_and_are_cleared);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(client_counts_suite());
}
