/*
 * See queues.h. Queues first, then exchanges, then bindings, so that an exchange rarely accepts a message that it
 * cannot route (a mandatory one would be returned).
 */
#include "deploy/ctl/queues.h"

#include <stdio.h>

#include "common/protocol/topology.h"
#include "deploy/ctl/rabbit.h"

enum {
    QUEUE_MAX_MESSAGES = 1000000, /* of all queues but the shards; a full queue rejects, and senders retry */
    /* Deliveries of a message before the broker drops it. A restart of a worker counts one for all prefetched messages,
     * so a low limit would drop valid ones. The workers detect poison messages themselves. */
    DELIVERY_LIMIT = 1000000000,
    ARGUMENTS_MAX = 7,
    MS_PER_S = 1000,
};

static amqp_table_entry_t argument_text(const char *name, const char *value)
{
    return (amqp_table_entry_t){.key = amqp_cstring_bytes(name),
                                .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(value)}};
}

static amqp_table_entry_t argument_int(const char *name, int32_t value)
{
    return (amqp_table_entry_t){.key = amqp_cstring_bytes(name),
                                .value = {.kind = AMQP_FIELD_KIND_I32, .value.i32 = value}};
}

static bool declared(struct ctl *ctl, const char *what, const char *name)
{
    char reason[RABBIT_ERROR_SIZE];
    if (rabbit_failed(ctl, reason)) {
        ctl_report_error("RabbitMQ: %s %s: %s", what, name, reason);
        return false;
    }
    return true;
}

/* The common arguments of all queues; `entries` has room for ARGUMENTS_MAX. */
static amqp_table_t arguments_begin(amqp_table_entry_t *entries, int32_t max_messages)
{
    amqp_table_t arguments = {.entries = entries};
    entries[arguments.num_entries++] = argument_text("x-queue-type", "quorum");
    entries[arguments.num_entries++] = argument_int("x-max-length", max_messages);
    entries[arguments.num_entries++] = argument_text("x-overflow", "reject-publish");
    entries[arguments.num_entries++] = argument_int("x-delivery-limit", DELIVERY_LIMIT);
    return arguments;
}

static bool declare_queue(struct ctl *ctl, const char *name, int32_t max_messages, bool single_active_consumer)
{
    amqp_table_entry_t entries[ARGUMENTS_MAX];
    amqp_table_t arguments = arguments_begin(entries, max_messages);
    if (single_active_consumer) {
        entries[arguments.num_entries++] = (amqp_table_entry_t){
            .key = amqp_cstring_bytes("x-single-active-consumer"),
            .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1},
        };
    }
    (void)amqp_queue_declare(ctl->amqp, RABBIT_CHANNEL, amqp_cstring_bytes(name), 0, 1, 0, 0, arguments);
    if (declared(ctl, "queue", name)) {
        return true;
    }
    if (single_active_consumer) {
        ctl_report_error("a queue of a shard was declared with another shard_queue_max_messages, which cannot change");
    }
    return false;
}

/* A message waits for the queue's TTL, and is then dead-lettered to its original queue. */
static bool declare_wait(struct ctl *ctl, unsigned wait)
{
    char name[TOPOLOGY_WAIT_SIZE];
    amqp_table_entry_t entries[ARGUMENTS_MAX];
    amqp_table_t arguments = arguments_begin(entries, QUEUE_MAX_MESSAGES);
    topology_wait_name(wait, name);
    entries[arguments.num_entries++] = argument_int("x-message-ttl", topology_wait_s(wait) * MS_PER_S);
    entries[arguments.num_entries++] = argument_text("x-dead-letter-exchange", TOPOLOGY_DELIVERIES_EXCHANGE);
    entries[arguments.num_entries++] = argument_text("x-dead-letter-strategy", "at-least-once");
    (void)amqp_queue_declare(ctl->amqp, RABBIT_CHANNEL, amqp_cstring_bytes(name), 0, 1, 0, 0, arguments);
    return declared(ctl, "queue", name);
}

static bool bind_queue(struct ctl *ctl, const char *queue, const char *exchange, const char *key)
{
    (void)amqp_queue_bind(ctl->amqp, RABBIT_CHANNEL, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange),
                          amqp_cstring_bytes(key), amqp_empty_table);
    return declared(ctl, "binding of", queue);
}

/* Calls `act` with the name of each shard, of both families. */
static bool each_shard(struct ctl *ctl, bool (*act)(struct ctl *ctl, const char *name))
{
    static const struct topology_family *const families[] = {&topology_bids, &topology_sales};
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        for (unsigned shard = 0; shard < (unsigned)ctl->config.shards && ok; shard++) {
            char name[TOPOLOGY_QUEUE_SIZE];
            topology_shard_name(families[i], shard, name);
            ok = act(ctl, name);
        }
    }
    return ok;
}

