/*
 * See worker.h. Called by worker_main.c.
 *
 * When the lease is gone the worker closes its channels at once, has the batch rolled back, and waits until it owns
 * shards again. It gives the lease up by itself when PostgreSQL has not answered about its commands for lease_s while
 * other workers are alive: they may fare better. It does so once, and again only after it has committed a batch.
 */
#include "common/worker/worker.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/timer.h"
#include "common/protocol/epoch.h"
#include "common/protocol/rights.h"
#include "common/protocol/schema.h"
#include "common/protocol/topology.h"
#include "common/protocol/topology_prepare.h"
#include "common/worker/cycle.h"
#include "common/worker/ownership.h"
#include "common/worker/shard_reader.h"
#include "common/worker/worker_metrics.h"

enum {
    PG_CONNECTIONS = 2,             /* one for the batch's transaction, one for the outbox's statements */
    PG_PENDING_MAX = 256,           /* a batch sends fewer than ten, and one for each dead letter */
    PUBLISH_UNCONFIRMED_MAX = 2048, /* unconfirmed messages: the outbox's rows and undecodable deliveries */
    CONSUME_UNCONFIRMED_MAX = 1,    /* the consuming connection publishes nothing */
    TOPOLOGY_RETRY_MS = 500,
    SESSION_SIZE = 512,
    NAME_SIZE = 64,
    REPORT_S = 10,
    READY_POLLS = 20,       /* ownership polls between two requests for the queue lengths */
    STALL_REST_LEASES = 2,  /* before it takes part again: the others have all shards and a batch by then */
    OUTBOX_POLL_MS = 20,    /* while draining */
    OUTBOX_DRAIN_MS = 2000, /* then the remaining rows are left to the other workers' sweep */
};

/* The last entry in the log. */
struct report {
    struct cycle_totals totals;
    int64_t at_ms;
};

struct worker {
    struct worker_options options;
    bool draining;
    unsigned shard_count; /* 0: not known yet */
    struct pg *pg;
    struct broker *consuming;
    struct broker *publishing;
    struct shard_reader *shard_reader;
    struct ownership *ownership;
    struct outbox *outbox;
    struct ledger_load *load;
    struct redis_results *results;
    struct cycle *cycle; /* NULL until the number of shards is known */
    struct event *topology_timer;
    struct event *report_timer;
    struct event *outbox_timer; /* draining */
    bool gave_up;               /* the lease, because PostgreSQL did not answer */
    uint64_t gave_up_batches;   /* the number of batches committed by then */
    size_t serving;             /* number of shards at the last call of `serving`; SIZE_MAX: not called yet */
    int64_t drain_until_ms;
    struct report report;
    unsigned polls; /* ownership polls since the start */
    char queue_names[TOPOLOGY_SHARDS_MAX][TOPOLOGY_QUEUE_SIZE];
    const char *queues[TOPOLOGY_SHARDS_MAX + 1];
    char session[SESSION_SIZE]; /* settings of the sessions that decide */
    char names[3][NAME_SIZE];   /* of the connections: publishing, consuming, lease */
};

/* --- draining --- */

static void check_outbox(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    size_t left = worker->outbox == NULL ? 0 : outbox_pending(worker->outbox);
    (void)fd;
    (void)what;
    if (left > 0 && clock_mono_ms() < worker->drain_until_ms) {
        timer_set(worker->outbox_timer, OUTBOX_POLL_MS);
        return;
    }
    if (left > 0) {
        log_warn("drained with %zu outbox rows unpublished: other workers publish them", left);
    }
    worker->options.drained(worker->options.arg);
}

/* No command is in hand any more. */
static void leave_shards(void *arg)
{
    struct worker *worker = arg;
    for (unsigned shard = 0; worker->shard_reader != NULL && shard < worker->shard_count; shard++) {
        shard_reader_leave(worker->shard_reader, shard);
    }
    worker->drain_until_ms = clock_mono_ms() + OUTBOX_DRAIN_MS;
    timer_set(worker->outbox_timer, 0);
}

