/*
 * Which commands to a flash sale the gateway refuses by a snapshot. Each refusal is also what the rules of flash sales
 * decide; a command that they might accept is never refused.
 */
#include <check.h>

#include "common/rules/sale_rules.h"
#include "gateway/sale/sale_refusal.h"
#include "tests/support/suite.h"

enum { JOIN_MS = 1000, START_MS = 2000, END_MS = 9000, LIMIT = 2, QUANTITY = 5 };

static struct sale_snapshot a_snapshot(enum sale_status status)
{
    return (struct sale_snapshot){
        .version = 1,
        .sale = {.terms = {.price = 100,
                           .quantity = QUANTITY,
                           .per_user_limit = LIMIT,
                           .join_ms = JOIN_MS,
                           .start_ms = START_MS,
                           .end_ms = END_MS,
                           .turn_ms = 1000,
                           .reservation_ms = 1000},
                 .status = status,
                 .sold = status == SALE_SOLD_OUT ? QUANTITY : 0},
    };
}

static const struct {
    enum sale_command_kind kind;
    enum sale_status status;
    int64_t now_ms;
    int64_t quantity;
    enum sale_reason reason;
} cases[] = {
    {SALE_COMMAND_JOIN, SALE_UPCOMING, JOIN_MS - 1, 1, SALE_REASON_SALE_NOT_OPEN},
    {SALE_COMMAND_JOIN, SALE_UPCOMING, JOIN_MS, 1, SALE_REASON_NONE},
    {SALE_COMMAND_JOIN, SALE_UPCOMING, JOIN_MS, LIMIT + 1, SALE_REASON_LIMIT_REACHED},
    {SALE_COMMAND_JOIN, SALE_OPEN, JOIN_MS - 1, LIMIT, SALE_REASON_NONE},
    {SALE_COMMAND_JOIN, SALE_ACTIVE, END_MS + 1, 1, SALE_REASON_NONE},
    {SALE_COMMAND_JOIN, SALE_ENDED, END_MS, 1, SALE_REASON_SALE_ENDED},
    {SALE_COMMAND_JOIN, SALE_SETTLED, END_MS, 1, SALE_REASON_SALE_ENDED},
    {SALE_COMMAND_JOIN, SALE_SOLD_OUT, START_MS, 1, SALE_REASON_SOLD_OUT},
    {SALE_COMMAND_JOIN, SALE_CANCELLED, START_MS, 1, SALE_REASON_SALE_CANCELLED},
    {SALE_COMMAND_ORDER, SALE_UPCOMING, START_MS - 1, 1, SALE_REASON_SALE_NOT_STARTED},
    {SALE_COMMAND_ORDER, SALE_OPEN, START_MS - 1, 1, SALE_REASON_SALE_NOT_STARTED},
    {SALE_COMMAND_ORDER, SALE_OPEN, START_MS, 1, SALE_REASON_NONE},
    {SALE_COMMAND_ORDER, SALE_ACTIVE, START_MS - 1, 1, SALE_REASON_NONE},
    {SALE_COMMAND_ORDER, SALE_ACTIVE, END_MS + 1, LIMIT + 1, SALE_REASON_NONE},
    {SALE_COMMAND_ORDER, SALE_SOLD_OUT, START_MS, 1, SALE_REASON_SOLD_OUT},
    {SALE_COMMAND_ORDER, SALE_ENDED, END_MS, 1, SALE_REASON_SALE_ENDED},
    {SALE_COMMAND_ORDER, SALE_CANCELLED, END_MS, 1, SALE_REASON_SALE_CANCELLED},
    {SALE_COMMAND_LEAVE, SALE_UPCOMING, JOIN_MS - 1, 0, SALE_REASON_NONE},
    {SALE_COMMAND_LEAVE, SALE_ENDED, END_MS, 0, SALE_REASON_SALE_ENDED},
    {SALE_COMMAND_CONFIRM, SALE_ENDED, END_MS, 0, SALE_REASON_NONE},
    {SALE_COMMAND_CANCEL, SALE_CANCELLED, END_MS, 0, SALE_REASON_NONE},
};

START_TEST(a_command_is_refused_only_if_it_is_certain_to_be_rejected)
{
    const struct sale_snapshot snapshot = a_snapshot(cases[_i].status);
    const struct sale_command command = {.kind = cases[_i].kind,
                                         .id = {{1}},
                                         .user_id = {{2}},
                                         .quantity = cases[_i].quantity,
                                         .received_ms = cases[_i].now_ms};
    ck_assert_int_eq(sale_refusal_of(&snapshot, &command, cases[_i].now_ms), cases[_i].reason);
}
END_TEST

START_TEST(the_rules_reject_what_is_refused_for_the_same_reason)
{
    struct sale_set set = {.complete = false};
    const struct sale_snapshot snapshot = a_snapshot(cases[_i].status);
    const struct sale_command command = {.kind = cases[_i].kind,
                                         .id = {{1}},
                                         .user_id = {{2}},
                                         .quantity = cases[_i].quantity,
                                         .received_ms = cases[_i].now_ms};
    if (cases[_i].reason != SALE_REASON_NONE) {
        sale_set_begin(&set, &snapshot.sale, cases[_i].now_ms, true);
        ck_assert(sale_set_ready(&set, 1));
        struct sale_decision decision = sale_decide(&set, &command);
        ck_assert_int_eq(decision.verdict, SALE_VERDICT_REJECTED);
        ck_assert_int_eq(decision.reason, cases[_i].reason);
        sale_set_free(&set);
    }
}
END_TEST

START_TEST(while_new_terms_are_queued_only_the_end_refuses)
{
    struct sale_snapshot snapshot = a_snapshot(SALE_UPCOMING);
    const struct sale_command join = {.kind = SALE_COMMAND_JOIN, .quantity = LIMIT + 1, .received_ms = JOIN_MS - 1};
    const struct sale_command order = {.kind = SALE_COMMAND_ORDER, .quantity = 1, .received_ms = JOIN_MS - 1};
    snapshot.updating = true;
    ck_assert_int_eq(sale_refusal_of(&snapshot, &join, JOIN_MS - 1), SALE_REASON_NONE);
    ck_assert_int_eq(sale_refusal_of(&snapshot, &order, JOIN_MS - 1), SALE_REASON_NONE);
    snapshot.sale.status = SALE_CANCELLED;
    ck_assert_int_eq(sale_refusal_of(&snapshot, &join, JOIN_MS - 1), SALE_REASON_SALE_CANCELLED);
}
END_TEST

START_TEST(only_an_end_lasts)
{
    for (int reason = 0; reason < SALE_REASON_COUNT; reason++) {
        bool lasts =
            reason == SALE_REASON_SALE_ENDED || reason == SALE_REASON_SOLD_OUT || reason == SALE_REASON_SALE_CANCELLED;
        ck_assert_int_eq(sale_refusal_lasts((enum sale_reason)reason), lasts);
    }
}
END_TEST

static Suite *sale_refusal_suite(void)
{
    Suite *suite = suite_create("sale_refusal");
    TCase *tcase = tcase_create("sale_refusal");
    tcase_add_loop_test(tcase, a_command_is_refused_only_if_it_is_certain_to_be_rejected, 0, (int)ARRAY_LEN(cases));
    tcase_add_loop_test(tcase, the_rules_reject_what_is_refused_for_the_same_reason, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(tcase, while_new_terms_are_queued_only_the_end_refuses);
    tcase_add_test(tcase, only_an_end_lasts);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(sale_refusal_suite());
}
