/*
 * See settlement.h. Messages wait in a ring (at most PREFETCH: the broker gives no more). One job at a time takes as
 * many of them as JOB_AUCTIONS_MAX allows, or what a sweep found, and settles slice by slice, each in a transaction:
 *
 *     settle the rows -> write the event for the outbox -> COMMIT -> snapshots, publish
 *
 * A slice that the database refuses for good is halved down to the one auction that is to blame; its message goes to
 * the dead letters, and the sweep keeps trying. Everything else is retried without end. When all slices are done the
 * job's messages are acked, dead ones after the dead letter is confirmed.
 *
 * When the channel goes, the messages in the ring are forgotten (they will come again); a job in hand is finished and
 * acks nothing: its messages carry the number of the channel's life, `epoch`.
 */
#include "endworker/settlement.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/message.h"
#include "common/snapshot.h"
#include "common/topology.h"
#include "endworker/statements.h"

enum {
    PREFETCH = 64,          /* messages: one per batch of a bid worker in which something ended */
    JOB_AUCTIONS_MAX = 512, /* a job takes more only when a single message holds more */
    RETRY_MS = 100,         /* doubling, */
    RETRY_MAX_MS = 2000,    /* up to here, after a transient failure */
    NUMBER_SIZE = 16,
};

/* A delivery, and what it asks for. */
struct task {
    uint64_t tag;
    uint64_t epoch;
    struct uuid *ids;
    size_t count;
    const char *dead; /* why it goes to the dead letters, else NULL */
    size_t length;
    char body[];
};

/* Where a dead letter's confirm leads: to the ack of its message, if the channel still lives. */
struct burial {
    struct settlement *settlement;
    uint64_t tag;
    uint64_t epoch;
};

/* What is settled: an auction, and the message that asked for it (NULL: the sweep). */
struct item {
    struct uuid auction_id;
    struct task *task;
};

struct settlement {
    struct pg *pg;
    struct broker_consumer *consumer;
    struct deadletters *deadletters;
    struct outbox *outbox;
    struct redis *redis;
    size_t snapshot_script;
    int sweep_ms;
    struct event *sweep_timer;
    struct event *retry_timer;
    struct jsonw *writer;
    struct pg_array ids;
    bool draining;
    bool sweeping;  /* the sweep's question is with PostgreSQL */
    size_t burials; /* dead letters not yet confirmed */
    uint64_t epoch;
    /* the ring of what waits */
    struct task *ring[PREFETCH];
    size_t ring_first;
    size_t ring_count;
    /* the job */
    struct task *tasks[PREFETCH];
    size_t task_count;
    struct item *items; /* NULL: no job */
    size_t item_count;
    size_t first; /* of the slice */
    size_t span;
    int retry_ms;
    /* the slice's transaction */
    struct pg_tx *tx;
    int64_t now_ms;
    struct snapshot *snapshots; /* of what it settled */
    size_t settled;
    char *body; /* of the outbox row, NULL: nothing was settled */
    int64_t row_id;
    char sqlstate[6]; /* of the failure, "": lost */
};

static void job_start(struct settlement *settlement);
static void slice_start(struct settlement *settlement);

static void arm(struct event *timer, int64_t ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000L};
    if (!evtimer_pending(timer, NULL) && evtimer_add(timer, &wait) != 0) {
        log_error("settlement: cannot arm a timer");
    }
}

static void task_free(struct task *task)
{
    if (task != NULL) {
        free(task->ids);
        free(task);
    }
}

/* --- acks and dead letters --- */

static void ack(struct settlement *settlement, uint64_t tag, uint64_t epoch)
{
    if (epoch == settlement->epoch && settlement->consumer != NULL && !broker_ack(settlement->consumer, tag, false)) {
        log_debug("an ack found its channel gone; the message will come again and find its work done");
    }
}

static void on_buried(void *arg)
{
    struct burial *burial = arg;
    burial->settlement->burials--;
    ack(burial->settlement, burial->tag, burial->epoch);
    free(burial);
}

