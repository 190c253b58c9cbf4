/*
 * See creation.h. A row of idempotency_keys without status is a reservation: its request is under way until
 * `held_until`. A row with a status below 300 is bound to its resource or act. 503 means that the resource may exist.
 */
#include "gateway/access/creation.h"

#include <assert.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "gateway/access/access.h"
#include "gateway/access/idempotency.h"
#include "gateway/access/key_header.h"
#include "gateway/http/reply.h"

enum {
    /* A reservation lasts until the request's deadline and so much longer; it only expires if the worker died. */
    RESERVATION_SPARE_MS = 1000,
    NUMBER_SIZE = 24,
};

#define KEY_LIFE "interval '24 hours'" /* the API's lifetime of idempotency keys; retention.c removes older rows */

enum { CREATION_RESERVE, CREATION_BIND, CREATION_RELEASE, CREATION_COUNT };

/* $1 user, $2 hash of the key */
static const struct pg_statement list[] = {
    /*
     * $3 resource, $4 reservation, $5 ms until it expires. Returns whether the key was reserved, whether it belonged to
     * the same request before (NULL: to none), and else whether a request is under way. An expired key is free. The
     * request of an expired reservation may have made its row, so only the same request gets it.
     */
    [CREATION_RESERVE] = {"creation_reserve",
                          "WITH mine AS (INSERT INTO idempotency_keys AS k"
                          "  (user_id, key_hash, resource_id, reservation, held_until)"
                          "  VALUES ($1, $2, $3, $4, now() + $5::bigint * interval '1 ms')"
                          "  ON CONFLICT (user_id, key_hash) DO UPDATE SET resource_id = excluded.resource_id,"
                          "   reservation = excluded.reservation, held_until = excluded.held_until, status = NULL,"
                          "   made_at = now()"
                          "  WHERE k.made_at < now() - " KEY_LIFE " OR (k.status IS NULL AND k.held_until < now()"
                          "   AND k.resource_id = excluded.resource_id) RETURNING 1)"
                          " SELECT EXISTS (SELECT FROM mine), k.resource_id = $3,"
                          "  k.user_id IS NULL OR (k.status IS NULL AND k.held_until >= now())"
                          " FROM (SELECT) one LEFT JOIN idempotency_keys k ON k.user_id = $1 AND k.key_hash = $2"},
    /* $3 reservation, $4 status */
    [CREATION_BIND] = {"creation_bind", "UPDATE idempotency_keys SET status = $4, made_at = now()"
                                        " WHERE user_id = $1 AND key_hash = $2 AND reservation = $3"},
    /* $3 reservation. A key that the statement of an act has bound stays bound. */
    [CREATION_RELEASE] = {"creation_release",
                          "DELETE FROM idempotency_keys"
                          " WHERE user_id = $1 AND key_hash = $2 AND reservation = $3 AND status IS NULL"},
};
static_assert(ARRAY_LEN(list) == CREATION_COUNT, "each statement has its entry");

struct statements creation_statements = {list, ARRAY_LEN(list), 0};

enum { COL_RESERVED, COL_SAME, COL_UNDER_WAY };

struct request_creation {
    struct creation shown;
    bool act;
    bool sent; /* the statement that adds the row was sent, and the row may exist */
    route_handler repeated;
    route_handler first;
    pg_callback answered; /* of that statement */
    char key_hash[IDEMPOTENCY_HASH_SIZE];
    char reservation[UUID_TEXT_SIZE];
};

const struct creation *creation_of(const struct request *request)
{
    return request->creation == NULL ? NULL : &request->creation->shown;
}

/* ---- the end of the request ---- */

static void on_settled(const struct pg_reply *reply, void *arg)
{
    if (reply->outcome == PG_FAILED) {
        log_warn("an idempotency key was not settled: %s %s", reply->sqlstate, reply->message);
    }
    reply_ended(arg);
}

/* After a refusal there is no row, and no act. After a failure there may be one: only the same request may be repeated
 * then. */
static void settle(struct request *request)
{
    const struct request_creation *creation = request->creation;
    bool made = request->status < 300;
    bool possible = request->status >= 500 && creation->sent;
    char user[UUID_TEXT_SIZE];
    char status[NUMBER_SIZE];
    const char *values[] = {user, creation->key_hash, creation->reservation, status};
    uuid_format(&request->user.id, user);
    (void)snprintf(status, sizeof(status), "%d", made ? request->status : 503);
    if (!statements_query(request->access->pg, &creation_statements,
                          made || possible ? CREATION_BIND : CREATION_RELEASE, made || possible ? 4 : 3, values,
                          on_settled, request)) {
        log_debug("an idempotency key was not settled: no connection to PostgreSQL");
        reply_ended(request);
    }
}

/* ---- its begin ---- */

/* The key belongs to another request, or to an earlier one that was the same. */
static void meet_known(struct request *request, const PGresult *result)
{
    request->ending = NULL;
    if (pg_bool(result, 0, COL_UNDER_WAY)) {
        reply_error(request, ERROR_IDEMPOTENCY_KEY_IN_USE);
    } else if (!pg_bool(result, 0, COL_SAME)) {
        reply_error(request, ERROR_IDEMPOTENCY_KEY_REUSED);
    } else {
        request->creation->repeated(request);
    }
}

