/*
 * Deciding a batch, without servers: a small struct in memory stands in for PostgreSQL. The main property is that the
 * division into batches has no effect. The same commands give the same ledger and states in one batch, one by one, or
 * in random parts with redeliveries. Also the copies of commands that were set aside.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bidworker/decide.h"
#include "common/protocol/topology.h"
#include "tests/support/batch.h"
#include "tests/support/suite.h"

enum {
    AUCTIONS = 4, /* the last one does not exist */
    USERS = 5,    /* the first is the seller, the last is banned */
    COMMANDS = 80,
    ROWS_MAX = 4 * COMMANDS,
    RUNS = 300,
    START_MS = 10000,
    END_MS = 50000,
    NOW_MS = 90000,
};

static uint64_t random_state;

static int64_t random_below(int64_t end)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((random_state >> 33) % (uint64_t)end);
}

static struct uuid id_of(uint8_t kind, size_t number)
{
    return (struct uuid){.bytes = {[0] = kind, [14] = (uint8_t)(number >> 8), [15] = (uint8_t)(number + 1)}};
}

/* The data that PostgreSQL would hold. */
struct world {
    struct batch_auction auctions[AUCTIONS];
    struct batch_row rows[ROWS_MAX];
    struct voids_standing now[ROWS_MAX]; /* effective state of a row, if a void wrote one */
    bool restated[ROWS_MAX];
    size_t row_count;
    size_t lost_leads;
    size_t ended;
    size_t voided;
};

static struct world one;
static struct world other;
static struct command commands[COMMANDS];

static void world_open(struct world *world)
{
    *world = (struct world){0};
    for (size_t i = 0; i < AUCTIONS; i++) {
        world->auctions[i] = (struct batch_auction){
            .id = id_of('a', i),
            .found = i + 1 < AUCTIONS,
            .version = 1,
            .state =
                {
                    .seller_id = id_of('u', 0),
                    .starting_price = 100,
                    .reserve_price = i == 1 ? 900 : 0,
                    .buy_now_price = 1000,
                    .increments = increments_fixed(50),
                    .snipe_window_ms = 5000,
                    .snipe_extension_ms = 5000,
                    .snipe_max = -1,
                    .start_ms = START_MS,
                    .end_ms = END_MS,
                    .terms_version = 1,
                    .status = i == 2 ? RULES_SCHEDULED : RULES_ACTIVE,
                },
        };
    }
}

static const struct batch_row *world_find(const struct world *world, const struct command *command)
{
    for (size_t i = 0; i < world->row_count; i++) {
        const struct batch_row *row = &world->rows[i];
        if (uuid_equal(&row->auction_id, &command->auction_id) && uuid_equal(&row->bid_id, &command->id)) {
            return row;
        }
    }
    return NULL;
}

static bool world_row_is_of(const struct world *world, size_t index, const struct uuid *auction_id, int64_t seq)
{
    return world->rows[index].seq == seq && uuid_equal(&world->rows[index].auction_id, auction_id);
}

/* The bid of that row with its automatic bid, as the bid worker loads it. */
static void world_load_entry(const struct world *world, struct voids_list *list, size_t index)
{
    const struct batch_row *row = &world->rows[index];
    struct rules_command command = {
        .kind = row->kind, .id = row->bid_id, .bidder_id = row->bidder_id, .received_ms = row->received_ms};
    struct rules_decision decided = {.raise = row->raise, .amount = row->amount};
    if (row->status == BID_REJECTED || row->automatic) {
        return;
    }
    if (command.kind == COMMAND_BID || command.kind == COMMAND_PROXY) {
        command.amount = command.kind == COMMAND_BID ? row->amount : row->max_amount;
    }
    decided.verdict = row->status == BID_OUTBID ? RULES_OUTBID : RULES_ACCEPTED;
    for (size_t i = index + 1; i < world->row_count && decided.verdict == RULES_OUTBID; i++) {
        if (world_row_is_of(world, i, &row->auction_id, row->seq + 1)) {
            decided.automatic = true;
            decided.automatic_bidder = world->rows[i].bidder_id;
            decided.automatic_amount = world->rows[i].amount;
        }
    }
    struct voids_entry *entry = voids_add(list, &command, &decided, row->seq);
    if (entry != NULL && world->restated[index]) {
        entry->standing = world->now[index];
    }
}

