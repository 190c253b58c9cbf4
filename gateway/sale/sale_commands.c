/*
 * See sale_commands.h. The steps of a command are those of gateway/submit/command_request.h. A CONFIRM or CANCEL names
 * only its order: `find` looks for the sale in PostgreSQL, and in Redis while the order is pending.
 */
#include "gateway/sale/sale_commands.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/sale/orders.h"
#include "gateway/sale/payment_link.h"
#include "gateway/sale/places.h"
#include "gateway/sale/sale_family.h"
#include "gateway/sale/sale_metrics.h"
#include "gateway/sale/sale_refusal.h"
#include "gateway/sale/sale_snapshots.h"

enum { LOCATION_SIZE = 128 };

struct sale_request {
    struct command_request command_request; /* first: see command_request.h */
    struct sale_snapshot snapshot;
    int64_t ordered_ms; /* CONFIRM, CANCEL: receipt of the order; 0: unknown */
};

static const struct sale_commands_context *context_of(const struct request *request)
{
    return request->context;
}

static const struct command_requests *shared_of(const struct request *request)
{
    return &context_of(request)->requests;
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
static void write_pending(const struct request *request, struct jsonw *json)
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
    write_pending(request, reply_json(request));
    if (command_of(request)->kind != SALE_COMMAND_LEAVE) {
        set_location(request);
    }
    reply_send(request, 202);
}

/* An order that was rejected because its user waits has the user's position. */
static void reply_order(struct request *request, const struct sale_message_decision *decision)
{
    const struct order_view order = decided_order(request, decision);
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    orders_write_members(json, &order);
    if (order.reason == SALE_REASON_NOT_YOUR_TURN && decision->position != SALE_POSITION_UNKNOWN) {
        jsonw_put_int(json, "position", decision->position);
    }
    jsonw_end_object(json);
    reply_send(request, 200);
}

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
        reply_order(request, decision);
    }
}

static void reply_refusal(struct request *request, enum error_code code)
{
    const struct sale_request *sale_request = request->handler_state;
    bool known = sale_request->command_request.snapshot_known;
    if (code == ERROR_SALE_NOT_OPEN && known) {
        const struct parameter join = parameter_time("joinTime", sale_request->snapshot.sale.terms.join_ms);
        reply_error_with(request, code, &join, 1);
    } else if (code == ERROR_SALE_NOT_STARTED && known) {
        const struct parameter start = parameter_time("startTime", sale_request->snapshot.sale.terms.start_ms);
        reply_error_with(request, code, &start, 1);
    } else {
        reply_error(request, code);
    }
}

/* ---- publish and finish ---- */

static void confirmed(struct request *request)
{
    const struct sale_request *sale_request = request->handler_state;
    sale_metrics_add_taken(sale_request->command_request.submission.confirmed_us - request->start_us);
    limits_kept(request);
    command_request_confirmed(request);
}

static void decided(struct request *request, const union submit_decision *decision)
{
    reply_decided(request, &decision->sale);
}

static const struct submission_kind join_submission = {.id_member = "entryId",
                                                       .confirmed = confirmed,
                                                       .decided = decided,
                                                       .pending = reply_pending,
                                                       .failed = command_request_failed};
static const struct submission_kind order_submission = {.id_member = "orderId",
                                                        .confirmed = confirmed,
                                                        .decided = decided,
                                                        .pending = reply_pending,
                                                        .failed = command_request_failed};
static const struct submission_kind command_submission = {.id_member = "commandId",
                                                          .confirmed = confirmed,
                                                          .decided = decided,
                                                          .pending = reply_pending,
                                                          .failed = command_request_failed};

/*
 * The time in which this worker refused commands while the turn or the reservation ran: it does not run against it. Of
 * a turn only its length is known, so an outage just before it may count too.
 */
static int64_t refused_ms(const struct request *request)
{
    const struct sale_request *sale_request = request->handler_state;
    const struct sale_command *command = command_of(request);
    const struct outages *outages = publisher_outages(shared_of(request)->submissions->publisher);
    int64_t turn_ms =
        sale_request->command_request.snapshot_known ? sale_request->snapshot.sale.terms.turn_ms : SALE_DURATION_MS_MAX;
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
    message->command.refused_ms = refused_ms(request);
    if (message->command.kind == SALE_COMMAND_JOIN) {
        places_note_join(redis, &message->command.user_id, &message->sale_id, &message->command.id);
    }
    if (message->command.kind != SALE_COMMAND_ORDER ||
        !orders_note(redis, &message->command.id, &message->sale_id, order_noted, request)) {
        submission_publish(request);
    }
}

/* ---- the snapshot ---- */

static bool refused(const struct request *request, enum error_code *error, bool *lasts)
{
    const struct sale_request *sale_request = request->handler_state;
    enum sale_reason reason = sale_refusal_of(&sale_request->snapshot, command_of(request), clock_now_ms());
    *error = errors_of_sale_reason(reason);
    *lasts = sale_refusal_lasts(reason);
    return reason != SALE_REASON_NONE;
}

static void loaded(enum snapshots_outcome outcome, const struct sale_snapshot *snapshot, void *arg)
{
    struct request *request = arg;
    struct sale_request *sale_request = request->handler_state;
    if (outcome == SNAPSHOTS_FOUND) {
        sale_request->snapshot = *snapshot;
    }
    command_request_loaded(request, outcome);
}

