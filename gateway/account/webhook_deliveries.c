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
#include "gateway/access/creation.h"
#include "gateway/account/webhooks.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"
#include "gateway/query/page.h"

enum { SENT_LIST, SENT_TEST, SENT_TESTED, SENT_AGAIN, SENT_GET, SENT_COUNT };
enum { NUMBER_SIZE = 16 };

#define COLUMNS                                                                                                        \
    "d.id, d.kind, d.state, d.tries, d.last_status, d.last_error, d.last_ms, " COLUMNS_MS(                             \
        "d.created_at") ", " COLUMNS_MS("d.tried_at") ", d.payload"

/* $1 owner, $2 webhook */
#define HOOK "SELECT w.id, w.off_reason FROM webhooks w WHERE w.owner_id = $1 AND w.id = $2"

/* Characters of an id after its time and version, and where they begin. */
#define ID_TAIL      "21"
#define ID_TAIL_FROM "16"

/* The result has no row if the webhook does not exist. Otherwise it has at least one, of NULLs without a delivery. */
/* clang-format off */
static const struct pg_statement list[] = {
    /* $3 id of the cursor, $4 limit */
    [SENT_LIST] = {"sent_list",
        "SELECT " COLUMNS " FROM (" HOOK ") w LEFT JOIN LATERAL (SELECT * FROM deliveries e"
        "  WHERE e.endpoint = w.id::text AND ($3::uuid IS NULL OR e.id < $3) ORDER BY e.id DESC LIMIT $4) d ON true"
        " ORDER BY d.id DESC"},
    /*
     * $3 actor, $4 and $5 of creation_hold, $6 now, $7 id of the act; NULL: no key. The delivery's id begins with the time
     * and ends like $7, so that a repeated request finds it.
     */
    [SENT_TEST] = {"sent_test",
        "WITH w AS (" HOOK ")," CREATION_HELD("$3", "$4", "$5", "w") ","
        " d AS (INSERT INTO deliveries (id, channel, kind, endpoint, payload, created_at)"
        "  SELECT coalesce(overlay(delivery_id()::text PLACING right($7::text, " ID_TAIL ") FROM " ID_TAIL_FROM
        "    FOR " ID_TAIL ")::uuid, delivery_id()),"
        "   '" TOPOLOGY_KEY_WEBHOOK "', '" WEBHOOK_TEST_KIND "', w.id::text,"
        "   webhook_body('" WEBHOOK_TEST_KIND "', $6, jsonb_build_object('webhookId', w.id)), $6"
        "  FROM w WHERE w.off_reason IS NULL AND" CREATION_MAY_ACT("$4") " RETURNING *),"
        CREATION_BOUND("$3", "$4", "$5", "202", "d")
        " SELECT " COLUMNS ", w.off_reason FROM w LEFT JOIN d ON true"},
    /* $3 id of the act. A key lives for 24 hours; a delivery may be removed earlier. */
    [SENT_TESTED] = {"sent_tested",
        "SELECT " COLUMNS " FROM (" HOOK ") w JOIN deliveries d ON d.endpoint = w.id::text"
        " WHERE d.created_at > now() - interval '25 hours' AND right(d.id::text, " ID_TAIL ") = right($3, " ID_TAIL ")"},
    /* $3 actor, $4 and $5 of creation_hold, $6 delivery. One that is queued or being retried is not changed. */
    [SENT_AGAIN] = {"sent_again",
        "WITH w AS (" HOOK "), was AS (SELECT e.id FROM deliveries e JOIN w ON e.endpoint = w.id::text"
        "  WHERE e.id = $6 FOR UPDATE OF e),"
        CREATION_HELD("$3", "$4", "$5", "was") ","
        " d AS (UPDATE deliveries e SET state = 'queued', tries = 0 FROM w, was WHERE e.id = was.id"
        "  AND w.off_reason IS NULL AND e.state NOT IN ('queued', 'retrying') AND" CREATION_MAY_ACT("$4")
        "  RETURNING e.*),"
        " sent AS (INSERT INTO outbox (exchange, routing_key, body, created_at)"
        "  SELECT '" TOPOLOGY_DELIVERIES_EXCHANGE "', d.channel, delivery_message(ROW(d.*)::deliveries),"
        "   now() - interval '1 day' FROM d),"
        CREATION_BOUND("$3", "$4", "$5", "202", "d")
        " SELECT " COLUMNS ", w.off_reason, was.id FROM w LEFT JOIN was ON true LEFT JOIN d ON true"},
    /* $3 delivery */
    [SENT_GET] = {"sent_get",
        "SELECT " COLUMNS " FROM (" HOOK ") w JOIN deliveries d ON d.endpoint = w.id::text WHERE d.id = $3"},
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
    } else if (pg_null(reply->result, 0, COL_ID)) {
        reply_error(request, ERROR_UNAVAILABLE); /* its key's reservation has expired, and so has the request */
    } else {
        reply_queued(request, reply->result);
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

/* A delivery that an earlier request with the key has queued, as it stands now. */
static void on_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_found(request, reply, ERROR_NOT_FOUND)) {
        reply_queued(request, reply->result);
    }
}

