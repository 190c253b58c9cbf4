/*
 * See row_arrays.h.
 */
#include "common/worker/row_arrays.h"

#include <assert.h>
#include <sodium.h>

void row_arrays_start(struct row_arrays *arrays, size_t first, size_t count)
{
    assert(first + count <= ROW_ARRAYS_MAX);
    for (size_t i = first; i < first + count; i++) {
        pg_column_reset(&arrays->columns[i]);
    }
}

void row_arrays_free(struct row_arrays *arrays)
{
    for (size_t i = 0; i < ROW_ARRAYS_MAX; i++) {
        pg_column_free(&arrays->columns[i]);
    }
}

bool row_arrays_ask(struct row_arrays *arrays, struct pg_tx *tx, size_t statement, size_t first, size_t count,
                    const char *const *more, pg_callback callback, void *arg)
{
    struct pg_parameter parameters[ROW_ARRAYS_MAX + ROW_ARRAYS_MORE_MAX];
    for (size_t i = 0; i < count; i++) {
        if (!pg_column_done(&arrays->columns[first + i], &parameters[i])) {
            return false;
        }
    }
    for (; more != NULL && *more != NULL; more++) {
        assert(count < ARRAY_LEN(parameters));
        parameters[count++] = (struct pg_parameter){.value = *more};
    }
    return pg_tx_send_parameters(tx, statement, (int)count, parameters, callback, arg);
}

bool row_arrays_send(struct row_arrays *arrays, struct pg_tx *tx, size_t statement, size_t count,
                     const char *const *more)
{
    return row_arrays_ask(arrays, tx, statement, 0, count, more, row_arrays_ignore, NULL);
}

void row_arrays_ignore(const struct pg_reply *reply, void *arg)
{
    (void)reply;
    (void)arg;
}

void row_arrays_uuid(struct pg_column *column, const struct uuid *id)
{
    if (uuid_is_nil(id)) {
        pg_column_null(column, PG_COLUMN_UUID);
    } else {
        pg_column_uuid(column, id);
    }
}

void row_arrays_money(struct pg_column *column, int64_t minor)
{
    if (minor == 0) {
        pg_column_null(column, PG_COLUMN_MONEY);
    } else {
        pg_column_money(column, minor);
    }
}

void row_arrays_time(struct pg_column *column, int64_t ms)
{
    if (ms == 0) {
        pg_column_null(column, PG_COLUMN_TIME);
    } else {
        pg_column_time(column, ms);
    }
}

void row_arrays_int(struct pg_column *column, int64_t value)
{
    if (value == 0) {
        pg_column_null(column, PG_COLUMN_INT);
    } else {
        pg_column_int(column, value);
    }
}

void row_arrays_hash(struct pg_column *column, const char hash[static HASH_CHAIN_TEXT_SIZE])
{
    unsigned char bytes[crypto_hash_sha256_BYTES];
    size_t length = 0;
    int failed = sodium_hex2bin(bytes, sizeof bytes, hash, HASH_CHAIN_TEXT_SIZE - 1, NULL, &length, NULL);
    assert(failed == 0 && length == sizeof bytes);
    (void)failed;
    pg_column_bytes(column, bytes, length);
}
