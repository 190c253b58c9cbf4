/*
 * See ledger_write.h. Called only by ledger.
 */
#include "bidworker/ledger_write.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bidworker/statements.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/ledger_hash.h"

enum {
    MS_PER_S = 1000,
    INTEGER_TEXT_SIZE = 24,
    /*
     * Up to this many auctions of a batch, their prices in the search index are updated at once. Each update adds an
     * index entry, which is too expensive for prices that change with every batch. With more auctions the updates are
     * queued, and the end worker applies them.
     */
    PRICES_AT_ONCE_MAX = 4,
};

static bool read_increments(const char *text, struct increments *out)
{
    const char *reason = NULL;
    struct json *value = json_parse(text, strlen(text), &reason);
    bool ok = value != NULL && increments_parse(value, out, &reason);
    json_free(value);
    return ok;
}

/* The invariants that the rules assume (rules.h). */
static bool is_consistent(const struct rules_auction *state)
{
    if (!state->has_leader) {
        return state->price == 0;
    }
    return state->price > 0 && state->price <= state->leader_max && state->runner_up_max <= state->price;
}

void ledger_read_auction(struct batch_auction *auction, const PGresult *result, int row)
{
    struct rules_auction *state = &auction->state;
    *state = (struct rules_auction){
        .seller_id = pg_uuid(result, row, LOCK_SELLER),
        .starting_price = pg_money(result, row, LOCK_STARTING_PRICE),
        .reserve_price = pg_money(result, row, LOCK_RESERVE_PRICE),
        .buy_now_price = pg_money(result, row, LOCK_BUY_NOW_PRICE),
        .snipe_window_ms = pg_int(result, row, LOCK_SNIPE_WINDOW_S) * MS_PER_S,
        .snipe_extension_ms = pg_int(result, row, LOCK_SNIPE_EXTENSION_S) * MS_PER_S,
        .snipe_max = pg_null(result, row, LOCK_SNIPE_MAX) ? -1 : pg_int(result, row, LOCK_SNIPE_MAX),
        .start_ms = pg_int(result, row, LOCK_START_MS),
        .terms_version = pg_int(result, row, LOCK_TERMS_VERSION),
        .end_ms = pg_int(result, row, LOCK_END_MS),
        .extensions_used = pg_int(result, row, LOCK_EXTENSIONS_USED),
        .price = pg_money(result, row, LOCK_CURRENT_BID),
        .bid_count = pg_int(result, row, LOCK_BID_COUNT),
        .has_leader = !pg_null(result, row, LOCK_LEADER),
        .leader_id = pg_uuid(result, row, LOCK_LEADER),
        .leader_bid_id = pg_uuid(result, row, LOCK_LEADER_BID),
        .leader_by_proxy = pg_bool(result, row, LOCK_LEADER_BY_PROXY),
        .leader_max = pg_money(result, row, LOCK_LEADER_MAX),
        .runner_up_max = pg_money(result, row, LOCK_RUNNER_UP_MAX),
    };
    auction->found = true;
    auction->seq = pg_int(result, row, LOCK_LEDGER_SEQ);
    auction->version = pg_int(result, row, LOCK_VERSION);
    auction->hash_seq = pg_int(result, row, LOCK_HASH_SEQ);
    (void)snprintf(auction->hash, sizeof auction->hash, "%s", pg_text(result, row, LOCK_HASH));
    auction->broken = !read_increments(pg_text(result, row, LOCK_INCREMENTS), &state->increments) ||
                      !rules_status_parse(pg_text(result, row, LOCK_STATUS), &state->status) || !is_consistent(state);
    if (auction->broken) {
        struct log_about about = LOG_ABOUT_NONE;
        about.auction_id = &auction->id;
        log_line(LOG_ERROR, &about,
                 "the auction's row is invalid: its bids are rejected and copied to the dead letters");
    }
}

