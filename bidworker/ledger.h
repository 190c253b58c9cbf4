/*
 * The one transaction of a batch: lock the auctions, see what is known, have it decided (decide.c), write ledger rows,
 * states and outbox, commit. In libpq's pipeline: two round trips, three if a command names an unknown auction.
 */
#ifndef ROSTRUM_BIDWORKER_LEDGER_H
#define ROSTRUM_BIDWORKER_LEDGER_H

#include "bidworker/batch.h"
#include "bidworker/outbox_batch.h"
#include "common/io/pg.h"

enum ledger_result {
    LEDGER_COMMITTED, /* the batch's entries have their outcomes */
    LEDGER_AGAIN,     /* not now, or nobody knows: try the same batch again */
    LEDGER_REFUSED,   /* something in the batch cannot be written, now or ever */
};

struct ledger;

struct ledger_options {
    struct pg *pg;         /* with the statements of statements.h */
    struct outbox *outbox; /* only for its INSERT */
    void (*done)(enum ledger_result result, void *arg);
    /* Whether a command that was delivered too often may be tried: how often it was, this time included; -1: again. */
    void (*suspected)(int64_t attempts, void *arg);
    void *arg;
};

MUST_CHECK struct ledger *ledger_new(const struct ledger_options *options);
/* Abandons what is under way: it is rolled back, or its fate is unknown. */
void ledger_free(struct ledger *ledger);
/* Decides `batch`, which stays untouched by others until `done`, called from the loop. False: no connection. */
MUST_CHECK bool ledger_decide(struct ledger *ledger, struct batch *batch);
/* Counts, in a transaction of its own, that this command is tried alone. `suspected` follows. False: no connection. */
MUST_CHECK bool ledger_suspect(struct ledger *ledger, const struct command *command);
/* What the committed batch has to say, for outbox_sent; until the next ledger_decide. */
const struct outbox_batch *ledger_outbox(const struct ledger *ledger);

#endif
