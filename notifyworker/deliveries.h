/*
 * Deliveries: what is told outside of the app. Notifications (a trigger) and the gateway write rows of table
 * deliveries; a trigger puts a message {"v", "delivery", "try", "endpoint"} into the outbox with each, so that both are
 * committed together or not at all. Here these messages are consumed, channel by channel, and each is tried once:
 *
 *     queue deliveries.CHANNEL -> read the row -> transfer (libcurl) -> write down what came of it -> ack
 *
 * What failed is tried again after 1, 2, 4, 8 and 16 seconds (five retries, six tries in all), by a message to a
 * delayed queue; after the last it is a dead letter. That message, or the letter, is committed with the row that says
 * so, by the outbox. A message whose "try" is not the row's has been dealt with before and is passed over. So a
 * delivery is made at least once; its id, which stays the same, lets the other side recognise what comes twice.
 *
 * One slow endpoint never delays another: at most `endpoint_max` transfers are under way to one endpoint, at most
 * `waiting_max` more messages of it wait in hand, of `transfers_max` in all (the prefetch). What is over that is put
 * aside in a delayed queue, which does not count as a try. An endpoint that failed has one transfer at a time until it
 * succeeds again, and nothing in hand waits for it (endpoints.h).
 *
 * A channel says how a delivery is read, set up and judged; see struct delivery_channel. Callers: main.c; channels:
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
    DELIVERY_RETRIES = 5, /* after the first try; one for each delayed queue */
    DELIVERY_CHANNELS_MAX = 4,
    DELIVERY_VALUES_MAX = 4, /* parameters that a channel's statement may take besides the id */
    DELIVERY_KIND_SIZE = 32,
    DELIVERY_ERROR_SIZE = 256,
    DELIVERY_ENDPOINT_SIZE = 255,
};

enum delivery_verdict {
    DELIVERY_GO,      /* of `begin` alone: `curl` is set up */
    DELIVERY_SENT,    /* the other side has taken it */
    DELIVERY_FAILED,  /* tried again later; a dead letter when that was the last try */
    DELIVERY_REFUSED, /* for good: a dead letter at once */
    DELIVERY_DROPPED, /* nobody wants it any more, or there is nowhere to send it */
};

/* One try. Everything in it lives until the channel's `end`. */
struct delivery {
    struct uuid id;
    struct uuid user_id; /* nil: the address may have no account */
    char kind[DELIVERY_KIND_SIZE];
    int tries;          /* before this one, in this round */
    int64_t created_ms; /* of the row */
    /* The channel's. */
    CURL *curl;          /* made by deliveries, set up by `begin`, freed by deliveries */
    void *channel_state; /* for `end` to free */
    /* Set by `begin` and `judge`: what is written down. No secret, and nothing that only the user may see. */
    long status; /* that the other side answered; 0: none */
    char error[DELIVERY_ERROR_SIZE];
};

/*
 * The first columns of a channel's statement, from `deliveries d` where d.id = $1; its own follow, from
 * DELIVERY_OWN_COLUMN on. Exactly one row, or none for a delivery that is gone.
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
    const char *queue;    /* that it is queued in */
    const char *dead_key; /* of its dead letters */
    const char *lookup;   /* the statement; $1 is the id, $2… what `ask` gives */
    int transfers_max;    /* under way or waiting at a time, by one worker; at least 1 */
    int endpoint_max;     /* of these under way to one endpoint */
    int waiting_max;      /* of these waiting for one endpoint */
    bool threaded;        /* a thread for each transfer; see transfers_new_threaded */
    /* Before the statement is sent: gives its further parameters, which stay valid until it was sent. May be NULL. */
    size_t (*ask)(struct delivery *delivery, const char *values[static DELIVERY_VALUES_MAX], void *arg);
    /*
     * Sets up `delivery->curl` out of the row, and says DELIVERY_GO; or says what becomes of it without a transfer. The
     * result is gone after the call. CURLOPT_PRIVATE is not the channel's.
     */
    enum delivery_verdict (*begin)(struct delivery *delivery, const PGresult *row, void *arg);
    /* What a transfer that ended so means: any verdict but DELIVERY_GO. */
    enum delivery_verdict (*judge)(struct delivery *delivery, CURLcode outcome, void *arg);
    /* The try is over, whatever came of it (also when nothing was begun), and `curl` is gone: frees `own`. May be NULL.
     */
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
    struct deadletters *deadletters;         /* of that broker */
    const struct delivery_channel *channels; /* kept, not copied */
    size_t channel_count;
};

/* Begins to consume. Connects to PostgreSQL by itself. NULL: no memory, or the URL cannot be read (logged). */
MUST_CHECK struct deliveries *deliveries_new(const struct deliveries_options *options);
/* Cuts what is under way: it will come again. Free the brokers before. */
void deliveries_free(struct deliveries *deliveries);
/* Takes nothing new. */
void deliveries_drain(struct deliveries *deliveries);
/* Something is under way, or not yet written down. */
bool deliveries_busy(const struct deliveries *deliveries);

#endif
