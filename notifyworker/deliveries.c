/*
 * See deliveries.h. A try is in exactly one of its channel's states; try_step is the only function that changes it, and
 * try_end the only one that ends it. What cannot go on (PostgreSQL or the broker is away) stays in its state, and the
 * step is done again by a timer.
 *
 *     WAITING -> LOOKING -> FLYING -> MARKING -> gone, with an ack
 *        |          |         '- the channel knows without a transfer, or there is nothing to do any more
 *        '----------'-> PARKING -> gone, with an ack
 *
 * When the channel to the broker goes, a try is finished without an ack. Its message comes again, and is then either
 * adopted by the try that is still under way, or found to be dealt with by its row.
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
#include "common/protocol/deadletter.h"
#include "common/protocol/topology.h"
#include "common/service/outbox.h"
#include "notifyworker/endpoints.h"
#include "notifyworker/notifyworker_metrics.h"
#include "notifyworker/transfers.h"

enum {
    PG_CONNECTIONS = 2,
    PG_PENDING_MAX = 1024, /* statements per connection: some for each transfer */
    STALLED_MS = 500,      /* until a step that could not be done is done again */
    SWEEP_MS = 250,        /* between looks for what was queued by others: mail is not that urgent */
    SWEEP_AGE_MS = 5000,   /* far more than a confirm and a delete take */
    MESSAGE_MAX_BYTES = 1024,
    MESSAGE_VERSION = 1,
    TRIES_MAX = 1000000,
    NUMBER_SIZE = 24,
};

enum { DELIVERIES_MARK, DELIVERIES_OUTBOX, DELIVERIES_OWN = DELIVERIES_OUTBOX + OUTBOX_STATEMENTS };

/*
 * $1 id, $2 tries that were read, $3 state, $4 tries from now on, $5 error, $6 status, $7 milliseconds, $8 exchange and
 * $9 key of the message that goes on with it (NULL: none), $10 its reason. Nothing happens to a row that another try
 * has moved on meanwhile.
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

enum try_state { TRY_WAITING, TRY_LOOKING, TRY_FLYING, TRY_MARKING, TRY_PARKING };

/* A message in hand, and what it is about. */
struct
try {
    TAILQ_ENTRY(try) link;
    struct lane *lane;
    enum try_state state;
    struct delivery delivery;
    uint64_t tag;
    bool orphaned; /* its channel is gone: no ack */
    bool stalled;  /* the step of its state is to be done again */
    bool asked;    /* the channel may have something to free */
    int said;      /* "try" of the message */
    int row_tries; /* of its row, as it was read */
    enum delivery_verdict verdict;
    int64_t began_us; /* of the transfer, monotonic; 0: there was none */
    int64_t took_ms;
    char endpoint[DELIVERY_ENDPOINT_SIZE]; /* "" for mail */
    size_t length;
    char body[MESSAGE_MAX_BYTES];
};

TAILQ_HEAD(try_list, try);

/* One channel at work. */
struct lane {
    struct deliveries *deliveries;
    const struct delivery_channel *channel;
    struct broker_consumer *consumer;
    struct event *stalled_timer;
    struct transfers *transfers;
    struct endpoints *endpoints;
    struct try_list tries; /* at most two prefetches: one in hand, one orphaned */
};

struct deliveries {
    struct deliveries_options options;
    struct pg *pg;
    struct outbox *outbox;
    bool draining;
    struct lane lanes[DELIVERY_CHANNELS_MAX];
    struct pg_statement statements[DELIVERIES_OWN + DELIVERY_CHANNELS_MAX];
};

static void try_step(struct try *try, enum try_state state);

/* ---- the share of an endpoint ---- */

static size_t count_of(const struct lane *lane, const char *endpoint, bool waiting)
{
    size_t count = 0;
    const struct try *try;
    TAILQ_FOREACH(try, &lane->tries, link)
    {
        bool counted = waiting ? try->state == TRY_WAITING : try->state == TRY_LOOKING || try->state == TRY_FLYING;
        count += counted && strcmp(try->endpoint, endpoint) == 0;
    }
    return count;
}

