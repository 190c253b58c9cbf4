/*
 * See leader.h. The lock query is repeated while leading. In the session that holds the lock it always succeeds (the
 * lock is counted), so its answer proves that the session is alive. Only set_leading changes the role.
 */
#include "endworker/leader.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/io/pg.h"

enum { STATEMENT_TRY, STATEMENT_COUNT };

/*
 * The lock's class is "RosE". Advisory locks are per database, so that deployments do not conflict. With the keep-alive
 * the server detects within seconds that a leader's machine is down; on a local socket it has no effect.
 */
static const struct pg_statement statements[] = {
    [STATEMENT_TRY] = {"leader_try", "SELECT pg_try_advisory_lock(1383035717, 1), "
                                     "set_config('tcp_keepalives_idle', '2', false), "
                                     "set_config('tcp_keepalives_interval', '1', false), "
                                     "set_config('tcp_keepalives_count', '3', false)"},
};
static_assert(ARRAY_LEN(statements) == STATEMENT_COUNT, "each statement has its entry");

struct leader {
    struct pg *pg;
    struct event *timer;
    bool leading;
    bool asking;
    void (*on_change)(bool leading, void *arg);
    void *arg;
};

static void set_leading(struct leader *leader, bool leading, const char *reason)
{
    if (leader->leading == leading) {
        return;
    }
    leader->leading = leading;
    log_info(leading ? "leadership acquired: %s" : "leadership lost: %s", reason);
    leader->on_change(leading, leader->arg);
}

static void on_answer(const struct pg_reply *reply, void *arg)
{
    struct leader *leader = arg;
    leader->asking = false;
    if (reply->outcome == PG_OK) {
        bool held = pg_bool(reply->result, 0, 0);
        set_leading(leader, held, held ? "this worker holds the lock" : "another worker holds the lock");
        return;
    }
    set_leading(leader, false,
                reply->outcome == PG_FAILED ? reply->message : "the connection that held the lock was lost");
}

static void ask(struct leader *leader)
{
    if (!leader->asking) {
        leader->asking = pg_query(leader->pg, STATEMENT_TRY, 0, NULL, on_answer, leader);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ask(arg);
}

static void on_pg(struct pg *pg, bool up, void *arg)
{
    (void)pg;
    struct leader *leader = arg;
    if (leader->pg == NULL) {
        return; /* called from within pg_new */
    }
    if (up) {
        ask(leader);
    } else {
        set_leading(leader, false, "the connection that held the lock was lost");
    }
}

struct leader *leader_new(const struct leader_options *options)
{
    struct leader *leader = calloc(1, sizeof(*leader));
    if (leader == NULL) {
        return NULL;
    }
    leader->on_change = options->on_change;
    leader->arg = options->arg;
    struct pg_options pg = {.base = options->base,
                            .url = options->pg_url,
                            .application = "rostrum-endworker leader",
                            .statements = statements,
                            .statement_count = ARRAY_LEN(statements),
                            .connections = 1,
                            .timeout_ms = options->timeout_ms,
                            .pending_max = 1,
                            .on_change = on_pg,
                            .arg = leader};
    struct timeval every = {.tv_usec = LEADER_TRY_MS * 1000L};
    leader->pg = pg_new(&pg);
    leader->timer = event_new(options->base, -1, EV_PERSIST, on_timer, leader);
    if (leader->pg == NULL || leader->timer == NULL || event_add(leader->timer, &every) != 0) {
        leader_free(leader);
        return NULL;
    }
    return leader;
}

static void ignore_change(bool leading, void *arg)
{
    (void)leading;
    (void)arg;
}

void leader_free(struct leader *leader)
{
    if (leader == NULL) {
        return;
    }
    leader->on_change = ignore_change; /* pg_free calls the last callback */
    set_leading(leader, false, "the worker is shutting down");
    if (leader->timer != NULL) {
        event_free(leader->timer);
    }
    if (leader->pg != NULL) {
        pg_free(leader->pg);
    }
    free(leader);
}

bool leader_leads(const struct leader *leader)
{
    return leader->leading;
}
