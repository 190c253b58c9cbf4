/*
 * See ledger.h. A bid that is not in the ledger yet is shown as pending, from its entry in Redis (admission.h), which
 * only its bidder can name.
 */
#include "gateway/bid/ledger.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "common/protocol/pseudonym.h"
#include "gateway/http/reply.h"
#include "gateway/query/cache.h"
#include "gateway/query/page.h"

enum { NUMBER_SIZE = 24 };

#define MS(column) "(extract(epoch FROM " column ") * 1000)::bigint"

/* clang-format off */
#define BID_COLUMNS                                                                                                    \
    "bid_id, auction_id, bidder_id, kind, coalesce(effective_amount, amount), max_amount, " MS("received_at") ", "     \
    MS("decided_at") ", CASE WHEN effective THEN coalesce(effective_status, status) ELSE 'voided' END, reason"

static const struct pg_statement list[] = {
    [LEDGER_BID] = {"ledger_bid",
        "SELECT " BID_COLUMNS ", (SELECT a.status IN ('sold', 'unsold', 'cancelled') FROM auctions a"
        " WHERE a.id = bids.auction_id) FROM bids WHERE auction_id = $1 AND bid_id = $2"},
    /* $1: auctions, $2: bids */
    [LEDGER_BIDS] = {"ledger_bids",
        "SELECT found.* FROM unnest($1::uuid[], $2::uuid[]) AS asked (auction_id, bid_id) CROSS JOIN LATERAL (SELECT "
        BID_COLUMNS " FROM bids b WHERE b.auction_id = asked.auction_id AND b.bid_id = asked.bid_id LIMIT 1) AS found"},
    /* clang-format on */
    /* A row with a NULL seq: the auction exists and has no (more) bids. */
    [LEDGER_HISTORY] = {"ledger_history",
                        "SELECT b.seq, b.bid_id, b.bidder_id, b.automatic, b.amount, " MS(
                            "b.decided_at") ", a.version"
                                            " FROM auctions a LEFT JOIN LATERAL (SELECT * FROM public_bids p WHERE "
                                            "p.auction_id = a.id AND p.in_history"
                                            "  AND p.seq < $2::bigint ORDER BY p.seq DESC LIMIT $3::integer) b ON true"
                                            " WHERE a.id = $1 AND a.status <> 'draft' ORDER BY b.seq DESC"},
    [LEDGER_PROXY] = {"ledger_proxy",
                      "SELECT leader_max FROM auctions WHERE id = $1 AND leader_id = $2 AND leader_by_proxy"},
};
static_assert(ARRAY_LEN(list) == LEDGER_COUNT, "each statement has its entry");

struct statements ledger_statements = {list, ARRAY_LEN(list), 0};

static const struct ledger_context *context_of(const struct request *request)
{
    return request->context;
}

/* ---- one bid ---- */

bool ledger_find(struct pg *pg, const struct uuid *auction, const struct uuid *bid, pg_callback callback, void *arg)
{
    char auction_text[UUID_TEXT_SIZE];
    char bid_text[UUID_TEXT_SIZE];
    const char *values[] = {auction_text, bid_text};
    uuid_format(auction, auction_text);
    uuid_format(bid, bid_text);
    return statements_query(pg, &ledger_statements, LEDGER_BID, ARRAY_LEN(values), values, callback, arg);
}

enum { BID, AUCTION, BIDDER, KIND, AMOUNT, MAX_AMOUNT, RECEIVED, DECIDED, STATUS, REASON, SETTLED };

/* An automatic bid has the kind bid. */
static enum command_kind read_kind(const char *text)
{
    enum command_kind kind = COMMAND_BID;
    return command_kind_ledger_parse(text, &kind) ? kind : COMMAND_BID;
}

bool ledger_read(const PGresult *result, int row, struct decision *decision)
{
    if (PQntuples(result) <= row) {
        return false;
    }
    *decision = (struct decision){
        .bid_id = pg_uuid(result, row, BID),
        .auction_id = pg_uuid(result, row, AUCTION),
        .user_id = pg_uuid(result, row, BIDDER),
        .kind = read_kind(pg_text(result, row, KIND)),
        .amount = pg_money(result, row, AMOUNT),
        .max_amount = pg_money(result, row, MAX_AMOUNT),
        .received_ms = pg_int(result, row, RECEIVED),
        .decided_ms = pg_int(result, row, DECIDED),
    };
    message_decision_outcome(decision, pg_text(result, row, STATUS), pg_text(result, row, REASON));
    return true;
}

