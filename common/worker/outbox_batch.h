/*
 * The outbox rows of a decided batch: the events, which the program adds, and a copy of each quarantined command with
 * the reason. ledger_tx inserts them. cycle passes them to the outbox after the COMMIT.
 */
#ifndef ROSTRUM_COMMON_WORKER_OUTBOX_BATCH_H
#define ROSTRUM_COMMON_WORKER_OUTBOX_BATCH_H

#include "common/service/outbox.h"
#include "common/worker/work_family.h"

struct outbox_batch {
    size_t count;
    size_t size;
    struct outbox_row *rows; /* ids are filled in by the INSERT */
    char **bodies;           /* owns rows[i].body */
};

/*
 * Adds a message; `body` is copied, the other texts are kept. False without memory, also if `body` is NULL. The caller
 * frees the list in both cases.
 */
MUST_CHECK bool outbox_batch_add(struct outbox_batch *outbox_batch, const char *exchange, const char *routing_key,
                                 const char *body, const char *reason);
/*
 * Adds the copies of the quarantined commands. `finished`: no further transaction decides this work; commands without a
 * ledger row, which every transaction decides anew, are copied then. As above.
 */
MUST_CHECK bool outbox_batch_add_dead(struct outbox_batch *outbox_batch, const struct work *work,
                                      const struct work_family *family, bool finished);
/* Frees the rows and leaves the list empty. */
void outbox_batch_free(struct outbox_batch *outbox_batch);

#endif
