/*
 * See places.h. PostgreSQL is asked first. Only a user without a place that waits or is in its turn may have a pending
 * join. Then Redis is asked for it, and PostgreSQL again if there is none: it may just have been decided.
 */
#include "gateway/sale/places.h"

#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "common/rules/sale_set.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/sale/position.h"

enum { ID_TEXT_SIZE = 64, NUMBER_SIZE = 16 };

/* State of a request. */
struct place_request {
    struct uuid sale;
    struct uuid join; /* the user's newest */
    struct position position;
};

static const struct places_context *context_of(const struct request *request)
{
    return request->context;
}

void places_note_join(struct redis *redis, const struct uuid *user, const struct uuid *sale, const struct uuid *join)
{
    char key[KEYS_SIZE];
    char id[UUID_TEXT_SIZE];
    char life[NUMBER_SIZE];
    const char *arguments[] = {"SET", key, id, "EX", life};
    keys_join(user, sale, key);
    uuid_format(join, id);
    (void)snprintf(life, sizeof(life), "%d", PLACES_JOIN_LIFE_S);
    if (!redis_command(redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("a join is not shown while it is pending: no connection to Redis");
    }
}

/* ---- answers ---- */

static struct jsonw *begin_place(struct request *request, const struct uuid *entry)
{
    const struct place_request *place = request->handler_state;
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_uuid(json, "flashSaleId", &place->sale);
    jsonw_put_uuid(json, "entryId", entry);
    jsonw_put_int(json, "waiting", place->position.waiting);
    return json;
}

static void reply_pending(struct request *request)
{
    const struct place_request *place = request->handler_state;
    struct jsonw *json = begin_place(request, &place->join);
    jsonw_put_null(json, "position");
    jsonw_put_string(json, "status", "pending");
    jsonw_put_null(json, "turnExpiresAt");
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void reply_place(struct request *request)
{
    const struct place_request *place = request->handler_state;
    if (!place->position.placed) {
        reply_error(request, ERROR_NOT_FOUND);
        return;
    }
    struct jsonw *json = begin_place(request, &place->position.entry_id);
    position_write(json, &place->position);
    jsonw_end_object(json);
    reply_send(request, 200);
}

/* ---- a pending join ---- */

static bool ask_place(struct request *request, pg_callback then)
{
    const struct place_request *place = request->handler_state;
    return position_query(context_of(request)->pg, &place->sale, &request->user.id, then, request);
}

static void read_place(struct request *request, const struct pg_reply *reply)
{
    struct place_request *place = request->handler_state;
    position_read(reply->result, 0, 0, &place->position);
}

static void found_late(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_found(request, reply, ERROR_NOT_FOUND)) {
        read_place(request, reply);
        reply_place(request);
    }
}

/* The place as it was read; 503 if the user may have a newer, pending join and Redis cannot say so. */
static void reply_unless_pending(struct request *request)
{
    const struct place_request *place = request->handler_state;
    const struct sale sale = {.status = place->position.sale_status};
    if (sale_over(&sale)) {
        reply_place(request); /* a join cannot change it any more */
    } else {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void state_answered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    bool known = reply != NULL && reply->type == REDIS_REPLY_STRING;
    if (!known) {
        reply_unless_pending(request);
    } else if (reply->len == 1 && (reply->str[0] == 'a' || reply->str[0] == 'p')) {
        reply_pending(request);
    } else if (!ask_place(request, found_late)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void join_answered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct place_request *place = request->handler_state;
    char key[KEYS_SIZE];
    const char *arguments[] = {"GETRANGE", key, "0", "0"}; /* its state */
    if (reply != NULL && reply->type == REDIS_REPLY_NIL) {
        reply_place(request);
        return;
    }
    if (reply == NULL || reply->type != REDIS_REPLY_STRING || !uuid_parse(reply->str, reply->len, &place->join)) {
        reply_unless_pending(request);
        return;
    }
    keys_bid(&request->user.id, &place->join, key);
    if (!redis_command(context_of(request)->redis, state_answered, request, ARRAY_LEN(arguments), arguments, NULL)) {
        reply_unless_pending(request);
    }
}

/* ---- the place ---- */

static bool holds_place(const struct position *position)
{
    return position->placed && (position->status == SALE_ENTRY_WAITING || position->status == SALE_ENTRY_TURN);
}

static void found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct place_request *place = request->handler_state;
    char key[KEYS_SIZE];
    const char *arguments[] = {"GET", key};
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    read_place(request, reply);
    keys_join(&request->user.id, &place->sale, key);
    if (holds_place(&place->position)) {
        reply_place(request);
    } else if (!redis_command(context_of(request)->redis, join_answered, request, ARRAY_LEN(arguments), arguments,
                              NULL)) {
        reply_unless_pending(request);
    }
}

static void show(struct request *request, const struct uuid *sale)
{
    struct place_request *place = request_handler_state(request, sizeof(*place));
    if (place == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    place->sale = *sale;
    if (!ask_place(request, found)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

bool places_read_sale(struct request *request, struct uuid *sale)
{
    char text[ID_TEXT_SIZE];
    struct field_errors field_errors = {.count = 0};
    if (!request_query(request, "flashSaleId", text, sizeof(text))) {
        text[0] = '\0';
    }
    if (uuid_parse(text, strlen(text), sale)) {
        return true;
    }
    field_errors_add(&field_errors, "flashSaleId", text[0] == '\0' ? FIELD_REQUIRED : FIELD_NOT_A_UUID);
    reply_field_errors(request, &field_errors);
    return false;
}

static void handle_position(struct request *request)
{
    struct uuid sale;
    if (places_read_sale(request, &sale)) {
        show(request, &sale);
    }
}

static void handle_position_of_sale(struct request *request)
{
    show(request, &request->parameters[0]);
}

const struct route places_routes[] = {
    {METHOD_GET, ROUTE_USER, "/api/v1/queue/position", handle_position, LIMIT_NONE, ROUTE_NO_BODY, "flashSaleId"},
    {METHOD_GET, ROUTE_USER, "/api/v1/flash-sales/:id/queue-position", handle_position_of_sale, LIMIT_NONE,
     ROUTE_NO_BODY, NULL},
    {0},
};
