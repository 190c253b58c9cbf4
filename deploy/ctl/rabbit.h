/*
 * RabbitMQ for a command line: one connection, one channel, every call waits for its answer (at most
 * RABBIT_TIMEOUT_S). An error closes the channel in AMQP; rabbit_reopen opens it again.
 */
#ifndef ROSTRUM_DEPLOY_CTL_RABBIT_H
#define ROSTRUM_DEPLOY_CTL_RABBIT_H

#include "deploy/ctl/ctl.h"

enum { RABBIT_TIMEOUT_S = 10, RABBIT_CHANNEL = 1, RABBIT_ERROR_SIZE = 512 };

/* Connects, logs in and opens the channel if that was not done yet; says on stderr what failed. */
MUST_CHECK bool rabbit_open(struct ctl *ctl);
/* Opens the channel again after an error closed it. */
MUST_CHECK bool rabbit_reopen(struct ctl *ctl);
/* Closes everything; what was got and not acked goes back to its queue. Harmless when nothing is open. */
void rabbit_close(struct ctl *ctl);
/* What the last call failed with, as a sentence; true if it failed. */
MUST_CHECK bool rabbit_failed(const struct ctl *ctl, char reason[static RABBIT_ERROR_SIZE]);

struct rabbit_queue {
    bool there;
    uint32_t ready;
    uint32_t consumers;
};
/* Looks at a queue without making it. False, and said, when the broker does not answer. */
MUST_CHECK bool rabbit_look(struct ctl *ctl, const char *name, struct rabbit_queue *queue);

#endif
