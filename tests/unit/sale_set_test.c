/*
 * The working set of a flash sale: what has to be loaded, what is written, and the bounds of a transaction. A sale with
 * all rows in memory and one of which each transaction loads only what it needs must decide the same.
 */
#include "common/rules/sale_set.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/rules/sale_check.h"
#include "tests/support/flash.h"
#include "tests/support/sale_store.h"

enum {
    AT = FLASH_NOW_MS,
    UNITS = 1200,
    USERS = 1600,
    BATCH = 100,
    ROUNDS = 60, /* of random batches */
    SEEDS = 6,
};

static struct sale_store store;
static struct sale_set part;
static uint64_t random_state;

static int64_t random_between(int64_t least, int64_t most)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return least + (int64_t)((random_state >> 33) % (uint64_t)(most - least + 1));
}

static void set_up(void)
{
    flash_begin(UNITS, 2);
    flash.sale.terms.payment = SALE_PAYMENT_CALLBACK;
    store_begin(&store, &flash.sale.terms);
}

static void tear_down(void)
{
    flash_tear_down();
    sale_set_free(&part);
}

static struct uuid large_id(uint8_t kind, size_t number)
{
    return (struct uuid){
        .bytes = {[0] = kind, [13] = (uint8_t)(number >> 16), [14] = (uint8_t)(number >> 8), [15] = (uint8_t)number}};
}

/* --- the same transactions on both --- */

static size_t transact(struct sale_set *set, const struct sale_command *commands, size_t count)
{
    size_t decided = 0;
    sale_advance(set);
    while (decided < count && !sale_grant_due(set)) {
        (void)sale_decide(set, &commands[decided]);
        decided++;
    }
    const char *violated = sale_check(set);
    if (violated != NULL) {
        ck_abort_msg("%s", violated);
    }
    return decided;
}

static void expect_same_rows(void)
{
    ck_assert_uint_eq(part.row_count, flash.row_count);
    for (size_t i = 0; i < part.row_count; i++) {
        const struct sale_row *a = &part.rows[i];
        const struct sale_row *b = &flash.rows[i];
        if (a->seq != b->seq || a->kind != b->kind || a->verdict != b->verdict || a->reason != b->reason ||
            a->quantity != b->quantity || a->place != b->place || !uuid_equal(&a->user_id, &b->user_id) ||
            a->decided_ms != b->decided_ms) {
            ck_abort_msg("row %lld differs", (long long)b->seq);
        }
    }
    ck_assert_uint_eq(part.changed_entry_count, flash.changed_entry_count);
    ck_assert_uint_eq(part.changed_order_count, flash.changed_order_count);
}

/* Decides the commands, in as many transactions as they need. Returns the number of transactions. */
static int decide_all(const struct sale_command *commands, size_t count, int64_t decided_ms)
{
    size_t decided = 0;
    int transactions = 0;
    do {
        sale_set_written(&flash, decided_ms);
        bool ready = sale_set_ready(&flash, count - decided);
        ck_assert(ready);
        size_t here = transact(&flash, &commands[decided], count - decided);
        store_load(&store, &part, &commands[decided], count - decided, decided_ms);
        ck_assert_uint_eq(transact(&part, &commands[decided], count - decided), here);
        expect_same_rows();
        store_write(&store, &part);
        ck_assert_uint_le(flash.grants, SALE_GRANTS_MAX);
        decided += here;
        transactions++;
    } while (decided < count || sale_grant_due(&flash));
    return transactions;
}

static int decide_one(enum sale_command_kind kind, int64_t at_ms)
{
    struct sale_command command = {.kind = kind, .id = {{0xdd, (uint8_t)kind}}, .received_ms = at_ms};
    return decide_all(&command, 1, at_ms);
}

static void everybody_joins(void)
{
    struct sale_command commands[BATCH];
    for (size_t i = 0; i < USERS; i++) {
        commands[i % BATCH] = (struct sale_command){.kind = SALE_COMMAND_JOIN,
                                                    .id = large_id(1, i),
                                                    .user_id = large_id(2, i),
                                                    .quantity = 1,
                                                    .received_ms = FLASH_JOIN_MS};
        if (i % BATCH == BATCH - 1) {
            ck_assert_int_eq(decide_all(commands, BATCH, FLASH_JOIN_MS), 1);
        }
    }
    ck_assert_int_eq(flash.sale.waiting, USERS);
}

