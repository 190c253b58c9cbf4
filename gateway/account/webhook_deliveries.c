/*
 * See webhook_deliveries.h. The primary key of table deliveries begins with the time, so the log is sorted by it.
 */
#include "gateway/account/webhook_deliveries.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/topology.h"
#include "common/protocol/webhook.h"
#include "gateway/account/webhooks.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"
#include "gateway/query/page.h"

enum { SENT_LIST, SENT_TEST, SENT_AGAIN, SENT_COUNT };
enum { NUMBER_SIZE = 16 };

#define COLUMNS                                                                                                        \
    "d.id, d.kind, d.state, d.tries, d.last_status, d.last_error, d.last_ms, " COLUMNS_MS(                             \
        "d.created_at") ", " COLUMNS_MS("d.tried_at") ", d.payload"

/* $1 owner, $2 webhook */
#define HOOK "SELECT w.id, w.off_reason FROM webhooks w WHERE w.owner_id = $1 AND w.id = $2"

/* The result has no row if the webhook does not exist. Otherwise it has at least one, of NULLs without a delivery. */
/* clang-format off */
static const struct pg_statement list[] = {
    /* $3 id of the cursor, $4 limit */
    [SENT_LIST] = {"sent_list",
        "SELECT " COLUMNS " FROM (" HOOK ") w LEFT JOIN LATERAL (SELECT * FROM deliveries e"
        "  WHERE e.endpoint = w.id::text AND ($3::uuid IS NULL OR e.id < $3) ORDER BY e.id DESC LIMIT $4) d ON true"
        " ORDER BY d.id DESC"},
    /* $3 now */
    [SENT_TEST] = {"sent_test",
        "WITH w AS (" HOOK "), d AS (INSERT INTO deliveries (id, channel, kind, endpoint, payload, created_at)"
        "  SELECT delivery_id(), '" TOPOLOGY_KEY_WEBHOOK "', '" WEBHOOK_TEST_KIND "', w.id::text,"
        "   webhook_body('" WEBHOOK_TEST_KIND "', $3, jsonb_build_object('webhookId', w.id)), $3"
        "  FROM w WHERE w.off_reason IS NULL RETURNING *)"
        " SELECT " COLUMNS ", w.off_reason FROM w LEFT JOIN d ON true"},
    /* $3 delivery. A delivery that is queued or being retried is not changed. */
    [SENT_AGAIN] = {"sent_again",
        "WITH w AS (" HOOK "), was AS (SELECT e.id FROM deliveries e JOIN w ON e.endpoint = w.id::text"
        "  WHERE e.id = $3 FOR UPDATE OF e),"
        " d AS (UPDATE deliveries e SET state = 'queued', tries = 0 FROM w, was WHERE e.id = was.id"
        "  AND w.off_reason IS NULL AND e.state NOT IN ('queued', 'retrying') RETURNING e.*),"
        " sent AS (INSERT INTO outbox (exchange, routing_key, body, created_at)"
        "  SELECT '" TOPOLOGY_DELIVERIES_EXCHANGE "', d.channel, delivery_message(ROW(d.*)::deliveries),"
        "   now() - interval '1 day' FROM d)"
        " SELECT " COLUMNS ", w.off_reason, was.id FROM w LEFT JOIN was ON true LEFT JOIN d ON true"},
};
static_assert(ARRAY_LEN(list) == SENT_COUNT, "each statement has its entry");
/* clang-format on */

struct statements webhook_deliveries_statements = {list, ARRAY_LEN(list), 0};

enum {
    COL_ID,
    COL_KIND,
    COL_STATE,
    COL_TRIES,
    COL_STATUS,
    COL_ERROR,
    COL_MS,
    COL_CREATED,
    COL_TRIED,
    COL_PAYLOAD,
    COL_OFF,
    COL_WAS
};

static const char tag[] = "deliveries";

static void put_int(struct jsonw *json, const char *name, const PGresult *result, int row, int column)
{
    if (pg_null(result, row, column)) {
        jsonw_put_null(json, name);
    } else {
        jsonw_put_int(json, name, pg_int(result, row, column));
    }
}

static void write_delivery(struct jsonw *json, const PGresult *result, int row)
{
    const char *payload = pg_text(result, row, COL_PAYLOAD);
    const char *error = pg_text(result, row, COL_ERROR);
    jsonw_object(json);
    jsonw_put_string(json, "id", pg_text(result, row, COL_ID));
    jsonw_put_string(json, "event", pg_text(result, row, COL_KIND));
    jsonw_put_string(json, "status", pg_text(result, row, COL_STATE));
    jsonw_put_int(json, "tries", pg_int(result, row, COL_TRIES));
    put_int(json, "responseStatus", result, row, COL_STATUS);
    jsonw_put_string(json, "error", error[0] == '\0' ? NULL : error);
    put_int(json, "durationMs", result, row, COL_MS);
    jsonw_put_time(json, "createdAt", pg_int(result, row, COL_CREATED));
    columns_put_time(json, "triedAt", result, row, COL_TRIED);
    jsonw_name(json, "payload");
    jsonw_raw(json, payload, strlen(payload));
    jsonw_end_object(json);
}

