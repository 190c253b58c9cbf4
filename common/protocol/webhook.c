/*
 * See webhook.h. URLs are parsed more strictly than by any HTTP client. Forms that parsers interpret differently (user
 * names, backslashes, numbers as addresses) are refused.
 */
#include "common/protocol/webhook.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/protocol/notification_kinds.h"

enum {
    HOST_SIZE = 254, /* the longest DNS name */
    PORT_DIGITS_MAX = 5,
    NUMBER_SIZE = 32,
    TIMESTAMP_DIGITS_MAX = 12,
};

static const char secret_prefix[] = "whsec_";
static const char signature_prefix[] = "v1,";

const char *const webhook_deployment_kinds[] = {DEPLOYMENT_EVENTS(NOTIFICATION_WORD) NULL};

void webhook_secret_new(char out[static WEBHOOK_SECRET_SIZE])
{
    uint8_t secret[WEBHOOK_SECRET_BYTES];
    size_t prefix = sizeof(secret_prefix) - 1;
    randombytes_buf(secret, sizeof(secret));
    memcpy(out, secret_prefix, prefix);
    sodium_bin2base64(out + prefix, WEBHOOK_SECRET_SIZE - prefix, secret, sizeof(secret),
                      sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(secret, sizeof(secret));
}

bool webhook_secret_parse(const char *text, uint8_t secret[static WEBHOOK_SECRET_BYTES])
{
    size_t prefix = sizeof(secret_prefix) - 1;
    size_t length = 0;
    if (strncmp(text, secret_prefix, prefix) != 0) {
        return false;
    }
    return sodium_base642bin(secret, WEBHOOK_SECRET_BYTES, text + prefix, strlen(text + prefix), NULL, &length, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           length == WEBHOOK_SECRET_BYTES;
}

static void write_signature(const uint8_t *secret, size_t secret_length, const struct webhook_received *call,
                            char out[static WEBHOOK_SIGNATURE_SIZE])
{
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    (void)crypto_auth_hmacsha256_init(&state, secret, secret_length); /* none of these calls can fail */
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)call->id, strlen(call->id));
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)".", 1);
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)call->timestamp, strlen(call->timestamp));
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)".", 1);
    (void)crypto_auth_hmacsha256_update(&state, call->body, call->length);
    (void)crypto_auth_hmacsha256_final(&state, mac);
    size_t prefix = sizeof(signature_prefix) - 1;
    memcpy(out, signature_prefix, prefix);
    sodium_bin2base64(out + prefix, WEBHOOK_SIGNATURE_SIZE - prefix, mac, sizeof(mac), sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(&state, sizeof(state));
}

void webhook_sign(const uint8_t secret[static WEBHOOK_SECRET_BYTES], const char *id, int64_t timestamp_s,
                  const void *body, size_t length, char out[static WEBHOOK_SIGNATURE_SIZE])
{
    char timestamp[NUMBER_SIZE];
    int digits = snprintf(timestamp, sizeof(timestamp), "%" PRId64, timestamp_s);
    assert(digits > 0 && (size_t)digits < sizeof(timestamp));
    (void)digits;
    const struct webhook_received call = {.id = id, .timestamp = timestamp, .body = body, .length = length};
    write_signature(secret, WEBHOOK_SECRET_BYTES, &call, out);
}

/* ---- received webhooks ---- */

bool webhook_keys_parse(const char *text, struct webhook_keys *keys)
{
    size_t prefix = sizeof(secret_prefix) - 1;
    *keys = (struct webhook_keys){.count = 0};
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        size_t at = keys->count;
        if (at == WEBHOOK_KEYS_MAX || word <= prefix || strncmp(text, secret_prefix, prefix) != 0 ||
            sodium_base642bin(keys->of[at].bytes, WEBHOOK_KEY_MOST_BYTES, text + prefix, word - prefix, NULL,
                              &keys->of[at].length, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
            keys->of[at].length < WEBHOOK_KEY_LEAST_BYTES) {
            sodium_memzero(keys, sizeof(*keys));
            return false;
        }
        keys->count++;
        text += word;
        text += *text == ' ' ? 1 : 0;
    }
    return keys->count > 0;
}

static bool is_current(const char *timestamp, int64_t now_s)
{
    size_t digits = strspn(timestamp, "0123456789");
    if (digits == 0 || digits > TIMESTAMP_DIGITS_MAX || timestamp[digits] != '\0') {
        return false;
    }
    int64_t sent_s = strtoll(timestamp, NULL, 10);
    return sent_s >= now_s - WEBHOOK_TOLERANCE_S && sent_s <= now_s + WEBHOOK_TOLERANCE_S;
}

