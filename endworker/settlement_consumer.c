/*
 * See settlement_consumer.h. Messages wait in a ring; the prefetch of the broker limits it to PREFETCH. Only one job
 * runs at a time. It takes as many messages as JOB_AUCTIONS_MAX allows, or the result of a sweep, and passes the
 * auctions to settlement. Then its messages are acked. A message that cannot be parsed or settled is acked after its
 * dead letter is confirmed.
 *
 * When the channel is lost, the messages in the ring are dropped, because they will be redelivered. The current job is
 * finished without acks: each task has the `epoch` of its channel.
 */
#include "endworker/settlement_consumer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/io/timer.h"
#include "common/protocol/message.h"
#include "common/protocol/topology.h"
#include "endworker/statements.h"

enum {
    PREFETCH = 64,          /* messages: one for each bid worker batch in which an auction ended */
    JOB_AUCTIONS_MAX = 512, /* a job has more only if a single message has more */
    NUMBER_SIZE = 16,
};

/* A delivery and its auctions. */
struct task {
    uint64_t tag;
    uint64_t epoch;
    struct uuid *ids;
    size_t count;
    const char *dead; /* reason for the dead letter, else NULL */
    size_t length;
    char body[];
};

/* Context of a dead letter's confirm: acks the message if its channel is still open. */
struct dead_letter_confirm {
    struct settlement_consumer *settlement_consumer;
    uint64_t tag;
    uint64_t epoch;
};

struct settlement_consumer {
    struct pg *pg;
    struct broker_consumer *consumer;
    struct deadletters *deadletters;
    struct settlement *settlement;
    struct event *sweep_timer;
    int sweep_ms;
    bool sweeping; /* the sweep's query is running */
    bool draining;
    size_t dead_letters_open; /* dead letters not yet confirmed */
    uint64_t epoch;
    /* the ring of waiting messages */
    struct task *ring[PREFETCH];
    size_t ring_first;
    size_t ring_count;
    /* the job: the auctions of its tasks in order, or of a sweep */
    struct task *tasks[PREFETCH];
    size_t task_count;
    struct settlement_item *items; /* NULL: no job */
};

static void job_start(struct settlement_consumer *settlement_consumer);

static void task_free(struct task *task)
{
    if (task != NULL) {
        free(task->ids);
        free(task);
    }
}

/* --- acks and dead letters --- */

static void ack(struct settlement_consumer *settlement_consumer, uint64_t tag, uint64_t epoch)
{
    if (epoch == settlement_consumer->epoch && settlement_consumer->consumer != NULL &&
        !broker_ack(settlement_consumer->consumer, tag, false)) {
        log_debug("ack not sent, the channel is closed; the message will be redelivered and has no further effect");
    }
}

static void on_dead_letter_confirmed(void *arg)
{
    struct dead_letter_confirm *confirm = arg;
    confirm->settlement_consumer->dead_letters_open--;
    ack(confirm->settlement_consumer, confirm->tag, confirm->epoch);
    free(confirm);
}

/* Ends a finished task: acks its message, after the dead letter if there is one. */
static void task_end(struct settlement_consumer *settlement_consumer, struct task *task)
{
    if (task->dead == NULL) {
        ack(settlement_consumer, task->tag, task->epoch);
    } else if (task->epoch == settlement_consumer->epoch) {
        struct dead_letter_confirm *confirm = malloc(sizeof(*confirm));
        if (confirm != NULL) {
            *confirm = (struct dead_letter_confirm){
                .settlement_consumer = settlement_consumer, .tag = task->tag, .epoch = task->epoch};
        }
        if (confirm != NULL &&
            deadletters_send(settlement_consumer->deadletters, TOPOLOGY_KEY_DEAD_AUCTION_END, task->body, task->length,
                             task->dead, on_dead_letter_confirmed, confirm)) {
            settlement_consumer->dead_letters_open++;
        } else {
            free(confirm);
            log_error("no memory for a dead letter: its message stays unacked and will be redelivered");
        }
    }
    task_free(task);
}

/* --- jobs --- */

