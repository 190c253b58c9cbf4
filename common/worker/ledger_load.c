/*
 * See ledger_load.h.
 */
#include "common/worker/ledger_load.h"

#include <stdlib.h>

enum { MISSED_KEY, MISSED_EXISTS, MISSED_SEQ, MISSED_HASH };

static void on_missed(const struct pg_reply *reply, void *arg)
{
    struct ledger_load *load = arg;
    if (!ledger_tx_check(load->ledger_tx, reply)) {
        return;
    }
    for (int row = 0; row < PQntuples(reply->result); row++) {
        struct uuid key = pg_uuid(reply->result, row, MISSED_KEY);
        load->kind->missed(load->batch, &key, pg_bool(reply->result, row, MISSED_EXISTS),
                           pg_int(reply->result, row, MISSED_SEQ), pg_text(reply->result, row, MISSED_HASH));
    }
    ledger_tx_loaded(load->ledger_tx);
}

/* Only keys whose row was not locked are still to be looked at. */
static void on_banned(const struct pg_reply *reply, void *arg)
{
    struct ledger_load *load = arg;
    if (!ledger_tx_check(load->ledger_tx, reply)) {
        return;
    }
    for (int row = 0; row < PQntuples(reply->result); row++) {
        struct uuid id = pg_uuid(reply->result, row, 0);
        for (size_t i = 0; i < load->work->count; i++) {
            struct work_entry *entry = &load->work->entries[i];
            entry->banned = entry->banned || uuid_equal(entry->command.user_id, &id);
        }
    }
    row_arrays_start(&load->arrays, 0, 1);
    if (load->kind->add_missed(load->batch, &load->arrays.columns[0]) == 0) {
        ledger_tx_loaded(load->ledger_tx);
        return;
    }
    struct pg_tx *tx = ledger_tx_open(load->ledger_tx);
    if (!row_arrays_ask(&load->arrays, tx, load->kind->missed_statement, 0, 1, NULL, on_missed, load) ||
        !pg_tx_flush(tx)) {
        ledger_tx_retry(load->ledger_tx);
    }
}

bool ledger_load_banned(struct ledger_load *load, struct pg_tx *tx, size_t column)
{
    return row_arrays_ask(&load->arrays, tx, load->kind->first_statement + LEDGER_TX_BANNED, column, 1, NULL, on_banned,
                          load);
}

struct ledger_load *ledger_load_new(const struct ledger_load_kind *kind, size_t commands)
{
    struct ledger_load *load = calloc(1, sizeof *load);
    if (load == NULL) {
        return NULL;
    }
    load->kind = kind;
    load->batch = kind->open_batch(commands, &load->work);
    if (load->batch == NULL) {
        ledger_load_free(load);
        return NULL;
    }
    return load;
}

void ledger_load_free(struct ledger_load *load)
{
    if (load == NULL) {
        return;
    }
    load->kind->close_batch(load->batch);
    row_arrays_free(&load->arrays);
    free(load);
}
