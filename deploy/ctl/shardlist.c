/*
 * rostrumctl shards: prints a table of the shards' queues and one of the workers. Owners are computed from the advisory
 * locks, as the workers do (common/service/shards.h). Depth and consumers are read from RabbitMQ. It does not report
 * unacknowledged messages to clients, so each owner publishes their number through Redis.
 */
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/protocol/topology.h"
#include "common/service/shards.h"
#include "deploy/ctl/ctl.h"
#include "deploy/ctl/rabbit.h"
#include "deploy/ctl/store.h"

enum { NUMBER_SIZE = 16, MS_PER_S = 1000, REDIS_PENDING_MAX = 4 };

/* --- reports of the owners --- */

struct reports {
    struct event_base *base;
    struct shards_report of[TOPOLOGY_SHARDS_MAX]; /* worker 0: no report */
};

static bool read_shard(const redisReply *name, unsigned *shard)
{
    char *end = NULL;
    unsigned long number = name->type == REDIS_REPLY_STRING ? strtoul(name->str, &end, 10) : TOPOLOGY_SHARDS_MAX;
    *shard = (unsigned)number;
    return number < TOPOLOGY_SHARDS_MAX && end != name->str && *end == '\0';
}

static void on_reports(const redisReply *reply, void *arg)
{
    struct reports *reports = arg;
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; reply != NULL && reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        struct shards_report report;
        unsigned shard = 0;
        if (read_shard(reply->element[i], &shard) && reply->element[i + 1]->type == REDIS_REPLY_STRING &&
            shards_report_read(reply->element[i + 1]->str, &report) && report.at_ms > now_ms - SHARDS_REPORT_LIFE_MS) {
            reports->of[shard] = report;
        }
    }
    (void)event_base_loopbreak(reports->base);
}

static void on_redis(struct redis *redis, bool up, void *arg)
{
    static const char *const COMMAND[] = {"HGETALL", KEYS_SHARDS};
    struct reports *reports = arg;
    if (up && !redis_command(redis, on_reports, reports, (int)ARRAY_LEN(COMMAND), COMMAND, NULL)) {
        (void)event_base_loopbreak(reports->base);
    }
}

/* Reads the reports within the settings' timeout. An outage of Redis is not an error: the reports stay empty. */
static void read_reports(const struct config *config, struct reports *reports)
{
    struct timeval patience = {.tv_sec = 2L * config->redis_timeout_ms / MS_PER_S,
                               .tv_usec = 2L * config->redis_timeout_ms % MS_PER_S * MS_PER_S};
    struct redis_options options = {
        .url = config->redis_url,
        .timeout_ms = config->redis_timeout_ms,
        .pending_max = REDIS_PENDING_MAX,
        .on_change = on_redis,
        .arg = reports,
    };
    reports->base = event_base_new();
    if (reports->base == NULL) {
        return;
    }
    options.base = reports->base;
    struct redis *redis = redis_new(&options);
    if (redis != NULL) {
        if (event_base_loopexit(reports->base, &patience) == 0) {
            (void)event_base_dispatch(reports->base);
        }
        redis_free(redis);
    }
    event_base_free(reports->base);
}

/* --- the tables --- */

static const char WORKERS_SQL[] =
    "SELECT l.objid::bigint, coalesce(host(a.client_addr), 'local'), coalesce(a.pid, 0)," STORE_MS(
        "a.backend_start") " FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = "
                           "'advisory'"
                           " AND l.classid = " SHARDS_LOCK_CLASS_TEXT " AND l.objsubid = 2 AND l.granted"
                           " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER "
                           "BY l.objid LIMIT 64";

struct live_workers {
    uint32_t numbers[SHARDS_WORKERS_MAX];
    size_t count;
};

static void print_number(bool known, uint32_t number)
{
    char text[NUMBER_SIZE] = "-";
    if (known) {
        (void)snprintf(text, sizeof text, "%" PRIu32, number);
    }
    (void)printf("  %10s", text);
}

static bool print_shard(struct ctl *ctl, unsigned shard, const struct live_workers *workers,
                        const struct reports *reports)
{
    char name[TOPOLOGY_QUEUE_SIZE];
    struct rabbit_queue queue;
    uint32_t owner = shards_owner(shard, workers->numbers, workers->count);
    const struct shards_report *report = &reports->of[shard];
    topology_shard_name(shard, name);
    if (!rabbit_look(ctl, name, &queue)) {
        return false;
    }
    (void)printf("%-13s", name);
    print_number(owner != 0, owner);
    print_number(queue.there, queue.ready);
    /* The report is of the last worker that served the shard. It is valid if that is still the owner, or no worker
     * consumes. */
    if (queue.there && queue.consumers == 0) {
        print_number(true, 0);
    } else {
        print_number(owner != 0 && report->worker == owner, report->unacked);
    }
    print_number(queue.there, queue.consumers);
    (void)printf("%s\n", queue.there ? "" : "  the queue does not exist: run `rostrumctl migrate`");
    return true;
}

static void print_workers(const PGresult *result)
{
    (void)printf("\n%10s  %-16s  %s\n", "WORKER", "FROM", "SINCE");
    for (int row = 0; row < PQntuples(result); row++) {
        char since[CLOCK_TEXT_SIZE];
        clock_format(pg_int(result, row, 3), since);
        (void)printf("%10s  %-16s  %s\n", pg_text(result, row, 0), pg_text(result, row, 1), since);
    }
    if (PQntuples(result) == 0) {
        (void)printf("no bid worker runs\n");
    }
}

static int print_tables(struct ctl *ctl, unsigned shards, const PGresult *result)
{
    struct live_workers workers = {.count = 0};
    struct reports reports = {.base = NULL};
    for (int row = 0; row < PQntuples(result) && workers.count < SHARDS_WORKERS_MAX; row++) {
        workers.numbers[workers.count++] = (uint32_t)pg_int(result, row, 0);
    }
    read_reports(&ctl->config, &reports);
    (void)printf("%-13s  %10s  %10s  %10s  %10s\n", "SHARD", "OWNER", "DEPTH", "UNACKED", "CONSUMERS");
    for (unsigned shard = 0; shard < shards; shard++) {
        if (!print_shard(ctl, shard, &workers, &reports)) {
            return CTL_UNAVAILABLE;
        }
    }
    print_workers(result);
    return CTL_OK;
}

int shardlist_command(struct ctl *ctl, int argc, char **argv)
{
    unsigned shards = 0;
    (void)argv;
    if (argc != 0) {
        ctl_report_error("shards takes no arguments");
        return CTL_USAGE;
    }
    if (!store_open(ctl) || !rabbit_open(ctl)) {
        return CTL_UNAVAILABLE;
    }
    PGresult *result = store_shards(ctl, &shards) ? store_run(ctl, WORKERS_SQL, 0, NULL) : NULL;
    int code = result == NULL ? CTL_FAILED : print_tables(ctl, shards, result);
    PQclear(result);
    return code;
}
