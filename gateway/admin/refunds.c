/*
 * See refunds.h. Dispatch writes each call into the audit log before a handler here runs. The statement that marks a
 * refund also writes its entry.
 */
#include "gateway/admin/refunds.h"

#include <assert.h>
#include <string.h>

#include "gateway/access/audit.h"
#include "gateway/access/creation.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"
#include "gateway/query/timeline.h"

enum { REFUNDS_DUE, REFUNDS_DONE, REFUND_GET, REFUND_MARK, REFUND_COUNT };
enum { REASON_MOST = 500, MARK_HOLD = 8 /* index of $9 */, STATUS_SIZE = 32 };

#define COLUMNS(r)                                                                                                     \
    r ".id, " r ".sale_id, " r ".order_id, " r ".user_id, " r ".amount, " r                                            \
      ".reference, " COLUMNS_MS(r ".created_at") ", " COLUMNS_MS(r ".refunded_at") ", " r ".refunded_by"

/* clang-format off */
/* Lists: $1 key of the cursor, $2 id of the cursor, $3 limit */
static const struct pg_statement list[] = {
    [REFUNDS_DUE] = {"refunds_due",
        "SELECT " COLUMNS("r") " FROM refunds r WHERE r.refunded_at IS NULL AND (r.created_at, r.id) >"
        " (coalesce($1::timestamptz, '-infinity'), coalesce($2::uuid, '00000000-0000-0000-0000-000000000000'))"
        " ORDER BY r.created_at, r.id LIMIT $3"},
    [REFUNDS_DONE] = {"refunds_done",
        "SELECT " COLUMNS("r") " FROM refunds r WHERE r.refunded_at IS NOT NULL AND (r.refunded_at, r.id) <"
        " (coalesce($1::timestamptz, 'infinity'), coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))"
        " ORDER BY r.refunded_at DESC, r.id DESC LIMIT $3"},
    [REFUND_GET] = {"refund_get", "SELECT " COLUMNS("r") " FROM refunds r WHERE r.id = $1"},
    /*
     * $1 refund, $2 now, $3 id of the entry, $4 admin, $5 address, $6 agent, $7 request, $8 reason, $9 and $10 of
     * creation_hold. No row: no such refund. A row of nulls: it was marked before.
     */
    [REFUND_MARK] = {"refund_mark",
        "WITH found AS (SELECT id FROM refunds WHERE id = $1 FOR UPDATE)," CREATION_HELD("$4", "$9", "$10", "found")
        ", act AS (SELECT id FROM found WHERE" CREATION_MAY_ACT("$9") "),"
        " made AS (UPDATE refunds r SET refunded_at = $2, refunded_by = $4 FROM act WHERE r.id = act.id"
        "  AND r.refunded_at IS NULL RETURNING r.*),"
        " marked AS (UPDATE orders o SET status = 'refunded', updated_at = $2 FROM made WHERE o.id = made.order_id"
        "  AND o.status = 'refund_due' AND o.payment_id = made.id),"
        " noted AS (" AUDIT_INSERT " SELECT $3, $2, $4, $5, $6, $7, 'REFUND_MADE', id::text,"
        "  jsonb_build_object('refundedAt', NULL), jsonb_build_object('refundedAt', refunded_at, 'orderId', order_id,"
        "   'amount', amount, 'reference', reference), $8 FROM made),"
        CREATION_BOUND("$4", "$9", "$10", "200", "made")
        " SELECT " COLUMNS("r") " FROM act LEFT JOIN made r ON r.id = act.id"},
};
/* clang-format on */
static_assert(ARRAY_LEN(list) == REFUND_COUNT, "each statement has its entry");

struct statements refunds_statements = {list, ARRAY_LEN(list), 0};

enum {
    COL_ID,
    COL_SALE,
    COL_ORDER,
    COL_USER,
    COL_AMOUNT,
    COL_REFERENCE,
    COL_CREATED,
    COL_REFUNDED,
    COL_REFUNDED_BY,
};