static void on_reserved(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    const struct request_creation *creation = request->creation;
    if (reply->outcome != PG_OK) {
        request->ending = NULL; /* if it was reserved, it expires */
    }
    if (!statements_usable(request, reply)) {
        return;
    }
    if (!pg_bool(reply->result, 0, COL_RESERVED)) {
        meet_known(request, reply->result);
    } else if (!creation->act && !pg_null(reply->result, 0, COL_SAME) && pg_bool(reply->result, 0, COL_SAME)) {
        creation->repeated(request); /* its worker died, perhaps after the commit */
    } else {
        creation->first(request);
    }
}

static void reserve(struct request *request)
{
    struct request_creation *creation = request->creation;
    struct uuid own = uuid_new();
    char user[UUID_TEXT_SIZE];
    char resource[UUID_TEXT_SIZE];
    char life[NUMBER_SIZE];
    const char *values[] = {user, creation->key_hash, resource, creation->reservation, life};
    int64_t left_ms = request->deadline_ms - clock_boot_ms();
    uuid_format(&own, creation->reservation);
    uuid_format(&request->user.id, user);
    uuid_format(&creation->shown.id, resource);
    (void)snprintf(life, sizeof(life), "%" PRId64, (left_ms > 0 ? left_ms : 0) + RESERVATION_SPARE_MS);
    request->ending = settle;
    if (!statements_query(request->access->pg, &creation_statements, CREATION_RESERVE, ARRAY_LEN(values), values,
                          on_reserved, request)) {
        request->ending = NULL;
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* `act`: see struct request_creation. */
static void begin(struct request *request, bool act, const char *kind, const struct creation_content *content,
                  route_handler repeated, route_handler first)
{
    const struct deployment *deployment = request->access->deployment;
    struct request_creation *creation = calloc(1, sizeof(*creation));
    request->creation = creation;
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    if (creation == NULL || !deployment->known) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    *creation = (struct request_creation){.shown = {.id = uuid_new(), .keyed = content->key[0] != '\0'},
                                          .act = act,
                                          .repeated = repeated,
                                          .first = first};
    if (!creation->shown.keyed) {
        first(request);
        return;
    }
    creation->shown.id = idempotency_row_id(deployment->facts.idempotency, &request->user.id, kind, content->key,
                                            content->bytes, content->length);
    idempotency_key_hash(content->key, creation->key_hash);
    reserve(request);
}

void creation_begin_content(struct request *request, const char *kind, const struct creation_content *content,
                            route_handler repeated, route_handler first)
{
    begin(request, false, kind, content, repeated, first);
}

/* The content is the body's members in the order of the request, without spaces. */
void creation_begin(struct request *request, const char *kind, route_handler repeated, route_handler first)
{
    char key[IDEMPOTENCY_KEY_SIZE];
    struct creation_content content = {.key = key};
    if (!key_header_read(request, key)) {
        return;
    }
    struct jsonw *json = reply_json(request);
    jsonw_value(json, request->body);
    content.bytes = jsonw_text(json, &content.length);
    if (content.bytes == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    creation_begin_content(request, kind, &content, repeated, first);
}

void creation_begin_act(struct request *request, route_handler repeated, route_handler first)
{
    char key[IDEMPOTENCY_KEY_SIZE];
    struct creation_content content = {.key = key};
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    if (!key_header_read(request, key)) {
        return;
    }
    struct jsonw *json = reply_json(request);
    jsonw_array(json);
    jsonw_string(json, evhttp_request_get_uri(request->evreq));
    if (request->body != NULL) {
        jsonw_value(json, request->body);
    }
    jsonw_end_array(json);
    content.bytes = jsonw_text(json, &content.length);
    if (content.bytes == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    begin(request, true, request->route->pattern, &content, repeated, first);
}

void creation_hold(const struct request *request, const char *values[static CREATION_HOLD_VALUES])
{
    const struct request_creation *creation = request->creation;
    bool keyed = creation != NULL && creation->shown.keyed;
    values[0] = keyed ? creation->key_hash : NULL;
    values[1] = keyed ? creation->reservation : NULL;
}

/* ---- the row ---- */

/*
 * An error means that the transaction was rolled back. Only a session that the operator ends (class 57P) may have
 * committed it, while it waited for a standby server.
 */
static void on_answered(const struct pg_reply *reply, void *arg)
{
    const struct request *request = arg;
    struct request_creation *creation = request->creation;
    if (reply->outcome == PG_FAILED && strncmp(reply->sqlstate, "57P", 3) != 0) {
        creation->sent = false;
    }
    creation->answered(reply, arg);
}

bool creation_query(struct request *request, struct pg *pg, const struct statements *of, size_t statement, int count,
                    const char *const *values, pg_callback answered)
{
    struct request_creation *creation = request->creation;
    creation->answered = answered;
    bool sent = statements_query(pg, of, statement, count, values, on_answered, request);
    creation->sent |= sent;
    return sent;
}
