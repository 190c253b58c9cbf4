/*
 * What the shard queues deliver, until it is decided: one channel and one line of deliveries for each shard that this
 * worker serves, each line in the order of its queue. Batches are cut from the heads of the lines, shard by shard in
 * turn; a delivery of many commands may be decided over several batches and is acked once the last one is committed.
 *
 * A shard is handed over by finishing the batch in hand, acking and closing the channel; whatever else was delivered
 * goes back to the queue in order. When a channel breaks, its deliveries come again: those in the batch in hand are
 * decided all the same, since the ledger will recognise them.
 */
#ifndef ROSTRUM_BIDWORKER_SHARD_READER_H
#define ROSTRUM_BIDWORKER_SHARD_READER_H

#include <event2/event.h>

#include "bidworker/batch.h"
#include "common/io/broker.h"
#include "common/io/broker_consumer.h"

struct shard_reader;

struct shard_reader_options {
    struct event_base *base;
    struct broker *consuming;
    struct broker *publishing; /* for dead letters */
    unsigned shards;
    int prefetch_messages;
    int crash_count;         /* deliveries after which a message's commands are taken one at a time */
    void (*work)(void *arg); /* something came that shard_reader_take can take */
    void *arg;
};

MUST_CHECK struct shard_reader *shard_reader_new(const struct shard_reader_options *options);
/* Both brokers are to be freed before, and no batch may be in hand. */
void shard_reader_free(struct shard_reader *shard_reader);

/* Subscribes to the shard's queue; harmless if it is served, so it may be called at every look at who owns it. */
void shard_reader_serve(struct shard_reader *shard_reader, unsigned shard);
/* Stops at the batch in hand, then closes the channel. */
void shard_reader_leave(struct shard_reader *shard_reader, unsigned shard);
/* Shards with a channel, those being left included. */
size_t shard_reader_serving(const struct shard_reader *shard_reader);
/* Commands that were delivered and not finished; between batches, those that wait. */
size_t shard_reader_held(const struct shard_reader *shard_reader);
/* Deliveries of the shard that came and are not acked; false if it has no channel. */
MUST_CHECK bool shard_reader_unacked(const struct shard_reader *shard_reader, unsigned shard, size_t *count);

/* Asks the broker how much waits in the queues of the shards served, for shard_reader_ready; the answers come later. */
void shard_reader_ask_ready(struct shard_reader *shard_reader);
/* Messages of the shard that wait in its queue, as last told; -1 when not known, or not served. */
int64_t shard_reader_ready(const struct shard_reader *shard_reader, unsigned shard);

/* Fills an empty batch with up to `limit` commands; none if nothing has come. A careful command comes alone. */
void shard_reader_take(struct shard_reader *shard_reader, struct batch *batch, size_t limit);
/* Takes back all but the first `keep` commands of the batch. */
void shard_reader_take_back(struct shard_reader *shard_reader, struct batch *batch, size_t keep);
/* Takes back what should not be tried again here: of shards that are gone or being left. Their order is kept. */
void shard_reader_prune(struct shard_reader *shard_reader, struct batch *batch);
/* The batch is committed: acks every delivery that is complete by it. Its commands can still be read. */
void shard_reader_ack(struct shard_reader *shard_reader, struct batch *batch);
/* Then: lets go of the batch's commands, empties it, and closes the channels of shards that are being left. */
void shard_reader_finish(struct shard_reader *shard_reader, struct batch *batch);

#endif
