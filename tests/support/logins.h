/*
 * The logins of the programs of the test's deployment, read from $ROSTRUM_VAR/programs and deployment.ini. A program
 * that a test starts uses the same login as that of the deployment.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_LOGINS_H
#define ROSTRUM_TESTS_SUPPORT_LOGINS_H

#include "common/service/config.h"

/* The settings with the URLs of `login` in pg_url, redis_url and amqp_url. Fails the test if they cannot be read. */
void logins_read(enum login login, struct config *config);
/*
 * Sets ROSTRUM_PG_URL_GATEWAY and so on of the program `name` ("rostrum-gateway") in this process: each common URL of
 * the environment with the program's login, where it has one. A URL with another login than the deployment's common one
 * is of a server of the test, and stays.
 */
void logins_export(const char *name);

#endif
