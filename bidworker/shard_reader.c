/*
 * See intake.h. Called by worker, and by shards through it.
 *
 * Invariants: a line holds its deliveries in order of their tags; the batch in hand holds a prefix of each line's
 * undecided commands; a message leaves its line only when all its commands are decided, or with its channel.
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

struct line;

struct shard_reader_message {
    STAILQ_ENTRY(shard_reader_message) link;
    struct line *line; /* NULL: its channel is gone, and it is freed when no batch holds it */
    uint64_t tag;
    bool careful;
    char *raw;        /* the body, if one of its commands is not readable; else NULL */
    size_t raw_index; /* of the first such command */
    size_t in_batch;  /* commands in the batch in hand */
    size_t decided;   /* the first so many are committed */
    size_t count;
    struct command_item items[];
};

STAILQ_HEAD(message_list, shard_reader_message);

struct line {
    struct shard_reader *shard_reader;
    unsigned shard;
    struct broker_consumer *consumer; /* NULL: not served */
    bool leaving;
    size_t in_batch;
    struct message_list messages;
    struct shard_reader_message *cursor; /* while a batch is cut: the next message to take */
};

struct shard_reader {
    struct shard_reader_options options;
    struct line *lines;
    unsigned turn; /* the line that is first in the next batch */
    size_t held;   /* commands of the messages on all lines */
    struct undecodable *undecodable;
    struct command_item items[MESSAGE_COMMANDS_MAX]; /* of the delivery being decoded */
};

static void message_free(struct shard_reader_message *message)
{
    free(message->raw);
    free(message);
}

/* Taken off its line: lives on only as long as the batch in hand holds it. */
static void message_detach(struct shard_reader_message *message)
{
    message->line->shard_reader->held -= message->count;
    message->line = NULL;
    if (message->in_batch == 0) {
        message_free(message);
    }
}

/* Drops all deliveries; those in the batch in hand live on until it lets them go. */
static void line_clear(struct line *line)
{
    while (!STAILQ_EMPTY(&line->messages)) {
        struct shard_reader_message *message = STAILQ_FIRST(&line->messages);
        STAILQ_REMOVE_HEAD(&line->messages, link);
        message_detach(message);
    }
    line->in_batch = 0;
    undecodable_forget(line->shard_reader->undecodable, line->shard);
}

static void line_close(struct line *line)
{
    assert(line->consumer != NULL && line->in_batch == 0);
    broker_consumer_close(line->consumer);
    line->consumer = NULL;
    line->leaving = false;
    line_clear(line);
    log_info("shard %u left", line->shard);
}

/*
 * What could not be read has its place in the ledger as a bid, rejected. Ids that are not both there name no place in
 * any ledger.
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
    struct line *line = arg;
    struct shard_reader *shard_reader = line->shard_reader;
    const char *reason = "";
    size_t count = 0;
    (void)consumer;
    if (line->leaving) {
        return; /* goes back with the channel */
    }
    if (!message_read_commands(delivery->body, delivery->length, shard_reader->items, MESSAGE_COMMANDS_MAX, &count,
                               &reason)) {
        undecodable_add(shard_reader->undecodable, line->shard, delivery, reason);
        return;
    }
    struct shard_reader_message *message = message_new(shard_reader, delivery, count);
    if (message == NULL) {
        /* Later deliveries must not overtake this one: give them all back. */
        log_error("shard %u: no memory for a delivery", line->shard);
        line->leaving = true;
        return;
    }
    message->line = line;
    STAILQ_INSERT_TAIL(&line->messages, message, link);
    shard_reader->held += count;
    shard_reader->options.work(shard_reader->options.arg);
}

static void on_gone(struct broker_consumer *consumer, void *arg)
{
    struct line *line = arg;
    (void)consumer;
    line_clear(line);
}

