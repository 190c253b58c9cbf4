/*
 * See event_reader.h. A ring holds the delivered messages in order; the prefetch bounds it. The batch is taken from the
 * front of the ring, and one ack covers all of it.
 *
 * When the channel is lost, waiting messages are dropped, because they will be redelivered. The current batch is
 * finished without an ack; its redelivery writes nothing twice.
 */
#include "notifyworker/event_reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/timer.h"

enum {
    PREFETCH_BATCHES = 2, /* one current, one arriving */
    RETRY_MS = 100,       /* after there was no memory for a dead letter */
};

struct delivery {
    uint64_t tag;
    size_t length;
    char body[];
};

struct event_reader {
    struct broker_consumer *consumer;
    struct deadletters *deadletters;
    const char *dead_key;
    struct inapp *inapp;
    struct event *retry_timer;
    struct event *resume_timer; /* ends the interval in which messages are collected */
    int64_t interval_us;
    int64_t began_us; /* monotonic start of the last batch */
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
    size_t batch_count;       /* 0: none */
    size_t next_dead_letter;  /* dead messages before this one were sent */
    size_t dead_letters_open; /* dead letters not yet confirmed */
    bool batch_orphaned;      /* its channel is gone: no ack */
};

static void batch_start(struct event_reader *event_reader);
static void batch_settle(struct event_reader *event_reader);

/* The batch is finished: acks it and starts the next one. */
static void batch_end(struct event_reader *event_reader)
{
    uint64_t last_tag = event_reader->batch[event_reader->batch_count - 1]->tag;
    if (!event_reader->batch_orphaned && !broker_ack(event_reader->consumer, last_tag, true)) {
        log_debug("ack not sent, the channel is closed; the messages will be redelivered and have no further effect");
    }
    for (size_t i = 0; i < event_reader->batch_count; i++) {
        free(event_reader->batch[i]);
    }
    event_reader->batch_count = 0;
    batch_start(event_reader);
}

static void on_dead_letter_confirmed(void *arg)
{
    struct event_reader *event_reader = arg;
    event_reader->dead_letters_open--;
    batch_settle(event_reader);
}

