/*
 * The types that publishers share with the files of the broker below common/io/broker: options, states, messages and
 * verdicts. No functions. Callers include common/io/broker.h.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_TYPES_H
#define ROSTRUM_COMMON_IO_BROKER_TYPES_H

#include <event2/event.h>

#include "common/base/base.h"

struct broker;
struct metrics_family;

extern struct metrics_family broker_metrics; /* messages published, by verdict; in broker_confirm.c */

enum broker_state {
    BROKER_DOWN, /* not connected */
    BROKER_UP,
    BROKER_BLOCKED, /* connected, but the server's alarm forbids publishing */
};

struct broker_options {
    struct event_base *base;
    const char *url;  /* amqp://user:password@host:port/vhost */
    const char *name; /* connection_name in the server's list */
    int heartbeat_s;
    int connect_timeout_ms;
    size_t unconfirmed_max; /* messages in flight, at least 1; then broker_publish says false */
    /* Exchanges and queues that must exist before the broker counts as up (passive declare); NULL-ended; may be NULL.
     */
    const char *const *require_exchanges;
    const char *const *require_queues;
    void (*on_change)(struct broker *broker, enum broker_state state, void *arg); /* may be NULL */
    void *arg;
};

enum broker_verdict {
    BROKER_CONFIRMED,
    BROKER_NACKED,   /* the queue is full (reject-publish) */
    BROKER_RETURNED, /* mandatory, and no queue is bound */
    BROKER_UNKNOWN,  /* link lost before the confirm */
    BROKER_VERDICT_COUNT
};

struct broker_message {
    const char *exchange;
    const char *routing_key;
    const void *body;
    size_t length;
    const char *message_id;  /* may be NULL */
    const char *traceparent; /* header of that name; may be NULL */
    const char *reason;      /* header "reason" of a dead letter; may be NULL */
};

typedef void (*broker_verdict_callback)(enum broker_verdict verdict, void *arg);

enum { BROKER_MESSAGE_MAX_BYTES = 8 * 1024 * 1024 }; /* a body; more is a programmer's error */

#endif
