/*
 * Whole numbers as decimal text. A bid writes a dozen of them, in messages, parameters and hashes, and snprintf takes
 * ten times as long. Pure.
 */
#ifndef ROSTRUM_COMMON_BASE_DECIMAL_H
#define ROSTRUM_COMMON_BASE_DECIMAL_H

#include <stddef.h>

#include "common/base/base.h"

enum { DECIMAL_SIZE = 21 }; /* a sign, 19 digits and the NUL */

/* Writes the number as printf's %lld does. Returns the length. */
size_t decimal_format(int64_t number, char out[static DECIMAL_SIZE]);

#endif
