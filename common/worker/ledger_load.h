/*
 * What the transaction of a batch loads last, alike in both programs. First, which users are banned. Then, only for
 * keys whose row was not locked: whether another session has locked it, or else the newest ledger row of the key. It
 * also keeps what the program's functions need beside the batch. Called by ledger.c of the programs; worker.c owns it.
 */
#ifndef ROSTRUM_COMMON_WORKER_LEDGER_LOAD_H
#define ROSTRUM_COMMON_WORKER_LEDGER_LOAD_H

#include "common/worker/ledger_tx.h"
#include "common/worker/row_arrays.h"

/* What a program supplies. */
struct ledger_load_kind {
    size_t first_statement;  /* index of LEDGER_TX_STATEMENT_ROWS */
    size_t missed_statement; /* of keys ($1): the key, whether its row exists, seq and hash of its newest ledger row */
    /* A batch for that many commands; sets its work. NULL: no memory. */
    void *(*open_batch)(size_t commands, struct work **work);
    void (*close_batch)(void *batch); /* NULL is allowed */
    /* Appends the keys whose row was not found; returns their number. */
    size_t (*add_missed)(const void *batch, struct pg_column *keys);
    /* A row of `missed_statement`. */
    void (*missed)(void *batch, const struct uuid *key, bool exists, int64_t seq, const char *hash);
};

/* The argument of the functions of struct ledger_program, and of `committed`. */
struct ledger_load {
    const struct ledger_load_kind *kind;
    void *batch; /* as the program's open_batch made it */
    struct work *work;
    struct ledger_tx *ledger_tx; /* set by the program's `load` */
    struct row_arrays arrays;
};

/* NULL: no memory. */
MUST_CHECK struct ledger_load *ledger_load_new(const struct ledger_load_kind *kind, size_t commands);
void ledger_load_free(struct ledger_load *load);
/*
 * Sends the last statement of a load, with the users of this column. Once it is answered, it calls ledger_tx_loaded, at
 * once or after one more statement. False: no memory, or the connection is lost.
 */
MUST_CHECK bool ledger_load_banned(struct ledger_load *load, struct pg_tx *tx, size_t column);

#endif
