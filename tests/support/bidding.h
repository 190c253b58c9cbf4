/*
 * Fixture for tests of rostrum-bidworker by the rows that it writes: users, auctions created by SQL, commands published
 * as a gateway does, and ledger and state read back as text. Calls block, and fail the test if a server refuses. The
 * test starts the worker (bidding_start), so commands can be published before it runs.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_BIDDING_H
#define ROSTRUM_TESTS_SUPPORT_BIDDING_H

#include <sys/types.h>

#include "common/protocol/message.h"
#include "tests/support/program.h"
#include "tests/support/queues.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"

enum {
    BIDDING_DEADLINE_MS = 30000, /* of each wait */
    BIDDING_COMMANDS_MAX = 640,  /* of one auction */
    BIDDING_TEXT_SIZE = 32768,
};

enum bidding_user { BIDDING_SELLER, BIDDING_ANN, BIDDING_BOB, BIDDING_CYD, BIDDING_DAN, BIDDING_USERS };

struct bidding {
    struct sql *sql;
    struct queues *queues;
    unsigned shards;
    struct uuid users[BIDDING_USERS]; /* display names: Seller, Ann, Bob, Cyd, Dan */
    char events[QUEUES_NAME_SIZE];    /* a queue bound to the exchange of events */
    char settings[PROGRAM_SETTINGS_SIZE];
    pid_t worker; /* 0: none */
};

/* Terms besides the defaults: starting price 10.00, increment 1.00, started an hour ago, ends in an hour. */
struct bidding_terms {
    const char *reserve_price;
    int snipe_window_s;
    int snipe_extension_s;
};

struct bidding_auction {
    struct uuid id;
    char text[UUID_TEXT_SIZE];
    int64_t start_ms;
    int64_t end_ms;
    size_t count;
    size_t sent; /* published commands */
    struct command commands[BIDDING_COMMANDS_MAX];
};

extern struct bidding bidding;

/* For tcase_add_checked_fixture. The tear-down kills a running worker. */
void bidding_set_up(void);
void bidding_tear_down(void);

void bidding_start(void);
/* Sends SIGTERM; the worker must drain and exit with 0. */
void bidding_stop(void);

void bidding_open(struct bidding_auction *auction, const struct bidding_terms *terms);
/* Adds a command that is received now. The test may change it before bidding_send. */
struct command *bidding_add(struct bidding_auction *auction, enum command_kind kind, enum bidding_user user,
                            int64_t amount);
/* Publishes the commands added since the last call, in as few messages as possible, and waits for the confirms. */
void bidding_send(struct bidding_auction *auction);
/* Waits until the auction's ledger has `rows` rows. */
void bidding_wait(const struct bidding_auction *auction, int64_t rows);

/* One line for each row: "proxy Ann accepted 10.00 max 50.00". Valid until the next call. */
const char *bidding_ledger(const struct bidding_auction *auction);
/* "active price 51.00 minimum 52.00 leader Cyd max 60.00 beaten 50.00 bids 3 extensions 0". Likewise. */
const char *bidding_state(const struct bidding_auction *auction);
/* Milliseconds from the auction's original end to its present end. */
int64_t bidding_moved_ms(const struct bidding_auction *auction);
/* Asserts that `rostrumctl verify` finds no difference. */
void bidding_verify(const struct bidding_auction *auction);
/* Waits for the next event of this kind and auction; drops the events before it. */
void bidding_event(const struct bidding_auction *auction, enum event_kind kind, struct auction_event *event);

#endif
