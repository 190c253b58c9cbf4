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

struct intake_message {
    STAILQ_ENTRY(intake_message) link;
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

STAILQ_HEAD(message_list, intake_message);

struct line {
    struct intake *intake;
    unsigned shard;
    struct broker_consumer *consumer; /* NULL: not served */
    bool leaving;
    size_t in_batch;
    struct message_list messages;
    struct intake_message *cursor; /* while a batch is cut: the next message to take */
};

struct intake {
    struct intake_options options;
    struct line *lines;
    unsigned turn; /* the line that is first in the next batch */
    size_t held;   /* commands of the messages on all lines */
    struct undecodable *undecodable;
    struct command_item items[MESSAGE_COMMANDS_MAX]; /* of the delivery being decoded */
};

static void message_free(struct intake_message *message)
{
    free(message->raw);
    free(message);
}

/* Taken off its line: lives on only as long as the batch in hand holds it. */
static void message_detach(struct intake_message *message)
{
    message->line->intake->held -= message->count;
    message->line = NULL;
    if (message->in_batch == 0) {
        message_free(message);
    }
}

/* Drops all deliveries; those in the batch in hand live on until it lets them go. */
static void line_clear(struct line *line)
{
    while (!STAILQ_EMPTY(&line->messages)) {
        struct intake_message *message = STAILQ_FIRST(&line->messages);
        STAILQ_REMOVE_HEAD(&line->messages, link);
        message_detach(message);
    }
    line->in_batch = 0;
    undecodable_forget(line->intake->undecodable, line->shard);
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

/* Ids that are not both there name no place in any ledger. */
static void clean_item(struct command_item *item)
{
    struct command *command = &item->command;
    if (!item->readable && (uuid_is_nil(&command->id) || uuid_is_nil(&command->auction_id))) {
        *command = (struct command){.kind = COMMAND_BID};
    }
}

static struct intake_message *message_new(const struct intake *intake, const struct broker_delivery *delivery,
                                          size_t count)
{
    struct intake_message *message = calloc(1, sizeof *message + count * sizeof message->items[0]);
    if (message == NULL) {
        return NULL;
    }
    message->tag = delivery->tag;
    message->careful = delivery->redelivered && delivery->delivery_count >= intake->options.crash_count;
    message->count = count;
    memcpy(message->items, intake->items, count * sizeof message->items[0]);
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
    struct intake *intake = line->intake;
    const char *reason = "";
    size_t count = 0;
    (void)consumer;
    if (line->leaving) {
        return; /* goes back with the channel */
    }
    if (!message_read_commands(delivery->body, delivery->length, intake->items, MESSAGE_COMMANDS_MAX, &count,
                               &reason)) {
        undecodable_add(intake->undecodable, line->shard, delivery, reason);
        return;
    }
    struct intake_message *message = message_new(intake, delivery, count);
    if (message == NULL) {
        /* Later deliveries must not overtake this one: give them all back. */
        log_error("shard %u: no memory for a delivery", line->shard);
        line->leaving = true;
        return;
    }
    message->line = line;
    STAILQ_INSERT_TAIL(&line->messages, message, link);
    intake->held += count;
    intake->options.work(intake->options.arg);
}

static void on_gone(struct broker_consumer *consumer, void *arg)
{
    struct line *line = arg;
    (void)consumer;
    line_clear(line);
}

static void on_undecodable_kept(unsigned shard, uint64_t tag, void *arg)
{
    struct intake *intake = arg;
    struct line *line = &intake->lines[shard];
    if (line->consumer != NULL && !broker_ack(line->consumer, tag, false)) {
        log_debug("shard %u: the channel went before an ack", shard);
    }
}

size_t intake_held(const struct intake *intake)
{
    return intake->held;
}

struct intake *intake_new(const struct intake_options *options)
{
    struct intake *intake = calloc(1, sizeof *intake);
    if (intake == NULL) {
        return NULL;
    }
    intake->options = *options;
    struct undecodable_options undecodable = {
        .base = options->base,
        .broker = options->publishing,
        .shards = options->shards,
        .kept = on_undecodable_kept,
        .arg = intake,
    };
    intake->undecodable = undecodable_new(&undecodable);
    intake->lines = calloc(options->shards, sizeof *intake->lines);
    if (intake->undecodable == NULL || intake->lines == NULL) {
        intake_free(intake);
        return NULL;
    }
    for (unsigned shard = 0; shard < options->shards; shard++) {
        intake->lines[shard] = (struct line){.intake = intake, .shard = shard};
        STAILQ_INIT(&intake->lines[shard].messages);
    }
    return intake;
}

void intake_free(struct intake *intake)
{
    if (intake == NULL) {
        return;
    }
    for (unsigned shard = 0; intake->lines != NULL && shard < intake->options.shards; shard++) {
        line_clear(&intake->lines[shard]);
    }
    undecodable_free(intake->undecodable);
    free(intake->lines);
    free(intake);
}

void intake_serve(struct intake *intake, unsigned shard)
{
    struct line *line = &intake->lines[shard];
    char queue[TOPOLOGY_QUEUE_SIZE];
    assert(shard < intake->options.shards);
    if (line->leaving && line->in_batch == 0) {
        line_close(line);
    }
    if (line->consumer != NULL) {
        return; /* if it is being left, it is taken again at the next look */
    }
    topology_shard_name(shard, queue);
    struct broker_consumer_options options = {
        .queue = queue,
        .prefetch = (uint16_t)intake->options.prefetch_messages,
        .deliver = on_delivery,
        .gone = on_gone,
        .arg = line,
    };
    line->consumer = broker_consume(intake->options.consuming, &options);
    if (line->consumer == NULL) {
        log_error("shard %u cannot be subscribed: no memory or no channel", shard);
        return;
    }
    log_info("shard %u taken", shard);
}

void intake_leave(struct intake *intake, unsigned shard)
{
    struct line *line = &intake->lines[shard];
    assert(shard < intake->options.shards);
    if (line->consumer == NULL) {
        return;
    }
    line->leaving = true;
    if (line->in_batch == 0) {
        line_close(line);
    }
}

size_t intake_serving(const struct intake *intake)
{
    size_t count = 0;
    for (unsigned shard = 0; shard < intake->options.shards; shard++) {
        count += intake->lines[shard].consumer != NULL ? 1 : 0;
    }
    return count;
}

bool intake_unacked(const struct intake *intake, unsigned shard, size_t *count)
{
    const struct line *line = &intake->lines[shard];
    const struct intake_message *message = NULL;
    assert(shard < intake->options.shards);
    *count = undecodable_count(intake->undecodable, shard);
    STAILQ_FOREACH(message, &line->messages, link)
    {
        (*count)++;
    }
    return line->consumer != NULL;
}

void intake_ask_ready(struct intake *intake)
{
    for (unsigned shard = 0; shard < intake->options.shards; shard++) {
        if (intake->lines[shard].consumer != NULL && !intake->lines[shard].leaving) {
            broker_consumer_ask_ready(intake->lines[shard].consumer);
        }
    }
}

int64_t intake_ready(const struct intake *intake, unsigned shard)
{
    const struct line *line = &intake->lines[shard];
    assert(shard < intake->options.shards);
    return line->consumer == NULL ? -1 : broker_consumer_ready(line->consumer);
}

static void add_item(struct batch *batch, struct line *line, struct intake_message *message)
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
    struct intake_message *message = line->cursor;
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

void intake_take(struct intake *intake, struct batch *batch, size_t limit)
{
    unsigned shards = intake->options.shards;
    bool more = true;
    assert(shards > 0 && batch->count == 0 && limit > 0 && limit <= batch->max);
    for (unsigned shard = 0; shard < shards; shard++) {
        struct line *line = &intake->lines[shard];
        assert(line->in_batch == 0);
        line->cursor = line->leaving ? NULL : STAILQ_FIRST(&line->messages);
    }
    while (more && batch->count < limit) {
        more = false;
        for (unsigned i = 0; i < shards && batch->count < limit; i++) {
            more = take_message(&intake->lines[(intake->turn + i) % shards], batch, limit) || more;
            if (batch->count > 0 && batch->entries[0].careful) {
                more = false;
                break;
            }
        }
    }
    intake->turn = (intake->turn + 1) % shards;
}

/* The batch lets go of one command. */
static void release(struct intake_message *message)
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

static void close_left(struct intake *intake)
{
    for (unsigned shard = 0; shard < intake->options.shards; shard++) {
        struct line *line = &intake->lines[shard];
        if (line->leaving && line->in_batch == 0 && line->consumer != NULL) {
            line_close(line);
        }
    }
}

void intake_take_back(struct intake *intake, struct batch *batch, size_t keep)
{
    for (size_t i = keep; i < batch->count; i++) {
        release(batch->entries[i].message);
    }
    batch_keep(batch, keep);
    close_left(intake);
}

void intake_prune(struct intake *intake, struct batch *batch)
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
    close_left(intake);
}

/* Acks the head of the line as far as it is decided; at once, unless garbage in between must not be acked yet. */
static void line_ack(struct line *line)
{
    bool one_by_one = undecodable_count(line->intake->undecodable, line->shard) > 0;
    uint64_t last = 0;
    bool acked = true;
    struct intake_message *message = STAILQ_FIRST(&line->messages);
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

void intake_ack(struct intake *intake, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        batch->entries[i].message->decided++;
    }
    for (unsigned shard = 0; shard < intake->options.shards; shard++) {
        struct line *line = &intake->lines[shard];
        if (line->consumer != NULL) {
            line_ack(line);
        }
    }
}

void intake_finish(struct intake *intake, struct batch *batch)
{
    intake_take_back(intake, batch, 0);
    batch_clear(batch);
}
