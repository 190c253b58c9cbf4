/*
 * See settlement.h. The auctions of a job are settled in slices, one transaction each:
 *
 *     settle the rows -> write the event for the outbox -> COMMIT -> snapshots, publish
 *
 * A slice that the database refuses permanently is bisected down to the failing auction (common/base/bisect.h), which
 * is marked. All other errors are retried without limit.
 *
 * A bid worker holds the row of an auction for milliseconds, so a slice waits for rows (STATEMENT_LOCK_WAIT). If that
 * was too long, the slice is settled without the locked auctions, and the sweep finds them later.
 */
#include "endworker/settlement.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/bisect.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/io/timer.h"
#include "common/protocol/hash_chain.h"
#include "common/protocol/live_update.h"
#include "common/protocol/message.h"
#include "common/protocol/snapshot.h"
#include "common/protocol/topology.h"
#include "endworker/endworker_metrics.h"
#include "endworker/statements.h"

struct settled {
    struct snapshot snapshot;
    int64_t hash_seq; /* of the newest ledger entry that has a hash */
    char hash[HASH_CHAIN_TEXT_SIZE];
};

struct settlement {
    struct pg *pg;
    struct outbox *outbox;
    struct redis *redis;
    const struct snapshot_writer *snapshot_writer;
    struct event *retry_timer;
    bool draining;
    struct jsonw *writer;
    struct pg_array ids;
    /* the job */
    struct settlement_item *items; /* NULL: no job */
    settlement_done done;
    void *arg;
    struct bisect slice;
    bool skip_locked; /* the slice waited too long for a row */
    /* the slice's transaction */
    struct pg_tx *tx;
    int64_t now_ms; /* the database's time of the settlement */
    struct settled *settled;
    size_t settled_count;
    char *body; /* of the outbox row; NULL: no auction was settled */
    int64_t row_id;
};

static void slice_start(struct settlement *settlement);

