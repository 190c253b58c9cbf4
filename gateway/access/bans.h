/*
 * The mark of a ban in Redis, which every request that needs a user looks at (admission.c). PostgreSQL is the truth;
 * a Redis that was emptied is told again of those whose access tokens may still live.
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

/* Sets or clears the mark; any reply but NULL is good. False: Redis is not there. */
MUST_CHECK bool bans_mark(struct redis *redis, const struct uuid *user, bool banned, redis_callback callback,
                          void *arg);
/* Redis or PostgreSQL has come up: marks again whoever was banned within the life of an access token. */
void bans_restore(struct access *access);

#endif
