/*
 * A blocking client of Server-Sent Events for tests, on a plain socket: the head of the answer, then one event or
 * comment at a time. Waits end after EVENTS_WAIT_MS.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_EVENTS_H
#define ROSTRUM_TESTS_SUPPORT_EVENTS_H

#include "common/base/json.h"

enum { EVENTS_WAIT_MS = 10000, EVENTS_BLOCK_SIZE = 65536 };

struct events;

struct event_block {
    const char *text; /* as it came, without the empty line behind it */
    char id[32];      /* "" : none */
    char retry[32];   /* likewise */
    bool comment;
    const struct json *data; /* NULL: none */
};

/* GET `path` with these headers (lines that end with CR LF, or ""); NULL when it cannot connect or no head comes. */
MUST_CHECK struct events *events_open(const char *base_url, const char *path, const char *headers);
void events_free(struct events *events);
int events_status(const struct events *events);
const char *events_head(const struct events *events);
/* The next block, valid until the next call; NULL when the connection ended or nothing came. */
MUST_CHECK const struct event_block *events_next(struct events *events);
/* The next one with data of this type. */
MUST_CHECK const struct event_block *events_hear(struct events *events, const char *type);
/* Whether the deployment ends the connection; what comes before is skipped. */
MUST_CHECK bool events_ended(struct events *events);

#endif
