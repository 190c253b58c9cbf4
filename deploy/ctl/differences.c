/*
 * See differences.h.
 */
#include "deploy/ctl/differences.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/money.h"

struct formatted format_money(int64_t minor)
{
    struct formatted formatted = {"none"};
    if (minor > 0) {
        money_format(minor, formatted.text);
    } else if (minor < 0) {
        (void)snprintf(formatted.text, sizeof formatted.text, "no amount");
    }
    return formatted;
}

struct formatted format_id(const struct uuid *id)
{
    struct formatted formatted = {"none"};
    if (!uuid_is_nil(id)) {
        uuid_format(id, formatted.text);
    }
    return formatted;
}

struct formatted format_time(int64_t ms)
{
    struct formatted formatted = {""};
    clock_format(ms, formatted.text);
    return formatted;
}

void differ(struct differences *found, int64_t seq, const char *format, ...)
{
    va_list arguments;
    found->count++;
    if (found->count > DIFFERENCES_SHOWN_MAX) {
        return;
    }
    (void)printf("%s %s", found->of, format_id(&found->id).text);
    if (seq > 0) {
        (void)printf(" entry %" PRId64, seq);
    }
    (void)fputs(": ", stdout);
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    (void)putchar('\n');
}

void differ_text(struct differences *found, int64_t seq, const char *what, const char *stored, const char *due)
{
    if (strcmp(stored, due) != 0) {
        differ(found, seq, "%s is %s, by the rules it is %s", what, stored[0] == '\0' ? "none" : stored,
               due[0] == '\0' ? "none" : due);
    }
}

void differ_money(struct differences *found, int64_t seq, const char *what, int64_t stored, int64_t due)
{
    if (stored != due) {
        differ_text(found, seq, what, format_money(stored).text, format_money(due).text);
    }
}

void differ_id(struct differences *found, int64_t seq, const char *what, struct uuid stored, struct uuid due)
{
    if (!uuid_equal(&stored, &due)) {
        differ_text(found, seq, what, format_id(&stored).text, format_id(&due).text);
    }
}

void differ_number(struct differences *found, int64_t seq, const char *what, int64_t stored, int64_t due)
{
    if (stored != due) {
        differ(found, seq, "%s is %" PRId64 ", by the rules it is %" PRId64, what, stored, due);
    }
}

void differ_time(struct differences *found, int64_t seq, const char *what, int64_t stored_ms, int64_t due_ms)
{
    if (stored_ms != due_ms) {
        differ_text(found, seq, what, stored_ms == 0 ? "" : format_time(stored_ms).text,
                    due_ms == 0 ? "" : format_time(due_ms).text);
    }
}

void differences_end(const struct differences *found, const char *what)
{
    if (found->count > DIFFERENCES_SHOWN_MAX) {
        (void)printf("%s %s: and %" PRId64 " more%s\n", found->of, format_id(&found->id).text,
                     found->count - DIFFERENCES_SHOWN_MAX, what);
    }
}
