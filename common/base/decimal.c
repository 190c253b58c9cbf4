/*
 * See decimal.h.
 */
#include "common/base/decimal.h"

#include <string.h>

enum { BASE = 10 };

size_t decimal_format(int64_t number, char out[static DECIMAL_SIZE])
{
    char digits[DECIMAL_SIZE];
    size_t at = sizeof digits;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number; /* INT64_MIN has no positive counterpart */
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + rest % BASE);
        rest /= BASE;
    } while (rest > 0);
    if (number < 0) {
        digits[--at] = '-';
    }
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at - 1;
}
