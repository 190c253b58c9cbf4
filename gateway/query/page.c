/*
 * See page.h.
 */
#include "gateway/query/page.h"

#include <string.h>

static bool read_limit(const char *text, int *limit)
{
    int value = 0;
    size_t length = strlen(text);
    if (length == 0 || length > 3 || strspn(text, "0123456789") != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        value = value * 10 + (text[i] - '0');
    }
    *limit = value;
    return value >= 1 && value <= PAGE_LIMIT_MAX;
}

void page_read(const struct request *request, const char *sort, struct page *page, struct field_errors *field_errors)
{
    char text[CURSOR_TEXT_SIZE];
    *page = (struct page){.limit = PAGE_LIMIT_DEFAULT};
    if (request_query(request, "limit", text, sizeof(text)) && !read_limit(text, &page->limit)) {
        field_errors_add_two(field_errors, "limit", FIELD_INVALID_NUMBER, parameter_number("min", 1),
                             parameter_number("max", PAGE_LIMIT_MAX));
    }
    if (request_query(request, "cursor", text, sizeof(text))) {
        page->has_cursor = cursor_parse(text, sort, &page->cursor);
        if (!page->has_cursor) {
            field_errors_add(field_errors, "cursor", FIELD_NOT_A_CURSOR);
        }
    }
}

void page_read_by_time(const struct request *request, const char *sort, struct page *page,
                       struct field_errors *field_errors)
{
    page_read(request, sort, page, field_errors);
    if (page->has_cursor && !cursor_key_is_time(&page->cursor)) {
        field_errors_add(field_errors, "cursor", FIELD_NOT_A_CURSOR);
    }
}

void page_begin(struct jsonw *json)
{
    jsonw_object(json);
    jsonw_name(json, "items");
    jsonw_array(json);
}

void page_end(struct jsonw *json, const struct cursor *last)
{
    jsonw_end_array(json);
    page_next(json, last);
}

void page_next(struct jsonw *json, const struct cursor *last)
{
    if (last == NULL) {
        jsonw_put_null(json, "nextCursor");
    } else {
        char text[CURSOR_TEXT_SIZE];
        cursor_format(last, text);
        jsonw_put_string(json, "nextCursor", text);
    }
    jsonw_end_object(json);
}
