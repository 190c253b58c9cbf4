/*
 * Random flash sales against an oracle (tests/support/sale_oracle.h) that shares no code with the rules.
 *
 * Every sale is decided three times. First command by command with all rows in memory; each outcome and the state after
 * it are compared with the oracle. Then in random batches from a store, of which only what the batch needs is loaded.
 * Last by replaying the ledger of the first. All three must have the same ledger and rows. The invariants are checked
 * after every command.
 *
 * Times come from a narrow range around start, end and the times when turns and reservations run out, with jumps and
 * with a clock that falls back. A failure prints the seed; a seed gives the same sale on every machine. ROSTRUM_SEED
 * gives another first seed.
 */
#include "common/rules/sale_rules.h"

#include <stdlib.h>
#include <string.h>

#include "common/rules/sale_check.h"
#include "tests/support/sale_oracle.h"
#include "tests/support/sale_store.h"
#include "tests/support/suite.h"

enum {
    USERS = 6,
    COMMANDS = 80,
    BATCH_MAX = 9,
    SALES = 12000,
    BLOCKS = 20, /* test cases that share them */
    JOIN_MS = 1000,
    START_MS = 1400,
    END_MS = 5500,
};

/* ck_assert reports each assertion to the parent process, which costs more than the rest. So only failures call it. */
#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            ck_abort_msg(__VA_ARGS__);                                                                                 \
        }                                                                                                              \
    } while (0)

/* Special values, and seeds that once failed. They run apart so that their names are in the output. */
static const uint64_t SEEDS[] = {0, 1, 42, UINT64_C(0xdeadbeef), UINT64_C(0xffffffffffffffff)};

static uint64_t random_state;
static struct sale_set whole;
static struct sale_set part;
static struct sale_set replayed;
static struct sale_store store;
static struct sale_oracle oracle;
static struct sale_row ledger[STORE_ROWS_MAX];
static size_t ledger_count;
static uint64_t seed;

/* What has occurred in a block of sales, so that a change of the random commands cannot leave out a case. */
static bool seen_reasons[SALE_REASON_COUNT];
static bool seen_kinds[SALE_COMMAND_KIND_COUNT]; /* accepted */
static bool seen_statuses[SALE_STATUS_COUNT];
static bool seen_refund;
static bool seen_unchanged;

