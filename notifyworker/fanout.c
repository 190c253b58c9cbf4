/*
 * See fanout.h. One statement at a time, each in its own transaction; a failed one is repeated at the next poll.
 * As long as pages are found, the next one follows at once.
 */
#include "notifyworker/fanout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "notifyworker/notice_sql.h"
#include "notifyworker/notifyworker_metrics.h"
#include "notifyworker/push.h"

enum { POLL_MS = 1000, NUMBER_SIZE = 12 };

/* clang-format off */
const struct pg_statement fanout_table[FANOUT_STATEMENTS] = {
    /* The line of a sale that starts soon grows until the start: it is looked at each second. */
    [FANOUT_SALES] = {"sale_fanout",
        "WITH job AS MATERIALIZED (SELECT f.sale_id, f.kind, f.at, f.after_seq, f.kind = 'SALE_STARTING_SOON'"
        "  AND coalesce(s.status = 'open' AND s.start_time > now(), false) AS goes_on FROM sale_fanouts f"
        "  LEFT JOIN flash_sales s ON s.id = f.sale_id WHERE NOT f.done AND f.next_at <= now()"
        "  ORDER BY f.next_at LIMIT 1 FOR UPDATE OF f SKIP LOCKED),"
        " page AS MATERIALIZED (SELECT e.seq, e.user_id FROM job j CROSS JOIN LATERAL (SELECT q.seq, q.user_id"
        "  FROM queue_entries q WHERE q.sale_id = j.sale_id AND q.status = 'waiting' AND q.seq > j.after_seq"
        "  ORDER BY q.seq LIMIT $1::bigint) e),"
        " moved AS (UPDATE sale_fanouts f SET after_seq = coalesce((SELECT max(seq) FROM page), f.after_seq),"
        "  done = (SELECT count(*) FROM page) < $1::bigint AND NOT j.goes_on,"
        "  next_at = CASE WHEN (SELECT count(*) FROM page) < $1::bigint THEN now() + interval '1 second'"
        "   ELSE f.next_at END FROM job j"
        "  WHERE f.sale_id = j.sale_id AND f.kind = j.kind RETURNING f.kind),"
        " inserted AS (INSERT INTO notifications (user_id, id, kind, sale_id, end_time, created_at)"
        "  SELECT p.user_id, " NOTICE_ID("(extract(epoch FROM j.at) * 1000)::bigint", "j.kind, j.sale_id, p.user_id")
        "  , j.kind, j.sale_id, CASE j.kind WHEN 'SALE_STARTING_SOON' THEN s.start_time END, j.at"
        "  FROM job j JOIN flash_sales s ON s.id = j.sale_id CROSS JOIN page p"
        "  WHERE " NOTICE_UNLESS_MUTED("p", "j.kind") "ON CONFLICT DO NOTHING RETURNING user_id, id)"
        " SELECT m.kind, (SELECT count(*) FROM inserted), coalesce((SELECT " PUSH_COLUMN " FROM inserted), '')"
        " FROM moved m"},
    /* A short page is the last one. Of bidders the ledger is read once for a page. */
    [FANOUT_WATCHERS] = {"watch_fanout",
        "WITH job AS MATERIALIZED (SELECT * FROM watch_fanouts ORDER BY at LIMIT 1 FOR UPDATE SKIP LOCKED),"
        " page AS MATERIALIZED (SELECT w.user_id FROM job j CROSS JOIN LATERAL (SELECT l.user_id FROM watchlist l"
        "  WHERE l.auction_id = j.auction_id AND l.user_id > j.after_user ORDER BY l.user_id LIMIT $1::bigint) w),"
        " moved AS (UPDATE watch_fanouts f"
        "  SET after_user = (SELECT p.user_id FROM page p ORDER BY p.user_id DESC LIMIT 1) FROM job j"
        "  WHERE f.auction_id = j.auction_id AND f.kind = j.kind AND f.at = j.at"
        "  AND (SELECT count(*) FROM page) = $1::bigint RETURNING f.kind),"
        " done AS (DELETE FROM watch_fanouts f USING job j"
        "  WHERE f.auction_id = j.auction_id AND f.kind = j.kind AND f.at = j.at"
        "  AND (SELECT count(*) FROM page) < $1::bigint RETURNING f.kind),"
        " inserted AS (INSERT INTO notifications (user_id, id, kind, auction_id, amount, end_time, created_at)"
        "  SELECT p.user_id, "
        NOTICE_ID("(extract(epoch FROM j.at) * 1000)::bigint", "j.kind, j.auction_id, p.user_id, j.seed")
        "  , j.kind, j.auction_id, j.amount, j.end_time, j.at FROM job j CROSS JOIN page p"
        "  WHERE p.user_id IS DISTINCT FROM j.spared AND p.user_id NOT IN (SELECT b.bidder_id FROM job k"
        "   CROSS JOIN LATERAL (SELECT v.bidder_id FROM public_bids v WHERE v.auction_id = k.auction_id OFFSET 0) b"
        "   WHERE k.not_bidders AND b.bidder_id IS NOT NULL)"
        "  AND " NOTICE_UNLESS_MUTED("p", "j.kind") "ON CONFLICT DO NOTHING RETURNING user_id, id)"
        " SELECT m.kind, (SELECT count(*) FROM inserted), coalesce((SELECT " PUSH_COLUMN " FROM inserted), '')"
        " FROM (SELECT kind FROM moved UNION ALL SELECT kind FROM done) m"},
};
/* clang-format on */

