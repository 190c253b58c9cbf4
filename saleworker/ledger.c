/*
 * See ledger.h.
 *
 *   load     lock, known ids, terms of updates, users, orders, the first waiting places, what is due, bans; flush
 *   missed   only for sales that were not locked (ledger_load.c)
 *   decide   in memory (decide.c); then hashes (chain.c) and events (events.c)
 *   write    (write.c)
 *
 * Decisions have the database's time, read when the rows were locked.
 */
#include "saleworker/ledger.h"

#include <assert.h>
#include <stdio.h>

#include "saleworker/chain.h"
#include "saleworker/decide.h"
#include "saleworker/events.h"
#include "saleworker/rows.h"
#include "saleworker/statements.h"
#include "saleworker/write.h"

/* --- what is loaded --- */

/* The sale of a row, if it was locked; else NULL. */
static struct sale_batch_sale *sale_of_row(const struct ledger_load *ledger, const PGresult *result, int row)
{
    struct uuid id = pg_uuid(result, row, 0);
    struct sale_batch_sale *sale = sale_batch_find(ledger->batch, &id);
    return sale != NULL && sale->found && !sale->broken ? sale : NULL;
}

static void on_locked(const struct pg_reply *reply, void *arg)
{
    struct ledger_load *ledger = arg;
    struct sale_batch *batch = ledger->batch;
    if (!ledger_tx_check(ledger->ledger_tx, reply)) {
        return;
    }
    for (int row = 0; row < PQntuples(reply->result); row++) {
        struct sale_snapshot snapshot;
        batch->now_ms = pg_int(reply->result, row, LOCK_NOW_MS);
        if (pg_null(reply->result, row, SALE_SNAPSHOT_COLUMN_ID)) {
            return; /* the batch names no sale that exists */
        }
        struct uuid id = pg_uuid(reply->result, row, SALE_SNAPSHOT_COLUMN_ID);
        struct sale_batch_sale *sale = sale_batch_find(batch, &id);
        assert(sale != NULL);
        sale->found = true;
        if (!sale_snapshot_read_row(reply->result, row, &snapshot) || !sale_terms_valid(&snapshot.sale.terms) ||
            sale_free(&snapshot.sale) < 0) {
            decide_set_aside(sale, "its row is invalid");
            continue;
        }
        sale->version = snapshot.version;
        sale->head_seq = snapshot.head_seq;
        sale->seq_before = snapshot.sale.ledger_seq;
        (void)snprintf(sale->hash, sizeof sale->hash, "%s", pg_text(reply->result, row, LOCK_HASH));
        sale_set_begin(sale->set, &snapshot.sale, batch->now_ms, false);
    }
}

static void on_known(const struct pg_reply *reply, void *arg)
{
    struct ledger_load *ledger = arg;
    struct sale_batch *batch = ledger->batch;
    if (!ledger_tx_check(ledger->ledger_tx, reply)) {
        return;
    }
    for (int row = 0; row < PQntuples(reply->result); row++) {
        static const struct sale unknown;
        size_t number = (size_t)pg_int(reply->result, row, KNOWN_NUMBER);
        assert(number >= 1 && number <= batch->work.ordered);
        struct sale_batch_entry *entry = &batch->entries[batch->work.order[number - 1]];
        const struct sale_batch_sale *sale = sale_batch_find(batch, &entry->command->sale_id);
        assert(sale != NULL);
        entry->work->outcome = WORK_KNOWN;
        rows_known(reply->result, row, entry->command, sale->found && !sale->broken ? &sale->set->sale : &unknown,
                   &entry->decision);
        entry->decision.version = sale->version;
    }
}

static void on_terms(const struct pg_reply *reply, void *arg)
{
    struct ledger_load *ledger = arg;
    struct sale_batch *batch = ledger->batch;
    if (!ledger_tx_check(ledger->ledger_tx, reply)) {
        return;
    }
    for (int row = 0; row < PQntuples(reply->result); row++) {
        size_t number = (size_t)pg_int(reply->result, row, TERMS_NUMBER);
        assert(number >= 1 && number <= batch->work.ordered);
        struct sale_batch_entry *entry = &batch->entries[batch->work.order[number - 1]];
        entry->has_terms = rows_terms(reply->result, row, &entry->terms);
    }
}

static bool add_entry(struct sale_batch_sale *sale, const PGresult *result, int row, int first)
{
    struct sale_entry entry;
    struct sale_batch_place place;
    return !rows_entry(result, row, first, &entry, &place) ||
           (sale_set_add_entry(sale->set, &entry) && sale_batch_add_place(sale, &place));
}

/* Has each row of a locked sale read. Without memory the batch is tried again. */
static void read_rows(struct ledger_load *ledger, const struct pg_reply *reply,
                      bool (*read)(struct sale_batch_sale *sale, const PGresult *result, int row))
{
    if (!ledger_tx_check(ledger->ledger_tx, reply)) {
        return;
    }
    for (int row = 0; row < PQntuples(reply->result); row++) {
        struct sale_batch_sale *sale = sale_of_row(ledger, reply->result, row);
        if (sale != NULL && !read(sale, reply->result, row)) {
            ledger_tx_retry(ledger->ledger_tx);
            return;
        }
    }
}

