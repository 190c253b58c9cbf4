/*
 * The two connections of a worker program to RabbitMQ: one publishes, one consumes. They are separate because under an
 * alarm the server stops reading from connections that publish. Changes of their states are logged.
 *
 * Callers: main.c of endworker and notifyworker.
 */
#ifndef ROSTRUM_COMMON_SERVICE_BROKER_PAIR_H
#define ROSTRUM_COMMON_SERVICE_BROKER_PAIR_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker.h"
#include "common/service/config.h"

struct broker_pair {
    struct broker *publisher;
    struct broker *consumer;
    /* A state has changed; called after it was logged. */
    void (*on_change)(void *arg);
    void *arg;
};

struct broker_pair_options {
    struct event_base *base;
    const struct config *config;
    enum login login;           /* decides to which exchanges it publishes */
    const char *publisher_name; /* connection_name in the server's list of connections */
    const char *consumer_name;
    size_t unconfirmed_max;       /* of the publisher */
    const char *const *exchanges; /* required by the publisher; NULL-ended */
    const char *const *queues;    /* required by the consumer; NULL-ended */
    void (*on_change)(void *arg);
    void *arg;
};

/* `pair` is zeroed by the caller. False: no memory, or the URL cannot be parsed (logged); call broker_pair_close then.
 */
MUST_CHECK bool broker_pair_open(struct broker_pair *pair, const struct broker_pair_options *options);
/* Frees both brokers (see broker_free). */
void broker_pair_close(struct broker_pair *pair);
/* The publisher is up and not blocked. */
bool broker_pair_publishes(const struct broker_pair *pair);
/* The consumer is connected; an alarm does not stop it. */
bool broker_pair_consumes(const struct broker_pair *pair);

#endif
