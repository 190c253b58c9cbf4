/*
 * The scripts of admission.c, their calls, and what they find out. Each uses keys of one user only.
 *
 * Callers: admission.c, admission_plain.c. components.c loads the scripts.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_ADMISSION_CALL_H
#define ROSTRUM_GATEWAY_ACCESS_ADMISSION_CALL_H

#include "common/io/redis.h"
#include "gateway/access/limits.h"
#include "gateway/http/request.h"

struct access;

enum admission_verdict {
    ADMISSION_GRANTED,
    ADMISSION_UNCHECKED,  /* nobody can say: an access token is accepted, except by routes for admins; a session is not
                           */
    ADMISSION_NO_SESSION, /* 401 */
    ADMISSION_BANNED,     /* 403 */
    ADMISSION_LIMITED,    /* 429 */
    ADMISSION_KEY_REUSED, /* 422: the key belongs to another bid */
    ADMISSION_KNOWN,      /* a repetition of the same bid: see `state` */
    ADMISSION_MISSING,    /* Redis lacks session or user: see admission_reload; after that as ADMISSION_UNCHECKED */
};

struct admission {
    enum admission_verdict verdict;
    struct limits_state limit;
    bool admin;
    int64_t epoch;       /* of the user; 0: unknown */
    int64_t ends_ms;     /* end of the session; 0: unknown */
    char state;          /* ADMISSION_KNOWN: a, p or d */
    const char *pending; /* ADMISSION_KNOWN: its JSON while pending; points into the reply */
};

struct admission_bid {
    struct uuid id;       /* with a key: a hash of the key and the request */
    const char *key_hash; /* of its idempotency key; NULL: it has none. Must live until the request ends */
    const char *pending;  /* its JSON while it is pending */
};

enum { ADMISSION_BID_LIFE_S = 24 * 3600 }; /* of an entry and a key; the API's lifetime of idempotency keys */

extern const struct redis_script admission_script;
extern const struct redis_script admission_mark_script;

/* Checks session, ban and limit; `bid` is stored if it is admitted, and may be NULL. False: no connection to Redis. */
MUST_CHECK bool admission_call(const struct access *access, const struct request_user *user, enum limit limit,
                               const struct admission_bid *bid, redis_callback answered, void *arg);
/* Sets the state of an admitted bid's entry; "": deletes it and its key. `key_hash` and `done` may be NULL. */
bool admission_call_mark(const struct request *request, const struct uuid *bid, const char *key_hash, const char *state,
                         redis_callback done, void *arg);

#endif