/* ---- delivery log ---- */

static void on_listed(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    const struct page *page = request->handler_state;
    const PGresult *result = reply->result;
    int rows = PQntuples(result);
    if (rows == 0) {
        reply_error(request, ERROR_NOT_FOUND);
        return;
    }
    rows = pg_null(result, 0, COL_ID) ? 0 : rows;
    int shown = rows < page->limit ? rows : page->limit;
    struct jsonw *json = reply_json(request);
    page_begin(json);
    for (int row = 0; row < shown; row++) {
        write_delivery(json, result, row);
    }
    struct cursor last;
    if (rows > shown) {
        last = (struct cursor){.id = pg_uuid(result, shown - 1, COL_ID)};
        (void)snprintf(last.sort, sizeof(last.sort), "%s", tag);
    }
    page_end(json, rows > shown ? &last : NULL);
    reply_send(request, 200);
}

static void handle_list(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    char owner[UUID_TEXT_SIZE];
    char hook[UUID_TEXT_SIZE];
    char after[UUID_TEXT_SIZE];
    char limit[NUMBER_SIZE];
    struct page *page = request_handler_state(request, sizeof(*page));
    if (page == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    page_read(request, tag, page, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    webhooks_owner(request, owner);
    uuid_format(&request->parameters[0], hook);
    uuid_format(&page->cursor.id, after);
    (void)snprintf(limit, sizeof(limit), "%d", page->limit + 1);
    const char *values[] = {owner, hook, page->has_cursor ? after : NULL, limit};
    if (!statements_query(request->context, &webhook_deliveries_statements, SENT_LIST, ARRAY_LEN(values), values,
                          on_listed, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* ---- test and redelivery ---- */

static void reply_queued(struct request *request, const PGresult *result)
{
    write_delivery(reply_json(request), result, 0);
    reply_send(request, 202);
}

static void on_tested(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        reply_error(request, ERROR_NOT_FOUND);
    } else if (!pg_null(reply->result, 0, COL_OFF)) {
        reply_error(request, ERROR_WEBHOOK_OFF);
    } else {
        reply_queued(request, reply->result);
    }
}

static void handle_test(struct request *request)
{
    char owner[UUID_TEXT_SIZE];
    char hook[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    webhooks_owner(request, owner);
    uuid_format(&request->parameters[0], hook);
    clock_format(clock_now_ms(), now);
    const char *values[] = {owner, hook, now};
    if (!statements_query(request->context, &webhook_deliveries_statements, SENT_TEST, ARRAY_LEN(values), values,
                          on_tested, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_sent_again(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    const PGresult *result = reply->result;
    if (PQntuples(result) == 0 || pg_null(result, 0, COL_WAS)) {
        reply_error(request, ERROR_NOT_FOUND);
    } else if (!pg_null(result, 0, COL_OFF)) {
        reply_error(request, ERROR_WEBHOOK_OFF);
    } else if (pg_null(result, 0, COL_ID)) {
        reply_error(request, ERROR_DELIVERY_PENDING);
    } else {
        reply_queued(request, result);
    }
}

static void handle_again(struct request *request)
{
    char owner[UUID_TEXT_SIZE];
    char hook[UUID_TEXT_SIZE];
    char delivery[UUID_TEXT_SIZE];
    webhooks_owner(request, owner);
    uuid_format(&request->parameters[0], hook);
    uuid_format(&request->parameters[1], delivery);
    const char *values[] = {owner, hook, delivery};
    if (!statements_query(request->context, &webhook_deliveries_statements, SENT_AGAIN, ARRAY_LEN(values), values,
                          on_sent_again, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route webhook_deliveries_routes[] = {
    /* clang-format off */
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me/webhooks/:id/deliveries", handle_list, LIMIT_NONE,
     ROUTE_NO_BODY, "limit cursor"},
    {METHOD_POST, ROUTE_USER, "/api/v1/users/me/webhooks/:id/test", handle_test, LIMIT_WEBHOOK_CALLS,
     ROUTE_NO_BODY, NULL},
    {METHOD_POST, ROUTE_USER, "/api/v1/users/me/webhooks/:id/deliveries/:deliveryId/redeliver", handle_again,
     LIMIT_WEBHOOK_CALLS, ROUTE_NO_BODY, NULL},
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/webhooks/:id/deliveries", handle_list, LIMIT_NONE,
     ROUTE_NO_BODY, "limit cursor"},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/admin/webhooks/:id/test", handle_test, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/admin/webhooks/:id/deliveries/:deliveryId/redeliver", handle_again,
     LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
    /* clang-format on */
};