void worker_drain(struct worker *worker)
{
    if (worker->draining) {
        return;
    }
    worker->draining = true;
    /*
     * Releases the lock. The other workers take the shards at their next poll, and consume once our channels are
     * closed.
     */
    ownership_free(worker->ownership);
    worker->ownership = NULL;
    log_info("draining");
    if (worker->cycle != NULL) {
        cycle_drain(worker->cycle);
    } else {
        leave_shards(worker);
    }
}

/* --- the lease and the shards --- */

static bool holds_lease(void *arg)
{
    const struct worker *worker = arg;
    return worker->ownership != NULL && ownership_holds(worker->ownership);
}

static bool hung(void *arg)
{
    const struct worker *worker = arg;
    return worker->ownership != NULL && ownership_hung(worker->ownership);
}

static void notify_serving(void *arg)
{
    struct worker *worker = arg;
    if (worker->ownership == NULL || !ownership_settled(worker->ownership) ||
        broker_state(worker->consuming) == BROKER_DOWN) {
        return;
    }
    size_t serving = shard_reader_serving(worker->shard_reader);
    if (serving != worker->serving) {
        worker->serving = serving;
        worker->options.serving(serving, worker->options.arg);
    }
}

static bool is_fit(void *arg)
{
    const struct worker *worker = arg;
    return broker_state(worker->consuming) != BROKER_DOWN && pg_up(worker->pg);
}

/* The lease is gone. A COMMIT that was sent is waited for: its outcome is published, or the batch pruned. */
static void on_lost(void *arg)
{
    struct worker *worker = arg;
    shard_reader_abandon(worker->shard_reader);
    cycle_abandon(worker->cycle);
    if (worker->serving != SIZE_MAX) {
        worker->serving = 0;
        worker->options.serving(0, worker->options.arg);
    }
}

/* Gives all shards to the other workers if PostgreSQL answers them, perhaps, but not this one. */
static void check_stall(struct worker *worker)
{
    int64_t lease_ms = worker->options.config->lease_s * INT64_C(1000);
    int64_t unanswered_ms = cycle_unanswered_ms(worker->cycle);
    uint64_t batches = cycle_totals(worker->cycle).batches;
    bool again = worker->gave_up && worker->gave_up_batches == batches;
    if (unanswered_ms < lease_ms || again || ownership_alive(worker->ownership) < 2) {
        return;
    }
    log_warn("PostgreSQL has not answered about a batch for %" PRId64 " ms: the shards are left to other workers",
             unanswered_ms);
    worker->gave_up = true;
    worker->gave_up_batches = batches;
    ownership_release(worker->ownership, lease_ms * STALL_REST_LEASES);
}

/* For operators, and for gateways, which notice by it that commands are not decided. */
static void report_shards(struct worker *worker)
{
    int64_t stalled_ms = cycle_age_ms(worker->cycle);
    for (unsigned shard = 0; worker->ownership != NULL && shard < worker->shard_count; shard++) {
        size_t unacked = 0;
        if (shard_reader_unacked(worker->shard_reader, shard, &unacked)) {
            struct shards_report report = {
                .worker = ownership_number(worker->ownership),
                .unacked = (uint32_t)unacked,
                .at_ms = clock_now_ms(),
                .stalled_ms = stalled_ms,
            };
            shard_reader_describe(worker->shard_reader, shard, &report);
            redis_results_report(worker->results, worker->options.program->family->topology->reports_key, shard,
                                 &report);
        }
    }
}

static void on_polled(void *arg)
{
    struct worker *worker = arg;
    notify_serving(worker);
    check_stall(worker);
    if (shard_reader_held(worker->shard_reader) > 0) {
        cycle_wake(worker->cycle);
    }
    if (worker->options.config->metrics_port != 0 && worker->polls++ % READY_POLLS == 0) {
        shard_reader_ask_ready(worker->shard_reader);
    }
    report_shards(worker);
}

