/*
 * The link by which the buyer of an order pays: the setting payment_url with {orderId}, {saleId}, {amount} ("49.00")
 * and {expiresAt} (RFC 3339) replaced. Pure. Callers: config.c, gateway/sale.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_PAYMENT_URL_H
#define ROSTRUM_COMMON_PROTOCOL_PAYMENT_URL_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum { PAYMENT_URL_SIZE = 4096 }; /* a template of CONFIG_TEXT_SIZE with as many placeholders as it can have */

struct payment_url_order {
    struct uuid order_id;
    struct uuid sale_id;
    int64_t amount; /* minor units */
    int64_t expires_ms;
};

/* Whether the text begins with http:// or https://, has {orderId}, and braces only around the names above. */
MUST_CHECK bool payment_url_valid(const char *template);
/* Requires a valid template, shorter than CONFIG_TEXT_SIZE. */
void payment_url_write(const char *template, const struct payment_url_order *order, char out[static PAYMENT_URL_SIZE]);

#endif
