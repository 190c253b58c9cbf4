/*
 * See intake.h. A ring holds what was delivered, in order, and never more than the prefetch. The batch is the front of
 * the ring; it leaves the ring when it is acked, with one ack for all of it.
 *
 * When the channel goes, what waits is forgotten: it will come again. A batch in hand is finished, acks nothing, and
 * writes nothing twice when it comes again.
 */
#include "notifyworker/event_reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/topology.h"

enum {
    PREFETCH_BATCHES = 2, /* one in hand, one arriving */
    RETRY_MS = 100,       /* without memory for a dead letter */
};

struct delivery {
    uint64_t tag;
    size_t length;
    char body[];
};

struct intake {
    struct broker_consumer *consumer;
    struct deadletters *deadletters;
    struct inapp *inapp;
    struct event *retry_timer;
    struct event *pace_timer; /* lets a batch gather */
    int64_t interval_us;
    int64_t began_us; /* monotonic: the last batch */
    bool draining;
    /* the ring */
    struct delivery **ring;
    size_t ring_size;
    size_t ring_first;
    size_t ring_count;
    /* the batch */
    size_t batch_max;
    struct delivery **batch;
    struct inapp_message *messages;
    size_t batch_count;  /* 0: none */
    size_t next_burial;  /* messages before this one that are dead have been sent */
    size_t burials;      /* dead letters not yet confirmed */
    bool batch_orphaned; /* its channel is gone: nothing to ack */
};

static void batch_start(struct intake *intake);
static void batch_settle(struct intake *intake);

static void arm_retry(struct intake *intake)
{
    struct timeval wait = {.tv_usec = RETRY_MS * 1000L};
    if (evtimer_add(intake->retry_timer, &wait) != 0) {
        log_error("intake: cannot arm a timer");
    }
}

/* The batch is done with: acks it, and goes on. */
static void batch_end(struct intake *intake)
{
    uint64_t last_tag = intake->batch[intake->batch_count - 1]->tag;
    if (!intake->batch_orphaned && !broker_ack(intake->consumer, last_tag, true)) {
        log_debug("an ack found its channel gone; its messages will come again and find their work done");
    }
    for (size_t i = 0; i < intake->batch_count; i++) {
        free(intake->batch[i]);
    }
    intake->batch_count = 0;
    batch_start(intake);
}

static void on_buried(void *arg)
{
    struct intake *intake = arg;
    intake->burials--;
    batch_settle(intake);
}