struct fanout {
    struct push *push;
    struct pg *pg;
    size_t statement;
    int page;
    struct event *timer;
    bool draining;
    bool busy; /* a statement is running */
};

static void next(struct fanout *fanout);

/* The transaction of a page is committed, so its result can be counted and published. */
static void on_page(const struct pg_reply *reply, void *arg)
{
    struct fanout *fanout = arg;
    fanout->busy = false;
    if (reply->outcome != PG_OK) {
        if (reply->outcome == PG_FAILED) {
            log_warn("many users cannot be notified of an event, retrying: %s %s", reply->sqlstate, reply->message);
        }
        return;
    }
    if (PQntuples(reply->result) > 0) {
        notifyworker_metrics_notified(notifyworker_metrics_kind(pg_text(reply->result, 0, 0)),
                                      pg_int(reply->result, 0, 1));
        push_add(fanout->push, pg_text(reply->result, 0, 2));
        push_send(fanout->push);
        next(fanout);
    }
}

static void next(struct fanout *fanout)
{
    char limit[NUMBER_SIZE];
    const char *const values[] = {limit};
    (void)snprintf(limit, sizeof(limit), "%d", fanout->page);
    fanout->busy =
        !fanout->draining && pg_query(fanout->pg, fanout->statement, ARRAY_LEN(values), values, on_page, fanout);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct fanout *fanout = arg;
    if (!fanout->busy && pg_up(fanout->pg)) {
        next(fanout);
    }
}

struct fanout *fanout_new(struct event_base *base, struct pg *pg, size_t first_statement,
                          enum fanout_statement statement, struct push *push)
{
    struct timeval every = clock_timeval(POLL_MS);
    struct fanout *fanout = calloc(1, sizeof(*fanout));
    if (fanout == NULL) {
        return NULL;
    }
    fanout->pg = pg;
    fanout->push = push;
    fanout->statement = first_statement + (size_t)statement;
    fanout->page = statement == FANOUT_SALES ? FANOUT_SALES_PAGE : FANOUT_WATCHERS_PAGE;
    fanout->timer = event_new(base, -1, EV_PERSIST, on_timer, fanout);
    if (fanout->timer == NULL || event_add(fanout->timer, &every) != 0) {
        fanout_free(fanout);
        return NULL;
    }
    return fanout;
}

void fanout_free(struct fanout *fanout)
{
    if (fanout == NULL) {
        return;
    }
    if (fanout->timer != NULL) {
        event_free(fanout->timer);
    }
    free(fanout);
}

void fanout_drain(struct fanout *fanout)
{
    fanout->draining = true;
    (void)event_del(fanout->timer);
}