void ledger_put(struct jsonw *json, const struct decision *decision)
{
    jsonw_put_uuid(json, "bidId", &decision->bid_id);
    jsonw_put_uuid(json, "auctionId", &decision->auction_id);
    if (decision->amount > 0) {
        jsonw_put_money(json, "amount", decision->amount);
    } else {
        jsonw_put_null(json, "amount"); /* of a proxy bid that has placed no bid */
    }
    if (decision->max_amount > 0) {
        jsonw_put_money(json, "maxAmount", decision->max_amount);
    }
    jsonw_put_bool(json, "isProxyBid", decision->kind == COMMAND_PROXY);
    jsonw_put_string(json, "status", bid_status_text(decision->status));
    if (decision->reason != RULES_NONE) {
        jsonw_put_string(json, "reason", rules_reason_text(decision->reason));
    }
    jsonw_put_time(json, "receivedAt", decision->received_ms);
    if (decision->status != BID_PENDING) {
        jsonw_put_time(json, "decidedAt", decision->decided_ms);
    }
}

void ledger_write(struct jsonw *json, const struct decision *decision)
{
    jsonw_object(json);
    ledger_put(json, decision);
    jsonw_end_object(json);
}

/* A missing part of a key is an empty string. */
static bool entry_there(const redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_STRING && reply->len > 0;
}

/* Says to its bidder until when a bid can be retracted, if the deployment allows it at all. */
static void put_retract_until(const struct request *request, struct jsonw *json, const struct decision *decision)
{
    int64_t window_ms = context_of(request)->config->retract_window_s * INT64_C(1000);
    if (window_ms > 0 && (decision->status == BID_ACCEPTED || decision->status == BID_OUTBID)) {
        jsonw_put_time(json, "retractUntil", decision->received_ms + window_ms);
    }
}

