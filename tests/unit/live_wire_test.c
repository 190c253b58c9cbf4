/*
 * The exact text of a live update between programs, and the reader's refusals (see common/protocol/live_update.h).
 */
#include <stdio.h>
#include <string.h>

#include "common/protocol/live_update.h"
#include "tests/support/suite.h"

#define ID_1 "01000000-0000-0000-0000-000000000000"
#define ID_2 "02000000-0000-0000-0000-000000000000"
#define ID_3 "03000000-0000-0000-0000-000000000000"

enum { TEXT_SIZE = 4096 };

static struct jsonw *writer;

static void set_up(void)
{
    writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
}

static void tear_down(void)
{
    jsonw_free(writer);
}

START_TEST(an_update_has_this_text)
{
    struct live_update update = {
        .kind = LIVE_BIDS,
        .auction_id = {{1}},
        .version = 2,
        .at_ms = 3,
        .status = RULES_ACTIVE,
        .end_ms = 4,
        .priced = true,
        .reserve_met = true,
        .start_ms = 5,
        .current_bid = 6,
        .minimum_bid = 7,
        .bid_count = 8,
        .bids = 2,
        .newest = {{{{2}}, {{3}}, 9, 10, true}, {{{3}}, {{2}}, 11, 12, false}},
    };
    live_write(writer, &update);
    ck_assert_str_eq(jsonw_text(writer, NULL),
                     "{\"k\":\"bids\",\"a\":\"" ID_1
                     "\",\"n\":2,\"d\":3,\"s\":\"active\",\"e\":4,\"b\":5,\"m\":6,\"l\":7,\"c\":8,\"r\":true,"
                     "\"i\":[[\"" ID_2 "\",\"" ID_3 "\",9,10,1],[\"" ID_3 "\",\"" ID_2 "\",11,12,0]]}");
    jsonw_reset(writer);
    update = (struct live_update){.kind = LIVE_UPDATED, .auction_id = {{1}}};
    live_write(writer, &update);
    ck_assert_str_eq(jsonw_text(writer, NULL), "{\"k\":\"updated\",\"a\":\"" ID_1 "\",\"n\":0,\"d\":0}");
}
END_TEST

START_TEST(a_single_bid_is_written)
{
    struct live_update update = {
        .kind = LIVE_BIDS, .auction_id = {{1}}, .bids = 1, .newest = {{{{2}}, {{3}}, 9, 10, true}}};
    live_write(writer, &update);
    ck_assert_str_eq(jsonw_text(writer, NULL),
                     "{\"k\":\"bids\",\"a\":\"" ID_1 "\",\"n\":0,\"d\":0,\"i\":[[\"" ID_2 "\",\"" ID_3 "\",9,10,1]]}");
}
END_TEST

START_TEST(every_kind_has_its_name_and_is_read_back)
{
    static const char *const names[LIVE_KIND_COUNT] = {"look",  "updated", "bids",   "started",   "extended",
                                                       "ended", "sold",    "unsold", "cancelled", "soon"};
    for (size_t i = 0; i < LIVE_KIND_COUNT; i++) {
        char expected[TEXT_SIZE];
        struct live_update sent = {.kind = (enum live_kind)i, .auction_id = {{1}}};
        struct live_update got = {.kind = LIVE_KIND_COUNT};
        size_t length = 0;
        jsonw_reset(writer);
        live_write(writer, &sent);
        const char *text = jsonw_text(writer, &length);
        (void)snprintf(expected, sizeof(expected), "{\"k\":\"%s\",", names[i]);
        ck_assert_int_eq(strncmp(text, expected, strlen(expected)), 0);
        ck_assert(live_read(text, length, &got));
        ck_assert_int_eq(got.kind, sent.kind);
    }
}
END_TEST

#define BASE  "\"k\":\"bids\",\"a\":\"" ID_1 "\",\"n\":1,\"d\":1"
#define PRICE ",\"b\":1,\"m\":1,\"l\":1,\"c\":1"
#define A_BID "[\"" ID_2 "\",\"" ID_3 "\",9,10,1]"
#define LAST  "253402300799999"
#define LATER "253402300800000"

