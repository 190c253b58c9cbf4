/*
 * See row_arrays.h.
 */
#include "common/worker/row_arrays.h"

#include <assert.h>
#include <string.h>

void row_arrays_start(struct row_arrays *arrays, size_t first, size_t count)
{
    assert(first + count <= ROW_ARRAYS_MAX);
    for (size_t i = first; i < first + count; i++) {
        pg_array_reset(&arrays->columns[i]);
    }
}

void row_arrays_free(struct row_arrays *arrays)
{
    for (size_t i = 0; i < ROW_ARRAYS_MAX; i++) {
        pg_array_free(&arrays->columns[i]);
    }
}

static bool send_arrays(struct row_arrays *arrays, struct pg_tx *tx, size_t statement, size_t first, size_t count,
                        const char *const *more, pg_callback callback, void *arg)
{
    const char *values[ROW_ARRAYS_MAX + ROW_ARRAYS_MORE_MAX];
    for (size_t i = 0; i < count; i++) {
        values[i] = pg_array_done(&arrays->columns[first + i]);
        if (values[i] == NULL) {
            return false;
        }
    }
    for (; more != NULL && *more != NULL; more++) {
        assert(count < ARRAY_LEN(values));
        values[count++] = *more;
    }
    return pg_tx_send(tx, statement, (int)count, values, callback, arg);
}

bool row_arrays_ask(struct row_arrays *arrays, struct pg_tx *tx, size_t statement, size_t first, size_t count,
                    pg_callback callback, void *arg)
{
    return send_arrays(arrays, tx, statement, first, count, NULL, callback, arg);
}

bool row_arrays_send(struct row_arrays *arrays, struct pg_tx *tx, size_t statement, size_t count,
                     const char *const *more)
{
    return send_arrays(arrays, tx, statement, 0, count, more, row_arrays_ignore, NULL);
}

void row_arrays_ignore(const struct pg_reply *reply, void *arg)
{
    (void)reply;
    (void)arg;
}

void row_arrays_uuid(struct pg_array *column, const struct uuid *id)
{
    if (uuid_is_nil(id)) {
        pg_array_null(column);
    } else {
        pg_array_uuid(column, id);
    }
}

void row_arrays_money(struct pg_array *column, int64_t minor)
{
    if (minor == 0) {
        pg_array_null(column);
    } else {
        pg_array_money(column, minor);
    }
}

void row_arrays_time(struct pg_array *column, int64_t ms)
{
    if (ms == 0) {
        pg_array_null(column);
    } else {
        pg_array_time(column, ms);
    }
}

void row_arrays_int(struct pg_array *column, int64_t value)
{
    if (value == 0) {
        pg_array_null(column);
    } else {
        pg_array_int(column, value);
    }
}

void row_arrays_hash_text(const char hash[static HASH_CHAIN_TEXT_SIZE], char out[static ROW_ARRAYS_HASH_SIZE])
{
    assert(hash[0] != '\0');
    out[0] = '\\';
    out[1] = 'x';
    memcpy(out + 2, hash, HASH_CHAIN_TEXT_SIZE);
}

void row_arrays_hash(struct pg_array *column, const char hash[static HASH_CHAIN_TEXT_SIZE])
{
    char literal[ROW_ARRAYS_HASH_SIZE];
    row_arrays_hash_text(hash, literal);
    pg_array_text_add(column, literal);
}
