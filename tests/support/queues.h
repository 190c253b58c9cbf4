/*
 * A blocking connection to RabbitMQ (ROSTRUM_AMQP_URL) for tests: publishes to the deployment's exchanges, reads them
 * through private queues, counts and purges queues. Calls fail the test if the server refuses.
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
    char *body; /* NUL-terminated; the caller frees it */
    size_t length;
    char routing_key[QUEUES_NAME_SIZE];
    char reason[QUEUES_REASON_SIZE]; /* of a dead letter, "" without */
};

struct queues *queues_open(void);
void queues_close(struct queues *queues);

/* Publishes a persistent message; returns after the confirm. */
void queues_publish(struct queues *queues, const char *exchange, const char *routing_key, const void *body,
                    size_t length);
/* Declares an exclusive queue and binds it to `exchange` by `routing_key`. It is deleted with the connection. */
void queues_tap(struct queues *queues, const char *exchange, const char *routing_key,
                char name[static QUEUES_NAME_SIZE]);
/* The same for an exchange that ignores routing keys: only messages with this key arrive. */
void queues_tap_key(struct queues *queues, const char *exchange, const char *routing_key,
                    char name[static QUEUES_NAME_SIZE]);
/* The same for the commands of one auction, in a deployment with `shards` shards. */
void queues_tap_auction(struct queues *queues, unsigned shards, const char *auction, char tap[static QUEUES_NAME_SIZE]);
/* The same for an exchange that ignores routing keys. The queue is full, so the broker nacks messages. */
void queues_tap_full(struct queues *queues, const char *exchange, char name[static QUEUES_NAME_SIZE]);
/* Gets and acks the next message; false if the queue is empty. */
MUST_CHECK bool queues_take(struct queues *queues, const char *queue, struct queues_message *message);
/* Number of messages that are ready to be delivered. */
int queues_depth(struct queues *queues, const char *queue);
void queues_purge(struct queues *queues, const char *queue);
/* The same for the queues of shards 0 to `shards` - 1, of both families. */
void queues_purge_shards(struct queues *queues, unsigned shards);

#endif
