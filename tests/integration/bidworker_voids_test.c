/*
 * What rostrum-bidworker restates after a void, against real servers. The expected ledger is made by an oracle of this
 * file: the rules of bidding written down a second time, in another form (every bidder's best maximum, the price from
 * the two highest). It shares no code with bidworker/, while `rostrumctl verify` links the code that decides.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/support/bidding.h"

enum {
    OPENING = 1000,
    STEP = 100, /* the increment */
    NOBODY = -1,
    FIRST_BIDS = 150, /* more than twice what the worker makes room for at first */
    LATER_BIDS = 45,
    LAST_BIDS = 15,
    VOIDS = 12,
    SURPLUS_MAX = 3000, /* of a random bid, above what is enough */
};

static const char *const names[BIDDING_USERS] = {"Seller", "Ann", "Bob", "Cyd", "Dan"};

static const struct bidding_terms plain = {0};
static struct bidding_auction auction;

/* --- the oracle --- */

struct standing {
    int leader;
    bool hidden; /* the lead is held by a maximum that may be above the price */
    int64_t price;
    int64_t best[BIDDING_USERS];
    int64_t bids;
};

struct verdict {
    bool refused;
    bool outbid;
    bool raise;
    int64_t amount;
    int answerer; /* whose maximum answers with `answer`, or NOBODY */
    int64_t answer;
};

static int64_t second_best(const struct standing *now)
{
    int64_t best = 0;
    for (int i = 0; i < BIDDING_USERS; i++) {
        best = i != now->leader && now->best[i] > best ? now->best[i] : best;
    }
    return best;
}

/* One step above the second best maximum, no more than the best, and never below what it was. */
static int64_t price_of(const struct standing *now)
{
    int64_t due = second_best(now) == 0 ? 0 : second_best(now) + STEP;
    int64_t most = now->best[now->leader];
    due = due < most ? due : most;
    return due > now->price ? due : now->price;
}

static struct verdict judge_leader(struct standing *now, bool proxy, int user, int64_t amount)
{
    struct verdict verdict = {.answerer = NOBODY, .raise = proxy, .amount = amount};
    if (proxy) {
        now->best[user] = amount;
        now->hidden = true;
        now->price = price_of(now);
        verdict.amount = now->price;
        return verdict;
    }
    now->hidden = now->hidden && amount < now->best[user];
    now->best[user] = now->best[user] > amount ? now->best[user] : amount;
    now->price = amount;
    now->bids++;
    return verdict;
}

static struct verdict judge_other(struct standing *now, bool proxy, int user, int64_t amount)
{
    struct verdict verdict = {.answerer = NOBODY, .amount = amount};
    bool first = now->leader == NOBODY;
    now->bids++;
    now->best[user] = amount;
    if (!first && amount <= now->best[now->leader]) {
        now->price = price_of(now);
        verdict.outbid = true;
        verdict.answerer = now->leader;
        verdict.answer = now->price;
        return verdict;
    }
    now->leader = user;
    now->hidden = proxy;
    now->price = !proxy ? amount : first ? OPENING : price_of(now);
    verdict.amount = now->price;
    return verdict;
}

/* `strict`: the first decision. Otherwise a replay: the amount was high enough when it was decided. */
static struct verdict judge(struct standing *now, enum command_kind kind, int user, int64_t amount, bool strict)
{
    static const struct verdict refused = {.refused = true, .answerer = NOBODY};
    bool leads = now->leader == user;
    bool raise = leads && kind == COMMAND_PROXY;
    int64_t least = now->leader == NOBODY ? OPENING : now->price + STEP;
    if (kind == COMMAND_WITHDRAW) {
        if (!leads || !now->hidden) {
            return refused;
        }
        now->best[user] = now->price;
        now->hidden = false;
        return (struct verdict){.answerer = NOBODY};
    }
    if ((raise && amount <= now->best[user]) || (strict && !raise && amount < least)) {
        return refused;
    }
    return leads ? judge_leader(now, kind == COMMAND_PROXY, user, amount)
                 : judge_other(now, kind == COMMAND_PROXY, user, amount);
}

/* A command of the auction and what the ledger must say of it. */
struct entry {
    enum command_kind kind;
    int user;
    int64_t amount;
    bool voided;
    bool answered; /* has a row of an answer behind it, whether it counts or not */
    struct verdict now;
};

static struct entry entries[BIDDING_COMMANDS_MAX];
static struct standing standing;

static void oracle_reset(void)
{
    memset(entries, 0, sizeof entries);
    standing = (struct standing){.leader = NOBODY};
}

