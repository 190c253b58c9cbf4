/*
 * The text format of PostgreSQL values: array parameters, columns of results, and the meaning of SQLSTATEs for retries.
 * No I/O. Callers include common/io/pg.h.
 */
#ifndef ROSTRUM_COMMON_IO_PG_VALUE_H
#define ROSTRUM_COMMON_IO_PG_VALUE_H

#include <libpq-fe.h>

#include "common/base/base.h"
#include "common/base/ids.h"

/* True for SQLSTATEs of temporary errors: connection, lock, deadlock, disk, memory, shutdown. */
bool pg_state_is_transient(const char *sqlstate);
/*
 * True for SQLSTATEs that the sent data can cause. All others are errors of the deployment (a missing table or
 * privilege), so no message is the cause of them.
 */
bool pg_state_is_data_error(const char *sqlstate);

/* Reading results. A null column returns 0, "", false or the nil id. */
int64_t pg_int(const PGresult *result, int row, int column);
int64_t pg_money(const PGresult *result, int row, int column); /* NUMERIC(12,2) text to minor units */
bool pg_bool(const PGresult *result, int row, int column);
struct uuid pg_uuid(const PGresult *result, int row, int column);
const char *pg_text(const PGresult *result, int row, int column);
bool pg_null(const PGresult *result, int row, int column);

/* An array parameter under construction, '{…}'; elements are quoted as necessary. */
struct pg_array {
    char *text;
    size_t length;
    size_t size;
    bool failed; /* no memory; pg_array_done then returns NULL */
};
void pg_array_reset(struct pg_array *array); /* starts an empty one; also the first call on a zeroed struct */
void pg_array_free(struct pg_array *array);
void pg_array_null(struct pg_array *array);
void pg_array_text_add(struct pg_array *array, const char *text); /* NULL: null */
void pg_array_int(struct pg_array *array, int64_t value);
void pg_array_money(struct pg_array *array, int64_t minor);
void pg_array_time(struct pg_array *array, int64_t ms);
void pg_array_uuid(struct pg_array *array, const struct uuid *id);
void pg_array_bool(struct pg_array *array, bool value);
/* Closes the array and returns its text, valid until the next reset; NULL after an error. */
MUST_CHECK const char *pg_array_done(struct pg_array *array);

#endif
