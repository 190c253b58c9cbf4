/*
 * Rows as parallel arrays, one for each column: a batch of any size uses one statement of each kind and one plan. They
 * are sent in binary format, which saves the server the parsing. A program has one struct and reuses it for every
 * statement and batch. Called by the programs.
 */
#ifndef ROSTRUM_COMMON_WORKER_ROW_ARRAYS_H
#define ROSTRUM_COMMON_WORKER_ROW_ARRAYS_H

#include "common/io/pg.h"
#include "common/io/pg_column.h"
#include "common/protocol/hash_chain.h"

enum {
    ROW_ARRAYS_MAX = 20,     /* columns of the widest statement */
    ROW_ARRAYS_MORE_MAX = 2, /* other parameters behind them */
};

struct row_arrays {
    struct pg_column columns[ROW_ARRAYS_MAX];
};

/* Empties `count` columns from `first` on. Also the first call on a zeroed struct. */
void row_arrays_start(struct row_arrays *arrays, size_t first, size_t count);
void row_arrays_free(struct row_arrays *arrays);
/*
 * Sends the statement with these columns as its parameters. `more`: other parameters, as text, ended by NULL, or NULL.
 * False: no memory, or the connection is lost.
 */
MUST_CHECK bool row_arrays_ask(struct row_arrays *arrays, struct pg_tx *tx, size_t statement, size_t first,
                               size_t count, const char *const *more, pg_callback callback, void *arg);
/* The same with the first `count` columns, for a statement that writes. Its failure is ignored: the COMMIT then fails
 * too. */
MUST_CHECK bool row_arrays_send(struct row_arrays *arrays, struct pg_tx *tx, size_t statement, size_t count,
                                const char *const *more);
/* A callback for such statements. */
void row_arrays_ignore(const struct pg_reply *reply, void *arg);

/* Values that are null if they are nil or 0. */
void row_arrays_uuid(struct pg_column *column, const struct uuid *id);
void row_arrays_money(struct pg_column *column, int64_t minor);
void row_arrays_time(struct pg_column *column, int64_t ms);
void row_arrays_int(struct pg_column *column, int64_t value);
/* A hash, which must not be "". */
void row_arrays_hash(struct pg_column *column, const char hash[static HASH_CHAIN_TEXT_SIZE]);

#endif
