/*
 * See shard_reader.h. Called by worker.
 *
 * Invariants:
 *   - A buffer holds its deliveries in the order of their tags.
 *   - The current batch holds a prefix of each buffer's undecided commands.
 *   - A message leaves its buffer when all its commands are decided, or when its channel closes.
 */
#include "bidworker/shard_reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "bidworker/undecodable.h"
#include "common/base/log.h"
#include "common/protocol/deadletter.h"
#include "common/protocol/topology.h"

struct buffer;

struct shard_reader_message {
    STAILQ_ENTRY(shard_reader_message) link;
    struct buffer *buffer; /* NULL: its channel is gone; it is freed when no batch holds it */
    uint64_t tag;
    bool careful;
    char *raw;        /* the body, if one of its commands is unreadable; else NULL */
    size_t raw_index; /* of the first unreadable command */
    size_t in_batch;  /* number of commands in the current batch */
    size_t decided;   /* number of commands, from the first, that are committed */
    size_t count;
    struct command_item items[];
};

STAILQ_HEAD(message_list, shard_reader_message);

struct buffer {
    struct shard_reader *shard_reader;
    unsigned shard;
    struct broker_consumer *consumer; /* NULL: not served */
    bool leaving;
    size_t in_batch;
    struct message_list messages;
    struct shard_reader_message *cursor; /* while a batch is filled: the next message to take */
};

struct shard_reader {
    struct shard_reader_options options;
    struct buffer *buffers;
    unsigned turn; /* index of the buffer from which the next batch takes first */
    size_t held;   /* number of commands in all buffers */
    struct undecodable *undecodable;
    struct command_item items[MESSAGE_COMMANDS_MAX]; /* of the delivery being decoded */
};

static void message_free(struct shard_reader_message *message)
{
    free(message->raw);
    free(message);
}

/* Removes the message from its buffer. It is freed at once, or when the current batch releases it. */
static void message_detach(struct shard_reader_message *message)
{
    message->buffer->shard_reader->held -= message->count;
    message->buffer = NULL;
    if (message->in_batch == 0) {
        message_free(message);
    }
}

/* Removes all deliveries. Those in the current batch are freed when it releases them. */
static void buffer_clear(struct buffer *buffer)
{
    while (!STAILQ_EMPTY(&buffer->messages)) {
        struct shard_reader_message *message = STAILQ_FIRST(&buffer->messages);
        STAILQ_REMOVE_HEAD(&buffer->messages, link);
        message_detach(message);
    }
    buffer->in_batch = 0;
    undecodable_forget(buffer->shard_reader->undecodable, buffer->shard);
}

static void buffer_close(struct buffer *buffer, const char *reason)
{
    assert(buffer->consumer != NULL);
    broker_consumer_close(buffer->consumer);
    buffer->consumer = NULL;
    buffer->leaving = false;
    buffer_clear(buffer);
    log_info("shard %u %s", buffer->shard, reason);
}

/* Between two batches. */
static void buffer_leave(struct buffer *buffer)
{
    assert(buffer->in_batch == 0);
    buffer_close(buffer, "released");
    buffer->shard_reader->options.left(buffer->shard_reader->options.arg);
}

/*
 * An unreadable command is rejected in the ledger, as a bid if its kind is unknown. Without both ids it has no place in
 * any ledger, and only becomes a dead letter.
 */
static void clean_item(struct command_item *item)
{
    struct command *command = &item->command;
    if (!item->readable && (uuid_is_nil(&command->id) || uuid_is_nil(&command->auction_id))) {
        *command = (struct command){.kind = COMMAND_BID};
    }
    if (!item->readable && command->kind == COMMAND_NONE) {
        command->kind = COMMAND_BID;
    }
}

static struct shard_reader_message *message_new(const struct shard_reader *shard_reader,
                                                const struct broker_delivery *delivery, size_t count)
{
    struct shard_reader_message *message = calloc(1, sizeof *message + count * sizeof message->items[0]);
    if (message == NULL) {
        return NULL;
    }
    message->tag = delivery->tag;
    message->careful = delivery->redelivered && delivery->delivery_count >= shard_reader->options.crash_count;
    message->count = count;
    memcpy(message->items, shard_reader->items, count * sizeof message->items[0]);
    for (size_t i = 0; i < count; i++) {
        clean_item(&message->items[i]);
        if (!message->items[i].readable && message->raw == NULL) {
            message->raw_index = i;
            message->raw = strndup(delivery->body, deadletter_length(delivery->body, delivery->length));
            if (message->raw == NULL) {
                message_free(message);
                return NULL;
            }
        }
    }
    return message;
}

