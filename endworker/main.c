/*
 * rostrum-endworker: starts, ends and settles auctions. This file creates and connects the components: two brokers (one
 * publishes, one consumes, because an alarm must not stop settlement), a pool, Redis, the leader's lock, and the drain.
 *
 *     timing_guard -> leader (only while the clock is right)
 *     leader -> scheduler    -> START, FENCE into the shard queues; those and OPEN, EXPIRE for sales
 *            -> ending_soon, starting_soon -> outbox
 *            -> prices, sealer
 *     depths of the shard queues -> Redis
 *     queue auction_end -> settlement_consumer -> settlement -> outbox
 */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/protocol/deadletter.h"
#include "common/protocol/epoch.h"
#include "common/protocol/rights.h"
#include "common/protocol/snapshot.h"
#include "common/protocol/topology.h"
#include "common/service/broker_pair.h"
#include "common/service/config.h"
#include "common/service/daemon.h"
#include "common/service/outbox.h"
#include "common/service/service_loop.h"
#include "common/service/timing_guard.h"
#include "endworker/depths.h"
#include "endworker/ending_soon.h"
#include "endworker/endworker_metrics.h"
#include "endworker/leader.h"
#include "endworker/prices.h"
#include "endworker/scheduler.h"
#include "endworker/sealer.h"
#include "endworker/settlement.h"
#include "endworker/settlement_consumer.h"
#include "endworker/starting_soon.h"
#include "endworker/statements.h"

enum {
    PG_CONNECTIONS = 3,       /* settlement, ending soon, and one for single statements */
    PG_PENDING_MAX = 64,      /* statements per connection: each component has only a few running */
    REDIS_PENDING_MAX = 2048, /* snapshots of four jobs */
    UNCONFIRMED_MAX = 2048,   /* unconfirmed commands, outbox rows and dead letters */
    MS_PER_S = 1000,
    DRAIN_OUTBOX_MS = 2000, /* longest wait for confirms of the outbox; another worker's sweep publishes the others */
};

static const struct daemon_program program = {
    .name = "rostrum-endworker",
    .login = LOGIN_ENDWORKER,
    .purpose = "starts auctions, ends them, and settles ended auctions",
    .description =
        "  Six services in one process:\n\n"
        "  Scheduling. One end worker leads: the one that holds a lease in PostgreSQL. Every\n"
        "  schedule_poll_ms it queries scheduled auctions whose start time has passed, and active ones whose\n"
        "  end time has passed by fence_grace_ms. It puts a start or fence command into the queue of the\n"
        "  auction's bids, where the bid worker processes it in order. The command is repeated after\n"
        "  fence_repeat_ms, then at growing intervals, until the auction has left that state. Run a second\n"
        "  end worker as a stand-by: it takes over within a second when the\n"
        "  leader ends, and after lease_s when it hangs.\n\n"
        "  Flash sales. In the same way the leader opens, starts and ends sales, and ends turns and reservations\n"
        "  that have run out by fence_grace_ms. Time in which it was without RabbitMQ does not count.\n\n"
        "  Ending soon. The leader announces once each auction that ends within ending_soon_s, and each\n"
        "  flash sale that starts within sale_starting_soon_s.\n\n"
        "  Prices. The leader updates the prices of the search index after bids.\n\n"
        "  Audit. The leader chains new entries of the audit log by hashes every second, and logs the newest\n"
        "  hash every ten minutes: see docs/audit.md.\n\n"
        "  Depths. The leader publishes the depths of the bid queues in Redis every second, so that gateways\n"
        "  notice bids that nobody decides. Without PostgreSQL every end worker does.\n\n"
        "  Settlement. Ended auctions arrive in queue auction_end and become sold or unsold, once, under\n"
        "  their row lock. Every settle_sweep_ms a query finds ended auctions that were missed. Every end\n"
        "  worker settles, the stand-by too. A message that cannot be parsed is copied to queue\n"
        "  dead_letters, with the reason, before it is acknowledged.\n\n"
        "  PostgreSQL, RabbitMQ and Redis may be down at any time, also at the start: everything is retried\n"
        "  without limit. 'rostrumctl migrate' creates the schema and the queues.",
};

