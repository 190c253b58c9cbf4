/*
 * See admin.h.
 */
#include "tests/support/admin.h"

#include <stdio.h>

bool admin_new(struct client *client, struct sql *sql, struct factory_user *admin)
{
    if (!factory_user(client, admin, "Ada Admin")) {
        return false;
    }
    PGresult *result = sql_rows(sql, "UPDATE users SET role = 'admin' WHERE id = $1", admin->id, NULL);
    PQclear(result);
    const struct reply *reply =
        client_call(client, "POST", "/api/v1/auth/login",
                    client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD "\"}", admin->email));
    (void)snprintf(admin->token, sizeof(admin->token), "%s", reply_text(reply, "accessToken"));
    return result != NULL && reply->status == 200;
}

static const struct reply *change(struct client *client, const struct factory_user *admin, const char *user_id,
                                  const char *verb)
{
    client_token(client, admin->token);
    return client_call(client, "POST", client_format("/api/v1/admin/users/%s/%s", user_id, verb),
                       "{\"reason\": \"shill bidding\"}");
}

const struct reply *admin_ban(struct client *client, const struct factory_user *admin, const char *user_id)
{
    return change(client, admin, user_id, "ban");
}

const struct reply *admin_unban(struct client *client, const struct factory_user *admin, const char *user_id)
{
    return change(client, admin, user_id, "unban");
}
