/*
 * See shards.h. Called by worker. The lock lives and dies with the one connection of the pool that is made for it.
 */
#include "bidworker/shards.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/pg.h"
#include "common/shards.h"

enum { STATEMENT_TAKE_LOCK, STATEMENT_LIVING };

static const struct pg_statement lock_statements[] = {
    [STATEMENT_TAKE_LOCK] = {"take_lock", SHARDS_SQL_LOCK},
    [STATEMENT_LIVING] = {"living", SHARDS_SQL_LIVING},
};

enum { PENDING_MAX = 4 }; /* one question at a time is asked */

struct shards {
    struct shards_options options;
    struct pg *pg;
    struct event *poll_timer;
    uint32_t number;
    bool locked;
    bool settled;
    bool asking;
    size_t living; /* at the last look */
};

static void draw_number(struct shards *shards)
{
    shards->number = 1 + randombytes_uniform(SHARDS_WORKER_MAX);
}

static void on_locked(const struct pg_reply *reply, void *arg)
{
    struct shards *shards = arg;
    shards->asking = false;
    if (reply->outcome != PG_OK) {
        return; /* asked again by the timer, or when the connection is up again */
    }
    shards->locked = PQntuples(reply->result) == 1 && pg_bool(reply->result, 0, 0);
    if (!shards->locked) {
        draw_number(shards);
        return;
    }
    log_info("living as bid worker %" PRIu32, shards->number);
    event_active(shards->poll_timer, EV_TIMEOUT, 0);
}

static void share_out(struct shards *shards, const uint32_t *living, size_t count)
{
    for (unsigned shard = 0; shard < shards->options.shards; shard++) {
        bool mine = shards_owner(shard, living, count) == shards->number;
        shards->options.mine(shard, mine, shards->options.arg);
    }
}

static void on_living(const struct pg_reply *reply, void *arg)
{
    struct shards *shards = arg;
    uint32_t living[SHARDS_WORKERS_MAX];
    size_t count = 0;
    shards->asking = false;
    if (reply->outcome != PG_OK) {
        return;
    }
    for (int row = 0; row < PQntuples(reply->result) && count < SHARDS_WORKERS_MAX; row++) {
        living[count++] = (uint32_t)pg_int(reply->result, row, 0);
    }
    if (count != shards->living) {
        log_info("%zu bid workers live", count);
        shards->living = count;
    }
    shards->settled = true;
    share_out(shards, living, count);
    shards->options.looked(shards->options.arg);
}

static void ask(struct shards *shards)
{
    char number[16];
    const char *const values[] = {number};
    if (shards->asking || !pg_up(shards->pg)) {
        return;
    }
    (void)snprintf(number, sizeof number, "%" PRIu32, shards->number);
    if (shards->locked) {
        shards->asking = pg_query(shards->pg, STATEMENT_LIVING, 0, NULL, on_living, shards);
    } else {
        shards->asking = pg_query(shards->pg, STATEMENT_TAKE_LOCK, 1, values, on_locked, shards);
    }
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ask(arg);
}

static void on_change(struct pg *pg, bool up, void *arg)
{
    struct shards *shards = arg;
    (void)pg;
    if (!up) {
        shards->locked = false;
        return;
    }
    event_active(shards->poll_timer, EV_TIMEOUT, 0);
}

struct shards *shards_new(const struct shards_options *options)
{
    int poll_ms = options->config->ownership_poll_ms;
    struct timeval period = {.tv_sec = poll_ms / 1000, .tv_usec = (poll_ms % 1000) * 1000L};
    struct shards *shards = calloc(1, sizeof *shards);
    if (shards == NULL) {
        return NULL;
    }
    shards->options = *options;
    draw_number(shards);
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
        .arg = shards,
    };
    shards->poll_timer = event_new(options->base, -1, EV_PERSIST, on_poll, shards);
    shards->pg = pg_new(&pg);
    if (shards->poll_timer == NULL || shards->pg == NULL || evtimer_add(shards->poll_timer, &period) != 0) {
        shards_free(shards);
        return NULL;
    }
    return shards;
}

void shards_free(struct shards *shards)
{
    if (shards == NULL) {
        return;
    }
    if (shards->pg != NULL) {
        pg_free(shards->pg);
    }
    if (shards->poll_timer != NULL) {
        event_free(shards->poll_timer);
    }
    free(shards);
}

bool shards_settled(const struct shards *shards)
{
    return shards->settled && shards->locked;
}

uint32_t shards_number(const struct shards *shards)
{
    return shards->number;
}
