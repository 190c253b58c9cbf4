/*
 * See deliveries.h. Each attempt is in exactly one state. Only attempt_step changes the state, and only attempt_end
 * ends an attempt. If a step fails because PostgreSQL or the broker is down, the attempt keeps its state and a timer
 * repeats the step.
 *
 *     WAITING -> READING -> TRANSFERRING -> MARKING -> ended, with an ack
 *        |          |- judged without a transfer -> MARKING
 *        |          '- already processed -> ended, with an ack
 *        '-> DEFERRING -> ended, with an ack
 *
 * When the broker's channel is lost, an attempt is finished without an ack. Its message is redelivered. Then the
 * running attempt adopts it, or the row shows that it was processed.
 */
#include "notifyworker/deliveries.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/io/timer.h"
#include "common/protocol/deadletter.h"
#include "common/protocol/rights.h"
#include "common/protocol/topology.h"
#include "common/service/outbox.h"
#include "notifyworker/endpoints.h"
#include "notifyworker/notifyworker_metrics.h"
#include "notifyworker/transfers.h"

enum {
    PG_CONNECTIONS = 2,
    PG_PENDING_MAX = 1024, /* statements per connection: several for each transfer */
    STALLED_MS = 500,      /* until a failed step is repeated */
    SWEEP_MS = 250,        /* between sweeps for rows of other programs; this delay is short enough for mail */
    SWEEP_AGE_MS = 5000,   /* much longer than a confirm and a delete take */
    MESSAGE_MAX_BYTES = 1024,
    MESSAGE_VERSION = 1,
    TRIES_MAX = 1000000,
    NUMBER_SIZE = 24,
};

enum { DELIVERIES_MARK, DELIVERIES_OUTBOX, DELIVERIES_OWN = DELIVERIES_OUTBOX + OUTBOX_STATEMENTS };

/*
 * $1 id, $2 tries as read, $3 new state, $4 new tries, $5 error, $6 status, $7 milliseconds. $8 exchange and $9 routing
 * key of the follow-up message (NULL: none), $10 its reason. A row that another attempt has changed in the meantime is
 * left alone.
 */
static const struct pg_statement own_statements[DELIVERIES_OWN] = {
    [DELIVERIES_MARK] = {"deliveries_mark",
                         "WITH d AS (UPDATE deliveries SET state = $3, tries = $4::integer, last_error = $5,"
                         "  last_status = $6::integer, last_ms = $7::integer, tried_at = now()"
                         "  WHERE id = $1 AND tries = $2::integer AND state IN ('queued', 'retrying', 'failed')"
                         "  RETURNING *), sent AS (INSERT INTO outbox (exchange, routing_key, body, reason)"
                         "  SELECT $8::text, $9, delivery_message(ROW(d.*)::deliveries), $10 FROM d"
                         "  WHERE $8::text IS NOT NULL RETURNING id, exchange, routing_key, body, reason)"
                         " SELECT id, exchange, routing_key, body, reason FROM sent"},
    [DELIVERIES_OUTBOX] = OUTBOX_STATEMENT_ROWS,
};

enum attempt_state { ATTEMPT_WAITING, ATTEMPT_READING, ATTEMPT_TRANSFERRING, ATTEMPT_MARKING, ATTEMPT_DEFERRING };

/* A message and its delivery. */
struct attempt {
    TAILQ_ENTRY(attempt) link;
    struct delivery_dispatcher *dispatcher;
    enum attempt_state state;
    struct delivery delivery;
    uint64_t tag;
    bool orphaned;   /* its channel is gone: no ack */
    bool stalled;    /* the step of its state must be repeated */
    bool asked;      /* the channel's `ask` was called, so `end` must be */
    int message_try; /* "try" of the message */
    int row_tries;   /* tries of the row, as read */
    enum delivery_verdict verdict;
    int64_t began_us; /* monotonic start of the transfer; 0: none */
    int64_t took_ms;
    char endpoint[DELIVERY_ENDPOINT_SIZE]; /* "" for mail */
    size_t length;
    char body[MESSAGE_MAX_BYTES];
};

TAILQ_HEAD(attempt_list, attempt);

/* The dispatcher of one channel. */
struct delivery_dispatcher {
    struct deliveries *deliveries;
    const struct delivery_channel *channel;
    struct broker_consumer *consumer;
    struct event *stalled_timer;
    struct transfers *transfers;
    struct endpoints *endpoints;
    struct attempt_list attempts; /* at most two prefetches: one current, one orphaned */
};

