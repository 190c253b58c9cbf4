/*
 * What the contract's test programs share in each test: a client of the deployment and a few users, made before and
 * freed after every test (a checked fixture, so each test runs in a process of its own and none sees another's).
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
    char auction[UUID_TEXT_SIZE]; /* by `seller`, opening at 10.00, increment 1.00, for an hour */
};

extern struct fixture fixture;

/* For tcase_add_checked_fixture. */
void fixture_setup(void);
void fixture_teardown(void);
/* A suite of one test case over that fixture. `tests` ends with a NULL. */
MUST_CHECK Suite *fixture_suite(const char *name, const TTest *const *tests);

/* A call as `who` (NULL: a guest). */
const struct reply *fixture_call(const struct factory_user *who, const char *method, const char *path,
                                 const char *body);
/* The path of a thing of the fixture's auction: "" or "/bids" or "/proxy". */
const char *fixture_path(const char *tail);
/* Bids without waiting; asserts 202 and gives the bid's id. */
void fixture_submit(const struct factory_user *who, const char *auction, const char *amount,
                    char bid[static UUID_TEXT_SIZE]);

#endif
