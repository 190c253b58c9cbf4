/*
 * See fanout.h.
 */
#include "bidworker/fanout.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/protocol/keys.h"

/* Channels in one query: the arguments of a command, less PUBSUB and NUMSUB. */
enum { QUERY_CHANNELS_MAX = REDIS_ARGUMENTS_MAX - 2 };

struct fanout_item {
    bool is_update;
    union {
        struct live_update update;
        struct decision decision;
    } of;
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

static void publish_decision(struct fanout *fanout, const char *channel, const struct decision *decision)
{
    jsonw_reset(fanout->writer);
    message_write_decision(fanout->writer, decision);
    const char *const arguments[] = {"PUBLISH", channel, jsonw_text(fanout->writer, NULL)};
    if (arguments[2] == NULL || !redis_command(fanout->redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("a decision was not published: Redis takes no more");
    }
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
        if (subscribers->type != REDIS_REPLY_INTEGER || subscribers->integer == 0) {
            continue;
        }
        if (item->is_update) {
            live_publish(fanout->redis, fanout->writer, &item->of.update);
        } else {
            publish_decision(fanout, query->channels[i], &item->of.decision);
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

/* Appends an item to the open query; NULL: no memory, or Redis takes no more. */
static struct fanout_item *append_item(struct fanout *fanout, char **channel)
{
    if (fanout->open != NULL && fanout->open->count == QUERY_CHANNELS_MAX && !fanout_flush(fanout)) {
        return NULL;
    }
    if (fanout->open == NULL) {
        fanout->open = malloc(sizeof *fanout->open); /* not zeroed: it is large, and each item is written completely */
        if (fanout->open == NULL) {
            return NULL;
        }
        fanout->open->fanout = fanout;
        fanout->open->count = 0;
    }
    struct query *query = fanout->open;
    *channel = query->channels[query->count];
    return &query->items[query->count++];
}

bool fanout_update(struct fanout *fanout, const struct live_update *update)
{
    char *channel = NULL;
    struct fanout_item *item = append_item(fanout, &channel);
    if (item == NULL) {
        return false;
    }
    keys_live_channel(&update->auction_id, channel);
    *item = (struct fanout_item){.is_update = true, .of.update = *update};
    return true;
}

bool fanout_decision(struct fanout *fanout, const struct decision *decision)
{
    char *channel = NULL;
    struct fanout_item *item = append_item(fanout, &channel);
    if (item == NULL) {
        return false;
    }
    keys_user_channel(&decision->user_id, channel);
    *item = (struct fanout_item){.is_update = false, .of.decision = *decision};
    return true;
}