static void world_load_entries(const struct world *world, struct batch_auction *auction)
{
    ck_assert(voids_reserve(&auction->voids, ROWS_MAX));
    for (size_t i = 0; i < world->row_count; i++) {
        if (uuid_equal(&world->rows[i].auction_id, &auction->id)) {
            world_load_entry(world, &auction->voids, i);
        }
    }
}

static void world_restate(struct world *world, const struct batch_auction *auction)
{
    for (size_t i = 0; i < auction->voids.count; i++) {
        const struct voids_entry *entry = &auction->voids.entries[i];
        for (size_t k = 0; k < world->row_count && entry->changed; k++) {
            if (world_row_is_of(world, k, &auction->id, entry->seq)) {
                world->now[k] = entry->standing;
                world->restated[k] = true;
            }
        }
    }
}

static void world_load(const struct world *world, struct batch *batch)
{
    struct uuid banned = id_of('u', USERS - 1);
    for (size_t i = 0; i < batch->auction_count; i++) {
        struct batch_auction *auction = &batch->auctions[i];
        const struct batch_auction *stored = &world->auctions[auction->id.bytes[15] - 1];
        auction->found = stored->found;
        auction->seq = stored->seq;
        auction->version = stored->version;
        auction->state = stored->state;
        if (auction->voiding) {
            world_load_entries(world, auction);
        }
    }
    for (size_t i = 0; i < batch->work.count; i++) {
        struct batch_entry *entry = &batch->entries[i];
        entry->work->banned = uuid_equal(&entry->command->user_id, &banned);
        if (world_find(world, entry->command) != NULL) {
            entry->work->outcome = WORK_KNOWN;
        }
    }
}

static void world_commit(struct world *world, const struct batch *batch)
{
    for (size_t i = 0; i < batch->auction_count; i++) {
        struct batch_auction *stored = &world->auctions[batch->auctions[i].id.bytes[15] - 1];
        ck_assert_int_le(batch->auctions[i].version, stored->version + 1);
        stored->seq = batch->auctions[i].seq;
        stored->version = batch->auctions[i].version;
        stored->state = batch->auctions[i].state;
    }
    for (size_t i = 0; i < batch->row_count; i++) {
        ck_assert_uint_lt(world->row_count, ROWS_MAX);
        world->rows[world->row_count++] = batch->rows[i];
    }
    for (size_t i = 0; i < batch->auction_count; i++) {
        world_restate(world, &batch->auctions[i]);
    }
    for (size_t i = 0; i < batch->event_count; i++) {
        enum event_kind kind = batch->events[i].kind;
        world->lost_leads += kind == EVENT_OUTBID || kind == EVENT_PROXY_EXHAUSTED ? 1 : 0;
        world->ended += kind == EVENT_ENDED ? 1 : 0;
        world->voided += kind == EVENT_VOIDED ? 1 : 0;
    }
}

static void world_decide(struct world *world, struct batch *batch, size_t first, size_t count)
{
    batch_clear(batch);
    for (size_t i = 0; i < count; i++) {
        (void)batch_add(batch, NULL, &commands[first + i]);
    }
    batch_prepare(batch);
    world_load(world, batch);
    decide_batch(batch, NOW_MS);
    for (size_t i = 0; i < batch->work.count; i++) {
        ck_assert_int_ne(batch->entries[i].work->outcome, WORK_UNDECIDED);
    }
    world_commit(world, batch);
}