static void on_mine(unsigned shard, bool mine, void *arg)
{
    struct worker *worker = arg;
    republish_serve(worker->results->republish, shard, mine);
    if (mine) {
        shard_reader_serve(worker->shard_reader, shard);
    } else {
        shard_reader_leave(worker->shard_reader, shard);
    }
}

/* The first deliveries come later than the start of the cycle: the shard reader serves no shard before. */
static void on_work(void *arg)
{
    const struct worker *worker = arg;
    cycle_wake(worker->cycle);
}

static bool reads_shard(unsigned shard, void *arg)
{
    const struct worker *worker = arg;
    return shard_reader_reads(worker->shard_reader, shard);
}

static void on_left(void *arg)
{
    struct worker *worker = arg;
    if (worker->ownership != NULL) {
        ownership_left(worker->ownership);
    }
}

/* --- reports --- */

static void on_report(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    struct report report = {.at_ms = clock_mono_ms()};
    int64_t passed_ms = report.at_ms - worker->report.at_ms;
    size_t depth = worker->outbox == NULL ? 0 : outbox_pending(worker->outbox);
    (void)fd;
    (void)what;
    if (worker->cycle != NULL) {
        report.totals = cycle_totals(worker->cycle);
    }
    uint64_t commands = report.totals.commands - worker->report.totals.commands;
    uint64_t batches = report.totals.batches - worker->report.totals.batches;
    if (batches > 0 && passed_ms > 0) {
        log_info("decided %" PRIu64 " commands: %" PRId64 " a second, %" PRIu64 " a batch; outbox depth %zu", commands,
                 (int64_t)commands * 1000 / passed_ms, commands / batches, depth);
    } else if (depth > 0) {
        log_info("decided no commands; outbox depth %zu", depth);
    }
    worker->report = report;
}

void worker_update_gauges(const struct worker *worker)
{
    if (worker->shard_reader != NULL) {
        worker_metrics_shards(worker->options.program, worker->shard_reader, worker->shard_count);
    }
    worker_metrics_outbox(worker->outbox == NULL ? 0 : outbox_pending(worker->outbox));
}

/* --- start --- */

static void on_consuming(struct broker *broker, enum broker_state state, void *arg)
{
    (void)broker;
    (void)state;
    notify_serving(arg);
}

static void on_publishing(struct broker *broker, enum broker_state state, void *arg)
{
    struct worker *worker = arg;
    (void)broker;
    if (state == BROKER_UP && worker->outbox != NULL) {
        outbox_wake(worker->outbox);
    }
}

static bool open_brokers(struct worker *worker)
{
    static const char *const exchanges[] = {TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_DEAD_EXCHANGE,
                                            TOPOLOGY_DELIVERIES_EXCHANGE, NULL};
    const struct config *config = worker->options.config;
    const struct worker_program *program = worker->options.program;
    for (unsigned shard = 0; shard < worker->shard_count; shard++) {
        topology_shard_name(program->family->topology, shard, worker->queue_names[shard]);
        worker->queues[shard] = worker->queue_names[shard];
    }
    struct broker_options options = {
        .base = worker->options.base,
        .url = config->amqp_url,
        .name = worker->names[0],
        .heartbeat_s = config->amqp_heartbeat_s,
        .connect_timeout_ms = BROKER_CONNECT_TIMEOUT_MS,
        .unconfirmed_max = PUBLISH_UNCONFIRMED_MAX,
        .confirm_deadline_ms = config->confirm_deadline_ms,
        .require_exchanges = exchanges,
        .on_change = on_publishing,
        .arg = worker,
    };
    worker->publishing = broker_new(&options);
    options.name = worker->names[1];
    options.heartbeat_s = BROKER_CONSUMING_HEARTBEAT_S;
    options.confirm_deadline_ms = 0; /* it does not publish */
    options.unconfirmed_max = CONSUME_UNCONFIRMED_MAX;
    options.require_exchanges = NULL;
    options.require_queues = worker->queues;
    options.on_change = on_consuming;
    worker->consuming = broker_new(&options);
    return worker->publishing != NULL && worker->consuming != NULL &&
           topology_prepare_outbox(worker->publishing, program->login);
}

