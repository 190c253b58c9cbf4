/*
 * See deadletters.h. The statement that changes a dead letter also writes the audit log.
 */
#include "gateway/admin/deadletters.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/message.h"
#include "common/protocol/sale_message.h"
#include "common/protocol/topology.h"
#include "gateway/access/audit.h"
#include "gateway/access/creation.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"
#include "gateway/query/timeline.h"

enum { DEAD_LETTER_LIST, DEAD_LETTER_GET, DEAD_LETTER_REQUEUE, DEAD_LETTER_DROP, DEAD_LETTER_COUNT };
enum {
    REASON_SIZE = 4 * AUDIT_REASON_MOST + 1,
    DROP_VALUES = 8,
    REQUEUE_HOLD = 10, /* index of $11 */
};

#define COLUMNS "id, routing_key, reason, length(body), times, " COLUMNS_MS("created_at") ", " COLUMNS_MS("requeued_at")

/*
 * The dead letter as the audit log describes it: length and digest of its content, and the auctions that it names. The
 * content is left out, because entries are permanent and a dead letter may hold an active maximum.
 */
#define WAS                                                                                                            \
    "jsonb_build_object('routingKey', l.routing_key, 'reason', l.reason, 'times', l.times, 'createdAt', l.created_at," \
    " 'bytes', length(l.body), 'sha256', encode(sha256(l.body), 'hex'), 'auctionIds', (SELECT coalesce("               \
    "jsonb_agg(DISTINCT named.id[1]), '[]') FROM (SELECT regexp_matches(encode(l.body, 'escape'),"                     \
    " '\"a\" *: *\"([0-9a-fA-F-]{36})\"', 'g') AS id LIMIT 20) named))"

/* $1 dead letter, $2 now, $3 id of the entry, $4 admin, $5 address, $6 agent, $7 request, $8 reason */
#define NOTE(action, becomes)                                                                                          \
    " noted AS (" AUDIT_INSERT " SELECT $3, $2, $4, $5, $6, $7, '" action "', l.id::text, " WAS ", " becomes           \
    ", $8 FROM l)"

static const struct pg_statement list[] = {
    [DEAD_LETTER_LIST] = {"dead_letter_list", "SELECT " COLUMNS " FROM dead_letters"
                                              " WHERE (created_at, id) " TIMELINE_BEFORE(
                                                  "$1", "$2") " ORDER BY created_at DESC, id DESC LIMIT $3"},
    [DEAD_LETTER_GET] = {"dead_letter_get", "SELECT " COLUMNS ", encode(body, 'hex') FROM dead_letters WHERE id = $1"},
    /* Inserts an old row into the outbox, so that the next sweep publishes it. $11 and $12 of creation_hold */
    /* clang-format off */
    [DEAD_LETTER_REQUEUE] = {"dead_letter_requeue",
                             "WITH found AS (SELECT id FROM dead_letters WHERE id = $1 FOR UPDATE),"
                             CREATION_HELD("$4", "$11", "$12", "found") ","
                             " l AS (UPDATE dead_letters d SET requeued_at = $2 FROM found"
                             "  WHERE d.id = found.id AND" CREATION_MAY_ACT("$11") " RETURNING d.*),"
                             " sent AS (INSERT INTO outbox (exchange, routing_key, body, created_at)"
                             "  SELECT $9, $10, convert_from(body, 'UTF8'), now() - interval '1 day' FROM l),"
                             NOTE("DEAD_LETTER_REQUEUED",
                                  "jsonb_build_object('requeuedAt', l.requeued_at, 'routingKey', $10::text)") ","
                             CREATION_BOUND("$4", "$11", "$12", "200", "l")
                             " SELECT " COLUMNS " FROM l"},
    /* clang-format on */
    [DEAD_LETTER_DROP] = {"dead_letter_drop",
                          "WITH l AS (DELETE FROM dead_letters WHERE id = $1 RETURNING *, $2::timestamptz)," NOTE(
                              "DEAD_LETTER_DROPPED", "NULL") " SELECT id FROM l"},
};
static_assert(ARRAY_LEN(list) == DEAD_LETTER_COUNT, "each statement has its entry");

struct statements deadletters_statements = {list, ARRAY_LEN(list), 0};

static const struct deadletters_context *context_of(const struct request *request)
{
    return request->context;
}

enum { COL_ID, COL_KEY, COL_REASON, COL_LENGTH, COL_TIMES, COL_CREATED, COL_REQUEUED, COL_BODY };

