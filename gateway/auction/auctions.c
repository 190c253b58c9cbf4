/*
 * See auctions.h. A new auction is written directly to PostgreSQL. Nobody can bid on it before its id is known, so this
 * needs no order in its queue.
 */
#include "gateway/auction/auctions.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/auction/auction_metrics.h"
#include "gateway/auction/documents.h"
#include "gateway/auction/terms.h"
#include "gateway/auction/view.h"
#include "gateway/http/reply.h"

enum { LOCATION_SIZE = 64 };

enum { AUCTION_ADD, AUCTION_COUNT };

static const struct pg_statement list[] = {
    /* No row: the item does not belong to the seller. */
    [AUCTION_ADD] = {"auction_add",
                     "INSERT INTO auctions AS a (" TERMS_COLUMNS ", original_end_time, end_time, id, seller_id,"
                     " item_id, status, minimum_bid, created_at, updated_at)"
                     " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16, $17, $4,"
                     " $18, $18 WHERE $16::uuid IS NULL OR EXISTS (SELECT FROM items WHERE id = $16 AND owner_id = $15)"
                     " RETURNING " VIEW_COLUMNS},
};
static_assert(ARRAY_LEN(list) == AUCTION_COUNT, "each statement has its entry");

struct statements auctions_statements = {list, ARRAY_LEN(list), 0};

static const struct auctions_context *context_of(const struct request *request)
{
    return request->context;
}

static void on_created(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    /* 23505 is unique_violation. Besides the new id, only the item of an open auction is unique. */
    if (reply->outcome == PG_FAILED && strcmp(reply->sqlstate, "23505") == 0 && !request_answered(request)) {
        reply_error(request, ERROR_ITEM_ALREADY_LISTED);
        return;
    }
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        struct field_errors field_errors = {.count = 0};
        field_errors_add(&field_errors, "itemId", "must be the id of one of your items");
        reply_field_errors(request, &field_errors);
        return;
    }
    char location[LOCATION_SIZE];
    (void)snprintf(location, sizeof location, "/api/v1/auctions/%s", pg_text(reply->result, 0, VIEW_ID));
    reply_header(request, "Location", location);
    auction_metrics_add_created();
    documents_reply(context_of(request)->documents, request, 201, reply->result);
}

static void add_auction(struct request *request, const struct terms *terms, int64_t now_ms)
{
    struct terms_text text;
    char id[UUID_TEXT_SIZE];
    char seller[UUID_TEXT_SIZE];
    char item[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    struct uuid made = uuid_new();
    const char *values[TERMS_VALUES + 5];
    terms_values(request, terms, &text, values);
    uuid_format(&made, id);
    uuid_format(&request->user.id, seller);
    uuid_format(&terms->item, item);
    clock_format(now_ms, now);
    values[TERMS_VALUES] = id;
    values[TERMS_VALUES + 1] = seller;
    values[TERMS_VALUES + 2] = terms->has_item ? item : NULL;
    values[TERMS_VALUES + 3] = terms->draft ? "draft" : terms->start_ms > now_ms ? "scheduled" : "active";
    values[TERMS_VALUES + 4] = now;
    if (!statements_query(context_of(request)->pg, &auctions_statements, AUCTION_ADD, ARRAY_LEN(values), values,
                          on_created, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_create(struct request *request)
{
    int64_t now_ms = clock_now_ms();
    struct terms terms = terms_default(now_ms);
    const struct terms_reading reading = {.now_ms = now_ms};
    if (terms_read(request, &reading, &terms)) {
        add_auction(request, &terms, now_ms);
    }
}

static void handle_get(struct request *request)
{
    documents_get(context_of(request)->documents, request);
}

const struct route auctions_routes[] = {
    {METHOD_POST, ROUTE_USER, "/api/v1/auctions", handle_create, LIMIT_AUCTIONS, ROUTE_JSON_BODY},
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/auctions/:id", handle_get, LIMIT_NONE, ROUTE_NO_BODY},
    {0},
};
