/*
 * See sale_commands.h. A command passes through the steps of a bid (gateway/bid/bids.c), each in a function of that
 * name:
 *
 *   begin    parse, choose the id                                                       400
 *   ask      admission and snapshot in one pipeline                                     401, 403, 422, 429
 *   find     CONFIRM and CANCEL: the order, decided or pending, names the sale          404
 *   verify   the user's address, if required                                            403
 *   check    the snapshot refuses what is certain, after it was confirmed               404, 409
 *   publish  unless the shard's backlog is overdue; wait for the decision if asked for  200, 202, 204, 409, 503
 *
 * Without Redis, `ask` and `check` are skipped for clients with an access token: the sale worker decides.
 */
#include "gateway/sale/sale_commands.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/access/admission.h"
#include "gateway/access/idempotency.h"
#include "gateway/access/key_header.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/sale/orders.h"
#include "gateway/sale/payment_link.h"
#include "gateway/sale/places.h"
#include "gateway/sale/sale_family.h"
#include "gateway/sale/sale_metrics.h"
#include "gateway/sale/sale_refusal.h"
#include "gateway/submit/prefer.h"

enum {
    LEAVE_WAIT_S = 3, /* as the withdrawal of a maximum */
    LOCATION_SIZE = 128,
};

struct sale_request {
    struct submission submission; /* first: see submission.h */
    struct admission admission;
    char key[IDEMPOTENCY_KEY_SIZE];       /* "": none */
    char key_hash[IDEMPOTENCY_HASH_SIZE]; /* "": none */
    int wait_s;                           /* 0: no wait */
    int awaited;                          /* outstanding replies of Redis */
    struct sale_snapshot snapshot;
    bool known;             /* the snapshot is */
    bool certain;           /* it is from PostgreSQL, or was just found fresh */
    enum error_code reason; /* of the refusal */
    int64_t ordered_ms;     /* CONFIRM, CANCEL: receipt of the order; 0: unknown */
};

static const struct sale_commands_context *context_of(const struct request *request)
{
    return request->context;
}

static struct sale_command *command_of(const struct request *request)
{
    return &submission_sale_command(request)->command;
}

/* ---- answers ---- */

/* The order has its own time of receipt, not that of its CONFIRM or CANCEL. */
static struct order_view decided_order(const struct request *request, const struct sale_message_decision *decision)
{
    const struct sale_request *sale_request = request->handler_state;
    return (struct order_view){
        .id = decision->order_id,
        .sale_id = decision->sale_id,
        .quantity = decision->quantity,
        .total_price = decision->total_price,
        .status = decision->order_status,
        .reason = command_of(request)->kind == SALE_COMMAND_ORDER ? decision->reason : SALE_REASON_NONE,
        .expires_ms = decision->order_expires_ms,
        .received_ms = sale_request->ordered_ms != 0 ? sale_request->ordered_ms : decision->received_ms,
    };
}

static void put_entry(struct jsonw *json, const struct uuid *entry, int64_t joined_ms,
                      const struct sale_message_decision *decision)
{
    bool placed = decision != NULL && decision->position != SALE_POSITION_UNKNOWN;
    jsonw_put_uuid(json, "entryId", entry);
    if (placed) {
        jsonw_put_int(json, "position", decision->position);
    } else {
        jsonw_put_null(json, "position");
    }
    jsonw_put_string(json, "status", decision == NULL ? "pending" : sale_entry_text(decision->entry_status));
    if (decision != NULL && decision->turn_expires_ms > 0) {
        jsonw_put_time(json, "turnExpiresAt", decision->turn_expires_ms);
    }
    jsonw_put_time(json, "joinedAt", joined_ms);
}

void sale_commands_put_entry(struct jsonw *json, const struct sale_message_decision *decision)
{
    put_entry(json, uuid_is_nil(&decision->entry_id) ? &decision->id : &decision->entry_id, decision->received_ms,
              decision);
}

