/*
 * See watchers.h. One statement at a time, each in its own transaction; a failed one is repeated at the next poll.
 *
 * For a cancelled auction, only users who just watched it are notified here. The event notifies its bidders and seller.
 */
#include "notifyworker/watchers.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "notifyworker/notifyworker_metrics.h"
#include "notifyworker/push.h"

enum { MS_PER_S = 1000, US_PER_MS = 1000 };

/* A version 8 id that starts with the time, as all ids of notifications; the other bits are random. */
#define NEW_ID                                                                                                         \
    "overlay(overlay(gen_random_uuid()::text placing"                                                                  \
    " regexp_replace(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0'), '^(.{8})', '\\1-')"            \
    " from 1 for 13) placing '8' from 15 for 1)::uuid"

#define NOTICE "INSERT INTO notifications (user_id, id, kind, auction_id, amount, end_time, created_at) "

const struct pg_statement watchers_table[WATCHERS_STATEMENTS] = {
    /* The leader is not notified of their own bid. */
    [WATCHERS_NOTIFY_BIDS] =
        {"watchers_notify_bids",
         "WITH due AS (UPDATE watch_counts c SET notified_bids = a.bid_count, notified_at = now() FROM auctions a"
         "  WHERE c.open AND a.id = c.auction_id AND a.status = 'active' AND a.bid_count > c.notified_bids"
         "  AND (c.notified_at IS NULL OR c.notified_at <= now() - interval '60 seconds')"
         "  RETURNING c.auction_id, a.current_bid, a.end_time, a.leader_id), inserted AS (" NOTICE
         "SELECT w.user_id, " NEW_ID ", 'WATCHED_BID', due.auction_id, due.current_bid, due.end_time, now()"
         " FROM due JOIN watchlist w ON w.auction_id = due.auction_id JOIN users u ON u.id = w.user_id"
         " WHERE w.user_id IS DISTINCT FROM due.leader_id AND (NOT 'WATCHED_BID' = ANY (u.muted) OR "
         "wanted_elsewhere(u.id, 'WATCHED_BID')) " NOTIFYWORKER_METRICS_INSERT_ONCE},
    /*
     * The state at the end of the five minutes is notified, so the last extension is never lost. A seller's change of
     * the end is no extension. Bidders and the seller are notified by the event (recipients.c).
     */
    [WATCHERS_NOTIFY_EXTENSIONS] =
        {"watchers_notify_extensions",
         "WITH due AS (UPDATE watch_counts c SET notified_end = a.end_time, notified_end_at = now() FROM auctions a"
         "  WHERE c.open AND a.id = c.auction_id AND a.status = 'active'"
         "  AND a.end_time > greatest(c.notified_end, a.original_end_time)"
         "  AND (c.notified_end_at IS NULL OR c.notified_end_at <= now() - interval '5 minutes')"
         "  RETURNING c.auction_id, a.current_bid, a.end_time, a.seller_id), inserted AS (" NOTICE
         "SELECT w.user_id, " NEW_ID ", 'AUCTION_EXTENDED', due.auction_id, due.current_bid, due.end_time, now()"
         " FROM due CROSS JOIN LATERAL (SELECT l.user_id FROM watchlist l WHERE l.auction_id = due.auction_id"
         "  EXCEPT SELECT b.bidder_id FROM public_bids b WHERE b.auction_id = due.auction_id) w"
         " JOIN users u ON u.id = w.user_id"
         " WHERE w.user_id <> due.seller_id AND (NOT 'AUCTION_EXTENDED' = ANY (u.muted) OR "
         "wanted_elsewhere(u.id, 'AUCTION_EXTENDED')) " NOTIFYWORKER_METRICS_INSERT_ONCE},
    [WATCHERS_CLOSE] =
        {"watchers_close",
         "WITH over AS (UPDATE watch_counts c SET open = false FROM auctions a"
         "  WHERE c.open AND a.id = c.auction_id AND a.status NOT IN ('draft', 'scheduled', 'active')"
         "  RETURNING c.auction_id, a.status, a.seller_id), inserted AS (" NOTICE "SELECT w.user_id, " NEW_ID
         ", 'AUCTION_CANCELLED', over.auction_id, NULL, NULL, now()"
         " FROM over CROSS JOIN LATERAL (SELECT l.user_id FROM watchlist l WHERE l.auction_id = over.auction_id"
         "  EXCEPT SELECT b.bidder_id FROM public_bids b WHERE b.auction_id = over.auction_id) w"
         " JOIN users u ON u.id = w.user_id"
         " WHERE over.status = 'cancelled' AND w.user_id <> over.seller_id"
         " AND (NOT 'AUCTION_CANCELLED' = ANY (u.muted) OR wanted_elsewhere(u.id, "
         "'AUCTION_CANCELLED')) " NOTIFYWORKER_METRICS_INSERT_ONCE},
};