static void on_delivery(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg)
{
    struct buffer *buffer = arg;
    struct shard_reader *shard_reader = buffer->shard_reader;
    const char *reason = "";
    size_t count = 0;
    (void)consumer;
    if (buffer->leaving) {
        return; /* returns to the queue when the channel closes */
    }
    if (!message_read_commands(delivery->body, delivery->length, shard_reader->items, MESSAGE_COMMANDS_MAX, &count,
                               &reason)) {
        undecodable_add(shard_reader->undecodable, buffer->shard, delivery, reason);
        return;
    }
    struct shard_reader_message *message = message_new(shard_reader, delivery, count);
    if (message == NULL) {
        /* Later deliveries must not be decided before this one: return all to the queue. */
        log_error("shard %u: no memory for a delivery", buffer->shard);
        buffer->leaving = true;
        return;
    }
    message->buffer = buffer;
    STAILQ_INSERT_TAIL(&buffer->messages, message, link);
    shard_reader->held += count;
    shard_reader->options.work(shard_reader->options.arg);
}

static void on_gone(struct broker_consumer *consumer, void *arg)
{
    struct buffer *buffer = arg;
    (void)consumer;
    buffer_clear(buffer);
}

static void on_undecodable_kept(unsigned shard, uint64_t tag, void *arg)
{
    struct shard_reader *shard_reader = arg;
    struct buffer *buffer = &shard_reader->buffers[shard];
    if (buffer->consumer != NULL && !broker_ack(buffer->consumer, tag, false)) {
        log_debug("shard %u: the channel closed before an ack", shard);
    }
}

size_t shard_reader_held(const struct shard_reader *shard_reader)
{
    return shard_reader->held;
}

struct shard_reader *shard_reader_new(const struct shard_reader_options *options)
{
    struct shard_reader *shard_reader = calloc(1, sizeof *shard_reader);
    if (shard_reader == NULL) {
        return NULL;
    }
    shard_reader->options = *options;
    struct undecodable_options undecodable = {
        .base = options->base,
        .broker = options->publishing,
        .shards = options->shards,
        .kept = on_undecodable_kept,
        .arg = shard_reader,
    };
    shard_reader->undecodable = undecodable_new(&undecodable);
    shard_reader->buffers = calloc(options->shards, sizeof *shard_reader->buffers);
    if (shard_reader->undecodable == NULL || shard_reader->buffers == NULL) {
        shard_reader_free(shard_reader);
        return NULL;
    }
    for (unsigned shard = 0; shard < options->shards; shard++) {
        shard_reader->buffers[shard] = (struct buffer){.shard_reader = shard_reader, .shard = shard};
        STAILQ_INIT(&shard_reader->buffers[shard].messages);
    }
    return shard_reader;
}

void shard_reader_free(struct shard_reader *shard_reader)
{
    if (shard_reader == NULL) {
        return;
    }
    for (unsigned shard = 0; shard_reader->buffers != NULL && shard < shard_reader->options.shards; shard++) {
        buffer_clear(&shard_reader->buffers[shard]);
    }
    undecodable_free(shard_reader->undecodable);
    free(shard_reader->buffers);
    free(shard_reader);
}

void shard_reader_serve(struct shard_reader *shard_reader, unsigned shard)
{
    struct buffer *buffer = &shard_reader->buffers[shard];
    char queue[TOPOLOGY_QUEUE_SIZE];
    assert(shard < shard_reader->options.shards);
    if (buffer->leaving && buffer->in_batch == 0) {
        buffer_leave(buffer);
    }
    if (buffer->consumer != NULL) {
        return; /* a shard that is being left is subscribed again at a later poll */
    }
    topology_shard_name(shard, queue);
    struct broker_consumer_options options = {
        .queue = queue,
        .prefetch = (uint16_t)shard_reader->options.prefetch_messages,
        .deliver = on_delivery,
        .gone = on_gone,
        .arg = buffer,
    };
    buffer->consumer = broker_consume(shard_reader->options.consuming, &options);
    if (buffer->consumer == NULL) {
        log_error("shard %u: subscription failed, no memory or no channel", shard);
        return;
    }
    log_info("shard %u taken", shard);
}

