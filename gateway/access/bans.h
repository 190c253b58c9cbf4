/*
 * The Redis key that marks a banned user. admission.c reads it for every request that needs a user. PostgreSQL is the
 * system of record: after a loss of Redis's data, the keys of users whose access tokens may be valid are restored.
 *
 * Callers: admin.c, components.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_BANS_H
#define ROSTRUM_GATEWAY_ACCESS_BANS_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/io/redis.h"
#include "gateway/query/statements.h"

struct access;

extern struct statements bans_statements;

/* Sets or deletes the key. The reply is NULL on failure. False: no connection to Redis. */
MUST_CHECK bool bans_mark(const struct access *access, const struct uuid *user, bool banned, redis_callback callback,
                          void *arg);
/*
 * Restores the keys of the users banned within the lifetime of an access token. Call it whenever Redis or PostgreSQL
 * connects.
 */
void bans_restore(struct access *access);

#endif
