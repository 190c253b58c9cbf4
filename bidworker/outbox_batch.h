/*
 * What a decided batch has to say, as rows of the outbox: its events in one message, what ended in another (that is
 * for settlement), and a copy of each command that was set aside, with the reason. Made and written by ledger, handed
 * to the outbox by worker once they are committed.
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

/* Fills an empty list; false without memory, free it all the same. */
MUST_CHECK bool outbox_batch_of(struct outbox_batch *outbox_batch, const struct batch *batch);
/* Leaves it empty. */
void outbox_batch_free(struct outbox_batch *outbox_batch);

#endif
