/*
 * See cookie.h.
 */
#include "gateway/http/cookie.h"

#include <string.h>

const char *cookie_find(const char *header, const char *name, size_t *length)
{
    size_t name_length = strlen(name);
    while (header != NULL && *header != '\0') {
        header += strspn(header, " ;");
        size_t all = strcspn(header, ";");
        if (all > name_length && strncmp(header, name, name_length) == 0 && header[name_length] == '=') {
            *length = all - name_length - 1;
            return header + name_length + 1;
        }
        header += all;
    }
    return NULL;
}
