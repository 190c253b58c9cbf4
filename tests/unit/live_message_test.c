/*
 * What clients who watch an auction are sent: each kind of update under its name, and the state that updates leave.
 */
#include "gateway/live/live_message.h"

#include <string.h>

#include "tests/support/suite.h"

static const uint8_t key[32] = {1};
static struct jsonw *writer;
static struct live_state state;

static void set(void)
{
    writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
    state = (struct live_state){
        .auction_id = {{1}},
        .seq = 6,
        .status = RULES_SCHEDULED,
        .currency = "EUR",
        .starting_price = 100,
        .start_ms = 1000,
        .end_ms = 2000,
        .minimum_bid = 100,
    };
}

static void strike(void)
{
    jsonw_free(writer);
}

static void add_bid(struct live_update *update, int64_t amount)
{
    update->newest[update->bids++] = (struct live_bid){{{2}}, {{3}}, amount, 5, amount % 2 == 0};
}

/* The written message, to be freed. */
static struct json *written(void)
{
    size_t length = 0;
    const char *text = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(text);
    struct json *root = json_parse(text, length, NULL);
    ck_assert_ptr_nonnull(root);
    jsonw_reset(writer);
    return root;
}

static void expect_member(const struct json *object, const char *name, const char *text)
{
    const struct json *member = json_member(object, name);
    ck_assert_msg(member != NULL && member->text != NULL, "%s", name);
    ck_assert_str_eq(member->text, text);
}

