/*
 * A plain blocking connection to RabbitMQ (ROSTRUM_AMQP_URL) for tests: puts messages into the deployment's exchanges,
 * looks at what comes out of them through private queues, counts, empties. Everything fails the test when the server
 * refuses.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_QUEUES_H
#define ROSTRUM_TESTS_SUPPORT_QUEUES_H

#include "common/base/base.h"

enum {
    QUEUES_NAME_SIZE = 128,
    QUEUES_REASON_SIZE = 128,
};

struct queues;

struct queues_message {
    char *body; /* NUL-terminated, the caller's to free */
    size_t length;
    char routing_key[QUEUES_NAME_SIZE];
    char reason[QUEUES_REASON_SIZE]; /* of a dead letter, "" without */
};

struct queues *queues_open(void);
void queues_close(struct queues *queues);

/* Persistent; returns when the broker has confirmed it. */
void queues_publish(struct queues *queues, const char *exchange, const char *routing_key, const void *body,
                    size_t length);
/* A queue of this connection's own, bound to `exchange` by `routing_key`; gone when the connection is closed. */
void queues_tap(struct queues *queues, const char *exchange, const char *routing_key,
                char name[static QUEUES_NAME_SIZE]);
/* The same of an exchange that does not look at keys. */
void queues_tap_key(struct queues *queues, const char *exchange, const char *routing_key,
                    char name[static QUEUES_NAME_SIZE]);
/* The same of an exchange that does not look at keys; the queue is full, so that the broker refuses what comes. */
void queues_tap_full(struct queues *queues, const char *exchange, char name[static QUEUES_NAME_SIZE]);
/* Takes and acks the next message; false when the queue is empty. */
MUST_CHECK bool queues_take(struct queues *queues, const char *queue, struct queues_message *message);
/* Messages that are ready to be delivered. */
int queues_depth(struct queues *queues, const char *queue);
void queues_purge(struct queues *queues, const char *queue);

#endif
