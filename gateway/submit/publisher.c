/*
 * See publisher.h. For each shard there are its unconfirmed messages, and the bids that wait for the next one, in the
 * order of their submission.
 *
 * A bid on a shard without an unconfirmed message is published at once. Otherwise it is published at the end of the
 * loop pass, so that all bids of the pass share a message. While GATHER_MESSAGES are unconfirmed, bids wait until a
 * confirm comes or until they fill a whole message. So a broker whose disk is slow has up to SHARD_MESSAGES_MAX
 * messages to store at once, and a fast one has few, and large ones. With 64 commands in a message and a confirm after
 * 100 ms, that is still 20,000 bids per second.
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
    SWEEP_MS = 20,           /* period of checking deadlines and of retrying stalled shards */
    GATHER_MESSAGES = 2,     /* while the broker stores one message, the gateway collects and publishes the next */
    SHARD_MESSAGES_MAX = 32, /* not FREE; those beyond GATHER_MESSAGES are full */
    BACKOFF_MIN_MS = 50,     /* before a nacked message is published again; doubles */
    BACKOFF_MAX_MS = 1000,
};

TAILQ_HEAD(bid_list, publisher_item);

enum message_state {
    MESSAGE_FREE,
    MESSAGE_IN_FLIGHT, /* published, without a verdict */
    MESSAGE_DELAYED,   /* nacked */
    MESSAGE_STATE_COUNT
};

/* A message and the bids in it. */
struct publisher_message {
    struct publisher_shard *pending;
    struct bid_list bids; /* without bids whose deadline has passed; empty when FREE */
    enum message_state state;
    bool perhaps_stored;                 /* an earlier copy has no verdict and never will */
    int backoff_ms;                      /* 0: it was not nacked */
    int64_t due_ms;                      /* DELAYED: when it is published again; on the boot clock */
    TAILQ_ENTRY(publisher_message) link; /* of the publisher's messages of this state */
};

TAILQ_HEAD(message_list, publisher_message);

/* The nacks of a shard; boot clock; 0: none. */
struct nacks {
    int64_t since_ms;
    int64_t last_ms;
};

/* A shard's bids. */
struct publisher_shard {
    struct publisher *publisher;
    unsigned shard;
    size_t messages; /* that are not FREE */
    struct bid_list waiting;
    size_t waiting_count;
    bool stalled;       /* the broker refused a message: the sweep goes on */
    struct nacks nacks; /* since the last confirm */
};

struct publisher {
    const struct config *config;
    const struct submit_family *family;
    size_t open_max;
    struct broker *broker; /* NULL: not connected yet */
    unsigned shards;
    struct event *sweep;
    struct event *flush; /* active: at the end of the loop pass bids are published */
    struct jsonw *json;
    struct publisher_shard pending[TOPOLOGY_SHARDS_MAX];
    struct message_list messages[MESSAGE_STATE_COUNT]; /* by state; in all, SHARD_MESSAGES_MAX of each shard */
    struct bid_list deadlines;
    uint8_t *commands; /* commands of the message being written; share_max_bids of the family's type */
    size_t share_max;
    struct uuid subjects[MESSAGE_COMMANDS_MAX]; /* their auctions or sales, each once */
    size_t subject_count;
    char keys[MESSAGE_COMMANDS_MAX][TOPOLOGY_KEY_SIZE]; /* their routing keys */
    const char *key_texts[MESSAGE_COMMANDS_MAX];
    struct outages outages; /* of the broker, seen by the sweep */
    size_t open;
};

static bool is_late(const struct publisher_item *bid, int64_t now)
{
    return bid->deadline_ms <= now;
}

static struct publisher_shard *pending_of(struct publisher *publisher, const struct publisher_item *bid)
{
    const struct submit_ids ids = publisher->family->ids_of_command(&bid->command);
    return &publisher->pending[ids_shard(&ids.subject, publisher->shards)];
}

