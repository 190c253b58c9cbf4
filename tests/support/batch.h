/*
 * Fills a batch of bids as shard_reader does, and makes its outbox rows as ledger_tx does. Called by unit tests of the
 * bid worker, which link these objects.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_BATCH_H
#define ROSTRUM_TESTS_SUPPORT_BATCH_H

#include "bidworker/batch_events.h"
#include "bidworker/family.h"

static inline struct batch_entry *batch_add(struct batch *batch, struct shard_reader_message *message,
                                            const struct command *command)
{
    const struct work_command described = {
        .command = command,
        .id = &command->id,
        .key = &command->auction_id,
        .user_id = &command->user_id,
        .received_ms = command->received_ms,
        .request_id = command->request_id,
        .traceparent = command->traceparent,
    };
    struct batch_entry *entry = &batch->entries[batch->work.count];
    (void)work_add(&batch->work, message, &described);
    entry->command = command;
    return entry;
}

static inline bool batch_outbox(struct outbox_batch *outbox_batch, const struct batch *batch)
{
    return batch_events_add(outbox_batch, batch) &&
           outbox_batch_add_dead(outbox_batch, &batch->work, &bid_family, true);
}

#endif
