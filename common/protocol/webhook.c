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

void webhook_sign(const uint8_t secret[static WEBHOOK_SECRET_BYTES], const char *id, int64_t timestamp_s,
                  const void *body, size_t length, char out[static WEBHOOK_SIGNATURE_SIZE])
{
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    char between[NUMBER_SIZE];
    crypto_auth_hmacsha256_state state;
    int digits = snprintf(between, sizeof(between), ".%" PRId64 ".", timestamp_s);
    assert(digits > 0 && (size_t)digits < sizeof(between));
    (void)crypto_auth_hmacsha256_init(&state, secret, WEBHOOK_SECRET_BYTES); /* none of these calls can fail */
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)id, strlen(id));
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)between, (size_t)digits);
    (void)crypto_auth_hmacsha256_update(&state, body, length);
    (void)crypto_auth_hmacsha256_final(&state, mac);
    size_t prefix = sizeof(signature_prefix) - 1;
    memcpy(out, signature_prefix, prefix);
    sodium_bin2base64(out + prefix, WEBHOOK_SIGNATURE_SIZE - prefix, mac, sizeof(mac), sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(&state, sizeof(state));
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
