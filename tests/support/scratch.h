/*
 * Names of scratch files in the temporary folder: TMPDIR, or /tmp. tests/run gives each of its runs a folder of its own
 * as TMPDIR and removes it, so that the files of a crashed or killed test do not stay behind.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_SCRATCH_H
#define ROSTRUM_TESTS_SUPPORT_SCRATCH_H

#include <stddef.h>

/* Writes the pattern of mkstemp and mkdtemp for a file of this name; fails the test if `size` is too small. */
void scratch_pattern(const char *name, char *out, size_t size);

#endif
