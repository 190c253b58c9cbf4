/*
 * Parameters of one SQL statement, for tests that write rows which a program would have written.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_VALUES_H
#define ROSTRUM_TESTS_SUPPORT_VALUES_H

#include <libpq-fe.h>

#include "common/base/ids.h"

enum { VALUES_MAX = 24 };

/* Zeroed: none. As text; those in `of` may be the caller's own. */
struct values {
    const char *of[VALUES_MAX];
    char text[VALUES_MAX][UUID_TEXT_SIZE];
    int count;
};

/* Each adds one parameter. `text` stays the caller's; NULL is NULL. */
void values_text(struct values *values, const char *text);
void values_int(struct values *values, int64_t number);
void values_bool(struct values *values, bool truth);
void values_time(struct values *values, int64_t ms);
/* NULL for nil; NULL for 0. */
void values_id(struct values *values, const struct uuid *id);
void values_money(struct values *values, int64_t minor);
/* Runs a statement without a result; a failure fails the test. */
void values_run(PGconn *connection, const char *statement, const struct values *values);

#endif
