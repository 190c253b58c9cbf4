/*
 * See scratch.h.
 */
#include "tests/support/scratch.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

void scratch_pattern(const char *name, char *out, size_t size)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0') {
        folder = "/tmp";
    }
    int length = snprintf(out, size, "%s/rostrum-%s-XXXXXX", folder, name);
    ck_assert_msg(length > 0 && (size_t)length < size, "the path of TMPDIR is too long: %s", folder);
}
