/*
 * One auction for tests of the rules: starting price 10.00, increment 1.00, from LOT_START_MS to LOT_END_MS, no
 * reserve. Amounts are cents. A test may change `lot` before its first command.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_LOT_H
#define ROSTRUM_TESTS_SUPPORT_LOT_H

#include "common/rules/rules.h"
#include "tests/support/suite.h"

enum {
    LOT_START_MS = 1000000,
    LOT_NOW_MS = 1500000, /* default time of bids: far from start and end */
    LOT_END_MS = 2000000,
    LOT_WINDOW_MS = 120000,
    LOT_EXTENSION_MS = 120000,
};
enum lot_user_number { SELLER = 1, ANN, BOB, CYD };

extern struct rules_auction lot;

/* For tcase_add_checked_fixture. Also starts a second auction within a test. */
void lot_reset(void);
struct uuid lot_user(int user);

/* Decide a command; its id ends with its number, from 1. */
struct rules_decision lot_send(enum command_kind kind, int bidder, int64_t amount, int64_t at_ms);
struct rules_decision lot_bid(int bidder, int64_t amount);
struct rules_decision lot_proxy(int bidder, int64_t amount);

/* Assertions. */
void lot_expect_rejected(struct rules_decision decision, enum rules_reason reason);
void lot_expect_accepted(struct rules_decision decision, int64_t amount);
void lot_expect_outbid(struct rules_decision decision, int64_t amount, int by, int64_t answer);
void lot_expect_state(int leader, int64_t price, int64_t leader_max, int64_t bid_count);
void lot_expect_lost(struct rules_decision decision, int loser, bool by_proxy);

#endif
