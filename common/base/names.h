/*
 * Tables of the texts that stand for the values of an enum: "active" for RULES_ACTIVE. A table is indexed by the enum;
 * NULL stands for a value without a text. Callers: whatever parses a word of a message, of a row or of a request.
 */
#ifndef ROSTRUM_COMMON_BASE_NAMES_H
#define ROSTRUM_COMMON_BASE_NAMES_H

#include "common/base/base.h"

/* The index of a text of `length` bytes, into `*index`; false if the table has no such text. */
MUST_CHECK bool names_find(const char *const *names, size_t count, const char *text, size_t length, size_t *index);

#endif
