/*
 * See telling.h.
 */
#include "bidworker/fanout.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/protocol/keys.h"

/* Channels in one question: PUBSUB NUMSUB and as many as a command may have. */
enum { ASK_MAX = REDIS_ARGUMENTS_MAX - 2 };

struct fanout_item {
    bool is_update;
    union {
        struct live_update update;
        struct decision decision;
    } of;
};

/* One question, and what is said to those who are there. */
struct round {
    struct fanout *fanout;
    size_t count;
    char channels[ASK_MAX][KEYS_SIZE];
    struct fanout_item items[ASK_MAX];
};

struct fanout {
    struct redis *redis;
    struct jsonw *writer;
    struct round *open; /* being collected; NULL: none */
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

static void say_decision(struct fanout *fanout, const char *channel, const struct decision *decision)
{
    jsonw_reset(fanout->writer);
    message_write_decision(fanout->writer, decision);
    const char *const arguments[] = {"PUBLISH", channel, jsonw_text(fanout->writer, NULL)};
    if (arguments[2] == NULL || !redis_command(fanout->redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("a bidder was not told: Redis takes no more");
    }
}

static void on_asked(const redisReply *reply, void *arg)
{
    struct round *round = arg;
    struct fanout *fanout = round->fanout;
    /* A name and a number for each channel, in their order. */
    bool ok = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 * round->count;
    for (size_t i = 0; ok && i < round->count; i++) {
        const redisReply *listeners = reply->element[2 * i + 1];
        const struct fanout_item *item = &round->items[i];
        if (listeners->type != REDIS_REPLY_INTEGER || listeners->integer == 0) {
            continue;
        }
        if (item->is_update) {
            live_publish(fanout->redis, fanout->writer, &item->of.update);
        } else {
            say_decision(fanout, round->channels[i], &item->of.decision);
        }
    }
    free(round);
}

bool fanout_flush(struct fanout *fanout)
{
    struct round *round = fanout->open;
    const char *arguments[REDIS_ARGUMENTS_MAX] = {"PUBSUB", "NUMSUB"};
    if (round == NULL) {
        return true;
    }
    fanout->open = NULL;
    for (size_t i = 0; i < round->count; i++) {
        arguments[2 + i] = round->channels[i];
    }
    if (!redis_command(fanout->redis, on_asked, round, (int)(2 + round->count), arguments, NULL)) {
        free(round);
        return false;
    }
    return true;
}

/* The next piece to fill; NULL if there is no memory, or no room because Redis takes no more. */
static struct fanout_item *next(struct fanout *fanout, char **channel)
{
    if (fanout->open != NULL && fanout->open->count == ASK_MAX && !fanout_flush(fanout)) {
        return NULL;
    }
    if (fanout->open == NULL) {
        fanout->open = malloc(sizeof *fanout->open); /* large, and each piece is filled whole */
        if (fanout->open == NULL) {
            return NULL;
        }
        fanout->open->fanout = fanout;
        fanout->open->count = 0;
    }
    struct round *round = fanout->open;
    *channel = round->channels[round->count];
    return &round->items[round->count++];
}

bool fanout_update(struct fanout *fanout, const struct live_update *update)
{
    char *channel = NULL;
    struct fanout_item *item = next(fanout, &channel);
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
    struct fanout_item *item = next(fanout, &channel);
    if (item == NULL) {
        return false;
    }
    keys_user_channel(&decision->user_id, channel);
    *item = (struct fanout_item){.is_update = false, .of.decision = *decision};
    return true;
}