/* All auctions are settled or marked: ends the tasks and starts the next job. */
static void on_settled(void *arg)
{
    struct settlement_consumer *settlement_consumer = arg;
    const struct settlement_item *item = settlement_consumer->items;
    for (size_t i = 0; i < settlement_consumer->task_count; i++) {
        struct task *task = settlement_consumer->tasks[i];
        for (size_t k = 0; k < task->count; k++, item++) {
            task->dead = item->refused ? "the database refuses the settlement" : task->dead;
        }
        task_end(settlement_consumer, task);
    }
    settlement_consumer->task_count = 0;
    free(settlement_consumer->items);
    settlement_consumer->items = NULL;
    job_start(settlement_consumer);
}

static void job_begin(struct settlement_consumer *settlement_consumer, struct settlement_item *items, size_t count)
{
    settlement_consumer->items = items;
    if (count == 0) {
        on_settled(settlement_consumer);
    } else {
        settlement_settle(settlement_consumer->settlement, items, count, on_settled, settlement_consumer);
    }
}

/* Returns how many messages of the ring form one job, and how many auctions they contain. */
static size_t job_size(const struct settlement_consumer *settlement_consumer, size_t *auctions)
{
    size_t taken = 0;
    *auctions = 0;
    for (; taken < settlement_consumer->ring_count; taken++) {
        size_t count = settlement_consumer->ring[(settlement_consumer->ring_first + taken) % PREFETCH]->count;
        if (taken > 0 && *auctions + count > JOB_AUCTIONS_MAX) {
            break;
        }
        *auctions += count;
    }
    return taken;
}

/* Starts a job with the next messages, unless a job is running, nothing is waiting, or the worker is draining. */
static void job_start(struct settlement_consumer *settlement_consumer)
{
    if (settlement_consumer->items != NULL || settlement_consumer->ring_count == 0 || settlement_consumer->draining) {
        return;
    }
    size_t count = 0;
    size_t taken = job_size(settlement_consumer, &count);
    struct settlement_item *items = calloc(count + 1, sizeof(*items)); /* one more: not NULL if there are no auctions */
    if (items == NULL) {
        log_error("no memory to settle, retrying at the next message or sweep");
        return;
    }
    size_t filled = 0;
    for (size_t i = 0; i < taken; i++) {
        struct task *task = settlement_consumer->ring[settlement_consumer->ring_first];
        settlement_consumer->ring_first = (settlement_consumer->ring_first + 1) % PREFETCH;
        settlement_consumer->ring_count--;
        settlement_consumer->tasks[settlement_consumer->task_count++] = task;
        for (size_t k = 0; k < task->count; k++) {
            items[filled++].auction_id = task->ids[k];
        }
    }
    job_begin(settlement_consumer, items, count);
}

static void on_unsettled(const struct pg_reply *reply, void *arg)
{
    struct settlement_consumer *settlement_consumer = arg;
    settlement_consumer->sweeping = false;
    if (reply->outcome != PG_OK || PQntuples(reply->result) == 0 || settlement_consumer->items != NULL ||
        settlement_consumer->draining) {
        return; /* the next sweep finds the same auctions */
    }
    size_t count = (size_t)PQntuples(reply->result);
    struct settlement_item *items = calloc(count, sizeof(*items));
    if (items == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        items[i].auction_id = pg_uuid(reply->result, (int)i, 0);
    }
    log_info("%zu ended auctions were not settled; settling them now", count);
    job_begin(settlement_consumer, items, count);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct settlement_consumer *settlement_consumer = arg;
    timer_ensure(settlement_consumer->sweep_timer, settlement_consumer->sweep_ms);
    job_start(settlement_consumer);
    if (settlement_consumer->items != NULL || settlement_consumer->sweeping || settlement_consumer->draining) {
        return;
    }
    char age[NUMBER_SIZE];
    char limit[NUMBER_SIZE];
    (void)snprintf(age, sizeof(age), "%d", settlement_consumer->sweep_ms);
    (void)snprintf(limit, sizeof(limit), "%d", JOB_AUCTIONS_MAX);
    const char *const values[] = {age, limit};
    settlement_consumer->sweeping = pg_query(settlement_consumer->pg, STATEMENT_UNSETTLED, ARRAY_LEN(values), values,
                                             on_unsettled, settlement_consumer);
}

/* --- the queue --- */