static uint64_t random_next(void)
{
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t value = random_state;
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static int64_t random_between(int64_t least, int64_t most)
{
    return least + (int64_t)(random_next() % (uint64_t)(most - least + 1));
}

static bool random_one_in(int64_t chances)
{
    return random_between(1, chances) == 1;
}

static struct uuid user(int64_t number)
{
    return (struct uuid){.bytes = {[7] = 0x5e, [15] = (uint8_t)(number + 1)}};
}

static struct uuid command_id(size_t number)
{
    return (struct uuid){.bytes = {[0] = 0xc0, [14] = (uint8_t)(number >> 8), [15] = (uint8_t)number}};
}

static struct sale_terms random_terms(void)
{
    int64_t quantity = random_between(1, random_one_in(3) ? ORACLE_UNITS_MAX : 5);
    return (struct sale_terms){
        .price = random_between(1, 500),
        .quantity = quantity,
        .per_user_limit = random_between(1, 4),
        .join_ms = JOIN_MS,
        .start_ms = random_one_in(5) ? JOIN_MS : START_MS + random_between(-100, 100),
        .end_ms = END_MS + random_between(-2500, 1500),
        .turn_ms = random_between(1, 900),
        .reservation_ms = random_between(1, 1200),
        .payment = random_one_in(2) ? SALE_PAYMENT_NONE : SALE_PAYMENT_CALLBACK,
    };
}

static enum sale_command_kind random_kind(void)
{
    static const struct {
        int below;
        enum sale_command_kind kind;
    } dice[] = {
        {36, SALE_COMMAND_JOIN},   {42, SALE_COMMAND_LEAVE},   {72, SALE_COMMAND_ORDER},   {100, SALE_COMMAND_CONFIRM},
        {107, SALE_COMMAND_FAIL},  {114, SALE_COMMAND_CANCEL}, {136, SALE_COMMAND_EXPIRE}, {138, SALE_COMMAND_OPEN},
        {140, SALE_COMMAND_START}, {143, SALE_COMMAND_FENCE},  {146, SALE_COMMAND_UPDATE}, {149, SALE_COMMAND_EXTEND},
        {150, SALE_COMMAND_CLOSE}, {151, SALE_COMMAND_ABORT},
    };
    int64_t thrown = random_between(0, 150);
    size_t i = 0;
    while (thrown >= dice[i].below) {
        i++;
    }
    if (dice[i].kind == SALE_COMMAND_ABORT && !random_one_in(3)) {
        return SALE_COMMAND_CONFIRM; /* a sale that is over decides little */
    }
    return dice[i].kind;
}

/* A time near one at which something begins or runs out. */
static int64_t random_edge(int64_t now_ms)
{
    const struct sale_terms *terms = &oracle.terms;
    switch (random_between(0, 4)) {
    case 0:
        return oracle.order_count > 0 ? oracle.orders[random_between(0, (int64_t)oracle.order_count - 1)].until_ms
                                      : terms->join_ms;
    case 1:
        return oracle.place_count > 0 ? oracle.places[random_between(0, (int64_t)oracle.place_count - 1)].until_ms
                                      : terms->start_ms;
    case 2:
        return terms->end_ms;
    case 3:
        return terms->start_ms;
    default:
        return now_ms;
    }
}

/* Names an order, often by the right user, often one that is still reserved. */
static void choose_order(struct sale_command *command)
{
    command->order_id = command_id(COMMANDS); /* there is none */
    for (int tries = 0; tries < 8 && oracle.order_count > 0; tries++) {
        const struct oracle_order *order = &oracle.orders[random_between(0, (int64_t)oracle.order_count - 1)];
        command->order_id = order->id;
        command->user_id = random_one_in(12) ? command->user_id : order->user;
        command->amount = order->total;
        if (order->status == SALE_ORDER_RESERVED || (order->status != SALE_ORDER_REJECTED && random_one_in(2))) {
            break;
        }
    }
    command->amount += random_one_in(15) ? random_between(-1, 1) : 0;
    command->paid =
        command->kind == SALE_COMMAND_CONFIRM && (oracle.terms.payment == SALE_PAYMENT_CALLBACK) != random_one_in(15);
    if (command->paid || command->kind == SALE_COMMAND_FAIL) {
        command->user_id = (struct uuid){{0}};
    }
}

/* Writes the terms of an UPDATE to `terms`. */
static struct sale_command random_command(size_t number, int64_t now_ms, struct sale_terms *terms)
{
    struct sale_command command = {
        .kind = random_kind(),
        .id = command_id(number),
        .user_id = user(random_between(0, USERS - 1)),
        .quantity = random_between(random_one_in(20) ? 0 : 1, random_one_in(3) ? 5 : 2),
        .received_ms = now_ms - random_between(0, 60),
        .refused_ms = random_one_in(8) ? random_between(1, 300) : 0,
        .banned = random_one_in(25),
        .stale = random_one_in(4),
        .end_ms = oracle.terms.end_ms + random_between(-100, 900),
        .terms = terms,
    };
    *terms = random_terms();
    if (random_one_in(6)) {
        terms->end_ms = terms->start_ms; /* invalid */
    }
    if (!oracle.opened && random_one_in(6)) {
        command.kind = SALE_COMMAND_UPDATE;
    }
    if (random_one_in(3)) {
        command.received_ms = random_edge(now_ms) + random_between(-1, 1);
    }
    switch (command.kind) {
    case SALE_COMMAND_CONFIRM:
    case SALE_COMMAND_FAIL:
    case SALE_COMMAND_CANCEL:
        choose_order(&command);
        break;
    case SALE_COMMAND_JOIN:
    case SALE_COMMAND_LEAVE:
    case SALE_COMMAND_ORDER:
        break;
    default:
        command.user_id = (struct uuid){{0}};
        break;
    }
    return command;
}

/* --- comparing --- */

static void compare_answer(const struct sale_decision *decision, const struct oracle_answer *due, size_t number)
{
    CHECK(decision->verdict == due->verdict && decision->reason == due->reason &&
              decision->payment_unused == due->unused,
          "seed %llu, command %zu: %s %s, should be %s %s", (unsigned long long)seed, number,
          sale_verdict_text(decision->verdict), sale_reason_text(decision->reason), sale_verdict_text(due->verdict),
          sale_reason_text(due->reason));
}

static void note(const struct sale_decision *decision, enum sale_command_kind kind)
{
    seen_reasons[decision->reason] = true;
    seen_kinds[kind] = seen_kinds[kind] || decision->verdict == SALE_VERDICT_ACCEPTED;
    seen_statuses[whole.sale.status] = true;
    seen_refund = seen_refund || decision->refund_due;
    seen_unchanged = seen_unchanged || decision->verdict == SALE_VERDICT_UNCHANGED;
}

static void compare_sale(size_t number)
{
    const struct sale *sale = &whole.sale;
    CHECK(sale->status == oracle_status(&oracle), "seed %llu, command %zu: the sale is %s, should be %s",
          (unsigned long long)seed, number, sale_status_text(sale->status), sale_status_text(oracle_status(&oracle)));
    CHECK(sale->claimed == oracle_units(&oracle, ORACLE_TURN) &&
              sale->reserved == oracle_units(&oracle, ORACLE_RESERVED) &&
              sale->sold == oracle_units(&oracle, ORACLE_SOLD) &&
              sale_free(sale) == oracle_units(&oracle, ORACLE_FREE) && sale->waiting == oracle_waiting(&oracle) &&
              sale->ledger_seq == oracle.seq && sale->decided_ms == oracle.row_ms &&
              whole.decided_ms == oracle.now_ms && sale->terms.end_ms == oracle.terms.end_ms,
          "seed %llu, command %zu: the counters differ", (unsigned long long)seed, number);
}

static void compare_places(size_t number)
{
    CHECK(whole.entry_count == oracle.place_count, "seed %llu, command %zu: %zu entries", (unsigned long long)seed,
          number, whole.entry_count);
    for (size_t i = 0; i < oracle.place_count; i++) {
        const struct sale_entry *entry = &whole.entries[i];
        const struct oracle_place *place = &oracle.places[i];
        bool turn = place->status == SALE_ENTRY_TURN;
        CHECK(entry->seq == place->seq && uuid_equal(&entry->user_id, &place->user) && entry->wanted == place->wanted &&
                  sale_entry_effective(&whole.sale, entry) == place->status && entry->expires_ms == place->until_ms &&
                  (!turn || entry->claim == oracle_claim(&oracle, i)),
              "seed %llu, command %zu: entry %zu differs", (unsigned long long)seed, number, i);
    }
}

static void compare_orders(size_t number)
{
    CHECK(whole.order_count == oracle.order_count, "seed %llu, command %zu: %zu orders", (unsigned long long)seed,
          number, whole.order_count);
    for (size_t i = 0; i < oracle.order_count; i++) {
        const struct sale_order *order = &whole.orders[i];
        const struct oracle_order *due = &oracle.orders[i];
        CHECK(uuid_equal(&order->id, &due->id) && uuid_equal(&order->user_id, &due->user) &&
                  order->quantity == due->quantity && order->total_price == due->total &&
                  order->reason == due->reason && sale_order_effective(&whole.sale, order) == due->status &&
                  order->expires_ms == due->until_ms && uuid_equal(&order->payment_id, &due->payment),
              "seed %llu, command %zu: order %zu differs", (unsigned long long)seed, number, i);
    }
}

static void check_invariants(const struct sale_set *set, size_t number)
{
    const char *violated = sale_check(set);
    CHECK(violated == NULL, "seed %llu, command %zu: %s", (unsigned long long)seed, number, violated);
}

static bool same_row(const struct sale_row *a, const struct sale_row *b)
{
    return a->seq == b->seq && uuid_equal(&a->command_id, &b->command_id) && a->kind == b->kind &&
           a->verdict == b->verdict && a->reason == b->reason && uuid_equal(&a->user_id, &b->user_id) &&
           a->quantity == b->quantity && a->place == b->place && uuid_equal(&a->order_id, &b->order_id) &&
           a->paid == b->paid && a->amount == b->amount && a->end_ms == b->end_ms && a->refused_ms == b->refused_ms &&
           a->received_ms == b->received_ms && a->decided_ms == b->decided_ms;
}

static bool same_terms(const struct sale_terms *a, const struct sale_terms *b)
{
    return a->price == b->price && a->quantity == b->quantity && a->per_user_limit == b->per_user_limit &&
           a->join_ms == b->join_ms && a->start_ms == b->start_ms && a->end_ms == b->end_ms &&
           a->turn_ms == b->turn_ms && a->reservation_ms == b->reservation_ms && a->payment == b->payment;
}

static bool same_sale(const struct sale *a, const struct sale *b)
{
    return same_terms(&a->terms, &b->terms) && a->status == b->status && a->claimed == b->claimed &&
           a->reserved == b->reserved && a->sold == b->sold && a->waiting == b->waiting &&
           a->ledger_seq == b->ledger_seq && a->decided_ms == b->decided_ms;
}

static void compare_rows(const struct sale_row *rows, size_t count, const char *which)
{
    CHECK(count == ledger_count, "seed %llu: %s has %zu rows, should be %zu", (unsigned long long)seed, which, count,
          ledger_count);
    for (size_t i = 0; i < count; i++) {
        CHECK(same_row(&rows[i], &ledger[i]), "seed %llu: row %zu of %s differs", (unsigned long long)seed, i + 1,
              which);
    }
}

static void compare_tables(const struct sale_entry *entries, size_t entry_count, const struct sale_order *orders,
                           size_t order_count, const char *which)
{
    CHECK(entry_count == whole.entry_count && order_count == whole.order_count, "seed %llu: %s has other rows",
          (unsigned long long)seed, which);
    for (size_t i = 0; i < entry_count; i++) {
        CHECK(entries[i].seq == whole.entries[i].seq && entries[i].status == whole.entries[i].status &&
                  entries[i].claim == whole.entries[i].claim && entries[i].wanted == whole.entries[i].wanted &&
                  entries[i].expires_ms == whole.entries[i].expires_ms,
              "seed %llu: entry %zu of %s differs", (unsigned long long)seed, i, which);
    }
    for (size_t i = 0; i < order_count; i++) {
        CHECK(orders[i].seq == whole.orders[i].seq && orders[i].status == whole.orders[i].status &&
                  orders[i].quantity == whole.orders[i].quantity &&
                  orders[i].expires_ms == whole.orders[i].expires_ms &&
                  orders[i].total_price == whole.orders[i].total_price && orders[i].reason == whole.orders[i].reason &&
                  uuid_equal(&orders[i].payment_id, &whole.orders[i].payment_id),
              "seed %llu: order %zu of %s differs", (unsigned long long)seed, i, which);
    }
}

/* --- deciding --- */

struct sent {
    struct sale_command command;
    struct sale_terms terms;
    int64_t decided_ms;
};

static struct sent sent[COMMANDS];

static void keep_rows(const struct sale_set *set)
{
    CHECK(ledger_count + set->row_count <= STORE_ROWS_MAX, "too many rows");
    memcpy(&ledger[ledger_count], set->rows, set->row_count * sizeof *set->rows);
    ledger_count += set->row_count;
}

static void decide_one_by_one(const struct sale_terms *terms)
{
    struct sale sale = {.terms = *terms};
    int64_t now_ms = JOIN_MS - random_between(0, 100);
    size_t in_batch = 0;
    sale_set_begin(&whole, &sale, 0, true);
    oracle_begin(&oracle, terms);
    ledger_count = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (in_batch == 0) {
            now_ms += random_one_in(10) ? random_between(-200, 900) : random_between(0, 130);
            in_batch = (size_t)random_between(1, BATCH_MAX);
        }
        in_batch--;
        sent[i].decided_ms = now_ms;
        sent[i].command = random_command(i, now_ms, &sent[i].terms);
        sent[i].command.terms = &sent[i].terms;
        sale_set_written(&whole, now_ms);
        bool ready = sale_set_ready(&whole, 1);
        CHECK(ready, "no memory");
        struct sale_decision decision = sale_decide(&whole, &sent[i].command);
        struct oracle_answer due = oracle_decide(&oracle, &sent[i].command, now_ms);
        compare_answer(&decision, &due, i);
        note(&decision, sent[i].command.kind);
        compare_sale(i);
        compare_places(i);
        compare_orders(i);
        check_invariants(&whole, i);
        keep_rows(&whole);
    }
}