void shard_reader_leave(struct shard_reader *shard_reader, unsigned shard)
{
    struct buffer *buffer = &shard_reader->buffers[shard];
    assert(shard < shard_reader->options.shards);
    if (buffer->consumer == NULL) {
        return;
    }
    buffer->leaving = true;
    if (buffer->in_batch == 0) {
        buffer_leave(buffer);
    }
}

void shard_reader_abandon(struct shard_reader *shard_reader)
{
    for (unsigned shard = 0; shard < shard_reader->options.shards; shard++) {
        if (shard_reader->buffers[shard].consumer != NULL) {
            buffer_close(&shard_reader->buffers[shard], "given up");
        }
    }
}

bool shard_reader_reads(const struct shard_reader *shard_reader, unsigned shard)
{
    assert(shard < shard_reader->options.shards);
    return shard_reader->buffers[shard].consumer != NULL;
}

size_t shard_reader_serving(const struct shard_reader *shard_reader)
{
    size_t count = 0;
    for (unsigned shard = 0; shard < shard_reader->options.shards; shard++) {
        count += shard_reader->buffers[shard].consumer != NULL ? 1 : 0;
    }
    return count;
}

bool shard_reader_unacked(const struct shard_reader *shard_reader, unsigned shard, size_t *count)
{
    const struct buffer *buffer = &shard_reader->buffers[shard];
    const struct shard_reader_message *message = NULL;
    assert(shard < shard_reader->options.shards);
    *count = undecodable_count(shard_reader->undecodable, shard);
    STAILQ_FOREACH(message, &buffer->messages, link)
    {
        (*count)++;
    }
    return buffer->consumer != NULL;
}

/* Receipt of the message's first undecided command that has one. An unreadable command may have none. */
static int64_t received_ms(const struct shard_reader_message *message)
{
    for (size_t i = message->decided; i < message->count; i++) {
        if (message->items[i].command.received_ms > 0) {
            return message->items[i].command.received_ms;
        }
    }
    return 0;
}

int64_t shard_reader_oldest_ms(const struct shard_reader *shard_reader, unsigned shard)
{
    const struct shard_reader_message *message = NULL;
    assert(shard < shard_reader->options.shards);
    STAILQ_FOREACH(message, &shard_reader->buffers[shard].messages, link)
    {
        if (received_ms(message) > 0) {
            return received_ms(message);
        }
    }
    return 0;
}

void shard_reader_ask_ready(struct shard_reader *shard_reader)
{
    for (unsigned shard = 0; shard < shard_reader->options.shards; shard++) {
        if (shard_reader->buffers[shard].consumer != NULL && !shard_reader->buffers[shard].leaving) {
            broker_consumer_ask_ready(shard_reader->buffers[shard].consumer);
        }
    }
}

int64_t shard_reader_ready(const struct shard_reader *shard_reader, unsigned shard)
{
    const struct buffer *buffer = &shard_reader->buffers[shard];
    assert(shard < shard_reader->options.shards);
    return buffer->consumer == NULL ? -1 : broker_consumer_ready(buffer->consumer);
}

static void add_item(struct batch *batch, struct buffer *buffer, struct shard_reader_message *message)
{
    size_t index = message->decided + message->in_batch;
    const struct command_item *item = &message->items[index];
    struct batch_entry *entry = batch_add(batch, message, &item->command);
    entry->careful = message->careful;
    if (!item->readable) {
        entry->unreadable = true;
        entry->quarantine = BATCH_POISON;
        entry->reason = item->reason;
        entry->raw = index == message->raw_index ? message->raw : NULL;
    }
    message->in_batch++;
    buffer->in_batch++;
}

/* Takes commands of the buffer's next message. False when the buffer has no more for this batch. */
static bool take_message(struct buffer *buffer, struct batch *batch, size_t limit)
{
    struct shard_reader_message *message = buffer->cursor;
    if (message == NULL || (message->careful && batch->count > 0)) {
        return false;
    }
    if (message->careful) {
        add_item(batch, buffer, message);
        return false;
    }
    while (batch->count < limit && message->decided + message->in_batch < message->count) {
        add_item(batch, buffer, message);
    }
    buffer->cursor = STAILQ_NEXT(message, link);
    return true;
}