static bool has_share(const struct lane *lane, const char *endpoint)
{
    enum endpoints_health health = endpoints_health(lane->endpoints, endpoint, clock_mono_ms());
    size_t most = health == ENDPOINTS_ILL ? 1 : (size_t)lane->channel->endpoint_max;
    return count_of(lane, endpoint, false) < most;
}

static bool may_wait(const struct lane *lane, const char *endpoint)
{
    return endpoints_health(lane->endpoints, endpoint, clock_mono_ms()) == ENDPOINTS_WELL &&
           count_of(lane, endpoint, true) < (size_t)lane->channel->waiting_max;
}

/* A transfer to the endpoint has ended: who waits for it goes on, or is put aside where it is not well. */
static void lane_wake(struct lane *lane, const char *endpoint)
{
    bool well = endpoints_health(lane->endpoints, endpoint, clock_mono_ms()) == ENDPOINTS_WELL;
    struct try *next = NULL;
    for (struct try *try = TAILQ_FIRST(&lane->tries); try != NULL && !lane->deliveries->draining; try = next) {
        next = TAILQ_NEXT(try, link);
        if (try->state != TRY_WAITING || strcmp(try->endpoint, endpoint) != 0) {
            continue;
        }
        if (has_share(lane, endpoint)) {
            try_step(try, TRY_LOOKING);
        } else if (!well) {
            try_step(try, TRY_PARKING);
        } else {
            return;
        }
    }
}

/* ---- the end of a try ---- */

/* What was set up is gone; the handle first, which may still look at what the channel gave it. */
static void try_forget(struct try *try)
{
    const struct delivery_channel *channel = try->lane->channel;
    if (try->delivery.curl != NULL) {
        curl_easy_cleanup(try->delivery.curl);
        try->delivery.curl = NULL;
    }
    if (try->asked && channel->end != NULL) {
        channel->end(&try->delivery, channel->arg);
    }
    try->asked = false;
}

static void try_end(struct try *try, bool ack)
{
    struct lane *lane = try->lane;
    try_forget(try);
    if (ack && !try->orphaned && !broker_ack(lane->consumer, try->tag, false)) {
        log_debug("deliveries: an ack found its channel gone; the message will come again");
    }
    TAILQ_REMOVE(&lane->tries, try, link);
    if (try->state == TRY_LOOKING && try->endpoint[0] != '\0' && !try->orphaned) {
        lane_wake(lane, try->endpoint); /* there was nothing to be done */
    }
    free(try);
}

/* The step is done again soon. */
static void try_stall(struct try *try, const char *why)
{
    const struct timeval wait = {.tv_usec = STALLED_MS * 1000L};
    struct lane *lane = try->lane;
    try->stalled = true;
    log_debug("deliveries: a step is done again: %s", why);
    if (!evtimer_pending(lane->stalled_timer, NULL) && evtimer_add(lane->stalled_timer, &wait) != 0) {
        log_error("deliveries: cannot arm a timer");
    }
}

static void on_stalled_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lane *lane = arg;
    struct try *next = NULL;
    for (struct try *try = TAILQ_FIRST(&lane->tries); try != NULL; try = next) {
        next = TAILQ_NEXT(try, link);
        if (try->stalled) {
            try->stalled = false;
            try_step(try, try->state);
        }
    }
}

static const char *reply_trouble(const struct pg_reply *reply)
{
    return reply->outcome == PG_LOST ? "the connection to PostgreSQL was lost" : reply->message;
}

/* ---- writing down what came of it ---- */

/* What a verdict makes of the row, and where its message goes. */
struct outcome {
    const char *state;
    const char *exchange; /* NULL: nowhere */
    const char *key;
    const char *reason;
    int tries;
    char wait[TOPOLOGY_WAIT_SIZE];
};

static void outcome_retry(const struct try *try, struct outcome *outcome)
{
    outcome->state = "retrying";
    topology_wait_name((unsigned)outcome->tries - 1, outcome->wait);
    outcome->exchange = outcome->wait;
    outcome->key = try->lane->channel->name;
}

