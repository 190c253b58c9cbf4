/*
 * See payments.h. The steps: the fields, the signature, the order's sale in PostgreSQL, the command. An order that
 * PostgreSQL does not have is looked for among those that may be undecided.
 */
#include "gateway/sale/payments.h"

#include <assert.h>
#include <event2/buffer.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"
#include "gateway/sale/orders.h"
#include "gateway/sale/sale_metrics.h"

enum { MS_PER_S = 1000, OUTCOME_MOST = 32, REFERENCE_MOST = SALE_REFERENCE_SIZE - 1 };

enum { PAYMENT_SALE, PAYMENT_COUNT };

static const struct pg_statement list[] = {
    [PAYMENT_SALE] = {"payment_sale", "SELECT sale_id, " COLUMNS_MS("created_at") " FROM orders WHERE id = $1"},
};
static_assert(ARRAY_LEN(list) == PAYMENT_COUNT, "each statement has its entry");

struct statements payments_statements = {list, ARRAY_LEN(list), 0};

static const struct payments_context *context_of(const struct request *request)
{
    return request->context;
}

/* ---- answers ---- */

static void reply_status(struct request *request, const char *status)
{
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_string(json, "status", status);
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void reply_queued(struct request *request)
{
    sale_metrics_add_callback(SALE_CALLBACK_QUEUED);
    reply_status(request, "queued");
}

static void decided(struct request *request, const union submit_decision *decision)
{
    (void)decision;
    reply_queued(request);
}

static void failed(struct request *request, bool sent)
{
    (void)sent;
    reply_error(request, ERROR_UNAVAILABLE);
}

static const struct submission_kind callback_submission = {
    .id_member = "commandId", .confirmed = NULL, .decided = decided, .pending = reply_queued, .failed = failed};

static void refuse_unknown(struct request *request)
{
    struct log_about about = request_about(request);
    char order[UUID_TEXT_SIZE];
    uuid_format(&submission_sale_command(request)->command.order_id, order);
    log_line(LOG_WARN, &about, "a payment callback names the order %s, which does not exist", order);
    sale_metrics_add_callback(SALE_CALLBACK_UNKNOWN_ORDER);
    reply_status(request, "unknown_order");
}

/* ---- the command ---- */

/* The order is part of it because a reference that a provider uses twice must not hide a payment. */
static struct uuid command_id(const struct request *request)
{
    const struct sale_message_command *message = submission_sale_command(request);
    const char *kind = sale_command_text(message->command.kind);
    uint8_t hash[crypto_generichash_BYTES];
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, context_of(request)->deployment->facts.idempotency, DEPLOYMENT_KEY_BYTES,
                                  sizeof(hash));
    (void)crypto_generichash_update(&state, message->command.order_id.bytes, sizeof(message->command.order_id.bytes));
    (void)crypto_generichash_update(&state, (const unsigned char *)kind, strlen(kind) + 1);
    (void)crypto_generichash_update(&state, (const unsigned char *)message->reference, strlen(message->reference));
    (void)crypto_generichash_final(&state, hash, sizeof(hash));
    return uuid_from_hash(hash);
}

static void publish(struct request *request, const PGresult *order)
{
    struct sale_message_command *message = submission_sale_command(request);
    message->sale_id = pg_uuid(order, 0, 0);
    message->command.id = command_id(request);
    if (message->command.kind == SALE_COMMAND_CONFIRM) { /* refused time does not run against the reservation */
        message->command.refused_ms = outages_ms(publisher_outages(context_of(request)->submissions->publisher),
                                                 pg_int(order, 0, 1), message->command.received_ms);
    }
    submission_publish(request);
}

/* ---- the order ---- */

static void find_order(struct request *request, pg_callback found)
{
    char order[UUID_TEXT_SIZE];
    const char *values[] = {order};
    uuid_format(&submission_sale_command(request)->command.order_id, order);
    if (!statements_query(context_of(request)->pg, &payments_statements, PAYMENT_SALE, ARRAY_LEN(values), values, found,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_order_again(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        refuse_unknown(request);
    } else {
        publish(request, reply->result);
    }
}

/* The order may be undecided: the provider repeats the callback. */
static void refuse_undecided(struct request *request)
{
    sale_metrics_add_callback(SALE_CALLBACK_UNDECIDED);
    reply_error(request, ERROR_UNAVAILABLE);
}

static void on_note(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    const struct backlog_clock now = backlog_now();
    if (reply != NULL && reply->type == REDIS_REPLY_NIL && backlog_is_empty(context_of(request)->backlog, &now)) {
        find_order(request, on_order_again);
    } else {
        refuse_undecided(request);
    }
}

static void on_order(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) > 0) {
        publish(request, reply->result);
    } else if (!orders_ask_noted(context_of(request)->redis, &submission_sale_command(request)->command.order_id,
                                 on_note, request)) {
        refuse_undecided(request);
    }
}