/* Writes members of an open object. */
static void write_members(struct jsonw *json, const PGresult *result, int row)
{
    jsonw_put_string(json, "id", pg_text(result, row, COL_ID));
    jsonw_put_string(json, "routingKey", pg_text(result, row, COL_KEY));
    jsonw_put_string(json, "reason", pg_text(result, row, COL_REASON));
    jsonw_put_int(json, "bytes", pg_int(result, row, COL_LENGTH));
    jsonw_put_int(json, "times", pg_int(result, row, COL_TIMES));
    jsonw_put_time(json, "createdAt", pg_int(result, row, COL_CREATED));
    columns_put_time(json, "requeuedAt", result, row, COL_REQUEUED);
}

/* ---- the list ---- */

static void write_listed(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    (void)request;
    jsonw_object(json);
    write_members(json, result, row);
    jsonw_end_object(json);
}

static const struct timeline dead_letters = {
    .statements = &deadletters_statements,
    .statement = DEAD_LETTER_LIST,
    .everyones = true,
    .tag = "dead-letters",
    .key_column = COL_CREATED,
    .write = write_listed,
};

static void handle_list(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    timeline_reply(context_of(request)->pg, request, &dead_letters, &field_errors, 0, NULL);
}

/* ---- one dead letter ---- */

struct dead_letter {
    uint8_t *bytes; /* the body, on the heap */
    size_t length;
    struct json *tree; /* NULL: not JSON */
};

static bool dead_letter_read(const PGresult *result, struct dead_letter *dead_letter)
{
    const char *hex = pg_text(result, 0, COL_BODY);
    size_t size = strlen(hex) / 2 + 1;
    size_t length = 0;
    uint8_t *bytes = malloc(size);
    if (bytes == NULL || sodium_hex2bin(bytes, size, hex, strlen(hex), NULL, &length, NULL) != 0) {
        free(bytes);
        return false;
    }
    struct json *tree = json_parse(bytes, length, NULL);
    *dead_letter = (struct dead_letter){.bytes = bytes, .length = length, .tree = tree};
    return true;
}

static void dead_letter_free(struct dead_letter *dead_letter)
{
    json_free(dead_letter->tree);
    free(dead_letter->bytes);
}

/* The bytes are shown as Base64, and also as JSON if they are JSON. */
static bool write_dead_letter(struct jsonw *json, const PGresult *result, const struct dead_letter *dead_letter)
{
    size_t size = sodium_base64_encoded_len(dead_letter->length, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    if (text == NULL) {
        return false;
    }
    sodium_bin2base64(text, size, dead_letter->bytes, dead_letter->length, sodium_base64_VARIANT_ORIGINAL);
    jsonw_object(json);
    write_members(json, result, 0);
    if (dead_letter->tree == NULL) {
        jsonw_put_null(json, "body");
    } else {
        jsonw_name(json, "body");
        jsonw_value(json, dead_letter->tree);
    }
    jsonw_put_string(json, "bodyBase64", text);
    jsonw_end_object(json);
    free(text);
    return true;
}

static void on_dead_letter(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct dead_letter dead_letter;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        reply_error(request, ERROR_NOT_FOUND);
    } else if (!dead_letter_read(reply->result, &dead_letter)) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        if (write_dead_letter(reply_json(request), reply->result, &dead_letter)) {
            reply_send(request, 200);
        } else {
            reply_error(request, ERROR_UNAVAILABLE);
        }
        dead_letter_free(&dead_letter);
    }
}

