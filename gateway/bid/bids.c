/*
 * See bids.h. A bid passes through these steps, each in a function of that name:
 *
 *   begin    parse the amount, choose the id               no I/O; 400
 *   ask      admission and snapshot in one pipeline        401, 403, 409, 422, 429, 400 BID_TOO_LOW
 *   verify   the user's address, if required               403
 *   load     a certain snapshot, if needed                 404, and the refusals of `ask`
 *   backlog  503 while the oldest undecided bid of the shard, or of an auction set aside, waits longer than
 *            undecided_max_s
 *   publish  and wait for the decision if asked for        200, 202, 503 (submission.h)
 *
 * `load` is needed if Redis has no snapshot, or if the snapshot refuses the bid and may be outdated. Without Redis,
 * `ask` and `load` are skipped for clients with an access token: the bid worker decides. A request whose deadline
 * passes before `publish` is not published.
 */
#include "gateway/bid/bids.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/money.h"
#include "gateway/access/admission.h"
#include "gateway/access/idempotency.h"
#include "gateway/access/key_header.h"
#include "gateway/account/verification.h"
#include "gateway/bid/bid_metrics.h"
#include "gateway/bid/ledger.h"
#include "gateway/bid/receipt.h"
#include "gateway/bid/refusal.h"
#include "gateway/bid/snapshots.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/cache_metrics.h"
#include "gateway/submit/prefer.h"
#include "gateway/submit/submitting.h"

enum {
    LOCATION_SIZE = 128,
    COMMAND_WAIT_S = 3, /* of a withdrawal for its decision, as in the API */
};

/* Handler state of a bid, from parsing to the answer. */
struct bid_request {
    struct submission submission; /* contains the command */
    struct admission admission;
    char key_hash[IDEMPOTENCY_HASH_SIZE]; /* "": no idempotency key */
    int wait_s;                           /* 0: no wait */
    bool receipt;                         /* the client asked for one */
    int awaited;                          /* outstanding replies of Redis */
    struct snapshot snapshot;             /* status RULES_NO_STATUS: unknown */
    bool certain;                         /* the snapshot is from PostgreSQL, or was just found fresh */
    enum error_code reason;               /* of the refusal, which is final unless the ledger has the bid */
};

