/*
 * The transaction of a batch: lock the auctions, load known decisions, decide (decide.c), write ledger rows, states and
 * outbox, commit. It uses libpq's pipeline: two round trips, or three if a command names an unknown auction. Called by
 * worker.c.
 */
#ifndef ROSTRUM_BIDWORKER_LEDGER_H
#define ROSTRUM_BIDWORKER_LEDGER_H

#include "bidworker/batch.h"
#include "bidworker/outbox_batch.h"
#include "common/io/pg.h"

enum ledger_result {
    LEDGER_COMMITTED, /* the batch's entries have their outcomes */
    LEDGER_AGAIN,     /* failed for another reason, or the outcome is unknown: try the same batch again */
    LEDGER_REFUSED,   /* PostgreSQL refuses the data of a command in the batch; a retry cannot help */
};

struct ledger;

struct ledger_options {
    struct pg *pg;         /* with the statements of statements.h */
    struct outbox *outbox; /* used only to insert rows */
    void (*done)(enum ledger_result result, void *arg);
    /* The attempt is counted. `attempts` includes this one; -1: it could not be counted, try again. */
    void (*suspected)(int64_t attempts, void *arg);
    void *arg;
};

MUST_CHECK struct ledger *ledger_new(const struct ledger_options *options);
/* Aborts a running transaction. If its COMMIT was already sent, its outcome is unknown. */
void ledger_free(struct ledger *ledger);
/* Decides `batch`, which the caller must not change until `done` is called from the loop. False: no connection. */
MUST_CHECK bool ledger_decide(struct ledger *ledger, struct batch *batch);
/*
 * Counts, in a separate transaction, an attempt to decide this command alone. Then calls `suspected`. False: no
 * connection.
 */
MUST_CHECK bool ledger_suspect(struct ledger *ledger, const struct command *command);
/* The outbox rows of the committed batch, for outbox_sent. Valid until the next ledger_decide. */
const struct outbox_batch *ledger_outbox(const struct ledger *ledger);

#endif
