/*
 * See sale_changes.h. The steps of a change:
 *
 *   begin    parse; the idempotency key names the command      400, 409, 422
 *   load     new terms only: compared with the present sale    400, 404; 409 if every decision would refuse
 *   note     the entry of the audit log, with the new terms    404; 503 without the entry
 *   publish  the command                                       503
 *   finish   the decision                                      200, 409; 202 after DECISION_WAIT_MS
 *
 * The entry and the new terms are written in one statement, before the command is published: the sale worker reads the
 * terms by the command's id. The ledger has the outcome under the same id.
 */
#include "gateway/sale/sale_changes.h"

#include <assert.h>
#include <string.h>

#include "common/base/log.h"
#include "gateway/access/audit.h"
#include "gateway/access/creation.h"
#include "gateway/auction/terms.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/sale/sale_terms.h"
#include "gateway/sale/sale_view.h"
#include "gateway/sale/sales.h"

enum { DECISION_WAIT_MS = 3000 }; /* as in the API */

enum { CHANGE_LOAD, CHANGE_REFUSAL, CHANGE_NOTE, CHANGE_STORE, CHANGE_COUNT };

/* Parameters of NOTED, and so the first ones of CHANGE_NOTE and CHANGE_STORE. */
enum { NOTED_VALUES = 11 };
/*
 * $1 sale, $2 id of the entry, $3 now, $4 admin, $5 address, $6 agent, $7 request, $8 action, $9 command, $10 and $11
 * of creation_hold. No row: there is no such sale.
 */
// clang-format off
#define NOTED(old_value, new_value, reason, after) \
    "WITH seen AS (SELECT * FROM flash_sales WHERE id = $1)," CREATION_HELD("$4", "$10", "$11", "seen") "," \
    " found AS (SELECT * FROM seen WHERE" CREATION_MAY_ACT("$10") ")," after \
    " noted AS (" AUDIT_INSERT " SELECT $2, $3, $4, $5, $6, $7, $8, found.id::text, " old_value ", " new_value ", " \
    reason " FROM found)," CREATION_BOUND("$4", "$10", "$11", "202", "found") " SELECT id FROM found"

static const struct pg_statement list[] = {
    [CHANGE_LOAD] = {"sale_change_load", "SELECT " SALE_VIEW_COLUMNS " FROM flash_sales s WHERE s.id = $1"},
    /* What errors name. */
    [CHANGE_REFUSAL] = {"sale_change_refusal",
        "SELECT version, " COLUMNS_MS("start_time") ", " COLUMNS_MS("end_time") " FROM flash_sales WHERE id = $1"},
    /* $12 the requested end time, $13 reason. */
    [CHANGE_NOTE] = {"sale_change_note",
        NOTED("jsonb_build_object('status', found.status, 'endTime', found.end_time)",
              "jsonb_build_object('commandId', $9::uuid, 'endTime', $12::timestamptz)", "$13", "")},
    /* $12 to $20 the terms. A key that was used for the same terms a day ago names their row again. */
    [CHANGE_STORE] = {"sale_change_store",
        NOTED("(SELECT jsonb_build_object('status', status, 'version', version, " SALE_TERMS_JSON ") FROM found)",
              "(SELECT jsonb_build_object('commandId', $9::uuid, " SALE_TERMS_JSON ") FROM given)", "''",
              " given (" SALE_TERMS_COLUMNS ") AS (VALUES ($12::numeric, $13::bigint, $14::bigint, $15::timestamptz,"
              "  $16::timestamptz, $17::timestamptz, $18::integer, $19::integer, $20::text)),"
              " stored AS (INSERT INTO sale_terms (sale_id, id, created_at, " SALE_TERMS_COLUMNS ")"
              "  SELECT found.id, $9::uuid, $3::timestamptz, given.* FROM found, given"
              "  ON CONFLICT (sale_id, id) DO NOTHING),")},
};
// clang-format on
static_assert(ARRAY_LEN(list) == CHANGE_COUNT, "each statement has its entry");

struct statements sale_changes_statements = {list, ARRAY_LEN(list), 0};

static const struct sale_changes_context *context_of(const struct request *request)
{
    return request->context;
}

/* Handler state of a change. */
struct change {
    struct submission submission; /* first: see submission.h */
    enum error_code refusal;      /* why it is refused */
    const char *audit;            /* name of the action in the audit log */
    const char *reason;           /* of the admin; NULL for new terms */
};