bool ledger_read_terms(struct rules_terms *terms, const PGresult *result, int row)
{
    *terms = (struct rules_terms){
        .starting_price = pg_money(result, row, TERMS_STARTING_PRICE),
        .reserve_price = pg_money(result, row, TERMS_RESERVE_PRICE),
        .buy_now_price = pg_money(result, row, TERMS_BUY_NOW_PRICE),
        .snipe_window_ms = pg_int(result, row, TERMS_SNIPE_WINDOW_S) * MS_PER_S,
        .snipe_extension_ms = pg_int(result, row, TERMS_SNIPE_EXTENSION_S) * MS_PER_S,
        .snipe_max = pg_null(result, row, TERMS_SNIPE_MAX) ? -1 : pg_int(result, row, TERMS_SNIPE_MAX),
        .start_ms = pg_int(result, row, TERMS_START_MS),
        .end_ms = pg_int(result, row, TERMS_END_MS),
    };
    return read_increments(pg_text(result, row, TERMS_INCREMENTS), &terms->increments);
}

/* The entry of the answered bid is already in the list. Adds the effective values of its answer. */
static void read_answer(struct voids_list *list, const PGresult *result, int row)
{
    if (list->count == 0) {
        return; /* only in a ledger that was modified from outside */
    }
    struct voids_entry *entry = &list->entries[list->count - 1];
    entry->answered = true;
    if (pg_bool(result, row, ENTRIES_EFFECTIVE)) {
        entry->standing.answered = true;
        entry->standing.answer_bidder = pg_uuid(result, row, ENTRIES_EFFECTIVE_BIDDER);
        entry->standing.answer_amount = pg_money(result, row, ENTRIES_EFFECTIVE_AMOUNT);
    }
}

/* The amount or maximum of the command. */
static int64_t read_carried(const PGresult *result, int row, enum command_kind kind)
{
    switch (command_kind_carries(kind)) {
    case COMMAND_CARRIES_AMOUNT:
        return pg_money(result, row, ENTRIES_AMOUNT);
    case COMMAND_CARRIES_MAXIMUM:
        return pg_money(result, row, ENTRIES_MAX_AMOUNT);
    case COMMAND_CARRIES_NOTHING:
        break;
    }
    return 0;
}

bool ledger_read_entry(struct batch_auction *auction, const PGresult *result, int row)
{
    struct rules_command command = {
        .id = pg_uuid(result, row, ENTRIES_ID),
        .bidder_id = pg_uuid(result, row, ENTRIES_BIDDER),
        .received_ms = pg_int(result, row, ENTRIES_RECEIVED_MS),
    };
    bool effective = pg_bool(result, row, ENTRIES_EFFECTIVE);
    if (!command_kind_ledger_parse(pg_text(result, row, ENTRIES_KIND), &command.kind)) {
        read_answer(&auction->voids, result, row);
        return true;
    }
    command.amount = read_carried(result, row, command.kind);
    struct rules_decision now = {
        .verdict = pg_bool(result, row, ENTRIES_EFFECTIVE_OUTBID) ? RULES_OUTBID : RULES_ACCEPTED,
        .raise = pg_bool(result, row, ENTRIES_EFFECTIVE_RAISE),
        .amount = pg_money(result, row, ENTRIES_EFFECTIVE_AMOUNT),
    };
    if (!voids_reserve(&auction->voids, 1)) {
        return false;
    }
    struct voids_entry *entry = voids_add(&auction->voids, &command, &now, pg_int(result, row, ENTRIES_SEQ));
    if (entry != NULL && !effective) {
        entry->standing = (struct voids_standing){.effective = false};
    }
    return true;
}

static bool insert_bids(struct pg_tx *tx, struct row_arrays *arrays, const struct batch *batch)
{
    enum { COLUMNS = 14 };
    char decided_at[CLOCK_TEXT_SIZE];
    const char *const more[] = {decided_at, LEDGER_HASH_VERSION_TEXT, NULL};
    struct pg_column *columns = arrays->columns;
    if (batch->row_count == 0) {
        return true;
    }
    row_arrays_start(arrays, 0, COLUMNS);
    for (size_t i = 0; i < batch->row_count; i++) {
        const struct batch_row *row = &batch->rows[i];
        pg_column_uuid(&columns[0], &row->auction_id);
        pg_column_int(&columns[1], row->seq);
        pg_column_uuid(&columns[2], &row->bid_id);
        row_arrays_uuid(&columns[3], &row->bidder_id);
        pg_column_text(&columns[4], row->automatic ? LEDGER_AUTOMATIC : command_kind_ledger_text(row->kind));
        pg_column_text(&columns[5], bid_status_text(row->status));
        pg_column_text(&columns[6], row->reason == RULES_NONE ? NULL : rules_reason_text(row->reason));
        pg_column_bool(&columns[7], row->raise);
        row_arrays_money(&columns[8], row->amount);
        row_arrays_money(&columns[9], row->max_amount);
        pg_column_time(&columns[10], row->received_ms);
        row_arrays_time(&columns[11], row->end_ms);
        row_arrays_uuid(&columns[12], &row->voids);
        row_arrays_hash(&columns[13], row->hash);
    }
    clock_format(batch->decided_ms, decided_at);
    return row_arrays_send(arrays, tx, STATEMENT_INSERT_BIDS, COLUMNS, more);
}

