/*
 * Fixture for tests of common/io/pg: a pool of one connection to the real PostgreSQL (ROSTRUM_PG_URL) on an event loop,
 * its prepared statements, and a callback that keeps what it received. The statements use the table pg_test, which is
 * made empty before each test. Calls fail the test on error.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_PG_POOL_H
#define ROSTRUM_TESTS_SUPPORT_PG_POOL_H

#include "common/io/pg.h"
#include "tests/support/loop.h"

enum { PG_POOL_DEADLINE_MS = 10000 }; /* of each wait */

/* Their texts are in pg_pool.c. */
enum pg_pool_statement {
    PG_POOL_ECHO,
    PG_POOL_INSERT,
    PG_POOL_INSERT_LATE, /* violates a constraint that is checked at the commit */
    PG_POOL_COUNT,
    PG_POOL_SLEEP,
    PG_POOL_BACKEND,
    PG_POOL_TERMINATE,
    PG_POOL_ALIVE,
    PG_POOL_FAIL,
    PG_POOL_LENGTH,
    PG_POOL_EVERYTHING,
    PG_POOL_WAITS_FOR_DISK,
    PG_POOL_READ_ONLY,
    PG_POOL_STATEMENTS
};

struct pg_pool {
    struct event_base *base;
    struct pg *pg; /* the tested pool; a test that frees it sets NULL or another one */
    int changes_up;
    int changes_down;
};

/* The arguments that a callback received. */
struct pg_pool_seen {
    int calls;
    enum pg_outcome outcome;
    char sqlstate[6];
    int64_t value; /* first column of the first row */
};

extern struct pg_pool pg_pool;

#define PG_POOL_UNTIL(condition) LOOP_UNTIL(pg_pool.base, condition, PG_POOL_DEADLINE_MS)

/* For tcase_add_checked_fixture. */
void pg_pool_set_up(void);
void pg_pool_tear_down(void);

const char *pg_pool_url(void);
/* Options of the tested pool, for another one. Changes of its state are not counted. */
struct pg_options pg_pool_options(void);
/* Another pool of one connection, for changes made outside the tested one. The caller frees it. */
struct pg *pg_pool_other(void);
/* Runs SQL on a plain connection: a pool needs the tables before it can prepare its statements. */
void pg_pool_run_sql(const char *sql);

/* A callback of queries; `arg` is a struct pg_pool_seen. */
void pg_pool_note(const struct pg_reply *reply, void *arg);
/* Sends a statement with one parameter, or without if `value` is NULL; pg_pool_note receives the reply. */
void pg_pool_ask(struct pg *of, enum pg_pool_statement statement, const char *value, struct pg_pool_seen *seen);
/* The same, waits for the reply and returns the first column of its first row. */
int64_t pg_pool_number(struct pg *of, enum pg_pool_statement statement, const char *value);
/* Number of rows of the table. */
int64_t pg_pool_rows(struct pg *of);

#endif
