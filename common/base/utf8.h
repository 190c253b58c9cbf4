/*
 * Text from outside: PostgreSQL refuses what is no UTF-8, so it must be found before. No I/O.
 */
#ifndef ROSTRUM_COMMON_BASE_UTF8_H
#define ROSTRUM_COMMON_BASE_UTF8_H

#include "common/base/base.h"

/* RFC 3629 to the letter: nothing overlong, no surrogates, nothing above U+10FFFF. */
MUST_CHECK bool utf8_valid(const void *bytes, size_t length);

#endif
