/*
 * See watchers.h. A poll has up to four statements, one at a time, each in its own transaction; a failed one ends the
 * poll, and the next poll repeats it.
 *
 *     WATCHERS_LOOK -> auctions about which there is something to notify; none: the poll ends
 *                   -> WATCHERS_NOTIFY_BIDS -> WATCHERS_NOTIFY_EXTENSIONS -> WATCHERS_CLOSE, each for these auctions
 *
 * WATCHERS_LOOK looks at the auctions that events named, and at the next page of all watched auctions. The pages find
 * bids without an event: those by the leader, and first ones. All pages together take ROUND_MS.
 *
 * For a cancelled auction, only users who just watched it are notified here. The event notifies its bidders and seller.
 */
#include "notifyworker/watchers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/uuid_map.h"
#include "notifyworker/notice_sql.h"
#include "notifyworker/notifyworker_metrics.h"
#include "notifyworker/push.h"

enum {
    ROUND_MS = 60000, /* in which all watched auctions are looked at */
    PAGE_LEAST = 1000,
    PAGE_MOST = 20000,
    FOUND_MOST = 100,  /* auctions of a page that are notified in one poll; the others follow in the next one */
    MOVED_MOST = 1000, /* auctions that events name between two polls; pages find the others */
    NUMBER_SIZE = 24,
};

/* clang-format off */
/* A version 8 id that starts with the time, as all ids of notifications; the other bits are random. */
#define NEW_ID                                                                                                         \
    "overlay(overlay(gen_random_uuid()::text placing"                                                                  \
    " regexp_replace(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0'), '^(.{8})', '\\1-')"            \
    " from 1 for 13) placing '8' from 15 for 1)::uuid"

/* Conditions on a row of watch_counts `c` and its auction `a`. A seller's change of the end is no extension. */
#define BIDS_DUE                                                                                                       \
    "(a.status = 'active' AND a.bid_count > c.notified_bids"                                                           \
    " AND (c.notified_at IS NULL OR c.notified_at <= now() - interval '60 seconds'))"
#define EXTENSION_DUE                                                                                                  \
    "(a.status = 'active' AND a.end_time > greatest(c.notified_end, a.original_end_time)"                              \
    " AND (c.notified_end_at IS NULL OR c.notified_end_at <= now() - interval '5 minutes'))"
#define OVER     "(a.status NOT IN ('draft', 'scheduled', 'active'))"
#define ANY_DUE  "(" BIDS_DUE " OR " EXTENSION_DUE " OR " OVER ")"

/* Marks the auctions $1 for which `condition` is true; `notified` of them have something to notify. */
#define DUE(set, condition, notified)                                                                                  \
    "WITH marked AS (UPDATE watch_counts c SET " set " FROM auctions a"                                                \
    "  WHERE c.auction_id = ANY ($1::uuid[]) AND c.open AND a.id = c.auction_id AND " condition                        \
    "  RETURNING c.auction_id, c.watchers, a.status, a.current_bid, a.end_time, a.leader_id, a.seller_id)," \
    " due AS (SELECT * FROM marked WHERE " notified ")"

/* Notifies the watchers of auctions with few of them at once, and lets fanout.h notify those of the others. */
#define NOTIFY(kind, amount, end_time, spared, not_bidders, watchers)                                                  \
    ", jobs AS (INSERT INTO watch_fanouts (auction_id, kind, at, amount, end_time, seed, spared, not_bidders)"         \
    "  SELECT due.auction_id, '" kind "', now(), " amount ", " end_time ", gen_random_uuid()::text, due." spared ", "  \
    not_bidders " FROM due WHERE due.watchers > " NOTICE_WATCHERS_AT_ONCE " ON CONFLICT DO NOTHING),"                  \
    " inserted AS (INSERT INTO notifications (user_id, id, kind, auction_id, amount, end_time, created_at)"            \
    " SELECT w.user_id, " NEW_ID ", '" kind "', due.auction_id, " amount ", " end_time ", now()"                       \
    " FROM due CROSS JOIN LATERAL (" watchers " OFFSET 0) w WHERE due.watchers <= " NOTICE_WATCHERS_AT_ONCE            \
    " AND w.user_id IS DISTINCT FROM due." spared " AND " NOTICE_UNLESS_MUTED("w", "'" kind "'")                       \
    NOTIFYWORKER_METRICS_INSERT_ONCE
#define WATCHERS_OF "SELECT l.user_id FROM watchlist l WHERE l.auction_id = due.auction_id"
#define WATCHERS_WHO_DO_NOT_BID                                                                                        \
    "SELECT n.user_id FROM (" WATCHERS_OF                                                                              \
    "  EXCEPT SELECT b.bidder_id FROM public_bids b WHERE b.auction_id = due.auction_id) n"

