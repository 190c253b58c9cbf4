/*
 * Members of the JSON messages between the programs, and the frame of a message: {"v":1,"NAME":[…]}. Callers: the
 * codecs message.c and sale_message.c.
 *
 * A member that is 0, nil or empty is not written. Each reader leaves `out` unchanged if its member is absent.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_WIRE_H
#define ROSTRUM_COMMON_PROTOCOL_WIRE_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/base/json.h"

#define WIRE_TIME_MAX_MS INT64_C(253402300799999) /* the last millisecond of the year 9999 */

void wire_put_text(struct jsonw *writer, const char *name, const char *text);
void wire_put_uuid(struct jsonw *writer, const char *name, const struct uuid *id);
void wire_put_int(struct jsonw *writer, const char *name, int64_t value);

/* False if the member is present but invalid: of another type, below 0 or above `most`, or of `size` bytes or more. */
MUST_CHECK bool wire_uuid(const struct json *object, const char *name, struct uuid *out);
MUST_CHECK bool wire_int(const struct json *object, const char *name, int64_t most, int64_t *out);
MUST_CHECK bool wire_bool(const struct json *object, const char *name, bool *out);
MUST_CHECK bool wire_text(const struct json *object, const char *name, char *out, size_t size);

/* Finds the index of the word in member `member`; false if it is missing or unknown. */
MUST_CHECK bool wire_name(const char *const *names, size_t count, const struct json *object, const char *member,
                          size_t *index);
/* The array `name` of a message of this version, not empty; NULL with `*reason`, a static text. */
MUST_CHECK const struct json *wire_array(const struct json *root, const char *name, int64_t version,
                                         const char **reason);

#endif
