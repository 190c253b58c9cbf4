/*
 * Event kinds, URL rules and signatures of webhooks. Shared by the gateway, which registers webhooks and receives those
 * of payment providers, and the notification worker, which calls them. Signatures follow Standard Webhooks 1.0:
 *
 *     webhook-id: <id of the delivery>       the same in every attempt: a receiver discards ids it has seen
 *     webhook-timestamp: <seconds>           of this attempt
 *     webhook-signature: v1,<base64 of HMAC-SHA256(secret, id.timestamp.body)> [v1,<the same by the previous secret>]
 *
 * Pure.
 *
 * Callers: gateway/account/webhooks.c, gateway/sale/payments.c, notifyworker/webhook_call.c, config.c.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_WEBHOOK_H
#define ROSTRUM_COMMON_PROTOCOL_WEBHOOK_H

#include "common/base/address.h"
#include "common/base/base.h"

enum {
    WEBHOOK_SECRET_BYTES = 32,
    WEBHOOK_SECRET_SIZE = 6 + 44 + 1,    /* "whsec_", base64 */
    WEBHOOK_SIGNATURE_SIZE = 3 + 44 + 1, /* "v1,", base64 */
    WEBHOOK_URL_MOST = 1000,             /* characters */
    WEBHOOK_OLD_SECRET_S = 86400,        /* time for which a replaced secret signs beside the new one */
};

/* The kinds that a webhook of the deployment may choose; NULL-ended. Those of a user's webhook: notification_kinds. */
extern const char *const webhook_deployment_kinds[];
/* The kind of a test call. */
#define WEBHOOK_TEST_KIND "TEST"

void webhook_secret_new(char out[static WEBHOOK_SECRET_SIZE]);
/* False: the text is no secret of this form. */
MUST_CHECK bool webhook_secret_parse(const char *text, uint8_t secret[static WEBHOOK_SECRET_BYTES]);
void webhook_sign(const uint8_t secret[static WEBHOOK_SECRET_BYTES], const char *id, int64_t timestamp_s,
                  const void *body, size_t length, char out[static WEBHOOK_SIGNATURE_SIZE]);

/* --- webhooks that are received --- */

enum {
    WEBHOOK_KEYS_MAX = 2, /* the new one and the old one, while a secret is replaced */
    WEBHOOK_KEY_LEAST_BYTES = 24,
    WEBHOOK_KEY_MOST_BYTES = 64,
    WEBHOOK_TOLERANCE_S = 300,   /* between the timestamp and this machine's clock, both ways */
    WEBHOOK_SIGNATURES_MAX = 10, /* in one header; further ones are ignored */
};

struct webhook_keys {
    size_t count;
    struct {
        uint8_t bytes[WEBHOOK_KEY_MOST_BYTES];
        size_t length;
    } of[WEBHOOK_KEYS_MAX];
};

/* The headers of a received call, NULL if absent, and its body as it was sent. */
struct webhook_received {
    const char *id;
    const char *timestamp;
    const char *signatures;
    const void *body;
    size_t length;
};

/* Reads one or two secrets, "whsec_" and Base64, separated by a blank. False: the text has another form. */
MUST_CHECK bool webhook_keys_parse(const char *text, struct webhook_keys *keys);
/* Whether one of the keys has signed the call, at about `now_s`. Takes the same time for every wrong signature. */
MUST_CHECK bool webhook_verify(const struct webhook_keys *keys, const struct webhook_received *received, int64_t now_s);

/* --- URLs --- */

struct webhook_rules {
    bool http;                        /* http: is accepted too */
    struct address_networks networks; /* private or special networks that are allowed */
};

enum webhook_url_error {
    WEBHOOK_URL_OK,
    WEBHOOK_URL_MALFORMED, /* too long, with other bytes than printable ASCII, or with a fragment */
    WEBHOOK_URL_SCHEME,
    WEBHOOK_URL_CREDENTIALS, /* contains a user name or password */
    WEBHOOK_URL_HOST,
    WEBHOOK_URL_NETWORK, /* a private or special address */
    WEBHOOK_URL_PORT,
    WEBHOOK_URL_ERROR_COUNT
};

enum { WEBHOOK_PORT_LEAST = 1024, WEBHOOK_PORT_MOST = 65535 }; /* besides 80 and 443 */

/*
 * Whether the URL may be called. A host name is not resolved here: the addresses are checked at each connection.
 */
MUST_CHECK enum webhook_url_error webhook_url_error(const struct webhook_rules *rules, const char *url);

#endif
