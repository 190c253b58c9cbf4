/*
 * See broker_pair.h.
 */
#include "common/service/broker_pair.h"

#include "common/base/log.h"
#include "common/protocol/topology_prepare.h"

static void log_state(const char *activity, const struct broker *broker, const char *state, bool down)
{
    log_info("%s is %s%s%s", activity, state, down ? ": " : "", down ? broker_error(broker) : "");
}

static void on_publisher(struct broker *broker, enum broker_state state, void *arg)
{
    static const char *const states[] = {
        [BROKER_DOWN] = "down", [BROKER_UP] = "up", [BROKER_BLOCKED] = "blocked by an alarm"};
    struct broker_pair *pair = arg;
    log_state("publishing", broker, states[state], state == BROKER_DOWN);
    pair->on_change(pair->arg);
}

static void on_consumer(struct broker *broker, enum broker_state state, void *arg)
{
    struct broker_pair *pair = arg;
    log_state("consuming", broker, state == BROKER_DOWN ? "down" : "up", state == BROKER_DOWN);
    pair->on_change(pair->arg);
}

bool broker_pair_open(struct broker_pair *pair, const struct broker_pair_options *options)
{
    const struct config *config = options->config;
    pair->on_change = options->on_change;
    pair->arg = options->arg;
    struct broker_options broker = {.base = options->base,
                                    .url = config->amqp_url,
                                    .name = options->publisher_name,
                                    .heartbeat_s = config->amqp_heartbeat_s,
                                    .connect_timeout_ms = BROKER_CONNECT_TIMEOUT_MS,
                                    .unconfirmed_max = options->unconfirmed_max,
                                    .confirm_deadline_ms = config->confirm_deadline_ms,
                                    .require_exchanges = options->exchanges,
                                    .on_change = on_publisher,
                                    .arg = pair};
    pair->publisher = broker_new(&broker);
    broker.name = options->consumer_name;
    broker.heartbeat_s = BROKER_CONSUMING_HEARTBEAT_S;
    broker.confirm_deadline_ms = 0; /* it does not publish */
    broker.require_exchanges = NULL;
    broker.require_queues = options->queues;
    broker.on_change = on_consumer;
    pair->consumer = broker_new(&broker);
    return pair->publisher != NULL && pair->consumer != NULL &&
           topology_prepare_outbox(pair->publisher, options->login);
}

void broker_pair_close(struct broker_pair *pair)
{
    broker_free(pair->consumer);
    pair->consumer = NULL;
    broker_free(pair->publisher);
    pair->publisher = NULL;
}

bool broker_pair_publishes(const struct broker_pair *pair)
{
    return pair->publisher != NULL && broker_state(pair->publisher) == BROKER_UP;
}

bool broker_pair_consumes(const struct broker_pair *pair)
{
    return pair->consumer != NULL && broker_state(pair->consumer) != BROKER_DOWN;
}
