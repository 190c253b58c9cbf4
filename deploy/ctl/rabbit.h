/*
 * Blocking access to RabbitMQ for rostrumctl: one connection, one channel; each call waits for its answer, at most
 * RABBIT_TIMEOUT_S. In AMQP an error closes the channel; rabbit_reopen opens it again.
 */
#ifndef ROSTRUM_DEPLOY_CTL_RABBIT_H
#define ROSTRUM_DEPLOY_CTL_RABBIT_H

#include "deploy/ctl/ctl.h"

enum {
    RABBIT_TIMEOUT_S = 10,
    RABBIT_NEXT_HOST_S =
        3, /* if amqp_url names several hosts: time to connect and log in; then the next one is tried */
    RABBIT_CHANNEL = 1,
    RABBIT_ERROR_SIZE = 512
};

/*
 * Connects to the first host of amqp_url that answers, logs in and opens the channel, unless already open. Prints
 * errors on stderr.
 */
MUST_CHECK bool rabbit_open(struct ctl *ctl);
/* Opens the channel again after an error closed it. */
MUST_CHECK bool rabbit_reopen(struct ctl *ctl);
/* Closes everything; RabbitMQ requeues unacknowledged messages. Does nothing if no connection is open. */
void rabbit_close(struct ctl *ctl);
/* Returns true if the last call failed, with a sentence in `reason`. */
MUST_CHECK bool rabbit_failed(const struct ctl *ctl, char reason[static RABBIT_ERROR_SIZE]);

/*
 * Publishes a persistent message and waits for the broker's confirm. Returns false after printing an error: it may or
 * may not be queued.
 */
MUST_CHECK bool rabbit_publish(struct ctl *ctl, const char *exchange, const char *routing_key, const char *message_id,
                               const char *body, size_t length);

struct rabbit_queue {
    bool there;
    uint32_t ready;
    uint32_t consumers;
};
/* Reads the state of a queue without declaring it. Returns false after printing an error. */
MUST_CHECK bool rabbit_look(struct ctl *ctl, const char *name, struct rabbit_queue *queue);

#endif
