/*
 * See webhooks.h.
 */
#include "gateway/account/webhooks.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/notification_kinds.h"
#include "common/protocol/webhook.h"
#include "gateway/access/audit.h"
#include "gateway/access/creation.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"

enum { HOOK_LIST, HOOK_GET, HOOK_ADD, HOOK_CHANGE, HOOK_ROTATE, HOOK_ROTATED, HOOK_REMOVE, HOOK_COUNT };
enum { NUMBER_SIZE = 16, DESCRIPTION_MOST = 200, PATH_SIZE = 96, ADD_TRIES_MAX = 20 };

#define DEPLOYMENT_OWNER "'00000000-0000-0000-0000-000000000000'"

#define COLUMNS(w)                                                                                                     \
    w ".id, " w ".url, " w ".description, array_to_string(" w ".events, ','), " w                                      \
      ".off_reason, " COLUMNS_MS(w ".off_at") ", " COLUMNS_MS(w ".failing_since") ", " COLUMNS_MS(                     \
          w ".created_at") ", " COLUMNS_MS(w ".updated_at")

/* A webhook in the audit log. Without the query of the URL, which may contain a secret of the endpoint. */
#define SHOWN(w)                                                                                                       \
    "jsonb_build_object('url', split_part(" w ".url, '?', 1), 'events', " w ".events, 'off', " w ".off_reason)"

/*
 * Adds an entry to the audit log if the webhook belongs to the deployment.
 * $1 owner, $2 webhook, $3 now, $4 id of the entry, $5 actor, $6 client address, $7 user agent, $8 request id
 */
#define NOTE(action, old, new, from)                                                                                   \
    " noted AS (" AUDIT_INSERT " SELECT $4, $3::timestamptz, $5, $6, $7, $8, '" action "', $2::uuid::text, " old       \
    ", " new ", '' FROM " from " WHERE $1::uuid = " DEPLOYMENT_OWNER ")"

/* clang-format off */
static const struct pg_statement list[] = {
    [HOOK_LIST] = {"hook_list",
        "SELECT " COLUMNS("w") " FROM webhooks w WHERE w.owner_id = $1 ORDER BY w.created_at DESC, w.id DESC"},
    [HOOK_GET] = {"hook_get",
        "SELECT " COLUMNS("w") " FROM webhooks w WHERE w.owner_id = $1 AND w.id = $2"},
    /*
     * $9 url, $10 description, $11 events, $12 secret, $13 maximum of webhooks. Returns always one row: the webhook,
     * then whether there was a free slot. The webhook is NULLs if another call took the slot, or the id of the same
     * idempotency key, meanwhile.
     */
    [HOOK_ADD] = {"hook_add",
        "WITH free AS (SELECT s FROM generate_series(1, $13::integer) s"
        "  WHERE NOT EXISTS (SELECT FROM webhooks w WHERE w.owner_id = $1 AND w.slot = s) ORDER BY s LIMIT 1),"
        " added AS (INSERT INTO webhooks (id, owner_id, slot, created_by, url, description, events, secret, created_at,"
        "   updated_at) SELECT $2, $1, free.s, $5, $9, $10, $11, $12, $3, $3 FROM free"
        "  ON CONFLICT DO NOTHING RETURNING *),"
        NOTE("WEBHOOK_ADDED", "NULL", SHOWN("a"), "added a")
        " SELECT " COLUMNS("a") ", EXISTS (SELECT FROM free) FROM (VALUES (1)) one LEFT JOIN added a ON true"},
    /* $9 url, $10 description, $11 events, $12 whether it is on; NULL: unchanged. A new URL resets the failures. */
    [HOOK_CHANGE] = {"hook_change",
        "WITH before AS (SELECT * FROM webhooks WHERE owner_id = $1 AND id = $2 FOR UPDATE),"
        " changed AS (UPDATE webhooks w SET url = coalesce($9, w.url), description = coalesce($10, w.description),"
        "   events = coalesce($11::text[], w.events),"
        "   off_reason = CASE $12::boolean WHEN true THEN NULL WHEN false THEN coalesce(w.off_reason, 'OWNER')"
        "    ELSE w.off_reason END,"
        "   off_at = CASE $12::boolean WHEN true THEN NULL WHEN false THEN coalesce(w.off_at, $3) ELSE w.off_at END,"
        "   failing_since = CASE WHEN $12::boolean OR $9 IS NOT NULL THEN NULL ELSE w.failing_since END,"
        "   updated_at = $3 FROM before b WHERE w.id = b.id RETURNING w.*),"
        NOTE("WEBHOOK_CHANGED", SHOWN("b"), SHOWN("c"), "before b JOIN changed c ON c.id = b.id")
        " SELECT " COLUMNS("c") " FROM changed c"},
    /* $9 new secret, $10 time until which the old one signs too, $11 and $12 of creation_hold */
    [HOOK_ROTATE] = {"hook_rotate",
        "WITH found AS (SELECT id FROM webhooks WHERE owner_id = $1 AND id = $2 FOR UPDATE),"
        CREATION_HELD("$5", "$11", "$12", "found") ","
        " changed AS (UPDATE webhooks w SET old_secret = secret, old_until = $10, secret = $9, updated_at = $3"
        "  FROM found WHERE w.id = found.id AND" CREATION_MAY_ACT("$11") " RETURNING w.*),"
        NOTE("WEBHOOK_SECRET_CHANGED", "NULL", "NULL", "changed") ","
        CREATION_BOUND("$5", "$11", "$12", "200", "changed")
        " SELECT " COLUMNS_MS("old_until") " FROM changed"},
    [HOOK_ROTATED] = {"hook_rotated",
        "SELECT " COLUMNS_MS("old_until") " FROM webhooks WHERE owner_id = $1 AND id = $2"},
    [HOOK_REMOVE] = {"hook_remove",
        "WITH removed AS (DELETE FROM webhooks WHERE owner_id = $1 AND id = $2 RETURNING *),"
        NOTE("WEBHOOK_REMOVED", SHOWN("r"), "NULL", "removed r")
        " SELECT id FROM removed"},
};
static_assert(ARRAY_LEN(list) == HOOK_COUNT, "each statement has its entry");
/* clang-format on */

