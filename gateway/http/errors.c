/*
 * The error codes of the API; see errors.h. Messages are for people and reveal nothing about the implementation.
 */
#include "gateway/http/errors.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base/ids.h"

static const struct error_entry entries[ERROR_COUNT] = {
#define ERROR_ENTRY(name, status, code, message) [ERROR_##name] = {(status), (code), (message)},
    ERROR_CODES(ERROR_ENTRY)
#undef ERROR_ENTRY
};

const struct error_entry *errors_entry(enum error_code code)
{
    assert(code < ERROR_COUNT && entries[code].code != NULL);
    return &entries[code];
}

const char *errors_sentence(enum error_code code, const struct parameter *parameters, size_t count,
                            char out[static SENTENCE_SIZE])
{
    static const struct {
        enum error_code code;
        const char *pattern;
    } sentences[] = {
#define ERROR_SENTENCE(name, pattern) {ERROR_##name, (pattern)},
        ERROR_SENTENCES(ERROR_SENTENCE)
#undef ERROR_SENTENCE
    };
    for (size_t i = 0; count > 0 && i < ARRAY_LEN(sentences); i++) {
        if (sentences[i].code == code && sentence_write(sentences[i].pattern, parameters, count, out)) {
            return out;
        }
    }
    return errors_entry(code)->message;
}

enum error_code errors_of_reason(enum rules_reason reason)
{
/* If a reason has no error code of the same name, this does not compile. */
#define CODE_OF_REASON(name) [RULES_##name] = ERROR_##name,
    static const enum error_code codes[RULES_REASON_COUNT] = {[RULES_NONE] = ERROR_INTERNAL_ERROR,
                                                              RULES_REASONS(CODE_OF_REASON)};
#undef CODE_OF_REASON
    assert((size_t)reason < RULES_REASON_COUNT);
    return codes[reason];
}

enum error_code errors_of_sale_reason(enum sale_reason reason)
{
#define CODE_OF_REASON(name) [SALE_REASON_##name] = ERROR_##name,
    static const enum error_code codes[SALE_REASON_COUNT] = {[SALE_REASON_NONE] = ERROR_INTERNAL_ERROR,
                                                             SALE_REASONS(CODE_OF_REASON)};
#undef CODE_OF_REASON
    assert((size_t)reason < SALE_REASON_COUNT);
    return codes[reason];
}

const char *errors_phrase(int status)
{
    static const struct {
        int status;
        const char *text;
    } phrases[] = {{400, "Bad Request"},
                   {408, "Request Timeout"},
                   {409, "Conflict"},
                   {413, "Content Too Large"},
                   {415, "Unsupported Media Type"},
                   {417, "Expectation Failed"},
                   {422, "Unprocessable Content"},
                   {426, "Upgrade Required"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
        if (phrases[i].status == status) {
            return phrases[i].text;
        }
    }
    return NULL;
}

enum error_code errors_of_status(int status)
{
    for (int i = 0; i < ERROR_COUNT; i++) {
        if (entries[i].status == status) {
            return (enum error_code)i; /* the first code of the status in ERROR_CODES */
        }
    }
    return ERROR_BAD_REQUEST;
}

size_t errors_raw(enum error_code code, int64_t max, const struct answer_headers *headers,
                  char out[static ERRORS_RAW_SIZE])
{
    char body[512];
    char member[48] = "";
    char lines[ANSWER_HEADERS_SIZE];
    char sentence[SENTENCE_SIZE];
    const struct error_entry *entry = errors_entry(code);
    char id[UUID_TEXT_SIZE];
    struct uuid made = uuid_new();
    uuid_format(&made, id);
    bool limited = code == ERROR_RATE_LIMITED;
    const struct parameter parameter = limited ? parameter_number("retryAfter", 1) : parameter_number("max", max);
    bool has = limited || max > 0;
    if (has) {
        (void)snprintf(member, sizeof(member), ",\"%s\":%" PRId64, parameter.name, parameter.number);
    }
    int body_length = snprintf(body, sizeof(body), "{\"error\":\"%s\",\"message\":\"%s\",\"requestId\":\"%s\"%s}",
                               entry->code, errors_sentence(code, &parameter, has ? 1 : 0, sentence), id, member);
    assert(body_length > 0 && (size_t)body_length < sizeof(body));
    const char *phrase = errors_phrase(entry->status);
    answer_headers_text(headers, lines);
    int length = snprintf(out, ERRORS_RAW_SIZE,
                          "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                          "X-Request-Id: %s\r\n%s%sConnection: close\r\n\r\n%s",
                          entry->status, phrase == NULL ? "Error" : phrase, body_length, id, lines,
                          entry->status == 503 || entry->status == 429 ? "Retry-After: 1\r\n" : "", body);
    assert(length > 0 && length < ERRORS_RAW_SIZE);
    return (size_t)length;
}
