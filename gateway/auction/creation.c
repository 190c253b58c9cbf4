/*
 * See creation.h. The key is stored once the row exists, so that a refused request does not use it up.
 */
#include "gateway/auction/creation.h"

#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "gateway/bid/key_header.h"
#include "gateway/http/reply.h"

#define KEY_LIFE_S "86400" /* the API's lifetime of idempotency keys */

const struct creation *creation_of(const struct request *request)
{
    return request->handler_state;
}

static void on_remembered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    const struct creation *creation = request->handler_state;
    char id[UUID_TEXT_SIZE];
    uuid_format(&creation->id, id);
    if (request_answered(request)) {
        reply_end(request);
    } else if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        creation->first(request);
    } else if (strcmp(reply->str, id) == 0) {
        creation->repeated(request);
    } else {
        reply_error(request, ERROR_IDEMPOTENCY_KEY_REUSED);
    }
}

static void ask(struct request *request)
{
    const struct creation *creation = request->handler_state;
    char key[KEYS_SIZE];
    const char *arguments[] = {"GET", key};
    keys_idempotency(&request->user.id, creation->key_hash, key);
    if (!redis_command(creation->context->redis, on_remembered, request, ARRAY_LEN(arguments), arguments, NULL)) {
        creation->first(request);
    }
}

/* The body's members in the order of the request, without spaces. False without memory. */
static bool choose_id(struct request *request, struct creation *creation, const char *kind, const char *key)
{
    struct jsonw *json = reply_json(request);
    size_t length = 0;
    jsonw_value(json, request->body);
    const char *body = jsonw_text(json, &length);
    if (body == NULL) {
        return false;
    }
    creation->id = idempotency_row_id(creation->context->deployment->facts.idempotency, &request->user.id, kind, key,
                                      body, length);
    idempotency_key_hash(key, creation->key_hash);
    return true;
}

void creation_begin(const struct creation_context *context, struct request *request, const char *kind,
                    route_handler repeated, route_handler first)
{
    char key[IDEMPOTENCY_KEY_SIZE];
    if (!key_header_read(request, key)) {
        return;
    }
    struct creation *creation = request_handler_state(request, sizeof(*creation));
    if (creation == NULL || !context->deployment->known) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    *creation = (struct creation){
        .id = uuid_new(), .keyed = key[0] != '\0', .context = context, .repeated = repeated, .first = first};
    if (!creation->keyed) {
        first(request);
    } else if (choose_id(request, creation, kind, key)) {
        ask(request);
    } else {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

void creation_done(struct request *request)
{
    const struct creation *creation = request->handler_state;
    char key[KEYS_SIZE];
    char id[UUID_TEXT_SIZE];
    const char *arguments[] = {"SET", key, id, "EX", KEY_LIFE_S};
    if (!creation->keyed) {
        return;
    }
    keys_idempotency(&request->user.id, creation->key_hash, key);
    uuid_format(&creation->id, id);
    if (!redis_command(creation->context->redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("an idempotency key was not stored: no connection to Redis");
    }
}
