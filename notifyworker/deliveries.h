/*
 * Deliveries of notifications outside of the app. Triggers on table notifications, the gateway and deployment_webhooks
 * insert rows into table deliveries. In the same transaction a trigger puts a message {"v", "delivery", "try",
 * "endpoint"} into the outbox. This file consumes these messages, channel by channel, and makes one attempt for each:
 *
 *     queue deliveries.CHANNEL -> read the row -> transfer (libcurl) -> write the result -> ack
 *
 * A failed attempt is retried after 1, 2, 4, 8 and 16 seconds by a message to a delayed queue: five retries, six
 * attempts in all. After the last one it becomes a dead letter. The row's new state and that message are committed
 * together, through the outbox. A message whose "try" differs from the row's was already processed and is skipped. So a
 * delivery is made at least once. Its id stays the same, so that the receiver can recognise duplicates.
 *
 * A slow endpoint does not delay others. The channel takes `transfers_max` messages at once (the prefetch). Of these,
 * one endpoint has at most `endpoint_max` running and at most `waiting_max` waiting. Further messages go to a delayed
 * queue, which does not count as an attempt. A failing endpoint has one transfer at a time until one succeeds, and no
 * waiting messages (endpoints.h).
 *
 * A channel defines how a delivery is read, set up and judged; see struct delivery_channel. Callers: main.c; channels:
 * mail.c, webhook_channel.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_DELIVERIES_H
#define ROSTRUM_NOTIFYWORKER_DELIVERIES_H

#include <curl/curl.h>
#include <event2/event.h>

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/io/broker.h"
#include "common/io/broker_consumer.h"
#include "common/io/pg.h"
#include "common/service/config.h"

enum {
    DELIVERY_RETRIES = 5, /* after the first attempt; one for each delayed queue */
    DELIVERY_CHANNELS_MAX = 4,
    DELIVERY_VALUES_MAX = 4, /* parameters of a channel's statement besides the id */
    DELIVERY_KIND_SIZE = 32,
    DELIVERY_ERROR_SIZE = 256,
    DELIVERY_ENDPOINT_SIZE = 255,
};

enum delivery_verdict {
    DELIVERY_GO,      /* only from `begin`: `curl` is set up */
    DELIVERY_SENT,    /* the receiver accepted it */
    DELIVERY_FAILED,  /* retried later; a dead letter after the last attempt */
    DELIVERY_REFUSED, /* permanent failure: a dead letter at once */
    DELIVERY_DROPPED, /* not wanted any more, or without a destination */
};

/* One attempt. All its data live until the channel's `end`. */
struct delivery {
    struct uuid id;
    struct uuid user_id; /* nil: the address may have no account */
    char kind[DELIVERY_KIND_SIZE];
    int tries;          /* attempts before this one, since the delivery was last queued */
    int64_t created_ms; /* creation time of the row */
    /* Owned by the channel, except `curl`. */
    CURL *curl;          /* created and freed by deliveries, set up by `begin` */
    void *channel_state; /* freed by `end` */
    /*
     * Set by `begin` and `judge` and stored in the row. It must hold no secret, and nothing that only the user may see.
     */
    long status; /* status code of the answer; 0: no answer */
    char error[DELIVERY_ERROR_SIZE];
};

/*
 * The first columns of a channel's statement, from `deliveries d` where d.id = $1. The channel's own columns start at
 * DELIVERY_OWN_COLUMN. The result has exactly one row, or none if the delivery no longer exists.
 */
#define DELIVERY_COLUMNS                                                                                               \
    "d.id, d.user_id, d.kind, d.state, d.tries, (extract(epoch FROM d.created_at) * 1000)::bigint, d.endpoint,"        \
    " d.payload"
enum {
    DELIVERY_COLUMN_ID,
    DELIVERY_COLUMN_USER,
    DELIVERY_COLUMN_KIND,
    DELIVERY_COLUMN_STATE,
    DELIVERY_COLUMN_TRIES,
    DELIVERY_COLUMN_CREATED,
    DELIVERY_COLUMN_ENDPOINT,
    DELIVERY_COLUMN_PAYLOAD,
    DELIVERY_OWN_COLUMN,
};

struct delivery_channel {
    const char *name;     /* column `channel`, routing key and label: "email" */
    const char *queue;    /* the queue of its messages */
    const char *dead_key; /* routing key of its dead letters */
    const char *lookup;   /* the statement; $1 is the id, $2… come from `ask` */
    int transfers_max;    /* running or waiting at a time, per worker; at least 1 */
    int endpoint_max;     /* running to one endpoint */
    int waiting_max;      /* waiting for one endpoint */
    bool threaded;        /* one thread for each transfer; see transfers_new_threaded */
    /*
     * Called before the statement is sent; returns the number of further parameters. They stay valid until it is sent.
     * May be NULL.
     */
    size_t (*ask)(struct delivery *delivery, const char *values[static DELIVERY_VALUES_MAX], void *arg);
    /*
     * Sets up `delivery->curl` from the row and returns DELIVERY_GO, or another verdict if no transfer is needed. The
     * result is valid during the call only. The channel must not use CURLOPT_PRIVATE.
     */
    enum delivery_verdict (*begin)(struct delivery *delivery, const PGresult *row, void *arg);
    /* Returns the verdict on a finished transfer; never DELIVERY_GO. */
    enum delivery_verdict (*judge)(struct delivery *delivery, CURLcode outcome, void *arg);
    /* The attempt is over, also if nothing was started, and `curl` is freed. Frees `channel_state`. May be NULL. */
    void (*end)(struct delivery *delivery, void *arg);
    void *arg;
};

struct deadletters;
struct deliveries;

struct deliveries_options {
    struct event_base *base;
    const struct config *config;
    struct broker *consumes;
    struct broker *publishes;                /* requires TOPOLOGY_WAIT_NAMES and the other exchanges of deliveries */
    struct deadletters *deadletters;         /* on that broker */
    const struct delivery_channel *channels; /* kept, not copied */
    size_t channel_count;
};

/*
 * Starts consuming, and opens its own connections to PostgreSQL. NULL: no memory, or the URL cannot be parsed (logged).
 */
MUST_CHECK struct deliveries *deliveries_new(const struct deliveries_options *options);
/* Cancels running transfers; their messages will be redelivered. Free the brokers first. */
void deliveries_free(struct deliveries *deliveries);
/* Stops taking messages. */
void deliveries_drain(struct deliveries *deliveries);
/* True while a transfer is running or a result is not yet stored. */
bool deliveries_busy(const struct deliveries *deliveries);

#endif
