/*
 * The output of one decided command: its ledger row, its decision, the events, and the auction's new version. The
 * expected values are written by hand, not computed by the code under test. bidworker_decide_test tests the properties
 * of batches of many commands.
 */
#include <stdio.h>
#include <string.h>

#include "bidworker/decide.h"
#include "tests/support/batch.h"
#include "tests/support/suite.h"

enum {
    COMMANDS_MAX = 8,
    SEQ = 10, /* of the auction's newest row before the batch */
    VERSION = 20,
    PRICE_FIRST = 100,
    BUY_PRICE = 1000,
    START_MS = 10000,
    BID_MS = 20000, /* far from start and end */
    END_MS = 50000,
    WINDOW_MS = 4000,
    EXTENSION_MS = 6000,
    NOW_MS = 90000,
};
enum user { SELLER = 1, ANN, BOB, CYD, ADMIN };

static struct batch *batch;
static struct command commands[COMMANDS_MAX];
static size_t command_count;
static struct rules_auction stored; /* the auction before the batch */

static struct uuid user_id(int user)
{
    return user == 0 ? (struct uuid){{0}} : (struct uuid){.bytes = {[0] = 'u', [15] = (uint8_t)user}};
}

static struct uuid command_id(size_t index)
{
    return (struct uuid){.bytes = {[0] = 'c', [15] = (uint8_t)(index + 1)}};
}

static void set_up(void)
{
    batch = batch_new(COMMANDS_MAX);
    ck_assert_ptr_nonnull(batch);
    command_count = 0;
    stored = (struct rules_auction){
        .seller_id = user_id(SELLER),
        .starting_price = PRICE_FIRST,
        .buy_now_price = BUY_PRICE,
        .increments = increments_fixed(50),
        .snipe_window_ms = WINDOW_MS,
        .snipe_extension_ms = EXTENSION_MS,
        .snipe_max = -1,
        .start_ms = START_MS,
        .end_ms = END_MS,
        .terms_version = 1,
        .status = RULES_ACTIVE,
    };
}

static void tear_down(void)
{
    batch_free(batch);
}

/* The next command of the batch. */
static struct command *add(enum command_kind kind, int user, int64_t amount)
{
    struct command *command = &commands[command_count];
    *command = (struct command){.kind = kind,
                                .id = command_id(command_count),
                                .auction_id = {.bytes = {[0] = 'a'}},
                                .user_id = user_id(user),
                                .amount = amount,
                                .received_ms = BID_MS + (int64_t)command_count};
    (void)snprintf(command->traceparent, sizeof command->traceparent, "trace-%zu", command_count);
    command_count++;
    return command;
}

/* Batch and auction as the ledger loads them. A test may change both before decide_batch. */
static void load(void)
{
    for (size_t i = 0; i < command_count; i++) {
        (void)batch_add(batch, NULL, &commands[i]);
    }
    batch_prepare(batch);
    batch->auctions[0].found = true;
    batch->auctions[0].seq = SEQ;
    batch->auctions[0].version = VERSION;
    batch->auctions[0].state = stored;
    ck_assert(!batch->auctions[0].voiding || voids_reserve(&batch->auctions[0].voids, COMMANDS_MAX));
}

static void decide(void)
{
    load();
    decide_batch(batch, NOW_MS);
}

static const struct batch_row *expect_row(size_t index, const char *kind, const char *status, int user)
{
    const struct batch_row *row = &batch->rows[index];
    struct uuid bidder = user_id(user);
    ck_assert_uint_gt(batch->row_count, index);
    ck_assert_int_eq(row->seq, SEQ + 1 + (int64_t)index);
    ck_assert(uuid_equal(&row->auction_id, &commands[0].auction_id));
    ck_assert_str_eq(row->automatic ? LEDGER_AUTOMATIC : command_kind_ledger_text(row->kind), kind);
    ck_assert_str_eq(bid_status_text(row->status), status);
    ck_assert(uuid_equal(&row->bidder_id, &bidder));
    ck_assert_msg((row->reason != RULES_NONE) == (row->status == BID_REJECTED), "a reason, or none");
    return row;
}

static void expect_amounts(const struct batch_row *row, int64_t amount, int64_t max_amount)
{
    ck_assert_int_eq(row->amount, amount);
    ck_assert_int_eq(row->max_amount, max_amount);
}