static bool add_user(struct sale_batch_sale *sale, const PGresult *result, int row)
{
    struct uuid id = pg_uuid(result, row, USERS_ID);
    return sale_set_add_user(sale->set, &id, pg_int(result, row, USERS_HELD)) &&
           add_entry(sale, result, row, USERS_ENTRY);
}

static bool add_order(struct sale_batch_sale *sale, const PGresult *result, int row)
{
    struct sale_order order;
    struct uuid asked = pg_uuid(result, row, ORDERS_ASKED);
    return rows_order(result, row, ORDERS_ORDER, &order) ? sale_set_add_order(sale->set, &order)
                                                         : sale_set_add_no_order(sale->set, &asked);
}

static bool add_head(struct sale_batch_sale *sale, const PGresult *result, int row)
{
    sale->heads_loaded++;
    sale->heads_last = pg_int(result, row, LINE_ENTRY + ENTRY_SEQ);
    return add_entry(sale, result, row, LINE_ENTRY);
}

static bool add_turn(struct sale_batch_sale *sale, const PGresult *result, int row)
{
    sale->turns_loaded++;
    sale->turns_last = pg_int(result, row, LINE_ENTRY + ENTRY_SEQ);
    return add_entry(sale, result, row, LINE_ENTRY);
}

static bool add_reserved(struct sale_batch_sale *sale, const PGresult *result, int row)
{
    sale->orders_loaded++;
    sale->orders_last = pg_int(result, row, ORDERS_ORDER + ORDER_SEQ);
    return add_order(sale, result, row);
}

static void on_users(const struct pg_reply *reply, void *arg)
{
    read_rows(arg, reply, add_user);
}

static void on_orders(const struct pg_reply *reply, void *arg)
{
    read_rows(arg, reply, add_order);
}

static void on_heads(const struct pg_reply *reply, void *arg)
{
    read_rows(arg, reply, add_head);
}

static void on_turns(const struct pg_reply *reply, void *arg)
{
    read_rows(arg, reply, add_turn);
}

static void on_reserved(const struct pg_reply *reply, void *arg)
{
    read_rows(arg, reply, add_reserved);
}

static void missed(void *of, const struct uuid *key, bool exists, int64_t seq, const char *hash)
{
    const struct sale_batch *batch = of;
    const struct sale unknown = {.ledger_seq = seq};
    struct sale_batch_sale *sale = sale_batch_find(batch, key);
    assert(sale != NULL);
    sale->locked = exists;
    sale->seq_before = seq;
    (void)snprintf(sale->hash, sizeof sale->hash, "%s", hash);
    sale_set_begin(sale->set, &unknown, batch->now_ms, true);
}

static size_t add_missed(const void *of, struct pg_column *keys)
{
    const struct sale_batch *batch = of;
    size_t missed = 0;
    for (size_t i = 0; i < batch->sale_count; i++) {
        if (!batch->sales[i].found) {
            pg_column_uuid(keys, &batch->sales[i].id);
            missed++;
        }
    }
    return missed;
}

/* --- what is asked for --- */

static bool ask(struct ledger_load *ledger, struct pg_tx *tx, size_t statement, size_t first, size_t count,
                pg_callback callback)
{
    return row_arrays_ask(&ledger->arrays, tx, statement, first, count, NULL, callback, ledger);
}

static bool ask_commands(struct ledger_load *ledger, struct pg_tx *tx)
{
    const struct sale_batch *batch = ledger->batch;
    bool updates = false;
    row_arrays_start(&ledger->arrays, 0, 3);
    for (size_t i = 0; i < batch->sale_count; i++) {
        pg_column_uuid(&ledger->arrays.columns[0], &batch->sales[i].id);
    }
    for (size_t i = 0; i < batch->work.ordered; i++) {
        const struct sale_message_command *command = batch->entries[batch->work.order[i]].command;
        pg_column_uuid(&ledger->arrays.columns[1], &command->sale_id);
        pg_column_uuid(&ledger->arrays.columns[2], &command->command.id);
        updates = updates || command->command.kind == SALE_COMMAND_UPDATE;
    }
    return ask(ledger, tx, STATEMENT_LOCK, 0, 1, on_locked) && ask(ledger, tx, STATEMENT_KNOWN, 1, 2, on_known) &&
           (!updates || ask(ledger, tx, STATEMENT_TERMS, 1, 2, on_terms));
}