static void on_undecodable_kept(unsigned shard, uint64_t tag, void *arg)
{
    struct shard_reader *shard_reader = arg;
    struct line *line = &shard_reader->lines[shard];
    if (line->consumer != NULL && !broker_ack(line->consumer, tag, false)) {
        log_debug("shard %u: the channel went before an ack", shard);
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
    shard_reader->lines = calloc(options->shards, sizeof *shard_reader->lines);
    if (shard_reader->undecodable == NULL || shard_reader->lines == NULL) {
        shard_reader_free(shard_reader);
        return NULL;
    }
    for (unsigned shard = 0; shard < options->shards; shard++) {
        shard_reader->lines[shard] = (struct line){.shard_reader = shard_reader, .shard = shard};
        STAILQ_INIT(&shard_reader->lines[shard].messages);
    }
    return shard_reader;
}

void shard_reader_free(struct shard_reader *shard_reader)
{
    if (shard_reader == NULL) {
        return;
    }
    for (unsigned shard = 0; shard_reader->lines != NULL && shard < shard_reader->options.shards; shard++) {
        line_clear(&shard_reader->lines[shard]);
    }
    undecodable_free(shard_reader->undecodable);
    free(shard_reader->lines);
    free(shard_reader);
}

void shard_reader_serve(struct shard_reader *shard_reader, unsigned shard)
{
    struct line *line = &shard_reader->lines[shard];
    char queue[TOPOLOGY_QUEUE_SIZE];
    assert(shard < shard_reader->options.shards);
    if (line->leaving && line->in_batch == 0) {
        line_close(line);
    }
    if (line->consumer != NULL) {
        return; /* if it is being left, it is taken again at the next look */
    }
    topology_shard_name(shard, queue);
    struct broker_consumer_options options = {
        .queue = queue,
        .prefetch = (uint16_t)shard_reader->options.prefetch_messages,
        .deliver = on_delivery,
        .gone = on_gone,
        .arg = line,
    };
    line->consumer = broker_consume(shard_reader->options.consuming, &options);
    if (line->consumer == NULL) {
        log_error("shard %u cannot be subscribed: no memory or no channel", shard);
        return;
    }
    log_info("shard %u taken", shard);
}

void shard_reader_leave(struct shard_reader *shard_reader, unsigned shard)
{
    struct line *line = &shard_reader->lines[shard];
    assert(shard < shard_reader->options.shards);
    if (line->consumer == NULL) {
        return;
    }
    line->leaving = true;
    if (line->in_batch == 0) {
        line_close(line);
    }
}

size_t shard_reader_serving(const struct shard_reader *shard_reader)
{
    size_t count = 0;
    for (unsigned shard = 0; shard < shard_reader->options.shards; shard++) {
        count += shard_reader->lines[shard].consumer != NULL ? 1 : 0;
    }
    return count;
}

bool shard_reader_unacked(const struct shard_reader *shard_reader, unsigned shard, size_t *count)
{
    const struct line *line = &shard_reader->lines[shard];
    const struct shard_reader_message *message = NULL;
    assert(shard < shard_reader->options.shards);
    *count = undecodable_count(shard_reader->undecodable, shard);
    STAILQ_FOREACH(message, &line->messages, link)
    {
        (*count)++;
    }
    return line->consumer != NULL;
}

void shard_reader_ask_ready(struct shard_reader *shard_reader)
{
    for (unsigned shard = 0; shard < shard_reader->options.shards; shard++) {
        if (shard_reader->lines[shard].consumer != NULL && !shard_reader->lines[shard].leaving) {
            broker_consumer_ask_ready(shard_reader->lines[shard].consumer);
        }
    }
}

int64_t shard_reader_ready(const struct shard_reader *shard_reader, unsigned shard)
{
    const struct line *line = &shard_reader->lines[shard];
    assert(shard < shard_reader->options.shards);
    return line->consumer == NULL ? -1 : broker_consumer_ready(line->consumer);
}

static void add_item(struct batch *batch, struct line *line, struct shard_reader_message *message)
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
    line->in_batch++;
}

