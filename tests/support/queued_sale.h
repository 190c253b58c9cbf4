/*
 * One flash sale, and up to two sale workers that decide its commands, against the real servers. Commands are published
 * in a known order, as the gateway and the end worker publish them. The test keeps the commands, so it can compare them
 * with the ledger. Users are numbers from 1; the texts show them as "u1". Calls fail the test on error.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_QUEUED_SALE_H
#define ROSTRUM_TESTS_SUPPORT_QUEUED_SALE_H

#include <sys/types.h>

#include "common/protocol/sale_message.h"
#include "tests/support/program.h"
#include "tests/support/queues.h"
#include "tests/support/sql.h"

enum {
    QUEUED_SALE_COMMANDS_MAX = 8000,
    QUEUED_SALE_WORKERS = 2,
    QUEUED_SALE_DEADLINE_MS = 60000,
    QUEUED_SALE_LIFE_MS = 3600 * 1000, /* from start to now, and from now to the end */
};

struct queued_sale {
    struct sql *sql;
    struct queues *queues;
    unsigned shards;
    pid_t pids[QUEUED_SALE_WORKERS]; /* 0: does not run */
    char settings[PROGRAM_SETTINGS_SIZE];
    struct uuid id;
    char text[UUID_TEXT_SIZE];
    struct sale_terms terms;
    size_t published; /* commands */
    size_t count;
    struct sale_message_command commands[QUEUED_SALE_COMMANDS_MAX];
};

extern struct queued_sale queued_sale;

/* For tcase_add_checked_fixture. The tear-down kills running workers. */
void queued_sale_set_up(void);
void queued_sale_tear_down(void);

/* Inserts a sale, 10.00 a unit, which is not opened yet but has started by its times. */
void queued_sale_open(int64_t quantity, int64_t per_user_limit, enum sale_payment payment);

struct uuid queued_sale_user(int number);
/* Makes the next command, received now; the test may change it before it is published. User 0: none. */
struct sale_message_command *queued_sale_add(enum sale_command_kind kind, int user, int64_t quantity);
/* The same about the order of an earlier command. */
struct sale_message_command *queued_sale_about(enum sale_command_kind kind, int user,
                                               const struct sale_message_command *order);
/* Publishes what was not published yet, in messages of up to 64. Returns after the confirms. */
void queued_sale_publish(void);
/* Publishes `count` commands, from `first` on, in one message. */
void queued_sale_publish_again(size_t first, size_t count);
/* Publishes bytes in the place of commands of the sale. */
void queued_sale_publish_text(const char *text, size_t length);

void queued_sale_start(int index);
/* Sends the signal and waits for the end. Returns the exit code, or -1 if a signal ended the worker. */
int queued_sale_stop(int index, int signal_number);
/* Number of sale workers with a lease. */
int64_t queued_sale_alive(void);

/* Number of the sale's ledger rows with a command. */
int64_t queued_sale_decided(void);
/* Waits until the ledger has rows of so many commands. */
void queued_sale_wait(int64_t commands);
/* Publishes, waits until all commands are in the ledger. Not for commands that are dropped. */
void queued_sale_decide(void);
/* The ledger, a row a line: "join u1 accepted", "turn u1 x1", "order u2 rejected NOT_IN_QUEUE". Valid until next call.
 */
const char *queued_sale_ledger(void);
/* "active claimed 1 reserved 0 sold 0 waiting 2". Likewise. */
const char *queued_sale_state(void);
/* "status of the order", and of the user's newest place. */
const char *queued_sale_order(const struct sale_message_command *order);
const char *queued_sale_place(int user);
/* Asserts that `rostrumctl verify` finds no difference in the sale. */
void queued_sale_verify(void);

#endif