/* Everything is told: sends the dead to their letters, and ends the batch when all of these are confirmed. */
static void batch_settle(struct intake *intake)
{
    for (; intake->next_burial < intake->batch_count; intake->next_burial++) {
        const struct inapp_message *message = &intake->messages[intake->next_burial];
        if (message->dead == NULL || intake->batch_orphaned) {
            continue;
        }
        if (!deadletters_send(intake->deadletters, TOPOLOGY_KEY_DEAD_NOTIFY, message->body, message->length,
                              message->dead, on_buried, intake)) {
            log_error("no memory for a dead letter: tried again");
            arm_retry(intake);
            return;
        }
        intake->burials++;
    }
    if (intake->burials == 0) {
        batch_end(intake);
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    batch_settle(arg);
}

static void on_told(void *arg)
{
    batch_settle(arg);
}

/* Is it too early for the next batch? Then the timer will start it. */
static bool batch_gathers(struct intake *intake)
{
    int64_t early_us = intake->began_us + intake->interval_us - clock_mono_us();
    struct timeval wait = {.tv_usec = early_us};
    return early_us > 0 && (evtimer_pending(intake->pace_timer, NULL) || evtimer_add(intake->pace_timer, &wait) == 0);
}

static void on_pace(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    batch_start(arg);
}

/* The front of the ring becomes the batch, unless one is in hand. */
static void batch_start(struct intake *intake)
{
    if (intake->batch_count > 0 || intake->ring_count == 0 || intake->draining || batch_gathers(intake)) {
        return;
    }
    intake->began_us = clock_mono_us();
    size_t count = intake->ring_count < intake->batch_max ? intake->ring_count : intake->batch_max;
    for (size_t i = 0; i < count; i++) {
        struct delivery *delivery = intake->ring[intake->ring_first];
        intake->ring_first = (intake->ring_first + 1) % intake->ring_size;
        intake->ring_count--;
        intake->batch[i] = delivery;
        intake->messages[i] = (struct inapp_message){.body = delivery->body, .length = delivery->length};
    }
    intake->batch_count = count;
    intake->batch_orphaned = false;
    intake->next_burial = 0;
    inapp_tell(intake->inapp, intake->messages, count, on_told, intake);
}

static void on_deliver(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg)
{
    (void)consumer;
    struct intake *intake = arg;
    if (intake->draining) {
        return; /* goes back to the queue when the channel closes */
    }
    struct delivery *copy = malloc(sizeof(*copy) + delivery->length);
    if (copy == NULL) {
        /* The tag of a later message would ack this one too. */
        log_error("no memory for a message: ending, so that it comes again");
        exit(EXIT_FAILURE);
    }
    *copy = (struct delivery){.tag = delivery->tag, .length = delivery->length};
    memcpy(copy->body, delivery->body, delivery->length);
    assert(intake->ring_count < intake->ring_size);
    intake->ring[(intake->ring_first + intake->ring_count++) % intake->ring_size] = copy;
    batch_start(intake);
}

static void ring_clear(struct intake *intake)
{
    for (; intake->ring_count > 0; intake->ring_count--) {
        free(intake->ring[intake->ring_first]);
        intake->ring_first = (intake->ring_first + 1) % intake->ring_size;
    }
}

static void on_gone(struct broker_consumer *consumer, void *arg)
{
    (void)consumer;
    struct intake *intake = arg;
    ring_clear(intake);
    intake->batch_orphaned = true;
}

struct intake *intake_new(const struct intake_options *options)
{
    struct intake *intake = calloc(1, sizeof(*intake));
    if (intake == NULL) {
        return NULL;
    }
    intake->deadletters = options->deadletters;
    intake->inapp = options->inapp;
    intake->batch_max = (size_t)options->batch_max;
    intake->ring_size = PREFETCH_BATCHES * intake->batch_max;
    intake->ring = calloc(intake->ring_size, sizeof(struct delivery *));
    intake->batch = calloc(intake->batch_max, sizeof(struct delivery *));
    intake->messages = calloc(intake->batch_max, sizeof(*intake->messages));
    intake->retry_timer = evtimer_new(options->base, on_retry, intake);
    intake->pace_timer = evtimer_new(options->base, on_pace, intake);
    intake->interval_us = options->interval_ms * INT64_C(1000);
    struct broker_consumer_options consumer = {.queue = TOPOLOGY_NOTIFY_QUEUE,
                                               .prefetch = (uint16_t)intake->ring_size,
                                               .deliver = on_deliver,
                                               .gone = on_gone,
                                               .arg = intake};
    bool made = intake->ring != NULL && intake->batch != NULL && intake->messages != NULL &&
                intake->retry_timer != NULL && intake->pace_timer != NULL;
    intake->consumer = made ? broker_consume(options->consumes, &consumer) : NULL;
    if (intake->consumer == NULL) {
        intake_free(intake);
        return NULL;
    }
    return intake;
}

void intake_free(struct intake *intake)
{
    if (intake == NULL) {
        return;
    }
    if (intake->ring != NULL) {
        ring_clear(intake);
    }
    for (size_t i = 0; i < intake->batch_count; i++) {
        free(intake->batch[i]);
    }
    if (intake->retry_timer != NULL) {
        event_free(intake->retry_timer);
    }
    if (intake->pace_timer != NULL) {
        event_free(intake->pace_timer);
    }
    free(intake->ring);
    free(intake->batch);
    free(intake->messages);
    free(intake);
}

void intake_drain(struct intake *intake)
{
    intake->draining = true;
    ring_clear(intake);
    inapp_drain(intake->inapp);
}

bool intake_busy(const struct intake *intake)
{
    return inapp_busy(intake->inapp) || intake->burials > 0;
}
