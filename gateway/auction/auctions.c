/*
 * See auctions.h. A new auction is written directly to PostgreSQL. Nobody can bid on it before its id is known, so this
 * needs no order in its queue.
 */
#include "gateway/auction/auctions.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/access/creation.h"
#include "gateway/auction/auction_metrics.h"
#include "gateway/auction/terms.h"
#include "gateway/auction/view.h"
#include "gateway/auction/you.h"
#include "gateway/http/reply.h"

enum { LOCATION_SIZE = 64 };

enum { AUCTION_ADD, AUCTION_FIND, AUCTION_COUNT };

static const struct pg_statement list[] = {
    /* No row: the item does not belong to the seller, or an earlier request with the same key made the auction. */
    [AUCTION_ADD] = {"auction_add",
                     "INSERT INTO auctions AS a (" TERMS_COLUMNS ", original_end_time, end_time, id, seller_id,"
                     " item_id, status, minimum_bid, created_at, updated_at)"
                     " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16, $17, $4,"
                     " $18, $18 WHERE $16::uuid IS NULL OR EXISTS (SELECT FROM items WHERE id = $16 AND owner_id = $15)"
                     " ON CONFLICT (id) DO NOTHING RETURNING " VIEW_COLUMNS ", " YOU_NEW},
    /* $2 user */
    [AUCTION_FIND] = {"auction_find", "SELECT " VIEW_COLUMNS
                                      ", " YOU_COLUMNS("$2") " FROM auctions a" YOU_JOIN("$2") " WHERE a.id = $1"},
};
static_assert(ARRAY_LEN(list) == AUCTION_COUNT, "each statement has its entry");

struct statements auctions_statements = {list, ARRAY_LEN(list), 0};

static const struct auctions_context *context_of(const struct request *request)
{
    return request->context;
}

static void reply_auction(struct request *request, const PGresult *result)
{
    char location[LOCATION_SIZE];
    (void)snprintf(location, sizeof location, "/api/v1/auctions/%s", pg_text(result, 0, VIEW_ID));
    reply_header(request, "Location", location);
    documents_reply(context_of(request)->documents, request, 201, result);
}

static void refuse_item(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    field_errors_add(&field_errors, "itemId", FIELD_NOT_YOUR_ITEM);
    reply_field_errors(request, &field_errors);
}

/* ---- an auction that an earlier request with the same key may have made ---- */

static bool query_made(struct request *request, pg_callback answered)
{
    char id[UUID_TEXT_SIZE];
    char user[UUID_TEXT_SIZE];
    const char *values[] = {id, user};
    uuid_format(&creation_of(request)->id, id);
    uuid_format(&request->user.id, user);
    return statements_query(context_of(request)->pg, &auctions_statements, AUCTION_FIND, ARRAY_LEN(values), values,
                            answered, request);
}

/* Answers with the auction, or calls `absent` if there is none. */
static void show_made(struct request *request, const struct pg_reply *reply, route_handler absent)
{
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) > 0) {
        reply_auction(request, reply->result);
    } else {
        absent(request);
    }
}

static void on_made_or_item(const struct pg_reply *reply, void *arg)
{
    show_made(arg, reply, refuse_item);
}

static void refuse_listed(struct request *request)
{
    reply_error(request, ERROR_ITEM_ALREADY_LISTED);
}

static void on_made_or_listed(const struct pg_reply *reply, void *arg)
{
    show_made(arg, reply, refuse_listed);
}

/* ---- create ---- */

static void on_created(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    bool keyed = creation_of(request)->keyed;
    /* 23505 is unique_violation: of the item of an open auction, because the id has ON CONFLICT. */
    if (reply->outcome == PG_FAILED && strcmp(reply->sqlstate, "23505") == 0 && !request_answered(request)) {
        if (!keyed || !query_made(request, on_made_or_listed)) {
            refuse_listed(request);
        }
    } else if (!statements_usable(request, reply)) {
        return;
    } else if (PQntuples(reply->result) > 0) {
        auction_metrics_add_created();
        reply_auction(request, reply->result);
    } else if (!keyed || !query_made(request, on_made_or_item)) {
        refuse_item(request);
    }
}

static void add_auction(struct request *request, const struct terms *terms, int64_t now_ms)
{
    struct terms_text text;
    char id[UUID_TEXT_SIZE];
    char seller[UUID_TEXT_SIZE];
    char item[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    const char *values[TERMS_VALUES + 5];
    terms_values(request, terms, &text, values);
    uuid_format(&creation_of(request)->id, id);
    uuid_format(&request->user.id, seller);
    uuid_format(&terms->item, item);
    clock_format(now_ms, now);
    values[TERMS_VALUES] = id;
    values[TERMS_VALUES + 1] = seller;
    values[TERMS_VALUES + 2] = terms->has_item ? item : NULL;
    values[TERMS_VALUES + 3] = terms->draft ? "draft" : terms->start_ms > now_ms ? "scheduled" : "active";
    values[TERMS_VALUES + 4] = now;
    if (!creation_query(request, context_of(request)->pg, &auctions_statements, AUCTION_ADD, ARRAY_LEN(values), values,
                        on_created)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void create(struct request *request)
{
    int64_t now_ms = clock_now_ms();
    struct terms terms = terms_default(now_ms);
    const struct terms_reading reading = {.now_ms = now_ms};
    if (terms_read(request, &reading, &terms)) {
        add_auction(request, &terms, now_ms);
    }
}

static void on_repeated(const struct pg_reply *reply, void *arg)
{
    show_made(arg, reply, create); /* it was a draft and is deleted, or PostgreSQL was restored */
}

/* The terms are not read again: a start that was valid then may be in the past now. */
static void repeat(struct request *request)
{
    if (!query_made(request, on_repeated)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_create(struct request *request)
{
    creation_begin(request, "auction", repeat, create);
}

static void handle_get(struct request *request)
{
    documents_get(context_of(request)->documents, request);
}

const struct route auctions_routes[] = {
    {METHOD_POST, ROUTE_USER, "/api/v1/auctions", handle_create, LIMIT_AUCTIONS, ROUTE_JSON_BODY, NULL},
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/auctions/:id", handle_get, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