static void add_state(struct pg_column *columns, const struct batch_auction *auction)
{
    const struct rules_auction *state = &auction->state;
    int64_t minimum = rules_minimum_bid(state);
    pg_column_uuid(&columns[0], &auction->id);
    pg_column_text(&columns[1], rules_status_text(state->status));
    pg_column_time(&columns[2], state->end_ms);
    pg_column_int(&columns[3], state->extensions_used);
    row_arrays_money(&columns[4], state->price);
    /* MONEY_MAX + 1 means that no bid is possible any more; the column's limit is MONEY_MAX. */
    pg_column_money(&columns[5], minimum > MONEY_MAX ? MONEY_MAX : minimum);
    pg_column_int(&columns[6], state->bid_count);
    row_arrays_uuid(&columns[7], &state->leader_id);
    row_arrays_money(&columns[8], state->leader_max);
    row_arrays_uuid(&columns[9], &state->leader_bid_id);
    pg_column_bool(&columns[10], state->leader_by_proxy);
    row_arrays_money(&columns[11], state->runner_up_max);
    pg_column_int(&columns[12], auction->seq);
    pg_column_int(&columns[13], auction->version);
    pg_column_int(&columns[14], auction->hash_seq);
    row_arrays_hash(&columns[15], auction->hash);
}

static bool update_auctions(struct pg_tx *tx, struct row_arrays *arrays, const struct batch *batch)
{
    enum { COLUMNS = 16 };
    char updated_at[CLOCK_TEXT_SIZE];
    const char *const more[] = {updated_at, NULL};
    size_t count = 0;
    row_arrays_start(arrays, 0, COLUMNS);
    for (size_t i = 0; i < batch->auction_count; i++) {
        const struct batch_auction *auction = &batch->auctions[i];
        if (auction->found && auction->touched && !auction->broken) {
            add_state(arrays->columns, auction);
            count++;
        }
    }
    if (count == 0) {
        return true;
    }
    clock_format(batch->decided_ms, updated_at);
    return row_arrays_send(arrays, tx, STATEMENT_UPDATE_AUCTIONS, COLUMNS, more) &&
           row_arrays_send(arrays, tx, count <= PRICES_AT_ONCE_MAX ? STATEMENT_FOLLOW_PRICES : STATEMENT_OWE_PRICES, 1,
                           NULL);
}

/* At most one update per auction and batch is accepted: the others find a changed version. */
static bool update_terms(struct pg_tx *tx, const struct batch *batch)
{
    for (size_t i = 0; i < batch->work.count; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        char auction_id[UUID_TEXT_SIZE];
        char id[UUID_TEXT_SIZE];
        char version[INTEGER_TEXT_SIZE];
        const char *const values[] = {auction_id, id, version};
        if (entry->command->kind != COMMAND_UPDATE || entry->work->outcome != WORK_DECIDED ||
            entry->decision.reason != RULES_NONE) {
            continue;
        }
        const struct batch_auction *auction = batch_find_auction(batch, &entry->command->auction_id);
        assert(auction != NULL && entry->terms != NULL);
        uuid_format(&entry->command->auction_id, auction_id);
        uuid_format(&entry->command->id, id);
        (void)snprintf(version, sizeof version, "%" PRId64, auction->state.terms_version);
        if (!pg_tx_send(tx, STATEMENT_KEEP_TERMS, 1, values, row_arrays_ignore, NULL) ||
            !pg_tx_send(tx, STATEMENT_UPDATE_TERMS, ARRAY_LEN(values), values, row_arrays_ignore, NULL)) {
            return false;
        }
    }
    return true;
}