struct watchers {
    struct push *push;
    struct pg *pg;
    size_t first_statement;
    struct event *timer;
    bool busy; /* a statement is running */
};

/* The statement's transaction is committed, so its result can be counted and published. */
static void count(const struct watchers *watchers, const struct pg_reply *reply)
{
    for (int row = 0; reply->outcome == PG_OK && row < PQntuples(reply->result); row++) {
        notifyworker_metrics_notified(notifyworker_metrics_kind(pg_text(reply->result, row, 0)),
                                      pg_int(reply->result, row, 1));
        push_add(watchers->push, pg_text(reply->result, row, 2));
    }
    push_send(watchers->push);
}

static void finish(struct watchers *watchers, const struct pg_reply *reply)
{
    watchers->busy = false;
    if (reply->outcome == PG_FAILED) {
        log_warn("watchers cannot be notified, retrying at the next poll: %s %s", reply->sqlstate, reply->message);
    }
}

static void on_closed(const struct pg_reply *reply, void *arg)
{
    struct watchers *watchers = arg;
    count(watchers, reply);
    finish(watchers, reply);
}

static bool ask(struct watchers *watchers, enum watchers_statement statement, pg_callback callback)
{
    return pg_query(watchers->pg, watchers->first_statement + (size_t)statement, 0, NULL, callback, watchers);
}

static void on_extensions(const struct pg_reply *reply, void *arg)
{
    struct watchers *watchers = arg;
    count(watchers, reply);
    if (reply->outcome != PG_OK || !ask(watchers, WATCHERS_CLOSE, on_closed)) {
        finish(watchers, reply);
    }
}

static void on_notified(const struct pg_reply *reply, void *arg)
{
    struct watchers *watchers = arg;
    count(watchers, reply);
    if (reply->outcome != PG_OK || !ask(watchers, WATCHERS_NOTIFY_EXTENSIONS, on_extensions)) {
        finish(watchers, reply);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct watchers *watchers = arg;
    if (!watchers->busy && pg_up(watchers->pg)) {
        watchers->busy = ask(watchers, WATCHERS_NOTIFY_BIDS, on_notified);
    }
}

struct watchers *watchers_new(struct event_base *base, struct pg *pg, size_t first_statement, struct push *push,
                              int poll_ms)
{
    const struct timeval every = {.tv_sec = poll_ms / MS_PER_S, .tv_usec = (poll_ms % MS_PER_S) * (long)US_PER_MS};
    struct watchers *watchers = calloc(1, sizeof(*watchers));
    if (watchers == NULL) {
        return NULL;
    }
    watchers->pg = pg;
    watchers->push = push;
    watchers->first_statement = first_statement;
    watchers->timer = event_new(base, -1, EV_PERSIST, on_timer, watchers);
    if (watchers->timer == NULL || event_add(watchers->timer, &every) != 0) {
        watchers_free(watchers);
        return NULL;
    }
    return watchers;
}

void watchers_free(struct watchers *watchers)
{
    if (watchers == NULL) {
        return;
    }
    if (watchers->timer != NULL) {
        event_free(watchers->timer);
    }
    free(watchers);
}

void watchers_drain(struct watchers *watchers)
{
    (void)event_del(watchers->timer);
}
