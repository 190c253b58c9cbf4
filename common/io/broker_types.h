/*
 * Types that publishers share with the files of the broker: options, states, messages and verdicts. No functions.
 * Callers include common/io/broker.h.
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
    BROKER_BLOCKED, /* connected, but an alarm of the server blocks publishing */
};

/*
 * Heartbeat of a connection that consumes, in seconds. The server gives a hanging consumer's messages to the next one
 * after two to three of them. Measured: after 2.6 s at 1 s, after 26.6 s at 10 s.
 */
enum { BROKER_CONSUMING_HEARTBEAT_S = 1 };

/*
 * Connecting includes the login and a passive declare of each queue, for which RabbitMQ takes 250 ms if the queue has
 * no leader. So a program with 20 such queues connects only after their election.
 */
enum { BROKER_CONNECT_TIMEOUT_MS = 5000 };

/*
 * Property "type" of a probe: a message without a body, by which a connection prepares publishing to a queue. Consumers
 * ack it themselves; their owners never see it.
 */
#define BROKER_PROBE_TYPE "probe"

struct broker_options {
    struct event_base *base;
    const char *url;        /* see broker_url.h; one host or several */
    const char *name;       /* connection_name in the server's list of connections */
    int heartbeat_s;        /* ignored with two connections: BROKER_CONSUMING_HEARTBEAT_S */
    int connect_timeout_ms; /* of one host: BROKER_CONNECT_TIMEOUT_MS, but in tests */
    /* Messages without a verdict, of each connection, probes included; at least 1. Then broker_publish is false. */
    size_t unconfirmed_max;
    /*
     * If the URL has several hosts: publish through a second connection when messages wait and none was confirmed for
     * this long (broker.c). 0, or one host: there is one connection.
     */
    int confirm_deadline_ms;
    /* Exchanges and queues that must exist before the broker is up (passive declare); NULL-ended; may be NULL. */
    const char *const *require_exchanges;
    const char *const *require_queues;
    void (*on_change)(struct broker *broker, enum broker_state state, void *arg); /* may be NULL */
    void *arg;
};

enum broker_verdict {
    BROKER_CONFIRMED,
    BROKER_NACKED,   /* not in the queue: it is full (reject-publish), or elects a leader */
    BROKER_RETURNED, /* no queue is bound to the routing key (mandatory) */
    BROKER_UNKNOWN,  /* the link was lost, or left, before the confirm */
    BROKER_VERDICT_COUNT
};

struct broker_message {
    const char *exchange;
    const char *routing_key;
    const char *const *more_keys; /* further routing keys, sent in header CC; each at most 255 bytes */
    size_t more_keys_count;       /* at most BROKER_MORE_KEYS_MAX */
    const void *body;
    size_t length;
    const char *message_id;  /* may be NULL */
    const char *traceparent; /* header of that name; may be NULL */
    const char *reason;      /* header "reason" of a dead letter; may be NULL */
    const char *type;        /* BROKER_PROBE_TYPE, or NULL */
};

typedef void (*broker_verdict_callback)(enum broker_verdict verdict, void *arg);

enum { BROKER_MORE_KEYS_MAX = 64 };
enum { BROKER_MESSAGE_MAX_BYTES = 8 * 1024 * 1024 }; /* of a body; a longer one is a programming error */

#endif
