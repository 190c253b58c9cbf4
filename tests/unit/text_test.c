/*
 * Times, ids and money: their texts, written and read.
 */
#include <check.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/money.h"
#include "tests/support/suite.h"

static const struct {
    const char *text;
    int64_t ms;
} times[] = {
    {"1970-01-01T00:00:00.000Z", 0},
    {"1969-12-31T23:59:59.999Z", -1},
    {"2000-02-29T12:34:56.789Z", INT64_C(951827696789)},
    {"2026-11-20T22:58:16.123Z", INT64_C(1795215496123)},
    {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
    {"0000-01-01T00:00:00.000Z", INT64_C(-62167219200000)},
};

START_TEST(times_are_read_as_written)
{
    char text[CLOCK_TEXT_SIZE];
    int64_t ms = 1;
    clock_format(times[_i].ms, text);
    ck_assert_str_eq(text, times[_i].text);
    ck_assert(clock_parse(times[_i].text, &ms));
    ck_assert_int_eq(ms, times[_i].ms);
}
END_TEST

START_TEST(times_with_offset_and_fraction_are_read)
{
    int64_t ms = 0;
    ck_assert(clock_parse("2026-11-20t23:58:16.1234567+01:00", &ms));
    ck_assert_int_eq(ms, INT64_C(1795215496123));
    ck_assert(clock_parse("2026-11-20T22:58:16z", &ms));
    ck_assert_int_eq(ms, INT64_C(1795215496000));
    ck_assert(clock_parse("2026-11-20T17:28:16.5-05:30", &ms));
    ck_assert_int_eq(ms, INT64_C(1795215496500));
}
END_TEST

static const char *const no_times[] = {
    "",
    "2026-11-20",
    "2026-11-20T22:58:16",
    "2026-11-20 22:58:16Z",
    "2026-13-20T22:58:16Z",
    "2026-02-29T00:00:00Z",
    "2026-11-20T24:00:00Z",
    "2026-11-20T22:60:00Z",
    "2026-11-20T22:58:60Z",
    "2026-11-20T22:58:16.Z",
    "2026-11-20T22:58:16Zx",
    "2026-11-20T22:58:16+0100",
    "+026-11-20T22:58:16Z",
    "tomorrow",
};

START_TEST(invalid_times_are_refused)
{
    int64_t ms = 0;
    ck_assert_msg(!clock_parse(no_times[_i], &ms), "%s", no_times[_i]);
}
END_TEST

START_TEST(new_ids_ascend_and_differ)
{
    struct uuid before = uuid_new();
    for (int i = 0; i < 1000; i++) {
        struct uuid id = uuid_new();
        ck_assert(!uuid_equal(&before, &id));
        ck_assert_int_ge(memcmp(id.bytes, before.bytes, 6), 0);
        ck_assert_int_eq(id.bytes[6] >> 4, 7);
        ck_assert_int_eq(id.bytes[8] >> 6, 2);
        before = id;
    }
}
END_TEST

START_TEST(ids_are_read_as_written)
{
    const char *text = "0198aabb-ccdd-7eef-8011-223344556677";
    struct uuid id;
    char again[UUID_TEXT_SIZE];
    ck_assert(uuid_parse(text, 36, &id));
    uuid_format(&id, again);
    ck_assert_str_eq(again, text);
    ck_assert(uuid_parse("0198AABB-CCDD-7EEF-8011-223344556677", 36, &id));
    uuid_format(&id, again);
    ck_assert_str_eq(again, text);
}
END_TEST

static const char *const no_ids[] = {
    "",
    "0198aabb-ccdd-7eef-8011-22334455667",
    "0198aabb-ccdd-7eef-8011-2233445566778",
    "0198aabbccdd7eef8011223344556677----",
    "0198aabb-ccdd-7eef-8011-22334455667g",
    "0198aabb_ccdd-7eef-8011-223344556677",
};

START_TEST(invalid_ids_are_refused)
{
    struct uuid id;
    ck_assert_msg(!uuid_parse(no_ids[_i], strlen(no_ids[_i]), &id), "%s", no_ids[_i]);
}
END_TEST

START_TEST(derived_ids_are_repeatable_and_sort_by_time)
{
    uint8_t hash[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct uuid early = uuid_from_hash_at(1000, hash);
    struct uuid again = uuid_from_hash_at(1000, hash);
    struct uuid late = uuid_from_hash_at(1001, hash);
    ck_assert(uuid_equal(&early, &again));
    ck_assert_int_lt(uuid_compare(&early, &late), 0);
    struct uuid plain = uuid_from_hash(hash);
    ck_assert_int_eq(plain.bytes[6] >> 4, 8);
    ck_assert_int_eq(plain.bytes[8] >> 6, 2);
}
END_TEST

/* Derived ids name events and bids, so their bytes must be the same in every later version. */
START_TEST(derived_ids_are_made_of_time_and_hash)
{
    static const uint8_t hash[16] = {255, 254, 253, 252, 251, 250, 249, 248, 247, 246, 245, 244, 243, 242, 241, 240};
    char text[UUID_TEXT_SIZE];
    struct uuid id = uuid_from_hash(hash);
    uuid_format(&id, text);
    ck_assert_str_eq(text, "fffefdfc-fbfa-89f8-b7f6-f5f4f3f2f1f0");
    id = uuid_from_hash_at(INT64_C(0x010203040506), hash);
    uuid_format(&id, text);
    ck_assert_str_eq(text, "01020304-0506-8ffe-bdfc-fbfaf9f8f7f6");
}
END_TEST

START_TEST(new_ids_begin_with_the_time)
{
    int64_t before = clock_now_ms();
    struct uuid id = uuid_new();
    int64_t after = clock_now_ms();
    int64_t at = 0;
    for (int i = 0; i < 6; i++) {
        at = at * 256 + id.bytes[i];
    }
    ck_assert_int_ge(at, before);
    ck_assert_int_le(at, after);
}
END_TEST

/* Over many ids each random bit takes both values. */
START_TEST(every_random_bit_of_new_ids_varies)
{
    uint8_t ones[16] = {0};
    uint8_t zeros[16] = {0};
    for (int i = 0; i < 200; i++) {
        struct uuid id = uuid_new();
        for (int k = 6; k < 16; k++) {
            ones[k] |= id.bytes[k];
            zeros[k] |= (uint8_t)~id.bytes[k];
        }
    }
    for (int k = 6; k < 16; k++) {
        int fixed = k == 6 ? 0xf0 : k == 8 ? 0xc0 : 0;
        ck_assert_int_eq(ones[k] & zeros[k] & ~fixed, 0xff & ~fixed);
    }
}
END_TEST

/* A process takes random bytes in advance; its child must not use the same ones. */
START_TEST(a_forked_process_makes_other_ids)
{
    enum { IDS = 3 };
    struct uuid ids[IDS];
    struct uuid own[IDS];
    int ends[2];
    int status = 0;
    const struct uuid first = uuid_new(); /* fills the pool */
    ck_assert(!uuid_is_nil(&first));
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    for (int i = 0; i < IDS; i++) {
        own[i] = uuid_new();
    }
    if (child == 0) {
        _exit(write(ends[1], own, sizeof own) == (ssize_t)sizeof own ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(read(ends[0], ids, sizeof ids), (ssize_t)sizeof ids);
    for (int i = 0; i < IDS; i++) {
        ck_assert(memcmp(own[i].bytes + 9, ids[i].bytes + 9, 7) != 0); /* the time may be the same */
    }
    ck_assert_int_eq(close(ends[0]) + close(ends[1]), 0);
}
END_TEST

START_TEST(only_hex_digits_and_dashes_in_their_places_make_an_id)
{
    static const char ok[] = "0198aabb-ccdd-7eef-8011-223344556677";
    for (size_t at = 0; at < 36; at++) {
        for (int byte = 1; byte < 256; byte++) {
            char text[] = "0198aabb-ccdd-7eef-8011-223344556677";
            char again[UUID_TEXT_SIZE];
            struct uuid id;
            bool hex = strchr("0123456789abcdefABCDEF", byte) != NULL;
            text[at] = (char)byte;
            bool parsed = uuid_parse(text, 36, &id);
            ck_assert_msg(parsed == (ok[at] == '-' ? byte == '-' : hex), "byte %d at %zu", byte, at);
            if (parsed) {
                uuid_format(&id, again);
                ck_assert_int_eq(strcasecmp(again, text), 0);
            }
        }
    }
}
END_TEST

START_TEST(ids_are_compared_as_a_whole)
{
    struct uuid nil = {{0}};
    ck_assert(uuid_is_nil(&nil));
    for (size_t i = 0; i < 16; i++) {
        struct uuid id = {{0}};
        id.bytes[i] = 1;
        ck_assert(!uuid_is_nil(&id) && !uuid_equal(&id, &nil));
        ck_assert_int_gt(uuid_compare(&id, &nil), 0);
        ck_assert_int_lt(uuid_compare(&nil, &id), 0);
        ck_assert_int_eq(uuid_compare(&id, &id), 0);
    }
}
END_TEST

/*
 * Every deployment routes its auctions by this function. The values were computed independently and may never change.
 */
START_TEST(the_shard_of_an_auction_never_changes)
{
    static const struct {
        const char *id;
        unsigned of_16;
        unsigned of_100;
    } pinned[] = {
        {"0198aabb-ccdd-7eef-8011-223344556677", 7, 63},
        {"00000000-0000-0000-0000-000000000000", 5, 65},
        {"ffffffff-ffff-ffff-ffff-ffffffffffff", 5, 37},
    };
    for (size_t i = 0; i < ARRAY_LEN(pinned); i++) {
        struct uuid id;
        ck_assert(uuid_parse(pinned[i].id, 36, &id));
        ck_assert_uint_eq(ids_shard(&id, 16), pinned[i].of_16);
        ck_assert_uint_eq(ids_shard(&id, 100), pinned[i].of_100);
        ck_assert_uint_eq(ids_shard(&id, 1), 0);
    }
}
END_TEST

static const struct {
    const char *text;
    int64_t minor;
} sums[] = {
    {"0", 0},
    {"0.00", 0},
    {"0.01", 1},
    {"0.1", 10},
    {"55", 5500},
    {"55.0", 5500},
    {"55.00", 5500},
    {"55.07", 5507},
    {"1234567.89", 123456789},
    {"9999999999.99", MONEY_MAX},
};

START_TEST(amounts_are_read)
{
    int64_t minor = -1;
    ck_assert_msg(money_parse(sums[_i].text, strlen(sums[_i].text), &minor), "%s", sums[_i].text);
    ck_assert_int_eq(minor, sums[_i].minor);
}
END_TEST

static const char *const no_sums[] = {
    "",
    "-1",
    "+1",
    "1e2",
    "55.001",
    "1.",
    ".5",
    "01",
    "00",
    "10000000000",
    "9999999999999",
    "1,5",
    " 1",
    "1 ",
    "0x10",
    "NaN",
    "1.2.3",
    "99999999999999999999999999",
    "5x",
    "5:",
    "5/",
    "5.x",
    "5.5x",
    "5.x5",
    "5./",
    "5.:",
    "5.0:",
    "5./0",
    "5. ",
    "5.-1",
    "10000000000.00",
    "0.000",
};

START_TEST(invalid_amounts_are_refused)
{
    int64_t minor = 0;
    ck_assert_msg(!money_parse(no_sums[_i], strlen(no_sums[_i]), &minor), "%s", no_sums[_i]);
}
END_TEST

START_TEST(an_amount_is_read_up_to_its_length)
{
    int64_t minor = 0;
    ck_assert(money_parse("123", 2, &minor));
    ck_assert_int_eq(minor, 1200);
    ck_assert(money_parse("12.345", 5, &minor));
    ck_assert_int_eq(minor, 1234);
    ck_assert(!money_parse("12.3", 3, &minor));
    ck_assert(!money_parse("1", 0, &minor));
}
END_TEST

START_TEST(amounts_are_written_with_two_decimals)
{
    char text[MONEY_TEXT_SIZE];
    money_format(0, text);
    ck_assert_str_eq(text, "0.00");
    money_format(7, text);
    ck_assert_str_eq(text, "0.07");
    money_format(5500, text);
    ck_assert_str_eq(text, "55.00");
    money_format(100, text);
    ck_assert_str_eq(text, "1.00");
    money_format(10000, text);
    ck_assert_str_eq(text, "100.00");
    money_format(MONEY_MAX, text);
    ck_assert_str_eq(text, "9999999999.99");
    ck_assert_int_eq(money_add_capped(MONEY_MAX, 1), MONEY_MAX);
    ck_assert_int_eq(money_add_capped(1, 2), 3);
    ck_assert_int_eq(money_add_capped(MONEY_MAX - 1, 1), MONEY_MAX);
    ck_assert_int_eq(money_add_capped(MONEY_MAX - 2, 1), MONEY_MAX - 1);
}
END_TEST

static Suite *text_suite(void)
{
    Suite *suite = suite_create("text");
    TCase *cases = tcase_create("clock, ids, money");
    tcase_add_loop_test(cases, times_are_read_as_written, 0, (int)ARRAY_LEN(times));
    tcase_add_test(cases, times_with_offset_and_fraction_are_read);
    tcase_add_loop_test(cases, invalid_times_are_refused, 0, (int)ARRAY_LEN(no_times));
    tcase_add_test(cases, new_ids_ascend_and_differ);
    tcase_add_test(cases, ids_are_read_as_written);
    tcase_add_loop_test(cases, invalid_ids_are_refused, 0, (int)ARRAY_LEN(no_ids));
    tcase_add_test(cases, derived_ids_are_repeatable_and_sort_by_time);
    tcase_add_test(cases, derived_ids_are_made_of_time_and_hash);
    tcase_add_test(cases, new_ids_begin_with_the_time);
    tcase_add_test(cases, every_random_bit_of_new_ids_varies);
    tcase_add_test(cases, a_forked_process_makes_other_ids);
    tcase_add_test(cases, only_hex_digits_and_dashes_in_their_places_make_an_id);
    tcase_add_test(cases, ids_are_compared_as_a_whole);
    tcase_add_test(cases, the_shard_of_an_auction_never_changes);
    tcase_add_loop_test(cases, amounts_are_read, 0, (int)ARRAY_LEN(sums));
    tcase_add_loop_test(cases, invalid_amounts_are_refused, 0, (int)ARRAY_LEN(no_sums));
    tcase_add_test(cases, an_amount_is_read_up_to_its_length);
    tcase_add_test(cases, amounts_are_written_with_two_decimals);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return suite_run(text_suite());
}
