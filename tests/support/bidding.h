/*
 * Fixture for tests of rostrum-bidworker by what it writes down: four users, auctions made by SQL, commands published
 * as a gateway publishes them, and ledger and state read back as text. Everything blocks, and fails the test when a
 * server refuses. A test starts the worker (bidding_start), so that what it published before is there when the worker
 * begins.
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
    BIDDING_DEADLINE_MS = 30000, /* for any one thing that is waited for */
    BIDDING_COMMANDS_MAX = 512,  /* of one auction */
    BIDDING_TEXT_SIZE = 32768,
};

enum bidding_user { BIDDING_SELLER, BIDDING_ANN, BIDDING_BOB, BIDDING_CYD, BIDDING_DAN, BIDDING_USERS };

struct bidding {
    struct sql *sql;
    struct queues *queues;
    unsigned shards;
    struct uuid users[BIDDING_USERS]; /* displayed as Seller, Ann, Bob, Cyd, Dan */
    char events[QUEUES_NAME_SIZE];    /* a queue of the events that batches publish */
    char settings[PROGRAM_SETTINGS_SIZE];
    pid_t worker; /* 0: none */
};

/* Opens at 10.00 with an increment of 1.00, an hour ago, for another hour; what is 0 or NULL stays so. */
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
    size_t sent; /* of `commands`, published */
    struct command commands[BIDDING_COMMANDS_MAX];
};

extern struct bidding bidding;

/* For tcase_add_checked_fixture. Ends the worker that is left, by SIGKILL. */
void bidding_set_up(void);
void bidding_tear_down(void);

void bidding_start(void);
/* By SIGTERM; it must drain and exit with 0. */
void bidding_stop(void);

void bidding_open(struct bidding_auction *auction, const struct bidding_terms *terms);
/* The auction's next command, received now; the test may change it until it is sent. */
struct command *bidding_add(struct bidding_auction *auction, enum command_kind kind, enum bidding_user user,
                            int64_t amount);
/* Publishes what was added since, in as few messages as there may be; returns when the broker holds them. */
void bidding_send(struct bidding_auction *auction);
/* Waits until the ledger of the auction has this many rows. */
void bidding_wait(const struct bidding_auction *auction, int64_t rows);

/* A row a line: "proxy Ann accepted 10.00 max 50.00". Valid until the next call. */
const char *bidding_ledger(const struct bidding_auction *auction);
/* "active price 51.00 minimum 52.00 leader Cyd max 60.00 beaten 50.00 bids 3 extensions 0". Likewise. */
const char *bidding_state(const struct bidding_auction *auction);
/* Milliseconds by which the auction's end is later than it was made with. */
int64_t bidding_moved_ms(const struct bidding_auction *auction);
/* `rostrumctl verify` finds nothing wrong with it. */
void bidding_verify(const struct bidding_auction *auction);
/* Waits for the next event of that kind about that auction; those before it are dropped. */
void bidding_event(const struct bidding_auction *auction, enum event_kind kind, struct auction_event *event);

#endif
