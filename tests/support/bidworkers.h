/*
 * Fixture for tests that start, stop and kill bid workers: connections to the real servers on an event loop, a seller,
 * bidders, and up to two workers. queued_lot.h publishes commands through it. Calls fail the test on error. (bidding.h
 * is for tests of the rows that one worker writes.)
 */
#ifndef ROSTRUM_TESTS_SUPPORT_BIDWORKERS_H
#define ROSTRUM_TESTS_SUPPORT_BIDWORKERS_H

#include <sys/types.h>

#include "common/base/ids.h"
#include "common/io/broker.h"
#include "tests/support/loop.h"
#include "tests/support/program.h"
#include "tests/support/sql.h"

enum {
    BIDWORKERS_DEADLINE_MS = 40000, /* of each wait */
    BIDWORKERS_CONNECT_MS = 5000,
    BIDWORKERS_MAX = 2,
    BIDWORKERS_BIDDERS = 5,
};

struct bidworkers {
    struct event_base *base;
    struct broker *publishing;
    struct broker *consuming;
    struct sql *sql;
    unsigned shards;
    struct uuid seller;
    struct uuid bidders[BIDWORKERS_BIDDERS];
    pid_t pids[BIDWORKERS_MAX];           /* 0: does not run */
    char settings[PROGRAM_SETTINGS_SIZE]; /* file for the next workers; "", the default: only the deployment's settings
                                           */
};

extern struct bidworkers bidworkers;

/* For tcase_add_checked_fixture. The tear-down kills running workers. */
void bidworkers_set_up(void);
void bidworkers_tear_down(void);

void bidworkers_start(int index);
/* Sends the signal and waits for the end. Returns the exit code, or -1 if a signal ended the worker. */
int bidworkers_stop(int index, int signal_number);
/* Number of workers with a session in PostgreSQL, by the advisory lock that each of them holds. */
int64_t bidworkers_alive(void);

/* The value of an environment variable that must be set. */
const char *bidworkers_variable(const char *name);

#endif
