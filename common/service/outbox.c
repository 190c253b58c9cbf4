/*
 * See outbox.h. Each row in memory is an item in exactly one list, that of its state. Only item_move changes the state,
 * and only item_end frees an item.
 *
 *     WAITING -> PUBLISHED -> CONFIRMED -> DELETING -> freed
 *        ^------------'  not confirmed  ^------'  the delete failed
 *
 * Verdicts publish nothing themselves: a timer retries, so that a broker that refuses everything costs ten attempts a
 * second.
 */
#include "common/service/outbox.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/log.h"
#include "common/io/timer.h"

enum {
    RETRY_MS = 100,       /* after the broker or PostgreSQL refused */
    DELETE_DELAY_MS = 50, /* collects confirms for one DELETE; after a crash, rows of this period are published again */
    DELETE_ROWS_MAX = 512, /* in one DELETE */
    SWEEP_ROWS_MAX = 64,   /* claimed at once: at most a megabyte each, so that a sweep fits into OUTBOX_BYTES_MAX */
    SWEEP_AGAIN_MS = 20,   /* after a sweep with that many rows */
};

enum item_state { ITEM_WAITING, ITEM_PUBLISHED, ITEM_CONFIRMED, ITEM_DELETING, ITEM_STATES };

struct item {
    TAILQ_ENTRY(item) link;
    struct outbox *outbox;
    enum item_state state;
    int64_t id;
    size_t length; /* of the body; 0 once confirmed */
    char *exchange;
    char *routing_key;
    char *reason;
    char *body;
};

TAILQ_HEAD(item_list, item);

struct outbox {
    struct pg *pg;
    struct broker *broker;
    size_t first_statement;
    int sweep_ms;
    int age_ms;
    const char *exchanges;
    struct event *publish_timer;
    struct event *delete_timer;
    struct event *sweep_timer;
    struct item_list lists[ITEM_STATES];
    size_t count;         /* items in all lists */
    size_t bytes;         /* of their bodies */
    size_t left_to_sweep; /* rows left to the sweep since the last log line */
    bool deleting;
    bool sweeping;
    struct pg_array ids; /* parameter of the DELETE */
};

static void item_free_texts(struct item *item)
{
    free(item->exchange);
    free(item->routing_key);
    free(item->reason);
    free(item->body);
    item->exchange = item->routing_key = item->reason = item->body = NULL;
    item->outbox->bytes -= item->length;
    item->length = 0;
}

static void item_move(struct item *item, enum item_state state)
{
    struct outbox *outbox = item->outbox;
    TAILQ_REMOVE(&outbox->lists[item->state], item, link);
    item->state = state;
    TAILQ_INSERT_TAIL(&outbox->lists[state], item, link);
    if (state == ITEM_CONFIRMED) {
        item_free_texts(item);
    }
}

static void item_end(struct item *item)
{
    struct outbox *outbox = item->outbox;
    TAILQ_REMOVE(&outbox->lists[item->state], item, link);
    item_free_texts(item);
    outbox->count--;
    free(item);
}

/* A copy of `text`, NULL for NULL; sets `*failed` if there is no memory. */
static char *copy_text(const char *text, bool *failed)
{
    char *copy = text == NULL ? NULL : strdup(text);
    *failed = *failed || (text != NULL && copy == NULL);
    return copy;
}

static bool item_new(struct outbox *outbox, const struct outbox_row *row)
{
    size_t length = strlen(row->body);
    if (outbox->count >= OUTBOX_ROWS_MAX || outbox->bytes + length > OUTBOX_BYTES_MAX) {
        return false;
    }
    struct item *item = calloc(1, sizeof(*item));
    if (item == NULL) {
        return false;
    }
    bool failed = false;
    item->outbox = outbox;
    item->state = ITEM_WAITING;
    item->id = row->id;
    item->exchange = copy_text(row->exchange, &failed);
    item->routing_key = copy_text(row->routing_key, &failed);
    item->reason = copy_text(row->reason, &failed);
    item->body = copy_text(row->body, &failed);
    item->length = length;
    outbox->bytes += length;
    outbox->count++;
    TAILQ_INSERT_TAIL(&outbox->lists[ITEM_WAITING], item, link);
    if (failed) {
        item_end(item);
    }
    return !failed;
}

static bool is_known(const struct outbox *outbox, int64_t id)
{
    for (int state = 0; state < ITEM_STATES; state++) {
        const struct item *item;
        TAILQ_FOREACH(item, &outbox->lists[state], link)
        {
            if (item->id == id) {
                return true;
            }
        }
    }
    return false;
}

