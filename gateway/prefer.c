/*
 * The Prefer header: a list of tokens, each perhaps with a value, separated by commas; parameters after semicolons are
 * of no concern here.
 */
#include "gateway/prefer.h"

#include <string.h>
#include <strings.h>

static int read_seconds(const char *text, size_t length)
{
    int seconds = 0;
    if (length == 0 || strspn(text, "0123456789") < length) {
        return 0;
    }
    for (size_t i = 0; i < length && seconds < PREFER_WAIT_MAX_S; i++) {
        seconds = seconds * 10 + (text[i] - '0');
    }
    return seconds > PREFER_WAIT_MAX_S ? PREFER_WAIT_MAX_S : seconds;
}

int prefer_wait_s(const char *header)
{
    static const char wait[] = "wait=";
    while (header != NULL && *header != '\0') {
        header += strspn(header, " \t,;");
        size_t length = strcspn(header, " \t,;");
        if (length >= sizeof(wait) - 1 && strncasecmp(header, wait, sizeof(wait) - 1) == 0) {
            return read_seconds(header + sizeof(wait) - 1, length - (sizeof(wait) - 1));
        }
        header += length;
    }
    return 0;
}
