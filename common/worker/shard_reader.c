/*
 * See shard_reader.h. Called by worker.c and cycle.c.
 *
 * Invariants:
 *   - A buffer holds its deliveries in the order of their tags.
 *   - The current batch holds a prefix of each key's undecided commands, and in it none of a key that waits for its
 *     row (locked_rows.h), unless that is due to be tried again. Then it is one command.
 *   - A message may name several keys: some of its commands may be decided while others wait.
 *   - A message leaves its buffer when all its commands are decided, or when its channel closes.
 */
#include "common/worker/shard_reader.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/timer.h"
#include "common/protocol/deadletter.h"
#include "common/worker/locked_rows.h"
#include "common/worker/undecodable.h"

enum {
    SET_MAX = 64, /* commands of a message */
    /*
     * Messages of a shard that are delivered and not acked. It must be the same in all workers. RabbitMQ returns the
     * messages of a closed channel to the front of the queue; those that are returned again go behind the rest of the
     * first return. A worker that takes all returned messages at once keeps the order. To change it, stop all workers
     * of the family first.
     */
    PREFETCH_MESSAGES = 1024,
    LOCKED_SHARE = 2,        /* the part of the prefetch that locked rows may fill is one of so many */
    LOCKED_REPORT_MS = 5000, /* a row that is locked for longer is named in the log */
};

struct buffer;

struct shard_reader_message {
    TAILQ_ENTRY(shard_reader_message) link;
    struct buffer *buffer; /* NULL: its channel is gone; it is freed when no batch holds it */
    uint64_t tag;
    bool careful;
    char *raw;        /* the body, if one of its commands is unreadable; else NULL */
    size_t raw_index; /* of the first unreadable command */
    /* Sets of commands, by index: a bit each. */
    uint64_t in_batch; /* in the current batch */
    uint64_t decided;  /* committed */
    size_t count;
    /* Then `count` items of the family. */
    _Alignas(max_align_t) unsigned char items[];
};

TAILQ_HEAD(message_list, shard_reader_message);

struct buffer {
    struct shard_reader *shard_reader;
    unsigned shard;
    struct broker_consumer *consumer; /* NULL: not served */
    bool leaving;
    size_t in_batch;
    struct message_list messages;
    struct locked_rows locked;           /* messages with their commands stay in `messages` */
    struct shard_reader_message *cursor; /* while a batch is filled: the next message to take */
    size_t locked_before;                /* likewise: messages before it with commands of locked rows */
    bool waits;                          /* locked rows fill their part of the prefetch; reported */
};

struct shard_reader {
    struct shard_reader_options options;
    struct buffer *buffers;
    unsigned turn;  /* index of the buffer from which the next batch takes first */
    int64_t now_ms; /* clock_mono_ms of the current batch: a row is due for all of its commands, or for none */
    size_t held;    /* number of undecided commands in all buffers */
    struct event *locked_timer;
    struct undecodable *undecodable;
    void *items; /* of the delivery being decoded */
};

static void message_free(struct shard_reader_message *message)
{
    free(message->raw);
    free(message);
}

static uint64_t set_of(size_t index)
{
    return UINT64_C(1) << index;
}

static size_t set_size(uint64_t set)
{
    return (size_t)__builtin_popcountll(set);
}

static uint64_t undecided(const struct shard_reader_message *message)
{
    return (UINT64_MAX >> (SET_MAX - message->count)) & ~message->decided;
}

/* Removes the message from its buffer. It is freed at once, or when the current batch releases it. */
static void message_detach(struct shard_reader_message *message)
{
    message->buffer->shard_reader->held -= set_size(undecided(message));
    message->buffer = NULL;
    if (message->in_batch == 0) {
        message_free(message);
    }
}