/* Ends a task whose work is done: acks its message, after the dead letter where there is one. */
static void task_end(struct settlement *settlement, struct task *task)
{
    if (task->dead == NULL) {
        ack(settlement, task->tag, task->epoch);
    } else if (task->epoch == settlement->epoch) {
        struct burial *burial = malloc(sizeof(*burial));
        if (burial != NULL) {
            *burial = (struct burial){.settlement = settlement, .tag = task->tag, .epoch = task->epoch};
        }
        if (burial != NULL && deadletters_send(settlement->deadletters, TOPOLOGY_KEY_DEAD_AUCTION_END, task->body,
                                               task->length, task->dead, on_buried, burial)) {
            settlement->burials++;
        } else {
            free(burial);
            log_error("no memory for a dead letter: its message stays unacked and comes again");
        }
    }
    task_free(task);
}

/* --- the transaction of a slice --- */

static void slice_clear(struct settlement *settlement)
{
    settlement->tx = NULL;
    free(settlement->snapshots);
    settlement->snapshots = NULL;
    settlement->settled = 0;
    free(settlement->body);
    settlement->body = NULL;
}

static struct outbox_row row_of(const struct settlement *settlement)
{
    return (struct outbox_row){.id = settlement->row_id,
                               .exchange = TOPOLOGY_EVENTS_EXCHANGE,
                               .routing_key = TOPOLOGY_KEY_SETTLED,
                               .body = settlement->body};
}

static void job_end(struct settlement *settlement)
{
    for (size_t i = 0; i < settlement->task_count; i++) {
        task_end(settlement, settlement->tasks[i]);
    }
    settlement->task_count = 0;
    free(settlement->items);
    settlement->items = NULL;
    job_start(settlement);
}

static void slice_next(struct settlement *settlement)
{
    settlement->first += settlement->span;
    settlement->span = settlement->item_count - settlement->first;
    settlement->retry_ms = RETRY_MS;
    if (settlement->span == 0) {
        job_end(settlement);
    } else {
        slice_start(settlement);
    }
}

/* The whole slice once more, later. */
static void slice_retry(struct settlement *settlement, const char *why)
{
    slice_clear(settlement);
    if (settlement->draining) {
        return; /* what is not settled is not acked, and comes again */
    }
    /* That PostgreSQL is down is said once, by whoever watches it. */
    log_line(pg_up(settlement->pg) ? LOG_WARN : LOG_DEBUG, NULL, "settlement is retried in %d ms: %s",
             settlement->retry_ms, why);
    arm(settlement->retry_timer, settlement->retry_ms);
    settlement->retry_ms = settlement->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : settlement->retry_ms * 2;
}

static void slice_failed(struct settlement *settlement, const struct pg_reply *reply)
{
    if (reply->outcome == PG_LOST || pg_state_is_transient(reply->sqlstate)) {
        slice_retry(settlement, reply->outcome == PG_LOST ? "the connection was lost" : reply->message);
        return;
    }
    log_warn("settling %zu auctions was refused: %s %s", settlement->span, reply->sqlstate, reply->message);
    slice_clear(settlement);
    if (settlement->span > 1) {
        settlement->span /= 2;
        slice_start(settlement);
        return;
    }
    struct item *item = &settlement->items[settlement->first];
    log_line(LOG_ERROR, &(struct log_about){.auction_id = &item->auction_id, .duration_ms = -1},
             "this auction cannot be settled; the sweep goes on trying");
    if (item->task != NULL) {
        item->task->dead = "the database refuses the settlement";
    }
    slice_next(settlement);
}

static void slice_done(struct settlement *settlement)
{
    if (settlement->body != NULL) {
        struct outbox_row row = row_of(settlement);
        outbox_sent(settlement->outbox, &row, 1);
    }
    for (size_t i = 0; i < settlement->settled; i++) {
        const struct snapshot *snapshot = &settlement->snapshots[i];
        log_line(LOG_INFO, &(struct log_about){.auction_id = &snapshot->auction_id, .duration_ms = -1}, "%s",
                 snapshot->status);
        /* Without Redis the old snapshot goes with it; one that is left over says "active" with an end long past. */
        if (!snapshot_write(settlement->redis, settlement->snapshot_script, snapshot, NULL, NULL)) {
            log_debug("no snapshot written: Redis is not there");
        }
    }
    slice_clear(settlement);
    slice_next(settlement);
}

