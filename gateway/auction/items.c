/*
 * See items.h. Creating an item counts against the limit of changes to auctions, so that nobody can fill the table.
 */
#include "gateway/auction/items.h"

#include <assert.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "gateway/access/creation.h"
#include "gateway/auction/terms.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"
#include "gateway/query/timeline.h"

enum { LOCATION_SIZE = 64 };

enum { ITEM_ADD, ITEM_LIST, ITEM_GET, ITEM_COUNT };

#define COLUMNS "i.id, i.owner_id, i.title, i.description, " COLUMNS_MS("i.created_at") ", " AUCTION
/* The open auction that contains the item. */
#define AUCTION                                                                                                        \
    "(SELECT a.id FROM auctions a WHERE a.item_id = i.id AND a.status IN ('draft', 'scheduled', 'active', 'ended'))"

static const struct pg_statement list[] = {
    [ITEM_ADD] = {"item_add", "INSERT INTO items AS i (id, owner_id, title, description, created_at)"
                              " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING RETURNING " COLUMNS},
    [ITEM_LIST] = {"item_list", "SELECT " COLUMNS " FROM items i WHERE i.owner_id = $1"
                                " AND (i.created_at, i.id) " TIMELINE_BEFORE(
                                    "$2", "$3") " ORDER BY i.created_at DESC, i.id DESC LIMIT $4"},
    [ITEM_GET] = {"item_get", "SELECT " COLUMNS " FROM items i WHERE i.id = $1 AND (i.owner_id = $2 OR $3::boolean)"},
};
static_assert(ARRAY_LEN(list) == ITEM_COUNT, "each statement has its entry");

struct statements items_statements = {list, ARRAY_LEN(list), 0};

enum { COL_ID, COL_OWNER, COL_TITLE, COL_DESCRIPTION, COL_CREATED, COL_AUCTION };

static void write_item(struct jsonw *json, const PGresult *result, int row)
{
    jsonw_object(json);
    jsonw_put_string(json, "id", pg_text(result, row, COL_ID));
    jsonw_put_string(json, "ownerId", pg_text(result, row, COL_OWNER));
    jsonw_put_string(json, "title", pg_text(result, row, COL_TITLE));
    jsonw_put_string(json, "description", pg_text(result, row, COL_DESCRIPTION));
    if (pg_null(result, row, COL_AUCTION)) {
        jsonw_put_null(json, "auctionId");
    } else {
        jsonw_put_string(json, "auctionId", pg_text(result, row, COL_AUCTION));
    }
    jsonw_put_time(json, "createdAt", pg_int(result, row, COL_CREATED));
    jsonw_end_object(json);
}

static const struct items_context *context_of(const struct request *request)
{
    return request->context;
}

static void query(struct request *request, size_t statement, int count, const char *const *values, pg_callback answered)
{
    if (!statements_query(context_of(request)->pg, &items_statements, statement, count, values, answered, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* ---- create ---- */

static void reply_item(struct request *request, const PGresult *result)
{
    char location[LOCATION_SIZE];
    (void)snprintf(location, sizeof(location), "/api/v1/items/%s", pg_text(result, 0, COL_ID));
    reply_header(request, "Location", location);
    write_item(reply_json(request), result, 0);
    reply_send(request, 201);
}

static void query_made(struct request *request, pg_callback answered)
{
    char id[UUID_TEXT_SIZE];
    char owner[UUID_TEXT_SIZE];
    const char *values[] = {id, owner, "false"};
    uuid_format(&creation_of(request)->id, id);
    uuid_format(&request->user.id, owner);
    query(request, ITEM_GET, ARRAY_LEN(values), values, answered);
}

static void on_made(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_found(request, reply, ERROR_NOT_FOUND)) {
        reply_item(request, reply->result);
    }
}

/* No row: an earlier request with the same key made the item. */
static void on_added(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) > 0) {
        reply_item(request, reply->result);
    } else {
        query_made(request, on_made);
    }
}

static void add_item(struct request *request)
{
    static const char *const known[] = {"title", "description", NULL};
    const struct json *body = request->body;
    struct field_errors field_errors = {.count = 0};
    const char *title = NULL;
    const char *description = "";
    fields_known(body, known, &field_errors);
    (void)fields_name(body, "title", FIELDS_REQUIRED, 1, TERMS_TITLE_MOST, &title, &field_errors);
    (void)fields_text(body, "description", FIELDS_OPTIONAL, 0, TERMS_DESCRIPTION_MOST, &description, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    char id[UUID_TEXT_SIZE];
    char owner[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    uuid_format(&creation_of(request)->id, id);
    uuid_format(&request->user.id, owner);
    clock_format(clock_now_ms(), now);
    const char *values[] = {id, owner, title, description, now};
    if (!creation_query(request, context_of(request)->pg, &items_statements, ITEM_ADD, ARRAY_LEN(values), values,
                        on_added)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_add(struct request *request)
{
    /* A repeated request is inserted again, without effect: what was valid once is valid still. */
    creation_begin(request, "item", add_item, add_item);
}

/* ---- list ---- */

static void write_listed(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    (void)request;
    write_item(json, result, row);
}

static const struct timeline items_list = {
    .statements = &items_statements,
    .statement = ITEM_LIST,
    .tag = "items",
    .key_column = COL_CREATED,
    .write = write_listed,
};

static void handle_list(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    timeline_reply(context_of(request)->pg, request, &items_list, &field_errors, 0, NULL);
}

/* ---- one item ---- */

static void on_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    write_item(reply_json(request), reply->result, 0);
    reply_send(request, 200);
}

static void handle_get(struct request *request)
{
    char id[UUID_TEXT_SIZE];
    char user[UUID_TEXT_SIZE];
    const char *values[] = {id, user, request->user.admin ? "true" : "false"};
    uuid_format(&request->parameters[0], id);
    uuid_format(&request->user.id, user);
    query(request, ITEM_GET, ARRAY_LEN(values), values, on_found);
}

const struct route items_routes[] = {
    {METHOD_POST, ROUTE_USER, "/api/v1/items", handle_add, LIMIT_CHANGES, ROUTE_JSON_BODY, NULL},
    {METHOD_GET, ROUTE_USER, "/api/v1/items", handle_list, LIMIT_NONE, ROUTE_NO_BODY, "limit cursor"},
    {METHOD_GET, ROUTE_USER, "/api/v1/items/:id", handle_get, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
