/*
 * See copies.h. credentials.c writes the copies.
 */
#include "gateway/access/copies.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "gateway/access/access.h"

enum { MS_PER_S = 1000, DECIMAL = 10 };

bool copies_ask(const struct access *access, const struct request_user *user, redis_callback answered, void *arg)
{
    char session[KEYS_SIZE];
    char state[KEYS_SIZE];
    const char *const arguments[] = {"MGET", session, state};
    keys_session(&user->id, user->session, session);
    keys_user(access->deployment->epoch.number, &user->id, state);
    return redis_command(access->redis, answered, arg, ARRAY_LEN(arguments), arguments, NULL);
}

/* Reads a number that `end` follows, and moves behind that. False: something else is there. */
static bool take_number(const char **at, char end, int64_t *number)
{
    char *rest = NULL;
    if (**at < '0' || **at > '9') {
        return false;
    }
    *number = strtoll(*at, &rest, DECIMAL);
    if (*rest != end) {
        return false;
    }
    *at = rest + 1;
    return true;
}

/* "epoch role banned" of a user who is not banned. */
static bool take_user(const char *text, struct copies *copies)
{
    static const char admin[] = "admin 0";
    static const char user[] = "user 0";
    if (!take_number(&text, ' ', &copies->epoch)) {
        return false;
    }
    copies->admin = strcmp(text, admin) == 0;
    return copies->admin || strcmp(text, user) == 0;
}

static const char *text_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? reply->str : "";
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
        !take_user(text_of(reply->element[1]), copies)) {
        return false;
    }
    const char *session = text_of(reply->element[0]);
    if (!take_number(&session, ' ', &epoch) || !take_number(&session, ' ', &from_ms) ||
        !take_number(&session, ' ', &copies->ends_ms) || !take_number(&session, '\0', &copied_ms)) {
        return false;
    }
    bool of_user = epoch == copies->epoch && (user->via != REQUEST_BY_ACCESS_TOKEN || user->epoch == epoch);
    return of_user && from_ms == access->deployment->epoch.sessions_from_ms && copies->ends_ms > now_ms &&
           now_ms - copied_ms < age_max_ms;
}
