/*
 * See admin_users.h. Dispatch writes each call into the audit log before a handler here runs. No column here holds a
 * maximum: the highest bid of a user is the highest price that a bid of that user led to.
 *
 * A shared address is an entry of login_places with the same keyed hash (schema/). So an admin learns that two users
 * logged in from one address, and not which one it was.
 */
#include "gateway/admin/admin_users.h"

#include <assert.h>
#include <string.h>

#include "gateway/auction/you.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"
#include "gateway/query/timeline.h"

enum { USER_SHOW, USER_BIDS, USER_SHARED, USER_COUNT };

// clang-format off
/* Each list: a row of the API as JSON, its sort key in ms, and its id. `user`, `key`, `id` and `limit` are parameters. */
#define BIDS(user, key, id, limit)                                                                        \
    YOU_AUCTIONS(user, "NULL::uuid")                                                                      \
    " SELECT a.id, (extract(epoch FROM n.latest) * 1000)::bigint AS key, json_build_object('auctionId', a.id,"  \
    " 'title', a.title, 'status', a.status, 'state', " YOU_STATE(user) ", 'highestBid', mine.highest,"    \
    " 'lastBidAt', webhook_time(n.latest)) AS item"                                                       \
    " FROM (SELECT * FROM newest WHERE (latest, auction_id) " TIMELINE_BEFORE(key, id)                    \
    "  ORDER BY latest DESC, auction_id DESC LIMIT " limit ") n"                                          \
    " CROSS JOIN LATERAL (SELECT * FROM auctions WHERE id = n.auction_id OFFSET 0) a" YOU_JOIN(user)      \
    " ORDER BY n.latest DESC, a.id DESC"

#define SOLD(user, limit)                                                                                 \
    "SELECT a.id, json_build_object('auctionId', a.id, 'title', a.title, 'status', a.status,"             \
    " 'currentBid', a.current_bid, 'endTime', webhook_time(a.end_time), 'winnerId', a.winner_id) AS item" \
    " FROM auctions a WHERE a.seller_id = " user " ORDER BY a.created_at DESC, a.id DESC LIMIT " limit

/* Of the user's newest 100 addresses. Of each at most one page of other users is read, by the index of places. */
#define SHARED(user, key, id, limit)                                                                      \
    "SELECT u.id, (extract(epoch FROM u.created_at) * 1000)::bigint AS key, json_build_object('id', u.id, 'email', u.email," \
    " 'displayName', u.display_name, 'bannedAt', webhook_time(u.banned_at), 'addresses', o.addresses,"    \
    " 'lastSeenAt', webhook_time(o.seen_at)) AS item"                                                     \
    " FROM (SELECT l.user_id, count(*) AS addresses, max(l.seen_at) AS seen_at"                           \
    "  FROM (SELECT place FROM login_places WHERE user_id = " user " AND kind = 'address'"                \
    "   ORDER BY seen_at DESC LIMIT 100) mine CROSS JOIN LATERAL"                                         \
    "  (SELECT p.user_id, p.seen_at FROM login_places p WHERE p.kind = 'address' AND p.place = mine.place" \
    "   AND p.user_id <> " user " AND (" key "::text IS NULL OR p.user_id > " id "::uuid)"                \
    "   ORDER BY p.user_id LIMIT " limit ") l GROUP BY l.user_id) o JOIN users u ON u.id = o.user_id"     \
    " ORDER BY u.id LIMIT " limit

/* Of a user without items it is one row of nulls. */
#define OF_USER(list) "SELECT l.* FROM users u LEFT JOIN LATERAL (" list ") l ON true WHERE u.id = $4::uuid"

#define FIRST "20" /* items of each list beside the account */
#define ITEMS(list) "(SELECT coalesce(json_agg(l.item), '[]') FROM (" list ") l)"