static void on_commit(const struct pg_reply *reply, void *arg)
{
    struct settlement *settlement = arg;
    if (reply->outcome == PG_OK) {
        slice_done(settlement);
    } else {
        slice_failed(settlement, reply);
    }
}

static void on_inserted(const struct pg_reply *reply, void *arg)
{
    struct settlement *settlement = arg;
    if (reply->outcome == PG_OK) {
        settlement->row_id = pg_int(reply->result, 0, 0);
    }
}

static const char *status_text(const char *status)
{
    return strcmp(status, "sold") == 0 ? "sold" : "unsold";
}

/* Keeps snapshots and makes the event message of the rows that STATEMENT_SETTLE returned. */
static bool slice_read(struct settlement *settlement, const PGresult *result)
{
    size_t count = (size_t)PQntuples(result);
    struct event *events = calloc(count, sizeof(*events));
    settlement->snapshots = calloc(count, sizeof(*settlement->snapshots));
    if (events == NULL || settlement->snapshots == NULL) {
        free(events);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int row = (int)i;
        struct snapshot *snapshot = &settlement->snapshots[i];
        *snapshot = (struct snapshot){.auction_id = pg_uuid(result, row, 0),
                                      .seller_id = pg_uuid(result, row, 1),
                                      .version = pg_int(result, row, 2),
                                      .terms_version = pg_int(result, row, 3),
                                      .status = status_text(pg_text(result, row, 4)),
                                      .start_ms = pg_int(result, row, 5),
                                      .end_ms = pg_int(result, row, 6),
                                      .minimum_bid = pg_money(result, row, 7),
                                      .current_bid = pg_money(result, row, 8)};
        events[i] = (struct event){.kind = EVENT_SETTLED,
                                   .auction_id = snapshot->auction_id,
                                   .user_id = pg_uuid(result, row, 9),
                                   .amount = snapshot->current_bid,
                                   .version = snapshot->version,
                                   .at_ms = settlement->now_ms};
    }
    settlement->settled = count;
    jsonw_reset(settlement->writer);
    message_write_events(settlement->writer, events, count);
    free(events);
    size_t length = 0;
    const char *text = jsonw_text(settlement->writer, &length);
    settlement->body = text == NULL ? NULL : strdup(text);
    return settlement->body != NULL;
}

static void on_settled(const struct pg_reply *reply, void *arg)
{
    struct settlement *settlement = arg;
    if (reply->outcome != PG_OK) {
        pg_tx_abort(settlement->tx);
        slice_failed(settlement, reply);
        return;
    }
    bool good = true;
    if (PQntuples(reply->result) > 0) {
        good = slice_read(settlement, reply->result);
        if (good) {
            struct outbox_row row = row_of(settlement);
            good = outbox_insert(settlement->outbox, settlement->tx, &row, on_inserted, settlement);
        }
    }
    if (!good || !pg_tx_commit(settlement->tx, on_commit, settlement)) {
        pg_tx_abort(settlement->tx);
        slice_retry(settlement, "no memory, or the connection is gone");
    }
}

