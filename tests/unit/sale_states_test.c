/*
 * The tables of sale_rules.h: the outcome of each command in each state of a flash sale, and of each command that names
 * an order in each state of the order.
 */
#include <assert.h>

#include "tests/support/flash.h"

enum {
    BEFORE = FLASH_JOIN_MS - 1,
    JOINING = FLASH_JOIN_MS,
    AT = FLASH_NOW_MS,
    DUE = FLASH_NOW_MS + FLASH_RESERVATION_MS,
    AFTER = FLASH_END_MS,
};

/* --- the states of a sale --- */

static void upcoming(void)
{
    flash_begin(2, 1);
}

static void open_sale(void)
{
    flash_begin(2, 1);
    flash_expect_accepted(flash_command(SALE_COMMAND_OPEN, JOINING));
    flash_expect_accepted(flash_join(FLASH_ANN, 1, JOINING));
}

static void active(void)
{
    flash_begin_active(2, 1);
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
}

static void ended(void)
{
    flash_begin_active(2, 1);
    flash_expect_accepted(flash_order(FLASH_CYD, 1, FLASH_END_MS - 1));
    flash_expect_accepted(flash_join(FLASH_ANN, 1, FLASH_END_MS - 1));
    flash_expect_accepted(flash_command(SALE_COMMAND_FENCE, AFTER));
}

static void settled(void)
{
    active();
    flash_expect_accepted(flash_command(SALE_COMMAND_FENCE, AFTER));
}

static void sold_out(void)
{
    flash_begin_active(1, 1);
    flash_expect_accepted(flash_order(FLASH_CYD, 1, AT));
    struct uuid order = flash_id();
    flash_expect_accepted(flash_join(FLASH_ANN, 1, AT));
    flash_expect_accepted(flash_confirm(FLASH_CYD, order, AT));
}

static void cancelled(void)
{
    active();
    flash_expect_accepted(flash_command(SALE_COMMAND_ABORT, AT));
}

static const struct {
    enum sale_status status;
    void (*reach)(void);
    int64_t at_ms; /* of the command */
} states[] = {
    {SALE_UPCOMING, upcoming, BEFORE}, {SALE_OPEN, open_sale, JOINING}, {SALE_ACTIVE, active, AT + 1},
    {SALE_ENDED, ended, AFTER + 1},    {SALE_SETTLED, settled, AFTER},  {SALE_SOLD_OUT, sold_out, AT},
    {SALE_CANCELLED, cancelled, AT},
};
static_assert(ARRAY_LEN(states) == SALE_STATUS_COUNT, "each state of a sale is tested");

/* --- commands in each state of a sale --- */

static const struct sale_terms later = {
    .price = 7,
    .quantity = 2,
    .per_user_limit = 1,
    .join_ms = FLASH_JOIN_MS + 1,
    .start_ms = FLASH_START_MS,
    .end_ms = FLASH_END_MS,
    .turn_ms = 1,
    .reservation_ms = 1,
};

#define NONE SALE_REASON_NONE
#define YES                                                                                                            \
    {                                                                                                                  \
        SALE_VERDICT_ACCEPTED, NONE                                                                                    \
    }
#define DROP                                                                                                           \
    {                                                                                                                  \
        SALE_VERDICT_DROPPED, NONE                                                                                     \
    }
#define NO(code)                                                                                                       \
    {                                                                                                                  \
        SALE_VERDICT_REJECTED, SALE_REASON_##code                                                                      \
    }
#define OVER NO(SALE_ENDED), NO(SALE_ENDED), NO(SOLD_OUT), NO(SALE_CANCELLED)

/* In the order of `states`. By Ann, who has a place, except JOIN and ORDER, which are by Bob. */
static const struct {
    enum sale_command_kind kind;
    struct {
        enum sale_verdict verdict;
        enum sale_reason reason;
    } outcomes[SALE_STATUS_COUNT];
} commands[] = {
    {SALE_COMMAND_OPEN, {DROP, DROP, DROP, DROP, DROP, DROP, DROP}},
    {SALE_COMMAND_START, {DROP, DROP, DROP, DROP, DROP, DROP, DROP}},
    {SALE_COMMAND_JOIN, {NO(SALE_NOT_OPEN), YES, YES, OVER}},
    {SALE_COMMAND_LEAVE, {NO(NOT_IN_QUEUE), YES, YES, OVER}},
    {SALE_COMMAND_ORDER, {NO(SALE_NOT_STARTED), NO(SALE_NOT_STARTED), YES, OVER}},
    {SALE_COMMAND_CONFIRM,
     {NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND)}},
    {SALE_COMMAND_FAIL,
     {NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND)}},
    {SALE_COMMAND_CANCEL,
     {NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND)}},
    {SALE_COMMAND_EXPIRE, {DROP, DROP, YES, YES, DROP, DROP, DROP}},
    {SALE_COMMAND_FENCE, {YES, YES, YES, DROP, DROP, DROP, DROP}},
    {SALE_COMMAND_UPDATE, {YES, NO(SALE_ALREADY_OPEN), NO(SALE_ALREADY_OPEN), OVER}},
    {SALE_COMMAND_EXTEND, {YES, YES, YES, OVER}},
    {SALE_COMMAND_CLOSE, {NO(SALE_NOT_STARTED), NO(SALE_NOT_STARTED), YES, OVER}},
    {SALE_COMMAND_ABORT, {YES, YES, YES, OVER}},
};
static_assert(ARRAY_LEN(commands) == SALE_COMMAND_KIND_COUNT - 1, "each command is tested");