static enum command_kind random_kind(void)
{
    static const enum command_kind rare[] = {COMMAND_BUY,   COMMAND_CANCEL, COMMAND_EXTEND,
                                             COMMAND_CLOSE, COMMAND_ABORT,  COMMAND_REOPEN};
    int64_t chance = random_below(20);
    if (random_below(12) == 0) {
        return random_below(2) == 0 ? COMMAND_VOID : COMMAND_RETRACT;
    }
    if (random_below(25) == 0) {
        return rare[random_below(ARRAY_LEN(rare))];
    }
    if (chance < 10) {
        return COMMAND_BID;
    }
    if (chance < 17) {
        return COMMAND_PROXY;
    }
    return chance == 17 ? COMMAND_WITHDRAW : chance == 18 ? COMMAND_START : COMMAND_FENCE;
}

/* Picks a command before it, mostly an effective bid. */
static void random_target(struct command *command, size_t index)
{
    command->target = id_of('c', index);
    if (index > 0) {
        const struct command *earlier = &commands[random_below((int64_t)index)];
        command->target = earlier->id;
        command->auction_id = earlier->auction_id;
        command->user_id = uuid_is_nil(&earlier->user_id) ? command->user_id : earlier->user_id;
    }
    command->since_ms = command->kind == COMMAND_RETRACT ? command->received_ms - START_MS : 0;
}

static void random_commands(void)
{
    int64_t now_ms = START_MS - 1000;
    for (size_t i = 0; i < COMMANDS; i++) {
        struct command *command = &commands[i];
        now_ms += random_below(1100);
        if (i > 0 && random_below(15) == 0) {
            *command = commands[random_below((int64_t)i)]; /* a redelivery */
            continue;
        }
        *command = (struct command){.kind = random_kind(), .id = id_of('c', i), .received_ms = now_ms};
        command->auction_id = id_of('a', (size_t)random_below(AUCTIONS));
        if (command->kind == COMMAND_BID || command->kind == COMMAND_PROXY) {
            command->amount = 50 + random_below(40) * 25;
        }
        if (command->kind != COMMAND_START && command->kind != COMMAND_FENCE) {
            command->user_id = id_of('u', (size_t)random_below(USERS));
        }
        if (command->kind == COMMAND_EXTEND || command->kind == COMMAND_REOPEN) {
            command->end_ms = now_ms + random_below(END_MS);
        }
        if (command->kind == COMMAND_VOID || command->kind == COMMAND_RETRACT) {
            random_target(command, i);
        }
    }
}

static int compare_rows(const void *left, const void *right)
{
    const struct batch_row *a = left;
    const struct batch_row *b = right;
    int result = uuid_compare(&a->auction_id, &b->auction_id);
    return result != 0 ? result : (a->seq > b->seq) - (a->seq < b->seq);
}

/* The worker gives new ids to the rows that it makes itself. */
static bool made_by_worker(const struct batch_row *row)
{
    return row->bid_id.bytes[0] != 'c';
}

/* To be called before the rows are sorted, because the effective states are not. */
static void expect_same_standings(uint64_t seed)
{
    for (size_t i = 0; i < one.row_count; i++) {
        for (size_t k = 0; k < other.row_count; k++) {
            if (world_row_is_of(&other, k, &one.rows[i].auction_id, one.rows[i].seq)) {
                const struct voids_standing *a = &one.now[i];
                const struct voids_standing *b = &other.now[k];
                bool same = one.restated[i] == other.restated[k] && a->effective == b->effective &&
                            a->raise == b->raise && a->amount == b->amount && a->answered == b->answered &&
                            a->answer_amount == b->answer_amount;
                ck_assert_msg(same, "seed %llu: standing of row %zu", (unsigned long long)seed, i);
            }
        }
    }
}

