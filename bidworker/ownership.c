/*
 * See ownership.h. Called by worker. The pool has one connection, whose session holds the advisory lock.
 */
#include "bidworker/ownership.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/pg.h"
#include "common/service/shards.h"

enum { STATEMENT_TAKE_LOCK, STATEMENT_GIVE_LOCK, STATEMENT_LIVING, STATEMENT_COUNT };

static const struct pg_statement lock_statements[] = {
    [STATEMENT_TAKE_LOCK] = {"take_lock", SHARDS_SQL_LOCK},
    [STATEMENT_GIVE_LOCK] = {"give_lock", SHARDS_SQL_UNLOCK},
    [STATEMENT_LIVING] = {"living", SHARDS_SQL_LIVING},
};
static_assert(ARRAY_LEN(lock_statements) == STATEMENT_COUNT, "each statement has its entry");

enum {
    PENDING_MAX = 4, /* only one query is pending at a time */
    UNFIT_MS = 3000, /* longer than a restart of RabbitMQ, which affects all workers alike */
};

struct ownership {
    struct ownership_options options;
    struct pg *pg;
    struct event *poll_timer;
    uint32_t number;
    bool locked;
    bool settled;
    bool querying;
    size_t living;  /* number of live workers at the last poll */
    int64_t fit_ms; /* monotonic: when this worker could last reach RabbitMQ */
};

static void draw_number(struct ownership *ownership)
{
    ownership->number = 1 + randombytes_uniform(SHARDS_WORKER_MAX);
}

static void on_locked(const struct pg_reply *reply, void *arg)
{
    struct ownership *ownership = arg;
    ownership->querying = false;
    if (reply->outcome != PG_OK) {
        return; /* retried by the timer, or when the connection is up again */
    }
    ownership->locked = PQntuples(reply->result) == 1 && pg_bool(reply->result, 0, 0);
    if (!ownership->locked) {
        draw_number(ownership);
        return;
    }
    log_info("bid worker %" PRIu32 ": lock taken", ownership->number);
    event_active(ownership->poll_timer, EV_TIMEOUT, 0);
}

static void assign_shards(struct ownership *ownership, const uint32_t *living, size_t count)
{
    for (unsigned shard = 0; shard < ownership->options.shards; shard++) {
        bool mine = shards_owner(shard, living, count) == ownership->number;
        ownership->options.mine(shard, mine, ownership->options.arg);
    }
}

static void on_living(const struct pg_reply *reply, void *arg)
{
    struct ownership *ownership = arg;
    uint32_t living[SHARDS_WORKERS_MAX];
    size_t count = 0;
    ownership->querying = false;
    if (reply->outcome != PG_OK) {
        return;
    }
    for (int row = 0; row < PQntuples(reply->result) && count < SHARDS_WORKERS_MAX; row++) {
        living[count++] = (uint32_t)pg_int(reply->result, row, 0);
    }
    if (count != ownership->living) {
        log_info("bid workers alive: %zu", count);
        ownership->living = count;
    }
    ownership->settled = true;
    assign_shards(ownership, living, count);
    ownership->options.polled(ownership->options.arg);
}

static void on_unlocked(const struct pg_reply *reply, void *arg)
{
    struct ownership *ownership = arg;
    ownership->querying = false;
    if (reply->outcome == PG_OK) {
        ownership->locked = false;
        ownership->settled = false;
        log_warn("bid worker %" PRIu32 ": lock released, RabbitMQ cannot be reached", ownership->number);
    }
}

static bool was_fit_recently(struct ownership *ownership)
{
    if (ownership->options.fit(ownership->options.arg)) {
        ownership->fit_ms = clock_mono_ms();
    }
    return clock_mono_ms() - ownership->fit_ms < UNFIT_MS;
}

static void poll(struct ownership *ownership)
{
    char number[16];
    const char *const values[] = {number};
    bool fit = was_fit_recently(ownership);
    if (ownership->querying || !pg_up(ownership->pg)) {
        return;
    }
    (void)snprintf(number, sizeof number, "%" PRIu32, ownership->number);
    if (!fit) {
        ownership->querying =
            ownership->locked && pg_query(ownership->pg, STATEMENT_GIVE_LOCK, 1, values, on_unlocked, ownership);
    } else if (ownership->locked) {
        ownership->querying = pg_query(ownership->pg, STATEMENT_LIVING, 0, NULL, on_living, ownership);
    } else {
        ownership->querying = pg_query(ownership->pg, STATEMENT_TAKE_LOCK, 1, values, on_locked, ownership);
    }
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    poll(arg);
}

static void on_change(struct pg *pg, bool up, void *arg)
{
    struct ownership *ownership = arg;
    (void)pg;
    if (!up) {
        ownership->locked = false;
        return;
    }
    event_active(ownership->poll_timer, EV_TIMEOUT, 0);
}

struct ownership *ownership_new(const struct ownership_options *options)
{
    int poll_ms = options->config->ownership_poll_ms;
    struct timeval period = {.tv_sec = poll_ms / 1000, .tv_usec = (poll_ms % 1000) * 1000L};
    struct ownership *ownership = calloc(1, sizeof *ownership);
    if (ownership == NULL) {
        return NULL;
    }
    ownership->options = *options;
    ownership->fit_ms = clock_mono_ms();
    draw_number(ownership);
    struct pg_options pg = {
        .base = options->base,
        .url = options->config->pg_url,
        .application = "rostrum-bidworker living",
        .statements = lock_statements,
        .statement_count = ARRAY_LEN(lock_statements),
        .connections = 1,
        .timeout_ms = options->config->pg_timeout_ms,
        .pending_max = PENDING_MAX,
        .on_change = on_change,
        .arg = ownership,
    };
    ownership->poll_timer = event_new(options->base, -1, EV_PERSIST, on_poll, ownership);
    ownership->pg = pg_new(&pg);
    if (ownership->poll_timer == NULL || ownership->pg == NULL || evtimer_add(ownership->poll_timer, &period) != 0) {
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
    if (ownership->pg != NULL) {
        pg_free(ownership->pg);
    }
    if (ownership->poll_timer != NULL) {
        event_free(ownership->poll_timer);
    }
    free(ownership);
}

bool ownership_settled(const struct ownership *ownership)
{
    return ownership->settled && ownership->locked;
}

uint32_t ownership_number(const struct ownership *ownership)
{
    return ownership->number;
}