START_TEST(each_kind_of_update_has_its_own_name)
{
    static const struct {
        enum live_kind kind;
        const char *type;
    } cases[] = {
        {LIVE_UPDATED, "auction_updated"},
        {LIVE_BIDS, "bid_placed"},
        {LIVE_STARTED, "auction_started"},
        {LIVE_EXTENDED, "auction_extended"},
        {LIVE_ENDED, "auction_ended"},
        {LIVE_SOLD, "auction_sold"},
        {LIVE_UNSOLD, "auction_unsold"},
        {LIVE_CANCELLED, "auction_cancelled"},
        {LIVE_ENDING_SOON, "auction_ending_soon"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct live_update update = {.kind = cases[i].kind};
        live_message_update(writer, &state, &update, key);
        struct json *root = written();
        expect_member(root, "type", cases[i].type);
        json_free(root);
    }
}
END_TEST

START_TEST(an_update_shows_the_price_the_end_and_its_bids)
{
    struct live_update update = {.kind = LIVE_BIDS};
    state.current_bid = 705;
    state.minimum_bid = 755;
    state.bid_count = 4;
    state.reserve_met = true;
    add_bid(&update, 705);
    add_bid(&update, 600);
    live_message_update(writer, &state, &update, key);
    struct json *root = written();
    expect_member(root, "auctionId", "01000000-0000-0000-0000-000000000000");
    expect_member(root, "seq", "6");
    expect_member(root, "status", "scheduled");
    expect_member(root, "endTime", "1970-01-01T00:00:02.000Z");
    expect_member(root, "currentBid", "7.05");
    expect_member(root, "minimumBid", "7.55");
    expect_member(root, "bidCount", "4");
    ck_assert(json_member(root, "reserveMet")->truth);
    const struct json *bid = json_member(root, "bids")->child;
    expect_member(bid, "bidId", "02000000-0000-0000-0000-000000000000");
    expect_member(bid, "amount", "7.05");
    expect_member(bid, "createdAt", "1970-01-01T00:00:00.005Z");
    ck_assert(!json_member(bid, "isProxyBid")->truth);
    ck_assert_int_eq(strncmp(json_member(bid, "bidder")->text, "Bidder-", 7), 0);
    expect_member(bid->next, "amount", "6.00");
    ck_assert(json_member(bid->next, "isProxyBid")->truth);
    ck_assert_ptr_null(bid->next->next);
    json_free(root);
}
END_TEST

START_TEST(a_snapshot_shows_the_auction)
{
    static char title[] = "Lamp";
    state.title = title;
    live_message_snapshot(writer, &state, key);
    struct json *root = written();
    expect_member(root, "type", "snapshot");
    expect_member(root, "title", "Lamp");
    expect_member(root, "currency", "EUR");
    expect_member(root, "startingPrice", "1.00");
    expect_member(root, "startTime", "1970-01-01T00:00:01.000Z");
    expect_member(root, "endTime", "1970-01-01T00:00:02.000Z");
    ck_assert_int_eq(json_member(root, "currentBid")->type, JSON_NULL);
    ck_assert_ptr_null(json_member(root, "bids")->child);
    json_free(root);
}
END_TEST

START_TEST(an_update_that_says_nothing_changes_only_the_version)
{
    struct live_state before = state;
    struct live_update update = {.kind = LIVE_UPDATED, .version = 7};
    live_message_apply(&state, &update);
    ck_assert_int_eq(state.seq, 7);
    state.seq = before.seq;
    ck_assert_mem_eq(&state, &before, sizeof state);
}
END_TEST

START_TEST(an_update_changes_what_it_says)
{
    struct live_update update = {.kind = LIVE_EXTENDED,
                                 .version = 7,
                                 .status = RULES_ACTIVE,
                                 .end_ms = 3000,
                                 .priced = true,
                                 .reserve_met = true,
                                 .start_ms = 1500,
                                 .current_bid = 200,
                                 .minimum_bid = 250,
                                 .bid_count = 3};
    live_message_apply(&state, &update);
    ck_assert_int_eq(state.status, RULES_ACTIVE);
    ck_assert_int_eq(state.end_ms, 3000);
    ck_assert_int_eq(state.start_ms, 1500);
    ck_assert_int_eq(state.current_bid, 200);
    ck_assert_int_eq(state.minimum_bid, 250);
    ck_assert_int_eq(state.bid_count, 3);
    ck_assert(state.reserve_met);
}
END_TEST

START_TEST(the_warning_before_the_end_makes_no_version)
{
    struct live_update update = {.kind = LIVE_ENDING_SOON, .version = 7};
    live_message_apply(&state, &update);
    ck_assert_int_eq(state.seq, 6);
}
END_TEST

START_TEST(new_bids_come_before_those_there_are_and_the_oldest_go)
{
    struct live_update update = {.kind = LIVE_BIDS, .version = 7};
    for (int i = 0; i < LIVE_BIDS_MAX - 1; i++) {
        add_bid(&update, 100 - i);
    }
    live_message_apply(&state, &update);
    ck_assert_uint_eq(state.bids, LIVE_BIDS_MAX - 1);
    update.bids = 0;
    add_bid(&update, 300);
    add_bid(&update, 200);
    live_message_apply(&state, &update);
    ck_assert_uint_eq(state.bids, LIVE_BIDS_MAX);
    ck_assert_int_eq(state.newest[0].amount, 300);
    ck_assert_int_eq(state.newest[1].amount, 200);
    for (int i = 2; i < LIVE_BIDS_MAX; i++) {
        ck_assert_int_eq(state.newest[i].amount, 102 - i);
    }
}
END_TEST

static Suite *live_message_suite(void)
{
    Suite *suite = suite_create("live_message");
    TCase *tcase = tcase_create("live_message");
    tcase_add_checked_fixture(tcase, set, strike);
    tcase_add_test(tcase, each_kind_of_update_has_its_own_name);
    tcase_add_test(tcase, an_update_shows_the_price_the_end_and_its_bids);
    tcase_add_test(tcase, a_snapshot_shows_the_auction);
    tcase_add_test(tcase, an_update_that_says_nothing_changes_only_the_version);
    tcase_add_test(tcase, an_update_changes_what_it_says);
    tcase_add_test(tcase, the_warning_before_the_end_makes_no_version);
    tcase_add_test(tcase, new_bids_come_before_those_there_are_and_the_oldest_go);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(live_message_suite());
}