/* Takes from the line's next message; false when the line has nothing (more) for this batch. */
static bool take_message(struct line *line, struct batch *batch, size_t limit)
{
    struct shard_reader_message *message = line->cursor;
    if (message == NULL || (message->careful && batch->count > 0)) {
        return false;
    }
    if (message->careful) {
        add_item(batch, line, message);
        return false;
    }
    while (batch->count < limit && message->decided + message->in_batch < message->count) {
        add_item(batch, line, message);
    }
    line->cursor = STAILQ_NEXT(message, link);
    return true;
}

void shard_reader_take(struct shard_reader *shard_reader, struct batch *batch, size_t limit)
{
    unsigned shards = shard_reader->options.shards;
    bool more = true;
    assert(shards > 0 && batch->count == 0 && limit > 0 && limit <= batch->max);
    for (unsigned shard = 0; shard < shards; shard++) {
        struct line *line = &shard_reader->lines[shard];
        assert(line->in_batch == 0);
        line->cursor = line->leaving ? NULL : STAILQ_FIRST(&line->messages);
    }
    while (more && batch->count < limit) {
        more = false;
        for (unsigned i = 0; i < shards && batch->count < limit; i++) {
            more = take_message(&shard_reader->lines[(shard_reader->turn + i) % shards], batch, limit) || more;
            if (batch->count > 0 && batch->entries[0].careful) {
                more = false;
                break;
            }
        }
    }
    shard_reader->turn = (shard_reader->turn + 1) % shards;
}

/* The batch lets go of one command. */
static void release(struct shard_reader_message *message)
{
    struct line *line = message->line;
    assert(message->in_batch > 0);
    message->in_batch--;
    if (line != NULL) {
        line->in_batch--;
    } else if (message->in_batch == 0) {
        message_free(message);
    }
}

static void close_left(struct shard_reader *shard_reader)
{
    for (unsigned shard = 0; shard < shard_reader->options.shards; shard++) {
        struct line *line = &shard_reader->lines[shard];
        if (line->leaving && line->in_batch == 0 && line->consumer != NULL) {
            line_close(line);
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
        const struct line *line = entry->message->line;
        if (line == NULL || line->leaving) {
            release(entry->message);
        } else {
            batch->entries[kept++] = *entry;
        }
    }
    batch_keep(batch, kept);
    close_left(shard_reader);
}

/* Acks the head of the line as far as it is decided; at once, unless garbage in between must not be acked yet. */
static void line_ack(struct line *line)
{
    bool one_by_one = undecodable_count(line->shard_reader->undecodable, line->shard) > 0;
    uint64_t last = 0;
    bool acked = true;
    struct shard_reader_message *message = STAILQ_FIRST(&line->messages);
    while (message != NULL && message->decided == message->count) {
        STAILQ_REMOVE_HEAD(&line->messages, link);
        last = message->tag;
        if (one_by_one) {
            acked = broker_ack(line->consumer, last, false) && acked;
        }
        line->in_batch -= message->in_batch;
        message_detach(message);
        message = STAILQ_FIRST(&line->messages);
    }
    if (last != 0 && !one_by_one) {
        acked = broker_ack(line->consumer, last, true);
    }
    if (!acked) {
        log_info("shard %u: the channel went before an ack: its deliveries come again", line->shard);
    }
}

void shard_reader_ack(struct shard_reader *shard_reader, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        batch->entries[i].message->decided++;
    }
    for (unsigned shard = 0; shard < shard_reader->options.shards; shard++) {
        struct line *line = &shard_reader->lines[shard];
        if (line->consumer != NULL) {
            line_ack(line);
        }
    }
}

void shard_reader_finish(struct shard_reader *shard_reader, struct batch *batch)
{
    shard_reader_take_back(shard_reader, batch, 0);
    batch_clear(batch);
}
