/*
 * One auction whose commands are published in a known order by the fixture of bidworkers.h, as a gateway publishes
 * them. The test keeps all of them, so it can compare them with the ledger. Calls fail the test on error.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_QUEUED_LOT_H
#define ROSTRUM_TESTS_SUPPORT_QUEUED_LOT_H

#include "common/protocol/message.h"

enum { QUEUED_LOT_COMMANDS_MAX = 4000 };

struct queued_lot {
    struct uuid id;
    char text[UUID_TEXT_SIZE];
    int64_t start_ms;
    int64_t end_ms;
    size_t count;
    struct command commands[QUEUED_LOT_COMMANDS_MAX]; /* in the order in which they were made */
};

extern struct queued_lot queued_lot;

/* Inserts an auction of this status; its starting price and increment are 1.00. */
void queued_lot_open(const char *status);
/* The next bid: one increment higher, by the next bidder. The test may change it before it is published. */
struct command *queued_lot_bid(void);
/* The next command, without a user: a start or a fence. */
struct command *queued_lot_command(enum command_kind kind, int64_t received_ms);

/* Publishes `count` commands of the lot, from `first` on, in one message. */
void queued_lot_publish(size_t first, size_t count);
/* The same, and waits for the confirms of all messages. */
void queued_lot_publish_confirmed(size_t first, size_t count);
/* Makes and publishes `count` further bids in messages of 1 to 7, and waits for the confirms. */
void queued_lot_publish_bids(size_t count);
/* Publishes any bytes in the place of commands of the lot. */
void queued_lot_publish_text(const char *text, size_t length);

/* Number of the lot's rows in the ledger. */
int64_t queued_lot_rows(void);
/* The decision of the lot's command: "accepted", "outbid" or "rejected REASON". Valid until the next call. */
const char *queued_lot_decision(size_t index);
/* Asserts that the ledger holds the lot's commands, each once, in their order, with this status. */
void queued_lot_expect(const char *status);
/* Asserts that `rostrumctl verify` finds no difference, except that the end was decided early. */
void queued_lot_verify(void);

#endif
