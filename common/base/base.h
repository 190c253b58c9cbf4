/*
 * Macros and standard types that every file uses.
 */
#ifndef ROSTRUM_COMMON_BASE_BASE_H
#define ROSTRUM_COMMON_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The caller must check the returned status. */
#define MUST_CHECK                                __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#define ARRAY_LEN(array)                          (sizeof(array) / sizeof((array)[0]))

#endif