struct statements webhooks_statements = {list, ARRAY_LEN(list), 0};

static const struct webhooks_context *context_of(const struct request *request)
{
    return request->context;
}

enum {
    COL_ID,
    COL_URL,
    COL_DESCRIPTION,
    COL_EVENTS,
    COL_OFF,
    COL_OFF_AT,
    COL_FAILING,
    COL_CREATED,
    COL_UPDATED,
    COL_HAD_SLOT /* of HOOK_ADD */
};

/* State of a request that creates a secret. */
struct hook {
    char secret[WEBHOOK_SECRET_SIZE]; /* "": an earlier request has shown it */
    int tries;                        /* of HOOK_ADD, to find a free slot */
};

static bool of_deployment(const struct request *request)
{
    return request->route->auth == ROUTE_ADMIN;
}

void webhooks_owner(const struct request *request, char out[static UUID_TEXT_SIZE])
{
    const struct uuid deployment = {{0}};
    uuid_format(of_deployment(request) ? &deployment : &request->user.id, out);
}

/* ---- reading ---- */

/* No kind of event contains a comma. */
static void write_events(struct jsonw *json, const char *events)
{
    jsonw_name(json, "events");
    jsonw_array(json);
    while (*events != '\0') {
        size_t length = strcspn(events, ",");
        jsonw_string_n(json, events, length);
        events += length;
        events += *events == ',';
    }
    jsonw_end_array(json);
}

/* `secret` may be NULL. */
static void write_hook(struct jsonw *json, const PGresult *result, int row, const char *secret)
{
    bool off = !pg_null(result, row, COL_OFF);
    jsonw_object(json);
    jsonw_put_string(json, "id", pg_text(result, row, COL_ID));
    jsonw_put_string(json, "url", pg_text(result, row, COL_URL));
    jsonw_put_string(json, "description", pg_text(result, row, COL_DESCRIPTION));
    write_events(json, pg_text(result, row, COL_EVENTS));
    jsonw_put_bool(json, "enabled", !off);
    jsonw_put_string(json, "disabledReason", off ? pg_text(result, row, COL_OFF) : NULL);
    columns_put_time(json, "disabledAt", result, row, COL_OFF_AT);
    columns_put_time(json, "failingSince", result, row, COL_FAILING);
    jsonw_put_time(json, "createdAt", pg_int(result, row, COL_CREATED));
    jsonw_put_time(json, "updatedAt", pg_int(result, row, COL_UPDATED));
    if (secret != NULL) {
        jsonw_put_string(json, "secret", secret);
    }
    jsonw_end_object(json);
}