/* The components of the process; NULL until created. */
struct endworker {
    struct config config;
    struct service_loop loop;
    struct broker_pair brokers;
    struct pg *pg;
    struct redis *redis;
    struct snapshot_writer snapshots;
    struct outbox *outbox;
    struct deadletters *deadletters;
    struct outages outages; /* of the publishing broker */
    struct timing_guard *timing;
    struct leader *leader; /* NULL also while the clock is wrong, or not measured yet */
    struct scheduler *scheduler;
    struct ending_soon *ending_soon;
    struct starting_soon *starting_soon;
    struct prices *prices;
    struct sealer *sealer;
    struct depths *depths;
    struct settlement *settlement;
    struct settlement_consumer *settlement_consumer;
    int64_t drain_outbox_until_ms; /* monotonic */
};

enum { SCRIPT_SNAPSHOT };

static bool leads(void *arg)
{
    const struct endworker *worker = arg;
    return worker->leader != NULL && leader_leads(worker->leader);
}

/* Whether this program reports depths: it leads, or nobody may lead. */
static bool reports_depths(void *arg)
{
    const struct endworker *worker = arg;
    return leads(arg) || !pg_up(worker->pg) || timing_guard_withholds(worker->timing);
}

static void report(struct endworker *worker)
{
    bool pg_is_up = worker->pg != NULL && pg_up(worker->pg);
    bool publishes = broker_pair_publishes(&worker->brokers);
    bool consumes = broker_pair_consumes(&worker->brokers);
    daemon_status(worker->loop.daemon, "%s; PostgreSQL %s, publishing %s, consuming %s",
                  worker->leader == NULL ? "waiting for a right clock"
                  : leads(worker)        ? "leading"
                                         : "standing by",
                  pg_is_up ? "up" : "down", publishes ? "up" : "down", consumes ? "up" : "down");
    if (pg_is_up && publishes && consumes) {
        daemon_ready(worker->loop.daemon);
    }
}

static void on_pg(struct pg *pg, bool up, void *arg)
{
    (void)pg;
    log_info("PostgreSQL is %s", up ? "up" : "down");
    report(arg);
}

static bool on_pg_opened(const PGresult *result, void *arg)
{
    struct endworker *worker = arg;
    struct epoch epoch;
    bool known = epoch_read(result, &epoch);
    if (known) {
        worker->snapshots.epoch = epoch.number;
    }
    return known;
}

static void on_redis(struct redis *redis, bool up, void *arg)
{
    (void)redis;
    (void)arg;
    log_info("Redis is %s", up ? "up" : "down");
}

static void on_brokers(void *arg)
{
    struct endworker *worker = arg;
    outages_note(&worker->outages, broker_pair_publishes(&worker->brokers), clock_now_ms());
    if (broker_pair_publishes(&worker->brokers) && worker->outbox != NULL) {
        outbox_wake(worker->outbox);
    }
    report(worker);
}

static void on_leader(bool leading, void *arg)
{
    struct endworker *worker = arg;
    leading = leading && !daemon_draining(worker->loop.daemon);
    scheduler_lead(worker->scheduler, leading);
    ending_soon_lead(worker->ending_soon, leading);
    starting_soon_lead(worker->starting_soon, leading);
    prices_lead(worker->prices, leading);
    report(worker);
}

/* Whether this program can schedule, so that it may keep the lead. */
static bool is_fit(void *arg)
{
    const struct endworker *worker = arg;
    return broker_state(worker->brokers.publisher) != BROKER_DOWN && pg_up(worker->pg);
}

/* Requests the lead. */
static bool seek_lead(struct endworker *worker)
{
    struct leader_options leader = {
        .base = worker->loop.base, .config = &worker->config, .fit = is_fit, .on_change = on_leader, .arg = worker};
    worker->leader = leader_new(&leader);
    return worker->leader != NULL;
}

/* Gives up the lead, and does not request it any more. */
static void leave_lead(struct endworker *worker)
{
    leader_free(worker->leader);
    worker->leader = NULL;
    on_leader(false, worker);
}

/* Only with a right clock does the worker seek the lead. */
static void on_clock(bool right, void *arg)
{
    struct endworker *worker = arg;
    if (!right) {
        leave_lead(worker);
    } else if (!daemon_draining(worker->loop.daemon) && !seek_lead(worker)) {
        log_error("cannot seek the lead: no memory");
        service_loop_fail(&worker->loop);
    }
}

