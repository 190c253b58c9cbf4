/*
 * A blocking client of Server-Sent Events for tests, on a TCP socket: reads the head of the answer, then one event or
 * comment at a time. Each wait ends after EVENTS_WAIT_MS.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_EVENTS_H
#define ROSTRUM_TESTS_SUPPORT_EVENTS_H

#include "common/base/json.h"

enum { EVENTS_WAIT_MS = 30000, EVENTS_BLOCK_SIZE = 65536 };

struct events;

struct event_block {
    const char *text; /* as received, without the empty line after it */
    char id[32];      /* "" : none */
    char retry[32];   /* likewise */
    bool comment;
    const struct json *data; /* NULL: none */
};

/* Sends GET `path` with these headers (lines that end with CR LF, or ""). NULL if it cannot connect or gets no head. */
MUST_CHECK struct events *events_open(const char *base_url, const char *path, const char *headers);
/* The same without headers and with a small kernel buffer, which is soon full if nothing is read. */
MUST_CHECK struct events *events_open_small(const char *base_url, const char *path);
void events_free(struct events *events);
int events_status(const struct events *events);
const char *events_head(const struct events *events);
/* Returns the next block, valid until the next call; NULL at the end of the connection or after the deadline. */
MUST_CHECK const struct event_block *events_next(struct events *events);
/* Returns the next block whose data has this type; skips others. */
MUST_CHECK const struct event_block *events_receive(struct events *events, const char *type);
/* Whether the deployment closes the connection; skips blocks before that. */
MUST_CHECK bool events_ended(struct events *events);

#endif