/* A CONFIRM or CANCEL needs none. */
static void load_snapshot(struct request *request)
{
    if (uuid_is_nil(&command_of(request)->order_id)) {
        sale_snapshots_load(shared_of(request)->snapshots, &submission_sale_command(request)->sale_id, loaded, request);
    } else {
        command_request_publish(request);
    }
}

static void confirm_snapshot(struct request *request)
{
    const struct sale_request *sale_request = request->handler_state;
    sale_snapshots_confirm(shared_of(request)->snapshots, &sale_request->snapshot, loaded, request);
}

static bool read_snapshot(struct request *request, const redisReply *reply)
{
    struct sale_request *sale_request = request->handler_state;
    return sale_snapshots_read(reply, &submission_sale_command(request)->sale_id, &sale_request->snapshot);
}

/* ---- find: the order of a CONFIRM or CANCEL ---- */

/* The answer to a confirmation that queued nothing. Its key names nothing. */
static void reply_unqueued(struct request *request, const struct order_view *order)
{
    command_request_forget(request);
    if (order->status == SALE_ORDER_RESERVED) {
        payment_link_reply(request, shared_of(request)->config->payment_url, order);
    } else {
        orders_write(reply_json(request), order);
        reply_send(request, 200);
    }
}

/* A confirmation in a sale with payments queues nothing: the buyer pays, or the order is not reserved any more. */
static void answer_by_payment(struct request *request, const struct order_view *order)
{
    bool late = request->received_ms >= order->expires_ms + refused_ms(request);
    bool linked = strcmp(shared_of(request)->config->payment_url, "none") != 0;
    if (order->status == SALE_ORDER_EXPIRED || (order->status == SALE_ORDER_RESERVED && late)) {
        command_request_refuse(request, ERROR_RESERVATION_EXPIRED);
    } else if (order->status == SALE_ORDER_CONFIRMED || (order->status == SALE_ORDER_RESERVED && linked)) {
        reply_unqueued(request, order);
    } else {
        command_request_refuse(request,
                               order->status == SALE_ORDER_RESERVED ? ERROR_PAYMENT_REQUIRED : ERROR_ORDER_CLOSED);
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
        command_request_found(request);
    }
    return true;
}

/* The order may have been decided between the first look at PostgreSQL and that at Redis. */
static void sale_found_late(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!place_found(request, reply)) {
        command_request_refuse(request, reply->outcome == PG_OK ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE);
    }
}

static void pending_sale_answered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct sale_request *sale_request = request->handler_state;
    enum orders_pending pending =
        orders_read_pending(reply, &submission_sale_command(request)->sale_id, &sale_request->ordered_ms);
    if (pending == ORDERS_PENDING) {
        command_request_found(request);
    } else if (pending == ORDERS_PENDING_UNKNOWN || !orders_find(shared_of(request)->pg, request, sale_found_late)) {
        command_request_refuse(request, ERROR_UNAVAILABLE);
    }
}

static void sale_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!place_found(request, reply) &&
        !orders_ask_pending(context_of(request)->redis, request, pending_sale_answered)) {
        command_request_refuse(request, ERROR_UNAVAILABLE);
    }
}

static void find(struct request *request)
{
    if (uuid_is_nil(&command_of(request)->order_id)) {
        command_request_found(request);
    } else if (!orders_find(shared_of(request)->pg, request, sale_found)) {
        command_request_refuse(request, ERROR_UNAVAILABLE);
    }
}

static const struct command_request_kind sale_commands = {
    .write_pending = write_pending,
    .find = find,
    .read_snapshot = read_snapshot,
    .load_snapshot = load_snapshot,
    .confirm_snapshot = confirm_snapshot,
    .refused = refused,
    .reply_refusal = reply_refusal,
    .publish = publish,
    .reply_pending = reply_pending,
    .reply_decided = decided,
};

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
    return idempotency_row_id(shared_of(request)->deployment->facts.idempotency, &request->user.id,
                              sale_command_text(command->kind), key, (const char *)body, sizeof(body));
}

static enum command_request_sort sort_of(enum sale_command_kind kind)
{
    if (kind == SALE_COMMAND_JOIN || kind == SALE_COMMAND_ORDER) {
        return COMMAND_REQUEST_TAKES;
    }
    return kind == SALE_COMMAND_LEAVE ? COMMAND_REQUEST_LEAVES : COMMAND_REQUEST_KEEPS;
}

/* NULL: the request was ENDED. The command still lacks what its kind needs, and its id. */
static struct sale_message_command *begin(struct request *request, enum sale_command_kind kind)
{
    const struct command_request *command_request =
        command_request_begin(request, shared_of(request), &sale_commands, sort_of(kind), sizeof(struct sale_request));
    if (command_request == NULL) {
        return NULL;
    }
    struct sale_message_command *message = submission_sale_command(request);
    message->command.kind = kind;
    message->command.user_id = request->user.id;
    message->command.received_ms = request->received_ms;
    message->keyed = command_request->key[0] != '\0';
    memcpy(message->request_id, request->id, sizeof(message->request_id));
    memcpy(message->traceparent, request->traceparent, sizeof(message->traceparent));
    return message;
}

/* The command is complete but for its id. */
static void go_on(struct request *request, const struct submission_kind *kind)
{
    const struct sale_request *sale_request = request->handler_state;
    struct sale_message_command *message = submission_sale_command(request);
    message->command.id = message->keyed ? id_of(request, message, sale_request->command_request.key) : uuid_new();
    command_request_send(request, kind);
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
