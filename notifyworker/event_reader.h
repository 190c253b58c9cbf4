/*
 * Takes event messages from queue notify, has them told in batches, one at a time, and acks a batch once all of it is
 * committed and its dead letters are confirmed.
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
    struct deadletters *deadletters;
    struct inapp *inapp;
    int batch_max;   /* notify_batch_max: messages in one batch */
    int interval_ms; /* notify_interval_ms: least time from one batch's begin to the next one's */
};

/* Begins to consume. NULL only without memory. */
MUST_CHECK struct event_reader *event_reader_new(const struct event_reader_options *options);
/* Free the brokers and the pool before. */
void event_reader_free(struct event_reader *event_reader);
/* Takes nothing new; the batch in hand is finished and acked. */
void event_reader_drain(struct event_reader *event_reader);
/* A batch is being told or waits for its dead letters. */
bool event_reader_busy(const struct event_reader *event_reader);

#endif