static void oracle_decide(size_t index)
{
    struct entry *entry = &entries[index];
    entry->now = judge(&standing, entry->kind, entry->user, entry->amount, true);
    entry->answered = entry->now.answerer != NOBODY;
}

static void oracle_void(size_t target, size_t before)
{
    standing = (struct standing){.leader = NOBODY};
    entries[target].voided = true;
    for (size_t i = 0; i < before; i++) {
        struct entry *entry = &entries[i];
        if (entry->kind == COMMAND_VOID || entry->voided || entry->now.refused) {
            continue;
        }
        struct verdict again = judge(&standing, entry->kind, entry->user, entry->amount, false);
        if (entry->kind == COMMAND_WITHDRAW) {
            continue; /* its row is never restated */
        }
        ck_assert(!again.refused);
        ck_assert(again.answerer == NOBODY || entry->answered);
        entry->now = again;
    }
}

/* --- what it expects, and what is there --- */

static size_t add_line(char *text, size_t length, const struct entry *entry)
{
    static const char *const kinds[] = {
        [COMMAND_BID] = "bid", [COMMAND_PROXY] = "proxy", [COMMAND_WITHDRAW] = "withdraw", [COMMAND_VOID] = "void"};
    const struct verdict *now = &entry->now;
    char *out = text + length;
    size_t room = BIDDING_TEXT_SIZE - length;
    const char *kind = kinds[entry->kind];
    int added;
    if (entry->kind == COMMAND_VOID) {
        added = snprintf(out, room, "void\n");
    } else if (now->refused) {
        added = snprintf(out, room, "%s rejected\n", kind);
    } else if (entry->voided) {
        added = snprintf(out, room, "%s gone\n", kind);
    } else if (entry->kind == COMMAND_WITHDRAW) {
        added = snprintf(out, room, "withdraw %s accepted\n", names[entry->user]);
    } else {
        added = snprintf(out, room, "%s %s %s%s %" PRId64 "\n", kind, names[entry->user],
                         now->outbid ? "outbid" : "accepted", now->raise ? " raise" : "", now->amount);
    }
    length += (size_t)added;
    if (entry->answered) {
        bool stands = !entry->voided && now->answerer != NOBODY;
        added = stands ? snprintf(text + length, BIDDING_TEXT_SIZE - length, "auto %s accepted %" PRId64 "\n",
                                  names[now->answerer], now->answer)
                       : snprintf(text + length, BIDDING_TEXT_SIZE - length, "auto gone\n");
        length += (size_t)added;
    }
    ck_assert_uint_lt(length, BIDDING_TEXT_SIZE);
    return length;
}

static const char *oracle_ledger(void)
{
    static char text[BIDDING_TEXT_SIZE];
    size_t length = 0;
    for (size_t i = 0; i < auction.count; i++) {
        length = add_line(text, length, &entries[i]);
    }
    return text;
}

static const char *oracle_state(void)
{
    static char text[BIDDING_TEXT_SIZE];
    char beaten[64] = "";
    int64_t second = second_best(&standing);
    int64_t most = standing.best[standing.leader];
    if (second > 0) {
        (void)snprintf(beaten, sizeof beaten, " beaten %" PRId64 ".%02d", second / 100, (int)(second % 100));
    }
    (void)snprintf(text, sizeof text,
                   "active price %" PRId64 ".%02d minimum %" PRId64 ".%02d leader %s max %" PRId64
                   ".%02d%s bids %" PRId64 " extensions 0",
                   standing.price / 100, (int)(standing.price % 100), standing.price / 100 + 1,
                   (int)(standing.price % 100), names[standing.leader], most / 100, (int)(most % 100), beaten,
                   standing.bids);
    return text;
}

static const char *restated_ledger(void)
{
    static char text[BIDDING_TEXT_SIZE];
    PGresult *result = sql_rows(
        bidding.sql,
        "SELECT concat_ws(' ', b.kind, CASE WHEN b.status = 'rejected' THEN 'rejected' WHEN b.kind = 'void' THEN NULL"
        " WHEN NOT b.effective THEN 'gone' ELSE concat_ws(' ', u.display_name, coalesce(b.effective_status, b.status),"
        " CASE WHEN coalesce(b.effective_raise, b.raise) THEN 'raise' END,"
        " (coalesce(b.effective_amount, b.amount) * 100)::bigint) END)"
        " FROM bids b LEFT JOIN users u ON u.id = coalesce(b.effective_bidder_id, b.bidder_id)"
        " WHERE b.auction_id = $1::uuid ORDER BY b.seq",
        auction.text, NULL);
    size_t length = 0;
    ck_assert_ptr_nonnull(result);
    text[0] = '\0';
    for (int i = 0; i < PQntuples(result); i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "%s\n", PQgetvalue(result, i, 0));
        ck_assert_uint_lt(length, sizeof text);
    }
    PQclear(result);
    return text;
}

