/*
 * Consumes event messages from a queue, notify or sale_notify, and has their notifications written, one batch at a
 * time. It acks a batch after its transactions are committed and its dead letters are confirmed.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_EVENT_READER_H
#define ROSTRUM_NOTIFYWORKER_EVENT_READER_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker.h"
#include "common/io/broker_consumer.h"
#include "common/protocol/deadletter.h"
#include "notifyworker/inapp.h"

struct event_reader;

struct event_reader_options {
    struct event_base *base;
    struct broker *consumes; /* a broker for consuming only */
    const char *queue;       /* this and the next one are static */
    const char *dead_key;    /* routing key of its dead letters */
    struct deadletters *deadletters;
    struct inapp *inapp;
    int batch_max;   /* notify_batch_max: messages in one batch */
    int interval_ms; /* notify_interval_ms: least time between the starts of two batches */
};

/* Starts consuming. NULL: no memory. */
MUST_CHECK struct event_reader *event_reader_new(const struct event_reader_options *options);
/* Free the brokers and the pool first. */
void event_reader_free(struct event_reader *event_reader);
/* Stops taking messages; the current batch is finished and acked. */
void event_reader_drain(struct event_reader *event_reader);
/* True while a batch is being written or waits for its dead letters. */
bool event_reader_busy(const struct event_reader *event_reader);

#endif
