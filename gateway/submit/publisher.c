/*
 * See publisher.h. Each auction or sale with open bids has a struct pending_bids: its unconfirmed messages, and the
 * bids that wait for the next one. It exists as long as it has either.
 *
 * A bid whose deadline passes is removed at once. If it was waiting, it is dropped and never published. If it was
 * published, its outcome is unknown, and a later verdict of its message does not concern it.
 *
 * In a cluster a message may be published again, with the same bids as far as they are in time:
 *
 *     FREE -- published --> IN_FLIGHT -- confirmed, refused, unknown --> FREE
 *                            ^     |  ^
 *          after a back-off  |     |  +-- its node was left: at once, over the other connection
 *                           DELAYED <---- nacked: its queue elects a leader, or is full
 *
 * The order of an auction's 202s is the order of its decisions. The broker confirms the messages of one queue in their
 * order, and the bid worker ignores a bid that it has decided. When a node is left, all its messages are published
 * again in their order, before anything newer (broker.c). So whichever copies arrived, the first copies are in that
 * order. A nacked message is not in the queue, and may be overtaken. Only a message of which an earlier copy may be in
 * the queue must not be: if it is nacked, its outcome is unknown.
 *
 * A shard that has nacked for confirm_deadline_ms without a confirm counts as full: from then on a nack is final. So a
 * full queue gets each message once.
 */
#include "gateway/submit/publisher.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/topology.h"

enum {
    BUCKETS = 1024, /* of the table of pending_bids; a power of two */
    SWEEP_MS = 20,  /* period of checking deadlines and of retrying stalled auctions */
    SPARE_PENDING_MAX = 256,
    PENDING_MESSAGES_MAX = 2, /* while the broker stores one message, the gateway collects and publishes the next */
    BACKOFF_MIN_MS = 50,      /* before a nacked message is published again; doubles */
    BACKOFF_MAX_MS = 1000,
};

TAILQ_HEAD(bid_list, publisher_item);

enum message_state {
    MESSAGE_FREE,
    MESSAGE_IN_FLIGHT, /* published, without a verdict */
    MESSAGE_DELAYED,   /* nacked; in the list of delayed messages */
};

/* A message and the bids in it. */
struct publisher_message {
    struct pending_bids *pending;
    struct bid_list bids; /* without bids whose deadline has passed; empty when FREE */
    enum message_state state;
    bool perhaps_stored; /* an earlier copy has no verdict and never will */
    int backoff_ms;      /* 0: it was not nacked */
    int64_t due_ms;      /* DELAYED: when it is published again; on the boot clock */
    TAILQ_ENTRY(publisher_message) delayed;
};

TAILQ_HEAD(message_list, publisher_message);

struct pending_bids {
    struct publisher *publisher;
    struct uuid subject;
    struct publisher_message messages[PENDING_MESSAGES_MAX];
    struct bid_list waiting;
    bool stalled; /* in the list of auctions whose publish the broker refused */
    LIST_ENTRY(pending_bids) bucket;
    TAILQ_ENTRY(pending_bids) stall;
};

LIST_HEAD(pending_list, pending_bids);

/* The nacks of a shard; boot clock; 0: none. */
struct nacks {
    int64_t since_ms;
    int64_t last_ms;
};

struct publisher {
    const struct config *config;
    const struct submit_family *family;
    size_t open_max;
    struct broker *broker; /* NULL: not connected yet */
    unsigned shards;
    struct event *sweep;
    struct jsonw *json;
    struct pending_list buckets[BUCKETS];
    struct pending_list spare;
    size_t spare_count;
    TAILQ_HEAD(, pending_bids) stalled;
    struct message_list delayed;
    struct nacks nacks[TOPOLOGY_SHARDS_MAX]; /* of each shard, since its last confirm */
    struct bid_list deadlines;
    uint8_t *commands; /* commands of the message being written; share_max_bids of the family's type */
    size_t share_max;
    size_t open;
    struct outages outages; /* of the broker, seen by the sweep */
};

static struct pending_list *bucket_of(struct publisher *publisher, const struct uuid *subject)
{
    /* The last bytes of an id are random. */
    unsigned index = subject->bytes[15] | (unsigned)subject->bytes[14] << 8U;
    return &publisher->buckets[index % BUCKETS];
}