void shard_reader_take(struct shard_reader *shard_reader, struct batch *batch, size_t limit)
{
    unsigned shards = shard_reader->options.shards;
    bool more = true;
    assert(shards > 0 && batch->count == 0 && limit > 0 && limit <= batch->max);
    for (unsigned shard = 0; shard < shards; shard++) {
        struct buffer *buffer = &shard_reader->buffers[shard];
        assert(buffer->in_batch == 0);
        buffer->cursor = buffer->leaving ? NULL : STAILQ_FIRST(&buffer->messages);
    }
    while (more && batch->count < limit) {
        more = false;
        for (unsigned i = 0; i < shards && batch->count < limit; i++) {
            more = take_message(&shard_reader->buffers[(shard_reader->turn + i) % shards], batch, limit) || more;
            if (batch->count > 0 && batch->entries[0].careful) {
                more = false;
                break;
            }
        }
    }
    shard_reader->turn = (shard_reader->turn + 1) % shards;
}

/* Releases one command of the batch. */
static void release(struct shard_reader_message *message)
{
    struct buffer *buffer = message->buffer;
    assert(message->in_batch > 0);
    message->in_batch--;
    if (buffer != NULL) {
        buffer->in_batch--;
    } else if (message->in_batch == 0) {
        message_free(message);
    }
}

static void close_left(struct shard_reader *shard_reader)
{
    for (unsigned shard = 0; shard < shard_reader->options.shards; shard++) {
        struct buffer *buffer = &shard_reader->buffers[shard];
        if (buffer->leaving && buffer->in_batch == 0 && buffer->consumer != NULL) {
            buffer_leave(buffer);
        }
    }
}

void shard_reader_take_back(struct shard_reader *shard_reader, struct batch *batch, size_t keep)
{
    for (size_t i = keep; i < batch->count; i++) {
        release(batch->entries[i].message);
    }
    batch_keep(batch, keep);
    close_left(shard_reader);
}

void shard_reader_prune(struct shard_reader *shard_reader, struct batch *batch)
{
    size_t kept = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct batch_entry *entry = &batch->entries[i];
        const struct buffer *buffer = entry->message->buffer;
        if (buffer == NULL || buffer->leaving) {
            release(entry->message);
        } else {
            batch->entries[kept++] = *entry;
        }
    }
    batch_keep(batch, kept);
    close_left(shard_reader);
}

/*
 * Acks the decided messages at the head of the buffer. One ack covers all, unless an undecodable delivery between them
 * must not be acked yet.
 */
static void buffer_ack(struct buffer *buffer)
{
    bool one_by_one = undecodable_count(buffer->shard_reader->undecodable, buffer->shard) > 0;
    uint64_t last = 0;
    bool acked = true;
    struct shard_reader_message *message = STAILQ_FIRST(&buffer->messages);
    while (message != NULL && message->decided == message->count) {
        STAILQ_REMOVE_HEAD(&buffer->messages, link);
        last = message->tag;
        if (one_by_one) {
            acked = broker_ack(buffer->consumer, last, false) && acked;
        }
        buffer->in_batch -= message->in_batch;
        message_detach(message);
        message = STAILQ_FIRST(&buffer->messages);
    }
    if (last != 0 && !one_by_one) {
        acked = broker_ack(buffer->consumer, last, true);
    }
    if (!acked) {
        log_info("shard %u: the channel closed before an ack: its deliveries are redelivered", buffer->shard);
    }
}

void shard_reader_ack(struct shard_reader *shard_reader, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        batch->entries[i].message->decided++;
    }
    for (unsigned shard = 0; shard < shard_reader->options.shards; shard++) {
        struct buffer *buffer = &shard_reader->buffers[shard];
        if (buffer->consumer != NULL) {
            buffer_ack(buffer);
        }
    }
}

void shard_reader_finish(struct shard_reader *shard_reader, struct batch *batch)
{
    shard_reader_take_back(shard_reader, batch, 0);
    batch_clear(batch);
}
