/*
 * The state of a user and of a session: facts in PostgreSQL, copied to Redis. A session or access token is valid while
 * its session exists, and while the epochs of user and deployment equal those with which it began.
 *
 * A missing copy is loaded once from PostgreSQL. A copy of a session that is older than credentials_age_s is loaded
 * again beside the request that found it. So a copy that Redis kept by mistake is soon corrected.
 *
 * Callers: admission.c, sessions.c, admin.c, accounts.c, recovery.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_CREDENTIALS_H
#define ROSTRUM_GATEWAY_ACCESS_CREDENTIALS_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/io/redis.h"
#include "gateway/http/request.h"
#include "gateway/query/statements.h"

struct access;

extern struct statements credentials_statements;
extern const struct redis_script credentials_script;

/* Columns of a user's state for a SELECT or RETURNING on users; consecutive, read by credentials_user. */
#define CREDENTIALS_USER_COLUMNS(u) u "id, " u "epoch, " u "role = 'admin', " u "banned_at IS NOT NULL"
enum { CREDENTIALS_USER_COLUMN_COUNT = 4 };

struct credentials_user {
    struct uuid id;
    int64_t epoch;
    bool admin;
    bool banned;
};

/* Columns of a session's state; consecutive, read by credentials_session. */
#define CREDENTIALS_SESSION_COLUMNS(s)                                                                                 \
    s "epoch, (extract(epoch FROM " s "sessions_from) * 1000)::bigint,"                                                \
      " (extract(epoch FROM " s "expires_at) * 1000)::bigint"
enum { CREDENTIALS_SESSION_COLUMN_COUNT = 3 };

struct credentials_session {
    char hash[REQUEST_SESSION_SIZE];
    int64_t epoch;   /* of the user, when it began */
    int64_t from_ms; /* of the deployment, likewise: sessions_from of its epoch */
    int64_t ends_ms;
};

struct credentials_user credentials_user(const PGresult *result, int row, int column);
/* The caller sets the hash. */
struct credentials_session credentials_session(const PGresult *result, int row, int column);

/*
 * Copies the state of a user, and of a session if it is not NULL, to Redis. A copy of a newer epoch stays. The reply is
 * an integer; `callback` may be NULL. False: no connection to Redis.
 */
MUST_CHECK bool credentials_store(const struct access *access, const struct credentials_user *user,
                                  const struct credentials_session *session, redis_callback callback, void *arg);
/* Marks a session in Redis as ended, for as long as its access tokens may last. Reply and result as above. */
MUST_CHECK bool credentials_mark_ended(const struct access *access, const struct uuid *user, const char *hash,
                                       redis_callback callback, void *arg);

enum credentials_verdict {
    CREDENTIALS_UNKNOWN, /* PostgreSQL could not answer */
    CREDENTIALS_VALID,
    CREDENTIALS_ENDED,
    CREDENTIALS_BANNED,
};

struct credentials {
    enum credentials_verdict verdict;
    bool admin;
    int64_t epoch; /* of the user; 0 if unknown or ended */
    int64_t ends_ms;
};

typedef void (*credentials_loaded)(const struct credentials *credentials, void *arg);
/*
 * Reads user and session of these credentials from PostgreSQL, copies them to Redis and calls `loaded`, which may be
 * NULL. False: no connection to PostgreSQL, or no memory; `loaded` is not called.
 */
MUST_CHECK bool credentials_load(const struct access *access, const struct request_user *user,
                                 credentials_loaded loaded, void *arg);

#endif