/* Members of an update, and whether they are valid. */
static const struct {
    const char *members;
    bool ok;
} updates[] = {
    {BASE, true},
    {"\"a\":\"" ID_1 "\",\"n\":1,\"d\":1", false},
    {"\"k\":7,\"a\":\"" ID_1 "\",\"n\":1,\"d\":1", false},
    {"\"k\":\"dance\",\"a\":\"" ID_1 "\",\"n\":1,\"d\":1", false},
    {"\"k\":\"bids\",\"n\":1,\"d\":1", false},
    {"\"k\":\"bids\",\"a\":\"" ID_1 "\",\"d\":1", false},
    {"\"k\":\"bids\",\"a\":\"" ID_1 "\",\"n\":1", false},
    {"\"k\":\"bids\",\"a\":\"" ID_1 "\",\"n\":0,\"d\":0", true},
    {"\"k\":\"bids\",\"a\":\"" ID_1 "\",\"n\":1,\"d\":" LAST, true},
    {"\"k\":\"bids\",\"a\":\"" ID_1 "\",\"n\":1,\"d\":" LATER, false},
    {BASE ",\"s\":\"unsold\"", true},
    {BASE ",\"s\":\"asleep\"", false},
    {BASE ",\"e\":0", true},
    {BASE ",\"e\":" LAST, true},
    {BASE ",\"e\":" LATER, false},
    {BASE ",\"e\":null", false},
    {BASE PRICE, false},
    {BASE PRICE ",\"r\":1", false},
    {BASE PRICE ",\"r\":false", true},
    {BASE ",\"b\":0,\"m\":0,\"l\":0,\"c\":0,\"r\":false", true},
    {BASE ",\"m\":1,\"l\":1,\"c\":1,\"r\":true", false},
    {BASE ",\"b\":1,\"m\":1,\"c\":1,\"r\":true", false},
    {BASE ",\"b\":1,\"m\":1,\"l\":1,\"r\":true", false},
    {BASE ",\"b\":" LAST ",\"m\":999999999999,\"l\":999999999999,\"c\":1,\"r\":true", true},
    {BASE ",\"b\":" LATER ",\"m\":1,\"l\":1,\"c\":1,\"r\":true", false},
    {BASE ",\"b\":1,\"m\":1000000000000,\"l\":1,\"c\":1,\"r\":true", false},
    {BASE ",\"b\":1,\"m\":1,\"l\":1000000000000,\"c\":1,\"r\":true", false},
    {BASE ",\"b\":1,\"m\":1,\"l\":1,\"c\":-1,\"r\":true", false},
    {BASE ",\"i\":[]", true},
    {BASE ",\"i\":{\"x\":" A_BID "}", false},
    {BASE ",\"i\":[" A_BID "," A_BID "]", true},
    {BASE ",\"i\":[" A_BID ",7]", false},
    {BASE ",\"i\":[{\"1\":\"" ID_2 "\",\"2\":\"" ID_3 "\",\"3\":9,\"4\":10,\"5\":1}]", false},
    {BASE ",\"i\":[[\"" ID_2 "\",\"" ID_3 "\",9,10]]", false},
    {BASE ",\"i\":[[\"x\",\"" ID_3 "\",9,10,1]]", false},
    {BASE ",\"i\":[[\"" ID_2 "\",\"x\",9,10,1]]", false},
    {BASE ",\"i\":[[7,\"" ID_3 "\",9,10,1]]", false},
    {BASE ",\"i\":[[\"" ID_2 "\",\"" ID_3 "\",-1,10,1]]", false},
    {BASE ",\"i\":[[\"" ID_2 "\",\"" ID_3 "\",1000000000000,10,1]]", false},
    {BASE ",\"i\":[[\"" ID_2 "\",\"" ID_3 "\",999999999999," LAST ",1]]", true},
    {BASE ",\"i\":[[\"" ID_2 "\",\"" ID_3 "\",0,0,0]]", true},
    {BASE ",\"i\":[[\"" ID_2 "\",\"" ID_3 "\",9," LATER ",1]]", false},
    {BASE ",\"i\":[[\"" ID_2 "\",\"" ID_3 "\",9,10,2]]", false},
    {BASE ",\"i\":[[\"" ID_2 "\",\"" ID_3 "\",9,10,1,\"more\"]]", true},
};

