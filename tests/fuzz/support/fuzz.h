/*
 * What every fuzz target shares. A target is one file of tests/fuzz: it defines LLVMFuzzerTestOneInput and ends the
 * process by fuzz_check when the program breaks a promise. libFuzzer drives it (`make fuzz`), or replay.c does, which
 * runs the files given (`make check`).
 */
#ifndef ROSTRUM_TESTS_FUZZ_SUPPORT_FUZZ_H
#define ROSTRUM_TESTS_FUZZ_SUPPORT_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "common/base/base.h"

/* libFuzzer's names. The first returns 0, the second too; it runs once, before the first input. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Ends the process with a sentence when `condition` does not hold: libFuzzer then keeps the input. */
#define fuzz_check(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
