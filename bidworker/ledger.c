/*
 * See ledger.h.
 *
 *   load     lock, known ids, terms of updates, bids of auctions with voids, bans; flush
 *   missed   only for auctions that were not locked (ledger_load.c)
 *   decide   in memory; then the hashes of the rows (ledger_chain.c)
 *   write    (ledger_write.c) rows, states
 *
 * Decisions have the database's time, read when the rows were locked. So a wrong clock of this machine has no effect.
 */
#include "bidworker/ledger.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "bidworker/batch_events.h"
#include "bidworker/decide.h"
#include "bidworker/ledger_chain.h"
#include "bidworker/ledger_write.h"
#include "bidworker/statements.h"
#include "common/base/log.h"

enum { NUMBER_SIZE = 24 };

/* Makes room for the entries that this batch will add. */
static bool reserve_entries(const struct batch *batch)
{
    for (size_t i = 0; i < batch->auction_count; i++) {
        struct batch_auction *auction = &batch->auctions[i];
        if (auction->voiding && !voids_reserve(&auction->voids, auction->count)) {
            return false;
        }
    }
    return true;
}

static bool decide(struct outbox_batch *events, void *arg)
{
    const struct ledger_load *ledger = arg;
    struct batch *batch = ledger->batch;
    if (!reserve_entries(batch)) {
        return false;
    }
    decide_batch(batch, batch->decided_ms);
    ledger_chain(batch);
    return batch_events_add(events, batch);
}

static bool write_rows(struct pg_tx *tx, void *arg)
{
    struct ledger_load *ledger = arg;
    return ledger_write(tx, &ledger->arrays, ledger->batch);
}

/* A void may settle an auction again. As in the end worker, the log keeps the hash outside the database. */
static void written(void *arg)
{
    const struct ledger_load *ledger = arg;
    const struct batch *batch = ledger->batch;
    for (size_t i = 0; i < batch->event_count; i++) {
        if (batch->events[i].kind != EVENT_SETTLED) {
            continue;
        }
        const struct batch_auction *auction = batch_find_auction(batch, &batch->events[i].auction_id);
        assert(auction != NULL);
        log_line(LOG_INFO, &(struct log_about){.auction_id = &auction->id, .duration_ms = -1},
                 "auction settled again: %s; ledger entry %" PRId64 " has hash %s",
                 rules_status_text(auction->state.status), auction->hash_seq, auction->hash);
    }
}

static void missed(void *of, const struct uuid *key, bool exists, int64_t seq, const char *hash)
{
    struct batch_auction *auction = batch_find_auction(of, key);
    assert(auction != NULL);
    auction->locked = exists;
    auction->seq = seq;
    (void)snprintf(auction->hash, sizeof auction->hash, "%s", hash);
}

static size_t add_missed(const void *of, struct pg_column *keys)
{
    const struct batch *batch = of;
    size_t missed = 0;
    for (size_t i = 0; i < batch->auction_count; i++) {
        if (!batch->auctions[i].found) {
            pg_column_uuid(keys, &batch->auctions[i].id);
            missed++;
        }
    }
    return missed;
}

/* The existing decision of a redelivered command, from one row of STATEMENT_KNOWN. */
static struct decision decision_of_known(const struct command *command, const PGresult *result, int row)
{
    struct decision decision = {
        .bid_id = command->id,
        .auction_id = command->auction_id,
        .user_id = command->user_id,
        .kind = command->kind,
        .amount = pg_money(result, row, KNOWN_AMOUNT),
        .max_amount = pg_money(result, row, KNOWN_MAX_AMOUNT),
        .received_ms = pg_int(result, row, KNOWN_RECEIVED_MS),
        .decided_ms = pg_int(result, row, KNOWN_DECIDED_MS),
    };
    message_decision_outcome(&decision, pg_text(result, row, KNOWN_STATUS), pg_text(result, row, KNOWN_REASON));
    return decision;
}

static void read_known(struct batch *batch, const PGresult *result, int row)
{
    size_t number = (size_t)pg_int(result, row, KNOWN_NUMBER);
    assert(number >= 1 && number <= batch->work.ordered);
    struct batch_entry *entry = &batch->entries[batch->work.order[number - 1]];
    entry->work->outcome = WORK_KNOWN;
    entry->decision = decision_of_known(entry->command, result, row);
}

static void on_known(const struct pg_reply *reply, void *arg)
{
    struct ledger_load *ledger = arg;
    if (!ledger_tx_check(ledger->ledger_tx, reply)) {
        return;
    }
    for (int row = 0; row < PQntuples(reply->result); row++) {
        read_known(ledger->batch, reply->result, row);
    }
}