/* Names the first line that differs: the whole texts are long. */
static void expect_same_lines(const char *found, const char *expected)
{
    int line = 1;
    while (*found != '\0' || *expected != '\0') {
        int found_length = (int)strcspn(found, "\n");
        int expected_length = (int)strcspn(expected, "\n");
        ck_assert_msg(found_length == expected_length && strncmp(found, expected, (size_t)found_length) == 0,
                      "row %d is '%.*s', expected '%.*s'", line, found_length, found, expected_length, expected);
        found += found_length + (found[found_length] == '\n');
        expected += expected_length + (expected[expected_length] == '\n');
        line++;
    }
}

static int64_t rows_expected(void)
{
    int64_t rows = (int64_t)auction.count;
    for (size_t i = 0; i < auction.count; i++) {
        rows += entries[i].answered ? 1 : 0;
    }
    return rows;
}

static void expect_as_the_oracle_says(void)
{
    bidding_wait(&auction, rows_expected());
    expect_same_lines(restated_ledger(), oracle_ledger());
    ck_assert_str_eq(bidding_state(&auction), oracle_state());
}

/* --- what is sent --- */

static void send(enum command_kind kind, int user, int64_t amount)
{
    size_t index = auction.count;
    (void)bidding_add(&auction, kind, (enum bidding_user)user, amount);
    entries[index] = (struct entry){.kind = kind, .user = user, .amount = amount};
    oracle_decide(index);
}

static void send_void(size_t target)
{
    size_t index = auction.count;
    struct command *command = bidding_add(&auction, COMMAND_VOID, BIDDING_SELLER, 0);
    command->target = auction.commands[target].id;
    entries[index] = (struct entry){.kind = COMMAND_VOID, .now = {.answerer = NOBODY}};
    oracle_void(target, index);
}

/* The same numbers in each run. */
static uint32_t random_below(uint32_t limit)
{
    static uint32_t state = 20261121;
    state = state * 1664525U + 1013904223U;
    return (uint32_t)(((uint64_t)state * limit) >> 32U);
}

/* Most are enough for the price there is. */
static void send_random(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t what = random_below(20);
        enum command_kind kind = what == 0 ? COMMAND_WITHDRAW : what < 8 ? COMMAND_PROXY : COMMAND_BID;
        int user = 1 + (int)random_below(BIDDING_USERS - 1);
        int64_t least = standing.leader == NOBODY ? OPENING : standing.price + STEP / 2;
        int64_t amount = kind == COMMAND_WITHDRAW ? 0 : least + random_below(SURPLUS_MAX);
        send(kind, user, amount);
    }
}

/* One that counts. */
static size_t random_bid(size_t before)
{
    for (;;) {
        size_t index = random_below((uint32_t)before);
        const struct entry *entry = &entries[index];
        bool bid = entry->kind == COMMAND_BID || entry->kind == COMMAND_PROXY;
        if (bid && !entry->now.refused && !entry->voided) {
            return index;
        }
    }
}

START_TEST(beaten_bids_stay_outbid_and_answers_change_or_lapse)
{
    oracle_reset();
    bidding_open(&auction, &plain);
    send(COMMAND_PROXY, BIDDING_DAN, 100000);
    send(COMMAND_PROXY, BIDDING_DAN, 300000);
    send(COMMAND_BID, BIDDING_BOB, 50000);
    send(COMMAND_BID, BIDDING_CYD, 99950);
    send(COMMAND_BID, BIDDING_ANN, 150000);
    bidding_send(&auction);
    bidding_start();
    bidding_wait(&auction, 8);
    ck_assert_str_eq(restated_ledger(), "proxy Dan accepted 1000\n"
                                        "proxy Dan accepted raise 1000\n"
                                        "bid Bob outbid 50000\n"
                                        "auto Dan accepted 50100\n"
                                        "bid Cyd outbid 99950\n"
                                        "auto Dan accepted 100050\n"
                                        "bid Ann outbid 150000\n"
                                        "auto Dan accepted 150100\n");
    /* Void the raise: the first maximum beats Bob and Cyd, with a smaller answer to Cyd, and loses to Ann. */
    send_void(1);
    bidding_send(&auction);
    bidding_wait(&auction, 9);
    ck_assert_str_eq(restated_ledger(), "proxy Dan accepted 1000\n"
                                        "proxy gone\n"
                                        "bid Bob outbid 50000\n"
                                        "auto Dan accepted 50100\n"
                                        "bid Cyd outbid 99950\n"
                                        "auto Dan accepted 100000\n"
                                        "bid Ann accepted 150000\n"
                                        "auto gone\n"
                                        "void\n");
    ck_assert_str_eq(bidding_state(&auction),
                     "active price 1500.00 minimum 1501.00 leader Ann max 1500.00 beaten 1000.00 bids 4 extensions 0");
    /* The oracle agrees with the rows written by hand. */
    expect_as_the_oracle_says();
    bidding_stop();
}
END_TEST