static void slice_clear(struct settlement *settlement)
{
    settlement->tx = NULL;
    free(settlement->settled);
    settlement->settled = NULL;
    settlement->settled_count = 0;
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

static void slice_next(struct settlement *settlement)
{
    settlement->skip_locked = false;
    if (bisect_next(&settlement->slice)) {
        slice_start(settlement);
        return;
    }
    settlement->items = NULL;
    settlement->done(settlement->arg);
}

/* SQLSTATE lock_not_available: lock_timeout has passed. */
static bool is_lock_timeout(const struct pg_reply *reply)
{
    return reply->outcome == PG_FAILED && strcmp(reply->sqlstate, "55P03") == 0;
}

/* Retries the whole slice later. */
static void slice_retry(struct settlement *settlement, const char *reason)
{
    slice_clear(settlement);
    if (settlement->draining) {
        return; /* unsettled messages are not acked and will be redelivered */
    }
    int pause_ms = bisect_pause(&settlement->slice);
    /* The pool logs once that PostgreSQL is down; do not repeat it at each retry. */
    log_line(pg_up(settlement->pg) ? LOG_WARN : LOG_DEBUG, NULL, "settlement is retried in %d ms: %s", pause_ms,
             reason);
    timer_ensure(settlement->retry_timer, pause_ms);
}

static void slice_failed(struct settlement *settlement, const struct pg_reply *reply)
{
    if (is_lock_timeout(reply) && !settlement->skip_locked) {
        log_warn("an auction to be settled is locked by another session: it is settled by a later sweep");
        settlement->skip_locked = true;
        slice_clear(settlement);
        slice_start(settlement);
        return;
    }
    if (reply->outcome == PG_LOST || !pg_state_is_data_error(reply->sqlstate)) {
        slice_retry(settlement, reply->outcome == PG_LOST ? "the connection was lost" : reply->message);
        return;
    }
    log_warn("the settlement of %zu auctions was refused: %s %s", settlement->slice.span, reply->sqlstate,
             reply->message);
    slice_clear(settlement);
    if (bisect_split(&settlement->slice)) {
        slice_start(settlement);
        return;
    }
    struct settlement_item *item = &settlement->items[settlement->slice.first];
    log_line(LOG_ERROR, &(struct log_about){.auction_id = &item->auction_id, .duration_ms = -1},
             "the auction cannot be settled; the sweep will retry it");
    item->refused = true;
    slice_next(settlement);
}

/* The log keeps the hash outside the database: an attacker who makes the hashes of a ledger anew cannot change it
 * there. */
static void log_settled(const struct settled *settled)
{
    const struct snapshot *snapshot = &settled->snapshot;
    log_line(LOG_INFO, &(struct log_about){.auction_id = &snapshot->auction_id, .duration_ms = -1},
             "auction settled: %s; ledger entry %" PRId64 " has hash %s", rules_status_text(snapshot->status),
             settled->hash_seq, settled->hash[0] == '\0' ? "none" : settled->hash);
}

static void slice_done(struct settlement *settlement)
{
    if (settlement->body != NULL) {
        struct outbox_row row = row_of(settlement);
        outbox_sent(settlement->outbox, &row, 1);
    }
    for (size_t i = 0; i < settlement->settled_count; i++) {
        const struct snapshot *snapshot = &settlement->settled[i].snapshot;
        log_settled(&settlement->settled[i]);
        endworker_metrics_settled(snapshot->status);
        /* If Redis is down, its old snapshot may remain. It is "active" with an end in the past, which is harmless. */
        if (!snapshot_write(settlement->snapshot_writer, snapshot, NULL, NULL)) {
            log_debug("no snapshot written: Redis is down");
        }
        const struct live_update update = {
            .kind = snapshot->status == RULES_SOLD ? LIVE_SOLD : LIVE_UNSOLD,
            .auction_id = snapshot->auction_id,
            .version = snapshot->version,
            .at_ms = settlement->now_ms,
            .status = snapshot->status,
        };
        live_publish(settlement->redis, settlement->writer, &update);
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

/* STATEMENT_SETTLE returns only these two. */
static enum rules_status outcome_of(const char *text)
{
    enum rules_status status = RULES_UNSOLD;
    return rules_status_parse(text, &status) && status == RULES_SOLD ? RULES_SOLD : RULES_UNSOLD;
}

/* Keeps snapshots and hashes of the rows that STATEMENT_SETTLE returned, and builds their event message. */
static bool slice_read(struct settlement *settlement, const PGresult *result)
{
    size_t count = (size_t)PQntuples(result);
    struct auction_event *events = calloc(count, sizeof(*events));
    settlement->settled = calloc(count, sizeof(*settlement->settled));
    if (events == NULL || settlement->settled == NULL) {
        free(events);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int row = (int)i;
        settlement->now_ms = pg_int(result, row, 11);
        struct settled *settled = &settlement->settled[i];
        struct snapshot *snapshot = &settled->snapshot;
        settled->hash_seq = pg_int(result, row, 12);
        (void)snprintf(settled->hash, sizeof(settled->hash), "%s", pg_text(result, row, 13));
        *snapshot = (struct snapshot){.auction_id = pg_uuid(result, row, 0),
                                      .seller_id = pg_uuid(result, row, 1),
                                      .version = pg_int(result, row, 2),
                                      .terms_version = pg_int(result, row, 3),
                                      .status = outcome_of(pg_text(result, row, 4)),
                                      .start_ms = pg_int(result, row, 5),
                                      .end_ms = pg_int(result, row, 6),
                                      .minimum_bid = pg_money(result, row, 7),
                                      .current_bid = pg_money(result, row, 8),
                                      .leader_id = pg_uuid(result, row, 10)};
        events[i] = (struct auction_event){.kind = EVENT_SETTLED,
                                           .auction_id = snapshot->auction_id,
                                           .user_id = pg_uuid(result, row, 9),
                                           .amount = snapshot->current_bid,
                                           .version = snapshot->version,
                                           .at_ms = settlement->now_ms};
    }
    settlement->settled_count = count;
    jsonw_reset(settlement->writer);
    message_write_events(settlement->writer, events, count);
    free(events);
    size_t length = 0;
    const char *text = jsonw_text(settlement->writer, &length);
    settlement->body = text == NULL ? NULL : strdup(text);
    return settlement->body != NULL;
}

/* A failure fails STATEMENT_SETTLE too. */
static void on_lock_wait(const struct pg_reply *reply, void *arg)
{
    (void)reply;
    (void)arg;
}

static void on_settled(const struct pg_reply *reply, void *arg)
{
    struct settlement *settlement = arg;
    if (reply->outcome != PG_OK) {
        pg_tx_abort(settlement->tx);
        slice_failed(settlement, reply);
        return;
    }
    bool ok = true;
    if (PQntuples(reply->result) > 0) {
        ok = slice_read(settlement, reply->result);
        if (ok) {
            struct outbox_row row = row_of(settlement);
            ok = outbox_insert(settlement->outbox, settlement->tx, &row, on_inserted, settlement);
        }
    }
    if (!ok || !pg_tx_commit(settlement->tx, on_commit, settlement)) {
        pg_tx_abort(settlement->tx);
        slice_retry(settlement, "no memory, or the connection was lost");
    }
}

static void slice_start(struct settlement *settlement)
{
    const struct bisect *slice = &settlement->slice;
    pg_array_reset(&settlement->ids);
    for (size_t i = slice->first; i < slice->first + slice->span; i++) {
        pg_array_uuid(&settlement->ids, &settlement->items[i].auction_id);
    }
    const char *const values[] = {pg_array_done(&settlement->ids)};
    settlement->tx = values[0] == NULL ? NULL : pg_tx_begin(settlement->pg);
    if (settlement->tx == NULL) {
        slice_retry(settlement, "PostgreSQL is down");
        return;
    }
    size_t statement = settlement->skip_locked ? STATEMENT_SETTLE_FREE : STATEMENT_SETTLE;
    if (!pg_tx_send(settlement->tx, STATEMENT_LOCK_WAIT, 0, NULL, on_lock_wait, NULL) ||
        !pg_tx_send(settlement->tx, statement, ARRAY_LEN(values), values, on_settled, settlement) ||
        !pg_tx_flush(settlement->tx)) {
        pg_tx_abort(settlement->tx);
        slice_retry(settlement, "PostgreSQL accepts no statement");
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    slice_start(arg);
}

struct settlement *settlement_new(const struct settlement_options *options)
{
    struct settlement *settlement = calloc(1, sizeof(*settlement));
    if (settlement == NULL) {
        return NULL;
    }
    settlement->pg = options->pg;
    settlement->outbox = options->outbox;
    settlement->redis = options->redis;
    settlement->snapshot_writer = options->snapshots;
    settlement->writer = jsonw_new();
    settlement->retry_timer = evtimer_new(options->base, on_retry, settlement);
    if (settlement->writer == NULL || settlement->retry_timer == NULL) {
        settlement_free(settlement);
        return NULL;
    }
    return settlement;
}

void settlement_free(struct settlement *settlement)
{
    if (settlement == NULL) {
        return;
    }
    if (settlement->retry_timer != NULL) {
        event_free(settlement->retry_timer);
    }
    slice_clear(settlement);
    jsonw_free(settlement->writer);
    pg_array_free(&settlement->ids);
    free(settlement);
}

void settlement_settle(struct settlement *settlement, struct settlement_item *items, size_t count, settlement_done done,
                       void *arg)
{
    assert(settlement->items == NULL);
    settlement->items = items;
    settlement->done = done;
    settlement->arg = arg;
    settlement->skip_locked = false;
    bisect_begin(&settlement->slice, count);
    slice_start(settlement);
}

void settlement_drain(struct settlement *settlement)
{
    settlement->draining = true;
    (void)evtimer_del(settlement->retry_timer);
}

bool settlement_busy(const struct settlement *settlement)
{
    return settlement->tx != NULL;
}
