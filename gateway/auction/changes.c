/*
 * See changes.h. The steps of a change:
 *
 *   load     the present auction                   404, 403; 409 if every decision would refuse
 *   draft    one UPDATE or DELETE                  200, 204
 *   store    the terms of an update in a table     so that messages do not grow with descriptions
 *   publish  the command                           503
 *   finish   the decision                          200, 204, 409; 202 after DECISION_WAIT_MS
 */
#include "gateway/auction/changes.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/rules/voids.h"
#include "gateway/access/audit.h"
#include "gateway/access/creation.h"
#include "gateway/auction/terms.h"
#include "gateway/auction/view.h"
#include "gateway/auction/you.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"
#include "gateway/submit/submission.h"

enum {
    DECISION_WAIT_MS = 3000, /* as in the API */
    ACTION_MOST = 16,
    NUMBER_SIZE = 24,
};

enum {
    CHANGE_LOAD,
    CHANGE_REFUSAL,
    CHANGE_ORDER,
    CHANGE_STORE,
    CHANGE_DRAFT,
    CHANGE_PUBLISH,
    CHANGE_DROP,
    CHANGE_COUNT
};

static const struct pg_statement list[] = {
    [CHANGE_LOAD] = {"change_load", "SELECT " VIEW_COLUMNS " FROM auctions a WHERE a.id = $1"},
    /* What errors name. $1 auction, $2 bid */
    [CHANGE_REFUSAL] =
        {"change_refusal",
         "SELECT a.version, " COLUMNS_MS("a.start_time") ", " COLUMNS_MS("a.end_time") ", (SELECT " COLUMNS_MS(
             "b.received_at") " FROM bids b WHERE b.auction_id = a.id AND b.bid_id = $2)"
                              " FROM auctions a WHERE a.id = $1"},
    /*
     * An admin's order enters the audit log before it is published. The ledger shows its outcome under the command's
     * id.
     *
     * $1 auction, $2 id of the entry, $3 now, $4 admin, $5 address, $6 agent, $7 request.
     * $8 action, $9 command, $10 the requested end time, $11 reason, $12 the bid to void, $13 and $14 of creation_hold.
     * No row: no such auction, or a draft.
     */
    /* clang-format off */
    [CHANGE_ORDER] = {"change_order",
                      "WITH seen AS (SELECT id, status, end_time FROM auctions WHERE id = $1 AND status <> 'draft'),"
                      CREATION_HELD("$4", "$13", "$14", "seen") ","
                      " found AS (SELECT * FROM seen WHERE" CREATION_MAY_ACT("$13") "),"
                      " noted AS (" AUDIT_INSERT " SELECT $2, $3, $4, $5, $6, $7, $8, id::text,"
                      " jsonb_build_object('status', status, 'endTime', end_time),"
                      " jsonb_build_object('commandId', $9::uuid, 'endTime', $10::timestamptz,"
                      " 'bidId', $12::uuid), $11 FROM found),"
                      CREATION_BOUND("$4", "$13", "$14", "202", "found")
                      " SELECT id FROM found"},
    /* clang-format on */
    [CHANGE_STORE] = {"change_store",
                      "INSERT INTO terms (" TERMS_COLUMNS ", end_time, auction_id, id, created_at)"
                      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"},
    /* Drafts: no row if the auction was changed or published meanwhile. */
    [CHANGE_DRAFT] = {"change_draft",
                      "UPDATE auctions AS a SET title = $1, description = $2, category = $3, starting_price = $4,"
                      " reserve_price = $5, buy_now_price = $6, increments = $7, bid_increment = $8,"
                      " snipe_window_s = $9, snipe_extension_s = $10, snipe_max = $11, start_time = $12,"
                      " original_end_time = $13, end_time = $13, minimum_bid = $4, version = version + 1,"
                      " updated_at = $16 WHERE id = $14 AND status = 'draft' AND version = $15"
                      " RETURNING " VIEW_COLUMNS ", " YOU_NEW},
    [CHANGE_PUBLISH] =
        {"change_publish",
         "UPDATE auctions AS a SET status = CASE WHEN start_time > $3 THEN 'scheduled' ELSE 'active' END,"
         " start_time = greatest(start_time, $3), published_at = $3, updated_at = $3,"
         " version = version + 1 WHERE id = $1 AND status = 'draft' AND version = $2"
         " RETURNING " VIEW_COLUMNS ", " YOU_NEW},
    [CHANGE_DROP] = {"change_drop",
                     "DELETE FROM auctions WHERE id = $1 AND status = 'draft' AND version = $2 RETURNING id"},
};
static_assert(ARRAY_LEN(list) == CHANGE_COUNT, "each statement has its entry");

struct statements changes_statements = {list, ARRAY_LEN(list), 0};

static const struct changes_context *context_of(const struct request *request)
{
    return request->context;
}

/* Handler state of a change. */
struct change {
    struct submission submission; /* first: see submission.h */
    enum error_code refusal;      /* why it is refused */
    const struct action *action;  /* of an admin's order */
    const char *reason;           /* likewise */
};

static void query(struct request *request, size_t statement, int count, const char *const *values, pg_callback answered)
{
    if (!statements_query(context_of(request)->pg, &changes_statements, statement, count, values, answered, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* ---- refusals ---- */

enum { REFUSAL_VERSION, REFUSAL_START, REFUSAL_END, REFUSAL_RECEIVED };

/* The errors that name a column of CHANGE_REFUSAL. */
static const struct {
    enum error_code code;
    int column;
    const char *member;
} named[] = {
    {ERROR_VERSION_CONFLICT, REFUSAL_VERSION, "version"}, {ERROR_AUCTION_NOT_STARTED, REFUSAL_START, "startTime"},
    {ERROR_AUCTION_ENDED, REFUSAL_END, "endTime"},        {ERROR_END_NOT_LATER, REFUSAL_END, "endTime"},
    {ERROR_RETRACT_TOO_LATE, REFUSAL_RECEIVED, "until"},
};

static void on_refusal(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    const struct change *change = request->handler_state;
    const PGresult *result = reply->result;
    size_t i = 0;
    while (named[i].code != change->refusal) {
        i++;
    }
    /* The refusal is certain, whether or not its number is known. */
    if (reply->outcome != PG_OK || PQntuples(result) == 0 || pg_null(result, 0, named[i].column)) {
        reply_error(request, change->refusal);
        return;
    }
    int64_t number = pg_int(result, 0, named[i].column);
    if (change->refusal == ERROR_RETRACT_TOO_LATE) {
        number += context_of(request)->config->retract_window_s * INT64_C(1000);
    }
    const struct parameter parameter = change->refusal == ERROR_VERSION_CONFLICT
                                           ? parameter_number(named[i].member, number)
                                           : parameter_time(named[i].member, number);
    reply_error_with(request, change->refusal, &parameter, 1);
}

/* ENDS the request with the error and the number that it depends on. */
static void refuse(struct request *request, enum error_code code)
{
    struct change *change = request->handler_state;
    char auction[UUID_TEXT_SIZE];
    char bid[UUID_TEXT_SIZE];
    const char *values[] = {auction, bid};
    const struct parameter most = parameter_number("max", VOIDS_LEDGER_MAX);
    uuid_format(&request->parameters[0], auction);
    uuid_format(&submission_command(request)->target, bid);
    change->refusal = code;
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        if (named[i].code == code) {
            if (!statements_query(context_of(request)->pg, &changes_statements, CHANGE_REFUSAL, ARRAY_LEN(values),
                                  values, on_refusal, request)) {
                reply_error(request, code);
            }
            return;
        }
    }
    reply_error_with(request, code, &most, code == ERROR_TOO_MANY_BIDS ? 1 : 0);
}

/* ---- finish ---- */

static void reply_decided(struct request *request, const union submit_decision *of)
{
    const struct decision *decision = &of->bid;
    if (decision->status == BID_REJECTED) {
        refuse(request, errors_of_reason(decision->reason));
    } else if (submission_command(request)->kind == COMMAND_CANCEL ||
               submission_command(request)->kind == COMMAND_RETRACT) {
        reply_empty(request, 204);
    } else {
        documents_show(context_of(request)->documents, request);
    }
}

static const struct submission_kind submission = {.id_member = "commandId",
                                                  .decided = reply_decided,
                                                  .pending = submission_change_pending,
                                                  .failed = submission_change_failed};

/* ---- load ---- */

/*
 * Fills the command for the auction of the path. `end_ms` is for COMMAND_EXTEND. False, and the request is ENDED,
 * without memory.
 */
static bool begin(struct request *request, enum command_kind kind, int64_t end_ms)
{
    struct change *change = request_handler_state(request, sizeof(*change));
    if (change == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return false;
    }
    struct command *command = &change->submission.item.command.bid;
    *command = (struct command){
        .kind = kind,
        .id = uuid_new(),
        .auction_id = request->parameters[0],
        .user_id = request->user.id,
        .received_ms = request->received_ms,
        .end_ms = end_ms,
    };
    if (command_kind_voids(kind)) {
        command->target = request->parameters[1];
    }
    if (kind == COMMAND_RETRACT) {
        command->since_ms = request->received_ms - context_of(request)->config->retract_window_s * INT64_C(1000);
    }
    memcpy(command->request_id, request->id, sizeof(request->id));
    memcpy(command->traceparent, request->traceparent, sizeof(request->traceparent));
    submission_begin(context_of(request)->submissions, request, &submission, DECISION_WAIT_MS);
    return true;
}

/* Loads the auction for a request of its seller and continues with `loaded`. Drafts need no command. */
static void load(struct request *request, enum command_kind kind, pg_callback loaded)
{
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    uuid_format(&request->parameters[0], id);
    if (begin(request, kind, 0)) {
        query(request, CHANGE_LOAD, ARRAY_LEN(values), values, loaded);
    }
}

/* True if the auction exists and the seller sent the request; else the request is ENDED. */
static bool is_from_seller(struct request *request, const struct pg_reply *reply)
{
    struct uuid seller = {{0}};
    if (!statements_usable(request, reply)) {
        return false;
    }
    if (view_hidden(request, reply->result)) {
        reply_error(request, ERROR_NOT_FOUND);
        return false;
    }
    seller = pg_uuid(reply->result, 0, VIEW_SELLER);
    if (!uuid_equal(&seller, &request->user.id)) {
        reply_error(request, ERROR_FORBIDDEN);
        return false;
    }
    return true;
}

static bool has_status(const PGresult *result, const char *status)
{
    return strcmp(pg_text(result, 0, VIEW_STATUS), status) == 0;
}

/*
 * The reason why no decision could accept what a seller may do before the first bid; ERROR_COUNT: none. A draft accepts
 * all.
 */
static enum error_code refusal(const PGresult *result)
{
    if (has_status(result, "draft")) {
        return ERROR_COUNT;
    }
    if (has_status(result, "cancelled")) {
        return ERROR_AUCTION_CANCELLED;
    }
    if (!has_status(result, "scheduled") && !has_status(result, "active")) {
        return ERROR_AUCTION_ENDED;
    }
    return pg_null(result, 0, VIEW_CURRENT_BID) ? ERROR_COUNT : ERROR_HAS_BIDS;
}

/* ---- drafts ---- */

/* False, and the request is ENDED, if another request has changed the draft. */
static bool draft_found(struct request *request, const struct pg_reply *reply)
{
    if (!statements_usable(request, reply)) {
        return false;
    }
    if (PQntuples(reply->result) == 0) {
        refuse(request, ERROR_VERSION_CONFLICT);
        return false;
    }
    return true;
}

static void on_draft_changed(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (draft_found(request, reply)) {
        documents_reply(context_of(request)->documents, request, 200, reply->result);
    }
}

static void on_draft_dropped(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (draft_found(request, reply)) {
        reply_empty(request, 204);
    }
}

static void on_publish_loaded(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    char id[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    struct field_errors field_errors = {.count = 0};
    if (!is_from_seller(request, reply)) {
        return;
    }
    if (!has_status(reply->result, "draft")) {
        reply_error(request, ERROR_NOT_A_DRAFT);
        return;
    }
    int64_t now_ms = clock_now_ms();
    int64_t start_ms = pg_int(reply->result, 0, VIEW_START);
    int64_t least_ms = (start_ms > now_ms ? start_ms : now_ms) + TERMS_DURATION_LEAST_MS;
    if (pg_int(reply->result, 0, VIEW_END) < least_ms) {
        field_errors_add_one(&field_errors, "endTime", FIELD_TOO_EARLY, parameter_time("min", least_ms));
        reply_field_errors(request, &field_errors);
        return;
    }
    uuid_format(&request->parameters[0], id);
    clock_format(now_ms, now);
    const char *values[] = {id, pg_text(reply->result, 0, VIEW_VERSION), now};
    query(request, CHANGE_PUBLISH, ARRAY_LEN(values), values, on_draft_changed);
}

static void handle_publish(struct request *request)
{
    load(request, COMMAND_UPDATE, on_publish_loaded);
}

/* ---- update ---- */

static void on_terms_stored(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_usable(request, reply)) {
        submission_publish(request);
    }
}

/* Runs the statement with the terms as values, followed by the auction's id, `other` and the current time. */
static void send_terms(struct request *request, size_t statement, const struct terms *terms, const char *other,
                       pg_callback answered)
{
    struct terms_text text;
    char id[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    const char *values[TERMS_VALUES + 3];
    terms_values(request, terms, &text, values);
    uuid_format(&request->parameters[0], id);
    clock_format(clock_now_ms(), now);
    values[TERMS_VALUES] = id;
    values[TERMS_VALUES + 1] = other;
    values[TERMS_VALUES + 2] = now;
    query(request, statement, ARRAY_LEN(values), values, answered);
}

static void on_update_loaded(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct command *command = submission_command(request);
    if (!is_from_seller(request, reply)) {
        return;
    }
    const PGresult *result = reply->result;
    bool draft = has_status(result, "draft");
    enum error_code code = refusal(result);
    struct terms terms = terms_of_row(result, 0);
    const struct terms_reading reading = {
        .change = true,
        .started = code == ERROR_COUNT && has_status(result, "active"),
        .now_ms = request->received_ms,
        .version = &command->version,
    };
    /* A body that is never valid is answered 400, even if no update is possible. */
    if (!terms_read(request, &reading, &terms)) {
        return;
    }
    if (code != ERROR_COUNT) {
        refuse(request, code);
        return;
    }
    if (command->version != pg_int(result, 0, VIEW_VERSION)) {
        refuse(request, ERROR_VERSION_CONFLICT);
    } else if (draft) {
        char version[NUMBER_SIZE];
        (void)snprintf(version, sizeof(version), "%lld", (long long)command->version);
        send_terms(request, CHANGE_DRAFT, &terms, version, on_draft_changed);
    } else {
        char id[UUID_TEXT_SIZE];
        uuid_format(&command->id, id);
        send_terms(request, CHANGE_STORE, &terms, id, on_terms_stored);
    }
}

static void handle_update(struct request *request)
{
    load(request, COMMAND_UPDATE, on_update_loaded);
}

/* ---- cancel ---- */

static void on_cancel_loaded(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!is_from_seller(request, reply)) {
        return;
    }
    if (has_status(reply->result, "draft")) {
        char id[UUID_TEXT_SIZE];
        uuid_format(&request->parameters[0], id);
        const char *values[] = {id, pg_text(reply->result, 0, VIEW_VERSION)};
        query(request, CHANGE_DROP, ARRAY_LEN(values), values, on_draft_dropped);
    } else if (refusal(reply->result) != ERROR_COUNT) {
        refuse(request, refusal(reply->result));
    } else {
        submission_publish(request);
    }
}

static void handle_cancel(struct request *request)
{
    load(request, COMMAND_CANCEL, on_cancel_loaded);
}

/* ---- admins ---- */

struct action {
    const char *text;
    enum command_kind kind;
    const char *audit; /* its name in the audit log */
};

static const struct action actions[] = {
    {"cancel", COMMAND_ABORT, "AUCTION_CANCEL"},
    {"extend", COMMAND_EXTEND, "AUCTION_EXTEND"},
    {"end", COMMAND_CLOSE, "AUCTION_END"},
};

static void on_ordered(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    submission_publish(request);
}

static void note_order(struct request *request)
{
    const struct change *order = request->handler_state;
    const struct command *command = submission_command(request);
    struct audit_origin origin;
    char auction[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    char bid[UUID_TEXT_SIZE];
    audit_origin_read(request, &origin);
    uuid_format(&request->parameters[0], auction);
    uuid_format(&command->id, id);
    clock_format(command->end_ms, end);
    uuid_format(&command->target, bid);
    const char *values[] = {auction,
                            origin.id,
                            origin.at,
                            origin.actor,
                            request->address,
                            origin.agent,
                            request->id,
                            order->action->audit,
                            id,
                            command->end_ms == 0 ? NULL : end,
                            order->reason,
                            command->kind == COMMAND_VOID ? bid : NULL,
                            NULL,
                            NULL};
    creation_hold(request, values + ARRAY_LEN(values) - CREATION_HOLD_VALUES);
    query(request, CHANGE_ORDER, ARRAY_LEN(values), values, on_ordered);
}

/* With an idempotency key the command's id follows from the request: the queue decides a command once. */
static bool name_order(struct request *request)
{
    if (request_answered(request)) {
        reply_end(request);
        return false;
    }
    submission_command(request)->id = creation_of(request)->id;
    return true;
}

static void first_order(struct request *request)
{
    if (name_order(request)) {
        note_order(request);
    }
}

/* An earlier request with the key has noted the order. The queue answers with its decision, and decides it if need be.
 */
static void repeat_order(struct request *request)
{
    if (name_order(request)) {
        submission_publish(request);
    }
}

static void take_order(struct request *request, const struct action *action, int64_t end_ms, const char *reason)
{
    if (begin(request, action->kind, end_ms)) {
        struct change *order = request->handler_state;
        order->action = action;
        order->reason = reason;
        creation_begin_act(request, repeat_order, first_order);
    }
}

/* The action of the body; with a field error and the first action if there is none. */
static const struct action *read_action(const struct json *body, struct field_errors *field_errors)
{
    const char *text = NULL;
    if (!fields_text(body, "action", FIELDS_REQUIRED, 1, ACTION_MOST, &text, field_errors)) {
        return &actions[0];
    }
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (strcmp(actions[i].text, text) == 0) {
            return &actions[i];
        }
    }
    field_errors_add_one(field_errors, "action", FIELD_UNKNOWN_VALUE, parameter_words("allowed", "cancel extend end"));
    return &actions[0];
}

static void handle_admin(struct request *request)
{
    static const char *const known[] = {"action", "endTime", "reason", NULL};
    const struct json *body = request->body;
    struct field_errors field_errors = {.count = 0};
    int64_t end_ms = 0;
    const char *reason = NULL;
    fields_known(body, known, &field_errors);
    const struct action *action = read_action(body, &field_errors);
    bool extends = action->kind == COMMAND_EXTEND;
    (void)fields_text(body, "reason", FIELDS_REQUIRED, 1, AUDIT_REASON_MOST, &reason, &field_errors);
    if (extends) {
        terms_read_new_end(body, request->received_ms, &end_ms, &field_errors);
    } else if (json_member(body, "endTime") != NULL) {
        field_errors_add_two(&field_errors, "endTime", FIELD_ONLY_WITH, parameter_word("other", "action"),
                             parameter_words("allowed", "extend"));
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    take_order(request, action, end_ms, reason);
}

/* ---- voids and retractions ---- */

static void handle_void(struct request *request)
{
    static const char *const known[] = {"reason", NULL};
    static const struct action action = {"void", COMMAND_VOID, "BID_VOID"};
    struct field_errors field_errors = {.count = 0};
    const char *reason = NULL;
    fields_known(request->body, known, &field_errors);
    (void)fields_text(request->body, "reason", FIELDS_REQUIRED, 1, AUDIT_REASON_MOST, &reason, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    take_order(request, &action, 0, reason);
}

/* The queue decides whose bid it is and whether it may be retracted. */
static void on_retract_loaded(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0 || has_status(reply->result, "draft")) {
        reply_error(request, ERROR_NOT_FOUND);
        return;
    }
    submission_publish(request);
}

static void handle_retract(struct request *request)
{
    if (context_of(request)->config->retract_window_s == 0) {
        reply_error(request, ERROR_FORBIDDEN);
        return;
    }
    load(request, COMMAND_RETRACT, on_retract_loaded);
}

const struct route changes_routes[] = {
    {METHOD_PUT, ROUTE_USER, "/api/v1/auctions/:id", handle_update, LIMIT_CHANGES, ROUTE_JSON_BODY, NULL},
    {METHOD_DELETE, ROUTE_USER, "/api/v1/auctions/:id", handle_cancel, LIMIT_CHANGES, ROUTE_NO_BODY, NULL},
    {METHOD_POST, ROUTE_USER, "/api/v1/auctions/:id/publish", handle_publish, LIMIT_CHANGES, ROUTE_NO_BODY, NULL},
    {METHOD_PUT, ROUTE_ADMIN, "/api/v1/admin/auctions/:id", handle_admin, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    /* clang-format off */
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/admin/auctions/:id/bids/:bidId/void", handle_void, LIMIT_NONE,
     ROUTE_JSON_BODY, NULL},
    /* clang-format on */
    {METHOD_DELETE, ROUTE_USER, "/api/v1/auctions/:id/bids/:bidId", handle_retract, LIMIT_CHANGES, ROUTE_NO_BODY, NULL},
    {0},
};
