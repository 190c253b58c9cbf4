/*
 * Flash sales as a kind of what clients watch (watch.h): their state comes from PostgreSQL or from live updates of the
 * sale worker. A client gets exactly one message for each version, or the newest state after a gap.
 *
 * Callers: components.c (messages); positions.c (the line).
 */
#ifndef ROSTRUM_GATEWAY_LIVE_SALE_WATCH_H
#define ROSTRUM_GATEWAY_LIVE_SALE_WATCH_H

#include "gateway/live/sale_line.h"
#include "gateway/live/watch.h"

struct sale_state {
    struct sale_live now;
    bool changed; /* the newest version changed the status or a time */
    struct sale_line line;
};

extern struct statements sale_watch_statements;
extern const struct watch_kind sale_watch_kind;

/* Handles a message of a channel live:{sale}. False: nobody watches a sale of this id. */
MUST_CHECK bool sale_watch_message(struct watches *watches, const struct uuid *sale, const char *bytes, size_t length);

#endif