START_TEST(a_transaction_grants_a_bounded_number_of_turns)
{
    everybody_joins();
    ck_assert_int_eq(decide_one(SALE_COMMAND_START, FLASH_START_MS), 3); /* 500 + 500 + 200 */
    ck_assert_int_eq(flash.sale.claimed, UNITS);
    ck_assert_int_eq(flash.sale.waiting, USERS - UNITS);
    ck_assert_int_eq(flash.sale.ledger_seq, USERS + 1 + UNITS);
    ck_assert_uint_eq(flash.grants, 200);
}
END_TEST

START_TEST(no_command_is_decided_before_the_turns_that_are_left)
{
    struct sale_command commands[] = {
        {.kind = SALE_COMMAND_START, .id = large_id(3, 1), .received_ms = FLASH_START_MS},
        {.kind = SALE_COMMAND_ORDER,
         .id = large_id(3, 2),
         .user_id = large_id(2, UNITS - 1),
         .quantity = 1,
         .received_ms = FLASH_START_MS},
    };
    everybody_joins();
    ck_assert_int_eq(decide_all(commands, ARRAY_LEN(commands), FLASH_START_MS), 3);
    ck_assert_int_eq(flash.sale.reserved, 1); /* the user of the last turn had it when the order was decided */
    ck_assert(store.rows[store.row_count - 1].kind == SALE_COMMAND_ORDER);
}
END_TEST

START_TEST(an_expiry_ends_a_bounded_number_of_turns_and_reservations)
{
    struct sale_command expire = {
        .kind = SALE_COMMAND_EXPIRE, .id = {{0xdd}}, .received_ms = FLASH_START_MS + FLASH_TURN_MS};
    everybody_joins();
    (void)decide_one(SALE_COMMAND_START, FLASH_START_MS);
    sale_set_written(&flash, expire.received_ms);
    ck_assert(sale_set_ready(&flash, 1));
    struct sale_decision decision = sale_apply(&flash, &expire);
    ck_assert(decision.unfinished);
    ck_assert_int_eq(decision.quantity, SALE_EXPIRE_MAX);
    for (size_t i = 0; i < SALE_EXPIRE_MAX; i++) {
        ck_assert_int_eq(flash.entries[i].status, SALE_ENTRY_EXPIRED);
    }
    ck_assert_int_eq(flash.entries[SALE_EXPIRE_MAX].status, SALE_ENTRY_TURN);
}
END_TEST

START_TEST(repeated_expiries_end_all_that_is_due)
{
    static const int64_t claimed[] = {UNITS - 100, UNITS - 600, UNITS - 800};
    everybody_joins();
    (void)decide_one(SALE_COMMAND_START, FLASH_START_MS);
    for (size_t i = 0; i < ARRAY_LEN(claimed); i++) { /* 400 wait and get a turn */
        (void)decide_one(SALE_COMMAND_EXPIRE, FLASH_START_MS + FLASH_TURN_MS);
        ck_assert_int_eq(flash.sale.claimed, claimed[i]);
    }
    ck_assert_int_eq(flash.sale.waiting, 0);
    size_t rows = store.row_count;
    (void)decide_one(SALE_COMMAND_EXPIRE, FLASH_START_MS + FLASH_TURN_MS);
    ck_assert_uint_eq(store.row_count, rows);
}
END_TEST