static void expect_event(size_t index, enum event_kind kind, int user, int64_t amount, int64_t end_ms)
{
    const struct auction_event *event = &batch->events[index];
    struct uuid whom = user_id(user);
    ck_assert_uint_gt(batch->event_count, index);
    ck_assert_str_eq(message_event_text(event->kind), message_event_text(kind));
    ck_assert(uuid_equal(&event->auction_id, &commands[0].auction_id));
    ck_assert(uuid_equal(&event->user_id, &whom));
    ck_assert_int_eq(event->amount, amount);
    ck_assert_int_eq(event->version, VERSION + 1);
    ck_assert_int_eq(event->at_ms, NOW_MS);
    ck_assert_int_eq(event->end_ms, end_ms);
}

/* --- rows --- */

START_TEST(a_bid_is_recorded_with_every_field_of_its_command)
{
    (void)add(COMMAND_BID, ANN, 700);
    decide();
    ck_assert_uint_eq(batch->row_count, 1);
    const struct batch_row *row = expect_row(0, "bid", "accepted", ANN);
    expect_amounts(row, 700, 0);
    ck_assert(uuid_equal(&row->bid_id, &commands[0].id));
    ck_assert(!row->raise && uuid_is_nil(&row->voids));
    ck_assert_int_eq(row->end_ms, 0);
    ck_assert_int_eq(row->received_ms, BID_MS);
    ck_assert_int_eq(batch->decided_ms, NOW_MS);
    ck_assert_uint_eq(batch->event_count, 0);
    ck_assert(batch->auctions[0].touched);
    ck_assert_int_eq(batch->auctions[0].seq, SEQ + 1);
    ck_assert_int_eq(batch->auctions[0].version, VERSION + 1);
}
END_TEST

START_TEST(the_decision_equals_the_row)
{
    (void)add(COMMAND_PROXY, ANN, 700);
    (void)add(COMMAND_BID, BOB, 120);
    decide();
    const struct decision *accepted = &batch->entries[0].decision;
    const struct decision *rejected = &batch->entries[1].decision;
    ck_assert(uuid_equal(&accepted->bid_id, &commands[0].id));
    ck_assert(uuid_equal(&accepted->auction_id, &commands[0].auction_id));
    ck_assert(uuid_equal(&accepted->user_id, &commands[0].user_id));
    ck_assert_int_eq(accepted->kind, COMMAND_PROXY);
    ck_assert_int_eq(accepted->amount, PRICE_FIRST);
    ck_assert_int_eq(accepted->max_amount, 700);
    ck_assert_int_eq(accepted->received_ms, BID_MS);
    ck_assert_int_eq(accepted->decided_ms, NOW_MS);
    ck_assert_int_eq(accepted->version, VERSION + 1);
    ck_assert_int_eq(accepted->status, BID_ACCEPTED);
    ck_assert_int_eq(accepted->reason, RULES_NONE);
    ck_assert_int_eq(rejected->kind, COMMAND_BID);
    ck_assert_int_eq(rejected->status, BID_REJECTED);
    ck_assert_int_eq(rejected->reason, RULES_BID_TOO_LOW);
    ck_assert_int_eq(batch->entries[0].work->outcome, WORK_DECIDED);
    ck_assert_int_eq(batch->entries[1].work->outcome, WORK_DECIDED);
}
END_TEST

START_TEST(a_maximum_is_recorded_with_the_price)
{
    (void)add(COMMAND_PROXY, ANN, 700);
    (void)add(COMMAND_PROXY, ANN, 900);
    (void)add(COMMAND_PROXY, ANN, 800);
    decide();
    const struct batch_row *first = expect_row(0, "proxy", "accepted", ANN);
    const struct batch_row *raise = expect_row(1, "proxy", "accepted", ANN);
    const struct batch_row *refused = expect_row(2, "proxy", "rejected", ANN);
    expect_amounts(first, PRICE_FIRST, 700);
    ck_assert(!first->raise);
    expect_amounts(raise, PRICE_FIRST, 900);
    ck_assert(raise->raise);
    expect_amounts(refused, 0, 800);
    ck_assert_int_eq(refused->reason, RULES_MAXIMUM_NOT_RAISED);
}
END_TEST

