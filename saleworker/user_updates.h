/*
 * What a transaction changed for users who sent no command: turns that began or ran out, and reservations that ran out.
 * Each is a message to the user's channel, with the kind of an EXPIRE, of which a gateway accepts several. What ends
 * with the sale is left out: it is derived, and clients learn it from the sale's status.
 *
 * Pure. Called by results.c.
 */
#ifndef ROSTRUM_SALEWORKER_USER_UPDATES_H
#define ROSTRUM_SALEWORKER_USER_UPDATES_H

#include "saleworker/batch.h"

/* Fills the next update, but for its id. `at` begins at 0. False: there are no more. */
MUST_CHECK bool user_updates_next(const struct sale_batch_sale *sale, size_t *at, struct sale_message_decision *update);

#endif
