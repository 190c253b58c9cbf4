/*
 * Declares the deployment's queues, exchanges and bindings in RabbitMQ (common/protocol/topology.h). Idempotent. A
 * queue that exists with other arguments is an error, because it may contain bids. Called by migrate.c.
 */
#ifndef ROSTRUM_DEPLOY_CTL_QUEUES_H
#define ROSTRUM_DEPLOY_CTL_QUEUES_H

#include "deploy/ctl/ctl.h"

/* Returns an exit code, after printing an error. */
MUST_CHECK int queues_declare(struct ctl *ctl);

#endif
