/*
 * See known_sessions.h.
 */
#include "gateway/access/known_sessions.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct known_sessions {
    uint64_t tags[KNOWN_SESSIONS_SLOTS]; /* 0: free */
};

/* The first 64 bits of the session's name, the hash of its token, so that nobody can choose them. "": 0. */
static uint64_t tag_of(const struct request_user *user)
{
    enum { DIGITS = 16, HEX = 16 };
    char digits[DIGITS + 1] = "";
    static_assert(sizeof user->session > DIGITS, "the name has so many digits");
    memcpy(digits, user->session, DIGITS);
    return strtoull(digits, NULL, HEX);
}

struct known_sessions *known_sessions_new(void)
{
    return calloc(1, sizeof(struct known_sessions));
}

void known_sessions_free(struct known_sessions *sessions)
{
    free(sessions);
}

bool known_sessions_has(const struct known_sessions *sessions, const struct request_user *user)
{
    uint64_t tag = tag_of(user);
    return tag != 0 && sessions->tags[tag % KNOWN_SESSIONS_SLOTS] == tag;
}

void known_sessions_add(struct known_sessions *sessions, const struct request_user *user)
{
    uint64_t tag = tag_of(user);
    sessions->tags[tag % KNOWN_SESSIONS_SLOTS] = tag;
}

void known_sessions_remove(struct known_sessions *sessions, const struct request_user *user)
{
    if (known_sessions_has(sessions, user)) {
        sessions->tags[tag_of(user) % KNOWN_SESSIONS_SLOTS] = 0;
    }
}