/* The batch is written: sends its dead letters, and ends it when all of them are confirmed. */
static void batch_settle(struct event_reader *event_reader)
{
    for (; event_reader->next_dead_letter < event_reader->batch_count; event_reader->next_dead_letter++) {
        const struct inapp_message *message = &event_reader->messages[event_reader->next_dead_letter];
        if (message->dead == NULL || event_reader->batch_orphaned) {
            continue;
        }
        if (!deadletters_send(event_reader->deadletters, event_reader->dead_key, message->body, message->length,
                              message->dead, on_dead_letter_confirmed, event_reader)) {
            log_error("no memory for a dead letter: retrying");
            timer_set(event_reader->retry_timer, RETRY_MS);
            return;
        }
        event_reader->dead_letters_open++;
    }
    if (event_reader->dead_letters_open == 0) {
        batch_end(event_reader);
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    batch_settle(arg);
}

static void on_notified(void *arg)
{
    batch_settle(arg);
}

/* True if the interval is not over; the timer then starts the batch. */
static bool batch_is_early(struct event_reader *event_reader)
{
    int64_t early_us = event_reader->began_us + event_reader->interval_us - clock_mono_us();
    struct timeval wait = {.tv_usec = early_us};
    return early_us > 0 &&
           (evtimer_pending(event_reader->resume_timer, NULL) || evtimer_add(event_reader->resume_timer, &wait) == 0);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    batch_start(arg);
}

/* Starts a batch from the front of the ring, unless one is running. */
static void batch_start(struct event_reader *event_reader)
{
    if (event_reader->batch_count > 0 || event_reader->ring_count == 0 || event_reader->draining ||
        batch_is_early(event_reader)) {
        return;
    }
    event_reader->began_us = clock_mono_us();
    size_t count =
        event_reader->ring_count < event_reader->batch_max ? event_reader->ring_count : event_reader->batch_max;
    for (size_t i = 0; i < count; i++) {
        struct delivery *delivery = event_reader->ring[event_reader->ring_first];
        event_reader->ring_first = (event_reader->ring_first + 1) % event_reader->ring_size;
        event_reader->ring_count--;
        event_reader->batch[i] = delivery;
        event_reader->messages[i] = (struct inapp_message){.body = delivery->body, .length = delivery->length};
    }
    event_reader->batch_count = count;
    event_reader->batch_orphaned = false;
    event_reader->next_dead_letter = 0;
    inapp_notify(event_reader->inapp, event_reader->messages, count, on_notified, event_reader);
}

static void on_deliver(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg)
{
    (void)consumer;
    struct event_reader *event_reader = arg;
    if (event_reader->draining) {
        return; /* returns to the queue when the channel closes */
    }
    struct delivery *copy = malloc(sizeof(*copy) + delivery->length);
    if (copy == NULL) {
        /* The ack of a later message would cover this one, too. */
        log_error("no memory for a message: exiting, it will be redelivered");
        exit(EXIT_FAILURE);
    }
    *copy = (struct delivery){.tag = delivery->tag, .length = delivery->length};
    memcpy(copy->body, delivery->body, delivery->length);
    assert(event_reader->ring_count < event_reader->ring_size);
    event_reader->ring[(event_reader->ring_first + event_reader->ring_count++) % event_reader->ring_size] = copy;
    batch_start(event_reader);
}

static void ring_clear(struct event_reader *event_reader)
{
    for (; event_reader->ring_count > 0; event_reader->ring_count--) {
        free(event_reader->ring[event_reader->ring_first]);
        event_reader->ring_first = (event_reader->ring_first + 1) % event_reader->ring_size;
    }
}

static void on_gone(struct broker_consumer *consumer, void *arg)
{
    (void)consumer;
    struct event_reader *event_reader = arg;
    ring_clear(event_reader);
    event_reader->batch_orphaned = true;
}

struct event_reader *event_reader_new(const struct event_reader_options *options)
{
    struct event_reader *event_reader = calloc(1, sizeof(*event_reader));
    if (event_reader == NULL) {
        return NULL;
    }
    event_reader->deadletters = options->deadletters;
    event_reader->dead_key = options->dead_key;
    event_reader->inapp = options->inapp;
    event_reader->batch_max = (size_t)options->batch_max;
    event_reader->ring_size = PREFETCH_BATCHES * event_reader->batch_max;
    event_reader->ring = calloc(event_reader->ring_size, sizeof(struct delivery *));
    event_reader->batch = calloc(event_reader->batch_max, sizeof(struct delivery *));
    event_reader->messages = calloc(event_reader->batch_max, sizeof(*event_reader->messages));
    event_reader->retry_timer = evtimer_new(options->base, on_retry, event_reader);
    event_reader->resume_timer = evtimer_new(options->base, on_resume, event_reader);
    event_reader->interval_us = options->interval_ms * INT64_C(1000);
    struct broker_consumer_options consumer = {.queue = options->queue,
                                               .prefetch = (uint16_t)event_reader->ring_size,
                                               .deliver = on_deliver,
                                               .gone = on_gone,
                                               .arg = event_reader};
    bool made = event_reader->ring != NULL && event_reader->batch != NULL && event_reader->messages != NULL &&
                event_reader->retry_timer != NULL && event_reader->resume_timer != NULL;
    event_reader->consumer = made ? broker_consume(options->consumes, &consumer) : NULL;
    if (event_reader->consumer == NULL) {
        event_reader_free(event_reader);
        return NULL;
    }
    return event_reader;
}

void event_reader_free(struct event_reader *event_reader)
{
    if (event_reader == NULL) {
        return;
    }
    if (event_reader->ring != NULL) {
        ring_clear(event_reader);
    }
    for (size_t i = 0; i < event_reader->batch_count; i++) {
        free(event_reader->batch[i]);
    }
    if (event_reader->retry_timer != NULL) {
        event_free(event_reader->retry_timer);
    }
    if (event_reader->resume_timer != NULL) {
        event_free(event_reader->resume_timer);
    }
    free(event_reader->ring);
    free(event_reader->batch);
    free(event_reader->messages);
    free(event_reader);
}

void event_reader_drain(struct event_reader *event_reader)
{
    event_reader->draining = true;
    ring_clear(event_reader);
    inapp_drain(event_reader->inapp);
}

bool event_reader_busy(const struct event_reader *event_reader)
{
    return inapp_busy(event_reader->inapp) || event_reader->dead_letters_open > 0;
}
