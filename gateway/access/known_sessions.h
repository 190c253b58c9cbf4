/*
 * The sessions that this worker has lately found valid. Only their requests are counted by a limit together with the
 * check of the session, and the count is given back if the session has ended since. A session that is not known here is
 * checked before it is counted. So who holds an ended session cannot use up the limit of its user. Only requests that
 * are under way when its end is found are counted, for a round trip to Redis.
 *
 * A table of fixed size; a session may displace another one, which is then checked first again. Caller: admission.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_KNOWN_SESSIONS_H
#define ROSTRUM_GATEWAY_ACCESS_KNOWN_SESSIONS_H

#include "gateway/http/request.h"

enum { KNOWN_SESSIONS_SLOTS = 16384 }; /* 128 KiB a worker */

struct known_sessions;

/* NULL without memory. */
MUST_CHECK struct known_sessions *known_sessions_new(void);
void known_sessions_free(struct known_sessions *sessions);
bool known_sessions_has(const struct known_sessions *sessions, const struct request_user *user);
void known_sessions_add(struct known_sessions *sessions, const struct request_user *user);
void known_sessions_remove(struct known_sessions *sessions, const struct request_user *user);

#endif