/* ---- the request ---- */

/* Printable ASCII, so that its characters are its bytes. */
static bool reference_is_valid(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

static void read_outcome(const struct request *request, struct sale_command *command, struct field_errors *field_errors)
{
    const char *outcome = NULL;
    if (!fields_text(request->body, "outcome", FIELDS_REQUIRED, 1, OUTCOME_MOST, &outcome, field_errors)) {
        return;
    }
    if (strcmp(outcome, "succeeded") == 0) {
        command->kind = SALE_COMMAND_CONFIRM;
    } else if (strcmp(outcome, "failed") == 0) {
        command->kind = SALE_COMMAND_FAIL;
    } else {
        field_errors_add_one(field_errors, "outcome", FIELD_UNKNOWN_VALUE,
                             parameter_words("allowed", "succeeded failed"));
    }
}

/* Reads the body into the command. False: the request was ENDED. */
static bool read_fields(struct request *request, struct sale_message_command *message)
{
    static const char *const known[] = {"orderId", "reference", "outcome", "amount", NULL};
    struct field_errors field_errors = {.count = 0};
    const char *reference = "";
    fields_known(request->body, known, &field_errors);
    (void)fields_uuid(request->body, "orderId", FIELDS_REQUIRED, &message->command.order_id, &field_errors);
    if (fields_name(request->body, "reference", FIELDS_REQUIRED, 1, REFERENCE_MOST, &reference, &field_errors) &&
        !reference_is_valid(reference)) {
        field_errors_add_one(&field_errors, "reference", FIELD_INVALID_TEXT, parameter_number("max", REFERENCE_MOST));
    }
    read_outcome(request, &message->command, &field_errors);
    enum fields_money money = fields_money(request->body, "amount", &message->command.amount);
    if (money == FIELDS_MONEY_ABSENT) {
        field_errors_add(&field_errors, "amount", FIELD_REQUIRED);
    }
    if (money == FIELDS_MONEY_INVALID) {
        reply_invalid_amount(request, "amount");
        return false;
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return false;
    }
    (void)snprintf(message->reference, sizeof(message->reference), "%s", reference);
    return true;
}

/* False: the request was ENDED. */
static bool is_signed(struct request *request)
{
    struct evbuffer *body = request_take_body(request);
    if (body == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return false;
    }
    const struct webhook_received received = {
        .id = request_header(request, "webhook-id"),
        .timestamp = request_header(request, "webhook-timestamp"),
        .signatures = request_header(request, "webhook-signature"),
        .body = evbuffer_pullup(body, -1),
        .length = evbuffer_get_length(body),
    };
    bool genuine =
        received.body != NULL && webhook_verify(&context_of(request)->keys, &received, request->received_ms / MS_PER_S);
    evbuffer_free(body);
    if (!genuine) {
        sale_metrics_add_callback(SALE_CALLBACK_FORGED);
        reply_error(request, ERROR_INVALID_SIGNATURE);
    }
    return genuine;
}

static void handle_callback(struct request *request)
{
    struct submission *submission = request_handler_state(request, sizeof(*submission));
    if (submission == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    submission_begin(context_of(request)->submissions, request, &callback_submission, 0);
    struct sale_message_command *message = submission_sale_command(request);
    if (!read_fields(request, message)) {
        return;
    }
    if (context_of(request)->keys.count == 0) {
        reply_error(request, ERROR_PAYMENTS_OFF);
        return;
    }
    if (!is_signed(request)) {
        return;
    }
    message->command.paid = true;
    message->command.received_ms = request->received_ms;
    memcpy(message->request_id, request->id, sizeof(message->request_id));
    memcpy(message->traceparent, request->traceparent, sizeof(message->traceparent));
    find_order(request, on_order);
}

const struct route payments_routes[] = {
    {METHOD_POST, ROUTE_OPEN, "/api/v1/payments/callback", handle_callback, LIMIT_CALLBACKS, ROUTE_JSON_BODY, NULL},
    {0},
};
