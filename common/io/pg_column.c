/*
 * See pg_column.h. An array begins with five words: dimensions, a flag for nulls, type of the elements, their number,
 * and the lower bound. Each element is its length and its bytes. All is in network order. The server's array_recv,
 * uuid_recv, numeric_recv and so on read it.
 */
#include "common/io/pg_column.h"

#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_SIZE = 256, /* bytes, doubling */
    HEADER_WORDS = 5,
    HEADER_SIZE = HEADER_WORDS * 4,
    LENGTH_SIZE = 4,
    UNIX_YEAR_2000_S = 946684800, /* the server counts from 2000 */
    /* A numeric is its digits to the base of 10,000 behind four words; six of them hold any int64_t. */
    NUMERIC_BASE = 10000,
    NUMERIC_WORDS = 4,
    NUMERIC_DIGITS_MAX = 6,
    MONEY_SCALE = 2,
    MINOR_PER_UNIT = 100,
};

static bool reserve(struct pg_column *column, size_t more)
{
    size_t need = column->length + more;
    if (column->failed || need > INT_MAX) {
        column->failed = true;
        return false;
    }
    if (need <= column->size) {
        return true;
    }
    size_t size = column->size == 0 ? FIRST_SIZE : column->size;
    while (size < need) {
        size *= 2;
    }
    char *grown = realloc(column->bytes, size);
    if (grown == NULL) {
        column->failed = true;
        return false;
    }
    column->bytes = grown;
    column->size = size;
    return true;
}

static void put_word(char *out, uint32_t word)
{
    word = htobe32(word);
    memcpy(out, &word, sizeof word);
}

void pg_column_reset(struct pg_column *column)
{
    column->length = 0;
    column->count = 0;
    column->type = PG_COLUMN_NONE;
    column->has_nulls = false;
    column->failed = false;
    if (reserve(column, HEADER_SIZE)) {
        column->length = HEADER_SIZE;
    }
}

void pg_column_free(struct pg_column *column)
{
    free(column->bytes);
    *column = (struct pg_column){0};
}

static void begin_element(struct pg_column *column, enum pg_column_type type)
{
    assert(column->type == type || column->count == 0);
    assert(column->failed || column->length >= HEADER_SIZE);
    column->type = type;
    column->count++;
}

static void add(struct pg_column *column, enum pg_column_type type, const void *bytes, size_t length)
{
    begin_element(column, type);
    if (length > INT_MAX || !reserve(column, LENGTH_SIZE + length)) {
        column->failed = true;
        return;
    }
    put_word(column->bytes + column->length, (uint32_t)length);
    memcpy(column->bytes + column->length + LENGTH_SIZE, bytes, length);
    column->length += LENGTH_SIZE + length;
}

void pg_column_null(struct pg_column *column, enum pg_column_type type)
{
    begin_element(column, type);
    column->has_nulls = true;
    if (reserve(column, LENGTH_SIZE)) {
        put_word(column->bytes + column->length, UINT32_MAX); /* the length -1 */
        column->length += LENGTH_SIZE;
    }
}

void pg_column_uuid(struct pg_column *column, const struct uuid *id)
{
    add(column, PG_COLUMN_UUID, id->bytes, sizeof id->bytes);
}

static void add_word64(struct pg_column *column, enum pg_column_type type, int64_t value)
{
    uint64_t word = htobe64((uint64_t)value);
    add(column, type, &word, sizeof word);
}

void pg_column_int(struct pg_column *column, int64_t value)
{
    add_word64(column, PG_COLUMN_INT, value);
}

void pg_column_time(struct pg_column *column, int64_t ms)
{
    add_word64(column, PG_COLUMN_TIME, (ms - INT64_C(1000) * UNIX_YEAR_2000_S) * 1000);
}

void pg_column_bool(struct pg_column *column, bool value)
{
    char byte = value ? 1 : 0;
    add(column, PG_COLUMN_BOOL, &byte, sizeof byte);
}

/* The digits of a numeric have leading and trailing zeros left out; 0 has none. */
void pg_column_money(struct pg_column *column, int64_t minor)
{
    uint16_t words[NUMERIC_WORDS + NUMERIC_DIGITS_MAX];
    uint16_t digits[NUMERIC_DIGITS_MAX];
    size_t count = 0;
    assert(minor >= 0);
    int64_t whole = minor / MINOR_PER_UNIT;
    int64_t fraction = minor % MINOR_PER_UNIT * (NUMERIC_BASE / MINOR_PER_UNIT);
    digits[count++] = (uint16_t)fraction; /* from the last to the first */
    for (; whole > 0; whole /= NUMERIC_BASE) {
        digits[count++] = (uint16_t)(whole % NUMERIC_BASE);
    }
    size_t weight = count - 2; /* of the first digit, as a power of the base; -1 for a fraction alone */
    size_t last = 0;
    while (last < count && digits[last] == 0) {
        last++;
    }
    words[0] = htobe16((uint16_t)(count - last));
    words[1] = htobe16((uint16_t)weight);
    words[2] = 0; /* the sign: positive */
    words[3] = htobe16(MONEY_SCALE);
    size_t length = NUMERIC_WORDS;
    for (size_t i = count; i > last; i--) {
        words[length++] = htobe16(digits[i - 1]);
    }
    add(column, PG_COLUMN_MONEY, words, length * sizeof words[0]);
}

void pg_column_text(struct pg_column *column, const char *text)
{
    if (text == NULL) {
        pg_column_null(column, PG_COLUMN_TEXT);
    } else {
        add(column, PG_COLUMN_TEXT, text, strlen(text));
    }
}

void pg_column_bytes(struct pg_column *column, const void *bytes, size_t length)
{
    add(column, PG_COLUMN_BYTES, bytes, length);
}

bool pg_column_done(struct pg_column *column, struct pg_parameter *out)
{
    static const char empty[] = "{}"; /* without an element the type is unknown */
    if (column->failed) {
        return false;
    }
    if (column->count == 0) {
        *out = (struct pg_parameter){.value = empty};
        return true;
    }
    const uint32_t header[HEADER_WORDS] = {1, column->has_nulls, (uint32_t)column->type, column->count, 1};
    for (size_t i = 0; i < HEADER_WORDS; i++) {
        put_word(column->bytes + i * sizeof header[0], header[i]);
    }
    *out = (struct pg_parameter){.value = column->bytes, .length = (int)column->length, .binary = true};
    return true;
}
