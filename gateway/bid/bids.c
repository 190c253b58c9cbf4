/*
 * See bids.h. The steps of a bid are those of gateway/submit/command_request.h; here is what bids do differently.
 */
#include "gateway/bid/bids.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/bid/bid_metrics.h"
#include "gateway/bid/ledger.h"
#include "gateway/bid/receipt.h"
#include "gateway/bid/refusal.h"
#include "gateway/bid/snapshots.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/cache_metrics.h"
#include "gateway/submit/command_request.h"

enum { LOCATION_SIZE = 128 };

/* Handler state of a bid, from parsing to the answer. */
struct bid_request {
    struct command_request command_request; /* first: see command_request.h */
    struct snapshot snapshot;               /* status RULES_NO_STATUS: unknown */
    enum error_code reason;                 /* of a rejected withdrawal */
};

static const struct command_requests *shared_of(const struct request *request)
{
    return request->context;
}

/* ---- answers ---- */

static void set_location(struct request *request)
{
    const struct command *command = submission_command(request);
    char auction[UUID_TEXT_SIZE];
    char bid[UUID_TEXT_SIZE];
    char text[LOCATION_SIZE];
    uuid_format(&command->auction_id, auction);
    uuid_format(&command->id, bid);
    (void)snprintf(text, sizeof(text), "/api/v1/auctions/%s/bids/%s", auction, bid);
    reply_header(request, "Location", text);
}

/* A repeated bid has the receipt time of its first request. */
static void put_receipt(struct request *request, struct jsonw *json, int64_t received_ms)
{
    const struct bid_request *bid_request = request->handler_state;
    char text[RECEIPT_SIZE];
    if (bid_request->command_request.receipt) {
        receipt_write(&shared_of(request)->deployment->receipts, submission_command(request), received_ms, text);
        jsonw_put_string(json, "receipt", text);
    }
}

static void reply_pending(struct request *request)
{
    const struct command *command = submission_command(request);
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_uuid(json, "bidId", &command->id);
    jsonw_put_string(json, "status", "pending");
    if (command->kind == COMMAND_BID) {
        jsonw_put_money(json, "amount", command->amount);
    } else if (command->kind == COMMAND_PROXY) {
        jsonw_put_money(json, "maxAmount", command->amount);
    }
    jsonw_put_string(json, "message",
                     command->kind == COMMAND_WITHDRAW ? "Withdrawal submitted for processing"
                                                       : "Bid submitted for processing");
    jsonw_put_time(json, "receivedAt", command->received_ms);
    put_receipt(request, json, command->received_ms);
    jsonw_end_object(json);
    if (command->kind != COMMAND_WITHDRAW) {
        set_location(request);
    }
    reply_send(request, 202);
}

static void reply_refusal(struct request *request, enum error_code code);

/* A withdrawal was rejected; the snapshot now names the times that the error has. */
static void rejection_loaded(enum snapshots_outcome outcome, const struct snapshot *snapshot, void *arg)
{
    struct request *request = arg;
    struct bid_request *bid_request = request->handler_state;
    bid_request->snapshot = outcome == SNAPSHOTS_FOUND ? *snapshot : (struct snapshot){.status = RULES_NO_STATUS};
    reply_refusal(request, bid_request->reason);
}

static void reply_decided(struct request *request, const struct decision *decision)
{
    if (submission_command(request)->kind != COMMAND_WITHDRAW) {
        struct jsonw *json = reply_json(request);
        jsonw_object(json);
        ledger_put(json, decision);
        put_receipt(request, json, decision->received_ms);
        jsonw_end_object(json);
        reply_send(request, 200);
    } else if (decision->status != BID_REJECTED) {
        reply_empty(request, 204);
    } else {
        struct bid_request *bid_request = request->handler_state;
        bid_request->reason = errors_of_reason(decision->reason);
        snapshots_load(shared_of(request)->snapshots, &submission_command(request)->auction_id, rejection_loaded,
                       request);
    }
}