static void expect_same(uint64_t seed)
{
    ck_assert_msg(one.row_count == other.row_count, "seed %llu: rows", (unsigned long long)seed);
    ck_assert_msg(one.lost_leads == other.lost_leads, "seed %llu: lost leads", (unsigned long long)seed);
    ck_assert_msg(one.ended == other.ended, "seed %llu: ends", (unsigned long long)seed);
    ck_assert_msg(one.voided == other.voided, "seed %llu: voids", (unsigned long long)seed);
    expect_same_standings(seed);
    qsort(one.rows, one.row_count, sizeof one.rows[0], compare_rows);
    qsort(other.rows, other.row_count, sizeof other.rows[0], compare_rows);
    for (size_t i = 0; i < one.row_count; i++) {
        const struct batch_row *a = &one.rows[i];
        const struct batch_row *b = &other.rows[i];
        bool same = compare_rows(a, b) == 0 && a->kind == b->kind && a->automatic == b->automatic &&
                    a->status == b->status && a->reason == b->reason && a->raise == b->raise &&
                    a->amount == b->amount && a->max_amount == b->max_amount &&
                    uuid_equal(&a->bidder_id, &b->bidder_id) &&
                    (made_by_worker(a) ? made_by_worker(b) : uuid_equal(&a->bid_id, &b->bid_id));
        ck_assert_msg(same, "seed %llu: row %zu", (unsigned long long)seed, i);
    }
    for (size_t i = 0; i < AUCTIONS; i++) {
        const struct rules_auction *a = &one.auctions[i].state;
        const struct rules_auction *b = &other.auctions[i].state;
        bool same = a->status == b->status && a->price == b->price && a->end_ms == b->end_ms &&
                    a->bid_count == b->bid_count && a->leader_max == b->leader_max &&
                    uuid_equal(&a->leader_id, &b->leader_id) && a->runner_up_max == b->runner_up_max;
        ck_assert_msg(same, "seed %llu: auction %zu", (unsigned long long)seed, i);
    }
}

START_TEST(the_division_into_batches_has_no_effect)
{
    struct batch *batch = batch_new(COMMANDS);
    ck_assert_ptr_nonnull(batch);
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        random_state = seed;
        random_commands();
        world_open(&one);
        world_decide(&one, batch, 0, COMMANDS);
        world_open(&other);
        for (size_t done = 0; done < COMMANDS;) {
            size_t part = seed % 2 == 0 ? 1 : 1 + (size_t)random_below((int64_t)(COMMANDS - done));
            world_decide(&other, batch, done, part);
            if (random_below(4) == 0) {
                world_decide(&other, batch, done, part); /* a redelivery */
            }
            done += part;
        }
        expect_same(seed);
    }
    batch_free(batch);
}
END_TEST

/* --- commands that are set aside --- */

static struct batch *some_bids(size_t count)
{
    struct batch *batch = batch_new(COMMANDS);
    ck_assert_ptr_nonnull(batch);
    world_open(&one);
    for (size_t i = 0; i < count; i++) {
        commands[i] = (struct command){.kind = COMMAND_BID,
                                       .id = id_of('c', i),
                                       .auction_id = id_of('a', 0),
                                       .user_id = id_of('u', 1 + i % 3),
                                       .amount = (int64_t)(i + 1) * 100,
                                       .received_ms = START_MS};
        (void)batch_add(batch, NULL, &commands[i]);
    }
    batch_prepare(batch);
    world_load(&one, batch);
    return batch;
}

static void set_quarantine(struct batch *batch, size_t index, enum work_quarantine level)
{
    batch->entries[index].work->quarantine = level;
    batch->entries[index].work->reason = "for a test";
}