static void take_out_of_waiting(struct publisher_item *bid)
{
    TAILQ_REMOVE(&bid->pending->waiting, bid, list);
    bid->pending->waiting_count--;
}

/* The only function that removes a bid. */
static void bid_end(struct publisher_item *bid, enum publisher_verdict verdict)
{
    struct publisher *publisher = bid->pending->publisher;
    if (bid->message != NULL) {
        TAILQ_REMOVE(&bid->message->bids, bid, list);
    } else {
        take_out_of_waiting(bid);
    }
    TAILQ_REMOVE(&publisher->deadlines, bid, deadlines);
    publisher->open--;
    bid->pending = NULL;
    bid->message = NULL;
    bid->done(bid, verdict);
}

/* A message that may be published; NULL: no memory. */
static struct publisher_message *message_take(struct publisher_shard *pending)
{
    struct message_list *spare = &pending->publisher->messages[MESSAGE_FREE];
    struct publisher_message *message = TAILQ_FIRST(spare);
    assert(pending->messages < SHARD_MESSAGES_MAX);
    if (message == NULL) {
        message = malloc(sizeof *message);
        if (message == NULL) {
            return NULL;
        }
        *message = (struct publisher_message){.state = MESSAGE_FREE};
        TAILQ_INIT(&message->bids);
        TAILQ_INSERT_HEAD(spare, message, link);
    }
    message->pending = pending;
    return message;
}

