/*
 * See bans.h.
 */
#include "gateway/access/bans.h"

#include <assert.h>
#include <stdio.h>

#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "gateway/access/access.h"
#include "gateway/access/sessions.h"

enum { BANS_RECENT, BANS_COUNT };
enum { NUMBER_SIZE = 16 };

/* The LIMIT is far above the number of users that admins can ban within the lifetime of a token. */
static const struct pg_statement list[] = {
    [BANS_RECENT] = {"bans_recent", "SELECT id FROM users WHERE banned_at > now() - $1::integer * interval '1 second'"
                                    " ORDER BY banned_at DESC LIMIT 10000"},
};
static_assert(ARRAY_LEN(list) == BANS_COUNT, "each statement has its entry");

struct statements bans_statements = {list, ARRAY_LEN(list), 0};

bool bans_mark(const struct access *access, const struct uuid *user, bool banned, redis_callback callback, void *arg)
{
    char key[KEYS_SIZE];
    const char *set[] = {"SET", key, "1"};
    const char *clear[] = {"DEL", key};
    keys_ban(access->deployment->epoch.number, user, key);
    if (!banned) {
        return redis_command(access->redis, callback, arg, ARRAY_LEN(clear), clear, NULL);
    }
    if (!redis_command(access->redis, callback, arg, ARRAY_LEN(set), set, NULL)) {
        return false;
    }
    sessions_recheck(access->redis, user);
    return true;
}

static void on_recent(const struct pg_reply *reply, void *arg)
{
    const struct access *access = arg;
    int rows = reply->outcome == PG_OK ? PQntuples(reply->result) : 0;
    for (int row = 0; row < rows; row++) {
        struct uuid user = pg_uuid(reply->result, row, 0);
        if (!bans_mark(access, &user, true, NULL, NULL)) {
            return; /* no connection to Redis; bans_restore is called again when it reconnects */
        }
    }
}

void bans_restore(struct access *access)
{
    char seconds[NUMBER_SIZE];
    const char *values[] = {seconds};
    (void)snprintf(seconds, sizeof(seconds), "%d", access->config->access_token_s);
    if (!pg_up(access->pg) || !redis_up(access->redis)) {
        return; /* called again when the other one connects */
    }
    if (!statements_query(access->pg, &bans_statements, BANS_RECENT, ARRAY_LEN(values), values, on_recent, access)) {
        log_debug("recent bans were not restored: no connection to PostgreSQL");
    }
}