static struct sale_command command_of(enum sale_command_kind kind, int64_t at_ms)
{
    bool by_bob = kind == SALE_COMMAND_JOIN || kind == SALE_COMMAND_ORDER;
    bool later_on = kind == SALE_COMMAND_EXPIRE || kind == SALE_COMMAND_FENCE;
    return (struct sale_command){
        .kind = kind,
        .user_id = flash_user(by_bob ? FLASH_BOB : FLASH_ANN),
        .quantity = 1,
        .order_id = {{0xee}},
        .received_ms = later_on ? FLASH_LATER_MS : at_ms,
        .end_ms = FLASH_END_MS + 1,
        .terms = &later,
    };
}

START_TEST(each_command_has_its_outcome_in_each_state_of_the_sale)
{
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        states[i].reach();
        flash_expect_status(states[i].status);
        struct sale before = flash.sale;
        struct sale_decision decision = flash_send(command_of(commands[_i].kind, states[i].at_ms));
        ck_assert_msg(
            decision.verdict == commands[_i].outcomes[i].verdict && decision.reason == commands[_i].outcomes[i].reason,
            "%s in a sale that is %s: %s %s", sale_command_text(commands[_i].kind), sale_status_text(states[i].status),
            sale_verdict_text(decision.verdict), sale_reason_text(decision.reason));
        bool row = decision.verdict != SALE_VERDICT_DROPPED;
        ck_assert_int_eq(flash.sale.ledger_seq > before.ledger_seq, row);
        if (decision.verdict != SALE_VERDICT_ACCEPTED) {
            ck_assert(flash.sale.status == before.status && flash.sale.claimed == before.claimed &&
                      flash.sale.reserved == before.reserved && flash.sale.sold == before.sold &&
                      flash.sale.waiting == before.waiting && flash.sale.terms.end_ms == before.terms.end_ms);
            ck_assert_uint_eq(flash.changed_entry_count, 0);
        }
    }
}
END_TEST

/* --- the states of an order --- */

static struct uuid reserve(void)
{
    flash_begin_active(2, 1);
    flash_expect_accepted(flash_order(FLASH_ANN, 1, AT));
    return flash_id();
}

static struct uuid confirmed_order(void)
{
    struct uuid id = reserve();
    flash_expect_accepted(flash_confirm(FLASH_ANN, id, AT));
    return id;
}

static struct uuid cancelled_order(void)
{
    struct uuid id = reserve();
    flash_expect_accepted(flash_cancel(FLASH_ANN, id, AT));
    return id;
}

static struct uuid failed_order(void)
{
    struct uuid id = reserve();
    flash.sale.terms.payment = SALE_PAYMENT_CALLBACK;
    flash_expect_accepted(flash_fail(id, AT));
    return id;
}

static struct uuid expired_order(void)
{
    struct uuid id = reserve();
    flash_expect_accepted(flash_command(SALE_COMMAND_EXPIRE, DUE));
    return id;
}

static struct uuid rejected_order(void)
{
    flash_begin_active(2, 1);
    flash_expect_rejected(flash_order(FLASH_ANN, 2, AT), SALE_REASON_LIMIT_REACHED);
    return flash_id();
}

static struct uuid refund_order(void)
{
    struct uuid id = cancelled_order();
    flash.sale.terms.payment = SALE_PAYMENT_CALLBACK;
    flash_expect_accepted(flash_pay(id, FLASH_PRICE, AT));
    return id;
}

static struct uuid refunded_order(void)
{
    struct uuid id = refund_order();
    flash.orders[0].status = SALE_ORDER_REFUNDED; /* by an admin */
    return id;
}

enum { BY_BUYER, BY_PAYMENT, FAILS, CANCELS, WAYS };