struct deliveries {
    struct deliveries_options options;
    struct pg *pg;
    struct outbox *outbox;
    bool draining;
    struct delivery_dispatcher dispatchers[DELIVERY_CHANNELS_MAX];
    struct pg_statement statements[DELIVERIES_OWN + DELIVERY_CHANNELS_MAX];
};

static void attempt_step(struct attempt *attempt, enum attempt_state state);

/* ---- limits of an endpoint ---- */

static size_t count_of(const struct delivery_dispatcher *dispatcher, const char *endpoint, bool waiting)
{
    size_t count = 0;
    const struct attempt *attempt;
    TAILQ_FOREACH(attempt, &dispatcher->attempts, link)
    {
        bool counted = waiting ? attempt->state == ATTEMPT_WAITING
                               : attempt->state == ATTEMPT_READING || attempt->state == ATTEMPT_TRANSFERRING;
        count += counted && strcmp(attempt->endpoint, endpoint) == 0;
    }
    return count;
}

static bool may_transfer(const struct delivery_dispatcher *dispatcher, const char *endpoint)
{
    enum endpoints_health health = endpoints_health(dispatcher->endpoints, endpoint, clock_mono_ms());
    size_t most = health == ENDPOINTS_FAILING ? 1 : (size_t)dispatcher->channel->endpoint_max;
    return count_of(dispatcher, endpoint, false) < most;
}

static bool may_wait(const struct delivery_dispatcher *dispatcher, const char *endpoint)
{
    return endpoints_health(dispatcher->endpoints, endpoint, clock_mono_ms()) == ENDPOINTS_HEALTHY &&
           count_of(dispatcher, endpoint, true) < (size_t)dispatcher->channel->waiting_max;
}

/* A transfer to the endpoint has ended: continues waiting attempts, or defers them if the endpoint is not healthy. */
static void dispatcher_wake(struct delivery_dispatcher *dispatcher, const char *endpoint)
{
    bool healthy = endpoints_health(dispatcher->endpoints, endpoint, clock_mono_ms()) == ENDPOINTS_HEALTHY;
    struct attempt *next = NULL;
    for (struct attempt *attempt = TAILQ_FIRST(&dispatcher->attempts);
         attempt != NULL && !dispatcher->deliveries->draining; attempt = next) {
        next = TAILQ_NEXT(attempt, link);
        if (attempt->state != ATTEMPT_WAITING || strcmp(attempt->endpoint, endpoint) != 0) {
            continue;
        }
        if (may_transfer(dispatcher, endpoint)) {
            attempt_step(attempt, ATTEMPT_READING);
        } else if (!healthy) {
            attempt_step(attempt, ATTEMPT_DEFERRING);
        } else {
            return;
        }
    }
}

/* ---- the end of an attempt ---- */

/* Frees the transfer. The handle is freed first, because it may use data of the channel. */
static void attempt_forget(struct attempt *attempt)
{
    const struct delivery_channel *channel = attempt->dispatcher->channel;
    if (attempt->delivery.curl != NULL) {
        curl_easy_cleanup(attempt->delivery.curl);
        attempt->delivery.curl = NULL;
    }
    if (attempt->asked && channel->end != NULL) {
        channel->end(&attempt->delivery, channel->arg);
    }
    attempt->asked = false;
}

static void attempt_end(struct attempt *attempt, bool ack)
{
    struct delivery_dispatcher *dispatcher = attempt->dispatcher;
    attempt_forget(attempt);
    if (ack && !attempt->orphaned && !broker_ack(dispatcher->consumer, attempt->tag, false)) {
        log_debug("deliveries: ack not sent, the channel is closed; the message will be redelivered");
    }
    TAILQ_REMOVE(&dispatcher->attempts, attempt, link);
    if (attempt->state == ATTEMPT_READING && attempt->endpoint[0] != '\0' && !attempt->orphaned) {
        dispatcher_wake(dispatcher, attempt->endpoint); /* no transfer was needed: the next attempt may continue */
    }
    free(attempt);
}

/* Repeats the step soon. */
static void attempt_stall(struct attempt *attempt, const char *reason)
{
    struct delivery_dispatcher *dispatcher = attempt->dispatcher;
    attempt->stalled = true;
    log_debug("deliveries: a step is repeated: %s", reason);
    timer_ensure(dispatcher->stalled_timer, STALLED_MS);
}

