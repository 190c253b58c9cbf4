/*
 * The handful of words that every file of the deployment uses.
 */
#ifndef ROSTRUM_COMMON_BASE_BASE_H
#define ROSTRUM_COMMON_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A status that the caller must look at. */
#define MUST_CHECK                                __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#define ARRAY_LEN(array)                          (sizeof(array) / sizeof((array)[0]))

#endif
