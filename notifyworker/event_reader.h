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
#include "common/protocol/deadletter.h"
#include "notifyworker/inapp.h"

struct intake;

struct intake_options {
    struct event_base *base;
    struct broker *consumes; /* a broker for consuming only */
    struct deadletters *deadletters;
    struct inapp *inapp;
    int batch_max;   /* notify_batch_max: messages in one batch */
    int interval_ms; /* notify_interval_ms: least time from one batch's begin to the next one's */
};

/* Begins to consume. NULL only without memory. */
MUST_CHECK struct intake *intake_new(const struct intake_options *options);
/* Free the brokers and the pool before. */
void intake_free(struct intake *intake);
/* Takes nothing new; the batch in hand is finished and acked. */
void intake_drain(struct intake *intake);
/* A batch is being told or waits for its dead letters. */
bool intake_busy(const struct intake *intake);

#endif
