/*
 * See starting_soon.h. One statement at a time; a failed one is repeated at the next tick.
 */
#include "endworker/starting_soon.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/topology.h"
#include "endworker/statements.h"

enum { TICK_MS = 1000 }; /* coarse: the announced time is minutes ahead */

/* Sales in one statement, an outbox row each; the others follow at the next tick. */
#define SALES_MAX_TEXT "100"

struct starting_soon {
    struct pg *pg;
    struct outbox *outbox;
    struct event *tick;
    int within_s;
    bool leading;
    bool busy; /* a statement is running */
};

static void on_noted(const struct pg_reply *reply, void *arg)
{
    struct starting_soon *soon = arg;
    soon->busy = false;
    if (reply->outcome == PG_FAILED) {
        log_warn("sales that start soon cannot be announced, retrying: %s %s", reply->sqlstate, reply->message);
    }
    if (reply->outcome != PG_OK) {
        return;
    }
    for (int i = 0; i < PQntuples(reply->result); i++) {
        const struct outbox_row row = {.id = pg_int(reply->result, i, 0),
                                       .exchange = TOPOLOGY_EVENTS_EXCHANGE,
                                       .routing_key = TOPOLOGY_KEY_SALE_SOON,
                                       .body = pg_text(reply->result, i, 1)};
        outbox_sent(soon->outbox, &row, 1);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct starting_soon *soon = arg;
    if (!soon->leading || soon->busy || soon->within_s == 0) {
        return;
    }
    int64_t now_ms = clock_now_ms();
    char from[CLOCK_TEXT_SIZE];
    char until[CLOCK_TEXT_SIZE];
    clock_format(now_ms, from);
    clock_format(now_ms + INT64_C(1000) * soon->within_s, until);
    const char *const values[] = {from, until, SALES_MAX_TEXT};
    soon->busy = pg_query(soon->pg, STATEMENT_STARTING_SOON, ARRAY_LEN(values), values, on_noted, soon);
}

struct starting_soon *starting_soon_new(struct event_base *base, struct pg *pg, struct outbox *outbox, int within_s)
{
    struct starting_soon *soon = calloc(1, sizeof(*soon));
    if (soon == NULL) {
        return NULL;
    }
    struct timeval every = clock_timeval(TICK_MS);
    soon->pg = pg;
    soon->outbox = outbox;
    soon->within_s = within_s;
    soon->tick = event_new(base, -1, EV_PERSIST, on_tick, soon);
    if (soon->tick == NULL || event_add(soon->tick, &every) != 0) {
        starting_soon_free(soon);
        return NULL;
    }
    return soon;
}

void starting_soon_free(struct starting_soon *soon)
{
    if (soon == NULL) {
        return;
    }
    if (soon->tick != NULL) {
        event_free(soon->tick);
    }
    free(soon);
}

void starting_soon_lead(struct starting_soon *soon, bool leading)
{
    soon->leading = leading;
}

bool starting_soon_busy(const struct starting_soon *soon)
{
    return soon->busy;
}
