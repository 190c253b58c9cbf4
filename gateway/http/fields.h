/*
 * Reading the members of a JSON body with the contract's strictness: unknown members and wrong types are faults, each
 * reported with its field. Each reader returns true when the member is there and right; an absent one is a fault only
 * if `required`. Money has an answer of its own (INVALID_AMOUNT), see fields_money.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_FIELDS_H
#define ROSTRUM_GATEWAY_HTTP_FIELDS_H

#include "common/base/json.h"
#include "gateway/http/reply.h"

enum fields_need { FIELDS_OPTIONAL, FIELDS_REQUIRED };

/* A fault for every member whose name is not in `names` (NULL-ended). */
void fields_known(const struct json *object, const char *const *names, struct field_errors *field_errors);
/* A string of `least` to `most` characters (not bytes), without control characters other than newline and tab. */
bool fields_text(const struct json *object, const char *name, enum fields_need need, size_t least, size_t most,
                 const char **out, struct field_errors *field_errors);
/* The same of what something or somebody is called: one line, and not only spaces ("" where `least` is 0). */
bool fields_name(const struct json *object, const char *name, enum fields_need need, size_t least, size_t most,
                 const char **out, struct field_errors *field_errors);
bool fields_int(const struct json *object, const char *name, enum fields_need need, int64_t least, int64_t most,
                int64_t *out, struct field_errors *field_errors);
bool fields_bool(const struct json *object, const char *name, enum fields_need need, bool *out,
                 struct field_errors *field_errors);
bool fields_uuid(const struct json *object, const char *name, enum fields_need need, struct uuid *out,
                 struct field_errors *field_errors);
/* RFC 3339. */
bool fields_time(const struct json *object, const char *name, enum fields_need need, int64_t *ms,
                 struct field_errors *field_errors);

/* Of text that is no JSON, as of a query: one line of at most `most` characters (it is UTF-8, or request_query's
 * "\x01"). */
bool fields_line(const char *text, size_t most);

enum fields_money { FIELDS_MONEY_OK, FIELDS_MONEY_ABSENT, FIELDS_MONEY_INVALID };
/* A number or string; zero, negative, exponents, too many decimals, too large: FIELDS_MONEY_INVALID (400
 * INVALID_AMOUNT). */
enum fields_money fields_money(const struct json *object, const char *name, int64_t *minor);

#endif
