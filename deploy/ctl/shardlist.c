/*
 * rostrumctl shards: prints a table of the shards' queues and one of the workers, of bids and of flash sales. Both read
 * the locks that the workers hold (common/service/shards.h). Depth and consumers are read from RabbitMQ. It does not
 * report unacknowledged messages to clients, so each owner publishes their number through Redis.
 */
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/io/redis.h"
#include "common/protocol/topology.h"
#include "common/service/shards.h"
#include "deploy/ctl/ctl.h"
#include "deploy/ctl/rabbit.h"
#include "deploy/ctl/store.h"

enum { NUMBER_SIZE = 16, MS_PER_S = 1000, REDIS_PENDING_MAX = 4 };

/* The shards of bids, or of flash sales, and the programs that serve them. */
struct family {
    const struct topology_family *topology;
    const char *owners_sql; /* see OWNERS_SQL */
    const char *without;    /* what is printed if no worker runs */
};

/* --- reports of the owners --- */

struct reports {
    struct event_base *base;
    const char *key;
    struct shards_report of[TOPOLOGY_SHARDS_MAX]; /* worker 0: no report */
};

static void on_reports(const redisReply *reply, void *arg)
{
    struct reports *reports = arg;
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; reply != NULL && reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        struct shards_report report;
        unsigned shard = 0;
        if (reply->element[i]->type == REDIS_REPLY_STRING && shards_field_read(reply->element[i]->str, &shard) &&
            reply->element[i + 1]->type == REDIS_REPLY_STRING &&
            shards_report_read(reply->element[i + 1]->str, &report) && report.at_ms > now_ms - SHARDS_REPORT_LIFE_MS) {
            reports->of[shard] = report;
        }
    }
    (void)event_base_loopbreak(reports->base);
}