static void on_listed(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_name(json, "items");
    jsonw_array(json);
    for (int row = 0; row < PQntuples(reply->result); row++) {
        write_hook(json, reply->result, row, NULL);
    }
    jsonw_end_array(json);
    jsonw_put_null(json, "nextCursor"); /* there are few: one page holds them all */
    jsonw_end_object(json);
    reply_send(request, 200);
}

/* Reply of HOOK_GET and HOOK_CHANGE. */
static void on_hook(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    write_hook(reply_json(request), reply->result, 0, NULL);
    reply_send(request, 200);
}

static void handle_list(struct request *request)
{
    char owner[UUID_TEXT_SIZE];
    const char *values[] = {owner};
    webhooks_owner(request, owner);
    if (!statements_query(context_of(request)->pg, &webhooks_statements, HOOK_LIST, ARRAY_LEN(values), values,
                          on_listed, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* Runs a statement about one webhook that changes nothing. */
static void find(struct request *request, size_t statement, const struct uuid *hook, pg_callback answered)
{
    char owner[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    const char *values[] = {owner, id};
    webhooks_owner(request, owner);
    uuid_format(hook, id);
    if (!statements_query(context_of(request)->pg, &webhooks_statements, statement, ARRAY_LEN(values), values, answered,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_get(struct request *request)
{
    find(request, HOOK_GET, &request->parameters[0], on_hook);
}

/* ---- changing ---- */

enum { MORE_MAX = 5 /* parameters of a statement in addition to those of NOTE */ };

/* Runs a statement that contains NOTE; `more` are its parameters from $9 on. */
static void run_change(struct request *request, size_t statement, const struct uuid *id, const char *const *more,
                       int more_count, pg_callback callback)
{
    struct audit_origin origin;
    char owner[UUID_TEXT_SIZE];
    char hook[UUID_TEXT_SIZE];
    audit_origin_read(request, &origin);
    webhooks_owner(request, owner);
    uuid_format(id, hook);
    const char *values[8 + MORE_MAX] = {owner,        hook,       origin.at, origin.id, origin.actor, request->address,
                                        origin.agent, request->id};
    for (int i = 0; i < more_count; i++) {
        values[8 + i] = more[i];
    }
    struct pg *pg = context_of(request)->pg;
    int count = 8 + more_count;
    bool sent = statement == HOOK_ADD
                    ? creation_query(request, pg, &webhooks_statements, statement, count, values, callback)
                    : statements_query(pg, &webhooks_statements, statement, count, values, callback, request);
    if (!sent) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* The validated members of a body. */
struct hook_input {
    const char *url; /* NULL: absent, as for the next two */
    const char *description;
    const char *events; /* as an array for SQL */
    bool has_enabled;
    bool enabled;
    struct pg_array array; /* memory of `events`; to be freed */
};

static bool is_kind(const struct json *value, const char *const *kinds)
{
    for (; value->type == JSON_STRING && *kinds != NULL; kinds++) {
        if (strcmp(value->text, *kinds) == 0) {
            return true;
        }
    }
    return false;
}

/* Duplicates are refused, which also bounds the length of the list. */
static bool is_repeated(const struct json *value, const struct json *events)
{
    for (const struct json *each = events->child; each != value; each = each->next) {
        if (strcmp(each->text, value->text) == 0) {
            return true;
        }
    }
    return false;
}

static int64_t kind_count(const char *const *kinds)
{
    int64_t count = 0;
    while (kinds[count] != NULL) {
        count++;
    }
    return count;
}

static void read_events(const struct request *request, enum fields_need need, struct hook_input *input,
                        struct field_errors *field_errors)
{
    const struct json *events = json_member(request->body, "events");
    const char *const *kinds = of_deployment(request) ? webhook_deployment_kinds : notification_kinds;
    if (events == NULL) {
        if (need == FIELDS_REQUIRED) {
            field_errors_add(field_errors, "events", FIELD_REQUIRED);
        }
        return;
    }
    pg_array_reset(&input->array);
    if (events->type != JSON_ARRAY) {
        field_errors_add(field_errors, "events", FIELD_NOT_A_LIST);
        return;
    }
    if (events->child == NULL) {
        field_errors_add_two(field_errors, "events", FIELD_INVALID_COUNT, parameter_number("min", 1),
                             parameter_number("max", kind_count(kinds)));
        return;
    }
    for (const struct json *value = events->child; value != NULL; value = value->next) {
        if (!is_kind(value, kinds)) {
            field_errors_add(field_errors, "events", FIELD_UNKNOWN_EVENT);
            return;
        }
        if (is_repeated(value, events)) {
            field_errors_add(field_errors, "events", FIELD_REPEATED_VALUE);
            return;
        }
        pg_array_text_add(&input->array, value->text);
    }
    input->events = pg_array_done(&input->array);
}

static void add_url_error(enum webhook_url_error error, bool http, struct field_errors *field_errors)
{
    static const enum field_code codes[WEBHOOK_URL_ERROR_COUNT] = {
        [WEBHOOK_URL_OK] = FIELD_CODE_COUNT,         [WEBHOOK_URL_MALFORMED] = FIELD_INVALID_URL,
        [WEBHOOK_URL_SCHEME] = FIELD_INVALID_SCHEME, [WEBHOOK_URL_CREDENTIALS] = FIELD_CONTAINS_CREDENTIALS,
        [WEBHOOK_URL_HOST] = FIELD_INVALID_HOST,     [WEBHOOK_URL_NETWORK] = FIELD_REFUSED_ADDRESS,
        [WEBHOOK_URL_PORT] = FIELD_INVALID_PORT,
    };
    if (error == WEBHOOK_URL_SCHEME) {
        field_errors_add_one(field_errors, "url", codes[error],
                             parameter_words("allowed", http ? "https:// http://" : "https://"));
    } else if (error == WEBHOOK_URL_PORT) {
        field_errors_add_two(field_errors, "url", codes[error], parameter_number("min", WEBHOOK_PORT_LEAST),
                             parameter_number("max", WEBHOOK_PORT_MOST));
    } else if (error != WEBHOOK_URL_OK) {
        field_errors_add(field_errors, "url", codes[error]);
    }
}

static void read_input(const struct request *request, enum fields_need need, struct hook_input *input,
                       struct field_errors *field_errors)
{
    static const char *const known[] = {"url", "description", "events", "enabled", NULL};
    const struct config *config = context_of(request)->config;
    struct webhook_rules rules = {.http = config->webhook_http};
    *input = (struct hook_input){.url = NULL};
    fields_known(request->body, known, field_errors);
    if (fields_text(request->body, "url", need, 1, WEBHOOK_URL_MOST, &input->url, field_errors)) {
        bool ok = address_networks_parse(config->webhook_networks, &rules.networks); /* on failure refuse every URL */
        add_url_error(ok ? webhook_url_error(&rules, input->url) : WEBHOOK_URL_NETWORK, rules.http, field_errors);
    }
    (void)fields_text(request->body, "description", FIELDS_OPTIONAL, 0, DESCRIPTION_MOST, &input->description,
                      field_errors);
    input->has_enabled = fields_bool(request->body, "enabled", FIELDS_OPTIONAL, &input->enabled, field_errors);
    read_events(request, need, input, field_errors);
}

/* `secret` may be NULL. */
static void reply_created(struct request *request, const PGresult *result, const char *secret)
{
    char where[PATH_SIZE];
    (void)snprintf(where, sizeof(where), "%s/%s", request->route->pattern, pg_text(result, 0, COL_ID));
    reply_header(request, "Location", where);
    write_hook(reply_json(request), result, 0, secret);
    reply_send(request, 201);
}

/* ---- a webhook that an earlier request with the same key may have made ---- */

static void find_made(struct request *request, pg_callback answered)
{
    find(request, HOOK_GET, &creation_of(request)->id, answered);
}

/* Answers with the webhook, or calls `absent` if there is none. */
static void show_made(struct request *request, const struct pg_reply *reply, route_handler absent)
{
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        absent(request);
    } else {
        reply_created(request, reply->result, NULL); /* its secret is shown once */
    }
}

static void refuse_many(struct request *request)
{
    const struct parameter most = parameter_number("max", context_of(request)->config->webhooks_max);
    reply_error_with(request, ERROR_TOO_MANY_WEBHOOKS, &most, 1);
}

static void on_made_or_many(const struct pg_reply *reply, void *arg)
{
    show_made(arg, reply, refuse_many);
}

/* ---- adding ---- */

static void begin_add(struct request *request);

static void on_added(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    const struct hook *hook = request->handler_state;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (!pg_null(reply->result, 0, COL_ID)) {
        reply_created(request, reply->result, hook->secret);
    } else if (pg_bool(reply->result, 0, COL_HAD_SLOT)) {
        begin_add(request); /* retry with the next free slot, if there is one */
    } else if (creation_of(request)->keyed) {
        find_made(request, on_made_or_many);
    } else {
        refuse_many(request);
    }
}

static void add_webhook(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    struct hook_input input;
    char most[NUMBER_SIZE];
    struct hook *hook = request->handler_state;
    read_input(request, FIELDS_REQUIRED, &input, &field_errors);
    if (input.has_enabled && !input.enabled) {
        field_errors_add_one(&field_errors, "enabled", FIELD_UNKNOWN_VALUE, parameter_words("allowed", "true"));
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
    } else if (input.events == NULL || hook->tries++ == ADD_TRIES_MAX) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        webhook_secret_new(hook->secret);
        (void)snprintf(most, sizeof(most), "%d", context_of(request)->config->webhooks_max);
        const char *more[] = {input.url, input.description == NULL ? "" : input.description, input.events, hook->secret,
                              most};
        run_change(request, HOOK_ADD, &creation_of(request)->id, more, ARRAY_LEN(more), on_added);
    }
    pg_array_free(&input.array);
}

static void on_made_or_add(const struct pg_reply *reply, void *arg)
{
    show_made(arg, reply, add_webhook);
}

static void begin_add(struct request *request)
{
    if (creation_of(request)->keyed) {
        find_made(request, on_made_or_add);
    } else {
        add_webhook(request);
    }
}

static void handle_add(struct request *request)
{
    if (request_handler_state(request, sizeof(struct hook)) == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        creation_begin(request, of_deployment(request) ? "deployment webhook" : "webhook", begin_add, begin_add);
    }
}

static void handle_change(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    struct hook_input input;
    read_input(request, FIELDS_OPTIONAL, &input, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
    } else if (input.array.text != NULL && input.events == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        const char *enabled = !input.has_enabled ? NULL : input.enabled ? "true" : "false";
        const char *more[] = {input.url, input.description, input.events, enabled};
        run_change(request, HOOK_CHANGE, &request->parameters[0], more, ARRAY_LEN(more), on_hook);
    }
    pg_array_free(&input.array);
}

static void on_rotated(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    const struct hook *hook = request->handler_state;
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    if (hook->secret[0] != '\0') {
        jsonw_put_string(json, "secret", hook->secret);
    }
    columns_put_time(json, "previousUntil", reply->result, 0, 0);
    jsonw_end_object(json);
    reply_send(request, 200);
}

/* An earlier request with the key has replaced the secret, which is shown once. */
static void show_rotated(struct request *request)
{
    find(request, HOOK_ROTATED, &request->parameters[0], on_rotated);
}

static void rotate(struct request *request)
{
    char until[CLOCK_TEXT_SIZE];
    struct hook *hook = request->handler_state;
    webhook_secret_new(hook->secret);
    clock_format(clock_now_ms() + INT64_C(1000) * WEBHOOK_OLD_SECRET_S, until);
    const char *more[] = {hook->secret, until, NULL, NULL};
    creation_hold(request, more + ARRAY_LEN(more) - CREATION_HOLD_VALUES);
    run_change(request, HOOK_ROTATE, &request->parameters[0], more, ARRAY_LEN(more), on_rotated);
}

static void handle_rotate(struct request *request)
{
    if (request_handler_state(request, sizeof(struct hook)) == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        creation_begin_act(request, show_rotated, rotate);
    }
}

static void on_removed(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_found(request, reply, ERROR_NOT_FOUND)) {
        reply_empty(request, 204);
    }
}

static void handle_remove(struct request *request)
{
    run_change(request, HOOK_REMOVE, &request->parameters[0], NULL, 0, on_removed);
}

const struct route webhooks_routes[] = {
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me/webhooks", handle_list, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_POST, ROUTE_USER, "/api/v1/users/me/webhooks", handle_add, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me/webhooks/:id", handle_get, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_PATCH, ROUTE_USER, "/api/v1/users/me/webhooks/:id", handle_change, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_DELETE, ROUTE_USER, "/api/v1/users/me/webhooks/:id", handle_remove, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_POST, ROUTE_USER, "/api/v1/users/me/webhooks/:id/secret", handle_rotate, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/webhooks", handle_list, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/admin/webhooks", handle_add, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/webhooks/:id", handle_get, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_PATCH, ROUTE_ADMIN, "/api/v1/admin/webhooks/:id", handle_change, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_DELETE, ROUTE_ADMIN, "/api/v1/admin/webhooks/:id", handle_remove, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/admin/webhooks/:id/secret", handle_rotate, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
