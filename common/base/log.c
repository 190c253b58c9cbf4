/*
 * See log.h. The line is built on the stack, so that logging works without free memory. Control characters and quotes
 * are escaped. Bytes from 0x80 up are copied; the caller's text must be UTF-8.
 */
#include "common/base/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/base/unit.h"

static const char *service_name = "rostrum";
static const char *unit = "-";
static enum log_level least_level = LOG_INFO;

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
static_assert(ARRAY_LEN(level_names) == LOG_LEVEL_COUNT, "a name for each level");

struct metrics_family log_metrics = {
    .name = "rostrum_log_lines_total",
    .help = "Log lines written, by level.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"level", level_names, ARRAY_LEN(level_names)}},
};

struct line {
    char bytes[LOG_LINE_MAX];
    size_t length;
};

/* Three bytes stay reserved for the closing brace and the newline. */
static void put_char(struct line *line, char c)
{
    if (line->length < sizeof line->bytes - 3) {
        line->bytes[line->length++] = c;
    }
}

static void put_plain(struct line *line, const char *text)
{
    for (; *text != '\0'; text++) {
        put_char(line, *text);
    }
}

static void put_escaped(struct line *line, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (; *text != '\0' && line->length < sizeof line->bytes - 16; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            put_char(line, '\\');
            put_char(line, *text);
        } else if (c < 0x20) {
            put_plain(line, "\\u00");
            put_char(line, digits[c >> 4]);
            put_char(line, digits[c & 15]);
        } else {
            put_char(line, *text);
        }
    }
}

static void put_member(struct line *line, const char *name, const char *value)
{
    put_plain(line, ",\"");
    put_plain(line, name);
    put_plain(line, "\":\"");
    put_escaped(line, value);
    put_char(line, '"');
}

static void put_process(struct line *line)
{
    char number[24];
    (void)snprintf(number, sizeof number, ",\"pid\":%ld", (long)getpid());
    put_plain(line, number);
    if (strcmp(unit, "-") != 0) {
        put_member(line, "unit", unit);
    }
}

static void put_id(struct line *line, const char *name, const struct uuid *id)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    put_member(line, name, text);
}

static void put_about(struct line *line, const struct log_about *about)
{
    if (about->request_id != NULL) {
        put_member(line, "requestId", about->request_id);
    }
    if (about->traceparent != NULL && about->traceparent[0] != '\0') {
        put_member(line, "traceparent", about->traceparent);
    }
    if (about->user_id != NULL) {
        put_id(line, "userId", about->user_id);
    }
    if (about->auction_id != NULL) {
        put_id(line, "auctionId", about->auction_id);
    }
    if (about->sale_id != NULL) {
        put_id(line, "saleId", about->sale_id);
    }
    if (about->duration_ms >= 0) {
        char number[48];
        (void)snprintf(number, sizeof number, ",\"durationMs\":%lld", (long long)about->duration_ms);
        put_plain(line, number);
    }
}

void log_open(const char *service, enum log_level least)
{
    service_name = service;
    unit = unit_name();
    least_level = least;
}

bool log_level_parse(const char *text, enum log_level *level)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_line(enum log_level level, const struct log_about *about, const char *format, ...)
{
    if (level < least_level) {
        return;
    }
    metrics_add(&log_metrics, level, 0, 0, 1);
    char message[LOG_LINE_MAX / 2];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    struct line line = {.length = 0};
    char now[CLOCK_TEXT_SIZE];
    clock_format(clock_now_ms(), now);
    put_plain(&line, "{\"time\":\"");
    put_plain(&line, now);
    put_char(&line, '"');
    put_member(&line, "level", level_names[level]);
    put_member(&line, "service", service_name);
    put_process(&line);
    if (about != NULL) {
        put_about(&line, about);
    }
    put_member(&line, "message", message);
    line.bytes[line.length++] = '}';
    line.bytes[line.length++] = '\n';
    /* If the log cannot be written, there is no other place to report that. */
    ssize_t written = write(STDERR_FILENO, line.bytes, line.length);
    (void)written;
}
