/*
 * See money.h.
 */
#include "common/base/money.h"

#include <assert.h>

bool money_parse(const char *text, size_t length, int64_t *minor)
{
    size_t at = 0;
    int64_t units = 0;
    while (at < length && text[at] >= '0' && text[at] <= '9') {
        units = units * 10 + (text[at] - '0');
        if (units > MONEY_MAX / 100) {
            return false;
        }
        at++;
    }
    if (at == 0 || (at > 1 && text[0] == '0')) {
        return false;
    }
    int64_t cents = 0;
    if (at < length) {
        size_t decimals = length - at - 1;
        if (text[at] != '.' || decimals < 1 || decimals > 2) {
            return false;
        }
        for (size_t i = at + 1; i < length; i++) {
            if (text[i] < '0' || text[i] > '9') {
                return false;
            }
            cents = cents * 10 + (text[i] - '0');
        }
        cents *= decimals == 1 ? 10 : 1;
    }
    *minor = units * 100 + cents;
    return true;
}

void money_format(int64_t minor, char out[static MONEY_TEXT_SIZE])
{
    assert(minor >= 0);
    char digits[MONEY_TEXT_SIZE];
    int count = 0;
    do {
        digits[count++] = (char)('0' + minor % 10);
        minor /= 10;
        if (count == 2) {
            digits[count++] = '.';
        }
    } while (minor > 0 || count < 4);
    for (int i = 0; i < count; i++) {
        out[i] = digits[count - 1 - i];
    }
    out[count] = '\0';
}

int64_t money_add_capped(int64_t a, int64_t b)
{
    assert(a >= 0 && a <= MONEY_MAX && b >= 0 && b <= MONEY_MAX);
    return a + b > MONEY_MAX ? MONEY_MAX : a + b;
}
