/*
 * May this user do this now? One script on the user's keys answers it all at once: does the session exist, is the user
 * banned, is the limit used up, and for a bid: was this idempotency key used before. For a bid it also notes the
 * bid as admitted, so that it can be shown as pending from then on and its key stays taken.
 *
 * An entry bid:{user}:<id> is in state a (admitted; perhaps on its way to the broker), p (pending: the broker has it;
 * set for keyed bids only, who would be published again in state a) or d (decided, written by the bid worker).
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_ADMISSION_H
#define ROSTRUM_GATEWAY_ACCESS_ADMISSION_H

#include "common/io/redis.h"
#include "gateway/access/limits.h"
#include "gateway/http/request.h"

enum admission_verdict {
    ADMISSION_GRANTED,
    ADMISSION_UNCHECKED,  /* Redis is not there: an access token holds, a session does not */
    ADMISSION_NO_SESSION, /* 401 */
    ADMISSION_BANNED,     /* 403 */
    ADMISSION_LIMITED,    /* 429 */
    ADMISSION_KEY_REUSED, /* 422 */
    ADMISSION_KNOWN,      /* the same bid again: see `state` */
};

struct admission {
    enum admission_verdict verdict;
    struct limits_state limit;
    bool admin;
    char state;          /* ADMISSION_KNOWN: a, p or d */
    const char *pending; /* ADMISSION_KNOWN: the JSON that shows it while pending; borrowed from the reply */
};

struct admission_bid {
    struct uuid id;
    bool keyed;
    const char *hash;    /* of auction and body */
    const char *pending; /* JSON that shows it while it is pending */
};

enum { ADMISSION_BID_LIFE_S = 24 * 3600 }; /* of an entry; the contract's time for idempotency keys */

extern const struct redis_script admission_script;
extern const struct redis_script admission_mark_script;

/* Asks for a route that needs a user; `then` runs when the answer is yes, else the request ends. */
void admission_user(struct request *request, route_handler then);
/* Asks for a bid. False: Redis is not there, and `answered` does not come. */
MUST_CHECK bool admission_ask(struct request *request, const struct admission_bid *bid, redis_callback answered,
                              void *arg);
/* The reply of admission_ask, or of anything that failed. */
struct admission admission_read(struct request *request, const redisReply *reply);
/* A keyed bid is with the broker: a repetition need not be published again. */
void admission_mark_pending(struct request *request, const struct uuid *bid);
/*
 * A bid is refused after all: its key is free again when `done`, which may be NULL, comes. False: Redis is not there,
 * and it does not come.
 */
MUST_CHECK bool admission_forget(struct request *request, const struct uuid *bid, redis_callback done, void *arg);
/* ENDS the request if the verdict is a refusal; false if it is none. */
MUST_CHECK bool admission_refuse(struct request *request, const struct admission *admission);

#endif