/* Shows a bid of the ledger to those who may see it. */
static void show_decided(struct request *request, const PGresult *result, struct decision *decision)
{
    bool own = uuid_equal(&decision->user_id, &request->user.id);
    if (!command_kind_is_bid(decision->kind) || (!request->user.admin && !own)) {
        reply_error(request, ERROR_NOT_FOUND);
        return;
    }
    if (!own && !pg_bool(result, 0, SETTLED)) {
        decision->max_amount = 0; /* rule 9: the maximum may still be active, and then not even admins see it */
    }
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    ledger_put(json, decision);
    if (own) {
        put_retract_until(request, json, decision);
    }
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void bid_found_late(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct decision decision;
    if (reply->outcome != PG_OK) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else if (!ledger_read(reply->result, 0, &decision)) {
        reply_error(request, ERROR_NOT_FOUND);
    } else {
        show_decided(request, reply->result, &decision);
    }
}

/* No entry: if the bid was decided since the ledger was read, the bid worker has removed it. So it is read again. */
static void look_again(struct request *request)
{
    if (!ledger_find(context_of(request)->pg, &request->parameters[0], &request->parameters[1], bid_found_late,
                     request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void entry_answered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct uuid auction = {{0}};
    if (reply == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    if (!entry_there(reply)) {
        look_again(request);
        return;
    }
    struct json *tree = json_parse(reply->str, (size_t)reply->len, NULL);
    if (!json_get_uuid(tree, "auctionId", &auction) || !uuid_equal(&auction, &request->parameters[0])) {
        reply_error(request, ERROR_NOT_FOUND);
    } else {
        reply_bytes(request, 200, "application/json", reply->str, (size_t)reply->len);
    }
    json_free(tree);
}

/* PostgreSQL is unavailable: without an entry the bid may have been decided long ago, so 404 could be wrong. */
static void unsure_entry_answered(const redisReply *reply, void *arg)
{
    entry_answered(entry_there(reply) ? reply : NULL, arg);
}

/* Not in the ledger: it may still be in the queue. */
static void read_entry(struct request *request, redis_callback answered)
{
    char key[KEYS_SIZE];
    const char *arguments[] = {"GETRANGE", key, "1", "-1"}; /* after the state */
    keys_bid(&request->user.id, &request->parameters[1], key);
    if (!redis_command(context_of(request)->redis, answered, request, ARRAY_LEN(arguments), arguments, NULL)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void bid_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct decision decision;
    if (reply->outcome != PG_OK) {
        read_entry(request, unsure_entry_answered);
    } else if (!ledger_read(reply->result, 0, &decision)) {
        read_entry(request, entry_answered);
    } else {
        show_decided(request, reply->result, &decision);
    }
}

static void handle_bid(struct request *request)
{
    if (!ledger_find(context_of(request)->pg, &request->parameters[0], &request->parameters[1], bid_found, request)) {
        read_entry(request, unsure_entry_answered);
    }
}

/* ---- an auction's history ---- */

struct history {
    struct page page;
    struct cache_history cached; /* the first page */
};

enum { HISTORY_SEQ, HISTORY_BID, HISTORY_BIDDER, HISTORY_AUTOMATIC, HISTORY_AMOUNT, HISTORY_DECIDED, HISTORY_VERSION };

static void write_history_item(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    char bidder[PSEUDONYM_SIZE];
    struct uuid bid = pg_uuid(result, row, HISTORY_BID);
    struct uuid user = pg_uuid(result, row, HISTORY_BIDDER);
    pseudonym_write(context_of(request)->deployment->facts.pseudonym, &request->parameters[0], &user, bidder);
    jsonw_object(json);
    jsonw_put_uuid(json, "bidId", &bid);
    jsonw_put_string(json, "bidder", bidder);
    jsonw_put_money(json, "amount", pg_money(result, row, HISTORY_AMOUNT));
    jsonw_put_bool(json, "isProxyBid", pg_bool(result, row, HISTORY_AUTOMATIC));
    jsonw_put_time(json, "createdAt", pg_int(result, row, HISTORY_DECIDED));
    jsonw_end_object(json);
}

static void write_history(struct request *request, const PGresult *result)
{
    const struct history *history = request->handler_state;
    int rows = pg_null(result, 0, HISTORY_SEQ) ? 0 : PQntuples(result);
    int shown = rows > history->page.limit ? history->page.limit : rows;
    struct cursor next = {.sort = "history"};
    struct jsonw *json = reply_json(request);
    page_begin(json);
    for (int row = 0; row < shown; row++) {
        write_history_item(json, request, result, row);
    }
    if (rows > shown) {
        (void)snprintf(next.key, sizeof(next.key), "%s", pg_text(result, shown - 1, HISTORY_SEQ));
    }
    page_end(json, rows > shown ? &next : NULL);
    if (!history->page.has_cursor) {
        cache_history_store(context_of(request)->redis, &history->cached, pg_int(result, 0, HISTORY_VERSION), json);
    }
    reply_send(request, 200);
}

static void history_kept(const redisReply *reply, void *arg);

/* PostgreSQL is unavailable. Only the first page may be in Redis. */
static void show_stale_history(struct request *request)
{
    struct history *history = request->handler_state;
    history->cached.stale = true;
    if (history->page.has_cursor ||
        !cache_history_read(context_of(request)->redis, &history->cached, history_kept, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void history_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (reply->outcome != PG_OK) {
        show_stale_history(request);
    } else if (PQntuples(reply->result) == 0) {
        reply_error(request, ERROR_NOT_FOUND);
    } else {
        write_history(request, reply->result);
    }
}

static void ask_history(struct request *request)
{
    char auction[UUID_TEXT_SIZE];
    char limit[NUMBER_SIZE];
    const struct history *history = request->handler_state;
    const struct page *page = &history->page;
    uuid_format(&request->parameters[0], auction);
    (void)snprintf(limit, sizeof(limit), "%d", page->limit + 1);
    const char *values[] = {auction, page->has_cursor ? page->cursor.key : "9223372036854775807", limit};
    if (!statements_query(context_of(request)->pg, &ledger_statements, LEDGER_HISTORY, ARRAY_LEN(values), values,
                          history_found, request)) {
        show_stale_history(request);
    }
}

static void history_kept(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    const struct history *history = request->handler_state;
    bool stale = history->cached.stale;
    if (cache_history_answer(request, reply, stale || !pg_up(context_of(request)->pg))) {
        return;
    }
    if (stale) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        ask_history(request);
    }
}

static void handle_history(struct request *request)
{
    struct field_errors field_errors = {0};
    struct history *history = request_handler_state(request, sizeof(*history));
    if (history == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    struct page *page = &history->page;
    page_read(request, "history", page, &field_errors);
    size_t digits = strspn(page->cursor.key, "0123456789");
    if (page->has_cursor && (digits == 0 || digits > 18 || page->cursor.key[digits] != '\0')) {
        field_errors_add(&field_errors, "cursor", FIELD_NOT_A_CURSOR);
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    history->cached = (struct cache_history){.epoch = context_of(request)->deployment->epoch.number,
                                             .auction_id = request->parameters[0],
                                             .limit = page->limit};
    if (page->has_cursor || !cache_history_read(context_of(request)->redis, &history->cached, history_kept, request)) {
        ask_history(request);
    }
}

/* ---- a user's own maximum ---- */

static void proxy_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (reply->outcome != PG_OK) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    if (PQntuples(reply->result) == 0) {
        reply_error(request, ERROR_NO_MAXIMUM);
        return;
    }
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_uuid(json, "auctionId", &request->parameters[0]);
    jsonw_put_money(json, "maxAmount", pg_money(reply->result, 0, 0));
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void handle_proxy(struct request *request)
{
    char auction[UUID_TEXT_SIZE];
    char user[UUID_TEXT_SIZE];
    const char *values[] = {auction, user};
    uuid_format(&request->parameters[0], auction);
    uuid_format(&request->user.id, user);
    if (!statements_query(context_of(request)->pg, &ledger_statements, LEDGER_PROXY, ARRAY_LEN(values), values,
                          proxy_found, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route ledger_routes[] = {
    {METHOD_GET, ROUTE_OPEN, "/api/v1/auctions/:id/bids", handle_history, LIMIT_NONE, ROUTE_NO_BODY, "limit cursor"},
    {METHOD_GET, ROUTE_USER, "/api/v1/auctions/:id/bids/:bidId", handle_bid, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_GET, ROUTE_USER, "/api/v1/auctions/:id/proxy", handle_proxy, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