static void query(struct request *request, size_t statement, int count, const char *const *values, pg_callback answered)
{
    if (!statements_query(context_of(request)->pg, &sale_changes_statements, statement, count, values, answered,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* ---- refusals ---- */

enum { REFUSAL_VERSION, REFUSAL_START, REFUSAL_END };

/* The errors that name a column of CHANGE_REFUSAL. */
static const struct {
    enum error_code code;
    int column;
    const char *member;
} named[] = {
    {ERROR_VERSION_CONFLICT, REFUSAL_VERSION, "version"},
    {ERROR_SALE_NOT_STARTED, REFUSAL_START, "startTime"},
    {ERROR_END_NOT_LATER, REFUSAL_END, "endTime"},
};

static void on_refusal(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    const struct change *change = request->handler_state;
    size_t i = 0;
    while (named[i].code != change->refusal) {
        i++;
    }
    /* The refusal is certain, whether or not its number is known. */
    if (reply->outcome != PG_OK || PQntuples(reply->result) == 0) {
        reply_error(request, change->refusal);
        return;
    }
    int64_t number = pg_int(reply->result, 0, named[i].column);
    const struct parameter parameter = named[i].column == REFUSAL_VERSION ? parameter_number(named[i].member, number)
                                                                          : parameter_time(named[i].member, number);
    reply_error_with(request, change->refusal, &parameter, 1);
}

/* ENDS the request with the error and the number that it depends on. */
static void refuse(struct request *request, enum error_code code)
{
    struct change *change = request->handler_state;
    char sale[UUID_TEXT_SIZE];
    const char *values[] = {sale};
    uuid_format(&request->parameters[0], sale);
    change->refusal = code;
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        if (named[i].code == code && statements_query(context_of(request)->pg, &sale_changes_statements, CHANGE_REFUSAL,
                                                      ARRAY_LEN(values), values, on_refusal, request)) {
            return;
        }
    }
    reply_error(request, code);
}

/* ---- finish ---- */

static void reply_decided(struct request *request, const union submit_decision *of)
{
    if (of->sale.verdict == SALE_VERDICT_REJECTED) {
        refuse(request, errors_of_sale_reason(of->sale.reason));
    } else {
        documents_show(context_of(request)->documents, request);
    }
}

static const struct submission_kind submission = {.id_member = "commandId",
                                                  .decided = reply_decided,
                                                  .pending = submission_change_pending,
                                                  .failed = submission_change_failed};

/* ---- note and publish ---- */

static void on_noted(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_found(request, reply, ERROR_NOT_FOUND)) {
        submission_publish(request);
    }
}

/* The texts of NOTED's parameters. */
struct noted_text {
    struct audit_origin origin;
    char sale[UUID_TEXT_SIZE];
    char command[UUID_TEXT_SIZE];
};

static void noted_values(struct request *request, struct noted_text *text, const char *values[static NOTED_VALUES])
{
    const struct change *change = request->handler_state;
    audit_origin_read(request, &text->origin);
    uuid_format(&request->parameters[0], text->sale);
    uuid_format(&submission_sale_command(request)->command.id, text->command);
    const char *filled[NOTED_VALUES - CREATION_HOLD_VALUES] = {
        text->sale,         text->origin.id, text->origin.at, text->origin.actor, request->address,
        text->origin.agent, request->id,     change->audit,   text->command,
    };
    memcpy(values, filled, sizeof(filled));
    creation_hold(request, values + ARRAY_LEN(filled));
}

/* ---- begin ---- */

/* False, and the request is ENDED, without memory. */
static bool begin(struct request *request, enum sale_command_kind kind, const char *audit)
{
    struct change *change = request_handler_state(request, sizeof(*change));
    if (change == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return false;
    }
    change->audit = audit;
    struct sale_message_command *message = &change->submission.item.command.sale;
    *message = (struct sale_message_command){
        .command = {.kind = kind, .received_ms = request->received_ms},
        .sale_id = request->parameters[0],
    };
    memcpy(message->request_id, request->id, sizeof(request->id));
    memcpy(message->traceparent, request->traceparent, sizeof(request->traceparent));
    submission_begin(context_of(request)->submissions, request, &submission, DECISION_WAIT_MS);
    return true;
}

/* With an idempotency key the command's id follows from the request: the queue decides a command once. */
static bool name_command(struct request *request)
{
    if (request_answered(request)) {
        reply_end(request);
        return false;
    }
    submission_sale_command(request)->command.id = creation_of(request)->id;
    return true;
}

/* An earlier request with the key has noted the change. The queue answers with its decision, and decides it if need be.
 */
static void repeat(struct request *request)
{
    if (name_command(request)) {
        submission_publish(request);
    }
}

/* ---- extend, close, cancel ---- */

static void note(struct request *request)
{
    const struct change *change = request->handler_state;
    int64_t end_ms = submission_sale_command(request)->command.end_ms;
    struct noted_text text;
    char end[CLOCK_TEXT_SIZE];
    const char *values[NOTED_VALUES + 2];
    noted_values(request, &text, values);
    clock_format(end_ms, end);
    values[NOTED_VALUES] = end_ms == 0 ? NULL : end;
    values[NOTED_VALUES + 1] = change->reason;
    query(request, CHANGE_NOTE, ARRAY_LEN(values), values, on_noted);
}

static void first(struct request *request)
{
    if (name_command(request)) {
        note(request);
    }
}

static void take_order(struct request *request, enum sale_command_kind kind, const char *audit)
{
    static const char *const extend_names[] = {"endTime", "reason", NULL};
    static const char *const other_names[] = {"reason", NULL};
    bool extends = kind == SALE_COMMAND_EXTEND;
    struct field_errors field_errors = {.count = 0};
    int64_t end_ms = 0;
    const char *reason = NULL;
    fields_known(request->body, extends ? extend_names : other_names, &field_errors);
    if (extends) {
        terms_read_new_end(request->body, request->received_ms, &end_ms, &field_errors);
    }
    (void)fields_text(request->body, "reason", FIELDS_REQUIRED, 1, AUDIT_REASON_MOST, &reason, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
    } else if (begin(request, kind, audit)) {
        struct change *change = request->handler_state;
        change->reason = reason;
        submission_sale_command(request)->command.end_ms = end_ms;
        creation_begin_act(request, repeat, first);
    }
}

static void handle_extend(struct request *request)
{
    take_order(request, SALE_COMMAND_EXTEND, "SALE_EXTEND");
}

static void handle_close(struct request *request)
{
    take_order(request, SALE_COMMAND_CLOSE, "SALE_CLOSE");
}

static void handle_cancel(struct request *request)
{
    take_order(request, SALE_COMMAND_ABORT, "SALE_CANCEL");
}

/* ---- new terms ---- */

static void store_terms(struct request *request, const struct sale_terms *terms)
{
    struct noted_text text;
    struct sale_terms_text terms_text;
    const char *values[NOTED_VALUES + SALE_TERMS_VALUES];
    noted_values(request, &text, values);
    sale_terms_values(terms, &terms_text, values + NOTED_VALUES);
    query(request, CHANGE_STORE, ARRAY_LEN(values), values, on_noted);
}

/* The reason why no decision could accept new terms; ERROR_COUNT: none. The line may open before the decision. */
static enum error_code update_refusal(const PGresult *result, int64_t version)
{
    struct sale sale = {.status = SALE_UPCOMING};
    if (!sale_status_parse(pg_text(result, 0, SALE_VIEW_STATUS), &sale.status)) {
        return ERROR_UNAVAILABLE; /* a newer version wrote it */
    }
    if (sale_over(&sale)) {
        return errors_of_sale_reason(sale_over_reason(&sale));
    }
    if (sale.status != SALE_UPCOMING) {
        return ERROR_SALE_ALREADY_OPEN;
    }
    return version == pg_int(result, 0, SALE_VIEW_VERSION) ? ERROR_COUNT : ERROR_VERSION_CONFLICT;
}

static void on_loaded(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct sale_message_command *message = submission_sale_command(request);
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    struct sale_terms terms;
    if (!sale_terms_of_row(reply->result, 0, &terms)) {
        log_error("a flash sale is not changed: a newer version has written a word in its row");
        reply_error(request, ERROR_INTERNAL_ERROR);
        return;
    }
    const struct sale_terms_reading reading = {.change = true,
                                               .payments = context_of(request)->payment_keys->count > 0,
                                               .now_ms = request->received_ms,
                                               .version = &message->version};
    /* A body that is never valid is answered 400, even if no update is possible. */
    if (!sale_terms_read(request, &reading, &terms)) {
        return;
    }
    enum error_code code = update_refusal(reply->result, message->version);
    if (code == ERROR_COUNT) {
        store_terms(request, &terms);
    } else {
        refuse(request, code);
    }
}

static void first_update(struct request *request)
{
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    uuid_format(&request->parameters[0], id);
    if (name_command(request)) {
        query(request, CHANGE_LOAD, ARRAY_LEN(values), values, on_loaded);
    }
}

/* The terms of the key's first request are stored, and were valid. */
static void repeat_update(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    int64_t version = 0;
    if (!fields_int(request->body, "version", FIELDS_REQUIRED, 1, INT64_MAX, &version, &field_errors)) {
        reply_field_errors(request, &field_errors);
        return;
    }
    submission_sale_command(request)->version = version;
    repeat(request);
}

static void handle_update(struct request *request)
{
    if (begin(request, SALE_COMMAND_UPDATE, "SALE_UPDATE")) {
        creation_begin_act(request, repeat_update, first_update);
    }
}

const struct route sale_changes_routes[] = {
    {METHOD_PUT, ROUTE_ADMIN, "/api/v1/flash-sales/:id", handle_update, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/flash-sales/:id/extend", handle_extend, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/flash-sales/:id/close", handle_close, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/flash-sales/:id/cancel", handle_cancel, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {0},
};