static void outcome_dead(const struct try *try, struct outcome *outcome)
{
    outcome->state = "failed";
    outcome->exchange = TOPOLOGY_DEAD_EXCHANGE;
    outcome->key = try->lane->channel->dead_key;
    outcome->reason = try->delivery.error[0] == '\0' ? "it failed" : try->delivery.error;
}

static void outcome_of(const struct try *try, struct outcome *outcome)
{
    *outcome = (struct outcome){.tries = try->delivery.tries + 1};
    switch (try->verdict) {
    case DELIVERY_SENT:
        outcome->state = "delivered";
        return;
    case DELIVERY_DROPPED:
        outcome->state = "dropped";
        return;
    case DELIVERY_FAILED:
        if (outcome->tries <= DELIVERY_RETRIES) {
            outcome_retry(try, outcome);
            return;
        }
        outcome_dead(try, outcome);
        return;
    case DELIVERY_REFUSED:
        outcome_dead(try, outcome);
        return;
    case DELIVERY_GO:
        break;
    }
    assert(!"a channel's judge gave no verdict");
}

static void on_marked(const struct pg_reply *reply, void *arg)
{
    struct try *try = arg;
    if (reply->outcome != PG_OK) {
        if (reply->outcome == PG_FAILED) {
            log_warn("deliveries: what came of one cannot be written down now: %s", reply->message);
        }
        try_stall(try, reply_trouble(reply));
        return;
    }
    if (PQntuples(reply->result) > 0) {
        const struct outbox_row row = {.id = pg_int(reply->result, 0, 0),
                                       .exchange = pg_text(reply->result, 0, 1),
                                       .routing_key = pg_text(reply->result, 0, 2),
                                       .body = pg_text(reply->result, 0, 3),
                                       .reason = pg_null(reply->result, 0, 4) ? NULL : pg_text(reply->result, 0, 4)};
        outbox_sent(try->lane->deliveries->outbox, &row, 1);
    }
    struct outcome outcome;
    outcome_of(try, &outcome);
    metering_delivered(try->lane->channel->name, outcome.state);
    try_end(try, true);
}

/* What others said may be anything: the database takes UTF-8 only, and a log one line. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            *text = (*text == '\n' || *text == '\r' || *text == '\t') ? ' ' : '?';
        }
    }
}

static void try_mark(struct try *try)
{
    struct delivery *delivery = &try->delivery;
    struct outcome outcome;
    char id[UUID_TEXT_SIZE];
    char row_tries[NUMBER_SIZE];
    char tries[NUMBER_SIZE];
    char status[NUMBER_SIZE];
    char took[NUMBER_SIZE];
    make_printable(delivery->error);
    outcome_of(try, &outcome);
    uuid_format(&delivery->id, id);
    (void)snprintf(row_tries, sizeof(row_tries), "%d", try->row_tries);
    (void)snprintf(tries, sizeof(tries), "%d", outcome.tries);
    (void)snprintf(status, sizeof(status), "%ld", delivery->status);
    (void)snprintf(took, sizeof(took), "%" PRId64, try->took_ms);
    const char *const values[] = {id,
                                  row_tries,
                                  outcome.state,
                                  tries,
                                  delivery->error[0] == '\0' ? NULL : delivery->error,
                                  delivery->status == 0 ? NULL : status,
                                  try->began_us == 0 ? NULL : took,
                                  outcome.exchange,
                                  outcome.key,
                                  outcome.reason};
    if (!pg_query(try->lane->deliveries->pg, DELIVERIES_MARK, ARRAY_LEN(values), values, on_marked, try)) {
        try_stall(try, "PostgreSQL is not there");
    }
}

/* ---- the transfer ---- */

