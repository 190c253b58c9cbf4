/* See payment_url.h. */
#include "common/protocol/payment_url.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/money.h"

enum { PLACEHOLDER_COUNT = 4, VALUE_SIZE = 64 };

static const char *const placeholders[PLACEHOLDER_COUNT] = {"{orderId}", "{saleId}", "{amount}", "{expiresAt}"};

/* The placeholder at which the text begins; PLACEHOLDER_COUNT: none. */
static size_t placeholder_at(const char *text)
{
    size_t i = 0;
    while (i < PLACEHOLDER_COUNT && strncmp(text, placeholders[i], strlen(placeholders[i])) != 0) {
        i++;
    }
    return i;
}

bool payment_url_valid(const char *template)
{
    if (strncmp(template, "https://", 8) != 0 && strncmp(template, "http://", 7) != 0) {
        return false;
    }
    for (const char *at = template + strcspn(template, "{}"); *at != '\0'; at += strcspn(at, "{}")) {
        size_t found = placeholder_at(at);
        if (found == PLACEHOLDER_COUNT) {
            return false;
        }
        at += strlen(placeholders[found]);
    }
    return strstr(template, placeholders[0]) != NULL;
}

void payment_url_write(const char *template, const struct payment_url_order *order, char out[static PAYMENT_URL_SIZE])
{
    char values[PLACEHOLDER_COUNT][VALUE_SIZE];
    static_assert((int)UUID_TEXT_SIZE <= (int)VALUE_SIZE && (int)MONEY_TEXT_SIZE <= (int)VALUE_SIZE &&
                      (int)CLOCK_TEXT_SIZE <= (int)VALUE_SIZE,
                  "each value fits");
    uuid_format(&order->order_id, values[0]);
    uuid_format(&order->sale_id, values[1]);
    money_format(order->amount, values[2]);
    clock_format(order->expires_ms, values[3]);
    size_t length = 0;
    while (*template != '\0') {
        size_t found = placeholder_at(template);
        size_t plain = found == PLACEHOLDER_COUNT ? 1 : 0;
        const char *piece = plain == 1 ? template : values[found];
        size_t size = plain == 1 ? 1 : strlen(piece);
        assert(length + size < PAYMENT_URL_SIZE);
        memcpy(out + length, piece, size);
        length += size;
        template += plain == 1 ? 1 : strlen(placeholders[found]);
    }
    out[length] = '\0';
}
