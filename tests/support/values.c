/*
 * See values.h.
 */
#include "tests/support/values.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/money.h"
#include "tests/support/suite.h"

void values_text(struct values *values, const char *text)
{
    ck_assert_int_lt(values->count, VALUES_MAX);
    values->of[values->count++] = text;
}

static char *room(struct values *values)
{
    values_text(values, values->text[values->count]);
    return values->text[values->count - 1];
}

void values_id(struct values *values, const struct uuid *id)
{
    if (uuid_is_nil(id)) {
        values_text(values, NULL);
    } else {
        uuid_format(id, room(values));
    }
}

void values_int(struct values *values, int64_t number)
{
    (void)snprintf(room(values), UUID_TEXT_SIZE, "%" PRId64, number);
}

void values_money(struct values *values, int64_t minor)
{
    if (minor == 0) {
        values_text(values, NULL);
    } else {
        money_format(minor, room(values));
    }
}

void values_time(struct values *values, int64_t ms)
{
    clock_format(ms, room(values));
}

void values_bool(struct values *values, bool truth)
{
    values_text(values, truth ? "true" : "false");
}

void values_run(PGconn *connection, const char *statement, const struct values *values)
{
    PGresult *result = PQexecParams(connection, statement, values->count, NULL, values->of, NULL, NULL, 0);
    ck_assert_msg(PQresultStatus(result) == PGRES_COMMAND_OK, "%s: %s", statement, PQerrorMessage(connection));
    PQclear(result);
}
