/*
 * See prices.h. One statement at a time. While a statement processes its maximum, the next one follows at once.
 */
#include "endworker/prices.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "endworker/statements.h"

enum { TICK_S = 1 }; /* searches may be 5 s behind, and their cache keeps answers for 4 s */

/* Batches in one statement, each of some hundred auctions: a short statement. */
#define BATCHES_MAX      32
#define BATCHES_MAX_TEXT "32"

struct prices {
    struct pg *pg;
    struct event *tick;
    bool leading;
    bool asking;
};

static void update_prices(struct prices *prices);

static void on_updated(const struct pg_reply *reply, void *arg)
{
    struct prices *prices = arg;
    prices->asking = false;
    if (reply->outcome == PG_FAILED) {
        log_warn("search prices cannot be updated, retrying: %s %s", reply->sqlstate, reply->message);
    } else if (reply->outcome == PG_OK && pg_int(reply->result, 0, 0) == BATCHES_MAX) {
        update_prices(prices);
    }
}

static void update_prices(struct prices *prices)
{
    static const char *const values[] = {BATCHES_MAX_TEXT};
    if (prices->leading && !prices->asking) {
        prices->asking = pg_query(prices->pg, STATEMENT_PRICES, ARRAY_LEN(values), values, on_updated, prices);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    update_prices(arg);
}

struct prices *prices_new(struct event_base *base, struct pg *pg)
{
    struct prices *prices = calloc(1, sizeof(*prices));
    if (prices == NULL) {
        return NULL;
    }
    struct timeval every = {.tv_sec = TICK_S};
    prices->pg = pg;
    prices->tick = event_new(base, -1, EV_PERSIST, on_tick, prices);
    if (prices->tick == NULL || event_add(prices->tick, &every) != 0) {
        prices_free(prices);
        return NULL;
    }
    return prices;
}

void prices_free(struct prices *prices)
{
    if (prices == NULL) {
        return;
    }
    if (prices->tick != NULL) {
        event_free(prices->tick);
    }
    free(prices);
}

void prices_lead(struct prices *prices, bool leading)
{
    prices->leading = leading;
}
