/*
 * See unit.h.
 */
#include "common/base/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *unit_name(void)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@:._-";
    const char *name = getenv("ROSTRUM_UNIT");
    return name == NULL || name[0] == '\0' || name[strspn(name, allowed)] != '\0' ? "-" : name;
}

void unit_application(const char *application, char out[static UNIT_APPLICATION_SIZE])
{
    (void)snprintf(out, UNIT_APPLICATION_SIZE, "%s %ld %s", application, (long)getpid(), unit_name());
}