/* Removes all deliveries. Those in the current batch are freed when it releases them. */
static void buffer_clear(struct buffer *buffer)
{
    while (!TAILQ_EMPTY(&buffer->messages)) {
        struct shard_reader_message *message = TAILQ_FIRST(&buffer->messages);
        TAILQ_REMOVE(&buffer->messages, message, link);
        message_detach(message);
    }
    buffer->in_batch = 0;
    buffer->waits = false;
    locked_rows_clear(&buffer->locked);
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
 * An unreadable command is rejected in the ledger. Without both ids, or of another shard, it has no place in a ledger
 * of this worker, and only becomes a dead letter. False: no memory.
 */
static bool reject_items(struct shard_reader_message *message, const struct shard_reader_options *options,
                         const struct broker_delivery *delivery, unsigned shard)
{
    for (size_t i = 0; i < message->count; i++) {
        struct work_command command;
        options->family->describe(message->items, i, &command);
        bool foreign = !uuid_is_nil(command.key) && ids_shard(command.key, options->shards) != shard;
        if (command.unreadable == NULL && !foreign) {
            continue;
        }
        bool placed = !foreign && !uuid_is_nil(command.id) && !uuid_is_nil(command.key);
        options->family->reject(message->items, i, foreign ? "of another shard" : command.unreadable, placed);
        if (message->raw == NULL) {
            message->raw_index = i;
            message->raw = strndup(delivery->body, deadletter_length(delivery->body, delivery->length));
            if (message->raw == NULL) {
                return false;
            }
        }
    }
    return true;
}

static struct shard_reader_message *message_new(const struct buffer *buffer, const struct broker_delivery *delivery,
                                                size_t count)
{
    const struct shard_reader *shard_reader = buffer->shard_reader;
    const struct work_family *family = shard_reader->options.family;
    struct shard_reader_message *message = calloc(1, sizeof *message + count * family->item_size);
    if (message == NULL) {
        return NULL;
    }
    message->tag = delivery->tag;
    message->careful = delivery->redelivered && delivery->delivery_count >= shard_reader->options.crash_count;
    message->count = count;
    memcpy(message->items, shard_reader->items, count * family->item_size);
    if (!reject_items(message, &shard_reader->options, delivery, buffer->shard)) {
        message_free(message);
        return NULL;
    }
    return message;
}

/* Later deliveries must not be decided or acked before this one: returns all to the queue. */
static void leave_without_memory(struct buffer *buffer)
{
    log_error("shard %u: no memory for a delivery", buffer->shard);
    buffer->leaving = true;
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
    if (!shard_reader->options.family->read(delivery->body, delivery->length, shard_reader->items, &count, &reason)) {
        if (!undecodable_add(shard_reader->undecodable, buffer->shard, delivery, reason)) {
            leave_without_memory(buffer);
        }
        return;
    }
    struct shard_reader_message *message = message_new(buffer, delivery, count);
    if (message == NULL) {
        leave_without_memory(buffer);
        return;
    }
    message->buffer = buffer;
    TAILQ_INSERT_TAIL(&buffer->messages, message, link);
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

static void on_locked_timer(evutil_socket_t fd, short what, void *arg)
{
    struct shard_reader *shard_reader = arg;
    (void)fd;
    (void)what;
    shard_reader->options.work(shard_reader->options.arg);
}

struct shard_reader *shard_reader_new(const struct shard_reader_options *options)
{
    assert(options->family->items_max <= SET_MAX);
    struct shard_reader *shard_reader = calloc(1, sizeof *shard_reader);
    if (shard_reader == NULL) {
        return NULL;
    }
    shard_reader->options = *options;
    struct undecodable_options undecodable = {
        .base = options->base,
        .broker = options->publishing,
        .routing_key = options->family->topology->dead_key,
        .shards = options->shards,
        .kept = on_undecodable_kept,
        .arg = shard_reader,
    };
    shard_reader->undecodable = undecodable_new(&undecodable);
    shard_reader->locked_timer = evtimer_new(options->base, on_locked_timer, shard_reader);
    shard_reader->buffers = calloc(options->shards, sizeof *shard_reader->buffers);
    shard_reader->items = calloc(options->family->items_max, options->family->item_size);
    if (shard_reader->items == NULL || shard_reader->undecodable == NULL || shard_reader->locked_timer == NULL ||
        shard_reader->buffers == NULL) {
        shard_reader_free(shard_reader);
        return NULL;
    }
    for (unsigned shard = 0; shard < options->shards; shard++) {
        shard_reader->buffers[shard] = (struct buffer){.shard_reader = shard_reader, .shard = shard};
        TAILQ_INIT(&shard_reader->buffers[shard].messages);
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
        locked_rows_free(&shard_reader->buffers[shard].locked);
    }
    if (shard_reader->locked_timer != NULL) {
        event_free(shard_reader->locked_timer);
    }
    undecodable_free(shard_reader->undecodable);
    free(shard_reader->buffers);
    free(shard_reader->items);
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
    topology_shard_name(shard_reader->options.family->topology, shard, queue);
    struct broker_consumer_options options = {
        .queue = queue,
        .prefetch = PREFETCH_MESSAGES,
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
    TAILQ_FOREACH(message, &buffer->messages, link)
    {
        (*count)++;
    }
    return buffer->consumer != NULL;
}

size_t shard_reader_locked(const struct shard_reader *shard_reader, int64_t *since_ms)
{
    size_t count = 0;
    *since_ms = INT64_MAX;
    for (unsigned shard = 0; shard < shard_reader->options.shards; shard++) {
        const struct locked_rows *locked = &shard_reader->buffers[shard].locked;
        int64_t oldest_ms = locked_rows_since_ms(locked);
        *since_ms = oldest_ms < *since_ms ? oldest_ms : *since_ms;
        count += locked->count;
    }
    return count;
}

static struct work_command command_of(const struct shard_reader_message *message, size_t index)
{
    struct work_command command;
    message->buffer->shard_reader->options.family->describe(message->items, index, &command);
    return command;
}

/* Adds the key of a locked row, unless an older command has added it. */
static void describe_locked(const struct work_command *command, struct shards_report *report)
{
    for (size_t i = 0; i < report->locked_count; i++) {
        if (uuid_equal(&report->locked[i].auction_id, command->key)) {
            return;
        }
    }
    if (report->locked_count < SHARDS_LOCKED_MAX) {
        report->locked[report->locked_count++] =
            (struct shards_locked){.auction_id = *command->key, .oldest_ms = command->received_ms};
    }
}

/* The oldest is the first undecided command that has a time of receipt: an unreadable one may have none. */
static void describe_message(const struct shard_reader_message *message, struct shards_report *report)
{
    for (size_t i = 0; i < message->count; i++) {
        const struct work_command command = command_of(message, i);
        if ((undecided(message) & set_of(i)) == 0 || command.received_ms == 0) {
            continue;
        }
        if (locked_rows_find(&message->buffer->locked, command.key) != NULL) {
            describe_locked(&command, report);
        } else if (report->oldest_ms == 0) {
            report->oldest_ms = command.received_ms;
        }
    }
}

void shard_reader_describe(const struct shard_reader *shard_reader, unsigned shard, struct shards_report *report)
{
    assert(shard < shard_reader->options.shards);
    const struct buffer *buffer = &shard_reader->buffers[shard];
    const struct shard_reader_message *message = NULL;
    report->oldest_ms = 0;
    report->locked_count = 0;
    TAILQ_FOREACH(message, &buffer->messages, link)
    {
        describe_message(message, report);
        if (report->oldest_ms != 0 && buffer->locked.count == 0) {
            break;
        }
    }
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

static void add_item(struct work *work, struct shard_reader_message *message, size_t index)
{
    const struct work_command command = command_of(message, index);
    struct work_entry *entry = work_add(work, message, &command);
    entry->item = index;
    entry->careful = message->careful;
    if (command.unreadable != NULL) {
        entry->quarantine = uuid_is_nil(command.id) ? WORK_UNWRITABLE : WORK_POISON;
        entry->reason = command.unreadable;
        entry->raw = index == message->raw_index ? message->raw : NULL;
    }
    message->in_batch |= set_of(index);
    message->buffer->in_batch++;
}

static void report_locked(const struct work_family *family, const struct locked_row *row, enum log_level level,
                          const char *text)
{
    struct log_about about = family->about(&row->id);
    about.duration_ms = clock_mono_ms() - row->since_ms;
    log_line(level, &about, "%s", text);
}

static void report_waiting(struct buffer *buffer)
{
    if (!buffer->waits) {
        log_warn("shard %u waits: %zu of its messages are of %s", buffer->shard, buffer->locked_before,
                 buffer->shard_reader->options.family->waits);
    }
    buffer->waits = true;
}

/* Moves the cursor, unless commands of locked rows fill their part of the prefetch. */
static void set_cursor(struct buffer *buffer, struct shard_reader_message *message)
{
    enum { MOST = PREFETCH_MESSAGES / LOCKED_SHARE };
    if (message != NULL && buffer->locked_before >= MOST) {
        report_waiting(buffer);
        message = NULL;
    }
    buffer->cursor = message;
}

/*
 * Whether a command waits because the row of its key is locked; sets `*locked` if it is. Of a row that is due, one
 * command is tried.
 */
static bool waits_for_row(struct buffer *buffer, const struct uuid *key, bool *locked)
{
    const struct work_family *family = buffer->shard_reader->options.family;
    int64_t now_ms = buffer->shard_reader->now_ms;
    struct locked_row *row = buffer->locked.count > 0 ? locked_rows_find(&buffer->locked, key) : NULL;
    if (row == NULL) {
        return false;
    }
    *locked = true;
    if (now_ms < row->due_ms) {
        return true;
    }
    if (!row->reported && now_ms - row->since_ms >= LOCKED_REPORT_MS) {
        row->reported = true;
        report_locked(family, row, LOG_WARN, family->locked);
    }
    locked_row_try(row, now_ms);
    return false;
}

/* Takes commands of the buffer's next message. False when the buffer has no more for this batch. */
static bool take_message(struct buffer *buffer, struct work *work, size_t limit)
{
    struct shard_reader_message *message = buffer->cursor;
    if (message == NULL || (message->careful && work->count > 0)) {
        return false;
    }
    bool any_locked = false;
    for (size_t i = 0; i < message->count && work->count < limit; i++) {
        if ((undecided(message) & set_of(i)) == 0) {
            continue;
        }
        if (waits_for_row(buffer, command_of(message, i).key, &any_locked)) {
            continue;
        }
        add_item(work, message, i);
        if (message->careful) {
            return false;
        }
    }
    buffer->locked_before += any_locked ? 1 : 0;
    set_cursor(buffer, TAILQ_NEXT(message, link));
    return true;
}

static void arm_locked_timer(struct shard_reader *shard_reader)
{
    int64_t due_ms = INT64_MAX;
    for (unsigned shard = 0; shard < shard_reader->options.shards; shard++) {
        int64_t first_ms = locked_rows_due_ms(&shard_reader->buffers[shard].locked);
        due_ms = first_ms < due_ms ? first_ms : due_ms;
    }
    if (due_ms == INT64_MAX) {
        return;
    }
    int64_t wait_ms = due_ms - clock_mono_ms();
    wait_ms = wait_ms < LOCKED_RETRY_MIN_MS ? LOCKED_RETRY_MIN_MS : wait_ms;
    timer_set(shard_reader->locked_timer, wait_ms);
}

void shard_reader_take(struct shard_reader *shard_reader, struct work *work, size_t limit)
{
    unsigned shards = shard_reader->options.shards;
    bool more = true;
    assert(shards > 0 && work->count == 0 && limit > 0 && limit <= work->max);
    shard_reader->now_ms = clock_mono_ms();
    for (unsigned shard = 0; shard < shards; shard++) {
        struct buffer *buffer = &shard_reader->buffers[shard];
        assert(buffer->in_batch == 0);
        buffer->waits = buffer->waits && buffer->locked.count > 0;
        buffer->locked_before = 0;
        set_cursor(buffer, buffer->leaving ? NULL : TAILQ_FIRST(&buffer->messages));
    }
    while (more && work->count < limit) {
        more = false;
        for (unsigned i = 0; i < shards && work->count < limit; i++) {
            more = take_message(&shard_reader->buffers[(shard_reader->turn + i) % shards], work, limit) || more;
            if (work->count > 0 && work->entries[0].careful) {
                more = false;
                break;
            }
        }
    }
    shard_reader->turn = (shard_reader->turn + 1) % shards;
    arm_locked_timer(shard_reader);
}

/* Releases a command of the batch. */
static void release(const struct work_entry *entry)
{
    struct shard_reader_message *message = entry->message;
    struct buffer *buffer = message->buffer;
    assert((message->in_batch & set_of(entry->item)) != 0);
    message->in_batch &= ~set_of(entry->item);
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

void shard_reader_take_back(struct shard_reader *shard_reader, struct work *work, size_t keep)
{
    for (size_t i = keep; i < work->count; i++) {
        release(&work->entries[i]);
    }
    work_keep(work, keep);
    close_left(shard_reader);
}

void shard_reader_prune(struct shard_reader *shard_reader, struct work *work)
{
    size_t kept = 0;
    for (size_t i = 0; i < work->count; i++) {
        struct work_entry *entry = &work->entries[i];
        const struct buffer *buffer = entry->message->buffer;
        if (buffer == NULL || buffer->leaving) {
            release(entry);
        } else {
            work->entries[kept++] = *entry;
        }
    }
    work_keep(work, kept);
    close_left(shard_reader);
}

/*
 * Acks the decided messages of the current batch. One ack covers all, unless an earlier delivery must not be acked yet:
 * an undecodable one, or one with commands of a locked row. The messages behind that are acked one by one.
 */
static void buffer_ack(struct buffer *buffer)
{
    bool one_by_one = undecodable_count(buffer->shard_reader->undecodable, buffer->shard) > 0;
    uint64_t last = 0;
    bool acked = true;
    size_t left = buffer->in_batch;
    struct shard_reader_message *next = NULL;
    for (struct shard_reader_message *message = TAILQ_FIRST(&buffer->messages); left > 0; message = next) {
        assert(message != NULL);
        next = TAILQ_NEXT(message, link);
        left -= set_size(message->in_batch);
        if (undecided(message) != 0) {
            one_by_one = true;
            continue;
        }
        if (one_by_one) {
            acked = broker_ack(buffer->consumer, message->tag, false) && acked;
        } else {
            last = message->tag;
        }
        TAILQ_REMOVE(&buffer->messages, message, link);
        buffer->in_batch -= set_size(message->in_batch);
        message_detach(message);
    }
    if (last != 0) {
        acked = broker_ack(buffer->consumer, last, true) && acked;
    }
    if (!acked) {
        log_info("shard %u: the channel closed before an ack: its deliveries are redelivered", buffer->shard);
    }
}

static void set_aside(const struct work_entry *entry)
{
    struct buffer *buffer = entry->message->buffer;
    if (buffer != NULL && !locked_rows_add(&buffer->locked, entry->command.key, clock_mono_ms())) {
        /* Its later commands must not be decided before these: return all to the queue. */
        log_error("shard %u: no memory for a locked row", buffer->shard);
        buffer->leaving = true;
    }
}

/* A command is decided: its row is not locked any more. */
static void end_wait(const struct work_entry *entry)
{
    struct buffer *buffer = entry->message->buffer;
    if (buffer == NULL || buffer->locked.count == 0) {
        return;
    }
    struct locked_row *row = locked_rows_find(&buffer->locked, entry->command.key);
    if (row == NULL) {
        return;
    }
    const struct work_family *family = buffer->shard_reader->options.family;
    if (row->reported) {
        report_locked(family, row, LOG_INFO, family->unlocked);
    }
    locked_rows_remove(&buffer->locked, row);
}

void shard_reader_ack(struct shard_reader *shard_reader, struct work *work)
{
    for (size_t i = 0; i < work->count; i++) {
        const struct work_entry *entry = &work->entries[i];
        if (entry->outcome == WORK_LOCKED) {
            set_aside(entry);
            continue;
        }
        shard_reader->held -= entry->message->buffer != NULL ? 1 : 0;
        entry->message->decided |= set_of(entry->item);
        end_wait(entry);
    }
    for (unsigned shard = 0; shard < shard_reader->options.shards; shard++) {
        struct buffer *buffer = &shard_reader->buffers[shard];
        if (buffer->consumer != NULL) {
            buffer_ack(buffer);
        }
    }
}

void shard_reader_finish(struct shard_reader *shard_reader, struct work *work)
{
    shard_reader_take_back(shard_reader, work, 0);
    work_clear(work);
}
