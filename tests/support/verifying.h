/*
 * The fixture of the tests of rostrumctl verify: connections to tables that the test empties and fills, what verify
 * prints about them, and statements that tamper with them. Callers: verify_test.c, sale_verify_test.c.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_VERIFYING_H
#define ROSTRUM_TESTS_SUPPORT_VERIFYING_H

#include "tests/support/sql.h"

extern struct verifying {
    struct sql *sql;
    PGconn *connection; /* for statements with more values than sql_rows takes */
} verifying;

struct tampering {
    const char *statement;
    const char *word; /* text that the output must contain */
};

/* Connects, and empties these tables. */
void verifying_open(const char *tables);
void verifying_close(void);
/* Runs verify, about one auction or sale or, with NULL, all. Expects its exit code and a text of its output. */
void verifying_expect(int code, const char *word, const char *id);
/* Runs the statement, which must change rows, and verify. Returns its output, valid until the next call. */
const char *verifying_tamper(const struct tampering *tampering);

#endif
