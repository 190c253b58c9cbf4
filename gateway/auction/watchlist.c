/*
 * See watchlist.h.
 */
#include "gateway/auction/watchlist.h"

#include <assert.h>

#include "common/base/clock.h"
#include "gateway/auction/view.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/documents.h"
#include "gateway/query/timeline.h"

enum { WATCH_LIST, WATCH_ADD, WATCH_REMOVE, WATCH_COUNT };

/* A watcher is notified of later bids only: the first watcher sets the start to the auction's present state. */
static const struct pg_statement list[] = {
    [WATCH_LIST] = {"watch_list",
                    "SELECT " VIEW_COLUMNS ", " COLUMNS_MS(
                        "w.created_at") " FROM watchlist w JOIN auctions a ON a.id = w.auction_id"
                                        " WHERE w.user_id = $1 AND (w.created_at, w.auction_id) " TIMELINE_BEFORE(
                                            "$2", "$3") " ORDER BY w.created_at DESC, w.auction_id DESC LIMIT $4"},
    /* Drafts are visible to their seller only. No row: no such auction. */
    [WATCH_ADD] =
        {"watch_add",
         "WITH a AS (SELECT id, bid_count, end_time FROM auctions WHERE id = $2 AND (status <> 'draft' OR seller_id = "
         "$1)),"
         " added AS (INSERT INTO watchlist (user_id, auction_id, created_at) SELECT $1, a.id, $3 FROM a"
         "  ON CONFLICT DO NOTHING RETURNING auction_id),"
         " counted AS (INSERT INTO watch_counts AS c (auction_id, watchers, notified_bids, notified_end)"
         "  SELECT a.id, 1, a.bid_count, a.end_time FROM a JOIN added ON added.auction_id = a.id"
         "  ON CONFLICT (auction_id) DO UPDATE SET watchers = c.watchers + 1,"
         "  notified_bids = CASE WHEN c.watchers = 0 THEN excluded.notified_bids ELSE c.notified_bids END,"
         "  notified_end = CASE WHEN c.watchers = 0 THEN excluded.notified_end ELSE c.notified_end END)"
         " SELECT (SELECT count(*) FROM added) FROM a"},
    [WATCH_REMOVE] =
        {"watch_remove",
         "WITH gone AS (DELETE FROM watchlist WHERE user_id = $1 AND auction_id = $2 RETURNING auction_id),"
         " counted AS (UPDATE watch_counts c SET watchers = c.watchers - 1 FROM gone"
         "  WHERE c.auction_id = gone.auction_id)"
         " SELECT auction_id FROM gone"},
};
static_assert(ARRAY_LEN(list) == WATCH_COUNT, "each statement has its entry");

struct statements watchlist_statements = {list, ARRAY_LEN(list), 0};

static const struct watchlist_context *context_of(const struct request *request)
{
    return request->context;
}

static const struct timeline watched = {
    .statements = &watchlist_statements,
    .statement = WATCH_LIST,
    .tag = "watchlist",
    .key_column = VIEW_COLUMN_COUNT,
    .write = view_write,
};

static void handle_list(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    timeline_reply(context_of(request)->pg, request, &watched, &field_errors, 0, NULL);
}

/* The number of watchers is in the document. */
static void invalidate(const struct watchlist_context *context, const struct uuid *auction)
{
    documents_invalidate(context->redis, keys_snapshot, context->deployment->epoch.number, auction);
}

static void on_added(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    /* 201 for a new entry; 200 if the user already watches the auction. */
    const struct json *auction = json_member(request->body, "auctionId");
    bool added = pg_int(reply->result, 0, 0) > 0;
    struct uuid id;
    if (!uuid_parse(auction->text, auction->length, &id)) {
        reply_error(request, ERROR_INTERNAL_ERROR); /* handle_add has read it */
        return;
    }
    if (added) {
        invalidate(context_of(request), &id);
    }
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_uuid(json, "auctionId", &id);
    jsonw_end_object(json);
    reply_send(request, added ? 201 : 200);
}

static void handle_add(struct request *request)
{
    static const char *const known[] = {"auctionId", NULL};
    struct field_errors field_errors = {.count = 0};
    struct uuid auction;
    fields_known(request->body, known, &field_errors);
    (void)fields_uuid(request->body, "auctionId", FIELDS_REQUIRED, &auction, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    char user[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    uuid_format(&request->user.id, user);
    uuid_format(&auction, id);
    clock_format(clock_now_ms(), now);
    const char *values[] = {user, id, now};
    if (!statements_query(context_of(request)->pg, &watchlist_statements, WATCH_ADD, ARRAY_LEN(values), values,
                          on_added, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_removed(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_found(request, reply, ERROR_NOT_FOUND)) {
        invalidate(context_of(request), &request->parameters[0]);
        reply_empty(request, 204);
    }
}

static void handle_remove(struct request *request)
{
    char user[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    uuid_format(&request->user.id, user);
    uuid_format(&request->parameters[0], id);
    const char *values[] = {user, id};
    if (!statements_query(context_of(request)->pg, &watchlist_statements, WATCH_REMOVE, ARRAY_LEN(values), values,
                          on_removed, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route watchlist_routes[] = {
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me/watchlist", handle_list, LIMIT_NONE, ROUTE_NO_BODY, "limit cursor"},
    {METHOD_POST, ROUTE_USER, "/api/v1/users/me/watchlist", handle_add, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_DELETE, ROUTE_USER, "/api/v1/users/me/watchlist/:id", handle_remove, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
