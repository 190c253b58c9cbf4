/*
 * The text format of PostgreSQL values: array parameters, columns of results, and the meaning of SQLSTATEs for retries.
 * No I/O. Used by every program that uses SQL.
 */
#include "common/io/pg_value.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/base/money.h"

enum { ARRAY_FIRST_SIZE = 1024 /* bytes; doubles */ };

/*
 * Temporary errors: the same statement may succeed later. An entry is a class (two characters) or a whole SQLSTATE.
 * Class XX is left out except for corruption: the sent data may cause an internal error, and retries would never end.
 */
static const char *const transient_states[] = {
    "08",    /* connection */
    "25006", /* read only: a standby that is not promoted yet */
    "25P03", /* idle in transaction for too long */
    "26000", /* the prepared statement is gone: the connection is made again */
    "40",    /* deadlock, serialization: rolled back, retry */
    "53",    /* disk full, out of memory, too many connections */
    "55006", /* object in use */
    "55P03", /* lock not available */
    "57",    /* cancelled by a timeout, shutting down, starting up */
    "58",    /* the server's disk or system */
    "XX001", "XX002",
};

bool pg_state_is_transient(const char *sqlstate)
{
    for (size_t i = 0; i < ARRAY_LEN(transient_states); i++) {
        if (strncmp(sqlstate, transient_states[i], strlen(transient_states[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Classes that the sent data can cause; all others are errors of the deployment. */
static const char *const blaming_classes[] = {
    "21",       /* cardinality */
    "22",       /* data exception */
    "23",       /* integrity */
    "38", "39", /* functions called by triggers */
    "44",       /* check option */
    "54",       /* program limit exceeded */
    "P0",       /* raised in a trigger */
    "XX",       /* internal error, corrupted row */
};

bool pg_state_is_data_error(const char *sqlstate)
{
    if (pg_state_is_transient(sqlstate)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(blaming_classes); i++) {
        if (strncmp(sqlstate, blaming_classes[i], 2) == 0) {
            return true;
        }
    }
    return false;
}

bool pg_null(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) != 0;
}

const char *pg_text(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column);
}

/* Our own statements define the columns' types: text in another form is a programming error. */
int64_t pg_int(const PGresult *result, int row, int column)
{
    if (pg_null(result, row, column)) {
        return 0;
    }
    char *end = NULL;
    const char *text = pg_text(result, row, column);
    errno = 0;
    int64_t value = strtoll(text, &end, 10);
    assert(errno == 0 && end != text && *end == '\0');
    return value;
}

int64_t pg_money(const PGresult *result, int row, int column)
{
    int64_t minor = 0;
    if (!pg_null(result, row, column)) {
        bool parsed = money_parse(pg_text(result, row, column), (size_t)PQgetlength(result, row, column), &minor);
        assert(parsed);
        (void)parsed;
    }
    return minor;
}

bool pg_bool(const PGresult *result, int row, int column)
{
    return pg_text(result, row, column)[0] == 't';
}

struct uuid pg_uuid(const PGresult *result, int row, int column)
{
    struct uuid id = {{0}};
    if (!pg_null(result, row, column)) {
        bool parsed = uuid_parse(pg_text(result, row, column), (size_t)PQgetlength(result, row, column), &id);
        assert(parsed);
        (void)parsed;
    }
    return id;
}

/* Reserves `more` bytes, the closing brace and the terminator. */
static bool array_reserve(struct pg_array *array, size_t more)
{
    size_t need = array->length + more + 2;
    if (array->failed) {
        return false;
    }
    if (need <= array->size) {
        return true;
    }
    size_t size = array->size == 0 ? ARRAY_FIRST_SIZE : array->size;
    while (size < need) {
        size *= 2;
    }
    char *grown = realloc(array->text, size);
    if (grown == NULL) {
        array->failed = true;
        return false;
    }
    array->text = grown;
    array->size = size;
    return true;
}

void pg_array_reset(struct pg_array *array)
{
    array->length = 0;
    array->failed = false;
    if (array_reserve(array, 1)) {
        array->text[array->length++] = '{';
    }
}

void pg_array_free(struct pg_array *array)
{
    free(array->text);
    *array = (struct pg_array){0};
}

/* An element whose text needs no quotes. */
static void array_add_plain(struct pg_array *array, const char *text)
{
    size_t length = strlen(text);
    if (!array_reserve(array, length + 1)) {
        return;
    }
    assert(array->length > 0);
    if (array->length > 1) {
        array->text[array->length++] = ',';
    }
    memcpy(array->text + array->length, text, length);
    array->length += length;
}

void pg_array_null(struct pg_array *array)
{
    array_add_plain(array, "NULL");
}

void pg_array_text_add(struct pg_array *array, const char *text)
{
    if (text == NULL) {
        pg_array_null(array);
        return;
    }
    /* A comma, two quotes, and up to one backslash for every byte. */
    if (!array_reserve(array, strlen(text) * 2 + 3)) {
        return;
    }
    assert(array->length > 0);
    char *out = array->text + array->length;
    if (array->length > 1) {
        *out++ = ',';
    }
    *out++ = '"';
    for (const char *in = text; *in != '\0'; in++) {
        if (*in == '"' || *in == '\\') {
            *out++ = '\\';
        }
        *out++ = *in;
    }
    *out++ = '"';
    array->length = (size_t)(out - array->text);
}

void pg_array_int(struct pg_array *array, int64_t value)
{
    char text[DECIMAL_SIZE];
    (void)decimal_format(value, text);
    array_add_plain(array, text);
}

void pg_array_money(struct pg_array *array, int64_t minor)
{
    char text[MONEY_TEXT_SIZE];
    money_format(minor, text);
    array_add_plain(array, text);
}

void pg_array_time(struct pg_array *array, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(ms, text);
    array_add_plain(array, text);
}

void pg_array_uuid(struct pg_array *array, const struct uuid *id)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    array_add_plain(array, text);
}

void pg_array_bool(struct pg_array *array, bool value)
{
    array_add_plain(array, value ? "t" : "f");
}

const char *pg_array_done(struct pg_array *array)
{
    if (array->failed) {
        return NULL;
    }
    assert(array->length > 0);
    array->text[array->length] = '}';
    array->text[array->length + 1] = '\0';
    return array->text;
}