static void on_redis(struct redis *redis, bool up, void *arg)
{
    struct reports *reports = arg;
    const char *const command[] = {"HGETALL", reports->key};
    if (up && !redis_command(redis, on_reports, reports, (int)ARRAY_LEN(command), command, NULL)) {
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

/*
 * The rows of a view of shards.h, with pid and unit of the process (common/base/unit.h), its address and the start of
 * its session. PostgreSQL hides address and start from a login without pg_read_all_stats; then they are NULL.
 */
#define OWNERS_SQL(view)                                                                                               \
    "SELECT v.*, coalesce(nullif(split_part(a.application_name, ' ', 3), ''), '-'),"                                   \
    " coalesce(nullif(split_part(a.application_name, ' ', 4), ''), '-'),"                                              \
    " CASE WHEN a.backend_start IS NOT NULL THEN coalesce(host(a.client_addr), 'local') END," STORE_MS(                \
        "a.backend_start") " FROM (" view ") AS v (is_worker, object, session)"                                        \
                           " LEFT JOIN pg_stat_activity a ON a.pid = v.session ORDER BY v.is_worker DESC, v.object"

static const struct family FAMILIES[] = {
    {&topology_bids, OWNERS_SQL(SHARDS_SQL_VIEW), "no bid worker runs"},
    {&topology_sales, OWNERS_SQL(SHARDS_SALES_SQL_VIEW), "no sale worker runs"},
};

enum owners_column { OWNERS_PID = 3, OWNERS_UNIT, OWNERS_FROM, OWNERS_SINCE_MS };

static void print_number(bool known, uint32_t number)
{
    char text[NUMBER_SIZE] = "-";
    if (known) {
        (void)snprintf(text, sizeof text, "%" PRIu32, number);
    }
    (void)printf("  %10s", text);
}

/* The rows of the workers come first, in the order of the view. -1: no such worker. */
static int row_of(const struct shards_view *view, uint32_t number)
{
    for (size_t worker = 0; worker < view->workers; worker++) {
        if (view->numbers[worker] == number) {
            return (int)worker;
        }
    }
    return -1;
}

static bool print_shard(struct ctl *ctl, const struct family *family, unsigned shard, const struct shards_view *view,
                        const PGresult *rows, const struct reports *reports)
{
    char name[TOPOLOGY_QUEUE_SIZE];
    struct rabbit_queue queue;
    int owner = row_of(view, view->owners[shard]);
    const struct shards_report *report = &reports->of[shard];
    topology_shard_name(family->topology, shard, name);
    if (!rabbit_look(ctl, name, &queue)) {
        return false;
    }
    (void)printf("%-14s  %-20s  %8s", name, owner < 0 ? "-" : pg_text(rows, owner, OWNERS_UNIT),
                 owner < 0 ? "-" : pg_text(rows, owner, OWNERS_PID));
    print_number(queue.there, queue.ready);
    /*
     * The report is of the last worker that read the shard. It is valid if that is still the owner, or no worker
     * consumes.
     */
    if (queue.there && queue.consumers == 0) {
        print_number(true, 0);
    } else {
        print_number(owner >= 0 && report->worker == view->owners[shard], report->unacked);
    }
    print_number(queue.there, queue.consumers);
    (void)printf("%s\n", queue.there ? "" : "  the queue does not exist: run `rostrumctl migrate`");
    return true;
}

static unsigned count_shards(const struct shards_view *view, uint32_t number)
{
    unsigned count = 0;
    for (unsigned shard = 0; shard < view->shards; shard++) {
        count += view->owners[shard] == number;
    }
    return count;
}

static void print_workers(const struct family *family, const struct shards_view *view, const PGresult *rows)
{
    (void)printf("\n%-20s  %8s  %8s  %10s  %-16s  %s\n", "UNIT", "PID", "SHARDS", "LEASE", "FROM", "SINCE");
    for (size_t worker = 0; worker < view->workers; worker++) {
        int row = (int)worker;
        char since[CLOCK_TEXT_SIZE] = "-";
        bool hidden = pg_null(rows, row, OWNERS_SINCE_MS);
        if (!hidden) {
            clock_format(pg_int(rows, row, OWNERS_SINCE_MS), since);
        }
        (void)printf("%-20s  %8s  %8u  %10" PRIu32 "  %-16s  %s\n", pg_text(rows, row, OWNERS_UNIT),
                     pg_text(rows, row, OWNERS_PID), count_shards(view, view->numbers[worker]), view->numbers[worker],
                     hidden ? "-" : pg_text(rows, row, OWNERS_FROM), since);
    }
    if (view->workers == 0) {
        (void)printf("%s\n", family->without);
    }
}

static int print_tables(struct ctl *ctl, const struct family *family, unsigned shards, const PGresult *rows)
{
    struct shards_view view;
    struct reports reports = {.key = family->topology->reports_key};
    shards_view_read(&view, shards, rows);
    read_reports(&ctl->config, &reports);
    (void)printf("%-14s  %-20s  %8s  %10s  %10s  %10s\n", "SHARD", "UNIT", "PID", "DEPTH", "UNACKED", "CONSUMERS");
    for (unsigned shard = 0; shard < shards; shard++) {
        if (!print_shard(ctl, family, shard, &view, rows, &reports)) {
            return CTL_UNAVAILABLE;
        }
    }
    print_workers(family, &view, rows);
    return CTL_OK;
}

static int print_family(struct ctl *ctl, const struct family *family, unsigned shards)
{
    PGresult *rows = store_run(ctl, family->owners_sql, 0, NULL);
    int code = rows == NULL ? CTL_FAILED : print_tables(ctl, family, shards, rows);
    PQclear(rows);
    return code;
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
    int code = store_shards(ctl, &shards) ? CTL_OK : CTL_FAILED;
    for (size_t i = 0; code == CTL_OK && i < ARRAY_LEN(FAMILIES); i++) {
        if (i > 0) {
            (void)putchar('\n');
        }
        code = print_family(ctl, &FAMILIES[i], shards);
    }
    return code;
}
