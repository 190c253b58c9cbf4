/*
 * See telling.h.
 */
#include "bidworker/fanout.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/protocol/keys.h"

/* Channels in one question: PUBSUB NUMSUB and as many as a command may have. */
enum { ASK_MAX = REDIS_ARGUMENTS_MAX - 2 };

struct piece {
    bool is_update;
    union {
        struct live_update update;
        struct decision decision;
    } of;
};

/* One question, and what is said to those who are there. */
struct round {
    struct telling *telling;
    size_t count;
    char channels[ASK_MAX][KEYS_SIZE];
    struct piece pieces[ASK_MAX];
};

struct telling {
    struct redis *redis;
    struct jsonw *writer;
    struct round *open; /* being collected; NULL: none */
};

struct telling *telling_new(struct redis *redis)
{
    struct telling *telling = calloc(1, sizeof *telling);
    if (telling == NULL) {
        return NULL;
    }
    telling->redis = redis;
    telling->writer = jsonw_new();
    if (telling->writer == NULL) {
        telling_free(telling);
        return NULL;
    }
    return telling;
}

void telling_free(struct telling *telling)
{
    if (telling == NULL) {
        return;
    }
    free(telling->open);
    jsonw_free(telling->writer);
    free(telling);
}

static void say_decision(struct telling *telling, const char *channel, const struct decision *decision)
{
    jsonw_reset(telling->writer);
    message_write_decision(telling->writer, decision);
    const char *const arguments[] = {"PUBLISH", channel, jsonw_text(telling->writer, NULL)};
    if (arguments[2] == NULL || !redis_command(telling->redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("a bidder was not told: Redis takes no more");
    }
}

static void on_asked(const redisReply *reply, void *arg)
{
    struct round *round = arg;
    struct telling *telling = round->telling;
    /* A name and a number for each channel, in their order. */
    bool good = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 * round->count;
    for (size_t i = 0; good && i < round->count; i++) {
        const redisReply *listeners = reply->element[2 * i + 1];
        const struct piece *piece = &round->pieces[i];
        if (listeners->type != REDIS_REPLY_INTEGER || listeners->integer == 0) {
            continue;
        }
        if (piece->is_update) {
            live_publish(telling->redis, telling->writer, &piece->of.update);
        } else {
            say_decision(telling, round->channels[i], &piece->of.decision);
        }
    }
    free(round);
}

bool telling_flush(struct telling *telling)
{
    struct round *round = telling->open;
    const char *arguments[REDIS_ARGUMENTS_MAX] = {"PUBSUB", "NUMSUB"};
    if (round == NULL) {
        return true;
    }
    telling->open = NULL;
    for (size_t i = 0; i < round->count; i++) {
        arguments[2 + i] = round->channels[i];
    }
    if (!redis_command(telling->redis, on_asked, round, (int)(2 + round->count), arguments, NULL)) {
        free(round);
        return false;
    }
    return true;
}

/* The next piece to fill; NULL if there is no memory, or no room because Redis takes no more. */
static struct piece *next(struct telling *telling, char **channel)
{
    if (telling->open != NULL && telling->open->count == ASK_MAX && !telling_flush(telling)) {
        return NULL;
    }
    if (telling->open == NULL) {
        telling->open = malloc(sizeof *telling->open); /* large, and each piece is filled whole */
        if (telling->open == NULL) {
            return NULL;
        }
        telling->open->telling = telling;
        telling->open->count = 0;
    }
    struct round *round = telling->open;
    *channel = round->channels[round->count];
    return &round->pieces[round->count++];
}

bool fanout_update(struct telling *telling, const struct live_update *update)
{
    char *channel = NULL;
    struct piece *piece = next(telling, &channel);
    if (piece == NULL) {
        return false;
    }
    keys_live_channel(&update->auction_id, channel);
    *piece = (struct piece){.is_update = true, .of.update = *update};
    return true;
}

bool telling_decision(struct telling *telling, const struct decision *decision)
{
    char *channel = NULL;
    struct piece *piece = next(telling, &channel);
    if (piece == NULL) {
        return false;
    }
    keys_user_channel(&decision->user_id, channel);
    *piece = (struct piece){.is_update = false, .of.decision = *decision};
    return true;
}
