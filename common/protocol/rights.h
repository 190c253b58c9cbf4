/*
 * What each login may do in RabbitMQ and in Redis (docs/rights.md): the one list of it. `rostrumctl rights` prints it
 * for the servers, and programs take from it which outbox rows they publish. The rights in PostgreSQL are in
 * schema/0018-rights.sql.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_RIGHTS_H
#define ROSTRUM_COMMON_PROTOCOL_RIGHTS_H

#include "common/base/base.h"
#include "common/protocol/logins.h"

/* Regular expressions for names of exchanges and queues, as RabbitMQ and PostgreSQL read them. "^$": none. */
struct rights_amqp {
    const char *configure; /* declare; a passive declare needs no right */
    const char *write;     /* publish to an exchange */
    const char *read;      /* consume a queue */
};

/* Rules as in an ACL of Redis, separated by blanks. They bind what scripts do, too. */
struct rights_redis {
    const char *keys; /* NULL: the login does not use Redis */
    const char *channels;
    const char *commands; /* besides those that every connection needs */
};

extern const struct rights_amqp rights_amqp[LOGIN_COUNT];
extern const struct rights_redis rights_redis[LOGIN_COUNT];
/* Greeting, liveness and scripts: what common/io/redis sends on each connection. */
extern const char rights_redis_common[];
extern const char *const rights_names[LOGIN_COUNT]; /* gateway, … */

/* Whether the login may publish to the exchange. */
MUST_CHECK bool rights_may_publish(enum login login, const char *exchange);

#endif