const struct pg_statement watchers_table[WATCHERS_STATEMENTS] = {
    /*
     * $1 the last auction of the page before, $2 length of the page, $3 auctions that moved, $4 the most to be found.
     * OFFSET 0: the page is two ranges of indexes, and not a look-up for each auction.
     */
    [WATCHERS_LOOK] = {"watchers_look",
        "WITH page AS MATERIALIZED (SELECT c.auction_id, c.notified_bids, c.notified_at, c.notified_end,"
        "  c.notified_end_at FROM watch_counts c WHERE c.open AND c.auction_id > $1::uuid"
        "  ORDER BY c.auction_id LIMIT $2::bigint),"
        " span AS MATERIALIZED (SELECT count(*) AS length,"
        "  (SELECT p.auction_id FROM page p ORDER BY p.auction_id DESC LIMIT 1) AS last FROM page),"
        " found AS MATERIALIZED (SELECT c.auction_id FROM page c JOIN (SELECT * FROM auctions WHERE id > $1::uuid"
        "  AND id <= (SELECT last FROM span) OFFSET 0) a ON a.id = c.auction_id WHERE " ANY_DUE " LIMIT $4::bigint)"
        " SELECT s.length, s.last, (SELECT count(*) FROM found), ARRAY(SELECT auction_id FROM found"
        "  UNION SELECT d.auction_id FROM unnest($3::uuid[]) m (id) CROSS JOIN LATERAL (SELECT c.auction_id"
        "   FROM watch_counts c JOIN auctions a ON a.id = c.auction_id"
        "   WHERE c.auction_id = m.id AND c.open AND " ANY_DUE " OFFSET 0) d)"
        " FROM span s"},
    /* The leader is not notified of their own bid. */
    [WATCHERS_NOTIFY_BIDS] = {"watchers_notify_bids",
        DUE("notified_bids = a.bid_count, notified_at = now()", BIDS_DUE, "true")
        NOTIFY("WATCHED_BID", "due.current_bid", "due.end_time", "leader_id", "false", WATCHERS_OF)},
    /*
     * The state at the end of the five minutes is notified, so the last extension is never lost. Bidders and the seller
     * are notified by the event (recipients.c).
     */
    [WATCHERS_NOTIFY_EXTENSIONS] = {"watchers_notify_extensions",
        DUE("notified_end = a.end_time, notified_end_at = now()", EXTENSION_DUE, "true")
        NOTIFY("AUCTION_EXTENDED", "due.current_bid", "due.end_time", "seller_id", "true", WATCHERS_WHO_DO_NOT_BID)},
    [WATCHERS_CLOSE] = {"watchers_close",
        DUE("open = false", OVER, "status = 'cancelled'")
        NOTIFY("AUCTION_CANCELLED", "NULL", "NULL", "seller_id", "true", WATCHERS_WHO_DO_NOT_BID)},
};
/* clang-format on */

struct watchers {
    struct push *push;
    struct pg *pg;
    size_t first_statement;
    struct event *timer;
    int poll_ms;
    bool busy;               /* a statement is running */
    struct uuid_map moved;   /* auctions that events named since the last poll */
    struct pg_array numbers; /* the same as text */
    size_t step;             /* the statement that is running */
    char *due;               /* what WATCHERS_LOOK found, as an array of SQL; NULL: nothing */
    char after[UUID_TEXT_SIZE];
    char last[UUID_TEXT_SIZE]; /* of the page that is looked at; "": the page is to be looked at again */
    int64_t page;              /* length of a page in this round */
    int64_t round;             /* auctions that this round has looked at before this page */
    int64_t length;            /* of this page */
};

/* The statement's transaction is committed, so its result can be counted and published. */
static void count(const struct watchers *watchers, const struct pg_reply *reply)
{
    for (int row = 0; row < PQntuples(reply->result); row++) {
        notifyworker_metrics_notified(notifyworker_metrics_kind(pg_text(reply->result, row, 0)),
                                      pg_int(reply->result, row, 1));
        push_add(watchers->push, pg_text(reply->result, row, 2));
    }
    push_send(watchers->push);
}

static void finish(struct watchers *watchers, const struct pg_reply *reply)
{
    watchers->busy = false;
    free(watchers->due);
    watchers->due = NULL;
    if (reply->outcome == PG_FAILED) {
        log_warn("watchers cannot be notified, retrying at the next poll: %s %s", reply->sqlstate, reply->message);
    }
}

