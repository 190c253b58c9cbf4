/*
 * See fanout.h.
 */
#include "common/worker/fanout.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/protocol/keys.h"

/* Channels in one query: the arguments of a command, less PUBSUB and NUMSUB. */
enum { QUERY_CHANNELS_MAX = REDIS_ARGUMENTS_MAX - 2 };

struct fanout_item {
    const struct fanout_kind *kind;
    _Alignas(max_align_t) unsigned char bytes[FANOUT_ITEM_SIZE];
};

/* One query for subscribers, and the messages to publish. */
struct query {
    struct fanout *fanout;
    size_t count;
    char channels[QUERY_CHANNELS_MAX][KEYS_SIZE];
    struct fanout_item items[QUERY_CHANNELS_MAX];
};

struct fanout {
    struct redis *redis;
    struct jsonw *writer;
    struct query *open; /* the query to which channels are added; NULL: none */
};

struct fanout *fanout_new(struct redis *redis)
{
    struct fanout *fanout = calloc(1, sizeof *fanout);
    if (fanout == NULL) {
        return NULL;
    }
    fanout->redis = redis;
    fanout->writer = jsonw_new();
    if (fanout->writer == NULL) {
        fanout_free(fanout);
        return NULL;
    }
    return fanout;
}

void fanout_free(struct fanout *fanout)
{
    if (fanout == NULL) {
        return;
    }
    free(fanout->open);
    jsonw_free(fanout->writer);
    free(fanout);
}

bool fanout_publish(struct fanout *fanout, const char *channel, const struct fanout_kind *kind, const void *item)
{
    jsonw_reset(fanout->writer);
    kind->write(fanout->writer, item);
    const char *const arguments[] = {"PUBLISH", channel, jsonw_text(fanout->writer, NULL)};
    return arguments[2] != NULL && redis_command(fanout->redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL);
}

static void on_subscribers(const redisReply *reply, void *arg)
{
    struct query *query = arg;
    struct fanout *fanout = query->fanout;
    /* The reply holds a name and a number for each channel, in order. */
    bool ok = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 * query->count;
    for (size_t i = 0; ok && i < query->count; i++) {
        const redisReply *subscribers = reply->element[2 * i + 1];
        const struct fanout_item *item = &query->items[i];
        if (subscribers->type == REDIS_REPLY_INTEGER && subscribers->integer > 0 &&
            !fanout_publish(fanout, query->channels[i], item->kind, item->bytes)) {
            log_debug("a result was not published: Redis takes no more");
        }
    }
    free(query);
}

bool fanout_flush(struct fanout *fanout)
{
    struct query *query = fanout->open;
    const char *arguments[REDIS_ARGUMENTS_MAX] = {"PUBSUB", "NUMSUB"};
    if (query == NULL) {
        return true;
    }
    fanout->open = NULL;
    for (size_t i = 0; i < query->count; i++) {
        arguments[2 + i] = query->channels[i];
    }
    if (!redis_command(fanout->redis, on_subscribers, query, (int)(2 + query->count), arguments, NULL)) {
        free(query);
        return false;
    }
    return true;
}

bool fanout_add(struct fanout *fanout, const char *channel, const struct fanout_kind *kind, const void *item)
{
    assert(kind->size <= FANOUT_ITEM_SIZE);
    if (fanout->open != NULL && fanout->open->count == QUERY_CHANNELS_MAX && !fanout_flush(fanout)) {
        return false;
    }
    if (fanout->open == NULL) {
        fanout->open = malloc(sizeof *fanout->open); /* not zeroed: it is large, and each item is written completely */
        if (fanout->open == NULL) {
            return false;
        }
        fanout->open->fanout = fanout;
        fanout->open->count = 0;
    }
    struct query *query = fanout->open;
    (void)snprintf(query->channels[query->count], sizeof query->channels[query->count], "%s", channel);
    query->items[query->count].kind = kind;
    memcpy(query->items[query->count].bytes, item, kind->size);
    query->count++;
    return true;
}