START_TEST(an_automatic_bid_has_a_row_of_its_own)
{
    (void)add(COMMAND_PROXY, ANN, 700);
    (void)add(COMMAND_BID, BOB, 300);
    decide();
    ck_assert_uint_eq(batch->row_count, 3);
    expect_amounts(expect_row(1, "bid", "outbid", BOB), 300, 0);
    const struct batch_row *answer = expect_row(2, "auto", "accepted", ANN);
    expect_amounts(answer, 350, 0);
    ck_assert(!uuid_is_nil(&answer->bid_id) && !uuid_equal(&answer->bid_id, &commands[1].id));
    ck_assert_int_eq(answer->received_ms, commands[1].received_ms);
    ck_assert_int_eq(batch->entries[1].decision.status, BID_OUTBID);
    ck_assert_int_eq(batch->auctions[0].seq, SEQ + 3);
    ck_assert_int_eq(batch->auctions[0].version, VERSION + 1); /* once per batch, for any number of rows */
}
END_TEST

START_TEST(every_kind_of_command_is_decided_by_its_own_rule)
{
    static const struct {
        enum command_kind kind;
        const char *text;
        const char *reason; /* on a cancelled auction */
    } kinds[] = {
        {COMMAND_BID, "bid", "AUCTION_CANCELLED"},      {COMMAND_PROXY, "proxy", "AUCTION_CANCELLED"},
        {COMMAND_WITHDRAW, "withdraw", "NO_MAXIMUM"},   {COMMAND_BUY, "buy", "AUCTION_CANCELLED"},
        {COMMAND_UPDATE, "update", "VERSION_CONFLICT"}, {COMMAND_CANCEL, "cancel", "AUCTION_CANCELLED"},
        {COMMAND_EXTEND, "extend", "END_NOT_LATER"},    {COMMAND_CLOSE, "close", "AUCTION_CANCELLED"},
        {COMMAND_ABORT, "abort", "AUCTION_CANCELLED"},  {COMMAND_VOID, "void", "NOT_FOUND"},
        {COMMAND_RETRACT, "retract", "NOT_FOUND"},      {COMMAND_REOPEN, "reopen", "END_NOT_LATER"},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        static const struct rules_terms terms;
        bool open = strcmp(kinds[i].reason, "AUCTION_CANCELLED") != 0;
        tear_down();
        set_up();
        stored.status = open ? RULES_ACTIVE : RULES_CANCELLED;
        (void)add(kinds[i].kind, ANN, 0);
        load();
        batch->entries[0].terms = &terms;
        decide_batch(batch, NOW_MS);
        const struct batch_row *row = expect_row(0, kinds[i].text, "rejected", ANN);
        ck_assert_str_eq(rules_reason_text(row->reason), kinds[i].reason);
    }
}
END_TEST

START_TEST(a_withdrawal_is_recorded_without_amounts)
{
    (void)add(COMMAND_PROXY, ANN, 700);
    (void)add(COMMAND_WITHDRAW, ANN, 0);
    decide();
    expect_amounts(expect_row(1, "withdraw", "accepted", ANN), 0, 0);
    ck_assert_int_eq(batch->auctions[0].state.leader_max, PRICE_FIRST);
    ck_assert_uint_eq(batch->event_count, 0);
}
END_TEST

START_TEST(banned_bidders_and_other_terms_are_rejected)
{
    (void)add(COMMAND_BID, ANN, 700);
    add(COMMAND_BID, BOB, 700)->terms_version = 2;
    load();
    batch->work.entries[0].banned = true;
    decide_batch(batch, NOW_MS);
    ck_assert_int_eq(expect_row(0, "bid", "rejected", ANN)->reason, RULES_USER_BANNED);
    ck_assert_int_eq(expect_row(1, "bid", "rejected", BOB)->reason, RULES_TERMS_CHANGED);
}
END_TEST

START_TEST(a_purchase_has_the_price_and_ends_the_auction)
{
    stored.reserve_price = 900;
    (void)add(COMMAND_BID, ANN, 300);
    (void)add(COMMAND_BUY, BOB, 0);
    decide();
    expect_amounts(expect_row(1, "buy", "accepted", BOB), BUY_PRICE, 0);
    ck_assert_uint_eq(batch->event_count, 2);
    expect_event(0, EVENT_OUTBID, ANN, BUY_PRICE, 0);
    expect_event(1, EVENT_ENDED, 0, BUY_PRICE, 0);
    ck_assert_int_eq(batch->auctions[0].state.status, RULES_ENDED);
}
END_TEST

START_TEST(a_purchase_at_another_price_has_no_effect)
{
    add(COMMAND_BUY, BOB, 0)->price = BUY_PRICE - 1;
    add(COMMAND_BUY, ANN, 0)->price = BUY_PRICE;
    decide();
    expect_amounts(expect_row(0, "buy", "rejected", BOB), 0, 0);
    ck_assert_int_eq(expect_row(0, "buy", "rejected", BOB)->reason, RULES_TERMS_CHANGED);
    expect_amounts(expect_row(1, "buy", "accepted", ANN), BUY_PRICE, 0);
}
END_TEST

