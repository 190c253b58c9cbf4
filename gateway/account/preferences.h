/*
 * Notification settings of a user: for each kind of notification whether it is shown in the app, mailed, and sent to
 * the user's webhooks. The database holds three lists of kinds that differ from the default. Defaults: in the app and
 * by webhook on, by email off.
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

/* Columns for a SELECT on users, consecutive. */
#define PREFERENCES_COLUMNS                                                                                            \
    "',' || array_to_string(muted, ',') || ',', ',' || array_to_string(email_kinds, ',') || ',',"                      \
    " ',' || array_to_string(webhook_muted, ',') || ','"
enum { PREFERENCES_COLUMN_COUNT = 3 };

/* For an UPDATE of users: each list has two parameters, the kinds to remove (`out`) and the kinds to add (`in`). */
#define PREFERENCES_LIST(name, out, in)                                                                                \
    name " = ARRAY(SELECT unnest(" name ") EXCEPT SELECT unnest(" out "::text[]) UNION SELECT unnest(" in              \
         "::text[]) ORDER BY 1)"
enum { PREFERENCES_VALUES = 6 };

/* Validates {"OUTBID": {"inApp": false, "email": true}, …}; NULL is valid. */
void preferences_check(const struct json *settings, struct field_errors *field_errors);
/* Writes the member "notificationSettings". `column` is the first column of PREFERENCES_COLUMNS in the result. */
void preferences_write(struct jsonw *json, const PGresult *result, int column);

/*
 * Sets the parameters of PREFERENCES_LIST for muted, email_kinds and webhook_muted, in this order. They point into
 * `arrays`, which the caller zeroes before and frees with preferences_free. False if out of memory.
 */
MUST_CHECK bool preferences_values(const struct json *settings, struct pg_array arrays[static PREFERENCES_VALUES],
                                   const char *values[static PREFERENCES_VALUES]);
void preferences_free(struct pg_array arrays[static PREFERENCES_VALUES]);

#endif
