/*
 * See republish.h. One pass at a time reads all pages of each part, for the shards that were due when it began.
 */
#include "common/worker/republish.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/timer.h"
#include "common/protocol/topology.h"

enum {
    PAGE_MS = 20,    /* between two pages, so that batches go first */
    GATHER_MS = 300, /* before a pass: shards are assigned one after the other */
    RETRY_MS = 1000, /* after a page was not read, or Redis took no more */
};
enum { PAGE_ROWS = 256 /* each sends one command to Redis */, NUMBER_SIZE = 24, PARAMETERS_MAX = 5 };

struct republish {
    struct republish_options options;
    struct event *timer; /* the next pass or page */
    bool mine[TOPOLOGY_SHARDS_MAX];
    bool due[TOPOLOGY_SHARDS_MAX];     /* for the next pass */
    bool passing[TOPOLOGY_SHARDS_MAX]; /* in the running one */
    bool running;                      /* a pass */
    bool querying;
    size_t part; /* of the pass */
    /* Behind which row of the part the next page begins. */
    int64_t after_end_ms;
    struct uuid after_id;
    size_t published;
};

static void arm(struct republish *republish, int ms)
{
    if (!republish->querying) {
        timer_ensure(republish->timer, ms);
    }
}

static void begin_part(struct republish *republish, size_t part)
{
    republish->part = part;
    republish->after_end_ms = clock_now_ms() - republish->options.pages->past_s * INT64_C(1000);
    republish->after_id = (struct uuid){{0}};
}

/* False if no shard is due. */
static bool begin_pass(struct republish *republish)
{
    bool any = false;
    for (unsigned shard = 0; shard < republish->options.shards; shard++) {
        republish->passing[shard] = republish->mine[shard] && republish->due[shard];
        republish->due[shard] = false;
        any |= republish->passing[shard];
    }
    republish->running = any;
    republish->published = 0;
    begin_part(republish, 0);
    return any;
}

static void end_pass(struct republish *republish)
{
    republish->running = false;
    log_info("%zu snapshots published again", republish->published);
    for (unsigned shard = 0; shard < republish->options.shards; shard++) {
        if (republish->due[shard]) {
            arm(republish, GATHER_MS);
        }
    }
}

/* Redis took no more: the shards of the pass are due again. While it is down that waits for republish_all. */
static void break_pass(struct republish *republish)
{
    republish->running = false;
    for (unsigned shard = 0; shard < republish->options.shards; shard++) {
        republish->due[shard] |= republish->passing[shard];
    }
    if (redis_up(republish->options.snapshots->redis)) {
        arm(republish, RETRY_MS);
    }
}

/* False if Redis takes no more. */
static bool publish_row(struct republish *republish, const PGresult *result, int row)
{
    const struct republish_pages *pages = republish->options.pages;
    struct uuid id = pg_uuid(result, row, 0);
    bool changed = pg_bool(result, row, pages->changed_column);
    if (!changed || !republish->passing[ids_shard(&id, republish->options.shards)]) {
        return true;
    }
    republish->published++;
    return pages->publish(republish->options.snapshots, result, row);
}

static void on_page(const struct pg_reply *reply, void *arg)
{
    struct republish *republish = arg;
    const struct republish_pages *pages = republish->options.pages;
    republish->querying = false;
    if (reply->outcome != PG_OK) {
        arm(republish, RETRY_MS);
        return;
    }
    int rows = PQntuples(reply->result);
    bool ok = true;
    for (int row = 0; ok && row < rows; row++) {
        ok = publish_row(republish, reply->result, row);
    }
    if (rows == PAGE_ROWS) {
        republish->after_end_ms = pg_int(reply->result, rows - 1, pages->end_column);
        republish->after_id = pg_uuid(reply->result, rows - 1, 0);
    } else {
        begin_part(republish, republish->part + 1);
    }
    if (!ok) {
        break_pass(republish);
    } else if (republish->part < pages->parts) {
        arm(republish, PAGE_MS);
    } else {
        end_pass(republish);
    }
}

/* False: no connection. */
static bool ask(struct republish *republish)
{
    const struct republish_pages *pages = republish->options.pages;
    char rows[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    char id[UUID_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    const char *const values[PARAMETERS_MAX] = {rows, life, id, end, pages->part(republish->part)};
    (void)snprintf(rows, sizeof rows, "%d", PAGE_ROWS);
    (void)snprintf(life, sizeof life, "%d", SNAPSHOT_LIFE_S);
    uuid_format(&republish->after_id, id);
    clock_format(republish->after_end_ms, end);
    return pg_query(republish->options.pg, pages->statement, pages->parameters, values, on_page, republish);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct republish *republish = arg;
    (void)fd;
    (void)what;
    if (!republish->running && !begin_pass(republish)) {
        return;
    }
    republish->querying = ask(republish);
    if (!republish->querying) {
        arm(republish, RETRY_MS);
    }
}

struct republish *republish_new(const struct republish_options *options)
{
    struct republish *republish = calloc(1, sizeof *republish);
    if (republish == NULL) {
        return NULL;
    }
    republish->options = *options;
    assert(options->pages->parts > 0 && options->pages->parameters <= PARAMETERS_MAX);
    republish->timer = evtimer_new(options->base, on_timer, republish);
    if (republish->timer == NULL) {
        free(republish);
        return NULL;
    }
    return republish;
}

void republish_free(struct republish *republish)
{
    if (republish != NULL) {
        event_free(republish->timer);
        free(republish);
    }
}

void republish_serve(struct republish *republish, unsigned shard, bool mine)
{
    if (mine && !republish->mine[shard]) {
        republish->due[shard] = true;
        arm(republish, GATHER_MS);
    }
    republish->mine[shard] = mine;
}

void republish_all(struct republish *republish)
{
    for (unsigned shard = 0; shard < republish->options.shards; shard++) {
        republish->due[shard] = republish->mine[shard];
    }
    republish->running = false;
    arm(republish, GATHER_MS);
}