/* One transaction from the store. Returns how many commands it has decided. */
static size_t decide_batch(size_t first, size_t count)
{
    struct sale_command commands[COMMANDS] = {0};
    size_t decided = 0;
    for (size_t i = 0; i < count; i++) {
        commands[i] = sent[first + i].command;
    }
    store_load(&store, &part, commands, count, sent[first].decided_ms);
    sale_advance(&part);
    while (decided < count && !sale_grant_due(&part)) {
        (void)sale_decide(&part, &commands[decided]);
        check_invariants(&part, first + decided);
        decided++;
    }
    store_write(&store, &part);
    return decided;
}

/* The commands of one batch have the same time. */
static void decide_in_batches(const struct sale_terms *terms)
{
    size_t first = 0;
    store_begin(&store, terms);
    while (first < COMMANDS) {
        size_t count = 1;
        while (first + count < COMMANDS && sent[first + count].decided_ms == sent[first].decided_ms) {
            count++;
        }
        size_t decided = 0;
        while (decided < count) {
            decided += decide_batch(first + decided, random_one_in(3) ? 1 : count - decided);
        }
        first += count;
    }
}

/* The command of a ledger row. Terms of an update are kept elsewhere. */
static struct sale_command command_of_row(const struct sale_row *row)
{
    return (struct sale_command){
        .kind = row->kind,
        .id = row->command_id,
        .user_id = row->paid || row->kind == SALE_COMMAND_FAIL ? (struct uuid){{0}} : row->user_id,
        .quantity = row->quantity,
        .order_id = row->order_id,
        .paid = row->paid,
        .amount = row->amount,
        .received_ms = row->received_ms,
        .refused_ms = row->refused_ms,
        .banned = row->reason == SALE_REASON_USER_BANNED,
        .stale = row->reason == SALE_REASON_VERSION_CONFLICT,
        .end_ms = row->end_ms,
        .terms = &sent[row->command_id.bytes[15]].terms,
    };
}