static const char *verdict_text(enum broker_verdict verdict)
{
    static const char *const texts[] = {
        [BROKER_CONFIRMED] = "confirmed",
        [BROKER_NACKED] = "refused, the queue is full or elects a leader",
        [BROKER_RETURNED] = "returned, no queue is bound to its key",
        [BROKER_UNKNOWN] = "unknown, the link was lost or left",
    };
    static_assert(ARRAY_LEN(texts) == BROKER_VERDICT_COUNT, "a text for each verdict");
    return texts[verdict];
}

static void on_verdict(enum broker_verdict verdict, void *arg)
{
    struct item *item = arg;
    struct outbox *outbox = item->outbox;
    assert(item->state == ITEM_PUBLISHED);
    if (verdict == BROKER_CONFIRMED) {
        item_move(item, ITEM_CONFIRMED);
        timer_ensure(outbox->delete_timer, DELETE_DELAY_MS);
        return;
    }
    log_warn("outbox row %" PRId64 " to %s is published again: %s", item->id, item->routing_key, verdict_text(verdict));
    item_move(item, ITEM_WAITING);
    timer_ensure(outbox->publish_timer, RETRY_MS);
}

static void publish(struct outbox *outbox)
{
    struct item *item;
    while ((item = TAILQ_FIRST(&outbox->lists[ITEM_WAITING])) != NULL) {
        char id[24];
        (void)snprintf(id, sizeof(id), "%" PRId64, item->id);
        struct broker_message message = {.exchange = item->exchange,
                                         .routing_key = item->routing_key,
                                         .body = item->body,
                                         .length = item->length,
                                         .message_id = id,
                                         .reason = item->reason};
        if (!broker_publish(outbox->broker, &message, on_verdict, item)) {
            timer_ensure(outbox->publish_timer, RETRY_MS);
            return;
        }
        item_move(item, ITEM_PUBLISHED);
    }
}

static void on_publish_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    publish(arg);
}

static void on_deleted(const struct pg_reply *reply, void *arg)
{
    struct outbox *outbox = arg;
    struct item *next;
    outbox->deleting = false;
    for (struct item *item = TAILQ_FIRST(&outbox->lists[ITEM_DELETING]); item != NULL; item = next) {
        next = TAILQ_NEXT(item, link);
        if (reply->outcome == PG_OK) {
            item_end(item);
        } else {
            item_move(item, ITEM_CONFIRMED);
        }
    }
    if (reply->outcome == PG_FAILED) {
        log_warn("outbox rows cannot be deleted, retrying: %s %s", reply->sqlstate, reply->message);
    }
    if (!TAILQ_EMPTY(&outbox->lists[ITEM_CONFIRMED])) {
        timer_ensure(outbox->delete_timer, reply->outcome == PG_OK ? DELETE_DELAY_MS : RETRY_MS);
    }
}

static void on_delete_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct outbox *outbox = arg;
    if (outbox->deleting || TAILQ_EMPTY(&outbox->lists[ITEM_CONFIRMED])) {
        return; /* on_deleted arms the timer again */
    }
    struct item *item = NULL;
    pg_array_reset(&outbox->ids);
    for (int i = 0; i < DELETE_ROWS_MAX && (item = TAILQ_FIRST(&outbox->lists[ITEM_CONFIRMED])) != NULL; i++) {
        item_move(item, ITEM_DELETING);
        pg_array_int(&outbox->ids, item->id);
    }
    const char *ids = pg_array_done(&outbox->ids);
    outbox->deleting =
        ids != NULL && pg_query(outbox->pg, outbox->first_statement + OUTBOX_DELETE, 1, &ids, on_deleted, outbox);
    if (!outbox->deleting) {
        while ((item = TAILQ_FIRST(&outbox->lists[ITEM_DELETING])) != NULL) {
            item_move(item, ITEM_CONFIRMED);
        }
        timer_ensure(outbox->delete_timer, RETRY_MS);
    }
}

