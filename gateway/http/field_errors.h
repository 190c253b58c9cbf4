/*
 * Errors in the fields of a body, query or live message: of each the field, a code and the parameters of the code. The
 * table FIELD_CODES is the one list of the codes. openapi.yaml repeats it as `x-field-codes`; openapi_test.py compares.
 *
 * Callers: fields.c and the handlers; reply_field_errors and gateway/live/commands.c answer them.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_FIELD_ERRORS_H
#define ROSTRUM_GATEWAY_HTTP_FIELD_ERRORS_H

#include "gateway/http/sentence.h"

/* X(code, sentence). The parameters of a code are those of its sentence. */
#define FIELD_CODES(X)                                                                                                 \
    X(REQUIRED, "is required")                                                                                         \
    X(REQUIRED_WITHOUT, "is required without {other}")                                                                 \
    X(UNKNOWN_FIELD, "is not known here")                                                                              \
    X(UNKNOWN_PARAMETER, "is not a query parameter of this resource")                                                  \
    X(INVALID_JSON, "is no JSON that can be read: {detail}")                                                           \
    X(NOT_AN_OBJECT, "must be a JSON object")                                                                          \
    X(NOT_A_LIST, "must be an array")                                                                                  \
    X(NOT_A_STRING, "must be a string")                                                                                \
    X(NOT_A_BOOLEAN, "must be true or false")                                                                          \
    X(NOT_A_UUID, "must be a UUID")                                                                                    \
    X(NOT_A_TIME, "must be an RFC 3339 time, such as 2026-01-31T12:00:00Z")                                            \
    X(NOT_AN_AMOUNT, "must be an amount of money of at most {max}, with at most two decimals")                         \
    X(NOT_AN_EMAIL, "must be an email address")                                                                        \
    X(NOT_A_CURSOR, "is not a cursor of this list")                                                                    \
    X(INVALID_NUMBER, "must be a whole number from {min} to {max}")                                                    \
    X(NUMBER_TOO_SMALL, "must be a whole number of at least {min}")                                                    \
    X(TOO_SHORT, "must have at least {min} characters")                                                                \
    X(TOO_LONG, "must have at most {max} characters")                                                                  \
    X(INVALID_TEXT, "must be a line of at most {max} characters in UTF-8, without control characters")                 \
    X(CONTROL_CHARACTER, "must not contain control characters")                                                        \
    X(BLANK, "must not be blank")                                                                                      \
    X(INVALID_ID, "must be a text or a number of at most {max} bytes")                                                 \
    X(INVALID_KEY, "must have {min} to {max} bytes, bare or as a quoted string")                                       \
    X(DIFFERENT_KEYS, "was sent twice, with different values")                                                         \
    X(UNKNOWN_VALUE, "must be one of: {allowed}")                                                                      \
    X(UNKNOWN_WORDS, "must be one of these, or several with commas: {allowed}")                                        \
    X(NOT_UUIDS, "must be 1 to {max} UUIDs with commas")                                                               \
    X(NOT_A_LANGUAGE, "must be a language tag, for example en or pt-BR")                                               \
    X(INVALID_COUNT, "must hold {min} to {max} values")                                                                \
    X(UNKNOWN_EVENT, "contains an unknown kind of event")                                                              \
    X(REPEATED_VALUE, "contains a value twice")                                                                        \
    X(EXCLUDED, "must not be given together with {other}")                                                             \
    X(REQUIRES, "requires {other}")                                                                                    \
    X(ONLY_WITH, "is allowed only if {other} is one of: {allowed}")                                                    \
    X(BELOW_OTHER, "must be at least {min}, which is {other}")                                                         \
    X(TOO_EARLY, "must not be before {min}")                                                                           \
    X(TOO_LATE, "must not be after {max}")                                                                             \
    X(ALREADY_STARTED, "cannot be changed any more: the auction has started")                                          \
    X(INVALID_INCREMENT_TABLE, "{detail}")                                                                             \
    X(INVALID_URL, "must be a URL of printable ASCII, without a fragment")                                             \
    X(INVALID_SCHEME, "must begin with one of: {allowed}")                                                             \
    X(CONTAINS_CREDENTIALS, "must not contain a user name or password")                                                \
    X(INVALID_HOST, "must name a host")                                                                                \
    X(REFUSED_ADDRESS, "must not lead to a private or special address")                                                \
    X(INVALID_PORT, "must have port 80, port 443, or a port from {min} to {max}")                                      \
    X(NOT_YOUR_ITEM, "must be the id of one of your items")                                                            \
    X(UNKNOWN_PRODUCT, "must be the id of a product")                                                                  \
    X(PAYMENTS_OFF, "must not be callback: callbacks of payments are not set up")                                      \
    X(WRONG_PASSWORD, "is not the current password")

enum field_code {
#define FIELD_CODE_ENUMERATOR(code, sentence) FIELD_##code,
    FIELD_CODES(FIELD_CODE_ENUMERATOR)
#undef FIELD_CODE_ENUMERATOR
        FIELD_CODE_COUNT
};

enum {
    FIELD_ERRORS_MAX = 16, /* more are not reported */
    FIELD_NAME_SIZE = 64,  /* a longer name is cut */
    FIELD_PARAMETERS_MAX = 2,
};

struct field_errors {
    size_t count;
    struct field_error {
        char field[FIELD_NAME_SIZE];
        enum field_code code;
        size_t parameter_count;
        struct parameter parameters[FIELD_PARAMETERS_MAX];
    } list[FIELD_ERRORS_MAX];
};

/* Adds an error; copies the field's name. For a code without parameters. */
void field_errors_add(struct field_errors *field_errors, const char *field, enum field_code code);
/* The same for a code with one parameter. */
void field_errors_add_one(struct field_errors *field_errors, const char *field, enum field_code code,
                          struct parameter parameter);
/* The same for a code with two parameters. */
void field_errors_add_two(struct field_errors *field_errors, const char *field, enum field_code code,
                          struct parameter first, struct parameter second);
/* Appends the member "fields" to the open object: an array of {"field", "code", "message", parameters}. */
void field_errors_put(struct jsonw *json, const struct field_errors *field_errors);

#endif
