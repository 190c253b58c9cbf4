/*
 * See prefer.h. The header is a list of tokens separated by commas, each with an optional value. Parameters after
 * semicolons are ignored.
 */
#include "gateway/submit/prefer.h"

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

/* The preference `name`, or the first one that starts with `name` if that ends with '='; NULL if there is none. */
static const char *find(const char *header, const char *name, size_t *length)
{
    while (*header != '\0') {
        header += strspn(header, " \t,;");
        *length = strcspn(header, " \t,;");
        bool whole = *length == strlen(name) || (*length > strlen(name) && name[strlen(name) - 1] == '=');
        if (whole && strncasecmp(header, name, strlen(name)) == 0) {
            return header;
        }
        header += *length;
    }
    return NULL;
}

int prefer_wait_s(const char *header)
{
    static const char wait[] = "wait=";
    size_t length = 0;
    const char *wish = find(header, wait, &length);
    return wish == NULL ? 0 : read_seconds(wish + sizeof(wait) - 1, length - (sizeof(wait) - 1));
}

bool prefer_receipt(const char *header)
{
    size_t length = 0;
    return find(header, "receipt", &length) != NULL;
}
