/*
 * See tagged.h.
 */
#include "gateway/query/tagged.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

enum {
    HASH_BYTES = 8, /* of the text; within one version, different texts with equal hashes are rare */
    TIME_SIZE = 48, /* ,"serverTime":"…"} */
};

void tagged_write(const char *text, size_t length, int64_t version, char out[static TAGGED_SIZE])
{
    unsigned char hash[crypto_generichash_BYTES_MIN];
    char hex[2 * HASH_BYTES + 1];
    (void)crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, length, NULL, 0);
    sodium_bin2hex(hex, sizeof(hex), hash, HASH_BYTES);
    (void)snprintf(out, TAGGED_SIZE, "W/\"%" PRId64 "-%s\"", version, hex);
}

void tagged_send(struct request *request, int status, const char *text, size_t length, const char *tag)
{
    char now[CLOCK_TEXT_SIZE];
    reply_header(request, "ETag", tag);
    if (reply_client_has(request, tag)) {
        reply_empty(request, 304);
        return;
    }
    assert(length > 2 && text[length - 1] == '}');
    char *whole = malloc(length + TIME_SIZE);
    if (whole == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    memcpy(whole, text, length - 1);
    clock_format(clock_now_ms(), now);
    int added = snprintf(whole + length - 1, TIME_SIZE, ",\"serverTime\":\"%s\"}", now);
    reply_bytes(request, status, "application/json", whole, length - 1 + (size_t)added);
    free(whole);
}

void tagged_reply(struct request *request, int status, struct jsonw *json, int64_t version)
{
    char tag[TAGGED_SIZE];
    size_t length = 0;
    const char *text = jsonw_text(json, &length);
    if (text == NULL) {
        reply_error(request, ERROR_INTERNAL_ERROR);
        return;
    }
    tagged_write(text, length, version, tag);
    tagged_send(request, status, text, length, tag);
}
