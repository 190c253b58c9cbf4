/*
 * Declares everything that the deployment has in the broker (common/protocol/topology.h). Idempotent: what is there
 * with the same arguments stays as it is; a queue that is there with others is an error, since it may hold bids.
 */
#ifndef ROSTRUM_DEPLOY_CTL_QUEUES_H
#define ROSTRUM_DEPLOY_CTL_QUEUES_H

#include "deploy/ctl/ctl.h"

/* An exit code; what failed is said. */
MUST_CHECK int queues_declare(struct ctl *ctl);

#endif