static void on_stalled_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct delivery_dispatcher *dispatcher = arg;
    struct attempt *next = NULL;
    for (struct attempt *attempt = TAILQ_FIRST(&dispatcher->attempts); attempt != NULL; attempt = next) {
        next = TAILQ_NEXT(attempt, link);
        if (attempt->stalled) {
            attempt->stalled = false;
            attempt_step(attempt, attempt->state);
        }
    }
}

static const char *reply_error_text(const struct pg_reply *reply)
{
    return reply->outcome == PG_LOST ? "the connection to PostgreSQL was lost" : reply->message;
}

/* ---- storing the result ---- */

/* The new state of the row after a verdict, and the follow-up message. */
struct outcome {
    enum delivery_state state;
    const char *exchange; /* NULL: no message */
    const char *key;
    const char *reason;
    int tries;
    char wait[TOPOLOGY_WAIT_SIZE];
};

static void outcome_retry(const struct attempt *attempt, struct outcome *outcome)
{
    outcome->state = DELIVERY_STATE_RETRYING;
    topology_wait_name((unsigned)outcome->tries - 1, outcome->wait);
    outcome->exchange = outcome->wait;
    outcome->key = attempt->dispatcher->channel->name;
}

static void outcome_dead(const struct attempt *attempt, struct outcome *outcome)
{
    outcome->state = DELIVERY_STATE_FAILED;
    outcome->exchange = TOPOLOGY_DEAD_EXCHANGE;
    outcome->key = attempt->dispatcher->channel->dead_key;
    outcome->reason = attempt->delivery.error[0] == '\0' ? "the delivery failed" : attempt->delivery.error;
}

static void outcome_of(const struct attempt *attempt, struct outcome *outcome)
{
    *outcome = (struct outcome){.tries = attempt->delivery.tries + 1};
    switch (attempt->verdict) {
    case DELIVERY_SENT:
        outcome->state = DELIVERY_STATE_DELIVERED;
        return;
    case DELIVERY_DROPPED:
        outcome->state = DELIVERY_STATE_DROPPED;
        return;
    case DELIVERY_FAILED:
        if (outcome->tries <= DELIVERY_RETRIES) {
            outcome_retry(attempt, outcome);
            return;
        }
        outcome_dead(attempt, outcome);
        return;
    case DELIVERY_REFUSED:
        outcome_dead(attempt, outcome);
        return;
    case DELIVERY_GO:
        break;
    }
    assert(!"a channel's judge returned no verdict");
}

static void on_marked(const struct pg_reply *reply, void *arg)
{
    struct attempt *attempt = arg;
    if (reply->outcome != PG_OK) {
        if (reply->outcome == PG_FAILED) {
            log_warn("deliveries: a result cannot be stored, retrying: %s", reply->message);
        }
        attempt_stall(attempt, reply_error_text(reply));
        return;
    }
    if (PQntuples(reply->result) > 0) {
        const struct outbox_row row = {.id = pg_int(reply->result, 0, 0),
                                       .exchange = pg_text(reply->result, 0, 1),
                                       .routing_key = pg_text(reply->result, 0, 2),
                                       .body = pg_text(reply->result, 0, 3),
                                       .reason = pg_null(reply->result, 0, 4) ? NULL : pg_text(reply->result, 0, 4)};
        outbox_sent(attempt->dispatcher->deliveries->outbox, &row, 1);
    }
    struct outcome outcome;
    outcome_of(attempt, &outcome);
    notifyworker_metrics_delivered(attempt->dispatcher->channel->name, outcome.state);
    attempt_end(attempt, true);
}

/*
 * Replaces control and non-ASCII characters of received text: the database accepts UTF-8 only, and a log line is one
 * line.
 */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            *text = (*text == '\n' || *text == '\r' || *text == '\t') ? ' ' : '?';
        }
    }
}

