/*
 * The log: one JSON object per line on stderr with time, level, service and message. requestId, userId, auctionId,
 * traceparent and durationMs follow where they are known. A line is one write(2), so that lines of several processes
 * never mix. Lines are cut at LOG_LINE_MAX bytes. Secrets are never logged: no password, token, or proxy maximum.
 */
#ifndef ROSTRUM_COMMON_BASE_LOG_H
#define ROSTRUM_COMMON_BASE_LOG_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVEL_COUNT };

enum { LOG_LINE_MAX = 4096 };

struct metrics_family;
extern struct metrics_family log_metrics; /* lines written, by level */

/* The context of a line. NULL members and a negative duration are omitted. Borrowed for the call. */
struct log_about {
    const char *request_id;
    const char *traceparent;
    const struct uuid *user_id;
    const struct uuid *auction_id;
    const struct uuid *sale_id;
    int64_t duration_ms;
};

#define LOG_ABOUT_NONE ((struct log_about){.duration_ms = -1})

/* `service` is kept, not copied. Before this call the service is "rostrum" and the level is info. */
void log_open(const char *service, enum log_level least);
/* Accepts "debug", "info", "warn" and "error". */
MUST_CHECK bool log_level_parse(const char *text, enum log_level *level);
void log_line(enum log_level level, const struct log_about *about, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_debug(...) log_line(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, NULL, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, NULL, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, NULL, __VA_ARGS__)

#endif
