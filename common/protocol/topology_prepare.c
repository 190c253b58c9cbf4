/*
 * See topology_prepare.h.
 */
#include "common/protocol/topology_prepare.h"

#include "common/protocol/rights.h"
#include "common/protocol/topology.h"

bool topology_prepare_shards(struct broker *broker, const struct topology_family *family, unsigned shards)
{
    bool ok = true;
    for (unsigned shard = 0; shard < shards; shard++) {
        char exchange[TOPOLOGY_QUEUE_SIZE];
        topology_shard_name(family, shard, exchange);
        ok = broker_prepare(broker, exchange, "") && ok;
    }
    return ok;
}

/* The exchanges ignore the key, but by it the probe goes on to a consumer of deliveries, which acks it. */
static bool prepare_waits(struct broker *broker, enum login login)
{
    bool ok = true;
    for (unsigned wait = 0; wait < TOPOLOGY_WAITS; wait++) {
        char exchange[TOPOLOGY_WAIT_SIZE];
        topology_wait_name(wait, exchange);
        if (rights_may_publish(login, exchange)) {
            ok = broker_prepare(broker, exchange, TOPOLOGY_KEY_EMAIL) && ok;
        }
    }
    return ok;
}

bool topology_prepare_outbox(struct broker *broker, enum login login)
{
    static const struct {
        const char *exchange;
        const char *key;
    } queues[] = {
        {TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_BATCH},      {TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_ENDED},
        {TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SALE_BATCH}, {TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_BIDS},
        {TOPOLOGY_DELIVERIES_EXCHANGE, TOPOLOGY_KEY_EMAIL},  {TOPOLOGY_DELIVERIES_EXCHANGE, TOPOLOGY_KEY_WEBHOOK},
    };
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(queues); i++) {
        if (rights_may_publish(login, queues[i].exchange)) {
            ok = broker_prepare(broker, queues[i].exchange, queues[i].key) && ok;
        }
    }
    return prepare_waits(broker, login) && ok;
}