/* More than SALE_EXPIRE_MAX reservations of 600 users. */
START_TEST(reservations_expire_in_the_order_of_the_ledger)
{
    struct sale_command commands[BATCH];
    struct sale_command expire = {
        .kind = SALE_COMMAND_EXPIRE, .id = large_id(3, 1), .received_ms = AT + FLASH_RESERVATION_MS};
    (void)decide_one(SALE_COMMAND_START, FLASH_START_MS);
    for (size_t i = 0; i < 600; i++) {
        commands[i % BATCH] = (struct sale_command){.kind = SALE_COMMAND_ORDER,
                                                    .id = large_id(4, i),
                                                    .user_id = large_id(2, i),
                                                    .quantity = 2,
                                                    .received_ms = AT};
        if (i % BATCH == BATCH - 1) {
            (void)decide_all(commands, BATCH, AT);
        }
    }
    ck_assert_int_eq(flash.sale.reserved, UNITS);
    sale_set_written(&flash, expire.received_ms);
    ck_assert(sale_set_ready(&flash, 1));
    struct sale_decision decision = sale_decide(&flash, &expire);
    ck_assert(decision.unfinished);
    ck_assert_int_eq(decision.quantity, UNITS - 200);
    ck_assert_int_eq(flash.sale.reserved, 200);
    ck_assert_int_eq(flash.orders[SALE_EXPIRE_MAX - 1].status, SALE_ORDER_EXPIRED);
    ck_assert_int_eq(flash.orders[SALE_EXPIRE_MAX].status, SALE_ORDER_RESERVED);
    sale_set_written(&flash, expire.received_ms);
    ck_assert(sale_set_ready(&flash, 1));
    ck_assert(!sale_apply(&flash, &expire).unfinished);
    ck_assert_int_eq(flash.sale.reserved, 0);
}
END_TEST

static struct sale_command random_command(size_t number, int64_t now_ms)
{
    static const enum sale_command_kind kinds[] = {
        SALE_COMMAND_JOIN,  SALE_COMMAND_JOIN,    SALE_COMMAND_JOIN,    SALE_COMMAND_LEAVE,  SALE_COMMAND_ORDER,
        SALE_COMMAND_ORDER, SALE_COMMAND_CONFIRM, SALE_COMMAND_CONFIRM, SALE_COMMAND_CANCEL, SALE_COMMAND_FAIL};
    struct sale_command command = {
        .kind =
            random_between(1, 60) == 1 ? SALE_COMMAND_EXPIRE : kinds[random_between(0, (int64_t)ARRAY_LEN(kinds) - 1)],
        .id = large_id(5, number),
        .user_id = large_id(2, (size_t)random_between(0, USERS - 1)),
        .quantity = random_between(1, 2),
        .received_ms = now_ms - random_between(0, 3000),
    };
    if (flash.order_count > 0) {
        size_t at = (size_t)random_between(0, (int64_t)flash.order_count - 1);
        command.order_id = random_between(1, 9) == 1 ? large_id(9, 9) : flash.orders[at].id;
        command.amount = flash.orders[at].total_price;
    }
    command.paid = command.kind == SALE_COMMAND_CONFIRM;
    if (command.paid || command.kind == SALE_COMMAND_FAIL) {
        command.user_id = (struct uuid){{0}};
    }
    return command;
}

/* Long lines, and batches in which turns, orders and expiries of the same users meet. */
START_TEST(what_a_batch_needs_is_enough)
{
    struct sale_command commands[BATCH];
    int64_t now_ms = FLASH_START_MS;
    size_t number = 0;
    random_state = (uint64_t)_i;
    flash.sale.terms.quantity = 300; /* so that most users wait */
    store_begin(&store, &flash.sale.terms);
    everybody_joins();
    (void)decide_one(SALE_COMMAND_START, FLASH_START_MS);
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = (size_t)random_between(1, BATCH);
        now_ms += random_between(0, FLASH_TURN_MS / 4);
        for (size_t i = 0; i < count; i++) {
            commands[i] = random_command(number, now_ms);
            number++;
        }
        (void)decide_all(commands, count, now_ms);
    }
    ck_assert_uint_eq(store.entry_count, flash.entry_count);
    ck_assert_uint_eq(store.order_count, flash.order_count);
    ck_assert_int_eq(store.sale.sold, flash.sale.sold);
    ck_assert_int_gt(flash.sale.sold, 0);
}
END_TEST

/* --- loading --- */

static void begin_part(int64_t waiting, int64_t claimed)
{
    struct sale sale = {.terms = flash.sale.terms,
                        .status = SALE_ACTIVE,
                        .waiting = waiting,
                        .claimed = claimed,
                        .ledger_seq = 50,
                        .decided_ms = AT};
    sale.terms.quantity = 2;
    sale_set_begin(&part, &sale, AT - 9, false);
}