/* Whether the signature is one of the header's. */
static bool is_listed(const char *signatures, const char signature[static WEBHOOK_SIGNATURE_SIZE])
{
    bool listed = false;
    for (size_t i = 0; i < WEBHOOK_SIGNATURES_MAX && *signatures != '\0'; i++) {
        size_t word = strcspn(signatures, " ");
        listed |= word == WEBHOOK_SIGNATURE_SIZE - 1 && sodium_memcmp(signatures, signature, word) == 0;
        signatures += word;
        signatures += strspn(signatures, " ");
    }
    return listed;
}

bool webhook_verify(const struct webhook_keys *keys, const struct webhook_received *received, int64_t now_s)
{
    char signature[WEBHOOK_SIGNATURE_SIZE];
    bool signed_by_one = false;
    if (received->id == NULL || received->id[0] == '\0' || received->timestamp == NULL ||
        received->signatures == NULL || !is_current(received->timestamp, now_s)) {
        return false;
    }
    for (size_t i = 0; i < keys->count; i++) {
        write_signature(keys->of[i].bytes, keys->of[i].length, received, signature);
        signed_by_one |= is_listed(received->signatures, signature);
    }
    sodium_memzero(signature, sizeof(signature));
    return signed_by_one;
}

/* ---- URLs ---- */

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~' || strchr("\"<>\\^`{|}#", *text) != NULL) {
            return false;
        }
    }
    return true;
}

/* A DNS name whose last label does not start with a digit. Some parsers read "1.2.3" and "0x7f.1" as addresses. */
static bool is_name(const char *host)
{
    static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    size_t length = strlen(host);
    if (length > 0 && host[length - 1] == '.') {
        length--;
    }
    if (length == 0 || strspn(host, characters) < length || host[0] == '.' || host[length - 1] == '.' ||
        strstr(host, "..") != NULL) {
        return false;
    }
    size_t last = length;
    while (last > 0 && host[last - 1] != '.') {
        last--;
    }
    return strchr("0123456789", host[last]) == NULL;
}

static enum webhook_url_error host_error(const struct webhook_rules *rules, const char *host, bool bracketed)
{
    switch (address_literal(&rules->networks, host)) {
    case ADDRESS_ALLOWED:
        return bracketed == (strchr(host, ':') != NULL) ? WEBHOOK_URL_OK : WEBHOOK_URL_HOST;
    case ADDRESS_REFUSED:
        return WEBHOOK_URL_NETWORK;
    case ADDRESS_NO_LITERAL:
        break;
    }
    return !bracketed && is_name(host) ? WEBHOOK_URL_OK : WEBHOOK_URL_HOST;
}

static enum webhook_url_error port_error(const char *text, size_t length)
{
    if (length == 0 || length > PORT_DIGITS_MAX || strspn(text, "0123456789") < length) {
        return WEBHOOK_URL_PORT;
    }
    unsigned long port = strtoul(text, NULL, 10);
    return port <= WEBHOOK_PORT_MOST && (port == 80 || port == 443 || port >= WEBHOOK_PORT_LEAST) ? WEBHOOK_URL_OK
                                                                                                  : WEBHOOK_URL_PORT;
}

/* Checks the part between "//" and the path. */
static enum webhook_url_error authority_error(const struct webhook_rules *rules, const char *text, size_t length)
{
    char host[HOST_SIZE];
    bool bracketed = length > 0 && text[0] == '[';
    const char *begin = bracketed ? text + 1 : text;
    const char *end = memchr(begin, bracketed ? ']' : ':', length - (size_t)(begin - text));
    if (memchr(text, '@', length) != NULL) {
        return WEBHOOK_URL_CREDENTIALS;
    }
    if (end == NULL && bracketed) {
        return WEBHOOK_URL_HOST;
    }
    end = end == NULL ? text + length : end;
    const char *after = bracketed ? end + 1 : end;
    size_t host_length = (size_t)(end - begin);
    if (host_length >= sizeof(host)) {
        return WEBHOOK_URL_HOST;
    }
    memcpy(host, begin, host_length);
    host[host_length] = '\0';
    enum webhook_url_error error = host_error(rules, host, bracketed);
    size_t rest = length - (size_t)(after - text);
    if (error != WEBHOOK_URL_OK || rest == 0) {
        return error;
    }
    return *after == ':' ? port_error(after + 1, rest - 1) : WEBHOOK_URL_HOST;
}

enum webhook_url_error webhook_url_error(const struct webhook_rules *rules, const char *url)
{
    static const char secure[] = "https://";
    static const char plain[] = "http://";
    size_t scheme = sizeof(secure) - 1;
    if (strlen(url) > WEBHOOK_URL_MOST) {
        return WEBHOOK_URL_MALFORMED;
    }
    if (!is_printable(url)) {
        return WEBHOOK_URL_MALFORMED;
    }
    if (strncasecmp(url, secure, scheme) != 0) {
        scheme = sizeof(plain) - 1;
        if (!rules->http || strncasecmp(url, plain, scheme) != 0) {
            return WEBHOOK_URL_SCHEME;
        }
    }
    return authority_error(rules, url + scheme, strcspn(url + scheme, "/?"));
}
