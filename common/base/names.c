/*
 * See names.h.
 */
#include "common/base/names.h"

#include <string.h>

bool names_find(const char *const *names, size_t count, const char *text, size_t length, size_t *index)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i] != NULL && strlen(names[i]) == length && memcmp(names[i], text, length) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}
