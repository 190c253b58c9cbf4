/*
 * ThreadSanitizer's name for the list of what it shall not report; see tsan.c.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_TSAN_H
#define ROSTRUM_TESTS_SUPPORT_TSAN_H

/* Static text, one suppression a line. */
const char *__tsan_default_suppressions(void);

#endif