static void try_judged(struct try *try, enum delivery_verdict verdict)
{
    char id[UUID_TEXT_SIZE];
    try->verdict = verdict;
    uuid_format(&try->delivery.id, id);
    if (verdict != DELIVERY_SENT) {
        /* What the other side said may name a person: it is in the table. */
        log_info("delivery %s (%s, %s) %s: %s, status %ld", id, try->lane->channel->name, try->delivery.kind,
                 verdict == DELIVERY_DROPPED ? "is dropped" : "failed",
                 try->delivery.status == 0 ? try->delivery.error : "refused", try->delivery.status);
    }
    try_step(try, TRY_MARKING);
}

static void on_transferred(CURL *curl, CURLcode outcome, void *arg)
{
    (void)curl;
    struct try *try = arg;
    const struct delivery_channel *channel = try->lane->channel;
    try->took_ms = (clock_mono_us() - try->began_us) / 1000;
    enum delivery_verdict verdict = channel->judge(&try->delivery, outcome, channel->arg);
    endpoints_note(try->lane->endpoints, try->endpoint, verdict != DELIVERY_SENT, try->took_ms, clock_mono_ms());
    try_judged(try, verdict);
}

static void try_fly(struct try *try)
{
    try->began_us = clock_mono_us();
    if (!transfers_start(try->lane->transfers, try->delivery.curl, on_transferred, try)) {
        (void)snprintf(try->delivery.error, sizeof(try->delivery.error), "no memory");
        try_judged(try, DELIVERY_FAILED);
    }
}

/* ---- reading the row ---- */

/* Has another try of this delivery been made since the message was sent? */
static bool row_is_past(const struct try *try, const PGresult *row)
{
    const char *state = pg_text(row, 0, DELIVERY_COLUMN_STATE);
    return strcmp(state, "delivered") == 0 || strcmp(state, "dropped") == 0 ||
           pg_int(row, 0, DELIVERY_COLUMN_TRIES) != try->said;
}

static void row_read(struct try *try, const PGresult *row)
{
    struct delivery *delivery = &try->delivery;
    bool again = strcmp(pg_text(row, 0, DELIVERY_COLUMN_STATE), "failed") == 0; /* a dead letter was sent again */
    try->row_tries = (int)pg_int(row, 0, DELIVERY_COLUMN_TRIES);
    delivery->tries = again ? 0 : try->row_tries;
    delivery->user_id = pg_uuid(row, 0, DELIVERY_COLUMN_USER);
    delivery->created_ms = pg_int(row, 0, DELIVERY_COLUMN_CREATED);
    (void)snprintf(delivery->kind, sizeof(delivery->kind), "%s", pg_text(row, 0, DELIVERY_COLUMN_KIND));
}

static void on_looked_up(const struct pg_reply *reply, void *arg)
{
    struct try *try = arg;
    const struct delivery_channel *channel = try->lane->channel;
    if (reply->outcome != PG_OK) {
        if (reply->outcome == PG_FAILED) {
            log_warn("deliveries: one cannot be read now: %s", reply->message);
        }
        try_stall(try, reply_trouble(reply));
        return;
    }
    if (PQntuples(reply->result) == 0 || row_is_past(try, reply->result)) {
        try_end(try, true);
        return;
    }
    row_read(try, reply->result);
    try->delivery.curl = curl_easy_init();
    if (try->delivery.curl == NULL) {
        try_stall(try, "no memory");
        return;
    }
    enum delivery_verdict verdict = channel->begin(&try->delivery, reply->result, channel->arg);
    if (verdict == DELIVERY_GO) {
        try_step(try, TRY_FLYING);
    } else {
        try_judged(try, verdict);
    }
}

static void try_look(struct try *try)
{
    const struct lane *lane = try->lane;
    const struct delivery_channel *channel = lane->channel;
    const char *values[1 + DELIVERY_VALUES_MAX];
    char id[UUID_TEXT_SIZE];
    size_t count = 1;
    size_t number = DELIVERIES_OWN + (size_t)(lane - lane->deliveries->lanes);
    try_forget(try); /* it may be done again */
    uuid_format(&try->delivery.id, id);
    values[0] = id;
    try->asked = true;
    if (channel->ask != NULL) {
        count += channel->ask(&try->delivery, values + 1, channel->arg);
    }
    if (!pg_query(lane->deliveries->pg, number, (int)count, values, on_looked_up, try)) {
        try_stall(try, "PostgreSQL is not there");
    }
}

