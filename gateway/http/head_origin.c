/*
 * See head_origin.h.
 */
#include "gateway/http/head_origin.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/origin.h"
#include "common/service/config.h"
#include "gateway/http/cors.h"

enum { LINE_SIZE = CONFIG_TEXT_SIZE + 16 }; /* no longer Origin is listed */

void head_origin_reset(struct head_origin *head)
{
    free(head->listed);
    *head = (struct head_origin){0};
}

static void read_line(struct head_origin *head, const char *line, bool whole, const char *cors_origins)
{
    static const char name[] = "Origin:";
    if (head->found || strncasecmp(line, name, sizeof(name) - 1) != 0) {
        return;
    }
    head->found = true;
    const char *value = line + sizeof(name) - 1;
    value += strspn(value, " \t");
    size_t length = strlen(value);
    while (length > 0 && strchr(" \t\r", value[length - 1]) != NULL) {
        length--;
    }
    if (whole && origin_listed(value, length, cors_origins)) {
        head->listed = strndup(value, length); /* NULL without memory: then no site may read the page */
    }
}

void head_origin_read(struct head_origin *head, struct evbuffer *input, const char *cors_origins)
{
    char line[LINE_SIZE];
    struct evbuffer_ptr begin;
    if (head->complete || !cors_on(cors_origins) || evbuffer_ptr_set(input, &begin, 0, EVBUFFER_PTR_SET) != 0) {
        return;
    }
    for (;;) {
        struct evbuffer_ptr end = evbuffer_search_eol(input, &begin, NULL, EVBUFFER_EOL_LF);
        if (end.pos < 0) {
            return;
        }
        size_t length = (size_t)(end.pos - begin.pos);
        size_t kept = length < sizeof(line) ? length : sizeof(line) - 1;
        if (evbuffer_copyout_from(input, &begin, line, kept) != (ev_ssize_t)kept) {
            return;
        }
        line[kept] = '\0';
        if (length == 0 || strcmp(line, "\r") == 0) {
            head->complete = true;
            return;
        }
        read_line(head, line, kept == length, cors_origins);
        if (evbuffer_ptr_set(input, &begin, length + 1, EVBUFFER_PTR_ADD) != 0) {
            return;
        }
    }
}

const char *head_origin_allowed(const struct head_origin *head, const char *cors_origins)
{
    if (!cors_on(cors_origins) || head->found || head->complete) {
        return head->listed;
    }
    return "*";
}