/* --- events --- */

START_TEST(a_lost_lead_makes_proxy_exhausted_or_outbid)
{
    (void)add(COMMAND_BID, ANN, 200);
    (void)add(COMMAND_PROXY, BOB, 400);
    (void)add(COMMAND_BID, CYD, 600);
    decide();
    ck_assert_uint_eq(batch->event_count, 2);
    expect_event(0, EVENT_OUTBID, ANN, 250, 0);
    expect_event(1, EVENT_PROXY_EXHAUSTED, BOB, 600, 0);
    ck_assert_str_eq(batch->events[0].traceparent, "trace-1");
    ck_assert_str_eq(batch->events[1].traceparent, "trace-2");
}
END_TEST

START_TEST(only_an_extension_event_has_the_new_end)
{
    add(COMMAND_BID, ANN, 200)->received_ms = END_MS - WINDOW_MS;
    add(COMMAND_BID, BOB, 300)->received_ms = END_MS - 1;
    add(COMMAND_BID, CYD, 300)->received_ms = END_MS - 1; /* too low */
    decide();
    ck_assert_uint_eq(batch->event_count, 2);
    expect_event(0, EVENT_OUTBID, ANN, 300, 0);
    expect_event(1, EVENT_EXTENDED, 0, 300, END_MS - 1 + EXTENSION_MS); /* one per batch, for the last extension */
    ck_assert_str_eq(batch->events[1].traceparent, "trace-1");
    ck_assert_int_eq(batch->auctions[0].state.end_ms, END_MS - 1 + EXTENSION_MS);
    ck_assert_int_eq(batch->auctions[0].state.extensions_used, 2);
}
END_TEST

START_TEST(the_window_decides_and_the_extension_sets_the_end)
{
    add(COMMAND_BID, ANN, 200)->received_ms = END_MS - EXTENSION_MS; /* before the window */
    decide();
    ck_assert_uint_eq(batch->event_count, 0);
    ck_assert_int_eq(batch->auctions[0].state.end_ms, END_MS);
}
END_TEST

START_TEST(an_admins_extension_is_recorded_with_the_requested_end)
{
    add(COMMAND_EXTEND, ADMIN, 0)->end_ms = END_MS + 5;
    decide();
    const struct batch_row *row = expect_row(0, "extend", "accepted", ADMIN);
    ck_assert_int_eq(row->end_ms, END_MS + 5);
    expect_amounts(row, 0, 0);
    ck_assert_uint_eq(batch->event_count, 1);
    expect_event(0, EVENT_EXTENDED, 0, 0, END_MS + 5);
}
END_TEST

START_TEST(a_bid_after_the_start_time_starts_the_auction)
{
    stored.status = RULES_SCHEDULED;
    (void)add(COMMAND_BID, ANN, 200);
    decide();
    ck_assert_uint_eq(batch->row_count, 1);
    ck_assert_uint_eq(batch->event_count, 1);
    expect_event(0, EVENT_STARTED, 0, 200, 0);
    ck_assert_int_eq(batch->auctions[0].state.status, RULES_ACTIVE);
}
END_TEST

START_TEST(a_repeated_start_makes_no_row)
{
    stored.status = RULES_SCHEDULED;
    (void)add(COMMAND_START, 0, 0);
    (void)add(COMMAND_START, 0, 0);
    decide();
    ck_assert_uint_eq(batch->row_count, 1);
    (void)expect_row(0, "start", "accepted", 0);
    expect_event(0, EVENT_STARTED, 0, 0, 0);
    ck_assert_int_eq(batch->entries[1].work->outcome, WORK_DROPPED);
}
END_TEST

START_TEST(a_fence_ends_the_auction)
{
    (void)add(COMMAND_BID, ANN, 200);
    add(COMMAND_FENCE, 0, 0)->received_ms = END_MS;
    decide();
    ck_assert_uint_eq(batch->row_count, 2);
    const struct batch_row *row = expect_row(1, "end", "accepted", 0);
    expect_amounts(row, 0, 0);
    ck_assert_int_eq(row->received_ms, END_MS);
    ck_assert_uint_eq(batch->event_count, 1);
    expect_event(0, EVENT_ENDED, 0, 200, 0);
}
END_TEST

