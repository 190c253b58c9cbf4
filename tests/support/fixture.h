/*
 * The fixture of the contract tests: a client of the deployment, some users and an auction. It is created before and
 * freed after every test (a checked fixture: each test runs in its own process and shares nothing).
 */
#ifndef ROSTRUM_TESTS_SUPPORT_FIXTURE_H
#define ROSTRUM_TESTS_SUPPORT_FIXTURE_H

#include "tests/support/expect.h"
#include "tests/support/factory.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"

struct fixture {
    struct client *client;
    struct sql *sql;
    struct factory_user seller;
    struct factory_user ann;
    struct factory_user bob;
    char auction[UUID_TEXT_SIZE]; /* of `seller`: starting price 10.00, increment 1.00, one hour */
};

extern struct fixture fixture;

/* For tcase_add_checked_fixture. */
void fixture_setup(void);
void fixture_teardown(void);
/* A suite with one test case that uses the fixture. `tests` ends with NULL. */
MUST_CHECK Suite *fixture_suite(const char *name, const TTest *const *tests);

/* Sends a request as user `who` (NULL: a guest). */
const struct reply *fixture_call(const struct factory_user *who, const char *method, const char *path,
                                 const char *body);
/* The path of the fixture's auction followed by `tail`: "", "/bids" or "/proxy". */
const char *fixture_path(const char *tail);
/* Bids without waiting for the decision; asserts 202 and returns the bid's id in `bid`. */
void fixture_submit(const struct factory_user *who, const char *auction, const char *amount,
                    char bid[static UUID_TEXT_SIZE]);
/* An auction of 2.5 s that Bob won with 11.00 over Ann; waits until it is settled. */
void fixture_sold(char id[static UUID_TEXT_SIZE]);

#endif
