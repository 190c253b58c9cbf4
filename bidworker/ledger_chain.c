/*
 * See ledger_chain.h. The texts must be those that PostgreSQL writes for the stored columns.
 */
#include "bidworker/ledger_chain.h"

#include <assert.h>
#include <string.h>

#include "common/base/decimal.h"
#include "common/base/money.h"
#include "common/protocol/ledger_hash.h"

/* A formatted value. */
struct formatted {
    char text[UUID_TEXT_SIZE];
};

static_assert((int)UUID_TEXT_SIZE >= (int)MONEY_TEXT_SIZE && (int)UUID_TEXT_SIZE >= (int)DECIMAL_SIZE,
              "one size fits all formatted values");

/* The functions below return `formatted`, or NULL for a value that is NULL in SQL. */

static const char *id_text(const struct uuid *id, struct formatted *formatted)
{
    if (uuid_is_nil(id)) {
        return NULL;
    }
    uuid_format(id, formatted->text);
    return formatted->text;
}

static const char *money_text(int64_t minor, struct formatted *formatted)
{
    if (minor == 0) {
        return NULL;
    }
    money_format(minor, formatted->text);
    return formatted->text;
}

static const char *number_text(int64_t number, struct formatted *formatted)
{
    (void)decimal_format(number, formatted->text);
    return formatted->text;
}

static void hash_row(struct batch_row *row, const char *previous, int64_t decided_ms)
{
    struct formatted formatted[LEDGER_HASH_FIELDS];
    const char *const fields[LEDGER_HASH_FIELDS] = {
        [LEDGER_HASH_AUCTION] = id_text(&row->auction_id, &formatted[LEDGER_HASH_AUCTION]),
        [LEDGER_HASH_SEQ] = number_text(row->seq, &formatted[LEDGER_HASH_SEQ]),
        [LEDGER_HASH_BID] = id_text(&row->bid_id, &formatted[LEDGER_HASH_BID]),
        [LEDGER_HASH_BIDDER] = id_text(&row->bidder_id, &formatted[LEDGER_HASH_BIDDER]),
        [LEDGER_HASH_KIND] = row->automatic ? LEDGER_AUTOMATIC : command_kind_ledger_text(row->kind),
        [LEDGER_HASH_STATUS] = bid_status_text(row->status),
        [LEDGER_HASH_REASON] = row->reason == RULES_NONE ? NULL : rules_reason_text(row->reason),
        [LEDGER_HASH_RAISE] = row->raise ? "true" : "false",
        [LEDGER_HASH_AMOUNT] = money_text(row->amount, &formatted[LEDGER_HASH_AMOUNT]),
        [LEDGER_HASH_MAX_AMOUNT] = money_text(row->max_amount, &formatted[LEDGER_HASH_MAX_AMOUNT]),
        [LEDGER_HASH_END] = row->end_ms == 0 ? NULL : number_text(row->end_ms, &formatted[LEDGER_HASH_END]),
        [LEDGER_HASH_VOIDS] = id_text(&row->voids, &formatted[LEDGER_HASH_VOIDS]),
        [LEDGER_HASH_RECEIVED] = number_text(row->received_ms, &formatted[LEDGER_HASH_RECEIVED]),
        [LEDGER_HASH_DECIDED] = number_text(decided_ms, &formatted[LEDGER_HASH_DECIDED]),
    };
    ledger_hash(previous, fields, row->hash);
}

void ledger_chain(struct batch *batch)
{
    struct batch_auction *auction = NULL;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct batch_row *row = &batch->rows[i];
        if (auction == NULL || !uuid_equal(&auction->id, &row->auction_id)) {
            auction = batch_find_auction(batch, &row->auction_id);
            assert(auction != NULL);
        }
        hash_row(row, auction->hash, batch->decided_ms);
        memcpy(auction->hash, row->hash, sizeof auction->hash);
        auction->hash_seq = row->seq;
    }
}
