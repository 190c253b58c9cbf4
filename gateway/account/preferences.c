/*
 * See preferences.h.
 */
#include "gateway/account/preferences.h"

#include <stdio.h>
#include <string.h>

#include "common/protocol/notification_kinds.h"
#include "gateway/http/fields.h"

enum { KIND_SIZE = 32, CHANNELS = 3 };

static const char *const channels[CHANNELS + 1] = {"inApp", "email", "webhook", NULL};

/* Whether a kind in the channel's list is on. True for email, which is off by default. */
static const bool listed_is_wanted[CHANNELS] = {false, true, false};

void preferences_check(const struct json *settings, struct field_errors *field_errors)
{
    if (settings == NULL) {
        return;
    }
    if (settings->type != JSON_OBJECT) {
        field_errors_add(field_errors, "notificationSettings", FIELD_NOT_AN_OBJECT);
        return;
    }
    fields_known(settings, notification_kinds, field_errors);
    for (const struct json *kind = settings->child; kind != NULL; kind = kind->next) {
        bool wanted = false;
        if (kind->type != JSON_OBJECT) {
            field_errors_add(field_errors, kind->name, FIELD_NOT_AN_OBJECT);
            continue;
        }
        fields_known(kind, channels, field_errors);
        for (int i = 0; i < CHANNELS; i++) {
            (void)fields_bool(kind, channels[i], FIELDS_OPTIONAL, &wanted, field_errors);
        }
    }
}

void preferences_write(struct jsonw *json, const PGresult *result, int column)
{
    char kind[KIND_SIZE];
    jsonw_name(json, "notificationSettings");
    jsonw_object(json);
    for (size_t i = 0; notification_kinds[i] != NULL; i++) {
        (void)snprintf(kind, sizeof(kind), ",%s,", notification_kinds[i]);
        jsonw_name(json, notification_kinds[i]);
        jsonw_object(json);
        for (int k = 0; k < CHANNELS; k++) {
            bool listed = strstr(pg_text(result, 0, column + k), kind) != NULL;
            jsonw_put_bool(json, channels[k], listed == listed_is_wanted[k]);
        }
        jsonw_end_object(json);
    }
    jsonw_end_object(json);
}

/* Returns the kinds that `settings` sets to `wanted` for a channel, as an SQL array. */
static const char *kinds_of(const struct json *settings, const char *channel, bool wanted, struct pg_array *array)
{
    pg_array_reset(array);
    for (const struct json *kind = settings == NULL ? NULL : settings->child; kind != NULL; kind = kind->next) {
        const struct json *value = json_member(kind, channel);
        if (value != NULL && value->truth == wanted) {
            pg_array_text_add(array, kind->name);
        }
    }
    return pg_array_done(array);
}

bool preferences_values(const struct json *settings, struct pg_array arrays[static PREFERENCES_VALUES],
                        const char *values[static PREFERENCES_VALUES])
{
    bool ok = true;
    for (int i = 0; i < PREFERENCES_VALUES; i++) {
        int channel = i / 2;
        bool into = i % 2 == 1;
        values[i] = kinds_of(settings, channels[channel], into == listed_is_wanted[channel], &arrays[i]);
        ok = ok && values[i] != NULL;
    }
    return ok;
}

void preferences_free(struct pg_array arrays[static PREFERENCES_VALUES])
{
    for (int i = 0; i < PREFERENCES_VALUES; i++) {
        pg_array_free(&arrays[i]);
    }
}
