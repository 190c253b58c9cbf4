/*
 * Validates the members of a JSON body. Unknown members and wrong types are field errors, each reported with its
 * field's name. Called by the handlers.
 *
 * Each reader returns true if the member is present and valid. An absent member, or null, is an error only if it is
 * FIELDS_REQUIRED. Invalid money has an error code of its own (INVALID_AMOUNT), see fields_money.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_FIELDS_H
#define ROSTRUM_GATEWAY_HTTP_FIELDS_H

#include "common/base/json.h"
#include "gateway/http/reply.h"

enum fields_need { FIELDS_OPTIONAL, FIELDS_REQUIRED };

/* Adds a field error for every member whose name is not in `names` (NULL-terminated). */
void fields_known(const struct json *object, const char *const *names, struct field_errors *field_errors);
/* A string of `least` to `most` characters (not bytes), without control characters other than newline and tab. */
bool fields_text(const struct json *object, const char *name, enum fields_need need, size_t least, size_t most,
                 const char **out, struct field_errors *field_errors);
/* As fields_text, for names: a single line that is not only spaces ("" is valid if `least` is 0). */
bool fields_name(const struct json *object, const char *name, enum fields_need need, size_t least, size_t most,
                 const char **out, struct field_errors *field_errors);
bool fields_int(const struct json *object, const char *name, enum fields_need need, int64_t least, int64_t most,
                int64_t *out, struct field_errors *field_errors);
bool fields_bool(const struct json *object, const char *name, enum fields_need need, bool *out,
                 struct field_errors *field_errors);
bool fields_uuid(const struct json *object, const char *name, enum fields_need need, struct uuid *out,
                 struct field_errors *field_errors);
/* An RFC 3339 time, as milliseconds since the epoch. */
bool fields_time(const struct json *object, const char *name, enum fields_need need, int64_t *ms,
                 struct field_errors *field_errors);

/*
 * Returns whether the text of a query parameter is a single line of at most `most` characters. The text must be UTF-8
 * or the "\x01" of request_query, which is refused.
 */
bool fields_line(const char *text, size_t most);

enum fields_money { FIELDS_MONEY_OK, FIELDS_MONEY_ABSENT, FIELDS_MONEY_INVALID };
/*
 * Reads an amount, a number or a string, in minor units. FIELDS_MONEY_INVALID (400 INVALID_AMOUNT): zero, negative, an
 * exponent, too many decimals, or too large.
 */
enum fields_money fields_money(const struct json *object, const char *name, int64_t *minor);

/* Whether the text is one word or several with commas, each of which `valid` accepts. */
MUST_CHECK bool fields_words(const char *text, bool (*valid)(const char *word));

#endif