START_TEST(a_fence_starts_and_ends_a_scheduled_auction)
{
    stored.status = RULES_SCHEDULED;
    add(COMMAND_FENCE, 0, 0)->received_ms = END_MS;
    decide();
    ck_assert_uint_eq(batch->row_count, 2);
    const struct batch_row *start = expect_row(0, "start", "accepted", 0);
    ck_assert(!uuid_is_nil(&start->bid_id) && !uuid_equal(&start->bid_id, &commands[0].id));
    ck_assert_int_eq(start->received_ms, END_MS);
    ck_assert(uuid_equal(&expect_row(1, "end", "accepted", 0)->bid_id, &commands[0].id));
    ck_assert_uint_eq(batch->event_count, 2);
    expect_event(0, EVENT_STARTED, 0, 0, 0);
    expect_event(1, EVENT_ENDED, 0, 0, 0);
    ck_assert_str_eq(batch->events[0].traceparent, "trace-0");
}
END_TEST

START_TEST(only_a_fence_starts_an_auction_by_a_row_of_its_own)
{
    stored.status = RULES_SCHEDULED;
    add(COMMAND_BID, ANN, 200)->received_ms = END_MS;
    decide();
    ck_assert_uint_eq(batch->row_count, 1);
    ck_assert_int_eq(expect_row(0, "bid", "rejected", ANN)->reason, RULES_AUCTION_ENDED);
    ck_assert_uint_eq(batch->event_count, 1);
    expect_event(0, EVENT_STARTED, 0, 0, 0);
}
END_TEST

START_TEST(a_fence_before_the_end_does_nothing)
{
    stored.status = RULES_SCHEDULED;
    add(COMMAND_FENCE, 0, 0)->received_ms = END_MS - 1;
    add(COMMAND_BID, ANN, 200)->received_ms = START_MS - 1;
    decide();
    ck_assert_uint_eq(batch->row_count, 1);
    ck_assert_int_eq(expect_row(0, "bid", "rejected", ANN)->reason, RULES_AUCTION_NOT_STARTED);
    ck_assert_int_eq(batch->entries[0].work->outcome, WORK_DROPPED);
    ck_assert_uint_eq(batch->event_count, 0);
    ck_assert_int_eq(batch->auctions[0].state.status, RULES_SCHEDULED);
}
END_TEST

START_TEST(close_and_abort_make_their_events)
{
    (void)add(COMMAND_BID, ANN, 200);
    (void)add(COMMAND_CLOSE, ADMIN, 0);
    decide();
    (void)expect_row(1, "close", "accepted", ADMIN);
    expect_event(0, EVENT_ENDED, 0, 200, 0);
    tear_down();
    set_up();
    (void)add(COMMAND_BID, ANN, 200);
    (void)add(COMMAND_ABORT, ADMIN, 0);
    decide();
    (void)expect_row(1, "abort", "accepted", ADMIN);
    ck_assert_uint_eq(batch->event_count, 1);
    expect_event(0, EVENT_CANCELLED, 0, 200, 0);
}
END_TEST

/* --- updates --- */

static struct rules_terms new_terms(void)
{
    return (struct rules_terms){.starting_price = 777,
                                .increments = increments_fixed(7),
                                .snipe_window_ms = 1,
                                .snipe_extension_ms = 2,
                                .snipe_max = 3,
                                .start_ms = START_MS,
                                .end_ms = END_MS + 1};
}

static void decide_update(int64_t version)
{
    struct rules_terms terms = new_terms();
    add(COMMAND_UPDATE, SELLER, 0)->version = version;
    load();
    batch->entries[command_count - 1].terms = &terms;
    decide_batch(batch, NOW_MS);
}

START_TEST(an_update_of_the_present_version_writes_its_terms)
{
    decide_update(VERSION);
    (void)expect_row(0, "update", "accepted", SELLER);
    ck_assert_int_eq(batch->auctions[0].state.starting_price, 777);
    ck_assert_int_eq(batch->auctions[0].state.snipe_window_ms, 1);
    ck_assert_int_eq(batch->auctions[0].state.snipe_extension_ms, 2);
    ck_assert_int_eq(batch->auctions[0].state.end_ms, END_MS + 1);
    ck_assert_int_eq(batch->auctions[0].state.terms_version, 2);
}
END_TEST

START_TEST(a_rejected_update_changes_no_auction)
{
    decide_update(VERSION - 1);
    ck_assert_int_eq(expect_row(0, "update", "rejected", SELLER)->reason, RULES_VERSION_CONFLICT);
    ck_assert_mem_eq(&batch->auctions[0].state, &stored, sizeof stored);
}
END_TEST

