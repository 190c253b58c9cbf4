/*
 * One auction for tests of the rules: opening at 10.00 with an increment of 1.00, running from LOT_START_MS to
 * LOT_END_MS, no reserve. Amounts are cents. A test changes `lot` as it needs it before it sends anything.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_LOT_H
#define ROSTRUM_TESTS_SUPPORT_LOT_H

#include "common/rules/rules.h"
#include "tests/support/suite.h"

enum {
    LOT_START_MS = 1000000,
    LOT_NOW_MS = 1500000, /* when bids come, unless a test says otherwise: far from both ends */
    LOT_END_MS = 2000000,
    LOT_WINDOW_MS = 120000,
    LOT_EXTENSION_MS = 120000,
};
enum lot_user_number { SELLER = 1, ANN, BOB, CYD };

extern struct rules_auction lot;

/* For tcase_add_checked_fixture; also for a second auction within a test. */
void lot_set(void);
struct uuid lot_user(int user);

/* Decide a command; its id ends with its number, from 1. */
struct rules_decision lot_send(enum command_kind kind, int bidder, int64_t amount, int64_t at_ms);
struct rules_decision lot_bid(int bidder, int64_t amount);
struct rules_decision lot_proxy(int bidder, int64_t amount);

/* Assertions. */
void lot_rejected(struct rules_decision decision, enum rules_reason reason);
void lot_accepted(struct rules_decision decision, int64_t amount);
void lot_outbid(struct rules_decision decision, int64_t amount, int by, int64_t answer);
void lot_stands(int leader, int64_t price, int64_t leader_max, int64_t bid_count);
void lot_lost(struct rules_decision decision, int loser, bool by_proxy);

#endif
