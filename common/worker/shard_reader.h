/*
 * Consumes the shard queues and holds their deliveries until they are decided. Each shard that this worker serves has
 * one channel and one buffer of deliveries, in queue order. A batch takes commands from the heads of the buffers, shard
 * by shard. A delivery of many commands may be decided over several batches; it is acked after the last one is
 * committed.
 *
 * A key (an auction, a sale) whose row another session has locked waits alone. Deliveries with its commands stay in the
 * buffer, unacked and in their order, and it is tried again with a back-off (locked_rows.h). They may fill half of the
 * shard's prefetch; then the whole shard waits for them.
 *
 * To hand over a shard, the reader finishes the current batch, acks, and closes the channel. All other deliveries
 * return to the queue in order. If a channel breaks, its deliveries are redelivered. Those in the current batch are
 * decided nevertheless, since the ledger recognizes them later. shard_reader_abandon does not wait for the batch: the
 * worker lost its lease.
 */
#ifndef ROSTRUM_COMMON_WORKER_SHARD_READER_H
#define ROSTRUM_COMMON_WORKER_SHARD_READER_H

#include <event2/event.h>

#include "common/io/broker.h"
#include "common/io/broker_consumer.h"
#include "common/service/shards.h"
#include "common/worker/work_family.h"

struct shard_reader;

struct shard_reader_options {
    struct event_base *base;
    const struct work_family *family;
    struct broker *consuming;
    struct broker *publishing; /* for dead letters */
    unsigned shards;
    int crash_count;         /* deliveries after which a message's commands are decided one at a time */
    void (*work)(void *arg); /* a command can be taken with shard_reader_take */
    void (*left)(void *arg); /* a shard that was being left has no channel any more */
    void *arg;
};

MUST_CHECK struct shard_reader *shard_reader_new(const struct shard_reader_options *options);
/* Both brokers must be freed before, and no batch may be in progress. */
void shard_reader_free(struct shard_reader *shard_reader);

/* Subscribes to the shard's queue. No effect if it is already served, so each ownership poll may call it. */
void shard_reader_serve(struct shard_reader *shard_reader, unsigned shard);
/* Takes nothing more from the shard, and closes its channel after the current batch. */
void shard_reader_leave(struct shard_reader *shard_reader, unsigned shard);
/* Closes all channels at once, also under the current batch: its commands no longer belong to this worker. */
void shard_reader_abandon(struct shard_reader *shard_reader);
/* Whether the shard has a channel, also while it is being left. */
bool shard_reader_reads(const struct shard_reader *shard_reader, unsigned shard);
/* Number of shards with a channel, including those being left. */
size_t shard_reader_serving(const struct shard_reader *shard_reader);
/* Commands that were delivered and are not decided; between two batches, the number that waits. */
size_t shard_reader_held(const struct shard_reader *shard_reader);
/* Number of the shard's deliveries that are not acked; false if it has no channel. */
MUST_CHECK bool shard_reader_unacked(const struct shard_reader *shard_reader, unsigned shard, size_t *count);

/* Number of keys that wait for their row, and since when the first of them does (clock_mono_ms; INT64_MAX: none).
 */
size_t shard_reader_locked(const struct shard_reader *shard_reader, int64_t *since_ms);
/*
 * Sets oldest_ms and the locked rows of the report. The first message counts as the oldest, because queue order is
 * the order of receipt but for confirm_deadline_ms. Commands of a locked row count for it alone.
 */
void shard_reader_describe(const struct shard_reader *shard_reader, unsigned shard, struct shards_report *report);

/* Asks the broker for the length of the queues of all shards served. shard_reader_ready returns the answers. */
void shard_reader_ask_ready(struct shard_reader *shard_reader);
/* Messages in the shard's queue at the last answer; -1 if unknown or not served. */
int64_t shard_reader_ready(const struct shard_reader *shard_reader, unsigned shard);

/*
 * Fills an empty batch with up to `limit` commands, or none if none can be decided now. A careful command is taken
 * alone.
 */
void shard_reader_take(struct shard_reader *shard_reader, struct work *work, size_t limit);
/* Returns all but the first `keep` commands of the batch to their buffers. */
void shard_reader_take_back(struct shard_reader *shard_reader, struct work *work, size_t keep);
/* Removes the commands of shards that are gone or being left from the batch. The order of the others is kept. */
void shard_reader_prune(struct shard_reader *shard_reader, struct work *work);
/*
 * To be called after the COMMIT: acks every delivery that is now complete. Its commands can still be read. The
 * rows of WORK_LOCKED commands wait.
 */
void shard_reader_ack(struct shard_reader *shard_reader, struct work *work);
/* To be called after the ack: releases the commands, empties the batch and closes the channels of shards being left. */
void shard_reader_finish(struct shard_reader *shard_reader, struct work *work);

#endif