START_TEST(quarantined_commands_keep_their_place_in_the_ledger)
{
    struct outbox_batch outbox_batch = {0};
    struct batch *batch = some_bids(5);
    set_quarantine(batch, 1, WORK_POISON);
    set_quarantine(batch, 2, WORK_BARE);
    set_quarantine(batch, 3, WORK_UNWRITABLE);
    decide_batch(batch, NOW_MS);
    ck_assert_uint_eq(batch->row_count, 4);
    ck_assert_int_eq(batch->rows[1].reason, RULES_INTERNAL_ERROR);
    ck_assert_int_eq(batch->rows[1].amount, 200);
    ck_assert_int_eq(batch->rows[2].reason, RULES_INTERNAL_ERROR);
    ck_assert_int_eq(batch->rows[2].amount, 0);
    ck_assert_int_eq(batch->rows[3].seq, 4);
    ck_assert_int_eq(batch->rows[3].amount, 500);
    ck_assert_int_eq(batch->entries[3].work->outcome, WORK_ASIDE);
    ck_assert_int_eq(batch->auctions[0].state.bid_count, 2);
    ck_assert(batch_outbox(&outbox_batch, batch));
    ck_assert_uint_eq(outbox_batch.count, 4); /* the events and three copies */
    ck_assert_str_eq(outbox_batch.rows[0].routing_key, TOPOLOGY_KEY_BATCH);
    for (size_t i = 1; i < outbox_batch.count; i++) {
        ck_assert_str_eq(outbox_batch.rows[i].exchange, TOPOLOGY_DEAD_EXCHANGE);
        ck_assert_str_eq(outbox_batch.rows[i].reason, "for a test");
    }
    outbox_batch_free(&outbox_batch);
    batch_free(batch);
}
END_TEST

START_TEST(a_broken_auction_rejects_bids_and_drops_fences)
{
    struct batch *batch = some_bids(3);
    commands[2] = (struct command){
        .kind = COMMAND_FENCE, .id = commands[2].id, .auction_id = commands[2].auction_id, .received_ms = NOW_MS};
    batch->auctions[0].broken = true;
    decide_batch(batch, NOW_MS);
    ck_assert_uint_eq(batch->row_count, 2);
    ck_assert_int_eq(batch->rows[0].reason, RULES_INTERNAL_ERROR);
    ck_assert_int_eq(batch->entries[2].work->outcome, WORK_DROPPED);
    ck_assert_uint_eq(batch->event_count, 0);
    batch_free(batch);
}
END_TEST

START_TEST(ended_events_have_an_outbox_row_of_their_own)
{
    struct outbox_batch outbox_batch = {0};
    struct batch *batch = some_bids(3);
    commands[2] = (struct command){
        .kind = COMMAND_FENCE, .id = commands[2].id, .auction_id = commands[2].auction_id, .received_ms = NOW_MS};
    decide_batch(batch, NOW_MS);
    ck_assert(batch_outbox(&outbox_batch, batch));
    ck_assert_uint_eq(outbox_batch.count, 2);
    ck_assert_str_eq(outbox_batch.rows[0].routing_key, TOPOLOGY_KEY_BATCH);
    ck_assert_str_eq(outbox_batch.rows[1].routing_key, TOPOLOGY_KEY_ENDED);
    ck_assert_ptr_null(outbox_batch.rows[1].reason);
    outbox_batch_free(&outbox_batch);
    batch_free(batch);
}
END_TEST

START_TEST(an_undecodable_command_is_dead_lettered_unchanged)
{
    struct outbox_batch outbox_batch = {0};
    struct batch *batch = some_bids(2);
    commands[1] = (struct command){.kind = COMMAND_BID};
    set_quarantine(batch, 1, WORK_POISON);
    batch->entries[1].work->command.unreadable = "for a test";
    batch->entries[1].work->raw = "{\"v\":1}";
    batch_prepare(batch);
    world_load(&one, batch);
    decide_batch(batch, NOW_MS);
    ck_assert_int_eq(batch->entries[0].work->outcome, WORK_DECIDED);
    ck_assert_int_eq(batch->entries[1].work->outcome, WORK_ASIDE);
    ck_assert(batch_outbox(&outbox_batch, batch));
    ck_assert_uint_eq(outbox_batch.count, 1);
    ck_assert_str_eq(outbox_batch.rows[0].body, "{\"v\":1}");
    outbox_batch_free(&outbox_batch);
    batch_free(batch);
}
END_TEST

