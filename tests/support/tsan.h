/*
 * ThreadSanitizer's hook for its list of suppressions; see tsan.c.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_TSAN_H
#define ROSTRUM_TESTS_SUPPORT_TSAN_H

/* Returns static text, one suppression a line. */
const char *__tsan_default_suppressions(void);

#endif