static void on_contradiction(void *arg)
{
    struct endworker *worker = arg;
    leave_lead(worker);
    service_loop_refuse(&worker->loop);
}

static bool is_busy(void *arg)
{
    const struct endworker *worker = arg;
    bool outbox_waits = outbox_pending(worker->outbox) > 0 && broker_pair_publishes(&worker->brokers) &&
                        clock_mono_ms() < worker->drain_outbox_until_ms;
    return settlement_consumer_busy(worker->settlement_consumer) || ending_soon_busy(worker->ending_soon) ||
           starting_soon_busy(worker->starting_soon) || outbox_waits;
}

static void on_drain(void *arg)
{
    struct endworker *worker = arg;
    scheduler_lead(worker->scheduler, false);
    ending_soon_lead(worker->ending_soon, false);
    starting_soon_lead(worker->starting_soon, false);
    prices_lead(worker->prices, false);
    leader_free(worker->leader); /* a stand-by takes over at once */
    worker->leader = NULL;
    settlement_consumer_drain(worker->settlement_consumer);
    worker->drain_outbox_until_ms = clock_mono_ms() + DRAIN_OUTBOX_MS;
}

static bool connect_stores(struct endworker *worker)
{
    static const struct redis_script *const script = &snapshot_script;
    struct pg_options pg = {.base = worker->loop.base,
                            .url = worker->config.pg_url,
                            .application = program.name,
                            .statements = statements_table,
                            .statement_count = STATEMENT_COUNT,
                            .connections = PG_CONNECTIONS,
                            .timeout_ms = worker->config.pg_timeout_ms,
                            .pending_max = PG_PENDING_MAX,
                            .opening = EPOCH_SQL,
                            .opened = on_pg_opened,
                            .on_change = on_pg,
                            .arg = worker};
    struct redis_options redis = {.base = worker->loop.base,
                                  .url = worker->config.redis_url,
                                  .scripts = script,
                                  .script_count = SCRIPT_SNAPSHOT + 1,
                                  .timeout_ms = worker->config.redis_timeout_ms,
                                  .pending_max = REDIS_PENDING_MAX,
                                  .on_change = on_redis,
                                  .arg = worker};
    worker->pg = pg_new(&pg);
    worker->redis = redis_new(&redis);
    worker->snapshots = (struct snapshot_writer){.redis = worker->redis, .script = SCRIPT_SNAPSHOT};
    return worker->pg != NULL && worker->redis != NULL;
}

static bool connect_brokers(struct endworker *worker)
{
    static const char *const exchanges[] = {TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_DEAD_EXCHANGE,
                                            TOPOLOGY_DELIVERIES_EXCHANGE, NULL};
    static const char *const queues[] = {TOPOLOGY_AUCTION_END_QUEUE, NULL};
    const struct broker_pair_options options = {.base = worker->loop.base,
                                                .config = &worker->config,
                                                .login = LOGIN_ENDWORKER,
                                                .publisher_name = "rostrum-endworker publisher",
                                                .consumer_name = "rostrum-endworker consumer",
                                                .unconfirmed_max = UNCONFIRMED_MAX,
                                                .exchanges = exchanges,
                                                .queues = queues,
                                                .on_change = on_brokers,
                                                .arg = worker};
    outages_note(&worker->outages, false, clock_now_ms()); /* until it is connected */
    return broker_pair_open(&worker->brokers, &options);
}

static bool make_publishers(struct endworker *worker)
{
    struct outbox_options outbox = {.base = worker->loop.base,
                                    .pg = worker->pg,
                                    .broker = worker->brokers.publisher,
                                    .first_statement = STATEMENT_OUTBOX,
                                    .sweep_ms = worker->config.outbox_sweep_ms,
                                    .age_ms = worker->config.outbox_age_ms,
                                    .exchanges = rights_amqp[LOGIN_ENDWORKER].write};
    worker->outbox = outbox_new(&outbox);
    worker->deadletters = deadletters_new(worker->loop.base, worker->brokers.publisher);
    return worker->outbox != NULL && worker->deadletters != NULL;
}

