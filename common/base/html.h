/*
 * Text in HTML. Pure. Callers: notifyworker/templates.c, gateway/web/page_og.c.
 */
#ifndef ROSTRUM_COMMON_BASE_HTML_H
#define ROSTRUM_COMMON_BASE_HTML_H

#include <stdio.h>

#include "common/base/base.h"

/*
 * Writes `length` bytes of text as content of an element or of an attribute in quotation marks. Control characters
 * become blanks. The caller must check the error flag of `out`.
 */
void html_write(const char *text, size_t length, FILE *out);

#endif