/* Also a command that is known, one in quarantine, and one that is repeated. */
START_TEST(nothing_is_decided_on_a_locked_auction)
{
    struct outbox_batch outbox_batch = {0};
    struct batch *batch = some_bids(6);
    struct uuid locked = id_of('a', 1);
    for (size_t i = 1; i < 5; i++) {
        commands[i].auction_id = locked;
    }
    commands[4].id = commands[1].id;
    set_quarantine(batch, 3, WORK_POISON);
    batch_prepare(batch);
    world_load(&one, batch);
    batch->entries[2].work->outcome = WORK_KNOWN;
    struct batch_auction *auction = batch_find_auction(batch, &locked);
    ck_assert_ptr_nonnull(auction);
    auction->found = false;
    auction->locked = true;
    decide_batch(batch, NOW_MS);
    ck_assert_uint_eq(batch->work.locked, 4);
    ck_assert(!auction->touched);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(batch->entries[i].work->outcome, i == 0 || i == 5 ? WORK_DECIDED : WORK_LOCKED);
    }
    ck_assert_uint_eq(batch->row_count, 2);
    ck_assert(uuid_equal(&batch->rows[1].bid_id, &commands[5].id));
    ck_assert(batch_outbox(&outbox_batch, batch));
    for (size_t i = 0; i < outbox_batch.count; i++) {
        ck_assert_str_ne(outbox_batch.rows[i].routing_key, TOPOLOGY_KEY_DEAD_BIDS);
    }
    outbox_batch_free(&outbox_batch);
    batch_prepare(batch);
    ck_assert_uint_eq(batch->work.locked, 0);
    batch_free(batch);
}
END_TEST

START_TEST(of_two_updates_of_the_same_version_one_is_accepted)
{
    struct batch *batch = some_bids(3);
    struct rules_terms *terms = batch_add_terms(batch);
    for (size_t i = 0; i < 3; i++) {
        commands[i] = (struct command){.kind = COMMAND_UPDATE,
                                       .id = commands[i].id,
                                       .auction_id = commands[i].auction_id,
                                       .user_id = id_of('u', 0),
                                       .version = i < 2 ? 1 : 2, /* the version that this batch makes */
                                       .received_ms = START_MS};
        batch->entries[i].terms = terms;
    }
    *terms = (struct rules_terms){
        .starting_price = 777, .increments = increments_fixed(1), .start_ms = START_MS, .end_ms = END_MS};
    decide_batch(batch, NOW_MS);
    ck_assert_uint_eq(batch->row_count, 3);
    ck_assert_int_eq(batch->rows[0].kind, COMMAND_UPDATE);
    ck_assert_int_eq(batch->rows[0].status, BID_ACCEPTED);
    ck_assert_int_eq(batch->rows[1].reason, RULES_VERSION_CONFLICT);
    ck_assert_int_eq(batch->rows[2].reason, RULES_VERSION_CONFLICT);
    ck_assert_int_eq(batch->auctions[0].state.starting_price, 777);
    batch_free(batch);
}
END_TEST

START_TEST(an_update_without_terms_is_rejected)
{
    struct batch *batch = some_bids(1);
    commands[0].kind = COMMAND_UPDATE;
    commands[0].amount = 0;
    commands[0].version = 1;
    decide_batch(batch, NOW_MS);
    ck_assert_uint_eq(batch->row_count, 1);
    ck_assert_int_eq(batch->rows[0].reason, RULES_INTERNAL_ERROR);
    batch_free(batch);
}
END_TEST

