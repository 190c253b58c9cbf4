/*
 * The depths of queues, read by passive declares on a channel of its own. They change nothing. Create it on a broker
 * that does not publish: under an alarm the server stops reading from connections that do.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_DEPTHS_H
#define ROSTRUM_COMMON_IO_BROKER_DEPTHS_H

#include "common/base/base.h"

struct broker;
struct broker_depths;

struct broker_depths_options {
    const char *const *queues; /* NULL-ended; borrowed */
    /* The answer for the queue of this index: undelivered messages, and consumers, waiting ones included. */
    void (*answered)(size_t queue, int64_t ready, int64_t consumers, void *arg);
    void *arg;
};

/* Belongs to the broker, and is freed with it. NULL: no memory or too many channels. */
MUST_CHECK struct broker_depths *broker_depths_new(struct broker *broker, const struct broker_depths_options *options);
/*
 * Asks for all queues. No effect without a connection, or while an answer of an earlier call is outstanding. For a
 * queue without a leader RabbitMQ 3.10 answers after 250 ms, with 0 messages and 0 consumers. A queue that does not
 * exist closes the channel and costs the answers of those after it, so the next call begins after that queue.
 */
void broker_depths_ask(struct broker_depths *depths);

#endif