static struct pending_bids *pending_find(struct publisher *publisher, const struct uuid *subject)
{
    struct pending_bids *pending = NULL;
    LIST_FOREACH(pending, bucket_of(publisher, subject), bucket)
    {
        if (uuid_equal(&pending->subject, subject)) {
            return pending;
        }
    }
    pending = LIST_FIRST(&publisher->spare);
    if (pending != NULL) {
        LIST_REMOVE(pending, bucket);
        publisher->spare_count--;
    } else {
        pending = malloc(sizeof(*pending));
        if (pending == NULL) {
            return NULL;
        }
    }
    *pending = (struct pending_bids){.publisher = publisher, .subject = *subject};
    for (size_t i = 0; i < PENDING_MESSAGES_MAX; i++) {
        pending->messages[i].pending = pending;
        TAILQ_INIT(&pending->messages[i].bids);
    }
    TAILQ_INIT(&pending->waiting);
    LIST_INSERT_HEAD(bucket_of(publisher, subject), pending, bucket);
    return pending;
}

static void pending_stall(struct pending_bids *pending, bool stalled)
{
    if (stalled && !pending->stalled) {
        TAILQ_INSERT_TAIL(&pending->publisher->stalled, pending, stall);
    } else if (!stalled && pending->stalled) {
        TAILQ_REMOVE(&pending->publisher->stalled, pending, stall);
    }
    pending->stalled = stalled;
}

/* A message that may be published; NULL if none is free. */
static struct publisher_message *pending_free_message(struct pending_bids *pending)
{
    for (size_t i = 0; i < PENDING_MESSAGES_MAX; i++) {
        if (pending->messages[i].state == MESSAGE_FREE) {
            return &pending->messages[i];
        }
    }
    return NULL;
}

static bool pending_is_empty(const struct pending_bids *pending)
{
    for (size_t i = 0; i < PENDING_MESSAGES_MAX; i++) {
        if (pending->messages[i].state != MESSAGE_FREE) {
            return false;
        }
        assert(TAILQ_EMPTY(&pending->messages[i].bids));
    }
    return TAILQ_EMPTY(&pending->waiting);
}

static void pending_end_if_empty(struct pending_bids *pending)
{
    struct publisher *publisher = pending->publisher;
    if (!pending_is_empty(pending)) {
        return;
    }
    pending_stall(pending, false);
    LIST_REMOVE(pending, bucket);
    if (publisher->spare_count < SPARE_PENDING_MAX) {
        LIST_INSERT_HEAD(&publisher->spare, pending, bucket);
        publisher->spare_count++;
    } else {
        free(pending);
    }
}

static bool is_late(const struct publisher_item *bid, int64_t now)
{
    return bid->deadline_ms <= now;
}

/* The only function that removes a bid. */
static void bid_end(struct publisher_item *bid, enum publisher_verdict verdict)
{
    struct pending_bids *pending = bid->pending;
    TAILQ_REMOVE(bid->message != NULL ? &bid->message->bids : &pending->waiting, bid, list);
    TAILQ_REMOVE(&pending->publisher->deadlines, bid, deadlines);
    pending->publisher->open--;
    bid->pending = NULL;
    bid->message = NULL;
    bid->done(bid, verdict);
}

static void message_set_state(struct publisher_message *message, enum message_state state)
{
    struct message_list *delayed = &message->pending->publisher->delayed;
    if (message->state == MESSAGE_DELAYED && state != MESSAGE_DELAYED) {
        TAILQ_REMOVE(delayed, message, delayed);
    } else if (message->state != MESSAGE_DELAYED && state == MESSAGE_DELAYED) {
        TAILQ_INSERT_TAIL(delayed, message, delayed);
    }
    message->state = state;
}

/* The verdict of a bid that is removed without a confirm. */
static enum publisher_verdict bid_verdict(const struct publisher_item *bid)
{
    const struct publisher_message *message = bid->message;
    if (message == NULL) {
        return PUBLISHER_DROPPED;
    }
    return message->state == MESSAGE_IN_FLIGHT || message->perhaps_stored ? PUBLISHER_UNKNOWN : PUBLISHER_REFUSED;
}

static void message_answered(enum broker_verdict verdict, void *arg);