/* `currentBid` is null before the first bid. */
static void reply_too_low(struct request *request, const struct snapshot *snapshot)
{
    const struct parameter parameters[] = {parameter_money("minimumBid", snapshot->minimum_bid),
                                           snapshot->current_bid > 0
                                               ? parameter_money("currentBid", snapshot->current_bid)
                                               : parameter_null("currentBid")};
    reply_error_with(request, ERROR_BID_TOO_LOW, parameters, ARRAY_LEN(parameters));
}

static void reply_refusal(struct request *request, enum error_code code)
{
    const struct bid_request *bid_request = request->handler_state;
    if (code == ERROR_BID_TOO_LOW) {
        reply_too_low(request, &bid_request->snapshot);
    } else if (code == ERROR_AUCTION_ENDED && bid_request->snapshot.status != RULES_NO_STATUS) {
        const struct parameter end = parameter_time("endTime", bid_request->snapshot.end_ms);
        reply_error_with(request, code, &end, 1);
    } else if (code == ERROR_AUCTION_NOT_STARTED && bid_request->snapshot.status != RULES_NO_STATUS) {
        const struct parameter start = parameter_time("startTime", bid_request->snapshot.start_ms);
        reply_error_with(request, code, &start, 1);
    } else {
        reply_error(request, code);
    }
}

/* ---- what bids do differently ---- */

static void confirmed(struct request *request)
{
    const struct bid_request *bid_request = request->handler_state;
    bid_metrics_add_taken(bid_request->command_request.submission.confirmed_us - request->start_us);
    command_request_confirmed(request);
}

static void reply_bid_decided(struct request *request, const union submit_decision *decision)
{
    reply_decided(request, &decision->bid);
}

static void decided(struct request *request, const union submit_decision *decision)
{
    const struct bid_request *bid_request = request->handler_state;
    if (bid_request->command_request.submission.confirmed_us > 0) {
        bid_metrics_add_decided(clock_boot_us() - bid_request->command_request.submission.confirmed_us);
    }
    reply_decided(request, &decision->bid);
}

static const struct submission_kind submission = {.id_member = "bidId",
                                                  .confirmed = confirmed,
                                                  .decided = decided,
                                                  .pending = reply_pending,
                                                  .failed = command_request_failed};

static void publish(struct request *request)
{
    const struct bid_request *bid_request = request->handler_state;
    submission_command(request)->terms_version = bid_request->snapshot.terms_version;
    submission_publish(request);
}

static bool refused(const struct request *request, enum error_code *reason, bool *lasts)
{
    const struct bid_request *bid_request = request->handler_state;
    bool certain = refusal_certain(&bid_request->snapshot, submission_command(request), clock_now_ms(), reason);
    *lasts = certain && refusal_lasts(*reason);
    return certain;
}

static void loaded(enum snapshots_outcome outcome, const struct snapshot *snapshot, void *arg)
{
    struct request *request = arg;
    struct bid_request *bid_request = request->handler_state;
    if (outcome == SNAPSHOTS_FOUND) {
        bid_request->snapshot = *snapshot;
    }
    command_request_loaded(request, outcome);
}

static void load_snapshot(struct request *request)
{
    snapshots_load(shared_of(request)->snapshots, &submission_command(request)->auction_id, loaded, request);
}

/* It may be older than a void, an update or a reopening. */
static void confirm_snapshot(struct request *request)
{
    snapshots_confirm(shared_of(request)->snapshots, &submission_command(request)->auction_id, loaded, request);
}

static bool read_snapshot(struct request *request, const redisReply *reply)
{
    struct bid_request *bid_request = request->handler_state;
    if (!snapshots_read(reply, &submission_command(request)->auction_id, &bid_request->snapshot)) {
        bid_request->snapshot = (struct snapshot){.status = RULES_NO_STATUS};
    }
    bool known = bid_request->snapshot.status != RULES_NO_STATUS;
    cache_metrics_add(CACHE_METRICS_SNAPSHOT, known);
    return known;
}

/* The bid as GET shows it until it is decided. */
static void write_pending(const struct request *request, struct jsonw *json)
{
    const struct command *command = submission_command(request);
    struct decision pending = {
        .bid_id = command->id,
        .auction_id = command->auction_id,
        .kind = command->kind,
        .amount = command->kind == COMMAND_BID ? command->amount : 0,
        .max_amount = command->kind == COMMAND_PROXY ? command->amount : 0,
        .received_ms = command->received_ms,
    };
    ledger_write(json, &pending);
}

