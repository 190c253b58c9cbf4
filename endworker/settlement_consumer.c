/*
 * See endings.h. Messages wait in a ring (at most PREFETCH: the broker gives no more). One job at a time takes as many
 * of them as JOB_AUCTIONS_MAX allows, or what a sweep found, and hands the auctions to settlement. Then its messages
 * are acked; one whose auction cannot be settled, and one that cannot be read, after its dead letter is confirmed.
 *
 * When the channel goes, the messages in the ring are forgotten (they will come again); a job in hand is finished and
 * acks nothing: its messages carry the number of the channel's life, `epoch`.
 */
#include "endworker/settlement_consumer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/message.h"
#include "common/protocol/topology.h"
#include "endworker/statements.h"

enum {
    PREFETCH = 64,          /* messages: one per batch of a bid worker in which something ended */
    JOB_AUCTIONS_MAX = 512, /* a job takes more only when a single message holds more */
    NUMBER_SIZE = 16,
};

/* A delivery, and what it asks for. */
struct task {
    uint64_t tag;
    uint64_t epoch;
    struct uuid *ids;
    size_t count;
    const char *dead; /* why it goes to the dead letters, else NULL */
    size_t length;
    char body[];
};

/* Where a dead letter's confirm leads: to the ack of its message, if the channel still lives. */
struct burial {
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
    bool sweeping; /* the sweep's question is with PostgreSQL */
    bool draining;
    size_t burials; /* dead letters not yet confirmed */
    uint64_t epoch;
    /* the ring of what waits */
    struct task *ring[PREFETCH];
    size_t ring_first;
    size_t ring_count;
    /* the job: the auctions of its tasks, in their order, or of a sweep */
    struct task *tasks[PREFETCH];
    size_t task_count;
    struct settlement_item *items; /* NULL: no job */
};

static void job_start(struct settlement_consumer *settlement_consumer);

static void arm(struct event *timer, int64_t ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000L};
    if (!evtimer_pending(timer, NULL) && evtimer_add(timer, &wait) != 0) {
        log_error("endings: cannot arm a timer");
    }
}

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
        log_debug("an ack found its channel gone; the message will come again and find its work done");
    }
}

static void on_buried(void *arg)
{
    struct burial *burial = arg;
    burial->settlement_consumer->burials--;
    ack(burial->settlement_consumer, burial->tag, burial->epoch);
    free(burial);
}

/* Ends a task whose work is done: acks its message, after the dead letter where there is one. */
static void task_end(struct settlement_consumer *settlement_consumer, struct task *task)
{
    if (task->dead == NULL) {
        ack(settlement_consumer, task->tag, task->epoch);
    } else if (task->epoch == settlement_consumer->epoch) {
        struct burial *burial = malloc(sizeof(*burial));
        if (burial != NULL) {
            *burial =
                (struct burial){.settlement_consumer = settlement_consumer, .tag = task->tag, .epoch = task->epoch};
        }
        if (burial != NULL && deadletters_send(settlement_consumer->deadletters, TOPOLOGY_KEY_DEAD_AUCTION_END,
                                               task->body, task->length, task->dead, on_buried, burial)) {
            settlement_consumer->burials++;
        } else {
            free(burial);
            log_error("no memory for a dead letter: its message stays unacked and comes again");
        }
    }
    task_free(task);
}

/* --- jobs --- */

/* Everything is settled but what is marked: ends the tasks, and goes on. */
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

/* How many messages of the ring make one job, and how many auctions they hold. */
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

/* Takes the next messages in hand, unless there is a job already or nothing to do. A drain takes no more. */
static void job_start(struct settlement_consumer *settlement_consumer)
{
    if (settlement_consumer->items != NULL || settlement_consumer->ring_count == 0 || settlement_consumer->draining) {
        return;
    }
    size_t count = 0;
    size_t taken = job_size(settlement_consumer, &count);
    struct settlement_item *items = calloc(count + 1, sizeof(*items)); /* one more: never NULL for no auctions */
    if (items == NULL) {
        log_error("no memory to settle; tried again with the next message or sweep");
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
        return; /* what this sweep would have found the next one finds */
    }
    size_t count = (size_t)PQntuples(reply->result);
    struct settlement_item *items = calloc(count, sizeof(*items));
    if (items == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        items[i].auction_id = pg_uuid(reply->result, (int)i, 0);
    }
    log_info("%zu auctions ended and were never settled: settling them now", count);
    job_begin(settlement_consumer, items, count);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct settlement_consumer *settlement_consumer = arg;
    arm(settlement_consumer->sweep_timer, settlement_consumer->sweep_ms);
    job_start(settlement_consumer);
    if (settlement_consumer->items != NULL || settlement_consumer->sweeping || settlement_consumer->draining) {
        return;
    }
    char until[CLOCK_TEXT_SIZE];
    char limit[NUMBER_SIZE];
    clock_format(clock_now_ms() - settlement_consumer->sweep_ms, until);
    (void)snprintf(limit, sizeof(limit), "%d", JOB_AUCTIONS_MAX);
    const char *const values[] = {until, limit};
    settlement_consumer->sweeping = pg_query(settlement_consumer->pg, STATEMENT_UNSETTLED, ARRAY_LEN(values), values,
                                             on_unsettled, settlement_consumer);
}

/* --- the queue --- */

/* The ids of the auctions that ended; a message that cannot be read gets its reason instead. */
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
    task->ids = calloc(count + 1, sizeof(*task->ids)); /* one more: never NULL for no events */
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
        log_error("a message of %s cannot be read and goes to the dead letters: %s", TOPOLOGY_AUCTION_END_QUEUE,
                  task->dead);
        task_end(settlement_consumer, task);
        return;
    }
    if (settlement_consumer->draining) {
        task_free(task); /* goes back to the queue when the channel closes */
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
    arm(settlement_consumer->sweep_timer, settlement_consumer->sweep_ms);
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
    return settlement_busy(settlement_consumer->settlement) || settlement_consumer->burials > 0;
}
