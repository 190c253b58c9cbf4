/*
 * What the gateway, which registers webhooks, and the notification worker, which calls them, must see alike: which
 * kinds of events there are, what a URL may be, and the secret that calls are signed with, as Standard Webhooks 1.0 has
 * it:
 *
 *     webhook-id: <id of the delivery>       the same in every try: who has seen it has had the event
 *     webhook-timestamp: <seconds>           of this try
 *     webhook-signature: v1,<base64 of HMAC-SHA256(secret, id.timestamp.body)> [v1,<the same by the secret before>]
 *
 * Pure.
 *
 * Callers: gateway/account/webhooks.c, notifyworker/webhook_call.c.
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
    WEBHOOK_OLD_SECRET_S = 86400,        /* for which a secret that was replaced signs beside the new one */
};

/* Kinds that a user's endpoint, and one of the deployment's, may choose; NULL-ended. A test call is of kind "TEST". */
extern const char *const webhook_deployment_kinds[];
#define WEBHOOK_TEST_KIND "TEST"

void webhook_secret_new(char out[static WEBHOOK_SECRET_SIZE]);
/* False: it is none of ours. */
MUST_CHECK bool webhook_secret_parse(const char *text, uint8_t secret[static WEBHOOK_SECRET_BYTES]);
void webhook_sign(const uint8_t secret[static WEBHOOK_SECRET_BYTES], const char *id, int64_t timestamp_s,
                  const void *body, size_t length, char out[static WEBHOOK_SIGNATURE_SIZE]);

struct webhook_rules {
    bool http;                        /* http: is taken too */
    struct address_networks networks; /* that are allowed although they are special */
};

/*
 * NULL if it may be called, else what is wrong with it, for a person (static). A name is not resolved: whether its
 * addresses may be connected to is judged when they are.
 */
MUST_CHECK const char *webhook_url_error(const struct webhook_rules *rules, const char *url);

#endif
