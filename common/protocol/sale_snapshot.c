/*
 * See sale_snapshot.h.
 */
#include "common/protocol/sale_snapshot.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base/words.h"
#include "common/protocol/keys.h"

enum {
    NUMBERS = 16,
    NUMBER_SIZE = 24,
    WORD_SIZE = 16,
    SECOND_MS = 1000,
};

/* The numbers in the order of the text. */
static void list_numbers(struct sale_snapshot *snapshot, int64_t *numbers[static NUMBERS])
{
    struct sale *sale = &snapshot->sale;
    struct sale_terms *terms = &sale->terms;
    int64_t *const all[] = {
        &snapshot->version, &snapshot->head_seq, &terms->price,  &terms->quantity, &terms->per_user_limit,
        &terms->join_ms,    &terms->start_ms,    &terms->end_ms, &terms->turn_ms,  &terms->reservation_ms,
        &sale->claimed,     &sale->reserved,     &sale->sold,    &sale->waiting,   &sale->ledger_seq,
        &sale->decided_ms,
    };
    static_assert(ARRAY_LEN(all) == NUMBERS, "each number is listed");
    for (size_t i = 0; i < NUMBERS; i++) {
        numbers[i] = all[i];
    }
}

void sale_snapshot_format(const struct sale_snapshot *snapshot, char out[static SALE_SNAPSHOT_TEXT_SIZE])
{
    struct sale_snapshot copy = *snapshot;
    int64_t *numbers[NUMBERS];
    size_t at = 0;
    list_numbers(&copy, numbers);
    for (size_t i = 0; i < NUMBERS; i++) {
        at += (size_t)snprintf(out + at, SALE_SNAPSHOT_TEXT_SIZE - at, "%" PRId64 " ", *numbers[i]);
        assert(at < SALE_SNAPSHOT_TEXT_SIZE);
    }
    at += (size_t)snprintf(out + at, SALE_SNAPSHOT_TEXT_SIZE - at, "%s %s", sale_status_text(snapshot->sale.status),
                           sale_payment_text(snapshot->sale.terms.payment));
    assert(at < SALE_SNAPSHOT_TEXT_SIZE);
}

bool sale_snapshot_parse(const char *text, size_t length, struct sale_snapshot *snapshot)
{
    struct words words = {text, text + length};
    int64_t *numbers[NUMBERS];
    char status[WORD_SIZE];
    char payment[WORD_SIZE];
    list_numbers(snapshot, numbers);
    for (size_t i = 0; i < NUMBERS; i++) {
        if (!words_number(&words, numbers[i])) {
            return false;
        }
    }
    return words_text(&words, status, sizeof status) && sale_status_parse(status, &snapshot->sale.status) &&
           words_text(&words, payment, sizeof payment) && sale_payment_parse(payment, &snapshot->sale.terms.payment) &&
           words.at == words.end;
}

bool sale_snapshot_read_row(const PGresult *result, int row, struct sale_snapshot *snapshot)
{
    *snapshot = (struct sale_snapshot){
        .sale_id = pg_uuid(result, row, SALE_SNAPSHOT_COLUMN_ID),
        .version = pg_int(result, row, SALE_SNAPSHOT_COLUMN_VERSION),
        .head_seq = pg_int(result, row, SALE_SNAPSHOT_COLUMN_HEAD),
        .sale =
            {
                .terms =
                    {
                        .price = pg_money(result, row, SALE_SNAPSHOT_COLUMN_PRICE),
                        .quantity = pg_int(result, row, SALE_SNAPSHOT_COLUMN_QUANTITY),
                        .per_user_limit = pg_int(result, row, SALE_SNAPSHOT_COLUMN_LIMIT),
                        .join_ms = pg_int(result, row, SALE_SNAPSHOT_COLUMN_JOIN),
                        .start_ms = pg_int(result, row, SALE_SNAPSHOT_COLUMN_START),
                        .end_ms = pg_int(result, row, SALE_SNAPSHOT_COLUMN_END),
                        .turn_ms = pg_int(result, row, SALE_SNAPSHOT_COLUMN_TURN) * SECOND_MS,
                        .reservation_ms = pg_int(result, row, SALE_SNAPSHOT_COLUMN_RESERVATION) * SECOND_MS,
                    },
                .claimed = pg_int(result, row, SALE_SNAPSHOT_COLUMN_CLAIMED),
                .reserved = pg_int(result, row, SALE_SNAPSHOT_COLUMN_RESERVED),
                .sold = pg_int(result, row, SALE_SNAPSHOT_COLUMN_SOLD),
                .waiting = pg_int(result, row, SALE_SNAPSHOT_COLUMN_WAITING),
                .ledger_seq = pg_int(result, row, SALE_SNAPSHOT_COLUMN_LEDGER_SEQ),
                .decided_ms = pg_int(result, row, SALE_SNAPSHOT_COLUMN_DECIDED),
            },
    };
    return sale_payment_parse(pg_text(result, row, SALE_SNAPSHOT_COLUMN_PAYMENT), &snapshot->sale.terms.payment) &&
           sale_status_parse(pg_text(result, row, SALE_SNAPSHOT_COLUMN_STATUS), &snapshot->sale.status);
}

bool sale_snapshot_write(const struct snapshot_writer *writer, const struct sale_snapshot *snapshot,
                         redis_callback callback, void *arg)
{
    char key[KEYS_SIZE];
    char text[SALE_SNAPSHOT_TEXT_SIZE];
    if (writer->epoch == 0) {
        return false;
    }
    keys_sale(writer->epoch, &snapshot->sale_id, key);
    sale_snapshot_format(snapshot, text);
    return snapshot_write_key(writer, key, snapshot->version, text, callback, arg);
}

bool sale_snapshot_ask_fresh(struct redis *redis, size_t script, int64_t epoch, const struct uuid *sale,
                             redis_callback callback, void *arg)
{
    char key[KEYS_SIZE];
    keys_sale(epoch, sale, key);
    return snapshot_ask_fresh_key(redis, script, key, callback, arg);
}
