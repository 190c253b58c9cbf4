/*
 * The transaction of a batch: lock the auctions, load known decisions, decide (decide.c), write ledger rows, states and
 * outbox, commit. It uses libpq's pipeline: two round trips, or three if a command names an auction that does not exist
 * or is locked. No row of an auction is waited for: the commands of a locked one are not decided. Called by cycle.c.
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
    /* Asked before the COMMIT is sent: whether this worker may still decide. If not, the result is LEDGER_AGAIN. */
    bool (*allowed)(void *arg);
    /* The attempt is counted. `attempts` includes this one; -1: it is not known whether it was counted. */
    void (*suspected)(int64_t attempts, void *arg);
    /* The count was taken back; false: perhaps not. */
    void (*acquitted)(bool done, void *arg);
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
/* Takes one such count back, because the attempt ended without the death of the worker. Then calls `acquitted`. */
MUST_CHECK bool ledger_acquit(struct ledger *ledger, const struct command *command);
/* Rolls the batch back without calling `done`. False: none is under way, or its COMMIT was sent and `done` follows. */
MUST_CHECK bool ledger_abandon(struct ledger *ledger);
/* When PostgreSQL last answered about a batch; on clock_mono_ms. 0: never. */
int64_t ledger_moved_ms(const struct ledger *ledger);
/* The outbox rows of the committed batch, for outbox_sent. Valid until the next ledger_decide. */
const struct outbox_batch *ledger_outbox(const struct ledger *ledger);

#endif