static bool make_services(struct endworker *worker)
{
    const struct config *config = &worker->config;
    struct timing_guard_options timing = {.base = worker->loop.base,
                                          .config = config,
                                          .pg = worker->pg,
                                          .first_statement = STATEMENT_TIMING,
                                          .program = program.name,
                                          .consequence = "no auction is started or ended, and the lead is given up",
                                          .on_change = on_clock,
                                          .on_contradiction = on_contradiction,
                                          .arg = worker};
    worker->timing = timing_guard_new(&timing);
    struct scheduler_options scheduler = {.base = worker->loop.base,
                                          .config = config,
                                          .pg = worker->pg,
                                          .broker = worker->brokers.publisher,
                                          .timing = worker->timing,
                                          .outages = &worker->outages,
                                          .leads = leads,
                                          .arg = worker};
    struct settlement_options settlement = {.base = worker->loop.base,
                                            .pg = worker->pg,
                                            .outbox = worker->outbox,
                                            .redis = worker->redis,
                                            .snapshots = &worker->snapshots};
    const struct depths_options depths = {.base = worker->loop.base,
                                          .pg = worker->pg,
                                          .broker = worker->brokers.consumer,
                                          .redis = worker->redis,
                                          .wanted = reports_depths,
                                          .arg = worker};
    worker->scheduler = scheduler_new(&scheduler);
    worker->ending_soon =
        ending_soon_new(worker->loop.base, worker->pg, worker->outbox, worker->redis, config->ending_soon_s);
    worker->starting_soon =
        starting_soon_new(worker->loop.base, worker->pg, worker->outbox, config->sale_starting_soon_s);
    worker->prices = prices_new(worker->loop.base, worker->pg);
    worker->sealer = sealer_new(
        &(struct sealer_options){.base = worker->loop.base, .pg = worker->pg, .leads = leads, .arg = worker});
    worker->depths = depths_new(&depths);
    worker->settlement = settlement_new(&settlement);
    if (worker->timing == NULL || worker->scheduler == NULL || worker->ending_soon == NULL ||
        worker->starting_soon == NULL || worker->prices == NULL || worker->sealer == NULL || worker->depths == NULL ||
        worker->settlement == NULL) {
        return false;
    }
    struct settlement_consumer_options settlement_consumer = {.base = worker->loop.base,
                                                              .pg = worker->pg,
                                                              .consumes = worker->brokers.consumer,
                                                              .deadletters = worker->deadletters,
                                                              .settlement = worker->settlement,
                                                              .sweep_ms = config->settle_sweep_ms};
    worker->settlement_consumer = settlement_consumer_new(&settlement_consumer);
    return worker->settlement_consumer != NULL;
}

/* Frees pool, Redis and brokers first: their last callbacks use the other components. */
static void on_close(void *arg)
{
    struct endworker *worker = arg;
    leader_free(worker->leader);
    worker->leader = NULL;
    broker_pair_close(&worker->brokers);
    pg_free(worker->pg);
    worker->pg = NULL;
    redis_free(worker->redis);
    settlement_consumer_free(worker->settlement_consumer);
    settlement_free(worker->settlement);
    depths_free(worker->depths);
    sealer_free(worker->sealer);
    prices_free(worker->prices);
    starting_soon_free(worker->starting_soon);
    ending_soon_free(worker->ending_soon);
    scheduler_free(worker->scheduler);
    timing_guard_free(worker->timing);
    deadletters_free(worker->deadletters);
    outbox_free(worker->outbox);
}

static void on_collect(void *arg)
{
    const struct endworker *worker = arg;
    endworker_metrics_outbox(worker->outbox == NULL ? 0 : outbox_pending(worker->outbox));
    endworker_metrics_leader(leads(arg));
    endworker_metrics_unsealed(worker->sealer == NULL ? 0 : sealer_lag_ms(worker->sealer) / MS_PER_S);
}

static bool on_open(void *arg)
{
    struct endworker *worker = arg;
    return connect_stores(worker) && connect_brokers(worker) && make_publishers(worker) && make_services(worker);
}

int main(int argc, char **argv)
{
    static struct endworker worker;
    const struct service_loop_calls calls = {.families = endworker_metrics_families,
                                             .open = on_open,
                                             .close = on_close,
                                             .drain = on_drain,
                                             .busy = is_busy,
                                             .collect = on_collect,
                                             .arg = &worker};
    int exit_code = EXIT_OK;
    if (!daemon_start(&program, argc, argv, &worker.config, &exit_code)) {
        return exit_code;
    }
    return service_loop_run(&worker.loop, &worker.config, &calls);
}