/* Parameters of a statement that queues; `last` is up to the statement. */
enum { QUEUE_ACTOR = 2, QUEUE_HOLD, QUEUE_LAST = QUEUE_HOLD + CREATION_HOLD_VALUES, QUEUE_VALUES = QUEUE_LAST + 2 };

/* Runs a statement that queues, or one that finds what an earlier request with the key has queued. */
static void run(struct request *request, size_t statement, const char *const *values, int count, pg_callback answered)
{
    if (!statements_query(request->context, &webhook_deliveries_statements, statement, count, values, answered,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void queue(struct request *request, size_t statement, const char *const *last, int last_count,
                  pg_callback answered)
{
    char owner[UUID_TEXT_SIZE];
    char hook[UUID_TEXT_SIZE];
    char actor[UUID_TEXT_SIZE];
    const char *values[QUEUE_VALUES] = {owner, hook, actor};
    webhooks_owner(request, owner);
    uuid_format(&request->parameters[0], hook);
    uuid_format(&request->user.id, actor);
    creation_hold(request, values + QUEUE_HOLD);
    for (int i = 0; i < last_count; i++) {
        values[QUEUE_LAST + i] = last[i];
    }
    run(request, statement, values, QUEUE_LAST + last_count, answered);
}

static void find_queued(struct request *request, size_t statement, const struct uuid *id)
{
    char owner[UUID_TEXT_SIZE];
    char hook[UUID_TEXT_SIZE];
    char wanted[UUID_TEXT_SIZE];
    const char *const values[] = {owner, hook, wanted};
    webhooks_owner(request, owner);
    uuid_format(&request->parameters[0], hook);
    uuid_format(id, wanted);
    run(request, statement, values, ARRAY_LEN(values), on_found);
}

static void show_test(struct request *request)
{
    find_queued(request, SENT_TESTED, &creation_of(request)->id);
}

static void queue_test(struct request *request)
{
    char now[CLOCK_TEXT_SIZE];
    char act[UUID_TEXT_SIZE];
    const struct creation *creation = creation_of(request);
    const char *const last[] = {now, creation->keyed ? act : NULL};
    clock_format(clock_now_ms(), now);
    uuid_format(&creation->id, act);
    queue(request, SENT_TEST, last, ARRAY_LEN(last), on_tested);
}

static void handle_test(struct request *request)
{
    creation_begin_act(request, show_test, queue_test);
}

static void show_again(struct request *request)
{
    find_queued(request, SENT_GET, &request->parameters[1]);
}

static void queue_again(struct request *request)
{
    char delivery[UUID_TEXT_SIZE];
    const char *const last[] = {delivery};
    uuid_format(&request->parameters[1], delivery);
    queue(request, SENT_AGAIN, last, ARRAY_LEN(last), on_sent_again);
}

static void handle_again(struct request *request)
{
    creation_begin_act(request, show_again, queue_again);
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