/* The command as it is shown until it is decided. */
static void put_pending(const struct request *request, struct jsonw *json)
{
    const struct sale_message_command *message = submission_sale_command(request);
    const struct sale_command *command = &message->command;
    switch (command->kind) {
    case SALE_COMMAND_JOIN:
        jsonw_object(json);
        put_entry(json, &command->id, command->received_ms, NULL);
        jsonw_end_object(json);
        break;
    case SALE_COMMAND_ORDER:
        orders_write(json, &(struct order_view){.id = command->id,
                                                .sale_id = message->sale_id,
                                                .quantity = command->quantity,
                                                .status = SALE_ORDER_PENDING,
                                                .received_ms = command->received_ms});
        break;
    default:
        jsonw_object(json);
        jsonw_put_uuid(json, "commandId", &command->id);
        jsonw_put_string(json, "status", "pending");
        jsonw_put_time(json, "receivedAt", command->received_ms);
        jsonw_end_object(json);
        break;
    }
}

/* Where the decision can be read: of a join the place, of the other commands the order. */
static void set_location(struct request *request)
{
    const struct sale_message_command *message = submission_sale_command(request);
    const struct sale_command *command = &message->command;
    char id[UUID_TEXT_SIZE];
    char text[LOCATION_SIZE];
    if (command->kind == SALE_COMMAND_JOIN) {
        uuid_format(&message->sale_id, id);
        (void)snprintf(text, sizeof(text), "/api/v1/flash-sales/%s/queue-position", id);
    } else {
        uuid_format(command->kind == SALE_COMMAND_ORDER ? &command->id : &command->order_id, id);
        (void)snprintf(text, sizeof(text), "/api/v1/orders/%s", id);
    }
    reply_header(request, "Location", text);
}

static void reply_pending(struct request *request)
{
    put_pending(request, reply_json(request));
    if (command_of(request)->kind != SALE_COMMAND_LEAVE) {
        set_location(request);
    }
    reply_send(request, 202);
}

static void refuse(struct request *request, enum error_code code);

static void reply_decided(struct request *request, const struct sale_message_decision *decision)
{
    enum sale_command_kind kind = command_of(request)->kind;
    bool ordered = kind == SALE_COMMAND_ORDER && !uuid_is_nil(&decision->order_id);
    if (decision->verdict == SALE_VERDICT_REJECTED && !ordered) {
        reply_error(request, errors_of_sale_reason(decision->reason));
    } else if (kind == SALE_COMMAND_LEAVE) {
        reply_empty(request, 204);
    } else if (kind == SALE_COMMAND_JOIN) {
        struct jsonw *json = reply_json(request);
        jsonw_object(json);
        sale_commands_put_entry(json, decision);
        jsonw_end_object(json);
        reply_send(request, 200);
    } else {
        const struct order_view order = decided_order(request, decision);
        orders_write(reply_json(request), &order);
        reply_send(request, 200);
    }
}

static void reply_refusal(struct request *request, enum error_code code)
{
    const struct sale_request *sale_request = request->handler_state;
    if (code == ERROR_RATE_LIMITED) {
        limits_refuse_client(request);
    } else if (code == ERROR_SALE_NOT_OPEN && sale_request->known) {
        const struct parameter join = parameter_time("joinTime", sale_request->snapshot.sale.terms.join_ms);
        reply_error_with(request, code, &join, 1);
    } else if (code == ERROR_SALE_NOT_STARTED && sale_request->known) {
        const struct parameter start = parameter_time("startTime", sale_request->snapshot.sale.terms.start_ms);
        reply_error_with(request, code, &start, 1);
    } else {
        reply_error(request, code);
    }
}

static void forgotten(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    const struct sale_request *sale_request = request->handler_state;
    (void)reply; /* if Redis is unavailable, the key stays reserved */
    reply_refusal(request, sale_request->reason);
}

/* LEAVE has no entry in Redis: it has no key, and nothing shows it. */
static bool is_noted(const struct request *request)
{
    return command_of(request)->kind != SALE_COMMAND_LEAVE;
}

static const char *key_hash_of(const struct sale_request *sale_request)
{
    return sale_request->key_hash[0] == '\0' ? NULL : sale_request->key_hash;
}

/* Releases the key before it answers, as a refused bid does. */
static void refuse(struct request *request, enum error_code code)
{
    struct sale_request *sale_request = request->handler_state;
    const struct sale_message_command *message = submission_sale_command(request);
    sale_request->reason = code;
    bool awaited = is_noted(request) && sale_request->admission.verdict == ADMISSION_GRANTED &&
                   admission_forget(request, &message->command.id, key_hash_of(sale_request),
                                    message->keyed ? forgotten : NULL, request);
    if (!awaited || !message->keyed) {
        reply_refusal(request, code);
    }
}

