/*
 * See answer_headers.h.
 */
#include "gateway/http/answer_headers.h"

#include <assert.h>
#include <stdio.h>

/* What scripts of other sites may read, besides the headers that CORS always allows. */
static const char exposed[] = "Age, Allow, ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, "
                              "Retry-After, WWW-Authenticate, X-Request-Id";

/* Credentials make no difference to the answer. */
static bool for_everyone(const struct answer_headers *headers)
{
    return headers->storage == ANSWER_IMMUTABLE || headers->storage == ANSWER_SHARED;
}

static const char *cache_control(const struct answer_headers *headers)
{
    if (headers->storage == ANSWER_IMMUTABLE) {
        return "public, max-age=31536000, immutable";
    }
    if (headers->confidential && headers->storage != ANSWER_SHARED) {
        return "private, no-store";
    }
    return headers->storage == ANSWER_NOT_STORED ? "no-store" : "no-cache";
}

/* Guests and users share every route, if only because both may get an error. */
static const char *vary(const struct answer_headers *headers)
{
    if (for_everyone(headers) && headers->encoded) {
        return headers->cors ? "Accept-Encoding, Origin" : "Accept-Encoding";
    }
    if (for_everyone(headers)) {
        return headers->cors ? "Origin" : NULL;
    }
    return headers->cors ? "Authorization, Cookie, Origin" : "Authorization, Cookie";
}

void answer_headers_each(const struct answer_headers *headers, answer_header_put put, void *arg)
{
    const char *depends = vary(headers);
    put(arg, "X-Content-Type-Options", "nosniff");
    put(arg, "Cache-Control", cache_control(headers));
    if (depends != NULL) {
        put(arg, "Vary", depends);
    }
    if (headers->origin != NULL) {
        put(arg, "Access-Control-Allow-Origin", headers->origin);
        put(arg, "Access-Control-Expose-Headers", exposed);
    }
}

struct lines {
    char *out;
    size_t length;
};

static void put_line(void *arg, const char *name, const char *value)
{
    struct lines *lines = arg;
    size_t left = ANSWER_HEADERS_SIZE - lines->length;
    int added = snprintf(lines->out + lines->length, left, "%s: %s\r\n", name, value);
    assert(added > 0 && (size_t)added < left);
    lines->length += (size_t)added;
}

void answer_headers_text(const struct answer_headers *headers, char out[static ANSWER_HEADERS_SIZE])
{
    struct lines lines = {.out = out};
    out[0] = '\0';
    answer_headers_each(headers, put_line, &lines);
}

bool answer_headers_tagged(const struct answer_headers *headers)
{
    return for_everyone(headers) || !headers->confidential;
}