static void replay(const struct sale_terms *terms)
{
    struct sale sale = {.terms = *terms};
    sale_set_begin(&replayed, &sale, 0, true);
    for (size_t i = 0; i < ledger_count; i++) {
        sale_set_written(&replayed, ledger[i].decided_ms);
        bool ready = sale_set_ready(&replayed, 1);
        CHECK(ready, "no memory");
        if (ledger[i].kind == SALE_COMMAND_NONE) {
            sale_grant(&replayed);
        } else {
            struct sale_command command = command_of_row(&ledger[i]);
            (void)sale_apply(&replayed, &command);
        }
        CHECK(replayed.row_count == 1, "seed %llu: row %zu is dropped in the replay", (unsigned long long)seed, i + 1);
        CHECK(same_row(&replayed.rows[0], &ledger[i]), "seed %llu: row %zu differs in the replay",
              (unsigned long long)seed, i + 1);
    }
}

static void play(uint64_t number)
{
    seed = number;
    random_state = number;
    struct sale_terms terms = random_terms();
    decide_one_by_one(&terms);
    decide_in_batches(&terms);
    compare_rows(store.rows, store.row_count, "the store");
    compare_tables(store.entries, store.entry_count, store.orders, store.order_count, "the store");
    replay(&terms);
    compare_tables(replayed.entries, replayed.entry_count, replayed.orders, replayed.order_count, "the replay");
    CHECK(same_sale(&replayed.sale, &whole.sale) && same_sale(&store.sale, &whole.sale),
          "seed %llu: the sale's row differs", (unsigned long long)seed);
}

