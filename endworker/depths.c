/*
 * See depths.h. The number of shards is read once, while PostgreSQL is up; before that nothing is published.
 */
#include "endworker/depths.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/broker_depths.h"
#include "common/io/pg_value.h"
#include "common/protocol/topology.h"
#include "common/service/shards.h"
#include "endworker/statements.h"

enum { TICK_S = 1 };

struct depths {
    struct depths_options options;
    struct event *tick;
    bool asking; /* for the number of shards */
    unsigned shards;
    struct broker_depths *channel;                            /* NULL until the shards are known */
    char names[2 * TOPOLOGY_SHARDS_MAX][TOPOLOGY_QUEUE_SIZE]; /* the shards of bids, then those of sales */
    const char *queues[2 * TOPOLOGY_SHARDS_MAX + 1];
};

static const struct topology_family *family_of(const struct depths *depths, size_t queue)
{
    return queue < depths->shards ? &topology_bids : &topology_sales;
}

static void on_depth(size_t queue, int64_t ready, int64_t consumers, void *arg)
{
    const struct depths *depths = arg;
    const struct shards_depth depth = {.ready = ready, .consumers = consumers, .at_ms = clock_now_ms()};
    char field[SHARDS_FIELD_SIZE];
    char text[SHARDS_REPORT_SIZE];
    const char *const arguments[] = {"HSET", family_of(depths, queue)->depths_key, field, text};
    shards_field_write((unsigned)queue % depths->shards, field);
    shards_depth_write(&depth, text);
    if (redis_up(depths->options.redis) &&
        !redis_command(depths->options.redis, NULL, NULL, (int)ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("%s: depth not sent, Redis takes no more", depths->names[queue]);
    }
}

static void open_channel(struct depths *depths)
{
    const struct broker_depths_options options = {.queues = depths->queues, .answered = on_depth, .arg = depths};
    for (unsigned queue = 0; queue < 2 * depths->shards; queue++) {
        topology_shard_name(family_of(depths, queue), queue % depths->shards, depths->names[queue]);
        depths->queues[queue] = depths->names[queue];
    }
    depths->channel = broker_depths_new(depths->options.broker, &options);
    if (depths->channel == NULL) {
        log_error("depths of shards cannot be read: no memory");
    }
}

static void on_shards(const struct pg_reply *reply, void *arg)
{
    struct depths *depths = arg;
    depths->asking = false;
    if (reply->outcome == PG_OK && PQntuples(reply->result) == 1) {
        depths->shards = (unsigned)pg_int(reply->result, 0, 0);
        assert(depths->shards >= 1 && depths->shards <= TOPOLOGY_SHARDS_MAX);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct depths *depths = arg;
    (void)fd;
    (void)what;
    if (depths->shards == 0 && pg_up(depths->options.pg) && !depths->asking) {
        depths->asking = pg_query(depths->options.pg, STATEMENT_SHARDS, 0, NULL, on_shards, depths);
    }
    if (depths->shards > 0 && depths->channel == NULL) {
        open_channel(depths);
    }
    if (depths->channel != NULL && depths->options.wanted(depths->options.arg)) {
        broker_depths_ask(depths->channel);
    }
}

struct depths *depths_new(const struct depths_options *options)
{
    struct depths *depths = calloc(1, sizeof(*depths));
    const struct timeval every = {.tv_sec = TICK_S};
    if (depths == NULL) {
        return NULL;
    }
    depths->options = *options;
    depths->tick = event_new(options->base, -1, EV_PERSIST, on_tick, depths);
    if (depths->tick == NULL || event_add(depths->tick, &every) != 0) {
        depths_free(depths);
        return NULL;
    }
    return depths;
}

void depths_free(struct depths *depths)
{
    if (depths == NULL) {
        return;
    }
    if (depths->tick != NULL) {
        event_free(depths->tick);
    }
    free(depths);
}