/* ---- a delayed queue, for want of a share ---- */

static void on_parked(enum broker_verdict verdict, void *arg)
{
    struct try *try = arg;
    if (verdict == BROKER_CONFIRMED) {
        try_end(try, true);
    } else {
        try_stall(try, "the broker did not take a message");
    }
}

static void publish_parked(struct try *try)
{
    char exchange[TOPOLOGY_WAIT_SIZE];
    topology_wait_name(endpoints_put_aside(try->lane->endpoints, try->endpoint, clock_mono_ms()), exchange);
    const struct broker_message message = {
        .exchange = exchange, .routing_key = try->lane->channel->name, .body = try->body, .length = try->length};
    if (!broker_publish(try->lane->deliveries->options.publishes, &message, on_parked, try)) {
        try_stall(try, "the broker is not there");
    }
}

static void try_step(struct try *try, enum try_state state)
{
    bool freed = try->state == TRY_LOOKING || try->state == TRY_FLYING;
    try->state = state;
    switch (state) {
    case TRY_WAITING:
        return;
    case TRY_LOOKING:
        try_look(try);
        return;
    case TRY_FLYING:
        try_fly(try);
        return;
    case TRY_MARKING:
        if (freed && try->endpoint[0] != '\0') {
            lane_wake(try->lane, try->endpoint);
        }
        try_mark(try);
        return;
    case TRY_PARKING:
        publish_parked(try);
        return;
    }
}

/* ---- messages ---- */

static void on_buried(void *arg)
{
    try_end(arg, true);
}

/* A message of which nothing can be made. */
static void try_bury(struct try *try, const void *body, size_t length)
{
    const struct lane *lane = try->lane;
    log_error("deliveries: a message cannot be read and goes to the dead letters");
    if (!deadletters_send(lane->deliveries->options.deadletters, lane->channel->dead_key, body, length,
                          "no message about a delivery", on_buried, try)) {
        log_error("no memory for a dead letter: ending, so that its message comes again");
        exit(EXIT_FAILURE);
    }
}

static bool try_read(struct try *try, const void *body, size_t length)
{
    int64_t said = 0;
    int64_t version = 0;
    const char *endpoint = NULL;
    if (length > sizeof(try->body)) {
        return false;
    }
    struct json *tree = json_parse(body, length, NULL);
    bool good = json_get_int(tree, "v", MESSAGE_VERSION, MESSAGE_VERSION, &version) &&
                json_get_uuid(tree, "delivery", &try->delivery.id) && json_get_int(tree, "try", 0, TRIES_MAX, &said) &&
                json_get_text(tree, "endpoint", &endpoint) && strlen(endpoint) < sizeof(try->endpoint);
    if (good) {
        memcpy(try->body, body, length);
        try->length = length;
        try->said = (int)said;
        (void)snprintf(try->endpoint, sizeof(try->endpoint), "%s", endpoint);
    }
    json_free(tree);
    return good;
}

static struct try *find_same(const struct try *wanted)
{
    struct try *try;
    TAILQ_FOREACH(try, &wanted->lane->tries, link)
    {
        if (try != wanted && try->said == wanted->said && uuid_equal(&try->delivery.id, &wanted->delivery.id)) {
            return try;
        }
    }
    return NULL;
}

/* The same message again, while it is in hand: the try that is under way goes on with the new tag. */
static void try_adopt(struct try *try, struct try *again)
{
    if (try->orphaned) {
        try->orphaned = false;
        try->tag = again->tag;
        try_end(again, false);
    } else {
        try_end(again, true);
    }
}