START_TEST(an_update_after_another_command_of_its_batch_is_rejected)
{
    add(COMMAND_BID, ANN, 1)->received_ms = BID_MS; /* rejected, but it makes a new version */
    decide_update(VERSION);
    ck_assert_int_eq(expect_row(1, "update", "rejected", SELLER)->reason, RULES_VERSION_CONFLICT);
    ck_assert_mem_eq(&batch->auctions[0].state, &stored, sizeof stored);
}
END_TEST

START_TEST(an_update_without_stored_terms_is_an_internal_error)
{
    add(COMMAND_UPDATE, SELLER, 0)->version = VERSION;
    decide();
    ck_assert_int_eq(expect_row(0, "update", "rejected", SELLER)->reason, RULES_INTERNAL_ERROR);
    ck_assert_mem_eq(&batch->auctions[0].state, &stored, sizeof stored);
    ck_assert_uint_eq(batch->event_count, 0);
}
END_TEST

/* --- commands that the rules cannot decide --- */

START_TEST(a_command_for_an_unknown_auction_is_not_found)
{
    (void)add(COMMAND_BID, ANN, 200);
    (void)add(COMMAND_FENCE, 0, 0);
    (void)add(COMMAND_BID, BOB, 300);
    load();
    batch->auctions[0].found = false;
    batch->entries[2].work->quarantine = WORK_POISON;
    decide_batch(batch, NOW_MS);
    ck_assert_uint_eq(batch->row_count, 2);
    ck_assert_int_eq(expect_row(0, "bid", "rejected", ANN)->reason, RULES_NOT_FOUND);
    ck_assert_int_eq(expect_row(1, "bid", "rejected", BOB)->reason, RULES_INTERNAL_ERROR);
    ck_assert_int_eq(batch->entries[1].work->outcome, WORK_DROPPED);
    ck_assert_uint_eq(batch->event_count, 0);
}
END_TEST

START_TEST(a_broken_auction_rejects_and_quarantines_bids)
{
    (void)add(COMMAND_BID, ANN, 200);
    (void)add(COMMAND_FENCE, 0, 0);
    (void)add(COMMAND_BID, BOB, 300);
    (void)add(COMMAND_START, 0, 0);
    load();
    batch->auctions[0].broken = true;
    batch->entries[2].work->quarantine = WORK_BARE;
    batch->entries[2].work->reason = "before";
    decide_batch(batch, NOW_MS);
    ck_assert_uint_eq(batch->row_count, 2);
    ck_assert_int_eq(expect_row(0, "bid", "rejected", ANN)->reason, RULES_INTERNAL_ERROR);
    ck_assert_int_eq(batch->entries[0].work->quarantine, WORK_POISON);
    ck_assert_str_eq(batch->entries[0].work->reason, "the auction's row is invalid");
    ck_assert_int_eq(batch->entries[1].work->outcome, WORK_DROPPED);
    ck_assert_int_eq(batch->entries[1].work->quarantine, WORK_TRUSTED);
    ck_assert_int_eq(batch->entries[3].work->outcome, WORK_DROPPED);
    ck_assert_int_eq(batch->entries[2].work->quarantine, WORK_BARE);
    ck_assert_str_eq(batch->entries[2].work->reason, "before");
    ck_assert_mem_eq(&batch->auctions[0].state, &stored, sizeof stored);
}
END_TEST

START_TEST(a_higher_quarantine_level_stores_less_of_a_rejected_command)
{
    (void)add(COMMAND_BID, ANN, 200);
    (void)add(COMMAND_BID, BOB, 300);
    (void)add(COMMAND_BID, CYD, 400);
    (void)add(COMMAND_FENCE, 0, 0);
    (void)add(COMMAND_START, 0, 0);
    load();
    batch->entries[0].work->quarantine = WORK_POISON;
    batch->entries[1].work->quarantine = WORK_BARE;
    batch->entries[2].work->quarantine = WORK_UNWRITABLE;
    batch->entries[3].work->quarantine = WORK_POISON;
    batch->entries[4].work->quarantine = WORK_UNWRITABLE;
    decide_batch(batch, NOW_MS);
    ck_assert_uint_eq(batch->row_count, 2);
    const struct batch_row *poison = expect_row(0, "bid", "rejected", ANN);
    const struct batch_row *bare = expect_row(1, "bid", "rejected", BOB);
    expect_amounts(poison, 200, 0);
    ck_assert_int_eq(poison->received_ms, commands[0].received_ms);
    expect_amounts(bare, 0, 0);
    ck_assert_int_eq(bare->received_ms, NOW_MS);
    for (size_t i = 2; i < command_count; i++) {
        ck_assert_int_eq(batch->entries[i].work->outcome, WORK_ASIDE);
    }
    ck_assert_uint_eq(batch->event_count, 0);
}
END_TEST