START_TEST(a_cancellation_makes_an_event)
{
    struct batch *batch = some_bids(2);
    commands[1].kind = COMMAND_ABORT;
    commands[1].amount = 0;
    decide_batch(batch, NOW_MS);
    ck_assert_int_eq(batch->rows[1].kind, COMMAND_ABORT);
    ck_assert_uint_eq(batch->event_count, 1);
    ck_assert_int_eq(batch->events[0].kind, EVENT_CANCELLED);
    ck_assert_int_eq(batch->events[0].amount, 100);
    batch_free(batch);
}
END_TEST

START_TEST(a_bid_of_the_same_batch_can_be_voided)
{
    struct batch *batch = some_bids(4);
    commands[2].kind = COMMAND_VOID;
    commands[2].amount = 0;
    commands[2].target = commands[1].id;
    commands[3].amount = 200; /* as the voided bid */
    batch_prepare(batch);
    world_load(&one, batch);
    decide_batch(batch, NOW_MS);
    ck_assert_uint_eq(batch->row_count, 4);
    ck_assert_int_eq(batch->rows[2].kind, COMMAND_VOID);
    ck_assert_int_eq(batch->rows[2].status, BID_ACCEPTED);
    ck_assert(uuid_equal(&batch->rows[2].voids, &commands[1].id));
    ck_assert_int_eq(batch->rows[3].status, BID_ACCEPTED);
    ck_assert_int_eq(batch->auctions[0].state.bid_count, 2);
    ck_assert_int_eq(batch->auctions[0].version, 2);
    ck_assert_uint_eq(batch->event_count, 2);
    ck_assert_int_eq(batch->events[1].kind, EVENT_VOIDED);
    ck_assert_int_eq(batch->events[1].amount, 100);
    ck_assert(uuid_equal(&batch->events[1].user_id, &commands[1].user_id));
    batch_free(batch);
}
END_TEST

START_TEST(a_void_after_settlement_changes_the_outcome)
{
    struct batch *batch = some_bids(2);
    decide_batch(batch, NOW_MS);
    world_commit(&one, batch);
    one.auctions[0].state.status = RULES_SOLD;
    commands[2] = (struct command){.kind = COMMAND_VOID,
                                   .id = id_of('c', 2),
                                   .auction_id = commands[0].auction_id,
                                   .user_id = id_of('u', 3),
                                   .target = commands[1].id,
                                   .received_ms = NOW_MS};
    world_decide(&one, batch, 2, 1);
    ck_assert_uint_eq(batch->event_count, 2);
    ck_assert_int_eq(batch->events[1].kind, EVENT_SETTLED);
    ck_assert_int_eq(batch->events[1].amount, 100);
    ck_assert(uuid_equal(&batch->events[1].user_id, &commands[0].user_id));
    ck_assert_int_eq(batch->auctions[0].state.status, RULES_SOLD);
    batch_free(batch);
}
END_TEST

static Suite *decide_suite(void)
{
    Suite *suite = suite_create("bidworker_decide");
    TCase *tcase = tcase_create("decide");
    tcase_add_test(tcase, the_division_into_batches_has_no_effect);
    tcase_add_test(tcase, quarantined_commands_keep_their_place_in_the_ledger);
    tcase_add_test(tcase, a_broken_auction_rejects_bids_and_drops_fences);
    tcase_add_test(tcase, ended_events_have_an_outbox_row_of_their_own);
    tcase_add_test(tcase, an_undecodable_command_is_dead_lettered_unchanged);
    tcase_add_test(tcase, nothing_is_decided_on_a_locked_auction);
    tcase_add_test(tcase, of_two_updates_of_the_same_version_one_is_accepted);
    tcase_add_test(tcase, an_update_without_terms_is_rejected);
    tcase_add_test(tcase, a_cancellation_makes_an_event);
    tcase_add_test(tcase, a_bid_of_the_same_batch_can_be_voided);
    tcase_add_test(tcase, a_void_after_settlement_changes_the_outcome);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(decide_suite());
}