static void tear_down(void)
{
    sale_set_free(&whole);
    sale_set_free(&part);
    sale_set_free(&replayed);
}

static uint64_t first_seed(void)
{
    const char *text = getenv("ROSTRUM_SEED");
    return text == NULL ? 1000 : strtoull(text, NULL, 10);
}

START_TEST(rules_and_oracle_agree_on_random_sales)
{
    for (uint64_t i = 0; i < SALES / BLOCKS; i++) {
        play(first_seed() + (uint64_t)_i * (SALES / BLOCKS) + i);
    }
    for (int i = 0; i < SALE_REASON_COUNT; i++) {
        ck_assert_msg(seen_reasons[i] || i == SALE_REASON_INTERNAL_ERROR, "no command was rejected %s",
                      sale_reason_text((enum sale_reason)i));
    }
    for (int i = 1; i < SALE_COMMAND_KIND_COUNT; i++) {
        ck_assert_msg(seen_kinds[i], "no %s was accepted", sale_command_text((enum sale_command_kind)i));
    }
    for (int i = 0; i < SALE_STATUS_COUNT; i++) {
        ck_assert_msg(seen_statuses[i], "no sale was %s", sale_status_text((enum sale_status)i));
    }
    ck_assert(seen_refund && seen_unchanged);
}
END_TEST

START_TEST(rules_and_oracle_agree_on_special_seeds)
{
    play(SEEDS[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sale_property_test");
    TCase *tcase = tcase_create("sale_property_test");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_loop_test(tcase, rules_and_oracle_agree_on_special_seeds, 0, (int)ARRAY_LEN(SEEDS));
    tcase_add_loop_test(tcase, rules_and_oracle_agree_on_random_sales, 0, BLOCKS);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