/* Publishes the first `count` of the publisher's commands. */
static bool publish(struct publisher_message *of, size_t count)
{
    const struct pending_bids *pending = of->pending;
    struct publisher *publisher = pending->publisher;
    char key[TOPOLOGY_KEY_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    struct broker_message message = {.exchange = exchange, .routing_key = key};
    jsonw_reset(publisher->json);
    publisher->family->write(publisher->json, publisher->commands, count);
    message.body = jsonw_text(publisher->json, &message.length);
    if (message.body == NULL) {
        log_error("%s not published: message cannot be encoded", publisher->family->commands);
        return false;
    }
    topology_key(publisher->family->topology, &pending->subject, publisher->shards, key);
    topology_exchange(publisher->family->topology, &pending->subject, publisher->shards, exchange);
    return broker_publish(publisher->broker, &message, message_answered, of);
}

/* Fills the publisher's commands with the first share_max bids that are in time; returns their number. */
static size_t gather(struct publisher *publisher, const struct bid_list *bids, int64_t now)
{
    const struct publisher_item *bid = NULL;
    size_t size = publisher->family->command_size;
    size_t count = 0;
    TAILQ_FOREACH(bid, bids, list)
    {
        if (count == publisher->share_max) {
            break;
        }
        if (!is_late(bid, now)) {
            memcpy(publisher->commands + count++ * size, &bid->command, size);
        }
    }
    return count;
}

/* Moves the first `count` bids that are in time to `message`, which was just published. */
static void move_to_message(struct publisher_message *message, size_t count, int64_t now)
{
    struct bid_list *waiting = &message->pending->waiting;
    struct publisher_item *next = NULL;
    for (struct publisher_item *bid = TAILQ_FIRST(waiting); count > 0; bid = next) {
        next = TAILQ_NEXT(bid, list);
        if (!is_late(bid, now)) {
            TAILQ_REMOVE(waiting, bid, list);
            bid->message = message;
            TAILQ_INSERT_TAIL(&message->bids, bid, list);
            count--;
        }
    }
}

/*
 * Publishes the waiting bids as one message. If the broker refuses it, they keep waiting. Bids past their deadline stay
 * in the list until the sweep drops them.
 */
static void pending_send(struct pending_bids *pending)
{
    struct publisher *publisher = pending->publisher;
    struct publisher_message *message = pending_free_message(pending);
    int64_t now = clock_boot_ms();
    assert(message != NULL && !TAILQ_EMPTY(&pending->waiting));
    size_t count = gather(publisher, &pending->waiting, now);
    if (count == 0) {
        return;
    }
    if (!publish(message, count)) {
        pending_stall(pending, true); /* the sweep retries, or drops the waiting bids if the broker is unavailable */
        return;
    }
    pending_stall(pending, false);
    message_set_state(message, MESSAGE_IN_FLIGHT);
    message->perhaps_stored = false;
    message->backoff_ms = 0;
    move_to_message(message, count, now);
}

/* ---- verdicts of the broker */

static void message_end(struct publisher_message *message, enum publisher_verdict verdict)
{
    struct pending_bids *pending = message->pending;
    struct publisher_item *bid = NULL;
    int64_t now = clock_boot_ms();
    /* Until its bids have their verdicts it is not free: pending_bids must not be freed or sent meanwhile. */
    while ((bid = TAILQ_FIRST(&message->bids)) != NULL) {
        /* After a blocked loop the confirm may be read before the sweep runs. The fence may have preceded this bid. */
        bool late = verdict == PUBLISHER_CONFIRMED && is_late(bid, now);
        bid_end(bid, late ? PUBLISHER_UNKNOWN : verdict);
    }
    message_set_state(message, MESSAGE_FREE);
    if (!TAILQ_EMPTY(&pending->waiting) && !pending->stalled) {
        pending_send(pending);
    }
    pending_end_if_empty(pending);
}

static bool message_publish_again(struct publisher_message *message)
{
    size_t count = gather(message->pending->publisher, &message->bids, clock_boot_ms());
    if (count == 0 || !publish(message, count)) {
        return false;
    }
    message_set_state(message, MESSAGE_IN_FLIGHT);
    return true;
}

static struct nacks *nacks_of(const struct publisher_message *message)
{
    struct publisher *publisher = message->pending->publisher;
    return &publisher->nacks[ids_shard(&message->pending->subject, publisher->shards)];
}

/* Returns for how long the shard has nacked. A nack long after the one before begins anew: it is another election. */
static int64_t note_nack(struct nacks *nacks, int64_t now_ms, int64_t deadline_ms)
{
    if (nacks->last_ms == 0 || now_ms - nacks->last_ms > deadline_ms + BACKOFF_MAX_MS) {
        nacks->since_ms = now_ms;
    }
    nacks->last_ms = now_ms;
    return now_ms - nacks->since_ms;
}

/* False: the nack is final. */
static bool message_delay(struct publisher_message *message)
{
    const struct publisher *publisher = message->pending->publisher;
    int64_t deadline_ms = publisher->config->confirm_deadline_ms;
    int64_t now = clock_boot_ms();
    int64_t nacked_ms = note_nack(nacks_of(message), now, deadline_ms);
    if (!broker_has_standby(publisher->broker) || message->perhaps_stored || TAILQ_EMPTY(&message->bids) ||
        nacked_ms >= deadline_ms) {
        return false;
    }
    message->backoff_ms = message->backoff_ms == 0 ? BACKOFF_MIN_MS : message->backoff_ms * 2;
    if (message->backoff_ms > BACKOFF_MAX_MS) {
        message->backoff_ms = BACKOFF_MAX_MS;
    }
    message->due_ms = now + message->backoff_ms;
    message_set_state(message, MESSAGE_DELAYED);
    return true;
}

/* Its link was lost or left. If the broker is ready, publishing goes on over the other connection. */
static void message_left(struct publisher_message *message)
{
    struct pending_bids *pending = message->pending;
    message->perhaps_stored = true;
    if (publisher_ready(pending->publisher) && message_publish_again(message)) {
        return;
    }
    /* The next verdict may be that of the auction's other message. So the sweep publishes the waiting bids, after it.
     */
    pending_stall(pending, true);
    message_end(message, PUBLISHER_UNKNOWN);
}

static void message_answered(enum broker_verdict verdict, void *arg)
{
    struct publisher_message *message = arg;
    enum publisher_verdict refused = message->perhaps_stored ? PUBLISHER_UNKNOWN : PUBLISHER_REFUSED;
    assert(message->state == MESSAGE_IN_FLIGHT);
    switch (verdict) {
    case BROKER_CONFIRMED:
        *nacks_of(message) = (struct nacks){0};
        message_end(message, PUBLISHER_CONFIRMED);
        break;
    case BROKER_NACKED:
        if (!message_delay(message)) {
            message_end(message, refused);
        }
        break;
    case BROKER_UNKNOWN:
        message_left(message);
        break;
    case BROKER_RETURNED:
    case BROKER_VERDICT_COUNT:
        message_end(message, refused);
        break;
    }
}

/* Usually appends: only a bid that Redis or PostgreSQL delayed is older than its predecessors. */
static void insert_by_deadline(struct publisher *publisher, struct publisher_item *bid)
{
    struct publisher_item *before = TAILQ_LAST(&publisher->deadlines, bid_list);
    while (before != NULL && before->deadline_ms > bid->deadline_ms) {
        before = TAILQ_PREV(before, bid_list, deadlines);
    }
    if (before == NULL) {
        TAILQ_INSERT_HEAD(&publisher->deadlines, bid, deadlines);
    } else {
        TAILQ_INSERT_AFTER(&publisher->deadlines, before, bid, deadlines);
    }
}

bool publisher_submit(struct publisher *publisher, struct publisher_item *bid)
{
    const struct config *config = publisher->config;
    bid->deadline_ms = bid->received_boot_ms + config->confirm_deadline_ms;
    if (!publisher_ready(publisher) || publisher->open >= publisher->open_max || is_late(bid, clock_boot_ms())) {
        return false;
    }
    const struct submit_ids ids = publisher->family->ids_of_command(&bid->command);
    struct pending_bids *pending = pending_find(publisher, &ids.subject);
    if (pending == NULL) {
        return false;
    }
    bid->pending = pending;
    bid->message = NULL;
    TAILQ_INSERT_TAIL(&pending->waiting, bid, list);
    insert_by_deadline(publisher, bid);
    publisher->open++;
    if (pending_free_message(pending) != NULL && !pending->stalled) {
        pending_send(pending);
    }
    return true;
}

/* ---- the sweep */

static void sweep_deadlines(struct publisher *publisher, int64_t now)
{
    struct publisher_item *bid = NULL;
    while ((bid = TAILQ_FIRST(&publisher->deadlines)) != NULL && is_late(bid, now)) {
        struct pending_bids *pending = bid->pending;
        bid_end(bid, bid_verdict(bid));
        pending_end_if_empty(pending);
    }
}

static void sweep_delayed(struct publisher *publisher, int64_t now, bool up)
{
    struct publisher_message *next = NULL;
    for (struct publisher_message *message = TAILQ_FIRST(&publisher->delayed); message != NULL; message = next) {
        next = TAILQ_NEXT(message, delayed);
        if (!up || TAILQ_EMPTY(&message->bids) || (message->due_ms <= now && !message_publish_again(message))) {
            message_end(message, PUBLISHER_REFUSED);
        }
    }
}

static void sweep_stalled(struct publisher *publisher, bool up)
{
    struct pending_bids *pending = NULL;
    struct pending_bids *next = NULL;
    for (pending = TAILQ_FIRST(&publisher->stalled); pending != NULL; pending = next) {
        next = TAILQ_NEXT(pending, stall);
        if (up && pending_free_message(pending) != NULL && !TAILQ_EMPTY(&pending->waiting)) {
            pending_send(pending);
            continue;
        }
        while (!up && !TAILQ_EMPTY(&pending->waiting)) {
            bid_end(TAILQ_FIRST(&pending->waiting), PUBLISHER_DROPPED);
        }
        pending_end_if_empty(pending);
    }
}

static void do_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct publisher *publisher = arg;
    int64_t now = clock_boot_ms();
    bool up = publisher_ready(publisher);
    (void)fd;
    (void)what;
    outages_note(&publisher->outages, up, clock_now_ms());
    sweep_deadlines(publisher, now);
    sweep_delayed(publisher, now, up);
    sweep_stalled(publisher, up);
}