static void slice_start(struct settlement *settlement)
{
    assert(settlement->span > 0 && settlement->first + settlement->span <= settlement->item_count);
    char now[CLOCK_TEXT_SIZE];
    settlement->now_ms = clock_now_ms();
    clock_format(settlement->now_ms, now);
    pg_array_reset(&settlement->ids);
    for (size_t i = settlement->first; i < settlement->first + settlement->span; i++) {
        pg_array_uuid(&settlement->ids, &settlement->items[i].auction_id);
    }
    const char *const values[] = {pg_array_done(&settlement->ids), now};
    settlement->tx = values[0] == NULL ? NULL : pg_tx_begin(settlement->pg);
    if (settlement->tx == NULL) {
        slice_retry(settlement, "PostgreSQL is not there");
        return;
    }
    if (!pg_tx_send(settlement->tx, STATEMENT_SETTLE, ARRAY_LEN(values), values, on_settled, settlement) ||
        !pg_tx_flush(settlement->tx)) {
        pg_tx_abort(settlement->tx);
        slice_retry(settlement, "PostgreSQL takes no statement");
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    slice_start(arg);
}

/* --- jobs --- */

static void job_begin(struct settlement *settlement, struct item *items, size_t count)
{
    settlement->items = items;
    settlement->item_count = count;
    settlement->first = 0;
    settlement->span = count;
    settlement->retry_ms = RETRY_MS;
    if (count == 0) {
        job_end(settlement);
    } else {
        slice_start(settlement);
    }
}

/* How many messages of the ring make one job, and how many auctions they hold. */
static size_t job_size(const struct settlement *settlement, size_t *auctions)
{
    size_t taken = 0;
    *auctions = 0;
    for (; taken < settlement->ring_count; taken++) {
        size_t count = settlement->ring[(settlement->ring_first + taken) % PREFETCH]->count;
        if (taken > 0 && *auctions + count > JOB_AUCTIONS_MAX) {
            break;
        }
        *auctions += count;
    }
    return taken;
}

/* Takes the next messages in hand, unless there is a job already or nothing to do. A drain takes no more. */
static void job_start(struct settlement *settlement)
{
    if (settlement->items != NULL || settlement->ring_count == 0 || settlement->draining) {
        return;
    }
    size_t count = 0;
    size_t taken = job_size(settlement, &count);
    struct item *items = calloc(count + 1, sizeof(*items)); /* one more: never NULL for no auctions */
    if (items == NULL) {
        log_error("no memory to settle; tried again with the next message or sweep");
        return;
    }
    size_t filled = 0;
    for (size_t i = 0; i < taken; i++) {
        struct task *task = settlement->ring[settlement->ring_first];
        settlement->ring_first = (settlement->ring_first + 1) % PREFETCH;
        settlement->ring_count--;
        settlement->tasks[settlement->task_count++] = task;
        for (size_t k = 0; k < task->count; k++) {
            items[filled++] = (struct item){.auction_id = task->ids[k], .task = task};
        }
    }
    job_begin(settlement, items, count);
}

static void on_unsettled(const struct pg_reply *reply, void *arg)
{
    struct settlement *settlement = arg;
    settlement->sweeping = false;
    if (reply->outcome != PG_OK || PQntuples(reply->result) == 0 || settlement->items != NULL || settlement->draining) {
        return; /* what this sweep would have found the next one finds */
    }
    size_t count = (size_t)PQntuples(reply->result);
    struct item *items = calloc(count, sizeof(*items));
    if (items == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        items[i].auction_id = pg_uuid(reply->result, (int)i, 0);
    }
    log_info("%zu auctions ended and were never settled: settling them now", count);
    job_begin(settlement, items, count);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct settlement *settlement = arg;
    arm(settlement->sweep_timer, settlement->sweep_ms);
    job_start(settlement);
    if (settlement->items != NULL || settlement->sweeping || settlement->draining) {
        return;
    }
    char until[CLOCK_TEXT_SIZE];
    char limit[NUMBER_SIZE];
    clock_format(clock_now_ms() - settlement->sweep_ms, until);
    (void)snprintf(limit, sizeof(limit), "%d", JOB_AUCTIONS_MAX);
    const char *const values[] = {until, limit};
    settlement->sweeping =
        pg_query(settlement->pg, STATEMENT_UNSETTLED, ARRAY_LEN(values), values, on_unsettled, settlement);
}

/* --- the queue --- */

/* The ids of the auctions that ended; a message that cannot be read gets its reason instead. */
static bool task_read(struct task *task)
{
    struct event *events = calloc(MESSAGE_EVENTS_MAX, sizeof(*events));
    if (events == NULL) {
        return false;
    }
    size_t count = 0;
    const char *why = NULL;
    if (!message_read_events(task->body, task->length, events, MESSAGE_EVENTS_MAX, &count, &why)) {
        task->dead = why;
        free(events);
        return true;
    }
    task->ids = calloc(count + 1, sizeof(*task->ids)); /* one more: never NULL for no events */
    bool good = task->ids != NULL;
    for (size_t i = 0; good && i < count; i++) {
        if (events[i].kind == EVENT_ENDED) {
            task->ids[task->count++] = events[i].auction_id;
        }
    }
    free(events);
    return good;
}

static void on_deliver(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg)
{
    (void)consumer;
    struct settlement *settlement = arg;
    struct task *task = malloc(sizeof(*task) + delivery->length);
    if (task != NULL) {
        *task = (struct task){.tag = delivery->tag, .epoch = settlement->epoch, .length = delivery->length};
        memcpy(task->body, delivery->body, delivery->length);
    }
    if (task == NULL || !task_read(task)) {
        task_free(task);
        log_error("no memory for a message: it stays unacked; the sweep settles its auctions");
        return;
    }
    if (task->dead != NULL) {
        log_error("a message of %s cannot be read and goes to the dead letters: %s", TOPOLOGY_AUCTION_END_QUEUE,
                  task->dead);
        task_end(settlement, task);
        return;
    }
    if (settlement->draining) {
        task_free(task); /* goes back to the queue when the channel closes */
        return;
    }
    assert(settlement->ring_count < PREFETCH);
    settlement->ring[(settlement->ring_first + settlement->ring_count++) % PREFETCH] = task;
    job_start(settlement);
}

static void ring_clear(struct settlement *settlement)
{
    for (; settlement->ring_count > 0; settlement->ring_count--) {
        task_free(settlement->ring[settlement->ring_first]);
        settlement->ring_first = (settlement->ring_first + 1) % PREFETCH;
    }
}

static void on_gone(struct broker_consumer *consumer, void *arg)
{
    (void)consumer;
    struct settlement *settlement = arg;
    settlement->epoch++;
    ring_clear(settlement);
}

struct settlement *settlement_new(const struct settlement_options *options)
{
    struct settlement *settlement = calloc(1, sizeof(*settlement));
    if (settlement == NULL) {
        return NULL;
    }
    settlement->pg = options->pg;
    settlement->deadletters = options->deadletters;
    settlement->outbox = options->outbox;
    settlement->redis = options->redis;
    settlement->snapshot_script = options->snapshot_script;
    settlement->sweep_ms = options->sweep_ms;
    struct broker_consumer_options consumer = {.queue = TOPOLOGY_AUCTION_END_QUEUE,
                                               .prefetch = PREFETCH,
                                               .deliver = on_deliver,
                                               .gone = on_gone,
                                               .arg = settlement};
    settlement->writer = jsonw_new();
    settlement->sweep_timer = evtimer_new(options->base, on_sweep, settlement);
    settlement->retry_timer = evtimer_new(options->base, on_retry, settlement);
    settlement->consumer = broker_consume(options->consumes, &consumer);
    if (settlement->writer == NULL || settlement->sweep_timer == NULL || settlement->retry_timer == NULL ||
        settlement->consumer == NULL) {
        settlement_free(settlement);
        return NULL;
    }
    arm(settlement->sweep_timer, settlement->sweep_ms);
    return settlement;
}

void settlement_free(struct settlement *settlement)
{
    if (settlement == NULL) {
        return;
    }
    if (settlement->sweep_timer != NULL) {
        event_free(settlement->sweep_timer);
    }
    if (settlement->retry_timer != NULL) {
        event_free(settlement->retry_timer);
    }
    ring_clear(settlement);
    for (size_t i = 0; i < settlement->task_count; i++) {
        task_free(settlement->tasks[i]);
    }
    slice_clear(settlement);
    free(settlement->items);
    jsonw_free(settlement->writer);
    pg_array_free(&settlement->ids);
    free(settlement);
}

void settlement_drain(struct settlement *settlement)
{
    settlement->draining = true;
    ring_clear(settlement);
    (void)evtimer_del(settlement->retry_timer);
}

bool settlement_busy(const struct settlement *settlement)
{
    return settlement->tx != NULL || settlement->burials > 0;
}
