/*
 * An array parameter in PostgreSQL's binary format, under construction. The server copies such elements; it would parse
 * those of pg_array (pg_value.h) one by one. So this is for statements with many rows. No I/O. Called by
 * common/worker/row_arrays and the programs that use it.
 *
 * All elements of an array have one type, and the parameter must be declared with it: uuid[], bigint[], numeric[],
 * timestamptz[], boolean[], text[] or bytea[].
 */
#ifndef ROSTRUM_COMMON_IO_PG_COLUMN_H
#define ROSTRUM_COMMON_IO_PG_COLUMN_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/io/pg_types.h"

/* The types of elements, as PostgreSQL numbers them. */
enum pg_column_type {
    PG_COLUMN_NONE = 0,
    PG_COLUMN_BOOL = 16,
    PG_COLUMN_BYTES = 17,
    PG_COLUMN_INT = 20,
    PG_COLUMN_TEXT = 25,
    PG_COLUMN_TIME = 1184,
    PG_COLUMN_MONEY = 1700,
    PG_COLUMN_UUID = 2950,
};

struct pg_column {
    char *bytes;
    size_t length;
    size_t size;
    uint32_t count;           /* of elements */
    enum pg_column_type type; /* of all elements; NONE: there is none yet */
    bool has_nulls;
    bool failed; /* no memory, or more than libpq can send; pg_column_done then returns NULL */
};

void pg_column_reset(struct pg_column *column); /* starts an empty one; also the first call on a zeroed struct */
void pg_column_free(struct pg_column *column);
/* Each appends an element. */
void pg_column_null(struct pg_column *column, enum pg_column_type type);
void pg_column_uuid(struct pg_column *column, const struct uuid *id);
void pg_column_int(struct pg_column *column, int64_t value);
void pg_column_money(struct pg_column *column, int64_t minor); /* not negative */
void pg_column_time(struct pg_column *column, int64_t ms);
void pg_column_bool(struct pg_column *column, bool value);
void pg_column_text(struct pg_column *column, const char *text); /* NULL: null */
void pg_column_bytes(struct pg_column *column, const void *bytes, size_t length);

/* Completes the array. It is valid until the next reset. False: no memory. */
MUST_CHECK bool pg_column_done(struct pg_column *column, struct pg_parameter *out);

#endif