static void attempt_mark(struct attempt *attempt)
{
    struct delivery *delivery = &attempt->delivery;
    struct outcome outcome;
    char id[UUID_TEXT_SIZE];
    char row_tries[NUMBER_SIZE];
    char tries[NUMBER_SIZE];
    char status[NUMBER_SIZE];
    char took[NUMBER_SIZE];
    make_printable(delivery->error);
    outcome_of(attempt, &outcome);
    uuid_format(&delivery->id, id);
    (void)snprintf(row_tries, sizeof(row_tries), "%d", attempt->row_tries);
    (void)snprintf(tries, sizeof(tries), "%d", outcome.tries);
    (void)snprintf(status, sizeof(status), "%ld", delivery->status);
    (void)snprintf(took, sizeof(took), "%" PRId64, attempt->took_ms);
    const char *const values[] = {id,
                                  row_tries,
                                  delivery_state_text(outcome.state),
                                  tries,
                                  delivery->error[0] == '\0' ? NULL : delivery->error,
                                  delivery->status == 0 ? NULL : status,
                                  attempt->began_us == 0 ? NULL : took,
                                  outcome.exchange,
                                  outcome.key,
                                  outcome.reason};
    if (!pg_query(attempt->dispatcher->deliveries->pg, DELIVERIES_MARK, ARRAY_LEN(values), values, on_marked,
                  attempt)) {
        attempt_stall(attempt, "PostgreSQL is down");
    }
}

/* ---- the transfer ---- */

static void attempt_judged(struct attempt *attempt, enum delivery_verdict verdict)
{
    char id[UUID_TEXT_SIZE];
    attempt->verdict = verdict;
    uuid_format(&attempt->delivery.id, id);
    if (verdict != DELIVERY_SENT) {
        /* The receiver's text may contain personal data, so it is stored in the table only. */
        log_info("delivery %s (%s, %s) %s: %s, status %ld", id, attempt->dispatcher->channel->name,
                 attempt->delivery.kind, verdict == DELIVERY_DROPPED ? "is dropped" : "failed",
                 attempt->delivery.status == 0 ? attempt->delivery.error : "refused", attempt->delivery.status);
    }
    attempt_step(attempt, ATTEMPT_MARKING);
}

static void on_transferred(CURL *curl, CURLcode outcome, void *arg)
{
    (void)curl;
    struct attempt *attempt = arg;
    const struct delivery_channel *channel = attempt->dispatcher->channel;
    attempt->took_ms = (clock_mono_us() - attempt->began_us) / 1000;
    enum delivery_verdict verdict = channel->judge(&attempt->delivery, outcome, channel->arg);
    endpoints_note(attempt->dispatcher->endpoints, attempt->endpoint, verdict != DELIVERY_SENT, attempt->took_ms,
                   clock_mono_ms());
    attempt_judged(attempt, verdict);
}

static void attempt_transfer(struct attempt *attempt)
{
    attempt->began_us = clock_mono_us();
    if (!transfers_start(attempt->dispatcher->transfers, attempt->delivery.curl, on_transferred, attempt)) {
        (void)snprintf(attempt->delivery.error, sizeof(attempt->delivery.error), "no memory");
        attempt_judged(attempt, DELIVERY_FAILED);
    }
}

/* ---- reading the row ---- */

/* True if another attempt of this delivery was made since the message was sent. */
static bool is_processed(const struct attempt *attempt, const PGresult *row)
{
    enum delivery_state state = delivery_state_of_text(pg_text(row, 0, DELIVERY_COLUMN_STATE));
    return state == DELIVERY_STATE_DELIVERED || state == DELIVERY_STATE_DROPPED ||
           pg_int(row, 0, DELIVERY_COLUMN_TRIES) != attempt->message_try;
}

static void row_read(struct attempt *attempt, const PGresult *row)
{
    struct delivery *delivery = &attempt->delivery;
    /* An admin sent a dead letter again. */
    bool again = delivery_state_of_text(pg_text(row, 0, DELIVERY_COLUMN_STATE)) == DELIVERY_STATE_FAILED;
    attempt->row_tries = (int)pg_int(row, 0, DELIVERY_COLUMN_TRIES);
    delivery->tries = again ? 0 : attempt->row_tries;
    delivery->user_id = pg_uuid(row, 0, DELIVERY_COLUMN_USER);
    delivery->created_ms = pg_int(row, 0, DELIVERY_COLUMN_CREATED);
    (void)snprintf(delivery->kind, sizeof(delivery->kind), "%s", pg_text(row, 0, DELIVERY_COLUMN_KIND));
}

