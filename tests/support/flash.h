/*
 * One flash sale for tests of the rules, with all of its rows in memory: 10.00 a unit, from FLASH_JOIN_MS to
 * FLASH_END_MS. Every command is followed by a check of the invariants. Amounts are cents.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_FLASH_H
#define ROSTRUM_TESTS_SUPPORT_FLASH_H

#include "common/rules/sale_rules.h"
#include "tests/support/suite.h"

#define FLASH_PRICE INT64_C(1000)
enum {
    FLASH_JOIN_MS = 1000000,
    FLASH_START_MS = 1900000,
    FLASH_NOW_MS = 2000000, /* far from start and end */
    FLASH_END_MS = 3000000,
    FLASH_LATER_MS = 6000000, /* all turns and reservations have run out */
    FLASH_TURN_MS = 120000,
    FLASH_RESERVATION_MS = 300000,
};
enum flash_user_number { FLASH_ANN = 1, FLASH_BOB, FLASH_CYD, FLASH_DOT };

extern struct sale_set flash;

/* For tcase_add_checked_fixture. flash_set_up begins a sale of 2 units, one for each user; it is active. */
void flash_set_up(void);
void flash_tear_down(void);
/* Begins a sale that is upcoming. */
void flash_begin(int64_t quantity, int64_t per_user_limit);
/* Begins one that is active at FLASH_NOW_MS. */
void flash_begin_active(int64_t quantity, int64_t per_user_limit);

struct uuid flash_user(int user);
/* The id of the newest command, and so of its order. */
struct uuid flash_id(void);
/* Decides a command. Without an id it gets a new one. Decided when it is received, or at flash_decide_at. */
struct sale_decision flash_send(struct sale_command command);
/* The next command is decided at this time. */
void flash_decide_at(int64_t ms);

struct sale_decision flash_join(int user, int64_t quantity, int64_t at_ms);
struct sale_decision flash_leave(int user, int64_t at_ms);
struct sale_decision flash_order(int user, int64_t quantity, int64_t at_ms);
struct sale_decision flash_confirm(int user, struct uuid order, int64_t at_ms);
struct sale_decision flash_cancel(int user, struct uuid order, int64_t at_ms);
struct sale_decision flash_pay(struct uuid order, int64_t amount, int64_t at_ms);
struct sale_decision flash_fail(struct uuid order, int64_t at_ms);
/* A command of the end worker or of an admin without values of its own. */
struct sale_decision flash_command(enum sale_command_kind kind, int64_t at_ms);
struct sale_decision flash_extend(int64_t end_ms, int64_t at_ms);

const struct sale_order *flash_order_of(struct uuid id);
/* The newest entry of a user. */
const struct sale_entry *flash_entry_of(int user);

/* Assertions. */
void flash_expect(struct sale_decision decision, enum sale_verdict verdict, enum sale_reason reason);
void flash_expect_accepted(struct sale_decision decision);
void flash_expect_rejected(struct sale_decision decision, enum sale_reason reason);
void flash_expect_units(int64_t claimed, int64_t reserved, int64_t sold);
void flash_expect_entry(int user, enum sale_entry_status status);
void flash_expect_order(struct uuid id, enum sale_order_status status);
void flash_expect_status(enum sale_status status);

#endif