static void on_swept(const struct pg_reply *reply, void *arg)
{
    struct outbox *outbox = arg;
    outbox->sweeping = false;
    if (reply->outcome != PG_OK) {
        if (reply->outcome == PG_FAILED) {
            log_warn("outbox cannot be swept, retrying later: %s %s", reply->sqlstate, reply->message);
        }
        return;
    }
    int count = PQntuples(reply->result);
    int taken = 0;
    for (int row = 0; row < count; row++) {
        struct outbox_row found = {.id = pg_int(reply->result, row, 0),
                                   .exchange = pg_text(reply->result, row, 1),
                                   .routing_key = pg_text(reply->result, row, 2),
                                   .body = pg_text(reply->result, row, 3)};
        found.reason = pg_null(reply->result, row, 4) ? NULL : pg_text(reply->result, row, 4);
        if (!is_known(outbox, found.id) && item_new(outbox, &found)) {
            taken++;
        }
    }
    if (taken > 0) {
        log_info("outbox: the sweep publishes %d rows", taken);
        publish(outbox);
    }
    if (count == SWEEP_ROWS_MAX) {
        (void)evtimer_del(outbox->sweep_timer);
        timer_ensure(outbox->sweep_timer, SWEEP_AGAIN_MS);
    }
}

/* Sweeps only when the broker accepts messages and no item in memory waits: new rows are published first. */
static void on_sweep_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct outbox *outbox = arg;
    timer_ensure(outbox->sweep_timer, outbox->sweep_ms);
    if (outbox->left_to_sweep > 0) {
        log_warn("outbox: %zu rows exceed the memory limit and are left to the sweep", outbox->left_to_sweep);
        outbox->left_to_sweep = 0;
    }
    if (outbox->sweeping || broker_state(outbox->broker) != BROKER_UP || !TAILQ_EMPTY(&outbox->lists[ITEM_WAITING]) ||
        outbox->count > OUTBOX_ROWS_MAX / 2) {
        return;
    }
    char age[24];
    char limit[24];
    (void)snprintf(age, sizeof(age), "%d", outbox->age_ms);
    (void)snprintf(limit, sizeof(limit), "%d", SWEEP_ROWS_MAX);
    const char *const values[] = {age, limit, outbox->exchanges};
    outbox->sweeping =
        pg_query(outbox->pg, outbox->first_statement + OUTBOX_SWEEP, ARRAY_LEN(values), values, on_swept, outbox);
}

struct outbox *outbox_new(const struct outbox_options *options)
{
    struct outbox *outbox = calloc(1, sizeof(*outbox));
    if (outbox == NULL) {
        return NULL;
    }
    for (int state = 0; state < ITEM_STATES; state++) {
        TAILQ_INIT(&outbox->lists[state]);
    }
    outbox->pg = options->pg;
    outbox->broker = options->broker;
    outbox->first_statement = options->first_statement;
    outbox->sweep_ms = options->sweep_ms;
    outbox->age_ms = options->age_ms;
    outbox->exchanges = options->exchanges;
    outbox->publish_timer = evtimer_new(options->base, on_publish_timer, outbox);
    outbox->delete_timer = evtimer_new(options->base, on_delete_timer, outbox);
    outbox->sweep_timer = evtimer_new(options->base, on_sweep_timer, outbox);
    if (outbox->publish_timer == NULL || outbox->delete_timer == NULL || outbox->sweep_timer == NULL) {
        outbox_free(outbox);
        return NULL;
    }
    timer_ensure(outbox->sweep_timer, outbox->sweep_ms);
    return outbox;
}

void outbox_free(struct outbox *outbox)
{
    if (outbox == NULL) {
        return;
    }
    struct event *timers[] = {outbox->publish_timer, outbox->delete_timer, outbox->sweep_timer};
    for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
        if (timers[i] != NULL) {
            event_free(timers[i]);
        }
    }
    for (int state = 0; state < ITEM_STATES; state++) {
        struct item *next;
        for (struct item *item = TAILQ_FIRST(&outbox->lists[state]); item != NULL; item = next) {
            next = TAILQ_NEXT(item, link);
            item_end(item);
        }
    }
    pg_array_free(&outbox->ids);
    free(outbox);
}

bool outbox_insert(const struct outbox *outbox, struct pg_tx *tx, const struct outbox_row *row, pg_callback callback,
                   void *arg)
{
    const char *const values[] = {row->exchange, row->routing_key, row->body, row->reason};
    return pg_tx_send(tx, outbox->first_statement + OUTBOX_INSERT, ARRAY_LEN(values), values, callback, arg);
}

void outbox_sent(struct outbox *outbox, const struct outbox_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!item_new(outbox, &rows[i])) {
            outbox->left_to_sweep++;
        }
    }
    publish(outbox);
}

void outbox_wake(struct outbox *outbox)
{
    publish(outbox);
}

size_t outbox_pending(const struct outbox *outbox)
{
    return outbox->count;
}
