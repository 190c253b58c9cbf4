/*
 * Admission by plain commands instead of the script, in one round trip. MGET reads session and user; with a limit, INCR
 * and PTTL of its count go before it. SET of a bid's entry follows. Redis needs about a third of the script's time.
 *
 * For requests without an idempotency key, and without a limit or of a session that this worker knows
 * (known_sessions.h). Whatever the copies do not allow is given back and asked of the script, which says why not.
 * Caller: admission.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_ADMISSION_PLAIN_H
#define ROSTRUM_GATEWAY_ACCESS_ADMISSION_PLAIN_H

#include "gateway/access/admission_call.h"

/* Whether plain commands can admit the request. `bid` may be NULL. */
bool admission_plain_suits(const struct request *request, const struct admission_bid *bid);
/* As admission_ask. An admission that is not the script's is in request->admitted while `answered` runs. */
MUST_CHECK bool admission_plain_ask(struct request *request, const struct admission_bid *bid, redis_callback answered,
                                    void *arg);

#endif
