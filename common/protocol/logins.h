/*
 * The logins of the deployment: each program has one of its own in PostgreSQL, RabbitMQ and Redis, with only the rights
 * that its work needs. This is the one list of them. Used by the settings (pg_url_gateway and so on), by rostrumctl and
 * by the tables of rights.
 *
 * In PostgreSQL the rights belong to the roles LOGINS_ROLE_PREFIX + name, in which the logins are members.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_LOGINS_H
#define ROSTRUM_COMMON_PROTOCOL_LOGINS_H

/* migrate owns schema and tables and declares queues; it does not use Redis. ctl: all other commands of rostrumctl. */
#define LOGINS_SERVING(X)                                                                                              \
    X(GATEWAY, gateway)                                                                                                \
    X(BIDWORKER, bidworker)                                                                                            \
    X(SALEWORKER, saleworker)                                                                                          \
    X(ENDWORKER, endworker)                                                                                            \
    X(NOTIFYWORKER, notifyworker)                                                                                      \
    X(CTL, ctl)
#define LOGINS(X)                                                                                                      \
    LOGINS_SERVING(X)                                                                                                  \
    X(MIGRATE, migrate)

#define LOGIN_ENUM(NAME, name) LOGIN_##NAME,
enum login { LOGINS(LOGIN_ENUM) LOGIN_COUNT };
#undef LOGIN_ENUM

#define LOGINS_ROLE_PREFIX "rostrum_"

#endif
