/*
 * What a user wants to be told, and how: for each kind of notification whether it is shown in the app, mailed, and sent
 * to the user's webhooks. Kept as three lists of kinds that differ from the beginning: in the app and by webhook all
 * are wanted, by email none.
 *
 * Callers: accounts.c, unsubscribe.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_PREFERENCES_H
#define ROSTRUM_GATEWAY_ACCOUNT_PREFERENCES_H

#include <libpq-fe.h>

#include "common/base/base.h"
#include "common/base/json.h"
#include "common/io/pg.h"
#include "gateway/http/reply.h"

/* Columns for a SELECT on users, in a row. */
#define PREFERENCES_COLUMNS                                                                                            \
    "',' || array_to_string(muted, ',') || ',', ',' || array_to_string(email_kinds, ',') || ',',"                      \
    " ',' || array_to_string(webhook_muted, ',') || ','"
enum { PREFERENCES_COLUMN_COUNT = 3 };

/* For an UPDATE of users: a pair of parameters for each list, kinds that go out of it and kinds that come into it. */
#define PREFERENCES_LIST(name, out, in)                                                                                \
    name " = ARRAY(SELECT unnest(" name ") EXCEPT SELECT unnest(" out "::text[]) UNION SELECT unnest(" in              \
         "::text[]) ORDER BY 1)"
enum { PREFERENCES_VALUES = 6 };

/* {"OUTBID": {"inApp": false, "email": true}, …}; NULL is right, too. */
void preferences_check(const struct json *settings, struct field_errors *field_errors);
/* The member "notificationSettings", of a row whose first such column is `column`. */
void preferences_write(struct jsonw *json, const PGresult *result, int column);

/* The parameters, muted first, then email_kinds and webhook_muted; they live in `arrays`, which the caller zeroes and
 * frees. */
MUST_CHECK bool preferences_values(const struct json *settings, struct pg_array arrays[static PREFERENCES_VALUES],
                                   const char *values[static PREFERENCES_VALUES]);
void preferences_free(struct pg_array arrays[static PREFERENCES_VALUES]);

#endif
