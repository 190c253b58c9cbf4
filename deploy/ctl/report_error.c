/*
 * The error output of rostrumctl; see ctl.h.
 */
#include <stdarg.h>
#include <stdio.h>

#include "deploy/ctl/ctl.h"

void ctl_report_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("rostrumctl: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
}
