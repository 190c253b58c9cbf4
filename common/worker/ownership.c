/*
 * See ownership.h. Called by worker.c.
 */
#include "common/worker/ownership.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/pg_value.h"
#include "common/service/lease.h"
#include "common/service/shards.h"

enum { STATEMENT_TAKE, STATEMENT_GIVE, STATEMENT_COUNT };

enum {
    /*
     * After the session was lost and a new one got the lease, only the shards that are still read are taken for this
     * long. The other workers lost their sessions too, and come back for theirs.
     */
    CALM_MS = 1000,
};

struct ownership {
    struct ownership_options options;
    struct pg_statement statements[STATEMENT_COUNT];
    struct lease *lease;
    struct pg_array list; /* of shards, for a statement */
    bool settled;
    bool unsure;           /* the session was lost, and the lease was not */
    bool asking;           /* a statement about shards is unanswered: the view is older than its effect */
    int64_t calm_until_ms; /* monotonic */
    size_t alive;          /* number of live workers at the last poll */
    struct shards_view view;
    enum shards_act plan[TOPOLOGY_SHARDS_MAX];
};

static void on_shards_taken(const struct pg_reply *reply, void *arg)
{
    struct ownership *ownership = arg;
    ownership->asking = false;
    if (reply->outcome != PG_OK || !ownership_holds(ownership)) {
        return; /* the next view shows what was taken */
    }
    for (int row = 0; row < PQntuples(reply->result); row++) {
        ownership->options.mine((unsigned)pg_int(reply->result, row, 0), true, ownership->options.arg);
    }
    ownership->options.polled(ownership->options.arg);
}

static void on_shards_given(const struct pg_reply *reply, void *arg)
{
    struct ownership *ownership = arg;
    (void)reply;
    ownership->asking = false;
    if (ownership_holds(ownership)) {
        ownership->options.polled(ownership->options.arg);
    }
}

/* Whether the shard's lock is to be taken or given by this statement now. */
static bool is_due(const struct ownership *ownership, unsigned shard, size_t statement)
{
    bool reads = ownership->options.reads(shard, ownership->options.arg);
    if (statement == STATEMENT_GIVE) {
        return ownership->plan[shard] == SHARDS_LEAVE && !reads;
    }
    if (clock_mono_ms() < ownership->calm_until_ms) {
        /* Not by the plan, which does not know who had which shard. */
        return reads && ownership->view.owners[shard] == SHARDS_NOBODY;
    }
    return ownership->plan[shard] == SHARDS_TAKE;
}

/* One statement for all shards for which it is due. */
static void ask(struct ownership *ownership, size_t statement, pg_callback callback)
{
    size_t count = 0;
    pg_array_reset(&ownership->list);
    for (unsigned shard = 0; shard < ownership->options.shards; shard++) {
        if (is_due(ownership, shard, statement)) {
            pg_array_int(&ownership->list, shard);
            count++;
        }
    }
    const char *const values[] = {pg_array_done(&ownership->list)};
    if (count > 0 && values[0] != NULL && !ownership->asking) {
        ownership->asking = lease_query(ownership->lease, statement, 1, values, callback, ownership);
    }
}

/* A shard whose lock is not taken again yet is read on after a lost session, unless another worker owns it. */
static void follow_plan(struct ownership *ownership, unsigned shard)
{
    bool mine = ownership->plan[shard] == SHARDS_KEEP;
    bool free = ownership->view.owners[shard] == SHARDS_NOBODY;
    if (mine || !free || !ownership->options.reads(shard, ownership->options.arg)) {
        ownership->options.mine(shard, mine, ownership->options.arg);
    }
}

static void on_view(const PGresult *rows, void *arg)
{
    struct ownership *ownership = arg;
    if (ownership->asking) {
        return;
    }
    shards_view_read(&ownership->view, ownership->options.shards, rows);
    if (ownership->view.workers != ownership->alive) {
        log_info("%s alive: %zu", ownership->options.family->workers, ownership->view.workers);
        ownership->alive = ownership->view.workers;
    }
    shards_plan(&ownership->view, lease_key(ownership->lease), ownership->plan);
    for (unsigned shard = 0; shard < ownership->options.shards; shard++) {
        follow_plan(ownership, shard);
    }
    ownership->settled = true;
    ask(ownership, STATEMENT_GIVE, on_shards_given);
    ask(ownership, STATEMENT_TAKE, on_shards_taken);
    if (!ownership->asking) {
        ownership->options.polled(ownership->options.arg);
    }
}

static bool is_fit(void *arg)
{
    struct ownership *ownership = arg;
    return ownership->options.fit(ownership->options.arg);
}

static void on_lease(enum lease_state state, void *arg)
{
    struct ownership *ownership = arg;
    switch (state) {
    case LEASE_HELD:
        ownership->calm_until_ms = clock_mono_ms() + (ownership->unsure ? CALM_MS : 0);
        break;
    case LEASE_UNSURE:
        ownership->unsure = true;
        return;
    case LEASE_NONE:
    case LEASE_LOST:
    case LEASE_STATE_COUNT:
        ownership->settled = false;
        memset(ownership->plan, 0, sizeof ownership->plan);
        ownership->options.lost(ownership->options.arg);
        break;
    }
    ownership->unsure = false;
}

struct ownership *ownership_new(const struct ownership_options *options)
{
    struct ownership *ownership = calloc(1, sizeof *ownership);
    if (ownership == NULL) {
        return NULL;
    }
    ownership->options = *options;
    ownership->statements[STATEMENT_TAKE] = (struct pg_statement){"take_shards", options->family->shards.take};
    ownership->statements[STATEMENT_GIVE] = (struct pg_statement){"give_shards", options->family->shards.give};
    const uint32_t numbers = (uint32_t)options->config->active_workers_max * SHARDS_NUMBERS_EACH;
    const struct lease_options lease = {
        .base = options->base,
        .config = options->config,
        .application = options->application,
        .poll_ms = options->config->ownership_poll_ms,
        .key_least = numbers + 1,
        .key_most = numbers + SHARDS_NUMBERS_EACH - 1,
        .take = options->family->shards.lock,
        .confirm = options->family->shards.view,
        .statements = ownership->statements,
        .statement_count = STATEMENT_COUNT,
        .fit = is_fit,
        .changed = on_lease,
        .confirmed = on_view,
        .arg = ownership,
    };
    ownership->lease = lease_new(&lease);
    if (ownership->lease == NULL) {
        ownership_free(ownership);
        return NULL;
    }
    return ownership;
}

void ownership_free(struct ownership *ownership)
{
    if (ownership == NULL) {
        return;
    }
    lease_free(ownership->lease);
    pg_array_free(&ownership->list);
    free(ownership);
}

bool ownership_settled(const struct ownership *ownership)
{
    return ownership->settled && ownership_holds(ownership);
}

bool ownership_holds(const struct ownership *ownership)
{
    return lease_state(ownership->lease) == LEASE_HELD;
}

bool ownership_hung(const struct ownership *ownership)
{
    return lease_hung(ownership->lease);
}

size_t ownership_alive(const struct ownership *ownership)
{
    return ownership->alive;
}

void ownership_release(struct ownership *ownership, int64_t rest_ms)
{
    lease_release(ownership->lease, rest_ms);
}

void ownership_left(struct ownership *ownership)
{
    lease_poll(ownership->lease);
}

uint32_t ownership_number(const struct ownership *ownership)
{
    return lease_key(ownership->lease);
}
