/*
 * Checks whether a user may make a request now. One script on the user's Redis keys checks session, epochs, ban and
 * limit. A request without limit and idempotency key mostly needs no script (copies.h). For a bid it also checks the
 * idempotency key and stores an entry bid:{user}:<id>. From then on the bid is shown as pending and its key, if any,
 * belongs to it. What Redis lacks of session and user is loaded once from PostgreSQL (credentials.h). Without Redis
 * PostgreSQL is asked, except for bids and reads that guests may make.
 *
 * An entry has one of these states:
 *   a  admitted; it may not have reached the broker yet. A repetition with the same key is published again.
 *   p  pending: the broker has confirmed it. Set only for bids with an idempotency key.
 *   d  decided; the bid worker sets it.
 *
 * Callers: dispatch.c, command_request.c, presence.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_ADMISSION_H
#define ROSTRUM_GATEWAY_ACCESS_ADMISSION_H

#include "gateway/access/admission_call.h"
#include "gateway/http/request.h"

/* Checks a request of a route that needs a user. Calls `then` if it is admitted, else ENDS the request. */
void admission_user(struct request *request, route_handler then);
/* Checks a bid; `answered` passes its reply to admission_read. False: no connection to Redis; it is not called. */
MUST_CHECK bool admission_ask(struct request *request, const struct admission_bid *bid, redis_callback answered,
                              void *arg);
/* Parses the reply of admission_ask; NULL or any other reply is ADMISSION_UNCHECKED. */
struct admission admission_read(struct request *request, const redisReply *reply);
/*
 * True: Redis lacks session or user. They are loaded from PostgreSQL once, then `again` is called and asks again, or
 * the request is ENDED with 401 or 403. False: the verdict is another one, or they cannot be loaded.
 */
MUST_CHECK bool admission_reload(struct request *request, const struct admission *admission, route_handler again);
/*
 * Called once, from the loop or before admission_check returns: GRANTED, UNCHECKED, MISSING, NO_SESSION or BANNED.
 * `ends_ms`: as in struct admission.
 */
typedef void (*admission_checked)(enum admission_verdict verdict, int64_t ends_ms, void *arg);
/* Checks credentials without a request: those of a connection. */
void admission_check(const struct access *access, const struct request_user *user, admission_checked checked,
                     void *arg);
/* Marks a keyed bid as confirmed by the broker: a repetition is not published again. */
void admission_mark_pending(struct request *request, const struct uuid *bid);
/*
 * Deletes the entry of a bid that was refused after its admission. Its key, NULL if it has none, can be used for
 * another request once `done`, which may be NULL, is called. False: no connection to Redis, and `done` is not called.
 */
MUST_CHECK bool admission_forget(struct request *request, const struct uuid *bid, const char *key_hash,
                                 redis_callback done, void *arg);
/* ENDS the request if the verdict is a refusal; returns false if it is not. */
MUST_CHECK bool admission_refuse(struct request *request, const struct admission *admission);

#endif