static bool open_rest(struct worker *worker)
{
    const struct config *config = worker->options.config;
    const struct worker_program *program = worker->options.program;
    struct shard_reader_options shard_reader = {
        .base = worker->options.base,
        .family = program->family,
        .consuming = worker->consuming,
        .publishing = worker->publishing,
        .shards = worker->shard_count,
        .crash_count = config->crash_count,
        .work = on_work,
        .left = on_left,
        .arg = worker,
    };
    struct outbox_options outbox = {
        .base = worker->options.base,
        .pg = worker->pg,
        .broker = worker->publishing,
        .first_statement = program->first_statement + LEDGER_TX_OUTBOX,
        .sweep_ms = config->outbox_sweep_ms,
        .age_ms = config->outbox_age_ms,
        .exchanges = rights_amqp[program->login].write,
    };
    struct ownership_options shards = {
        .base = worker->options.base,
        .config = config,
        .family = program->family,
        .application = worker->names[2],
        .shards = worker->shard_count,
        .fit = is_fit,
        .mine = on_mine,
        .reads = reads_shard,
        .polled = on_polled,
        .lost = on_lost,
        .arg = worker,
    };
    const struct republish_options republish = {
        .base = worker->options.base,
        .pg = worker->pg,
        .snapshots = &worker->results->snapshots,
        .pages = program->pages,
        .shards = worker->shard_count,
    };
    worker->shard_reader = shard_reader_new(&shard_reader);
    worker->outbox = outbox_new(&outbox);
    if (worker->shard_reader == NULL || worker->outbox == NULL || !redis_results_start(worker->results, &republish)) {
        return false;
    }
    const struct cycle_options cycle = {
        .base = worker->options.base,
        .config = config,
        .program = program,
        .pg = worker->pg,
        .load = worker->load,
        .results = worker->results,
        .shard_reader = worker->shard_reader,
        .outbox = worker->outbox,
        .holds = holds_lease,
        .hung = hung,
        .drained = leave_shards,
        .arg = worker,
    };
    worker->cycle = cycle_new(&cycle);
    worker->ownership = ownership_new(&shards);
    return worker->cycle != NULL && worker->ownership != NULL;
}

static void on_topology(const struct pg_reply *reply, void *arg)
{
    struct worker *worker = arg;
    if (worker->draining) {
        return;
    }
    if (reply->outcome != PG_OK || PQntuples(reply->result) != 1) {
        log_warn(reply->outcome == PG_OK ? SCHEMA_MISSING : "the number of shards cannot be read from PostgreSQL");
        timer_set(worker->topology_timer, TOPOLOGY_RETRY_MS);
        return;
    }
    worker->shard_count = (unsigned)pg_int(reply->result, 0, 0);
    assert(worker->shard_count >= 1 && worker->shard_count <= TOPOLOGY_SHARDS_MAX);
    if (!open_brokers(worker) || !open_rest(worker)) {
        log_error("cannot start: no memory, or the RabbitMQ URL is invalid");
        worker->options.failed(worker->options.arg);
    }
}

static void ask_topology(struct worker *worker)
{
    if (!pg_query(worker->pg, worker->options.program->first_statement + LEDGER_TX_TOPOLOGY, 0, NULL, on_topology,
                  worker)) {
        timer_set(worker->topology_timer, TOPOLOGY_RETRY_MS);
    }
}

static void on_topology_timer(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    (void)fd;
    (void)what;
    if (!worker->draining) {
        ask_topology(worker);
    }
}