static void add_entry(int64_t seq, size_t user, enum sale_entry_status status)
{
    struct sale_entry entry = {.seq = seq,
                               .user_id = large_id(2, user),
                               .wanted = 1,
                               .status = status,
                               .claim = status == SALE_ENTRY_TURN,
                               .expires_ms = status == SALE_ENTRY_TURN ? AT + 5 : 0,
                               .added = true,
                               .changed = true};
    ck_assert(sale_set_add_entry(&part, &entry));
}

START_TEST(rows_may_be_loaded_twice_and_in_any_order)
{
    struct uuid user = large_id(2, 3);
    begin_part(2, 0);
    add_entry(9, 3, SALE_ENTRY_WAITING);
    add_entry(4, 2, SALE_ENTRY_WAITING);
    add_entry(9, 3, SALE_ENTRY_WAITING);
    ck_assert(sale_set_add_user(&part, &user, 0) && sale_set_add_user(&part, &user, 0));
    ck_assert(sale_set_ready(&part, 1));
    ck_assert_uint_eq(part.entry_count, 2);
    ck_assert_uint_eq(part.user_count, 1);
    ck_assert_int_eq(sale_set_head(&part)->seq, 4);
    ck_assert_int_eq(sale_set_live_entry(&part, sale_set_user(&part, &user))->seq, 9);
    ck_assert(!part.entries[0].added && !part.entries[0].changed);
    ck_assert_ptr_null(sale_check(&part));
    ck_assert_int_eq(part.decided_ms, AT);
    sale_advance(&part);
    ck_assert_uint_eq(part.changed_entry_count, 2);
    ck_assert(!part.entries[0].added && part.entries[0].changed);
    ck_assert_int_eq(part.rows[0].place, 4);
    ck_assert_int_eq(part.rows[0].seq, 51);
    ck_assert_int_eq(part.rows[1].place, 9);
}
END_TEST

START_TEST(a_line_in_which_nobody_waits_has_no_head)
{
    flash_tear_down();
    flash_begin_active(1, 1);
    ck_assert_ptr_null(sale_set_head(&flash));
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    flash_expect_entry(FLASH_ANN, SALE_ENTRY_TURN);
    ck_assert_ptr_null(sale_set_head(&flash));
}
END_TEST

START_TEST(orders_may_be_loaded_twice_and_in_any_order)
{
    struct sale_order orders[] = {
        {.id = large_id(4, 2), .seq = 8, .quantity = 1, .status = SALE_ORDER_RESERVED, .expires_ms = AT, .added = true},
        {.id = large_id(4, 1), .seq = 7, .quantity = 1, .status = SALE_ORDER_RESERVED, .expires_ms = AT},
        {.id = large_id(4, 2), .seq = 8, .quantity = 1, .status = SALE_ORDER_RESERVED, .expires_ms = AT},
    };
    struct uuid absent = large_id(4, 3);
    begin_part(0, 0);
    part.sale.reserved = 2;
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        ck_assert(sale_set_add_order(&part, &orders[i]));
    }
    ck_assert(sale_set_add_no_order(&part, &absent));
    ck_assert(sale_set_ready(&part, 1));
    ck_assert_uint_eq(part.order_count, 2);
    ck_assert_int_eq(sale_set_order(&part, &orders[0].id)->seq, 8);
    ck_assert_int_eq(sale_set_order(&part, &orders[1].id)->seq, 7);
    ck_assert(!part.orders[1].added);
    ck_assert_ptr_null(sale_set_order(&part, &absent));
    ck_assert_ptr_null(sale_check(&part));
}
END_TEST

START_TEST(an_order_that_was_absent_can_be_made_in_the_same_batch)
{
    struct uuid user = large_id(2, 1);
    struct sale_command order = {
        .kind = SALE_COMMAND_ORDER, .id = large_id(4, 1), .user_id = user, .quantity = 1, .received_ms = AT};
    begin_part(0, 0);
    ck_assert(sale_set_add_user(&part, &user, 0) && sale_set_add_no_order(&part, &order.id));
    ck_assert(sale_set_ready(&part, 1));
    flash_expect_accepted(sale_decide(&part, &order));
    ck_assert_ptr_nonnull(sale_set_order(&part, &order.id));
}
END_TEST