static void find_dead_letter(struct request *request, pg_callback callback)
{
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    uuid_format(&request->parameters[0], id);
    if (!statements_query(context_of(request)->pg, &deadletters_statements, DEAD_LETTER_GET, ARRAY_LEN(values), values,
                          callback, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_get(struct request *request)
{
    find_dead_letter(request, on_dead_letter);
}

/* ---- requeue and drop ---- */

/* The exchange and key of each kind of dead letter; NULL if they follow from its auction or sale. */
static const struct {
    const char *dead_key;
    const char *exchange;
    const char *routing_key;
} origins[] = {
    {TOPOLOGY_KEY_DEAD_BIDS, NULL, NULL},
    {TOPOLOGY_KEY_DEAD_SALES, NULL, NULL},
    {TOPOLOGY_KEY_DEAD_SALE_NOTIFY, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SALE_BATCH},
    {TOPOLOGY_KEY_DEAD_NOTIFY, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_BATCH},
    {TOPOLOGY_KEY_DEAD_AUCTION_END, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_ENDED},
    {TOPOLOGY_KEY_DEAD_EMAIL, TOPOLOGY_DELIVERIES_EXCHANGE, TOPOLOGY_KEY_EMAIL},
    {TOPOLOGY_KEY_DEAD_WEBHOOK, TOPOLOGY_DELIVERIES_EXCHANGE, TOPOLOGY_KEY_WEBHOOK},
};

/* False for a message that is not JSON or was truncated: it can never be read. */
static bool find_origin(const struct deployment *deployment, const char *dead_key,
                        const struct dead_letter *dead_letter, char exchange[static TOPOLOGY_QUEUE_SIZE],
                        char key[static TOPOLOGY_KEY_SIZE])
{
    for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
        if (strcmp(origins[i].dead_key, dead_key) != 0 || dead_letter->tree == NULL) {
            continue;
        }
        if (origins[i].routing_key != NULL) {
            (void)snprintf(exchange, TOPOLOGY_QUEUE_SIZE, "%s", origins[i].exchange);
            (void)snprintf(key, TOPOLOGY_KEY_SIZE, "%s", origins[i].routing_key);
            return true;
        }
        bool of_sale = strcmp(dead_key, TOPOLOGY_KEY_DEAD_SALES) == 0;
        const struct topology_family *family = of_sale ? &topology_sales : &topology_bids;
        struct uuid subject = {0};
        if (!(of_sale ? sale_message_sale : message_auction)(dead_letter->tree, &subject)) {
            return false;
        }
        topology_exchange(family, &subject, deployment->facts.shards, exchange);
        topology_key(family, &subject, deployment->facts.shards, key);
        return true;
    }
    return false;
}

static void on_requeued(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    write_members(json, reply->result, 0);
    jsonw_end_object(json);
    reply_send(request, 200);
}

/*
 * Reads the optional reason into the handler state. False, and the request is ENDED, if it is invalid, or without
 * memory.
 */
static bool read_reason(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    char *reason = request_handler_state(request, REASON_SIZE);
    if (reason == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return false;
    }
    if (request_query(request, "reason", reason, REASON_SIZE) && !fields_line(reason, AUDIT_REASON_MOST)) {
        field_errors_add_one(&field_errors, "reason", FIELD_INVALID_TEXT, parameter_number("max", AUDIT_REASON_MOST));
        reply_field_errors(request, &field_errors);
        return false;
    }
    return true;
}

/* `exchange` and `key` are NULL when dropping. */
static void change(struct request *request, size_t statement, const char *exchange, const char *key,
                   pg_callback callback)
{
    struct audit_origin origin;
    char id[UUID_TEXT_SIZE];
    audit_origin_read(request, &origin);
    uuid_format(&request->parameters[0], id);
    const char *values[] = {id,
                            origin.at,
                            origin.id,
                            origin.actor,
                            request->address,
                            origin.agent,
                            request->id,
                            request->handler_state,
                            exchange,
                            key,
                            NULL,
                            NULL};
    int count = exchange == NULL ? DROP_VALUES : (int)ARRAY_LEN(values);
    creation_hold(request, values + REQUEUE_HOLD);
    if (!statements_query(context_of(request)->pg, &deadletters_statements, statement, count, values, callback,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_requeue_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct dead_letter dead_letter;
    char exchange[TOPOLOGY_QUEUE_SIZE];
    char key[TOPOLOGY_KEY_SIZE];
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    if (!dead_letter_read(reply->result, &dead_letter)) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    bool found =
        find_origin(context_of(request)->deployment, pg_text(reply->result, 0, COL_KEY), &dead_letter, exchange, key);
    dead_letter_free(&dead_letter);
    if (found) {
        change(request, DEAD_LETTER_REQUEUE, exchange, key, on_requeued);
    } else {
        reply_error(request, ERROR_DEAD_LETTER_UNREADABLE);
    }
}

static void requeue(struct request *request)
{
    find_dead_letter(request, on_requeue_found);
}

/* An earlier request with the key has requeued it. */
static void show_requeued(struct request *request)
{
    find_dead_letter(request, on_requeued);
}

static void handle_requeue(struct request *request)
{
    if (read_reason(request)) {
        creation_begin_act(request, show_requeued, requeue);
    }
}

static void on_dropped(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_found(request, reply, ERROR_NOT_FOUND)) {
        reply_empty(request, 204);
    }
}

static void handle_drop(struct request *request)
{
    if (read_reason(request)) {
        change(request, DEAD_LETTER_DROP, NULL, NULL, on_dropped);
    }
}

const struct route deadletters_routes[] = {
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/dead-letters", handle_list, LIMIT_NONE, ROUTE_NO_BODY, "limit cursor"},
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/dead-letters/:id", handle_get, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/admin/dead-letters/:id/requeue", handle_requeue, LIMIT_NONE, ROUTE_NO_BODY,
     "reason"},
    {METHOD_DELETE, ROUTE_ADMIN, "/api/v1/admin/dead-letters/:id", handle_drop, LIMIT_NONE, ROUTE_NO_BODY, "reason"},
    {0},
};
