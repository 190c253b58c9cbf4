/*
 * See html.h.
 */
#include "common/base/html.h"

static void write_character(char c, FILE *out)
{
    switch (c) {
    case '&':
        (void)fputs("&amp;", out);
        break;
    case '<':
        (void)fputs("&lt;", out);
        break;
    case '>':
        (void)fputs("&gt;", out);
        break;
    case '"':
        (void)fputs("&quot;", out);
        break;
    case '\'':
        (void)fputs("&#39;", out);
        break;
    default:
        (void)fputc((unsigned char)c < ' ' || c == '\x7f' ? ' ' : c, out);
    }
}

void html_write(const char *text, size_t length, FILE *out)
{
    for (size_t i = 0; i < length; i++) {
        write_character(text[i], out);
    }
}
