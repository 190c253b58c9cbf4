/*
 * See admin_bids.h. Dispatch writes each call into the audit log before the handler here runs.
 */
#include "gateway/admin/admin_bids.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/protocol/pseudonym.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"
#include "gateway/query/page.h"

enum { ADMIN_BIDS, ADMIN_BIDS_COUNT };

enum { NUMBER_SIZE = 24, SEQ_DIGITS_MAX = 18 };

static const char sort[] = "admin-bids";

static const struct pg_statement list[] = {
    /* clang-format off */
    /*
     * A row with a NULL seq: the auction exists and has no (more) bids. A row without its public entry is a voided bid:
     * an automatic answer that nothing calls for any more is none. $1 auction, $2 seq of the cursor, $3 limit
     */
    [ADMIN_BIDS] = {"admin_bids",
        "SELECT b.seq, b.bid_id, b.bidder, b.automatic, b.price, " COLUMNS_MS("b.decided_at") ","
        " (SELECT u.display_name FROM users u WHERE u.id = b.bidder), NOT b.effective"
        " FROM auctions a LEFT JOIN LATERAL (SELECT v.seq, v.bid_id, v.decided_at, v.effective,"
        "  coalesce(p.bidder_id, v.bidder_id) AS bidder, coalesce(p.automatic, v.kind = 'proxy') AS automatic,"
        "  coalesce(p.amount, v.amount) AS price"
        "  FROM bids v LEFT JOIN public_bids p ON p.auction_id = v.auction_id AND p.seq = v.seq"
        "  WHERE v.auction_id = a.id AND v.seq < $2::bigint AND (p.in_history OR (NOT v.effective"
        "   AND v.kind IN ('bid', 'proxy', 'buy') AND v.status <> 'rejected' AND NOT v.raise AND v.amount IS NOT NULL))"
        "  ORDER BY v.seq DESC LIMIT $3::integer) b ON true"
        " WHERE a.id = $1 ORDER BY b.seq DESC"},
    /* clang-format on */
};
static_assert(ARRAY_LEN(list) == ADMIN_BIDS_COUNT, "each statement has its entry");

struct statements admin_bids_statements = {list, ARRAY_LEN(list), 0};

enum { SEQ, BID, BIDDER, AUTOMATIC, AMOUNT, DECIDED, NAME, VOIDED };

static void write_item(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    const struct admin_bids_context *context = request->context;
    char pseudonym[PSEUDONYM_SIZE];
    struct uuid bidder = pg_uuid(result, row, BIDDER);
    pseudonym_write(context->deployment->facts.pseudonym, &request->parameters[0], &bidder, pseudonym);
    jsonw_object(json);
    jsonw_put_string(json, "bidId", pg_text(result, row, BID));
    jsonw_put_string(json, "bidder", pseudonym);
    jsonw_put_uuid(json, "bidderId", &bidder);
    jsonw_put_string(json, "bidderName", pg_text(result, row, NAME));
    jsonw_put_money(json, "amount", pg_money(result, row, AMOUNT));
    jsonw_put_bool(json, "isProxyBid", pg_bool(result, row, AUTOMATIC));
    jsonw_put_bool(json, "voided", pg_bool(result, row, VOIDED));
    jsonw_put_time(json, "createdAt", pg_int(result, row, DECIDED));
    jsonw_end_object(json);
}

static void on_bids(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    const struct page *page = request->handler_state;
    int rows = pg_null(reply->result, 0, SEQ) ? 0 : PQntuples(reply->result);
    int shown = rows > page->limit ? page->limit : rows;
    struct cursor next = {.key = ""};
    struct jsonw *json = reply_json(request);
    page_begin(json);
    for (int row = 0; row < shown; row++) {
        write_item(json, request, reply->result, row);
    }
    if (rows > shown) {
        (void)snprintf(next.sort, sizeof(next.sort), "%s", sort);
        (void)snprintf(next.key, sizeof(next.key), "%s", pg_text(reply->result, shown - 1, SEQ));
    }
    page_end(json, rows > shown ? &next : NULL);
    reply_send(request, 200);
}

static void handle_bids(struct request *request)
{
    const struct admin_bids_context *context = request->context;
    struct field_errors field_errors = {.count = 0};
    char auction[UUID_TEXT_SIZE];
    char limit[NUMBER_SIZE];
    struct page *page = request_handler_state(request, sizeof(*page));
    if (page == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    page_read(request, sort, page, &field_errors);
    size_t digits = strspn(page->cursor.key, "0123456789");
    if (page->has_cursor && (digits == 0 || digits > SEQ_DIGITS_MAX || page->cursor.key[digits] != '\0')) {
        field_errors_add(&field_errors, "cursor", FIELD_NOT_A_CURSOR);
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    uuid_format(&request->parameters[0], auction);
    (void)snprintf(limit, sizeof(limit), "%d", page->limit + 1);
    const char *values[] = {auction, page->has_cursor ? page->cursor.key : "9223372036854775807", limit};
    if (!statements_query(context->pg, &admin_bids_statements, ADMIN_BIDS, ARRAY_LEN(values), values, on_bids,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route admin_bids_routes[] = {
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/auctions/:id/bids", handle_bids, LIMIT_NONE, ROUTE_NO_BODY,
     "limit cursor"},
    {0},
};