static bool declare_shard_queue(struct ctl *ctl, const char *name)
{
    return declare_queue(ctl, name, ctl->config.shard_queue_max_messages, true);
}

static bool declare_queues(struct ctl *ctl)
{
    static const char *const NAMES[] = {TOPOLOGY_NOTIFY_QUEUE, TOPOLOGY_SALE_NOTIFY_QUEUE, TOPOLOGY_AUCTION_END_QUEUE,
                                        TOPOLOGY_DEAD_QUEUE,   TOPOLOGY_EMAIL_QUEUE,       TOPOLOGY_WEBHOOK_QUEUE};
    bool ok = each_shard(ctl, declare_shard_queue);
    for (size_t i = 0; i < ARRAY_LEN(NAMES) && ok; i++) {
        ok = declare_queue(ctl, NAMES[i], QUEUE_MAX_MESSAGES, false);
    }
    for (unsigned wait = 0; wait < TOPOLOGY_WAITS && ok; wait++) {
        ok = declare_wait(ctl, wait);
    }
    return ok;
}

static bool declare_exchange(struct ctl *ctl, const char *name, const char *type)
{
    (void)amqp_exchange_declare(ctl->amqp, RABBIT_CHANNEL, amqp_cstring_bytes(name), amqp_cstring_bytes(type), 0, 1, 0,
                                0, amqp_empty_table);
    return declared(ctl, "exchange", name);
}

static bool declare_shard_exchange(struct ctl *ctl, const char *name)
{
    return declare_exchange(ctl, name, "fanout");
}

static bool declare_exchanges(struct ctl *ctl)
{
    bool ok = declare_exchange(ctl, TOPOLOGY_EVENTS_EXCHANGE, "topic") &&
              declare_exchange(ctl, TOPOLOGY_DEAD_EXCHANGE, "topic") &&
              declare_exchange(ctl, TOPOLOGY_DELIVERIES_EXCHANGE, "direct");
    for (unsigned wait = 0; wait < TOPOLOGY_WAITS && ok; wait++) {
        char name[TOPOLOGY_WAIT_SIZE];
        topology_wait_name(wait, name);
        ok = declare_exchange(ctl, name, "fanout");
    }
    return ok && each_shard(ctl, declare_shard_exchange);
}

static bool bind_shard_queue(struct ctl *ctl, const char *name)
{
    return bind_queue(ctl, name, name, "");
}

static bool bind_queues(struct ctl *ctl)
{
    static const struct {
        const char *queue;
        const char *exchange;
        const char *key;
    } BINDINGS[] = {
        {TOPOLOGY_NOTIFY_QUEUE, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_BATCH},
        {TOPOLOGY_NOTIFY_QUEUE, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SETTLED},
        {TOPOLOGY_NOTIFY_QUEUE, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_ENDING_SOON},
        {TOPOLOGY_SALE_NOTIFY_QUEUE, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SALE_BATCH},
        {TOPOLOGY_SALE_NOTIFY_QUEUE, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SALE_SOON},
        {TOPOLOGY_AUCTION_END_QUEUE, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_ENDED},
        {TOPOLOGY_DEAD_QUEUE, TOPOLOGY_DEAD_EXCHANGE, "#"},
        {TOPOLOGY_EMAIL_QUEUE, TOPOLOGY_DELIVERIES_EXCHANGE, TOPOLOGY_KEY_EMAIL},
        {TOPOLOGY_WEBHOOK_QUEUE, TOPOLOGY_DELIVERIES_EXCHANGE, TOPOLOGY_KEY_WEBHOOK},
    };
    bool ok = true;
    for (unsigned wait = 0; wait < TOPOLOGY_WAITS && ok; wait++) {
        char name[TOPOLOGY_WAIT_SIZE];
        topology_wait_name(wait, name);
        ok = bind_queue(ctl, name, name, "");
    }
    ok = ok && each_shard(ctl, bind_shard_queue);
    for (size_t i = 0; i < ARRAY_LEN(BINDINGS) && ok; i++) {
        ok = bind_queue(ctl, BINDINGS[i].queue, BINDINGS[i].exchange, BINDINGS[i].key);
    }
    return ok;
}

int queues_declare(struct ctl *ctl)
{
    if (!rabbit_open(ctl)) {
        return CTL_UNAVAILABLE;
    }
    return declare_queues(ctl) && declare_exchanges(ctl) && bind_queues(ctl) ? CTL_OK : CTL_FAILED;
}