START_TEST(a_redelivered_command_gets_its_first_decision)
{
    (void)add(COMMAND_BID, ANN, 200);
    add(COMMAND_BID, ANN, 200)->id = command_id(0);
    (void)add(COMMAND_FENCE, 0, 0);
    add(COMMAND_FENCE, 0, 0)->id = command_id(2);
    (void)add(COMMAND_BID, BOB, 900);
    add(COMMAND_BID, BOB, 900)->id = command_id(4);
    load();
    batch->entries[4].work->outcome = WORK_KNOWN; /* known from the ledger */
    batch->entries[4].decision.status = BID_OUTBID;
    decide_batch(batch, NOW_MS);
    ck_assert_uint_eq(batch->row_count, 1);
    ck_assert_int_eq(batch->entries[1].work->outcome, WORK_KNOWN);
    ck_assert_int_eq(batch->entries[1].decision.status, BID_ACCEPTED);
    ck_assert(uuid_equal(&batch->entries[1].decision.bid_id, &commands[0].id));
    ck_assert_int_eq(batch->entries[3].work->outcome, WORK_DROPPED);
    ck_assert_int_eq(batch->entries[5].work->outcome, WORK_KNOWN);
    ck_assert_int_eq(batch->entries[5].decision.status, BID_OUTBID);
}
END_TEST

START_TEST(a_command_without_an_auction_is_set_aside)
{
    add(COMMAND_BID, ANN, 200)->auction_id = (struct uuid){{0}};
    (void)add(COMMAND_BID, BOB, 300);
    add(COMMAND_BID, CYD, 400)->auction_id = (struct uuid){{0}};
    load();
    batch->entries[0].work->quarantine = WORK_POISON;
    batch->entries[2].work->quarantine = WORK_POISON;
    decide_batch(batch, NOW_MS);
    ck_assert_uint_eq(batch->row_count, 1);
    ck_assert_int_eq(batch->entries[0].work->outcome, WORK_ASIDE);
    ck_assert_int_eq(batch->entries[1].work->outcome, WORK_DECIDED);
    ck_assert_int_eq(batch->entries[2].work->outcome, WORK_ASIDE);
}
END_TEST

/* --- voids --- */

START_TEST(a_void_records_its_bid_and_its_event_has_the_new_price)
{
    (void)add(COMMAND_BID, ANN, 200);
    (void)add(COMMAND_BID, BOB, 400);
    add(COMMAND_VOID, ADMIN, 0)->target = command_id(1);
    decide();
    const struct batch_row *row = expect_row(2, "void", "accepted", ADMIN);
    ck_assert(uuid_equal(&row->voids, &commands[1].id));
    expect_amounts(row, 0, 0);
    ck_assert_uint_eq(batch->event_count, 2);
    expect_event(0, EVENT_OUTBID, ANN, 400, 0);
    expect_event(1, EVENT_VOIDED, BOB, 200, 0);
    ck_assert_str_eq(batch->events[1].traceparent, "trace-2");
    ck_assert_int_eq(batch->auctions[0].state.price, 200);
}
END_TEST

START_TEST(a_retraction_is_accepted_within_the_commands_time)
{
    struct command *late = NULL;
    (void)add(COMMAND_BID, ANN, 200);
    late = add(COMMAND_RETRACT, ANN, 0);
    late->target = command_id(0);
    late->since_ms = BID_MS + 1;
    add(COMMAND_RETRACT, ANN, 0)->target = command_id(0);
    decide();
    ck_assert_int_eq(expect_row(1, "retract", "rejected", ANN)->reason, RULES_RETRACT_TOO_LATE);
    (void)expect_row(2, "retract", "accepted", ANN);
    expect_event(0, EVENT_VOIDED, ANN, 0, 0);
    ck_assert(!batch->auctions[0].state.has_leader);
}
END_TEST

/* An accepted bid of the ledger, as loaded for a void. */
static void load_entry(size_t index)
{
    struct rules_command bid = {.kind = COMMAND_BID,
                                .id = commands[index].id,
                                .bidder_id = commands[index].user_id,
                                .amount = commands[index].amount,
                                .received_ms = commands[index].received_ms};
    struct rules_decision accepted = {.verdict = RULES_ACCEPTED, .amount = commands[index].amount};
    ck_assert_ptr_nonnull(voids_add(&batch->auctions[0].voids, &bid, &accepted, (int64_t)index + 1));
    batch->entries[index].work->outcome = WORK_KNOWN;
}