static const struct pg_statement list[] = {
    [USER_SHOW] = {"admin_user_show",
        "SELECT u.id, u.email, u.display_name, u.role, " COLUMNS_MS("u.created_at") ", " COLUMNS_MS("u.banned_at")
        ", u.verified_at IS NOT NULL, " ITEMS(BIDS("$1", "NULL", "NULL", FIRST)) ", " ITEMS(SOLD("$1", FIRST)) ", "
        ITEMS(SHARED("$1", "NULL", "NULL", FIRST)) " FROM users u WHERE u.id = $1"},
    /* $1 key of the cursor, $2 id of the cursor, $3 limit, $4 user */
    [USER_BIDS] = {"admin_user_bids", OF_USER(BIDS("$4::uuid", "$1", "$2", "$3")) " ORDER BY l.key DESC, l.id DESC"},
    [USER_SHARED] = {"admin_user_shared", OF_USER(SHARED("$4::uuid", "$1", "$2", "$3")) " ORDER BY l.id"},
};
// clang-format on
static_assert(ARRAY_LEN(list) == USER_COUNT, "each statement has its entry");

struct statements admin_users_statements = {list, ARRAY_LEN(list), 0};

/* ---- the account ---- */

enum { ID, EMAIL, NAME, ROLE, CREATED, BANNED, VERIFIED, BIDS_ITEMS, SOLD_ITEMS, SHARED_ITEMS };

static void put_items(struct jsonw *json, const char *name, const PGresult *result, int column)
{
    const char *text = pg_text(result, 0, column);
    jsonw_name(json, name);
    jsonw_raw(json, text, strlen(text));
}

static void on_user(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    const PGresult *result = reply->result;
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_string(json, "id", pg_text(result, 0, ID));
    jsonw_put_string(json, "email", pg_text(result, 0, EMAIL));
    jsonw_put_string(json, "displayName", pg_text(result, 0, NAME));
    jsonw_put_string(json, "role", pg_text(result, 0, ROLE));
    jsonw_put_time(json, "createdAt", pg_int(result, 0, CREATED));
    columns_put_time(json, "bannedAt", result, 0, BANNED);
    jsonw_put_bool(json, "emailVerified", pg_bool(result, 0, VERIFIED));
    put_items(json, "bids", result, BIDS_ITEMS);
    put_items(json, "auctions", result, SOLD_ITEMS);
    put_items(json, "sharedAddresses", result, SHARED_ITEMS);
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void handle_user(struct request *request)
{
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    uuid_format(&request->parameters[0], id);
    if (!statements_query(request->context, &admin_users_statements, USER_SHOW, ARRAY_LEN(values), values, on_user,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* ---- lists ---- */

enum { ITEM_ID, ITEM_KEY, ITEM };

static void write_item(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    const char *text = pg_text(result, row, ITEM);
    (void)request;
    jsonw_raw(json, text, strlen(text));
}

static const struct timeline bids_list = {
    .statements = &admin_users_statements,
    .statement = USER_BIDS,
    .everyones = true,
    .of_subject = true,
    .tag = "user-bids",
    .key_column = ITEM_KEY,
    .write = write_item,
};
static const struct timeline shared_list = {
    .statements = &admin_users_statements,
    .statement = USER_SHARED,
    .everyones = true,
    .of_subject = true,
    .tag = "user-shared",
    .key_column = ITEM_KEY,
    .write = write_item,
};

static void show(struct request *request, const struct timeline *which)
{
    char id[UUID_TEXT_SIZE];
    const char *user = id;
    struct field_errors field_errors = {.count = 0};
    uuid_format(&request->parameters[0], id);
    timeline_reply(request->context, request, which, &field_errors, 1, &user);
}

static void handle_bids(struct request *request)
{
    show(request, &bids_list);
}

static void handle_shared(struct request *request)
{
    show(request, &shared_list);
}

const struct route admin_users_routes[] = {
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/users/:id", handle_user, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/users/:id/bids", handle_bids, LIMIT_NONE, ROUTE_NO_BODY, "limit cursor"},
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/users/:id/shared-addresses", handle_shared, LIMIT_NONE, ROUTE_NO_BODY,
     "limit cursor"},
    {0},
};