static void on_deliver(struct broker_consumer *consumer, const struct broker_delivery *message, void *arg)
{
    (void)consumer;
    struct lane *lane = arg;
    if (lane->deliveries->draining) {
        return; /* goes back to the queue when the channel closes */
    }
    struct try *try = calloc(1, sizeof(*try));
    if (try == NULL) {
        log_error("no memory for a delivery: ending, so that its message comes again");
        exit(EXIT_FAILURE);
    }
    try->lane = lane;
    try->tag = message->tag;
    TAILQ_INSERT_TAIL(&lane->tries, try, link);
    if (!try_read(try, message->body, message->length)) {
        try_bury(try, message->body, message->length);
        return;
    }
    struct try *same = find_same(try);
    if (same != NULL) {
        try_adopt(same, try);
    } else if (try->endpoint[0] == '\0' || has_share(lane, try->endpoint)) {
        try_step(try, TRY_LOOKING);
    } else if (!may_wait(lane, try->endpoint)) {
        try_step(try, TRY_PARKING);
    }
}

/* What only waits is forgotten: it comes again. */
static void on_gone(struct broker_consumer *consumer, void *arg)
{
    (void)consumer;
    struct lane *lane = arg;
    struct try *next = NULL;
    for (struct try *try = TAILQ_FIRST(&lane->tries); try != NULL; try = next) {
        next = TAILQ_NEXT(try, link);
        try->orphaned = true;
        if (try->state == TRY_WAITING) {
            try_end(try, false);
        }
    }
}

/* ---- the whole ---- */

static bool lane_start(struct lane *lane, struct deliveries *deliveries, const struct delivery_channel *channel)
{
    assert(channel->transfers_max > 0 && channel->transfers_max <= UINT16_MAX && channel->endpoint_max > 0);
    lane->deliveries = deliveries;
    lane->channel = channel;
    lane->stalled_timer = evtimer_new(deliveries->options.base, on_stalled_timer, lane);
    lane->transfers = transfers_new(deliveries->options.base, channel->transfers_max);
    lane->endpoints = endpoints_new();
    const struct broker_consumer_options options = {.queue = channel->queue,
                                                    .prefetch = (uint16_t)channel->transfers_max,
                                                    .deliver = on_deliver,
                                                    .gone = on_gone,
                                                    .arg = lane};
    lane->consumer = lane->stalled_timer == NULL || lane->transfers == NULL || lane->endpoints == NULL
                         ? NULL
                         : broker_consume(deliveries->options.consumes, &options);
    return lane->consumer != NULL;
}

static void lane_stop(struct lane *lane)
{
    struct try *next = NULL;
    for (struct try *try = TAILQ_FIRST(&lane->tries); try != NULL; try = next) {
        next = TAILQ_NEXT(try, link);
        if (try->state == TRY_FLYING) {
            transfers_cancel(lane->transfers, try->delivery.curl);
        }
        try->orphaned = true;
        try_end(try, false);
    }
    if (lane->stalled_timer != NULL) {
        event_free(lane->stalled_timer);
    }
    transfers_free(lane->transfers);
    endpoints_free(lane->endpoints);
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

static bool make_parts(struct deliveries *deliveries)
{
    if (!connect_pg(deliveries)) {
        return false;
    }
    const struct outbox_options options = {.base = deliveries->options.base,
                                           .pg = deliveries->pg,
                                           .broker = deliveries->options.publishes,
                                           .first_statement = DELIVERIES_OUTBOX,
                                           .sweep_ms = SWEEP_MS,
                                           .age_ms = SWEEP_AGE_MS};
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
        TAILQ_INIT(&deliveries->lanes[i].tries);
    }
    bool good = make_parts(deliveries);
    for (size_t i = 0; i < options->channel_count && good; i++) {
        good = lane_start(&deliveries->lanes[i], deliveries, &options->channels[i]);
    }
    if (!good) {
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
    pg_free(deliveries->pg); /* its last callbacks stall their tries */
    for (size_t i = 0; i < DELIVERY_CHANNELS_MAX; i++) {
        lane_stop(&deliveries->lanes[i]);
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
        const struct try *try;
        TAILQ_FOREACH(try, &deliveries->lanes[i].tries, link)
        {
            if (try->state == TRY_FLYING || try->state == TRY_MARKING) {
                return true;
            }
        }
    }
    return false;
}