static const struct bids_context *context_of(const struct request *request)
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
    if (bid_request->receipt) {
        receipt_write(&context_of(request)->deployment->receipts, &bid_request->submission.item.command.bid,
                      received_ms, text);
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
        snapshots_load(context_of(request)->snapshots, &submission_command(request)->auction_id, rejection_loaded,
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
    if (code == ERROR_RATE_LIMITED) {
        limits_refuse_client(request);
        return;
    }
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

static void forgotten(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    const struct bid_request *bid_request = request->handler_state;
    (void)reply; /* if Redis is unavailable, the key stays reserved */
    reply_refusal(request, bid_request->reason);
}

/* The hash of the bid's idempotency key; NULL: it has none. */
static const char *key_hash_of(const struct bid_request *bid_request)
{
    return bid_request->key_hash[0] == '\0' ? NULL : bid_request->key_hash;
}

/* Releases the key before it answers: another worker may receive the retry, or a higher bid with the same key. */
static void refuse(struct request *request, enum error_code code)
{
    struct bid_request *bid_request = request->handler_state;
    const struct command *command = submission_command(request);
    bid_request->reason = code;
    bool noted = bid_request->admission.verdict == ADMISSION_GRANTED && command->kind != COMMAND_WITHDRAW;
    bool awaited = noted && admission_forget(request, &command->id, key_hash_of(bid_request),
                                             command->keyed ? forgotten : NULL, request);
    if (!awaited || !command->keyed) {
        reply_refusal(request, code);
    }
}

/* ---- publish and finish ---- */

static void confirmed(struct request *request)
{
    const struct bid_request *bid_request = request->handler_state;
    bid_metrics_add_taken(bid_request->submission.confirmed_us - request->start_us);
    if (bid_request->submission.item.command.bid.keyed) {
        admission_mark_pending(request, &bid_request->submission.item.command.bid.id);
    }
}

static void decided(struct request *request, const union submit_decision *decision)
{
    const struct bid_request *bid_request = request->handler_state;
    if (bid_request->submission.confirmed_us > 0) {
        bid_metrics_add_decided(clock_boot_us() - bid_request->submission.confirmed_us);
    }
    reply_decided(request, &decision->bid);
}

static void failed(struct request *request, bool sent)
{
    if (sent && submission_command(request)->keyed) {
        reply_error(request, ERROR_UNAVAILABLE); /* its key stays reserved for the retry that the answer asks for */
    } else {
        refuse(request, ERROR_UNAVAILABLE);
    }
}

static const struct submission_kind submission = {
    .id_member = "bidId", .confirmed = confirmed, .decided = decided, .pending = reply_pending, .failed = failed};

/* A 202 would be a promise that is not kept in time. A withdrawal is queued nevertheless: it protects its user. */
static bool would_wait_too_long(const struct request *request)
{
    const struct bids_context *context = context_of(request);
    const struct command *command = submission_command(request);
    return command_kind_is_bid(command->kind) &&
           submitting_overdue(context->backlog, context->config, context->deployment->facts.shards,
                              &command->auction_id);
}

static void publish(struct request *request)
{
    const struct bid_request *bid_request = request->handler_state;
    if (would_wait_too_long(request)) {
        refuse(request, ERROR_UNAVAILABLE);
        return;
    }
    submission_command(request)->terms_version = bid_request->snapshot.terms_version;
    submission_publish(request);
}

/* ---- load ---- */

static void loaded(enum snapshots_outcome outcome, const struct snapshot *snapshot, void *arg);

static void looked_for_key(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    const struct bid_request *bid_request = request->handler_state;
    struct decision decision;
    if (reply->outcome == PG_OK && ledger_read(reply->result, 0, &decision)) {
        reply_decided(request, &decision);
    } else {
        refuse(request, bid_request->reason);
    }
}

/* Redis may have lost a key that the ledger has: a bid that was placed must not be answered as too late. */
static void refuse_unless_placed(struct request *request, enum error_code reason)
{
    struct bid_request *bid_request = request->handler_state;
    const struct command *command = &bid_request->submission.item.command.bid;
    bid_request->reason = reason;
    if (!command->keyed ||
        !ledger_find(context_of(request)->pg, &command->auction_id, &command->id, looked_for_key, request)) {
        refuse(request, reason);
    }
}

static void check_snapshot(struct request *request)
{
    const struct bid_request *bid_request = request->handler_state;
    enum error_code reason = ERROR_INTERNAL_ERROR;
    const struct command *command = &bid_request->submission.item.command.bid;
    if (!refusal_certain(&bid_request->snapshot, command, clock_now_ms(), &reason)) {
        publish(request);
    } else if (!bid_request->certain && !refusal_lasts(reason)) {
        /* A snapshot from Redis may be older than a void, an update or a reopening. */
        snapshots_confirm(context_of(request)->snapshots, &command->auction_id, loaded, request);
    } else {
        refuse_unless_placed(request, reason);
    }
}

static void loaded(enum snapshots_outcome outcome, const struct snapshot *snapshot, void *arg)
{
    struct request *request = arg;
    struct bid_request *bid_request = request->handler_state;
    if (request_answered(request)) {
        refuse(request, ERROR_UNAVAILABLE);
    } else if (outcome == SNAPSHOTS_NONE) {
        refuse(request, ERROR_NOT_FOUND);
    } else if (outcome == SNAPSHOTS_UNKNOWN) {
        publish(request);
    } else {
        bid_request->snapshot = *snapshot;
        bid_request->certain = true;
        check_snapshot(request);
    }
}

/* ---- ask ---- */

static void publish_again(struct request *request, enum verification_answer verified)
{
    if (verified == VERIFICATION_YES) {
        submission_command(request)->received_ms = request->received_ms; /* the first receipt came to nothing */
        publish(request);
    } else {
        refuse(request, verified == VERIFICATION_NO ? ERROR_EMAIL_UNVERIFIED : ERROR_UNAVAILABLE);
    }
}

/*
 * The ledger does not have the bid (`certain`), or PostgreSQL could not answer. In state a the first request may still
 * be under way, and may be refused because of the user's address: this one must not get around that. In state d the
 * ledger has lost the bid, because PostgreSQL was restored from a backup.
 */
static void repeat_undecided(struct request *request, bool certain)
{
    const struct bid_request *bid_request = request->handler_state;
    char state = bid_request->admission.state;
    if ((state == 'a' || (state == 'd' && certain)) && !request_answered(request)) {
        verification_ask(context_of(request)->verification, request, publish_again);
    } else if (state == 'p') {
        reply_pending(request);
    } else {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void found_again(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct decision decision;
    bool certain = reply->outcome == PG_OK;
    if (certain && ledger_read(reply->result, 0, &decision)) {
        reply_decided(request, &decision);
    } else {
        repeat_undecided(request, certain);
    }
}

/*
 * Same key and body again: the bid is not placed twice, but published again if the first attempt may have failed. The
 * entry may be outdated if Redis was unavailable when the bid was decided.
 */
static void repeat(struct request *request)
{
    struct bid_request *bid_request = request->handler_state;
    const struct command *command = &bid_request->submission.item.command.bid;
    if (bid_request->admission.state == 'p' && bid_request->wait_s > 0) {
        submission_wait(request);
    } else if (!ledger_find(context_of(request)->pg, &command->auction_id, &command->id, found_again, request)) {
        repeat_undecided(request, false);
    }
}

static bool is_unchecked(const struct admission *admission)
{
    return admission->verdict == ADMISSION_UNCHECKED || admission->verdict == ADMISSION_MISSING;
}

/* All checks of the user have passed. */
static void admitted(struct request *request, enum verification_answer verified)
{
    struct bid_request *bid_request = request->handler_state;
    if (request_answered(request) || verified == VERIFICATION_UNKNOWN) {
        refuse(request, ERROR_UNAVAILABLE);
    } else if (verified == VERIFICATION_NO) {
        refuse(request, ERROR_EMAIL_UNVERIFIED);
    } else if (bid_request->snapshot.status != RULES_NO_STATUS) {
        check_snapshot(request);
    } else if (is_unchecked(&bid_request->admission)) {
        publish(request);
    } else {
        snapshots_load(context_of(request)->snapshots, &bid_request->submission.item.command.bid.auction_id, loaded,
                       request);
    }
}

static void ask(struct request *request);

static void asked(struct request *request)
{
    const struct bid_request *bid_request = request->handler_state;
    if (request_answered(request)) {
        refuse(request, ERROR_UNAVAILABLE);
        return;
    }
    if (admission_reload(request, &bid_request->admission, ask) || admission_refuse(request, &bid_request->admission)) {
        return;
    }
    if (bid_request->admission.verdict == ADMISSION_GRANTED) {
        limits_spent(request);
    }
    if (!limits_count_user(request)) {
        refuse(request, ERROR_RATE_LIMITED);
        return;
    }
    limits_headers(request, &bid_request->admission.limit);
    if (bid_request->admission.verdict == ADMISSION_KNOWN) {
        repeat(request);
    } else if (submission_command(request)->kind == COMMAND_WITHDRAW) {
        admitted(request, VERIFICATION_YES);
    } else {
        verification_ask(context_of(request)->verification, request, admitted);
    }
}

/* A repetition has the receipt time of the first request. */
static void use_first_receipt_time(struct bid_request *bid_request)
{
    const char *pending = bid_request->admission.pending;
    const char *text = NULL;
    struct json *tree = pending == NULL ? NULL : json_parse(pending, strlen(pending), NULL);
    int64_t received = 0;
    if (json_get_text(tree, "receivedAt", &text) && clock_parse(text, &received)) {
        bid_request->submission.item.command.bid.received_ms = received;
    }
    json_free(tree);
    bid_request->admission.pending = NULL; /* it was borrowed */
}

static void admission_answered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct bid_request *bid_request = request->handler_state;
    bid_request->admission = admission_read(request, reply);
    /* In state a the bid is published again, with the receipt time of this request. */
    if (bid_request->admission.verdict == ADMISSION_KNOWN && bid_request->admission.state != 'a') {
        use_first_receipt_time(bid_request);
    }
    if (--bid_request->awaited == 0) {
        asked(request);
    }
}

static void snapshot_answered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct bid_request *bid_request = request->handler_state;
    if (!snapshots_read(reply, &bid_request->submission.item.command.bid.auction_id, &bid_request->snapshot)) {
        bid_request->snapshot = (struct snapshot){.status = RULES_NO_STATUS};
    }
    cache_metrics_add(CACHE_METRICS_SNAPSHOT, bid_request->snapshot.status != RULES_NO_STATUS);
    if (--bid_request->awaited == 0) {
        asked(request);
    }
}

/* The bid as GET shows it until it is decided. */
static const char *pending_text(struct request *request)
{
    const struct command *command = submission_command(request);
    struct jsonw *json = reply_json(request);
    size_t length = 0;
    struct decision pending = {
        .bid_id = command->id,
        .auction_id = command->auction_id,
        .kind = command->kind,
        .amount = command->kind == COMMAND_BID ? command->amount : 0,
        .max_amount = command->kind == COMMAND_PROXY ? command->amount : 0,
        .received_ms = command->received_ms,
    };
    ledger_write(json, &pending);
    return jsonw_text(json, &length);
}

static void ask(struct request *request)
{
    struct bid_request *bid_request = request->handler_state;
    const struct command *command = &bid_request->submission.item.command.bid;
    struct admission_bid entry = {
        .id = command->id,
        .key_hash = key_hash_of(bid_request),
        .pending = pending_text(request),
    };
    const struct admission_bid *noted = command->kind == COMMAND_WITHDRAW ? NULL : &entry;
    if (entry.pending == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    bid_request->awaited = 1;
    if (!admission_ask(request, noted, admission_answered, request)) {
        bid_request->awaited = 0;
        bid_request->admission = admission_read(request, NULL);
        asked(request);
    } else if (snapshot_loads_ask(context_of(request)->snapshots, &command->auction_id, snapshot_answered, request)) {
        bid_request->awaited++;
    }
}

/* ---- begin ---- */

/* `key` is "" without an idempotency key. */
static void fill_command(const struct request *request, struct command *command, enum command_kind kind, int64_t amount,
                         const char *key)
{
    *command = (struct command){
        .kind = kind,
        .auction_id = request->parameters[0],
        .user_id = request->user.id,
        .amount = amount,
        .received_ms = request->received_ms,
        .keyed = key[0] != '\0',
    };
    command->id = command->keyed ? idempotency_bid_id(context_of(request)->deployment->facts.idempotency, command, key)
                                 : uuid_new();
    memcpy(command->request_id, request->id, sizeof(command->request_id));
    memcpy(command->traceparent, request->traceparent, sizeof(command->traceparent));
}

static void set_preferences(const struct request *request, struct bid_request *bid_request)
{
    char wishes[PREFER_SIZE];
    if (bid_request->submission.item.command.bid.kind == COMMAND_WITHDRAW) {
        bid_request->wait_s = COMMAND_WAIT_S;
        return;
    }
    request_header_list(request, "Prefer", wishes, sizeof(wishes));
    bid_request->wait_s = prefer_wait_s(wishes);
    bid_request->receipt = prefer_receipt(wishes);
}

static void begin(struct request *request, enum command_kind kind, int64_t amount)
{
    char key[IDEMPOTENCY_KEY_SIZE] = "";
    if (kind != COMMAND_WITHDRAW && !key_header_read(request, key)) {
        return;
    }
    struct bid_request *bid_request = request_handler_state(request, sizeof(*bid_request));
    if (bid_request == NULL || !context_of(request)->deployment->known ||
        timing_guard_withholds(context_of(request)->submissions->timing)) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    fill_command(request, &bid_request->submission.item.command.bid, kind, amount, key);
    if (key[0] != '\0') {
        idempotency_key_hash(key, bid_request->key_hash);
    }
    set_preferences(request, bid_request);
    submission_begin(context_of(request)->submissions, request, &submission, bid_request->wait_s * 1000);
    ask(request);
}

/* Handles a body with one amount. */
static void begin_with_amount(struct request *request, enum command_kind kind, const char *name)
{
    const char *const names[] = {name, NULL};
    struct field_errors field_errors = {0};
    int64_t amount = 0;
    fields_known(request->body, names, &field_errors);
    enum fields_money money = fields_money(request->body, name, &amount);
    if (money == FIELDS_MONEY_ABSENT) {
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
    begin_with_amount(request, COMMAND_BID, "amount");
}

static void handle_proxy(struct request *request)
{
    begin_with_amount(request, COMMAND_PROXY, "maxAmount");
}

/* The price is the auction's, from the terms that the buyer saw: there is no body. */
static void handle_buy(struct request *request)
{
    begin(request, COMMAND_BUY, 0);
}

static void handle_withdraw(struct request *request)
{
    begin(request, COMMAND_WITHDRAW, 0);
}

const struct route bids_routes[] = {
    /* In the order of BIDS_PLACE and the others. */
    {METHOD_POST, ROUTE_BID, "/api/v1/auctions/:id/bids", handle_bid, LIMIT_BIDS, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_BID, "/api/v1/auctions/:id/proxy", handle_proxy, LIMIT_BIDS, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_BID, "/api/v1/auctions/:id/buy-now", handle_buy, LIMIT_BIDS, ROUTE_NO_BODY, NULL},
    {METHOD_DELETE, ROUTE_BID, "/api/v1/auctions/:id/proxy", handle_withdraw, LIMIT_WITHDRAWALS, ROUTE_NO_BODY, NULL},
    {0},
};