static void on_row(const struct pg_reply *reply, void *arg)
{
    struct attempt *attempt = arg;
    const struct delivery_channel *channel = attempt->dispatcher->channel;
    if (reply->outcome != PG_OK) {
        if (reply->outcome == PG_FAILED) {
            log_warn("deliveries: a row cannot be read, retrying: %s", reply->message);
        }
        attempt_stall(attempt, reply_error_text(reply));
        return;
    }
    if (PQntuples(reply->result) == 0 || is_processed(attempt, reply->result)) {
        attempt_end(attempt, true);
        return;
    }
    row_read(attempt, reply->result);
    attempt->delivery.curl = curl_easy_init();
    if (attempt->delivery.curl == NULL) {
        attempt_stall(attempt, "no memory");
        return;
    }
    enum delivery_verdict verdict = channel->begin(&attempt->delivery, reply->result, channel->arg);
    if (verdict == DELIVERY_GO) {
        attempt_step(attempt, ATTEMPT_TRANSFERRING);
    } else {
        attempt_judged(attempt, verdict);
    }
}

static void attempt_query_row(struct attempt *attempt)
{
    const struct delivery_dispatcher *dispatcher = attempt->dispatcher;
    const struct delivery_channel *channel = dispatcher->channel;
    const char *values[1 + DELIVERY_VALUES_MAX];
    char id[UUID_TEXT_SIZE];
    size_t count = 1;
    size_t number = DELIVERIES_OWN + (size_t)(dispatcher - dispatcher->deliveries->dispatchers);
    attempt_forget(attempt); /* the step may be a repetition */
    uuid_format(&attempt->delivery.id, id);
    values[0] = id;
    attempt->asked = true;
    if (channel->ask != NULL) {
        count += channel->ask(&attempt->delivery, values + 1, channel->arg);
    }
    if (!pg_query(dispatcher->deliveries->pg, number, (int)count, values, on_row, attempt)) {
        attempt_stall(attempt, "PostgreSQL is down");
    }
}

/* ---- deferring to a delayed queue ---- */

static void on_deferred(enum broker_verdict verdict, void *arg)
{
    struct attempt *attempt = arg;
    if (verdict == BROKER_CONFIRMED) {
        attempt_end(attempt, true);
    } else {
        attempt_stall(attempt, "the broker did not confirm a message");
    }
}

static void publish_deferred(struct attempt *attempt)
{
    char exchange[TOPOLOGY_WAIT_SIZE];
    topology_wait_name(endpoints_defer(attempt->dispatcher->endpoints, attempt->endpoint, clock_mono_ms()), exchange);
    const struct broker_message message = {.exchange = exchange,
                                           .routing_key = attempt->dispatcher->channel->name,
                                           .body = attempt->body,
                                           .length = attempt->length};
    if (!broker_publish(attempt->dispatcher->deliveries->options.publishes, &message, on_deferred, attempt)) {
        attempt_stall(attempt, "the broker is down");
    }
}

static void attempt_step(struct attempt *attempt, enum attempt_state state)
{
    bool freed = attempt->state == ATTEMPT_READING || attempt->state == ATTEMPT_TRANSFERRING;
    attempt->state = state;
    switch (state) {
    case ATTEMPT_WAITING:
        return;
    case ATTEMPT_READING:
        attempt_query_row(attempt);
        return;
    case ATTEMPT_TRANSFERRING:
        attempt_transfer(attempt);
        return;
    case ATTEMPT_MARKING:
        if (freed && attempt->endpoint[0] != '\0') {
            dispatcher_wake(attempt->dispatcher, attempt->endpoint);
        }
        attempt_mark(attempt);
        return;
    case ATTEMPT_DEFERRING:
        publish_deferred(attempt);
        return;
    }
}

/* ---- messages ---- */

static void on_dead_letter_confirmed(void *arg)
{
    attempt_end(arg, true);
}

/* The message cannot be parsed. */
static void attempt_send_dead_letter(struct attempt *attempt, const void *body, size_t length)
{
    const struct delivery_dispatcher *dispatcher = attempt->dispatcher;
    log_error("deliveries: a message cannot be parsed and becomes a dead letter");
    if (!deadletters_send(dispatcher->deliveries->options.deadletters, dispatcher->channel->dead_key, body, length,
                          "not a delivery message", on_dead_letter_confirmed, attempt)) {
        log_error("no memory for a dead letter: exiting, its message will be redelivered");
        exit(EXIT_FAILURE);
    }
}