struct publisher *publisher_new(struct event_base *base, const struct config *config,
                                const struct submit_family *family, size_t open_max)
{
    const struct timeval every = {0, SWEEP_MS * 1000L};
    struct publisher *publisher = calloc(1, sizeof(*publisher));
    if (publisher == NULL) {
        return NULL;
    }
    publisher->config = config;
    publisher->family = family;
    publisher->open_max = open_max;
    publisher->share_max = (size_t)config->share_max_bids;
    assert(publisher->share_max >= 1 && publisher->share_max <= MESSAGE_COMMANDS_MAX);
    TAILQ_INIT(&publisher->stalled);
    TAILQ_INIT(&publisher->delayed);
    TAILQ_INIT(&publisher->deadlines);
    publisher->json = jsonw_new();
    publisher->commands = calloc(publisher->share_max, family->command_size);
    publisher->sweep = event_new(base, -1, EV_PERSIST, do_sweep, publisher);
    if (publisher->json == NULL || publisher->commands == NULL || publisher->sweep == NULL ||
        event_add(publisher->sweep, &every) != 0) {
        publisher_free(publisher);
        return NULL;
    }
    return publisher;
}

static void free_pending(struct pending_list *all_pending)
{
    while (!LIST_EMPTY(all_pending)) {
        struct pending_bids *pending = LIST_FIRST(all_pending);
        LIST_REMOVE(pending, bucket);
        free(pending);
    }
}

void publisher_free(struct publisher *publisher)
{
    if (publisher == NULL) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        free_pending(&publisher->buckets[i]);
    }
    free_pending(&publisher->spare);
    if (publisher->sweep != NULL) {
        event_free(publisher->sweep);
    }
    jsonw_free(publisher->json);
    free(publisher->commands);
    free(publisher);
}

size_t publisher_open(const struct publisher *publisher)
{
    return publisher->open;
}

void publisher_connect(struct publisher *publisher, struct broker *broker, unsigned shards)
{
    publisher->broker = broker;
    publisher->shards = shards;
}

bool publisher_ready(const struct publisher *publisher)
{
    return publisher->broker != NULL && broker_state(publisher->broker) == BROKER_UP;
}

const struct outages *publisher_outages(const struct publisher *publisher)
{
    return &publisher->outages;
}

const struct broker *publisher_broker(const struct publisher *publisher)
{
    return publisher->broker;
}
