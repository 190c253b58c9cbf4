/*
 * See creation.h. A reservation is the text "open:" and an id of its own. So it differs from the reservation of another
 * request, and from a bound key, which is the id of a row.
 */
#include "gateway/access/creation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "gateway/access/access.h"
#include "gateway/access/idempotency.h"
#include "gateway/access/key_header.h"
#include "gateway/core/scripts.h"
#include "gateway/http/reply.h"

#define OPEN "open:"

enum {
    KEY_LIFE_S = 86400, /* the API's lifetime of idempotency keys */
    /*
     * A reservation lasts until the request's deadline, and so much longer for statements that were sent before it. It
     * only expires if the worker died: else the end of the request settles it.
     */
    RESERVATION_SPARE_S = 60,
    RESERVATION_SIZE = sizeof(OPEN) - 1 + UUID_TEXT_SIZE,
    NUMBER_SIZE = 24,
};

struct request_creation {
    struct creation shown;
    bool sent; /* the statement that adds the row was sent, and the row may exist */
    route_handler repeated;
    route_handler first;
    pg_callback answered; /* of that statement */
    char key_hash[IDEMPOTENCY_HASH_SIZE];
    char reservation[RESERVATION_SIZE];
};

/*
 * Settles a reservation. KEYS: the key. ARGV: 1 the reservation, 2 the id of the row, or '' if there is none, 3 seconds
 * for which the key is bound to it. A key that meanwhile belongs to another request is left alone.
 */
const struct redis_script creation_script = {"creation", "local value = redis.call('GET', KEYS[1])\n"
                                                         "if value and value ~= ARGV[1] then return 0 end\n"
                                                         "if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end\n"
                                                         "redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])\n"
                                                         "return 1\n"};

const struct creation *creation_of(const struct request *request)
{
    return request->creation == NULL ? NULL : &request->creation->shown;
}

/* ---- the end of the request ---- */

static void on_settled(const redisReply *reply, void *arg)
{
    (void)reply;
    reply_ended(arg);
}

/* After a refusal there is no row. After a failure there may be one: only the same request may be repeated then. */
static void settle(struct request *request)
{
    const struct request_creation *creation = request->creation;
    bool made = request->status < 300 || (request->status >= 500 && creation->sent);
    char key[KEYS_SIZE];
    char id[UUID_TEXT_SIZE] = "";
    char life[NUMBER_SIZE];
    const char *arguments[] = {key, creation->reservation, id, life};
    keys_idempotency(&request->user.id, creation->key_hash, key);
    (void)snprintf(life, sizeof(life), "%d", KEY_LIFE_S);
    if (made) {
        uuid_format(&creation->shown.id, id);
    }
    if (!redis_call(request->access->redis, GATEWAY_SCRIPT_CREATION, on_settled, request, 1, ARRAY_LEN(arguments),
                    arguments, NULL)) {
        log_debug("an idempotency key was not settled: no connection to Redis");
        reply_ended(request);
    }
}

/* ---- its begin ---- */

/* `id`: of the row that the request names. ERROR_COUNT: the key is bound to it. */
static enum error_code key_refusal(const char *value, const char *id)
{
    if (strncmp(value, OPEN, sizeof(OPEN) - 1) == 0) {
        return ERROR_IDEMPOTENCY_KEY_IN_USE;
    }
    return strcmp(value, id) == 0 ? ERROR_COUNT : ERROR_IDEMPOTENCY_KEY_REUSED;
}

static void on_reserved(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    const struct request_creation *creation = request->creation;
    char id[UUID_TEXT_SIZE];
    uuid_format(&creation->shown.id, id);
    if (request_answered(request)) {
        reply_end(request);
    } else if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        creation->first(request);
    } else {
        enum error_code code = key_refusal(reply->str, id);
        request->ending = NULL; /* the key belongs to another request */
        if (code == ERROR_COUNT) {
            creation->repeated(request);
        } else {
            reply_error(request, code);
        }
    }
}

static void reserve(struct request *request)
{
    struct request_creation *creation = request->creation;
    struct uuid own = uuid_new();
    char key[KEYS_SIZE];
    char text[UUID_TEXT_SIZE];
    char life[NUMBER_SIZE];
    const char *arguments[] = {"SET", key, creation->reservation, "NX", "GET", "PX", life};
    int64_t left_ms = request->deadline_ms - clock_boot_ms();
    uuid_format(&own, text);
    (void)snprintf(creation->reservation, sizeof(creation->reservation), OPEN "%s", text);
    (void)snprintf(life, sizeof(life), "%" PRId64, (left_ms > 0 ? left_ms : 0) + INT64_C(1000) * RESERVATION_SPARE_S);
    keys_idempotency(&request->user.id, creation->key_hash, key);
    request->ending = settle;
    if (!redis_command(request->access->redis, on_reserved, request, ARRAY_LEN(arguments), arguments, NULL)) {
        creation->first(request);
    }
}

void creation_begin_content(struct request *request, const char *kind, const struct creation_content *content,
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
    *creation = (struct request_creation){
        .shown = {.id = uuid_new(), .keyed = content->key[0] != '\0'}, .repeated = repeated, .first = first};
    if (!creation->shown.keyed) {
        first(request);
        return;
    }
    creation->shown.id = idempotency_row_id(deployment->facts.idempotency, &request->user.id, kind, content->key,
                                            content->bytes, content->length);
    idempotency_key_hash(content->key, creation->key_hash);
    reserve(request);
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