START_TEST(what_is_written_is_no_longer_marked)
{
    struct uuid user = large_id(2, 3);
    begin_part(1, 0);
    add_entry(9, 3, SALE_ENTRY_WAITING);
    ck_assert(sale_set_add_user(&part, &user, 0));
    ck_assert(sale_set_ready(&part, 1));
    ck_assert(!part.changed);
    sale_advance(&part);
    ck_assert(part.changed && part.entries[0].changed && part.grants == 1);
    sale_set_written(&part, AT + 7);
    ck_assert(!part.changed && !part.entries[0].changed && part.grants == 0);
    ck_assert_uint_eq(part.changed_entry_count + part.row_count, 0);
    ck_assert_int_eq(part.decided_ms, AT + 7);
    struct sale_command order = {
        .kind = SALE_COMMAND_ORDER, .id = large_id(4, 1), .user_id = user, .quantity = 1, .received_ms = AT};
    ck_assert(sale_set_ready(&part, 1));
    flash_expect_accepted(sale_decide(&part, &order));
    ck_assert(part.orders[0].added && part.orders[0].changed);
    sale_set_written(&part, AT + 7);
    ck_assert(!part.orders[0].added && !part.orders[0].changed);
}
END_TEST

START_TEST(each_command_says_what_it_needs)
{
    struct sale_needs needs = sale_needs_none();
    struct sale_command command = {.kind = SALE_COMMAND_JOIN, .received_ms = 900, .refused_ms = 100};
    ck_assert_uint_eq(needs.heads, SALE_GRANTS_MAX);
    ck_assert_uint_eq(needs.due, 0);
    ck_assert_int_eq(needs.due_ms, INT64_MIN);
    sale_needs_add(&needs, &command);
    ck_assert_uint_eq(needs.heads, SALE_GRANTS_MAX + 1);
    ck_assert_uint_eq(needs.due, 1);
    ck_assert_int_eq(needs.due_ms, INT64_MIN);
    command.kind = SALE_COMMAND_EXPIRE;
    sale_needs_add(&needs, &command);
    ck_assert_uint_eq(needs.heads, SALE_GRANTS_MAX + 2);
    ck_assert_uint_eq(needs.due, SALE_EXPIRE_MAX + 2);
    ck_assert_int_eq(needs.due_ms, 800);
    command.received_ms = 850;
    sale_needs_add(&needs, &command);
    ck_assert_int_eq(needs.due_ms, 800);
    for (int kind = 1; kind < SALE_COMMAND_KIND_COUNT; kind++) {
        bool user = kind == SALE_COMMAND_JOIN || kind == SALE_COMMAND_LEAVE || kind == SALE_COMMAND_ORDER;
        bool order = kind == SALE_COMMAND_CONFIRM || kind == SALE_COMMAND_FAIL || kind == SALE_COMMAND_CANCEL;
        command.kind = (enum sale_command_kind)kind;
        ck_assert_int_eq(sale_needs_of(&command), user    ? SALE_NEEDS_USER
                                                  : order ? SALE_NEEDS_ORDER
                                                          : SALE_NEEDS_NOTHING);
    }
}
END_TEST

START_TEST(a_set_has_bounds)
{
    ck_assert(!sale_set_ready(&flash, SALE_SET_ITEMS_MAX + 1));
    ck_assert(!sale_set_ready(&flash, SIZE_MAX));
    ck_assert(!sale_set_ready(&flash, SALE_SET_ITEMS_MAX)); /* no room for the turns' rows */
    ck_assert(sale_set_ready(&flash, 1));
}
END_TEST

/* --- errors of the caller --- */

