/*
 * See push.h.
 */
#include "notifyworker/push.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/protocol/message.h"

enum {
    PENDING_MAX = 65536, /* commands; further signals are dropped */
    PAIR = 2 * UUID_TEXT_SIZE,
    NOTES_MAX = 65536, /* of one transaction; further ones are dropped */
    NOTES_FIRST = 64,  /* initial size, doubling */
};

struct note {
    struct uuid user;
    struct uuid id;
};

struct push {
    struct redis *redis;
    struct jsonw *writer;
    struct note *notes;
    size_t count;
    size_t size;
};

struct push *push_new(struct event_base *base, const struct config *config)
{
    struct push *push = calloc(1, sizeof(*push));
    const struct redis_options options = {
        .base = base,
        .url = config->redis_url,
        .timeout_ms = config->redis_timeout_ms,
        .pending_max = PENDING_MAX,
    };
    if (push == NULL) {
        return NULL;
    }
    push->writer = jsonw_new();
    push->redis = redis_new(&options);
    if (push->writer == NULL || push->redis == NULL) {
        push_free(push);
        return NULL;
    }
    return push;
}

void push_free(struct push *push)
{
    if (push != NULL) {
        redis_free(push->redis);
        jsonw_free(push->writer);
        free(push->notes);
        free(push);
    }
}

static bool reserve(struct push *push)
{
    if (push->count < push->size) {
        return true;
    }
    size_t size = push->size == 0 ? NOTES_FIRST : push->size * 2;
    struct note *grown = size > NOTES_MAX ? NULL : realloc(push->notes, size * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    push->notes = grown;
    push->size = size;
    return true;
}

void push_add(struct push *push, const char *column)
{
    size_t left = strlen(column);
    /* All pairs have the same length; no space follows the last one. */
    while (left + 1 >= PAIR && reserve(push)) {
        struct note *note = &push->notes[push->count];
        if (!uuid_parse(column, UUID_TEXT_SIZE - 1, &note->user) ||
            !uuid_parse(column + UUID_TEXT_SIZE, UUID_TEXT_SIZE - 1, &note->id)) {
            log_error("notification ids from PostgreSQL cannot be parsed");
            return;
        }
        push->count++;
        column += left < PAIR ? left : PAIR;
        left -= left < PAIR ? left : PAIR;
    }
}

static bool publish_signal(struct push *push, const struct note *note)
{
    char channel[KEYS_SIZE];
    const struct user_signal user_signal = {.kind = USER_SIGNAL_NOTICE, .id = note->id};
    keys_user_channel(&note->user, channel);
    jsonw_reset(push->writer);
    message_write_user_signal(push->writer, &user_signal);
    const char *const arguments[] = {"PUBLISH", channel, jsonw_text(push->writer, NULL)};
    return arguments[2] != NULL && redis_command(push->redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL);
}

void push_send(struct push *push)
{
    for (size_t i = 0; i < push->count && publish_signal(push, &push->notes[i]); i++) {
    }
    push->count = 0;
}

void push_forget(struct push *push)
{
    push->count = 0;
}