static void on_terms(const struct pg_reply *reply, void *arg)
{
    struct ledger_load *ledger = arg;
    struct batch *batch = ledger->batch;
    if (!ledger_tx_check(ledger->ledger_tx, reply)) {
        return;
    }
    for (int row = 0; row < PQntuples(reply->result); row++) {
        size_t number = (size_t)pg_int(reply->result, row, TERMS_NUMBER);
        struct rules_terms *terms = batch_add_terms(batch);
        assert(number >= 1 && number <= batch->work.ordered);
        if (ledger_read_terms(terms, reply->result, row)) {
            batch->entries[batch->work.order[number - 1]].terms = terms;
        }
    }
}

static void on_entries(const struct pg_reply *reply, void *arg)
{
    struct ledger_load *ledger = arg;
    if (!ledger_tx_check(ledger->ledger_tx, reply)) {
        return;
    }
    for (int row = 0; row < PQntuples(reply->result); row++) {
        struct uuid id = pg_uuid(reply->result, row, ENTRIES_AUCTION);
        struct batch_auction *auction = batch_find_auction(ledger->batch, &id);
        assert(auction != NULL);
        if (!ledger_read_entry(auction, reply->result, row)) {
            ledger_tx_retry(ledger->ledger_tx);
            return;
        }
    }
}

/* Requests the bids of auctions with voids. False: no memory, or the connection is lost. */
static bool request_entries(struct ledger_load *ledger, struct pg_tx *tx)
{
    const struct batch *batch = ledger->batch;
    struct pg_column *ids = &ledger->arrays.columns[4];
    char most[NUMBER_SIZE];
    const char *const more[] = {most, NULL};
    size_t count = 0;
    pg_column_reset(ids);
    for (size_t i = 0; i < batch->auction_count; i++) {
        const struct batch_auction *auction = &batch->auctions[i];
        if (auction->voiding) {
            pg_column_uuid(ids, &auction->id);
            count++;
        }
    }
    if (count == 0) {
        return true;
    }
    (void)snprintf(most, sizeof most, "%d", VOIDS_LEDGER_MAX);
    return row_arrays_ask(&ledger->arrays, tx, STATEMENT_ENTRIES, 4, 1, more, on_entries, ledger);
}

static bool has_update(const struct batch *batch)
{
    for (size_t i = 0; i < batch->work.count; i++) {
        if (batch->entries[i].command->kind == COMMAND_UPDATE) {
            return true;
        }
    }
    return false;
}

static void on_locked(const struct pg_reply *reply, void *arg)
{
    struct ledger_load *ledger = arg;
    struct batch *batch = ledger->batch;
    if (!ledger_tx_check(ledger->ledger_tx, reply)) {
        return;
    }
    for (int row = 0; row < PQntuples(reply->result); row++) {
        batch->decided_ms = pg_int(reply->result, row, LOCK_NOW_MS);
        if (pg_null(reply->result, row, LOCK_ID)) {
            return; /* the batch names no auction that exists */
        }
        struct uuid id = pg_uuid(reply->result, row, LOCK_ID);
        struct batch_auction *auction = batch_find_auction(ledger->batch, &id);
        assert(auction != NULL);
        ledger_read_auction(auction, reply->result, row);
    }
}

static bool load(struct ledger_tx *ledger_tx, struct pg_tx *tx, void *arg)
{
    struct ledger_load *ledger = arg;
    struct batch *batch = ledger->batch;
    struct pg_column *columns = ledger->arrays.columns;
    ledger->ledger_tx = ledger_tx;
    batch_prepare(batch);
    row_arrays_start(&ledger->arrays, 0, 4);
    for (size_t i = 0; i < batch->auction_count; i++) {
        pg_column_uuid(&columns[0], &batch->auctions[i].id);
    }
    for (size_t i = 0; i < batch->work.ordered; i++) {
        const struct command *command = batch->entries[batch->work.order[i]].command;
        pg_column_uuid(&columns[1], &command->auction_id);
        pg_column_uuid(&columns[2], &command->id);
        pg_column_uuid(&columns[3], &command->user_id);
    }
    struct row_arrays *arrays = &ledger->arrays;
    return row_arrays_ask(arrays, tx, STATEMENT_LOCK, 0, 1, NULL, on_locked, ledger) &&
           row_arrays_ask(arrays, tx, STATEMENT_KNOWN, 1, 2, NULL, on_known, ledger) &&
           (!has_update(batch) || row_arrays_ask(arrays, tx, STATEMENT_TERMS, 1, 2, NULL, on_terms, ledger)) &&
           request_entries(ledger, tx) && ledger_load_banned(ledger, tx, 3) && pg_tx_flush(tx);
}

const struct ledger_program ledger_program = {.load = load, .decide = decide, .write = write_rows, .written = written};

static void *open_batch(size_t commands, struct work **work)
{
    struct batch *batch = batch_new(commands);
    *work = batch == NULL ? NULL : &batch->work;
    return batch;
}

static void close_batch(void *of)
{
    batch_free(of);
}

const struct ledger_load_kind ledger_load_kind = {
    .first_statement = STATEMENT_WORKER,
    .missed_statement = STATEMENT_MISSED,
    .open_batch = open_batch,
    .close_batch = close_batch,
    .add_missed = add_missed,
    .missed = missed,
};