/* Whether it violates an assertion; in a child process. */
static bool aborts(void (*act)(void))
{
    int status = 0;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        act();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void decide_part(enum sale_command_kind kind, int64_t at_ms)
{
    struct sale_command command = {.kind = kind,
                                   .id = large_id(4, 1),
                                   .user_id = large_id(2, 1),
                                   .quantity = 1,
                                   .order_id = large_id(4, 2),
                                   .received_ms = at_ms};
    (void)sale_decide(&part, &command);
}

static void make_ready(void)
{
    bool ready = sale_set_ready(&part, 1);
    ck_assert(ready);
}

static void decide_without_the_user(void)
{
    begin_part(0, 0);
    make_ready();
    decide_part(SALE_COMMAND_JOIN, AT);
}

static void decide_without_the_order(void)
{
    begin_part(0, 0);
    make_ready();
    decide_part(SALE_COMMAND_CANCEL, AT);
}

static void advance_without_the_line(void)
{
    begin_part(1, 0);
    make_ready();
    sale_advance(&part);
}

/* The set knows the place of one user, but not the places before it. */
static void advance_past_what_was_loaded(void)
{
    begin_part(2, 0);
    add_entry(9, 3, SALE_ENTRY_WAITING);
    sale_set_loaded_until(&part, 8, INT64_MAX, INT64_MAX);
    make_ready();
    sale_advance(&part);
}

/* It may not be the first one that waits. */
static void advance_to_a_place_behind_what_was_loaded(void)
{
    begin_part(1, 0);
    add_entry(9, 3, SALE_ENTRY_WAITING);
    sale_set_loaded_until(&part, 8, INT64_MAX, INT64_MAX);
    make_ready();
    sale_advance(&part);
}

static void expire_past_the_turns_that_were_loaded(void)
{
    begin_part(0, 1);
    add_entry(9, 3, SALE_ENTRY_TURN);
    sale_set_loaded_until(&part, INT64_MAX, 8, INT64_MAX);
    make_ready();
    decide_part(SALE_COMMAND_EXPIRE, AT + 5);
}

static void expire_without_the_turns(void)
{
    begin_part(0, 1);
    sale_set_loaded_until(&part, INT64_MAX, 8, INT64_MAX);
    make_ready();
    decide_part(SALE_COMMAND_EXPIRE, AT + 5);
}

static void expire_without_the_reservations(void)
{
    begin_part(0, 0);
    sale_set_loaded_until(&part, INT64_MAX, INT64_MAX, 8);
    make_ready();
    decide_part(SALE_COMMAND_EXPIRE, AT + 5);
}

static void decide_before_turns_that_are_due(void)
{
    begin_part(1, 0);
    add_entry(9, 3, SALE_ENTRY_WAITING);
    make_ready();
    decide_part(SALE_COMMAND_FENCE, AT);
}

static void decide_before_it_is_ready(void)
{
    begin_part(0, 0);
    decide_part(SALE_COMMAND_FENCE, AT);
}

static void decide_no_command(void)
{
    begin_part(0, 0);
    make_ready();
    decide_part(SALE_COMMAND_NONE, AT);
}

START_TEST(what_was_not_loaded_is_never_guessed)
{
    static void (*const acts[])(void) = {
        decide_without_the_user,
        decide_without_the_order,
        advance_without_the_line,
        advance_past_what_was_loaded,
        advance_to_a_place_behind_what_was_loaded,
        expire_past_the_turns_that_were_loaded,
        expire_without_the_turns,
        expire_without_the_reservations,
        decide_before_turns_that_are_due,
        decide_before_it_is_ready,
        decide_no_command,
    };
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        ck_assert_msg(aborts(acts[i]), "act %zu", i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sale_set");
    TCase *tcase = tcase_create("set");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_transaction_grants_a_bounded_number_of_turns);
    tcase_add_test(tcase, no_command_is_decided_before_the_turns_that_are_left);
    tcase_add_test(tcase, an_expiry_ends_a_bounded_number_of_turns_and_reservations);
    tcase_add_test(tcase, repeated_expiries_end_all_that_is_due);
    tcase_add_test(tcase, reservations_expire_in_the_order_of_the_ledger);
    tcase_add_loop_test(tcase, what_a_batch_needs_is_enough, 0, SEEDS);
    tcase_add_test(tcase, rows_may_be_loaded_twice_and_in_any_order);
    tcase_add_test(tcase, a_line_in_which_nobody_waits_has_no_head);
    tcase_add_test(tcase, orders_may_be_loaded_twice_and_in_any_order);
    tcase_add_test(tcase, an_order_that_was_absent_can_be_made_in_the_same_batch);
    tcase_add_test(tcase, what_is_written_is_no_longer_marked);
    tcase_add_test(tcase, each_command_says_what_it_needs);
    tcase_add_test(tcase, a_set_has_bounds);
    tcase_add_test(tcase, what_was_not_loaded_is_never_guessed);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
