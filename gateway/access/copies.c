/*
 * See copies.h. credentials.c writes the copies.
 */
#include "gateway/access/copies.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/words.h"
#include "common/protocol/keys.h"
#include "gateway/access/access.h"

enum { MS_PER_S = 1000, ROLE_SIZE = 8 };

bool copies_ask(const struct access *access, const struct request_user *user, redis_callback answered, void *arg)
{
    char session[KEYS_SIZE];
    char state[KEYS_SIZE];
    const char *const arguments[] = {"MGET", session, state};
    keys_session(&user->id, user->session, session);
    keys_user(access->deployment->epoch.number, &user->id, state);
    return redis_command(access->redis, answered, arg, ARRAY_LEN(arguments), arguments, NULL);
}

static struct words words_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? (struct words){reply->str, reply->str + reply->len}
                                             : (struct words){"", ""};
}

/* "epoch role banned" of a user who is not banned. */
static bool read_user(struct words words, struct copies *copies)
{
    char role[ROLE_SIZE];
    int64_t banned = 0;
    if (!words_number(&words, &copies->epoch) || !words_text(&words, role, sizeof(role)) ||
        !words_number(&words, &banned)) {
        return false;
    }
    copies->admin = strcmp(role, "admin") == 0;
    return banned == 0;
}

bool copies_allow(const struct access *access, const struct request_user *user, const redisReply *reply,
                  struct copies *copies)
{
    int64_t epoch = 0;
    int64_t from_ms = 0;
    int64_t copied_ms = 0;
    int64_t now_ms = clock_now_ms();
    int64_t age_max_ms = (int64_t)access->config->credentials_age_s * MS_PER_S;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        !read_user(words_of(reply->element[1]), copies)) {
        return false;
    }
    struct words session = words_of(reply->element[0]);
    if (!words_number(&session, &epoch) || !words_number(&session, &from_ms) ||
        !words_number(&session, &copies->ends_ms) || !words_number(&session, &copied_ms)) {
        return false;
    }
    bool of_user = epoch == copies->epoch && (user->via != REQUEST_BY_ACCESS_TOKEN || user->epoch == epoch);
    return of_user && from_ms == access->deployment->epoch.sessions_from_ms && copies->ends_ms > now_ms &&
           now_ms - copied_ms < age_max_ms;
}
