/*
 * See leader.h. A leader whose lease is unsure does not schedule: the next one may already have it.
 */
#include "endworker/leader.h"

#include <stdlib.h>

#include "common/service/lease.h"

/* The lock's class is "RosE". Advisory locks are per database, so that deployments do not conflict. */
enum { LEADER_KEY = 1 };
#define LEADER_SQL_TAKE    "SELECT pg_try_advisory_lock(1383035717, $1::integer)"
#define LEADER_SQL_CONFIRM "SELECT true"

struct leader {
    struct lease *lease;
    bool leading;
    bool (*fit)(void *arg);
    void (*on_change)(bool leading, void *arg);
    void *arg;
};

static bool is_fit(void *arg)
{
    struct leader *leader = arg;
    return leader->fit(leader->arg);
}

static void on_lease(enum lease_state state, void *arg)
{
    struct leader *leader = arg;
    bool leading = state == LEASE_HELD;
    if (leading != leader->leading) {
        leader->leading = leading;
        leader->on_change(leading, leader->arg);
    }
}

struct leader *leader_new(const struct leader_options *options)
{
    struct leader *leader = calloc(1, sizeof(*leader));
    if (leader == NULL) {
        return NULL;
    }
    leader->fit = options->fit;
    leader->on_change = options->on_change;
    leader->arg = options->arg;
    const struct lease_options lease = {
        .base = options->base,
        .config = options->config,
        .application = "rostrum-endworker lease",
        .poll_ms = LEADER_TRY_MS,
        .key_least = LEADER_KEY,
        .key_most = LEADER_KEY,
        .take = LEADER_SQL_TAKE,
        .confirm = LEADER_SQL_CONFIRM,
        .fit = is_fit,
        .changed = on_lease,
        .arg = leader,
    };
    leader->lease = lease_new(&lease);
    if (leader->lease == NULL) {
        leader_free(leader);
        return NULL;
    }
    return leader;
}

void leader_free(struct leader *leader)
{
    if (leader == NULL) {
        return;
    }
    lease_free(leader->lease);
    free(leader);
}

bool leader_leads(const struct leader *leader)
{
    return leader->leading && lease_state(leader->lease) == LEASE_HELD;
}