static void put_id_or_null(struct jsonw *json, const char *name, const PGresult *result, int row, int column)
{
    jsonw_put_string(json, name, pg_null(result, row, column) ? NULL : pg_text(result, row, column));
}

static void write_refund(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    (void)request;
    jsonw_object(json);
    jsonw_put_string(json, "id", pg_text(result, row, COL_ID));
    jsonw_put_string(json, "flashSaleId", pg_text(result, row, COL_SALE));
    jsonw_put_string(json, "orderId", pg_text(result, row, COL_ORDER));
    put_id_or_null(json, "userId", result, row, COL_USER);
    jsonw_put_money(json, "amount", pg_money(result, row, COL_AMOUNT));
    jsonw_put_string(json, "reference", pg_text(result, row, COL_REFERENCE));
    jsonw_put_time(json, "createdAt", pg_int(result, row, COL_CREATED));
    columns_put_time(json, "refundedAt", result, row, COL_REFUNDED);
    put_id_or_null(json, "refundedBy", result, row, COL_REFUNDED_BY);
    jsonw_end_object(json);
}

/* ---- lists ---- */

/* Those that are due: the one that waits longest first. */
static const struct timeline due = {
    .statements = &refunds_statements,
    .statement = REFUNDS_DUE,
    .everyones = true,
    .tag = "refunds-due",
    .key_column = COL_CREATED,
    .write = write_refund,
};
static const struct timeline done = {
    .statements = &refunds_statements,
    .statement = REFUNDS_DONE,
    .everyones = true,
    .tag = "refunds-done",
    .key_column = COL_REFUNDED,
    .write = write_refund,
};

static void handle_list(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    char status[STATUS_SIZE] = "due";
    bool given = request_query(request, "status", status, sizeof(status));
    bool refunded = strcmp(status, "refunded") == 0;
    if (given && !refunded && strcmp(status, "due") != 0) {
        field_errors_add_one(&field_errors, "status", FIELD_UNKNOWN_VALUE, parameter_words("allowed", "due refunded"));
    }
    timeline_reply(request->context, request, refunded ? &done : &due, &field_errors, 0, NULL);
}

/* ---- the mark ---- */

struct refund_mark {
    const char *reason;
};

static void on_marked(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    if (pg_null(reply->result, 0, COL_ID)) {
        reply_error(request, ERROR_REFUND_DONE);
        return;
    }
    write_refund(reply_json(request), request, reply->result, 0);
    reply_send(request, 200);
}

/* An earlier request with the key has marked it. */
static void show_marked(struct request *request)
{
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    uuid_format(&request->parameters[0], id);
    if (!statements_query(request->context, &refunds_statements, REFUND_GET, ARRAY_LEN(values), values, on_marked,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void mark(struct request *request)
{
    const struct refund_mark *refund_mark = request->handler_state;
    struct audit_origin origin;
    char id[UUID_TEXT_SIZE];
    audit_origin_read(request, &origin);
    uuid_format(&request->parameters[0], id);
    const char *values[] = {id,           origin.at,   origin.id,           origin.actor, request->address,
                            origin.agent, request->id, refund_mark->reason, NULL,         NULL};
    creation_hold(request, values + MARK_HOLD);
    if (!statements_query(request->context, &refunds_statements, REFUND_MARK, ARRAY_LEN(values), values, on_marked,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_mark(struct request *request)
{
    static const char *const known[] = {"reason", NULL};
    struct field_errors field_errors = {.count = 0};
    struct refund_mark *refund_mark = request_handler_state(request, sizeof(*refund_mark));
    if (refund_mark == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    fields_known(request->body, known, &field_errors);
    (void)fields_text(request->body, "reason", FIELDS_REQUIRED, 1, REASON_MOST, &refund_mark->reason, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    creation_begin_act(request, show_marked, mark);
}

const struct route refunds_routes[] = {
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/refunds", handle_list, LIMIT_NONE, ROUTE_NO_BODY, "status limit cursor"},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/admin/refunds/:id/refunded", handle_mark, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {0},
};