static bool attempt_read(struct attempt *attempt, const void *body, size_t length)
{
    int64_t message_try = 0;
    int64_t version = 0;
    const char *endpoint = NULL;
    if (length > sizeof(attempt->body)) {
        return false;
    }
    struct json *tree = json_parse(body, length, NULL);
    bool ok = json_get_int(tree, "v", MESSAGE_VERSION, MESSAGE_VERSION, &version) &&
              json_get_uuid(tree, "delivery", &attempt->delivery.id) &&
              json_get_int(tree, "try", 0, TRIES_MAX, &message_try) && json_get_text(tree, "endpoint", &endpoint) &&
              strlen(endpoint) < sizeof(attempt->endpoint);
    if (ok) {
        memcpy(attempt->body, body, length);
        attempt->length = length;
        attempt->message_try = (int)message_try;
        (void)snprintf(attempt->endpoint, sizeof(attempt->endpoint), "%s", endpoint);
    }
    json_free(tree);
    return ok;
}

static struct attempt *find_same(const struct attempt *wanted)
{
    struct attempt *attempt;
    TAILQ_FOREACH(attempt, &wanted->dispatcher->attempts, link)
    {
        if (attempt != wanted && attempt->message_try == wanted->message_try &&
            uuid_equal(&attempt->delivery.id, &wanted->delivery.id)) {
            return attempt;
        }
    }
    return NULL;
}

/* The same message was redelivered: the running attempt continues with the new tag. */
static void attempt_adopt(struct attempt *attempt, struct attempt *again)
{
    if (attempt->orphaned) {
        attempt->orphaned = false;
        attempt->tag = again->tag;
        attempt_end(again, false);
    } else {
        attempt_end(again, true);
    }
}

static void on_deliver(struct broker_consumer *consumer, const struct broker_delivery *message, void *arg)
{
    (void)consumer;
    struct delivery_dispatcher *dispatcher = arg;
    if (dispatcher->deliveries->draining) {
        return; /* returns to the queue when the channel closes */
    }
    struct attempt *attempt = calloc(1, sizeof(*attempt));
    if (attempt == NULL) {
        log_error("no memory for a delivery: exiting, its message will be redelivered");
        exit(EXIT_FAILURE);
    }
    attempt->dispatcher = dispatcher;
    attempt->tag = message->tag;
    TAILQ_INSERT_TAIL(&dispatcher->attempts, attempt, link);
    if (!attempt_read(attempt, message->body, message->length)) {
        attempt_send_dead_letter(attempt, message->body, message->length);
        return;
    }
    struct attempt *same = find_same(attempt);
    if (same != NULL) {
        attempt_adopt(same, attempt);
    } else if (attempt->endpoint[0] == '\0' || may_transfer(dispatcher, attempt->endpoint)) {
        attempt_step(attempt, ATTEMPT_READING);
    } else if (!may_wait(dispatcher, attempt->endpoint)) {
        attempt_step(attempt, ATTEMPT_DEFERRING);
    }
}

/* Waiting attempts are dropped: they will be redelivered. */
static void on_gone(struct broker_consumer *consumer, void *arg)
{
    (void)consumer;
    struct delivery_dispatcher *dispatcher = arg;
    struct attempt *next = NULL;
    for (struct attempt *attempt = TAILQ_FIRST(&dispatcher->attempts); attempt != NULL; attempt = next) {
        next = TAILQ_NEXT(attempt, link);
        attempt->orphaned = true;
        if (attempt->state == ATTEMPT_WAITING) {
            attempt_end(attempt, false);
        }
    }
}

/* ---- start and end ---- */

static bool dispatcher_start(struct delivery_dispatcher *dispatcher, struct deliveries *deliveries,
                             const struct delivery_channel *channel)
{
    assert(channel->transfers_max > 0 && channel->transfers_max <= UINT16_MAX && channel->endpoint_max > 0);
    dispatcher->deliveries = deliveries;
    dispatcher->channel = channel;
    dispatcher->stalled_timer = evtimer_new(deliveries->options.base, on_stalled_timer, dispatcher);
    dispatcher->transfers = channel->threaded ? transfers_new_threaded(deliveries->options.base)
                                              : transfers_new(deliveries->options.base, channel->transfers_max);
    dispatcher->endpoints = endpoints_new();
    const struct broker_consumer_options options = {.queue = channel->queue,
                                                    .prefetch = (uint16_t)channel->transfers_max,
                                                    .deliver = on_deliver,
                                                    .gone = on_gone,
                                                    .arg = dispatcher};
    dispatcher->consumer =
        dispatcher->stalled_timer == NULL || dispatcher->transfers == NULL || dispatcher->endpoints == NULL
            ? NULL
            : broker_consume(deliveries->options.consumes, &options);
    return dispatcher->consumer != NULL;
}

