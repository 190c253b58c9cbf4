/*
 * Names to a broker the queues that a program publishes to, so that it can leave one node of a cluster for another
 * (broker_prepare, which says when it is false). Callers: every program, for the broker that publishes.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_TOPOLOGY_PREPARE_H
#define ROSTRUM_COMMON_PROTOCOL_TOPOLOGY_PREPARE_H

#include "common/io/broker.h"
#include "common/protocol/logins.h"
#include "common/protocol/topology.h"

/* The queues of the family's shards 0 to `shards` - 1. */
MUST_CHECK bool topology_prepare_shards(struct broker *broker, const struct topology_family *family, unsigned shards);
/* The queues of the outbox to which `login` may publish: events, dead letters, deliveries, deliveries that wait. */
MUST_CHECK bool topology_prepare_outbox(struct broker *broker, enum login login);

#endif
