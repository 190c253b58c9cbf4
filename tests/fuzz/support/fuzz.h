/*
 * Shared by all fuzz targets. A target is a file of tests/fuzz that defines LLVMFuzzerTestOneInput and asserts
 * properties by fuzz_check. libFuzzer drives it (`make fuzz`), or replay.c with the corpus (`make check`).
 */
#ifndef ROSTRUM_TESTS_FUZZ_SUPPORT_FUZZ_H
#define ROSTRUM_TESTS_FUZZ_SUPPORT_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "common/base/base.h"

/* Names of libFuzzer. Both return 0. The second runs once, before the first input. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Aborts with a message if `condition` is false; libFuzzer then keeps the input. */
#define fuzz_check(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