/* All auctions of the page were notified. The round ends with a page that is not full. */
static void advance(struct watchers *watchers)
{
    if (watchers->last[0] == '\0') {
        return;
    }
    watchers->round += watchers->length;
    if (watchers->length == watchers->page) {
        (void)snprintf(watchers->after, sizeof(watchers->after), "%s", watchers->last);
        return;
    }
    watchers->page = watchers->round * watchers->poll_ms / ROUND_MS + 1;
    watchers->page = watchers->page < PAGE_LEAST ? PAGE_LEAST : watchers->page;
    watchers->page = watchers->page > PAGE_MOST ? PAGE_MOST : watchers->page;
    watchers->round = 0;
    uuid_format(&(struct uuid){{0}}, watchers->after);
}

static void on_step(const struct pg_reply *reply, void *arg)
{
    struct watchers *watchers = arg;
    const char *const values[] = {watchers->due};
    if (reply->outcome != PG_OK) {
        finish(watchers, reply);
        return;
    }
    if (watchers->step != WATCHERS_LOOK) {
        count(watchers, reply);
    }
    watchers->step++;
    if (watchers->step == WATCHERS_STATEMENTS) {
        advance(watchers);
        finish(watchers, reply);
    } else if (!pg_query(watchers->pg, watchers->first_statement + watchers->step, ARRAY_LEN(values), values, on_step,
                         watchers)) {
        finish(watchers, reply);
    }
}

static void on_looked(const struct pg_reply *reply, void *arg)
{
    enum { LENGTH, LAST, FOUND, DUE_AUCTIONS };
    struct watchers *watchers = arg;
    if (reply->outcome != PG_OK) {
        finish(watchers, reply);
        return;
    }
    bool whole = pg_int(reply->result, 0, FOUND) < FOUND_MOST;
    watchers->length = pg_int(reply->result, 0, LENGTH);
    (void)snprintf(watchers->last, sizeof(watchers->last), "%s", whole ? pg_text(reply->result, 0, LAST) : "");
    if (whole && watchers->length == 0) {
        uuid_format(&(struct uuid){{0}}, watchers->last);
    }
    if (strcmp(pg_text(reply->result, 0, DUE_AUCTIONS), "{}") == 0) {
        advance(watchers);
        finish(watchers, reply);
        return;
    }
    watchers->due = strdup(pg_text(reply->result, 0, DUE_AUCTIONS));
    if (watchers->due == NULL) {
        finish(watchers, reply);
        return;
    }
    on_step(reply, watchers);
}

/* The auctions that events named, as an array of SQL; NULL: no memory. */
static const char *take_moved(struct watchers *watchers)
{
    pg_array_reset(&watchers->numbers);
    for (size_t i = 0; i < watchers->moved.size; i++) {
        if (watchers->moved.slots[i].used) {
            pg_array_uuid(&watchers->numbers, &watchers->moved.slots[i].id);
        }
    }
    uuid_map_clear(&watchers->moved);
    return pg_array_done(&watchers->numbers);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct watchers *watchers = arg;
    if (watchers->busy || !pg_up(watchers->pg)) {
        return;
    }
    char page[NUMBER_SIZE];
    char most[NUMBER_SIZE];
    const char *const values[] = {watchers->after, page, take_moved(watchers), most};
    (void)snprintf(page, sizeof(page), "%" PRId64, watchers->page);
    (void)snprintf(most, sizeof(most), "%d", FOUND_MOST);
    watchers->step = WATCHERS_LOOK;
    watchers->busy = pg_query(watchers->pg, watchers->first_statement + WATCHERS_LOOK, ARRAY_LEN(values), values,
                              on_looked, watchers);
}

struct watchers *watchers_new(struct event_base *base, struct pg *pg, size_t first_statement, struct push *push,
                              int poll_ms)
{
    struct timeval every = clock_timeval(poll_ms);
    struct watchers *watchers = calloc(1, sizeof(*watchers));
    if (watchers == NULL) {
        return NULL;
    }
    watchers->pg = pg;
    watchers->push = push;
    watchers->first_statement = first_statement;
    watchers->poll_ms = poll_ms;
    watchers->page = PAGE_LEAST;
    uuid_format(&(struct uuid){{0}}, watchers->after);
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
    uuid_map_free(&watchers->moved);
    pg_array_free(&watchers->numbers);
    free(watchers->due);
    free(watchers);
}

void watchers_moved(struct watchers *watchers, const struct uuid *auction)
{
    size_t known = 0;
    if (!uuid_map_get(&watchers->moved, auction, &known) && watchers->moved.count < MOVED_MOST &&
        uuid_map_reserve(&watchers->moved, 1)) {
        uuid_map_put(&watchers->moved, auction, 0);
    }
}

void watchers_drain(struct watchers *watchers)
{
    (void)event_del(watchers->timer);
}
