/*
 * UTF-8 validation of received text. PostgreSQL refuses invalid UTF-8, so text is checked before it gets there. No I/O.
 */
#ifndef ROSTRUM_COMMON_BASE_UTF8_H
#define ROSTRUM_COMMON_BASE_UTF8_H

#include "common/base/base.h"

/* Strict RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
MUST_CHECK bool utf8_valid(const void *bytes, size_t length);

#endif