START_TEST(long_ledgers_are_restated_as_if_the_bid_had_never_been)
{
    oracle_reset();
    bidding_open(&auction, &plain);
    send_random(FIRST_BIDS);
    bidding_send(&auction);
    bidding_start();
    expect_as_the_oracle_says();
    for (int i = 0; i < VOIDS; i++) {
        send_void(random_bid(auction.count));
        bidding_send(&auction);
        expect_as_the_oracle_says();
    }
    /* In one message, and so in one batch: bids, the void of one of them, bids on what the void left. */
    send_random(LATER_BIDS);
    send_void(random_bid(auction.count));
    send_random(LAST_BIDS);
    bidding_send(&auction);
    expect_as_the_oracle_says();
    bidding_verify(&auction);
    bidding_stop();
}
END_TEST

/* The status, who won, and by a bid of the ledger. */
static const char *outcome(void)
{
    return sql_text(bidding.sql,
                    "SELECT concat_ws(' ', a.status, u.display_name, (SELECT b.amount FROM bids b WHERE b.auction_id ="
                    " a.id AND b.bid_id = a.winning_bid_id)) FROM auctions a LEFT JOIN users u ON u.id = a.winner_id"
                    " WHERE a.id = $1::uuid",
                    auction.text, NULL);
}

START_TEST(a_sale_goes_to_the_next_bidder_and_without_one_there_is_none)
{
    struct auction_event event;
    static const struct bidding_terms reserved = {.reserve_price = "15"};
    bidding_open(&auction, &reserved);
    bidding_add(&auction, COMMAND_BID, BIDDING_ANN, 1000);
    bidding_add(&auction, COMMAND_BID, BIDDING_BOB, 2000);
    bidding_add(&auction, COMMAND_BID, BIDDING_CYD, 3000);
    bidding_add(&auction, COMMAND_FENCE, BIDDING_SELLER, 0)->received_ms = auction.end_ms;
    bidding_send(&auction);
    bidding_start();
    bidding_wait(&auction, 4);
    /* As settlement leaves it. */
    ck_assert_int_eq(sql_int(bidding.sql,
                             "UPDATE auctions SET status = 'sold', winner_id = leader_id, winning_bid_id ="
                             " leader_bid_id, settled_at = now() WHERE id = $1::uuid RETURNING 1",
                             auction.text, NULL),
                     1);
    ck_assert_str_eq(outcome(), "sold Cyd 30.00");
    bidding_add(&auction, COMMAND_VOID, BIDDING_SELLER, 0)->target = auction.commands[2].id;
    bidding_send(&auction);
    bidding_event(&auction, EVENT_SETTLED, &event);
    ck_assert(uuid_equal(&event.user_id, &bidding.users[BIDDING_BOB]));
    ck_assert_int_eq(event.amount, 2000);
    ck_assert_str_eq(outcome(), "sold Bob 20.00");
    bidding_add(&auction, COMMAND_VOID, BIDDING_SELLER, 0)->target = auction.commands[1].id;
    bidding_send(&auction);
    bidding_event(&auction, EVENT_SETTLED, &event);
    ck_assert(uuid_is_nil(&event.user_id));
    ck_assert_int_eq(event.amount, 1000);
    ck_assert_str_eq(outcome(), "unsold");
    bidding_stop();
}
END_TEST

static Suite *voids_suite(void)
{
    Suite *suite = suite_create("bidworker_voids");
    TCase *tcase = tcase_create("voids");
    tcase_add_checked_fixture(tcase, bidding_set_up, bidding_tear_down);
    tcase_add_test(tcase, beaten_bids_stay_outbid_and_answers_change_or_lapse);
    tcase_add_test(tcase, long_ledgers_are_restated_as_if_the_bid_had_never_been);
    tcase_add_test(tcase, a_sale_goes_to_the_next_bidder_and_without_one_there_is_none);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(voids_suite());
}
