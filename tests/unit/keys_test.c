/*
 * common/protocol/keys: the exact texts, on which gateway and workers must agree. The hash tags decide which keys a
 * script may use together in a cluster.
 */
#include "common/protocol/keys.h"
#include "tests/support/suite.h"

static const struct uuid user = {{0x11}};
static const struct uuid auction = {{0x22}};

enum { EPOCH = 0xc0de5 };

#define USER_TEXT    "11000000-0000-0000-0000-000000000000"
#define AUCTION_TEXT "22000000-0000-0000-0000-000000000000"

START_TEST(every_key_has_its_text)
{
    char key[KEYS_SIZE];
    keys_session(&user, "c0ffee", key);
    ck_assert_str_eq(key, "s:{" USER_TEXT "}:c0ffee");
    keys_seen("c0ffee", "2001:db8::1", key);
    ck_assert_str_eq(key, "seen:{c0ffee}:2001:db8::1");
    keys_user(EPOCH, &user, key);
    ck_assert_str_eq(key, "u:00000000000c0de5:{" USER_TEXT "}");
    keys_user(-1, &user, key);
    ck_assert_str_eq(key, "u:ffffffffffffffff:{" USER_TEXT "}");
    keys_user_limit(&user, "bids", key);
    ck_assert_str_eq(key, "rl:{" USER_TEXT "}:bids");
    keys_text_limit("2001:db8::1", "logins", key);
    ck_assert_str_eq(key, "rl:{2001:db8::1}:logins");
    keys_bid(&user, &auction, key);
    ck_assert_str_eq(key, "bid:{" USER_TEXT "}:" AUCTION_TEXT);
    keys_idempotency(&user, "c0ffee", key);
    ck_assert_str_eq(key, "idem:{" USER_TEXT "}:c0ffee");
    keys_snapshot(EPOCH, &auction, key);
    ck_assert_str_eq(key, "snap:00000000000c0de5:{" AUCTION_TEXT "}");
    keys_sale(EPOCH, &auction, key);
    ck_assert_str_eq(key, "sale:00000000000c0de5:{" AUCTION_TEXT "}");
    keys_product(EPOCH, &auction, key);
    ck_assert_str_eq(key, "product:00000000000c0de5:{" AUCTION_TEXT "}");
    keys_leaderboard(EPOCH, &auction, key);
    ck_assert_str_eq(key, "top:00000000000c0de5:{" AUCTION_TEXT "}");
    keys_history(EPOCH, &auction, key);
    ck_assert_str_eq(key, "hist:00000000000c0de5:{" AUCTION_TEXT "}");
    keys_search(EPOCH, "c0ffee", key);
    ck_assert_str_eq(key, "q:00000000000c0de5:{c0ffee}");
    keys_reply_channel(&auction, key);
    ck_assert_str_eq(key, "gw:" AUCTION_TEXT);
    keys_live_channel(&auction, key);
    ck_assert_str_eq(key, "live:{" AUCTION_TEXT "}");
    keys_user_channel(&user, key);
    ck_assert_str_eq(key, "user:{" USER_TEXT "}");
}
END_TEST

START_TEST(a_channel_names_its_auction_or_user)
{
    static const char *const others[] = {"",         "gw:" AUCTION_TEXT,        "live:{", "live:{" AUCTION_TEXT,
                                         "user:{x}", "live:{" AUCTION_TEXT "}}"};
    struct uuid id;
    bool of_user = true;
    ck_assert(keys_parse_channel("live:{" AUCTION_TEXT "}", &of_user, &id));
    ck_assert(!of_user && uuid_equal(&id, &auction));
    ck_assert(keys_parse_channel("user:{" USER_TEXT "}", &of_user, &id));
    ck_assert(of_user && uuid_equal(&id, &user));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        ck_assert_msg(!keys_parse_channel(others[i], &of_user, &id), "%s", others[i]);
    }
}
END_TEST

static Suite *keys_suite(void)
{
    Suite *suite = suite_create("keys");
    TCase *tcase = tcase_create("keys");
    tcase_add_test(tcase, every_key_has_its_text);
    tcase_add_test(tcase, a_channel_names_its_auction_or_user);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(keys_suite());
}