/* Parses the ids of ended auctions. A message that cannot be parsed gets its reason instead. False: no memory. */
static bool task_read(struct task *task)
{
    struct auction_event *events = calloc(MESSAGE_EVENTS_MAX, sizeof(*events));
    if (events == NULL) {
        return false;
    }
    size_t count = 0;
    const char *reason = NULL;
    if (!message_read_events(task->body, task->length, events, MESSAGE_EVENTS_MAX, &count, &reason)) {
        task->dead = reason;
        free(events);
        return true;
    }
    task->ids = calloc(count + 1, sizeof(*task->ids)); /* one more: not NULL if there are no events */
    bool ok = task->ids != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        if (events[i].kind == EVENT_ENDED) {
            task->ids[task->count++] = events[i].auction_id;
        }
    }
    free(events);
    return ok;
}

static void on_deliver(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg)
{
    (void)consumer;
    struct settlement_consumer *settlement_consumer = arg;
    struct task *task = malloc(sizeof(*task) + delivery->length);
    if (task != NULL) {
        *task = (struct task){.tag = delivery->tag, .epoch = settlement_consumer->epoch, .length = delivery->length};
        memcpy(task->body, delivery->body, delivery->length);
    }
    if (task == NULL || !task_read(task)) {
        task_free(task);
        log_error("no memory for a message: it stays unacked; the sweep settles its auctions");
        return;
    }
    if (task->dead != NULL) {
        log_error("a message of %s cannot be parsed and becomes a dead letter: %s", TOPOLOGY_AUCTION_END_QUEUE,
                  task->dead);
        task_end(settlement_consumer, task);
        return;
    }
    if (settlement_consumer->draining) {
        task_free(task); /* returns to the queue when the channel closes */
        return;
    }
    assert(settlement_consumer->ring_count < PREFETCH);
    settlement_consumer->ring[(settlement_consumer->ring_first + settlement_consumer->ring_count++) % PREFETCH] = task;
    job_start(settlement_consumer);
}

static void ring_clear(struct settlement_consumer *settlement_consumer)
{
    for (; settlement_consumer->ring_count > 0; settlement_consumer->ring_count--) {
        task_free(settlement_consumer->ring[settlement_consumer->ring_first]);
        settlement_consumer->ring_first = (settlement_consumer->ring_first + 1) % PREFETCH;
    }
}

static void on_gone(struct broker_consumer *consumer, void *arg)
{
    (void)consumer;
    struct settlement_consumer *settlement_consumer = arg;
    settlement_consumer->epoch++;
    ring_clear(settlement_consumer);
}

struct settlement_consumer *settlement_consumer_new(const struct settlement_consumer_options *options)
{
    struct settlement_consumer *settlement_consumer = calloc(1, sizeof(*settlement_consumer));
    if (settlement_consumer == NULL) {
        return NULL;
    }
    settlement_consumer->pg = options->pg;
    settlement_consumer->deadletters = options->deadletters;
    settlement_consumer->settlement = options->settlement;
    settlement_consumer->sweep_ms = options->sweep_ms;
    struct broker_consumer_options consumer = {.queue = TOPOLOGY_AUCTION_END_QUEUE,
                                               .prefetch = PREFETCH,
                                               .deliver = on_deliver,
                                               .gone = on_gone,
                                               .arg = settlement_consumer};
    settlement_consumer->sweep_timer = evtimer_new(options->base, on_sweep, settlement_consumer);
    settlement_consumer->consumer =
        settlement_consumer->sweep_timer == NULL ? NULL : broker_consume(options->consumes, &consumer);
    if (settlement_consumer->consumer == NULL) {
        settlement_consumer_free(settlement_consumer);
        return NULL;
    }
    timer_ensure(settlement_consumer->sweep_timer, settlement_consumer->sweep_ms);
    return settlement_consumer;
}

void settlement_consumer_free(struct settlement_consumer *settlement_consumer)
{
    if (settlement_consumer == NULL) {
        return;
    }
    if (settlement_consumer->sweep_timer != NULL) {
        event_free(settlement_consumer->sweep_timer);
    }
    ring_clear(settlement_consumer);
    for (size_t i = 0; i < settlement_consumer->task_count; i++) {
        task_free(settlement_consumer->tasks[i]);
    }
    free(settlement_consumer->items);
    free(settlement_consumer);
}

void settlement_consumer_drain(struct settlement_consumer *settlement_consumer)
{
    settlement_consumer->draining = true;
    ring_clear(settlement_consumer);
    settlement_drain(settlement_consumer->settlement);
}

bool settlement_consumer_busy(const struct settlement_consumer *settlement_consumer)
{
    return settlement_busy(settlement_consumer->settlement) || settlement_consumer->dead_letters_open > 0;
}
