/*
 * An admin for a test: a registered user whose role is changed by SQL, logged in again with the new role. (rostrumctl
 * creates admins in production, but reads a password from a terminal or a pipe.)
 */
#ifndef ROSTRUM_TESTS_SUPPORT_ADMIN_H
#define ROSTRUM_TESTS_SUPPORT_ADMIN_H

#include "tests/support/factory.h"
#include "tests/support/sql.h"

MUST_CHECK bool admin_new(struct client *client, struct sql *sql, struct factory_user *admin);
/* POST /admin/users/:id/ban or unban as `admin`. */
const struct reply *admin_ban(struct client *client, const struct factory_user *admin, const char *user_id);
const struct reply *admin_unban(struct client *client, const struct factory_user *admin, const char *user_id);

#endif