static void message_set_state(struct publisher_message *message, enum message_state state)
{
    struct publisher_shard *pending = message->pending;
    struct message_list *lists = pending->publisher->messages;
    pending->messages += (message->state == MESSAGE_FREE ? 1 : 0);
    pending->messages -= (state == MESSAGE_FREE ? 1 : 0);
    TAILQ_REMOVE(&lists[message->state], message, link);
    TAILQ_INSERT_TAIL(&lists[state], message, link);
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

/* Notes the auction or sale of a command that goes into the message being written. */
static void add_subject(struct publisher *publisher, const struct uuid *subject)
{
    for (size_t i = publisher->subject_count; i > 0; i--) { /* a repetition is most likely of the last one */
        if (uuid_equal(&publisher->subjects[i - 1], subject)) {
            return;
        }
    }
    publisher->subjects[publisher->subject_count++] = *subject;
}

/* Fills the publisher's commands with the first share_max bids that are in time; returns their number. */
static size_t gather(struct publisher *publisher, const struct bid_list *bids, int64_t now)
{
    const struct submit_family *family = publisher->family;
    const struct publisher_item *bid = NULL;
    size_t count = 0;
    publisher->subject_count = 0;
    TAILQ_FOREACH(bid, bids, list)
    {
        if (count == publisher->share_max) {
            break;
        }
        if (!is_late(bid, now)) {
            const struct submit_ids ids = family->ids_of_command(&bid->command);
            memcpy(publisher->commands + count++ * family->command_size, &bid->command, family->command_size);
            add_subject(publisher, &ids.subject);
        }
    }
    return count;
}

/* The routing keys of what was gathered: the first, and the others for header CC. */
static void set_keys(struct publisher *publisher, struct broker_message *message)
{
    for (size_t i = 0; i < publisher->subject_count; i++) {
        topology_key(publisher->family->topology, &publisher->subjects[i], publisher->shards, publisher->keys[i]);
        publisher->key_texts[i] = publisher->keys[i];
    }
    message->routing_key = publisher->key_texts[0];
    message->more_keys = publisher->key_texts + 1;
    message->more_keys_count = publisher->subject_count - 1;
}

/* Publishes the `count` bids that were gathered. */
static bool publish(struct publisher_message *of, size_t count)
{
    struct publisher *publisher = of->pending->publisher;
    char exchange[TOPOLOGY_QUEUE_SIZE];
    struct broker_message message = {.exchange = exchange};
    jsonw_reset(publisher->json);
    publisher->family->write(publisher->json, publisher->commands, count);
    message.body = jsonw_text(publisher->json, &message.length);
    if (message.body == NULL) {
        log_error("%s not published: message cannot be encoded", publisher->family->commands);
        return false;
    }
    set_keys(publisher, &message);
    topology_shard_name(publisher->family->topology, of->pending->shard, exchange);
    return broker_publish(publisher->broker, &message, message_answered, of);
}

/* Moves the first `count` waiting bids that are in time to `message`, which was just published. */
static void move_to_message(struct publisher_message *message, size_t count, int64_t now)
{
    struct publisher_item *next = NULL;
    for (struct publisher_item *bid = TAILQ_FIRST(&message->pending->waiting); count > 0; bid = next) {
        next = TAILQ_NEXT(bid, list);
        if (!is_late(bid, now)) {
            take_out_of_waiting(bid);
            bid->message = message;
            TAILQ_INSERT_TAIL(&message->bids, bid, list);
            count--;
        }
    }
}

/*
 * Publishes the first waiting bids as one message. If the broker refuses it, they keep waiting. Bids past their
 * deadline stay in the list until the sweep drops them. False: nothing was published.
 */
static bool pending_send(struct publisher_shard *pending)
{
    struct publisher *publisher = pending->publisher;
    int64_t now = clock_boot_ms();
    size_t count = gather(publisher, &pending->waiting, now);
    if (count == 0) {
        return false;
    }
    struct publisher_message *message = message_take(pending);
    if (message == NULL || !publish(message, count)) {
        pending->stalled = true; /* the sweep retries, or drops the waiting bids if the broker is unavailable */
        return false;
    }
    pending->stalled = false;
    message_set_state(message, MESSAGE_IN_FLIGHT);
    message->perhaps_stored = false;
    message->backoff_ms = 0;
    move_to_message(message, count, now);
    return true;
}

static bool pending_may_send(const struct publisher_shard *pending)
{
    bool full = pending->waiting_count >= pending->publisher->share_max;
    return pending->waiting_count > 0 && pending->messages < (full ? SHARD_MESSAGES_MAX : GATHER_MESSAGES);
}

static void pending_flush(struct publisher_shard *pending)
{
    while (pending_may_send(pending) && pending_send(pending)) {
    }
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    struct publisher *publisher = arg;
    (void)fd;
    (void)what;
    for (unsigned shard = 0; shard < publisher->shards; shard++) {
        if (!publisher->pending[shard].stalled) {
            pending_flush(&publisher->pending[shard]);
        }
    }
}

/* At the end of the loop pass. */
static void flush_soon(struct publisher *publisher)
{
    event_active(publisher->flush, EV_TIMEOUT, 0);
}

/* ---- verdicts of the broker */

static void message_end(struct publisher_message *message, enum publisher_verdict verdict)
{
    struct publisher *publisher = message->pending->publisher;
    struct publisher_item *bid = NULL;
    int64_t now = clock_boot_ms();
    /* Until its bids have their verdicts it is not free: they may submit others. */
    while ((bid = TAILQ_FIRST(&message->bids)) != NULL) {
        /* After a blocked loop the confirm may be read before the sweep runs. The fence may have preceded this bid. */
        bool late = verdict == PUBLISHER_CONFIRMED && is_late(bid, now);
        bid_end(bid, late ? PUBLISHER_UNKNOWN : verdict);
    }
    message_set_state(message, MESSAGE_FREE);
    flush_soon(publisher);
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
    int64_t nacked_ms = note_nack(&message->pending->nacks, now, deadline_ms);
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
    struct publisher_shard *pending = message->pending;
    message->perhaps_stored = true;
    if (publisher_ready(pending->publisher) && message_publish_again(message)) {
        return;
    }
    /* The next verdicts may be those of the shard's other messages. The sweep publishes what waits after them. */
    pending->stalled = true;
    message_end(message, PUBLISHER_UNKNOWN);
}

static void message_answered(enum broker_verdict verdict, void *arg)
{
    struct publisher_message *message = arg;
    enum publisher_verdict refused = message->perhaps_stored ? PUBLISHER_UNKNOWN : PUBLISHER_REFUSED;
    assert(message->state == MESSAGE_IN_FLIGHT);
    switch (verdict) {
    case BROKER_CONFIRMED:
        message->pending->nacks = (struct nacks){0};
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
    struct publisher_shard *pending = pending_of(publisher, bid);
    bid->pending = pending;
    bid->message = NULL;
    TAILQ_INSERT_TAIL(&pending->waiting, bid, list);
    pending->waiting_count++;
    insert_by_deadline(publisher, bid);
    publisher->open++;
    if (pending->messages == 0 && !pending->stalled) {
        (void)pending_send(pending); /* if not, it waits for the sweep */
    } else {
        flush_soon(publisher);
    }
    return true;
}

/* ---- the sweep */

static void sweep_deadlines(struct publisher *publisher, int64_t now)
{
    struct publisher_item *bid = NULL;
    while ((bid = TAILQ_FIRST(&publisher->deadlines)) != NULL && is_late(bid, now)) {
        bid_end(bid, bid_verdict(bid));
    }
}

static void sweep_delayed(struct publisher *publisher, int64_t now, bool up)
{
    struct publisher_message *next = NULL;
    for (struct publisher_message *message = TAILQ_FIRST(&publisher->messages[MESSAGE_DELAYED]); message != NULL;
         message = next) {
        next = TAILQ_NEXT(message, link);
        if (!up || TAILQ_EMPTY(&message->bids) || (message->due_ms <= now && !message_publish_again(message))) {
            message_end(message, PUBLISHER_REFUSED);
        }
    }
}

static void sweep_stalled(struct publisher *publisher, bool up)
{
    for (unsigned shard = 0; shard < publisher->shards; shard++) {
        struct publisher_shard *pending = &publisher->pending[shard];
        if (!pending->stalled) {
            continue;
        }
        while (!up && !TAILQ_EMPTY(&pending->waiting)) {
            bid_end(TAILQ_FIRST(&pending->waiting), PUBLISHER_DROPPED);
        }
        pending->stalled = false;
        pending_flush(pending);
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
    for (unsigned shard = 0; shard < TOPOLOGY_SHARDS_MAX; shard++) {
        publisher->pending[shard] = (struct publisher_shard){.publisher = publisher, .shard = shard};
        TAILQ_INIT(&publisher->pending[shard].waiting);
    }
    for (size_t i = 0; i < MESSAGE_STATE_COUNT; i++) {
        TAILQ_INIT(&publisher->messages[i]);
    }
    TAILQ_INIT(&publisher->deadlines);
    publisher->json = jsonw_new();
    publisher->commands = calloc(publisher->share_max, family->command_size);
    publisher->sweep = event_new(base, -1, EV_PERSIST, do_sweep, publisher);
    publisher->flush = event_new(base, -1, 0, on_flush, publisher);
    if (publisher->json == NULL || publisher->commands == NULL || publisher->sweep == NULL ||
        publisher->flush == NULL || event_add(publisher->sweep, &every) != 0) {
        publisher_free(publisher);
        return NULL;
    }
    return publisher;
}

void publisher_free(struct publisher *publisher)
{
    if (publisher == NULL) {
        return;
    }
    for (size_t i = 0; i < MESSAGE_STATE_COUNT; i++) {
        while (!TAILQ_EMPTY(&publisher->messages[i])) {
            struct publisher_message *message = TAILQ_FIRST(&publisher->messages[i]);
            TAILQ_REMOVE(&publisher->messages[i], message, link);
            free(message);
        }
    }
    if (publisher->sweep != NULL) {
        event_free(publisher->sweep);
    }
    if (publisher->flush != NULL) {
        event_free(publisher->flush);
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
