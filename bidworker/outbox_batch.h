/*
 * The outbox rows of a decided batch: one message with its events, one with the ended auctions for settlement, and a
 * copy of each quarantined command with the reason. ledger builds and inserts them. worker passes them to the outbox
 * after the COMMIT.
 */
#ifndef ROSTRUM_BIDWORKER_OUTBOX_BATCH_H
#define ROSTRUM_BIDWORKER_OUTBOX_BATCH_H

#include "bidworker/batch.h"
#include "common/service/outbox.h"

struct outbox_batch {
    size_t count;
    size_t size;
    struct outbox_row *rows; /* ids are filled in by the INSERT */
    char **bodies;           /* owns rows[i].body */
};

/* Fills an empty list. False without memory; the caller frees it in both cases. */
MUST_CHECK bool outbox_batch_of(struct outbox_batch *outbox_batch, const struct batch *batch);
/* Frees the rows and leaves the list empty. */
void outbox_batch_free(struct outbox_batch *outbox_batch);

#endif