static const struct {
    enum sale_order_status status;
    struct uuid (*reach)(void);
    struct {
        enum sale_verdict verdict;
        enum sale_reason reason;
        enum sale_order_status then;
    } outcomes[WAYS];
} orders[] = {
#define THEN(outcome_verdict, outcome_reason, name)                                                                    \
    {                                                                                                                  \
        outcome_verdict, outcome_reason, SALE_ORDER_##name                                                             \
    }
#define ACCEPT(name)  THEN(SALE_VERDICT_ACCEPTED, NONE, name)
#define KEEP(name)    THEN(SALE_VERDICT_UNCHANGED, NONE, name)
#define CLOSED(name)  THEN(SALE_VERDICT_REJECTED, SALE_REASON_ORDER_CLOSED, name)
#define EXPIRED(name) THEN(SALE_VERDICT_REJECTED, SALE_REASON_RESERVATION_EXPIRED, name)
    {SALE_ORDER_RESERVED, reserve, {ACCEPT(CONFIRMED), ACCEPT(CONFIRMED), ACCEPT(FAILED), ACCEPT(CANCELLED)}},
    {SALE_ORDER_CONFIRMED, confirmed_order, {KEEP(CONFIRMED), CLOSED(CONFIRMED), CLOSED(CONFIRMED), CLOSED(CONFIRMED)}},
    {SALE_ORDER_CANCELLED,
     cancelled_order,
     {CLOSED(CANCELLED), ACCEPT(REFUND_DUE), CLOSED(CANCELLED), KEEP(CANCELLED)}},
    {SALE_ORDER_FAILED, failed_order, {CLOSED(FAILED), ACCEPT(CONFIRMED), KEEP(FAILED), CLOSED(FAILED)}},
    {SALE_ORDER_EXPIRED, expired_order, {EXPIRED(EXPIRED), ACCEPT(CONFIRMED), EXPIRED(EXPIRED), EXPIRED(EXPIRED)}},
    {SALE_ORDER_REJECTED, rejected_order, {CLOSED(REJECTED), CLOSED(REJECTED), CLOSED(REJECTED), CLOSED(REJECTED)}},
    {SALE_ORDER_REFUND_DUE,
     refund_order,
     {CLOSED(REFUND_DUE), CLOSED(REFUND_DUE), CLOSED(REFUND_DUE), CLOSED(REFUND_DUE)}},
    {SALE_ORDER_REFUNDED, refunded_order, {CLOSED(REFUNDED), CLOSED(REFUNDED), CLOSED(REFUNDED), CLOSED(REFUNDED)}},
};
static_assert(ARRAY_LEN(orders) == SALE_ORDER_STATUS_COUNT - 1, "each state of an order but `pending` is tested");

static struct sale_decision send_to(int way, struct uuid id)
{
    flash.sale.terms.payment = way == BY_PAYMENT || way == FAILS ? SALE_PAYMENT_CALLBACK : SALE_PAYMENT_NONE;
    switch (way) {
    case BY_BUYER:
        return flash_confirm(FLASH_ANN, id, AT);
    case BY_PAYMENT:
        return flash_pay(id, flash_order_of(id)->total_price, AT);
    case FAILS:
        return flash_fail(id, AT);
    default:
        return flash_cancel(FLASH_ANN, id, AT);
    }
}

START_TEST(each_command_has_its_outcome_in_each_state_of_the_order)
{
    for (int way = 0; way < WAYS; way++) {
        struct uuid id = orders[_i].reach();
        flash_expect_order(id, orders[_i].status);
        struct sale_decision decision = send_to(way, id);
        ck_assert_msg(decision.verdict == orders[_i].outcomes[way].verdict &&
                          decision.reason == orders[_i].outcomes[way].reason,
                      "%s, way %d: %s %s", sale_order_text(orders[_i].status), way, sale_verdict_text(decision.verdict),
                      sale_reason_text(decision.reason));
        flash_expect_order(id, orders[_i].outcomes[way].then);
        bool changed = decision.verdict == SALE_VERDICT_ACCEPTED;
        ck_assert_uint_eq(flash.changed_order_count, changed);
    }
}
END_TEST

/* An order that ABORT cancelled is still stored as reserved. */
START_TEST(an_aborted_order_is_a_cancelled_one)
{
    for (int way = 0; way < WAYS; way++) {
        struct uuid id = reserve();
        flash_expect_accepted(flash_command(SALE_COMMAND_ABORT, AT));
        struct sale_decision decision = send_to(way, id);
        ck_assert(decision.verdict == orders[2].outcomes[way].verdict &&
                  decision.reason == orders[2].outcomes[way].reason);
        flash_expect_order(id, orders[2].outcomes[way].then);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sale_states");
    TCase *tcase = tcase_create("states");
    tcase_add_checked_fixture(tcase, NULL, flash_tear_down);
    tcase_add_loop_test(tcase, each_command_has_its_outcome_in_each_state_of_the_sale, 0, (int)ARRAY_LEN(commands));
    tcase_add_loop_test(tcase, each_command_has_its_outcome_in_each_state_of_the_order, 0, (int)ARRAY_LEN(orders));
    tcase_add_test(tcase, an_aborted_order_is_a_cancelled_one);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
