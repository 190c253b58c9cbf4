/*
 * The copies of session and user in Redis (common/protocol/keys.h), read by one plain command. Only the usual case is
 * decided here: both are there, agree, are young enough and allow the request. All else is left to the script of
 * admission.c, which takes three times as long in Redis.
 *
 * Caller: admission.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_COPIES_H
#define ROSTRUM_GATEWAY_ACCESS_COPIES_H

#include "common/io/redis.h"
#include "gateway/http/request.h"

struct access;

struct copies {
    int64_t epoch;   /* of the user */
    int64_t ends_ms; /* of the session */
    bool admin;
};

/* Asks for both copies; `answered` passes the reply to copies_allow. False: no connection to Redis. */
MUST_CHECK bool copies_ask(const struct access *access, const struct request_user *user, redis_callback answered,
                           void *arg);
/* True: the session is valid now and its user is not banned. False says nothing. */
MUST_CHECK bool copies_allow(const struct access *access, const struct request_user *user, const redisReply *reply,
                             struct copies *copies);

#endif