static const struct command_request_kind bids = {
    .write_pending = write_pending,
    .read_snapshot = read_snapshot,
    .load_snapshot = load_snapshot,
    .confirm_snapshot = confirm_snapshot,
    .refused = refused,
    .reply_refusal = reply_refusal,
    .publish = publish,
    .reply_pending = reply_pending,
    .reply_decided = reply_bid_decided,
};

/* ---- begin ---- */

/* `key` is "" without an idempotency key. The amount of a purchase is the price that the buyer saw, or 0. */
static void fill_command(const struct request *request, struct command *command, enum command_kind kind, int64_t amount,
                         const char *key)
{
    *command = (struct command){
        .kind = kind,
        .auction_id = request->parameters[0],
        .user_id = request->user.id,
        .amount = kind == COMMAND_BUY ? 0 : amount,
        .price = kind == COMMAND_BUY ? amount : 0,
        .received_ms = request->received_ms,
        .keyed = key[0] != '\0',
    };
    command->id = command->keyed ? idempotency_bid_id(shared_of(request)->deployment->facts.idempotency, command, key)
                                 : uuid_new();
    memcpy(command->request_id, request->id, sizeof(command->request_id));
    memcpy(command->traceparent, request->traceparent, sizeof(command->traceparent));
}

static void begin(struct request *request, enum command_kind kind, int64_t amount)
{
    enum command_request_sort sort = command_kind_is_bid(kind) ? COMMAND_REQUEST_TAKES : COMMAND_REQUEST_WITHDRAWS;
    const struct command_request *command_request =
        command_request_begin(request, shared_of(request), &bids, sort, sizeof(struct bid_request));
    if (command_request != NULL) {
        fill_command(request, submission_command(request), kind, amount, command_request->key);
        command_request_send(request, &submission);
    }
}

/* Handles a body with one amount. If that is optional, a null or absent one is 0. */
static void begin_with_amount(struct request *request, enum command_kind kind, const char *name, enum fields_need need)
{
    const char *const names[] = {name, NULL};
    struct field_errors field_errors = {0};
    int64_t amount = 0;
    fields_known(request->body, names, &field_errors);
    enum fields_money money = fields_money(request->body, name, &amount);
    if (money == FIELDS_MONEY_ABSENT && need == FIELDS_REQUIRED) {
        field_errors_add(&field_errors, name, FIELD_REQUIRED);
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
    } else if (money == FIELDS_MONEY_INVALID) {
        reply_invalid_amount(request, name);
    } else {
        begin(request, kind, amount);
    }
}

static void handle_bid(struct request *request)
{
    begin_with_amount(request, COMMAND_BID, "amount", FIELDS_REQUIRED);
}

static void handle_proxy(struct request *request)
{
    begin_with_amount(request, COMMAND_PROXY, "maxAmount", FIELDS_REQUIRED);
}

/* The price paid is the auction's. A buyer who names none accepts any. */
static void handle_buy(struct request *request)
{
    if (request->body == NULL) {
        begin(request, COMMAND_BUY, 0);
    } else {
        begin_with_amount(request, COMMAND_BUY, "price", FIELDS_OPTIONAL);
    }
}

static void handle_withdraw(struct request *request)
{
    begin(request, COMMAND_WITHDRAW, 0);
}

const struct route bids_routes[] = {
    /* In the order of BIDS_PLACE and the others. */
    {METHOD_POST, ROUTE_BID, "/api/v1/auctions/:id/bids", handle_bid, LIMIT_BIDS, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_BID, "/api/v1/auctions/:id/proxy", handle_proxy, LIMIT_BIDS, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_BID, "/api/v1/auctions/:id/buy-now", handle_buy, LIMIT_BIDS, ROUTE_OPTIONAL_BODY, NULL},
    {METHOD_DELETE, ROUTE_BID, "/api/v1/auctions/:id/proxy", handle_withdraw, LIMIT_WITHDRAWALS, ROUTE_NO_BODY, NULL},
    {0},
};