START_TEST(each_member_of_an_update_is_checked)
{
    char text[TEXT_SIZE];
    struct live_update update;
    int length = snprintf(text, sizeof(text), "{%s}", updates[_i].members);
    ck_assert_msg(live_read(text, (size_t)length, &update) == updates[_i].ok, "%s", updates[_i].members);
}
END_TEST

START_TEST(a_missing_member_of_an_update_is_empty)
{
    static const char text[] = "{" BASE "}";
    struct live_update update;
    memset(&update, 1, sizeof update);
    ck_assert(live_read(text, strlen(text), &update));
    ck_assert_int_eq(update.status, RULES_NO_STATUS);
    ck_assert(!update.priced && !update.reserve_met);
    ck_assert_int_eq(update.end_ms, 0);
    ck_assert_int_eq(update.start_ms, 0);
    ck_assert_int_eq(update.bid_count, 0);
    ck_assert_uint_eq(update.bids, 0);
}
END_TEST

START_TEST(each_member_of_a_bid_of_an_update_is_read)
{
    static const char text[] = "{" BASE ",\"i\":[[\"" ID_2 "\",\"" ID_3 "\",9,10,0]," A_BID "]}";
    static const struct uuid bid = {{2}};
    static const struct uuid bidder = {{3}};
    struct live_update update;
    ck_assert(live_read(text, strlen(text), &update));
    ck_assert_uint_eq(update.bids, 2);
    ck_assert(uuid_equal(&update.newest[0].bid_id, &bid) && uuid_equal(&update.newest[0].bidder_id, &bidder));
    ck_assert_int_eq(update.newest[0].amount, 9);
    ck_assert_int_eq(update.newest[0].at_ms, 10);
    ck_assert(!update.newest[0].automatic && update.newest[1].automatic);
}
END_TEST

START_TEST(bids_read_are_bounded_by_the_array)
{
    for (size_t bids = LIVE_BIDS_MAX; bids <= LIVE_BIDS_MAX + 1; bids++) {
        char text[TEXT_SIZE];
        size_t length = 0;
        struct live_bid read[LIVE_BIDS_MAX];
        size_t count = 0;
        for (size_t i = 0; i < bids; i++) {
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%c" A_BID, i == 0 ? '[' : ',');
        }
        text[length++] = ']';
        struct json *root = json_parse(text, length, NULL);
        ck_assert_ptr_nonnull(root);
        ck_assert_int_eq(live_read_bids(root, read, &count), bids == LIVE_BIDS_MAX);
        ck_assert_uint_eq(count, LIVE_BIDS_MAX);
        json_free(root);
    }
}
END_TEST

START_TEST(an_invalid_list_of_bids_is_empty)
{
    struct live_bid bids[LIVE_BIDS_MAX];
    size_t count = 7;
    ck_assert(!live_read_bids(NULL, bids, &count));
    ck_assert_uint_eq(count, 0);
}
END_TEST

static Suite *live_wire_suite(void)
{
    Suite *suite = suite_create("live_wire");
    TCase *tcase = tcase_create("live_wire");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_update_has_this_text);
    tcase_add_test(tcase, a_single_bid_is_written);
    tcase_add_test(tcase, every_kind_has_its_name_and_is_read_back);
    tcase_add_loop_test(tcase, each_member_of_an_update_is_checked, 0, (int)ARRAY_LEN(updates));
    tcase_add_test(tcase, a_missing_member_of_an_update_is_empty);
    tcase_add_test(tcase, each_member_of_a_bid_of_an_update_is_read);
    tcase_add_test(tcase, bids_read_are_bounded_by_the_array);
    tcase_add_test(tcase, an_invalid_list_of_bids_is_empty);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(live_wire_suite());
}