static bool on_pg_opened(const PGresult *result, void *arg)
{
    struct worker *worker = arg;
    struct epoch epoch;
    bool known = epoch_read(result, &epoch);
    if (known) {
        worker->results->snapshots.epoch = epoch.number;
    }
    return known;
}

static void on_pg_change(struct pg *pg, bool up, void *arg)
{
    struct worker *worker = arg;
    (void)pg;
    if (!up) {
        log_warn("PostgreSQL is down: no batch is decided until it is up");
        return;
    }
    log_info("PostgreSQL is up");
    if (worker->cycle != NULL) {
        cycle_resume(worker->cycle);
    } else {
        timer_set(worker->topology_timer, 0);
    }
}

/*
 * A session that decides ends in the middle of a transaction when its worker hangs, as soon as the lease does. A lock
 * that is not granted is answered before, so that its holder is not taken for a server that does not answer. No row of
 * an auction or sale is waited for.
 */
static void write_names(struct worker *worker)
{
    static const char *const connections[] = {"publishing", "consuming", "lease"};
    const struct worker_program *program = worker->options.program;
    int lease_ms = worker->options.config->lease_s * 1000;
    int length = snprintf(worker->session, sizeof worker->session,
                          "%s -c idle_in_transaction_session_timeout=%d -c lock_timeout=%d", program->session, lease_ms,
                          lease_ms * 2 / 3);
    assert(length > 0 && (size_t)length < sizeof worker->session);
    (void)length;
    for (size_t i = 0; i < ARRAY_LEN(connections); i++) {
        (void)snprintf(worker->names[i], sizeof worker->names[i], "%s %s", program->name, connections[i]);
    }
}

static bool worker_open(struct worker *worker)
{
    const struct config *config = worker->options.config;
    const struct worker_program *program = worker->options.program;
    struct event_base *base = worker->options.base;
    struct timeval period = {.tv_sec = REPORT_S};
    struct pg_options pg = {
        .base = base,
        .url = config->pg_url,
        .application = program->name,
        .session = worker->session,
        .statements = program->statements,
        .statement_count = program->statement_count,
        .connections = PG_CONNECTIONS,
        .timeout_ms = config->pg_timeout_ms,
        .pending_max = PG_PENDING_MAX,
        .opening = EPOCH_SQL,
        .opened = on_pg_opened,
        .on_change = on_pg_change,
        .arg = worker,
    };
    worker->topology_timer = evtimer_new(base, on_topology_timer, worker);
    worker->outbox_timer = evtimer_new(base, check_outbox, worker);
    worker->report_timer = event_new(base, -1, EV_PERSIST, on_report, worker);
    worker->load = ledger_load_new(program->load, (size_t)config->batch_max_bids);
    worker->results = redis_results_new(base, config);
    worker->pg = pg_new(&pg);
    return worker->topology_timer != NULL && worker->outbox_timer != NULL && worker->report_timer != NULL &&
           worker->load != NULL && worker->results != NULL && worker->pg != NULL &&
           evtimer_add(worker->report_timer, &period) == 0;
}

struct worker *worker_new(const struct worker_options *options)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return NULL;
    }
    worker->options = *options;
    worker->serving = SIZE_MAX;
    write_names(worker);
    worker->report.at_ms = clock_mono_ms();
    if (!worker_open(worker)) {
        worker_free(worker);
        return NULL;
    }
    return worker;
}

/* Connections are freed first: their last callbacks use the other members. */
void worker_free(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    worker->draining = true;
    ownership_free(worker->ownership);
    worker->ownership = NULL;
    cycle_end(worker->cycle);
    broker_free(worker->consuming);
    broker_free(worker->publishing);
    pg_free(worker->pg);
    cycle_free(worker->cycle);
    shard_reader_free(worker->shard_reader);
    outbox_free(worker->outbox);
    ledger_load_free(worker->load);
    redis_results_free(worker->results);
    struct event *events[] = {worker->topology_timer, worker->outbox_timer, worker->report_timer};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    free(worker);
}
