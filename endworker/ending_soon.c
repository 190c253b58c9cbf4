/*
 * See ending_soon.h. One transaction at a time: the statement marks and returns the auctions, and the event message for
 * the outbox is built from its result. A failed transaction is rolled back and tried again at the next tick.
 */
#include "endworker/ending_soon.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/protocol/live_update.h"
#include "common/protocol/message.h"
#include "common/protocol/topology.h"
#include "endworker/statements.h"

enum {
    TICK_MS = 1000,     /* coarse: the announced time is minutes ahead */
    AUCTIONS_MAX = 500, /* in one transaction and message; the others follow at the next tick */
    NUMBER_SIZE = 16,
};

struct ending_soon {
    struct pg *pg;
    struct outbox *outbox;
    struct redis *redis;
    struct event *tick;
    struct jsonw *writer;
    int within_s;
    bool leading;
    struct pg_tx *tx;             /* NULL when no transaction is running */
    int64_t row_id;               /* id of the outbox row */
    char *body;                   /* body of the outbox row; NULL: no auction to announce */
    struct auction_event *events; /* events in the body */
    size_t event_count;
};

static void finish(struct ending_soon *soon)
{
    soon->tx = NULL;
    free(soon->body);
    soon->body = NULL;
    free(soon->events);
    soon->events = NULL;
    soon->event_count = 0;
}

static struct outbox_row row_of(const struct ending_soon *soon)
{
    return (struct outbox_row){.id = soon->row_id,
                               .exchange = TOPOLOGY_EVENTS_EXCHANGE,
                               .routing_key = TOPOLOGY_KEY_ENDING_SOON,
                               .body = soon->body};
}

static void notify_watchers(struct ending_soon *soon)
{
    for (size_t i = 0; i < soon->event_count; i++) {
        const struct auction_event *event = &soon->events[i];
        const struct live_update update = {.kind = LIVE_ENDING_SOON,
                                           .auction_id = event->auction_id,
                                           .version = event->version,
                                           .at_ms = event->at_ms};
        live_publish(soon->redis, soon->writer, &update);
    }
}

static void on_commit(const struct pg_reply *reply, void *arg)
{
    struct ending_soon *soon = arg;
    if (reply->outcome == PG_OK && soon->body != NULL) {
        struct outbox_row row = row_of(soon);
        outbox_sent(soon->outbox, &row, 1);
        notify_watchers(soon);
    } else if (reply->outcome == PG_FAILED) {
        log_warn("ending-soon events cannot be committed, retrying at the next tick: %s %s", reply->sqlstate,
                 reply->message);
    }
    finish(soon);
}

static void on_inserted(const struct pg_reply *reply, void *arg)
{
    struct ending_soon *soon = arg;
    if (reply->outcome == PG_OK) {
        soon->row_id = pg_int(reply->result, 0, 0);
    }
}

/* Builds the message for the rows of the statement; the caller frees it. NULL: no memory. */
static char *write_body(struct ending_soon *soon, const PGresult *result)
{
    size_t count = (size_t)PQntuples(result);
    struct auction_event *events = calloc(count, sizeof(*events));
    if (events == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        int row = (int)i;
        events[i] = (struct auction_event){.kind = EVENT_ENDING_SOON,
                                           .auction_id = pg_uuid(result, row, 0),
                                           .end_ms = pg_int(result, row, 1),
                                           .version = pg_int(result, row, 2),
                                           .amount = pg_money(result, row, 3),
                                           .at_ms = clock_now_ms()};
    }
    soon->events = events;
    soon->event_count = count;
    jsonw_reset(soon->writer);
    message_write_events(soon->writer, events, count);
    size_t length = 0;
    const char *text = jsonw_text(soon->writer, &length);
    return text == NULL ? NULL : strdup(text);
}

static void on_noted(const struct pg_reply *reply, void *arg)
{
    struct ending_soon *soon = arg;
    bool ok = reply->outcome == PG_OK;
    if (reply->outcome == PG_FAILED) {
        log_warn("auctions that end soon cannot be read, retrying at the next tick: %s %s", reply->sqlstate,
                 reply->message);
    }
    if (ok && PQntuples(reply->result) > 0) {
        soon->body = write_body(soon, reply->result);
        ok = soon->body != NULL;
        if (ok) {
            struct outbox_row row = row_of(soon);
            ok = outbox_insert(soon->outbox, soon->tx, &row, on_inserted, soon);
        }
    }
    if (!ok || !pg_tx_commit(soon->tx, on_commit, soon)) {
        pg_tx_abort(soon->tx);
        finish(soon);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct ending_soon *soon = arg;
    if (!soon->leading || soon->tx != NULL || soon->within_s == 0) {
        return;
    }
    soon->tx = pg_tx_begin(soon->pg);
    if (soon->tx == NULL) {
        return;
    }
    int64_t now_ms = clock_now_ms();
    char from[CLOCK_TEXT_SIZE];
    char until[CLOCK_TEXT_SIZE];
    char seconds[NUMBER_SIZE];
    char limit[NUMBER_SIZE];
    clock_format(now_ms, from);
    clock_format(now_ms + INT64_C(1000) * soon->within_s, until);
    (void)snprintf(seconds, sizeof(seconds), "%d", soon->within_s);
    (void)snprintf(limit, sizeof(limit), "%d", AUCTIONS_MAX);
    const char *const values[] = {from, until, seconds, limit};
    if (!pg_tx_send(soon->tx, STATEMENT_ENDING_SOON, ARRAY_LEN(values), values, on_noted, soon) ||
        !pg_tx_flush(soon->tx)) {
        pg_tx_abort(soon->tx);
        finish(soon);
    }
}

struct ending_soon *ending_soon_new(struct event_base *base, struct pg *pg, struct outbox *outbox, struct redis *redis,
                                    int within_s)
{
    struct ending_soon *soon = calloc(1, sizeof(*soon));
    if (soon == NULL) {
        return NULL;
    }
    struct timeval every = clock_timeval(TICK_MS);
    soon->pg = pg;
    soon->outbox = outbox;
    soon->redis = redis;
    soon->within_s = within_s;
    soon->writer = jsonw_new();
    soon->tick = event_new(base, -1, EV_PERSIST, on_tick, soon);
    if (soon->writer == NULL || soon->tick == NULL || event_add(soon->tick, &every) != 0) {
        ending_soon_free(soon);
        return NULL;
    }
    return soon;
}

void ending_soon_free(struct ending_soon *soon)
{
    if (soon == NULL) {
        return;
    }
    if (soon->tick != NULL) {
        event_free(soon->tick);
    }
    jsonw_free(soon->writer);
    finish(soon);
    free(soon);
}

void ending_soon_lead(struct ending_soon *soon, bool leading)
{
    soon->leading = leading;
}

bool ending_soon_busy(const struct ending_soon *soon)
{
    return soon->tx != NULL;
}