START_TEST(a_void_after_settlement_changes_the_outcome)
{
    for (int sold = 0; sold < 2; sold++) {
        tear_down();
        set_up();
        (void)add(COMMAND_BID, ANN, 200);
        (void)add(COMMAND_BID, BOB, 400);
        decide();
        stored = batch->auctions[0].state;
        stored.status = RULES_SOLD;
        stored.reserve_price = sold == 1 ? 200 : 300;
        batch_clear(batch);
        add(COMMAND_VOID, ADMIN, 0)->target = command_id(1);
        load();
        load_entry(0);
        load_entry(1);
        decide_batch(batch, NOW_MS);
        ck_assert_uint_eq(batch->event_count, 2);
        expect_event(0, EVENT_VOIDED, BOB, 200, 0);
        expect_event(1, EVENT_SETTLED, sold == 1 ? ANN : 0, 200, 0);
        ck_assert_int_eq(batch->auctions[0].state.status, sold == 1 ? RULES_SOLD : RULES_UNSOLD);
    }
}
END_TEST

static void add_rows(TCase *tcase)
{
    tcase_add_test(tcase, a_bid_is_recorded_with_every_field_of_its_command);
    tcase_add_test(tcase, the_decision_equals_the_row);
    tcase_add_test(tcase, a_maximum_is_recorded_with_the_price);
    tcase_add_test(tcase, an_automatic_bid_has_a_row_of_its_own);
    tcase_add_test(tcase, every_kind_of_command_is_decided_by_its_own_rule);
    tcase_add_test(tcase, a_withdrawal_is_recorded_without_amounts);
    tcase_add_test(tcase, banned_bidders_and_other_terms_are_rejected);
    tcase_add_test(tcase, a_purchase_has_the_price_and_ends_the_auction);
    tcase_add_test(tcase, a_purchase_at_another_price_has_no_effect);
}

static void add_events(TCase *tcase)
{
    tcase_add_test(tcase, a_lost_lead_makes_proxy_exhausted_or_outbid);
    tcase_add_test(tcase, only_an_extension_event_has_the_new_end);
    tcase_add_test(tcase, the_window_decides_and_the_extension_sets_the_end);
    tcase_add_test(tcase, an_admins_extension_is_recorded_with_the_requested_end);
    tcase_add_test(tcase, a_bid_after_the_start_time_starts_the_auction);
    tcase_add_test(tcase, a_repeated_start_makes_no_row);
    tcase_add_test(tcase, a_fence_ends_the_auction);
    tcase_add_test(tcase, a_fence_starts_and_ends_a_scheduled_auction);
    tcase_add_test(tcase, only_a_fence_starts_an_auction_by_a_row_of_its_own);
    tcase_add_test(tcase, a_fence_before_the_end_does_nothing);
    tcase_add_test(tcase, close_and_abort_make_their_events);
}

static void add_others(TCase *tcase)
{
    tcase_add_test(tcase, an_update_of_the_present_version_writes_its_terms);
    tcase_add_test(tcase, a_rejected_update_changes_no_auction);
    tcase_add_test(tcase, an_update_after_another_command_of_its_batch_is_rejected);
    tcase_add_test(tcase, an_update_without_stored_terms_is_an_internal_error);
    tcase_add_test(tcase, a_command_for_an_unknown_auction_is_not_found);
    tcase_add_test(tcase, a_broken_auction_rejects_and_quarantines_bids);
    tcase_add_test(tcase, a_higher_quarantine_level_stores_less_of_a_rejected_command);
    tcase_add_test(tcase, a_redelivered_command_gets_its_first_decision);
    tcase_add_test(tcase, a_command_without_an_auction_is_set_aside);
    tcase_add_test(tcase, a_void_records_its_bid_and_its_event_has_the_new_price);
    tcase_add_test(tcase, a_retraction_is_accepted_within_the_commands_time);
    tcase_add_test(tcase, a_void_after_settlement_changes_the_outcome);
}

static Suite *rows_suite(void)
{
    Suite *suite = suite_create("bidworker_rows");
    TCase *tcase = tcase_create("rows");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    add_rows(tcase);
    add_events(tcase);
    add_others(tcase);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(rows_suite());
}