static bool unsettle_reopened(struct pg_tx *tx, const struct batch *batch)
{
    for (size_t i = 0; i < batch->work.count; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        char id[UUID_TEXT_SIZE];
        const char *const values[] = {id};
        uuid_format(&entry->command->auction_id, id);
        if (entry->command->kind == COMMAND_REOPEN && entry->work->outcome == WORK_DECIDED &&
            entry->decision.reason == RULES_NONE &&
            !pg_tx_send(tx, STATEMENT_UNSETTLE, ARRAY_LEN(values), values, row_arrays_ignore, NULL)) {
            return false;
        }
    }
    return true;
}

/* For an invalid row, only the ledger's count and the version are written back. */
static bool update_broken(struct pg_tx *tx, const struct batch *batch)
{
    for (size_t i = 0; i < batch->auction_count; i++) {
        const struct batch_auction *auction = &batch->auctions[i];
        char id[UUID_TEXT_SIZE];
        char seq[INTEGER_TEXT_SIZE];
        char version[INTEGER_TEXT_SIZE];
        char hash_seq[INTEGER_TEXT_SIZE];
        char hash[HASH_CHAIN_TEXT_SIZE + 2]; /* a bytea as text */
        const char *const values[] = {id, seq, version, hash_seq, hash};
        if (!auction->broken || !auction->touched) {
            continue;
        }
        uuid_format(&auction->id, id);
        (void)snprintf(seq, sizeof seq, "%" PRId64, auction->seq);
        (void)snprintf(version, sizeof version, "%" PRId64, auction->version);
        (void)snprintf(hash_seq, sizeof hash_seq, "%" PRId64, auction->hash_seq);
        (void)snprintf(hash, sizeof hash, "\\x%s", auction->hash);
        if (!pg_tx_send(tx, STATEMENT_UPDATE_BROKEN, ARRAY_LEN(values), values, row_arrays_ignore, NULL)) {
            return false;
        }
    }
    return true;
}

static void add_standing(struct pg_column *columns, const struct uuid *auction_id, int64_t seq, bool effective)
{
    pg_column_uuid(&columns[0], auction_id);
    pg_column_int(&columns[1], seq);
    pg_column_bool(&columns[2], effective);
}

/* The other values of an entry without effect are NULL. */
static void add_restated(struct pg_column *columns, const struct uuid *auction_id, const struct voids_entry *entry)
{
    const struct voids_standing *now = &entry->standing;
    add_standing(columns, auction_id, entry->seq, now->effective);
    if (now->effective) {
        pg_column_text(&columns[3], bid_status_text(bid_status_of_verdict(now->verdict)));
        pg_column_bool(&columns[4], now->raise);
        pg_column_money(&columns[5], now->amount);
    } else {
        pg_column_text(&columns[3], NULL);
        pg_column_null(&columns[4], PG_COLUMN_BOOL);
        pg_column_null(&columns[5], PG_COLUMN_MONEY);
    }
    pg_column_null(&columns[6], PG_COLUMN_UUID);
    if (!entry->answered) {
        return;
    }
    add_standing(columns, auction_id, entry->seq + 1, now->answered);
    pg_column_text(&columns[3], NULL);
    pg_column_null(&columns[4], PG_COLUMN_BOOL);
    row_arrays_money(&columns[5], now->answer_amount);
    row_arrays_uuid(&columns[6], &now->answer_bidder);
}

/* Must run after insert_bids: bids of this batch may be among the restated ones. */
static bool restate(struct pg_tx *tx, struct row_arrays *arrays, const struct batch *batch)
{
    enum { COLUMNS = 7 };
    size_t count = 0;
    row_arrays_start(arrays, 0, COLUMNS);
    for (size_t i = 0; i < batch->auction_count; i++) {
        const struct batch_auction *auction = &batch->auctions[i];
        for (size_t k = 0; k < auction->voids.count; k++) {
            if (auction->voids.entries[k].changed) {
                add_restated(arrays->columns, &auction->id, &auction->voids.entries[k]);
                count++;
            }
        }
    }
    return count == 0 || (row_arrays_send(arrays, tx, STATEMENT_RESTATE, COLUMNS, NULL) &&
                          row_arrays_send(arrays, tx, STATEMENT_SETTLE_ANEW, 1, NULL));
}

bool ledger_write(struct pg_tx *tx, struct row_arrays *arrays, const struct batch *batch)
{
    return insert_bids(tx, arrays, batch) && update_auctions(tx, arrays, batch) && update_terms(tx, batch) &&
           unsettle_reopened(tx, batch) && update_broken(tx, batch) && restate(tx, arrays, batch);
}