static void dispatcher_stop(struct delivery_dispatcher *dispatcher)
{
    struct attempt *next = NULL;
    for (struct attempt *attempt = TAILQ_FIRST(&dispatcher->attempts); attempt != NULL; attempt = next) {
        next = TAILQ_NEXT(attempt, link);
        if (attempt->state == ATTEMPT_TRANSFERRING) {
            transfers_cancel(dispatcher->transfers, attempt->delivery.curl);
        }
        attempt->orphaned = true;
        attempt_end(attempt, false);
    }
    if (dispatcher->stalled_timer != NULL) {
        event_free(dispatcher->stalled_timer);
    }
    transfers_free(dispatcher->transfers);
    endpoints_free(dispatcher->endpoints);
}

static bool connect_pg(struct deliveries *deliveries)
{
    const struct config *config = deliveries->options.config;
    size_t count = deliveries->options.channel_count;
    memcpy(deliveries->statements, own_statements, sizeof(own_statements));
    for (size_t i = 0; i < count; i++) {
        deliveries->statements[DELIVERIES_OWN + i] =
            (struct pg_statement){deliveries->options.channels[i].name, deliveries->options.channels[i].lookup};
    }
    const struct pg_options options = {.base = deliveries->options.base,
                                       .url = config->pg_url,
                                       .application = "rostrum-notifyworker deliveries",
                                       .statements = deliveries->statements,
                                       .statement_count = DELIVERIES_OWN + count,
                                       .connections = PG_CONNECTIONS,
                                       .timeout_ms = config->pg_timeout_ms,
                                       .pending_max = PG_PENDING_MAX};
    deliveries->pg = pg_new(&options);
    return deliveries->pg != NULL;
}

static bool make_components(struct deliveries *deliveries)
{
    if (!connect_pg(deliveries)) {
        return false;
    }
    const struct outbox_options options = {.base = deliveries->options.base,
                                           .pg = deliveries->pg,
                                           .broker = deliveries->options.publishes,
                                           .first_statement = DELIVERIES_OUTBOX,
                                           .sweep_ms = SWEEP_MS,
                                           .age_ms = SWEEP_AGE_MS,
                                           .exchanges = rights_amqp[LOGIN_NOTIFYWORKER].write};
    deliveries->outbox = outbox_new(&options);
    return deliveries->outbox != NULL;
}

struct deliveries *deliveries_new(const struct deliveries_options *options)
{
    assert(options->channel_count <= DELIVERY_CHANNELS_MAX);
    struct deliveries *deliveries = calloc(1, sizeof(*deliveries));
    if (deliveries == NULL) {
        return NULL;
    }
    deliveries->options = *options;
    for (size_t i = 0; i < DELIVERY_CHANNELS_MAX; i++) {
        TAILQ_INIT(&deliveries->dispatchers[i].attempts);
    }
    bool ok = make_components(deliveries);
    for (size_t i = 0; i < options->channel_count && ok; i++) {
        ok = dispatcher_start(&deliveries->dispatchers[i], deliveries, &options->channels[i]);
    }
    if (!ok) {
        deliveries_free(deliveries);
        return NULL;
    }
    return deliveries;
}

void deliveries_free(struct deliveries *deliveries)
{
    if (deliveries == NULL) {
        return;
    }
    pg_free(deliveries->pg); /* its last callbacks stall their attempts */
    for (size_t i = 0; i < DELIVERY_CHANNELS_MAX; i++) {
        dispatcher_stop(&deliveries->dispatchers[i]);
    }
    outbox_free(deliveries->outbox);
    free(deliveries);
}

void deliveries_drain(struct deliveries *deliveries)
{
    deliveries->draining = true;
}

bool deliveries_busy(const struct deliveries *deliveries)
{
    for (size_t i = 0; i < DELIVERY_CHANNELS_MAX; i++) {
        const struct attempt *attempt;
        TAILQ_FOREACH(attempt, &deliveries->dispatchers[i].attempts, link)
        {
            if (attempt->state == ATTEMPT_TRANSFERRING || attempt->state == ATTEMPT_MARKING) {
                return true;
            }
        }
    }
    return false;
}