/* ---- publish and finish ---- */

static void confirmed(struct request *request)
{
    const struct sale_request *sale_request = request->handler_state;
    const struct sale_message_command *message = submission_sale_command(request);
    sale_metrics_add_taken(sale_request->submission.confirmed_us - request->start_us);
    limits_kept(request);
    if (message->keyed) {
        admission_mark_pending(request, &message->command.id);
    }
}

static void looked_for_place(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    union submit_decision decision;
    if (reply->outcome == PG_OK && sale_family.read_row(reply->result, 0, &decision)) {
        reply_decided(request, &decision.sale);
    } else {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* A JOIN that found an earlier place: the sale worker says neither its position nor since when it is there. */
static bool lacks_place(const struct sale_message_decision *decision)
{
    return decision->kind == SALE_COMMAND_JOIN &&
           (decision->verdict == SALE_VERDICT_UNCHANGED ||
            (decision->verdict == SALE_VERDICT_ACCEPTED && decision->entry_status == SALE_ENTRY_WAITING &&
             decision->position == SALE_POSITION_UNKNOWN));
}

static void decided(struct request *request, const union submit_decision *decision)
{
    const struct submit_ids ids = sale_family.ids_of_decision(decision);
    if (!lacks_place(&decision->sale)) {
        reply_decided(request, &decision->sale);
    } else if (!sale_family.find(context_of(request)->pg, &ids, 1, looked_for_place, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void failed(struct request *request, bool sent)
{
    if (sent && submission_sale_command(request)->keyed) {
        reply_error(request, ERROR_UNAVAILABLE); /* its key stays reserved for the retry that the answer asks for */
    } else {
        refuse(request, ERROR_UNAVAILABLE);
    }
}

static const struct submission_kind join_submission = {
    .id_member = "entryId", .confirmed = confirmed, .decided = decided, .pending = reply_pending, .failed = failed};
static const struct submission_kind order_submission = {
    .id_member = "orderId", .confirmed = confirmed, .decided = decided, .pending = reply_pending, .failed = failed};
static const struct submission_kind command_submission = {
    .id_member = "commandId", .confirmed = confirmed, .decided = decided, .pending = reply_pending, .failed = failed};

/* Only what takes stock or a place is refused for a backlog: the other commands give back, or keep a promise. */
static bool would_wait_too_long(const struct request *request)
{
    const struct sale_commands_context *context = context_of(request);
    enum sale_command_kind kind = command_of(request)->kind;
    return (kind == SALE_COMMAND_JOIN || kind == SALE_COMMAND_ORDER) &&
           submitting_overdue(context->backlog, context->config, context->deployment->facts.shards,
                              &submission_sale_command(request)->sale_id);
}

/*
 * The time in which this worker refused commands while the turn or the reservation ran: it does not run against it. Of
 * a turn only its length is known, so an outage just before it may count too.
 */
static int64_t refused_ms(const struct request *request)
{
    const struct sale_request *sale_request = request->handler_state;
    const struct sale_command *command = command_of(request);
    const struct outages *outages = publisher_outages(context_of(request)->submissions->publisher);
    int64_t turn_ms = sale_request->known ? sale_request->snapshot.sale.terms.turn_ms : SALE_DURATION_MS_MAX;
    if (command->kind == SALE_COMMAND_ORDER) {
        return outages_within_ms(outages, turn_ms, command->received_ms);
    }
    return command->kind == SALE_COMMAND_CONFIRM && sale_request->ordered_ms != 0
               ? outages_ms(outages, sale_request->ordered_ms, command->received_ms)
               : 0;
}

static void order_noted(const redisReply *reply, void *arg)
{
    (void)reply; /* without Redis, payments.c calls no order unknown */
    submission_publish(arg);
}

static void publish(struct request *request)
{
    struct sale_message_command *message = submission_sale_command(request);
    struct redis *redis = context_of(request)->redis;
    if (would_wait_too_long(request)) {
        refuse(request, ERROR_UNAVAILABLE);
        return;
    }
    message->command.refused_ms = refused_ms(request);
    if (message->command.kind == SALE_COMMAND_JOIN) {
        places_note_join(redis, &message->command.user_id, &message->sale_id, &message->command.id);
    }
    if (message->command.kind != SALE_COMMAND_ORDER ||
        !orders_note(redis, &message->command.id, &message->sale_id, order_noted, request)) {
        submission_publish(request);
    }
}

/* ---- check ---- */

static void looked_for_key(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    const struct sale_request *sale_request = request->handler_state;
    union submit_decision decision;
    if (reply->outcome == PG_OK && sale_family.read_row(reply->result, 0, &decision)) {
        reply_decided(request, &decision.sale);
    } else {
        refuse(request, sale_request->reason);
    }
}

/* Redis may have lost a key that the ledger has. */
static void refuse_unless_placed(struct request *request, enum error_code reason)
{
    struct sale_request *sale_request = request->handler_state;
    const struct submit_ids ids = sale_family.ids_of_command(&sale_request->submission.item.command);
    sale_request->reason = reason;
    if (!submission_sale_command(request)->keyed ||
        !sale_family.find(context_of(request)->pg, &ids, 1, looked_for_key, request)) {
        refuse(request, reason);
    }
}

static void loaded(enum snapshots_outcome outcome, const struct sale_snapshot *snapshot, void *arg);

static void check_snapshot(struct request *request)
{
    const struct sale_request *sale_request = request->handler_state;
    const struct sale_message_command *message = submission_sale_command(request);
    enum sale_reason reason = sale_refusal_of(&sale_request->snapshot, &message->command, clock_now_ms());
    if (reason == SALE_REASON_NONE) {
        publish(request);
    } else if (!sale_request->certain && !sale_refusal_lasts(reason)) {
        sale_snapshots_confirm(context_of(request)->snapshots, &sale_request->snapshot, loaded, request);
    } else {
        refuse_unless_placed(request, errors_of_sale_reason(reason));
    }
}

static void loaded(enum snapshots_outcome outcome, const struct sale_snapshot *snapshot, void *arg)
{
    struct request *request = arg;
    struct sale_request *sale_request = request->handler_state;
    if (request_answered(request)) {
        refuse(request, ERROR_UNAVAILABLE);
    } else if (outcome == SNAPSHOTS_FOUND) {
        sale_request->snapshot = *snapshot;
        sale_request->known = true;
        sale_request->certain = true;
        check_snapshot(request);
    } else if (outcome == SNAPSHOTS_UNKNOWN) {
        publish(request);
    } else {
        refuse(request, ERROR_NOT_FOUND);
    }
}

/* ---- ask ---- */

static void publish_again(struct request *request, enum verification_answer verified)
{
    if (verified == VERIFICATION_YES) {
        command_of(request)->received_ms = request->received_ms; /* the first receipt came to nothing */
        publish(request);
    } else {
        refuse(request, verified == VERIFICATION_NO ? ERROR_EMAIL_UNVERIFIED : ERROR_UNAVAILABLE);
    }
}

/* As for bids: the ledger does not have the command (`certain`), or PostgreSQL could not answer. */
static void repeat_undecided(struct request *request, bool certain)
{
    const struct sale_request *sale_request = request->handler_state;
    char state = sale_request->admission.state;
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
    union submit_decision decision;
    bool certain = reply->outcome == PG_OK;
    if (certain && sale_family.read_row(reply->result, 0, &decision)) {
        reply_decided(request, &decision.sale);
    } else {
        repeat_undecided(request, certain);
    }
}

/* Same key and body again: not queued twice, but published again if the first attempt may have failed. */
static void repeat(struct request *request)
{
    const struct sale_request *sale_request = request->handler_state;
    const struct submit_ids ids = sale_family.ids_of_command(&sale_request->submission.item.command);
    if (sale_request->admission.state == 'p' && sale_request->wait_s > 0) {
        submission_wait(request);
    } else if (!sale_family.find(context_of(request)->pg, &ids, 1, found_again, request)) {
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
    struct sale_request *sale_request = request->handler_state;
    if (request_answered(request) || verified == VERIFICATION_UNKNOWN) {
        refuse(request, ERROR_UNAVAILABLE);
    } else if (verified == VERIFICATION_NO) {
        refuse(request, ERROR_EMAIL_UNVERIFIED);
    } else if (sale_request->known) {
        check_snapshot(request);
    } else if (is_unchecked(&sale_request->admission) || !uuid_is_nil(&command_of(request)->order_id)) {
        publish(request);
    } else {
        sale_snapshots_load(context_of(request)->snapshots, &submission_sale_command(request)->sale_id, loaded,
                            request);
    }
}

static void ask(struct request *request);

static void find_sale(struct request *request);
static void placed(struct request *request);

static void asked(struct request *request)
{
    const struct sale_request *sale_request = request->handler_state;
    if (request_answered(request)) {
        refuse(request, ERROR_UNAVAILABLE);
        return;
    }
    if (admission_reload(request, &sale_request->admission, ask) ||
        admission_refuse(request, &sale_request->admission)) {
        return;
    }
    if (sale_request->admission.verdict == ADMISSION_GRANTED) {
        limits_spent(request);
    }
    if (!limits_count_user(request)) {
        refuse(request, ERROR_RATE_LIMITED);
        return;
    }
    limits_headers(request, &sale_request->admission.limit);
    if (uuid_is_nil(&submission_sale_command(request)->sale_id)) {
        find_sale(request);
    } else {
        placed(request);
    }
}

/* The sale of the command is known. */
static void placed(struct request *request)
{
    const struct sale_request *sale_request = request->handler_state;
    enum sale_command_kind kind = command_of(request)->kind;
    if (sale_request->admission.verdict == ADMISSION_KNOWN) {
        repeat(request);
    } else if (kind == SALE_COMMAND_JOIN || kind == SALE_COMMAND_ORDER) {
        verification_ask(context_of(request)->verification, request, admitted);
    } else {
        admitted(request, VERIFICATION_YES);
    }
}

/* A repetition has the receipt time of the first request. */
static void use_first_receipt_time(const struct request *request, struct sale_request *sale_request)
{
    const char *pending = sale_request->admission.pending;
    const char *text = NULL;
    struct json *tree = pending == NULL ? NULL : json_parse(pending, strlen(pending), NULL);
    int64_t received = 0;
    if ((json_get_text(tree, "receivedAt", &text) || json_get_text(tree, "joinedAt", &text)) &&
        clock_parse(text, &received)) {
        command_of(request)->received_ms = received;
    }
    json_free(tree);
    sale_request->admission.pending = NULL; /* it was borrowed */
}

static void admission_answered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct sale_request *sale_request = request->handler_state;
    sale_request->admission = admission_read(request, reply);
    if (sale_request->admission.verdict == ADMISSION_KNOWN && sale_request->admission.state != 'a') {
        use_first_receipt_time(request, sale_request);
    }
    if (--sale_request->awaited == 0) {
        asked(request);
    }
}

static void snapshot_answered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct sale_request *sale_request = request->handler_state;
    sale_request->known =
        sale_snapshots_read(reply, &submission_sale_command(request)->sale_id, &sale_request->snapshot);
    if (--sale_request->awaited == 0) {
        asked(request);
    }
}

static void ask(struct request *request)
{
    struct sale_request *sale_request = request->handler_state;
    const struct sale_message_command *message = submission_sale_command(request);
    struct jsonw *json = reply_json(request);
    size_t length = 0;
    put_pending(request, json);
    struct admission_bid entry = {
        .id = message->command.id, .key_hash = key_hash_of(sale_request), .pending = jsonw_text(json, &length)};
    if (entry.pending == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    sale_request->awaited = 1;
    if (!admission_ask(request, is_noted(request) ? &entry : NULL, admission_answered, request)) {
        sale_request->awaited = 0;
        sale_request->admission = admission_read(request, NULL);
        asked(request);
    } else if (!uuid_is_nil(&message->sale_id) &&
               snapshot_loads_ask(context_of(request)->snapshots, &message->sale_id, snapshot_answered, request)) {
        sale_request->awaited++;
    }
}

/* ---- find: the order of a CONFIRM or CANCEL ---- */

/* The answer to a confirmation that queued nothing. Its key names nothing. */
static void reply_unqueued(struct request *request, const struct order_view *order)
{
    const struct sale_request *sale_request = request->handler_state;
    bool forgotten = sale_request->admission.verdict != ADMISSION_GRANTED ||
                     admission_forget(request, &command_of(request)->id, key_hash_of(sale_request), NULL, NULL);
    (void)forgotten; /* without Redis, the entry expires by itself */
    if (order->status == SALE_ORDER_RESERVED) {
        payment_link_reply(request, context_of(request)->config->payment_url, order);
    } else {
        orders_write(reply_json(request), order);
        reply_send(request, 200);
    }
}

/* A confirmation in a sale with payments queues nothing: the buyer pays, or the order is not reserved any more. */
static void answer_by_payment(struct request *request, const struct order_view *order)
{
    bool late = request->received_ms >= order->expires_ms + refused_ms(request);
    bool linked = strcmp(context_of(request)->config->payment_url, "none") != 0;
    if (order->status == SALE_ORDER_EXPIRED || (order->status == SALE_ORDER_RESERVED && late)) {
        refuse(request, ERROR_RESERVATION_EXPIRED);
    } else if (order->status == SALE_ORDER_CONFIRMED || (order->status == SALE_ORDER_RESERVED && linked)) {
        reply_unqueued(request, order);
    } else {
        refuse(request, order->status == SALE_ORDER_RESERVED ? ERROR_PAYMENT_REQUIRED : ERROR_ORDER_CLOSED);
    }
}

/* False: PostgreSQL does not have the order, or could not answer. */
static bool place_found(struct request *request, const struct pg_reply *reply)
{
    struct order_view order;
    if (reply->outcome != PG_OK || PQntuples(reply->result) == 0) {
        return false;
    }
    struct sale_request *sale_request = request->handler_state;
    bool known = orders_read_found(reply->result, &order);
    submission_sale_command(request)->sale_id = order.sale_id;
    sale_request->ordered_ms = order.received_ms;
    if (known && order.by_payment && command_of(request)->kind == SALE_COMMAND_CONFIRM) {
        answer_by_payment(request, &order);
    } else {
        placed(request);
    }
    return true;
}

/* The order may have been decided between the first look at PostgreSQL and that at Redis. */
static void sale_found_late(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!place_found(request, reply)) {
        refuse(request, reply->outcome == PG_OK ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE);
    }
}

static void pending_sale_answered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct sale_request *sale_request = request->handler_state;
    enum orders_pending pending =
        orders_read_pending(reply, &submission_sale_command(request)->sale_id, &sale_request->ordered_ms);
    if (pending == ORDERS_PENDING) {
        placed(request);
    } else if (pending == ORDERS_PENDING_UNKNOWN || !orders_find(context_of(request)->pg, request, sale_found_late)) {
        refuse(request, ERROR_UNAVAILABLE);
    }
}

static void sale_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!place_found(request, reply) &&
        !orders_ask_pending(context_of(request)->redis, request, pending_sale_answered)) {
        refuse(request, ERROR_UNAVAILABLE);
    }
}

static void find_sale(struct request *request)
{
    if (!orders_find(context_of(request)->pg, request, sale_found)) {
        refuse(request, ERROR_UNAVAILABLE);
    }
}

/* ---- begin ---- */

/* The id of a command with a key is a hash of all that it asks for. */
static struct uuid id_of(const struct request *request, const struct sale_message_command *message, const char *key)
{
    uint8_t body[sizeof(struct uuid) * 2 + sizeof(int64_t)];
    const struct sale_command *command = &message->command;
    memcpy(body, message->sale_id.bytes, sizeof(struct uuid));
    memcpy(body + sizeof(struct uuid), command->order_id.bytes, sizeof(struct uuid));
    for (size_t i = 0; i < sizeof(int64_t); i++) { /* big endian, so that all gateways agree */
        body[2 * sizeof(struct uuid) + i] = (uint8_t)((uint64_t)command->quantity >> (8 * (sizeof(int64_t) - 1 - i)));
    }
    return idempotency_row_id(context_of(request)->deployment->facts.idempotency, &request->user.id,
                              sale_command_text(command->kind), key, (const char *)body, sizeof(body));
}

/* False: the request was ENDED. The command still lacks what its kind needs, and its id. */
static struct sale_message_command *begin(struct request *request, enum sale_command_kind kind)
{
    char key[IDEMPOTENCY_KEY_SIZE] = "";
    char wishes[PREFER_SIZE];
    if (kind != SALE_COMMAND_LEAVE && !key_header_read(request, key)) {
        return NULL;
    }
    struct sale_request *sale_request = request_handler_state(request, sizeof(*sale_request));
    if (sale_request == NULL || !context_of(request)->deployment->known ||
        timing_guard_withholds(context_of(request)->submissions->timing)) {
        reply_error(request, ERROR_UNAVAILABLE);
        return NULL;
    }
    struct sale_message_command *message = &sale_request->submission.item.command.sale;
    message->command.kind = kind;
    message->command.user_id = request->user.id;
    message->command.received_ms = request->received_ms;
    message->keyed = key[0] != '\0';
    memcpy(message->request_id, request->id, sizeof(message->request_id));
    memcpy(message->traceparent, request->traceparent, sizeof(message->traceparent));
    memcpy(sale_request->key, key, sizeof(key));
    if (message->keyed) {
        idempotency_key_hash(key, sale_request->key_hash);
    }
    request_header_list(request, "Prefer", wishes, sizeof(wishes));
    sale_request->wait_s = kind == SALE_COMMAND_LEAVE ? LEAVE_WAIT_S : prefer_wait_s(wishes);
    return message;
}

/* The command is complete but for its id. */
static void go_on(struct request *request, const struct submission_kind *kind)
{
    struct sale_request *sale_request = request->handler_state;
    struct sale_message_command *message = submission_sale_command(request);
    message->command.id = message->keyed ? id_of(request, message, sale_request->key) : uuid_new();
    submission_begin(context_of(request)->submissions, request, kind, sale_request->wait_s * 1000);
    ask(request);
}

static void begin_with_quantity(struct request *request, enum sale_command_kind kind, enum fields_need need,
                                const struct submission_kind *submission)
{
    static const char *const names[] = {"flashSaleId", "quantity", NULL};
    struct field_errors field_errors = {0};
    struct uuid sale = {{0}};
    int64_t quantity = 1;
    fields_known(request->body, names, &field_errors);
    (void)fields_uuid(request->body, "flashSaleId", FIELDS_REQUIRED, &sale, &field_errors);
    (void)fields_int(request->body, "quantity", need, 1, SALE_QUANTITY_MAX, &quantity, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    struct sale_message_command *message = begin(request, kind);
    if (message != NULL) {
        message->sale_id = sale;
        message->command.quantity = quantity;
        go_on(request, submission);
    }
}

static void handle_join(struct request *request)
{
    begin_with_quantity(request, SALE_COMMAND_JOIN, FIELDS_OPTIONAL, &join_submission);
}

static void handle_order(struct request *request)
{
    begin_with_quantity(request, SALE_COMMAND_ORDER, FIELDS_REQUIRED, &order_submission);
}

static void handle_leave(struct request *request)
{
    struct uuid sale;
    if (!places_read_sale(request, &sale)) {
        return;
    }
    struct sale_message_command *message = begin(request, SALE_COMMAND_LEAVE);
    if (message != NULL) {
        message->sale_id = sale;
        go_on(request, &command_submission);
    }
}

static void begin_with_order(struct request *request, enum sale_command_kind kind)
{
    struct sale_message_command *message = begin(request, kind);
    if (message != NULL) {
        message->command.order_id = request->parameters[0];
        go_on(request, &command_submission);
    }
}

static void handle_confirm(struct request *request)
{
    begin_with_order(request, SALE_COMMAND_CONFIRM);
}

static void handle_cancel(struct request *request)
{
    begin_with_order(request, SALE_COMMAND_CANCEL);
}

const struct route sale_commands_routes[] = {
    [SALE_COMMANDS_JOIN] = {METHOD_POST, ROUTE_BID, "/api/v1/queue/join", handle_join, LIMIT_JOINS, ROUTE_JSON_BODY,
                            NULL},
    [SALE_COMMANDS_LEAVE] = {METHOD_DELETE, ROUTE_BID, "/api/v1/queue/leave", handle_leave, LIMIT_LEAVES, ROUTE_NO_BODY,
                             "flashSaleId"},
    {METHOD_POST, ROUTE_BID, "/api/v1/orders", handle_order, LIMIT_ORDERS, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_BID, "/api/v1/orders/:id/confirm", handle_confirm, LIMIT_ORDER_CHANGES, ROUTE_NO_BODY, NULL},
    {METHOD_POST, ROUTE_BID, "/api/v1/orders/:id/cancel", handle_cancel, LIMIT_ORDER_CHANGES, ROUTE_NO_BODY, NULL},
    {0},
};