static bool ask_users(struct ledger_load *ledger, struct pg_tx *tx)
{
    const struct sale_batch *batch = ledger->batch;
    size_t users = 0;
    size_t orders = 0;
    row_arrays_start(&ledger->arrays, 0, 5);
    for (size_t i = 0; i < batch->work.ordered; i++) {
        const struct sale_message_command *message = batch->entries[batch->work.order[i]].command;
        const struct sale_command *command = &message->command;
        enum sale_needs_of needs = sale_needs_of(command);
        if (needs == SALE_NEEDS_USER && !uuid_is_nil(&command->user_id)) {
            pg_column_uuid(&ledger->arrays.columns[0], &message->sale_id);
            pg_column_uuid(&ledger->arrays.columns[1], &command->user_id);
            users++;
        }
        if (needs == SALE_NEEDS_ORDER && !uuid_is_nil(&command->order_id)) {
            pg_column_uuid(&ledger->arrays.columns[2], &command->order_id);
            pg_column_uuid(&ledger->arrays.columns[3], &message->sale_id);
            pg_column_uuid(&ledger->arrays.columns[4], &command->order_id);
            orders++;
        }
    }
    return (users + orders == 0 || ask(ledger, tx, STATEMENT_USERS, 0, 3, on_users)) &&
           (orders == 0 || ask(ledger, tx, STATEMENT_ORDERS, 3, 2, on_orders));
}

static bool ask_lines(struct ledger_load *ledger, struct pg_tx *tx)
{
    struct sale_batch *batch = ledger->batch;
    bool due = false;
    row_arrays_start(&ledger->arrays, 0, 7);
    for (size_t i = 0; i < batch->sale_count; i++) {
        struct sale_batch_sale *sale = &batch->sales[i];
        struct decide_needs needs = decide_needs_of(batch, sale);
        pg_column_uuid(&ledger->arrays.columns[0], &sale->id);
        pg_column_int(&ledger->arrays.columns[1], SALE_GRANTS_MAX);
        pg_column_int(&ledger->arrays.columns[2], (int64_t)needs.others);
        pg_column_time(&ledger->arrays.columns[3], needs.latest_ms);
        if (needs.due > 0) {
            sale->due_asked = needs.due;
            pg_column_uuid(&ledger->arrays.columns[4], &sale->id);
            pg_column_int(&ledger->arrays.columns[5], (int64_t)needs.due);
            pg_column_time(&ledger->arrays.columns[6], needs.due_ms);
            due = true;
        }
    }
    return batch->sale_count == 0 || (ask(ledger, tx, STATEMENT_HEADS, 0, 4, on_heads) &&
                                      (!due || (ask(ledger, tx, STATEMENT_TURNS, 4, 3, on_turns) &&
                                                ask(ledger, tx, STATEMENT_RESERVED, 4, 3, on_reserved))));
}

static bool ask_banned(struct ledger_load *ledger, struct pg_tx *tx)
{
    const struct sale_batch *batch = ledger->batch;
    row_arrays_start(&ledger->arrays, 0, 1);
    for (size_t i = 0; i < batch->work.ordered; i++) {
        const struct sale_command *command = &batch->entries[batch->work.order[i]].command->command;
        if (command->kind == SALE_COMMAND_JOIN || command->kind == SALE_COMMAND_ORDER) {
            pg_column_uuid(&ledger->arrays.columns[0], &command->user_id);
        }
    }
    return ledger_load_banned(ledger, tx, 0);
}

static bool load(struct ledger_tx *ledger_tx, struct pg_tx *tx, void *arg)
{
    struct ledger_load *ledger = arg;
    ledger->ledger_tx = ledger_tx;
    sale_batch_prepare(ledger->batch);
    return ask_commands(ledger, tx) && ask_users(ledger, tx) && ask_lines(ledger, tx) && ask_banned(ledger, tx) &&
           pg_tx_flush(tx);
}

/* --- the rest of the transaction --- */

static bool decide(struct outbox_batch *events, void *arg)
{
    const struct ledger_load *ledger = arg;
    return decide_batch(ledger->batch) && chain_batch(ledger->batch) && events_add(events, ledger->batch);
}

static bool write_rows(struct pg_tx *tx, void *arg)
{
    struct ledger_load *ledger = arg;
    return write_batch(tx, &ledger->arrays, ledger->batch);
}

static bool unfinished(void *arg)
{
    const struct ledger_load *ledger = arg;
    return decide_unfinished(ledger->batch);
}

const struct ledger_program ledger_program = {
    .load = load,
    .decide = decide,
    .unfinished = unfinished,
    .write = write_rows,
};

static void *open_batch(size_t commands, struct work **work)
{
    struct sale_batch *batch = sale_batch_new(commands);
    *work = batch == NULL ? NULL : &batch->work;
    return batch;
}

static void close_batch(void *of)
{
    sale_batch_free(of);
}

const struct ledger_load_kind ledger_load_kind = {
    .first_statement = STATEMENT_WORKER,
    .missed_statement = STATEMENT_MISSED,
    .open_batch = open_batch,
    .close_batch = close_batch,
    .add_missed = add_missed,
    .missed = missed,
};
