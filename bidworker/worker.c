/*
 * See worker.h. Called by main.
 *
 * Only one batch is in progress at a time. If it fails:
 *   - for a reason outside its data (connection, lock, disk, server), it is tried again without limit, with a back-off.
 *     Nothing is acked meanwhile, so the bids stay in their queues;
 *   - because PostgreSQL refuses its data, half of it is returned and the rest tried, down to one command. That
 *     command's quarantine level rises with each failure (enum batch_quarantine), until it no longer blocks the shard.
 * Commands of an auction whose row another session has locked are no failure: the rest of the batch is committed, and
 * shard_reader keeps them back.
 *
 * A command may also crash its worker. A message that was delivered too often is therefore decided one command at a
 * time. Each attempt is counted in table suspects before it starts, and the third one puts the command into quarantine.
 * Only the death of the worker leaves the count there, or a loop that hangs until the lease is lost. Every other end of
 * the attempt takes it back: a failed transaction, a hand-over, a drain, a lost server.
 *
 * Nothing is taken, and no COMMIT sent, without the lease (ownership.h). When the lease is gone the worker closes its
 * channels at once, rolls back, and waits until it owns shards again. It gives the lease up by itself when PostgreSQL
 * has not answered about its bids for lease_s while other workers are alive: they may fare better. It does so once, and
 * again only after it has committed a batch.
 */
#include "bidworker/worker.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bidworker/bidworker_metrics.h"
#include "bidworker/ledger.h"
#include "bidworker/ownership.h"
#include "bidworker/republish.h"
#include "bidworker/results.h"
#include "bidworker/shard_reader.h"
#include "bidworker/statements.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/epoch.h"
#include "common/protocol/schema.h"
#include "common/protocol/topology.h"
#include "common/protocol/topology_prepare.h"

enum {
    PG_CONNECTIONS = 2,             /* one for the batch's transaction, one for the outbox's statements */
    PG_PENDING_MAX = 256,           /* a batch sends fewer than ten, and one for each dead letter */
    PUBLISH_UNCONFIRMED_MAX = 2048, /* unconfirmed messages: the outbox's rows and undecodable deliveries */
    CONSUME_UNCONFIRMED_MAX = 1,    /* the consuming connection publishes nothing */
    BROKER_TIMEOUT_MS = 5000,
    RETRY_MIN_MS = 50,
    RETRY_MAX_MS = 2000,
    TOPOLOGY_RETRY_MS = 500,
    SESSION_SIZE = 512,
    HALVE_AFTER_LOSSES =
        3, /* lost attempts after which the batch is cut in half: it may be too large for one statement's time limit */
    SUSPECT_ATTEMPTS = 3, /* attempts after which the command is quarantined */
    ALONE_ATTEMPTS = 2,   /* attempts of a single command before its quarantine level rises: two workers may have met */
    GATHER_FULL = 64,     /* commands */
    REPORT_S = 10,
    READY_POLLS = 20,       /* ownership polls between two requests for the queue lengths */
    STALL_REST_LEASES = 2,  /* before it takes part again: the others have all shards and a batch by then */
    OUTBOX_POLL_MS = 20,    /* while draining */
    OUTBOX_DRAIN_MS = 2000, /* then the remaining rows are left to the other workers' sweep */
};

enum worker_state {
    WORKER_OPENING, /* the number of shards is not known yet */
    WORKER_IDLE,
    WORKER_SUSPECTING, /* counting an attempt in table suspects */
    WORKER_DECIDING,
    WORKER_ACQUITTING, /* taking that count back */
    WORKER_WAITING,    /* waiting to retry the batch */
    WORKER_ENDING,     /* draining: takes no more batches */
};

struct report {
    uint64_t commands;
    uint64_t batches;
    int64_t since_ms;
};

struct worker {
    struct worker_options options;
    enum worker_state state;
    bool draining;
    unsigned shard_count;
    struct pg *pg;
    struct broker *consuming;
    struct broker *publishing;
    struct shard_reader *shard_reader;
    struct ownership *ownership;
    struct outbox *outbox;
    struct ledger *ledger;
    struct results *results;
    struct republish *republish;
    struct batch *batch;
    struct event *take_event;  /* takes the next batch: activated at once, or timed to gather bids */
    struct event *retry_timer; /* WORKER_OPENING, WORKER_WAITING */
    struct event *report_timer;
    struct event *outbox_timer; /* draining */
    unsigned losses;            /* of the current batch, in a row */
    unsigned refusals;          /* likewise */
    bool counted;               /* the current careful command is counted in table suspects */
    int64_t taken_ms;           /* monotonic; when the batch in hand was taken */
    bool gave_up;               /* the lease, because PostgreSQL did not answer; until the next commit */
    size_t serving;             /* number of shards at the last call of `serving`; SIZE_MAX: not called yet */
    int64_t drain_until_ms;
    int64_t batch_began_us;
    size_t batch_size; /* commands in the last batch */
    struct report report;
    unsigned polls; /* ownership polls since the start */
    char queue_names[TOPOLOGY_SHARDS_MAX][TOPOLOGY_QUEUE_SIZE];
    const char *queues[TOPOLOGY_SHARDS_MAX + 1];
    char session[SESSION_SIZE]; /* settings of the sessions that decide */
};

static void set_state(struct worker *worker, enum worker_state state)
{
    assert(worker->state != WORKER_ENDING);
    worker->state = state;
}

static void arm(struct event *timer, int64_t ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    if (evtimer_add(timer, &wait) != 0) {
        log_error("a timer cannot be set");
    }
}

/* A batch is taken at the end of a loop pass, so that it contains all deliveries of that pass. */
static void wake(void *arg)
{
    struct worker *worker = arg;
    event_active(worker->take_event, EV_TIMEOUT, 0);
}

/* --- draining --- */

static void check_outbox(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    size_t left = worker->outbox == NULL ? 0 : outbox_pending(worker->outbox);
    (void)fd;
    (void)what;
    if (left > 0 && clock_mono_ms() < worker->drain_until_ms) {
        arm(worker->outbox_timer, OUTBOX_POLL_MS);
        return;
    }
    if (left > 0) {
        log_warn("drained with %zu outbox rows unpublished: other workers publish them", left);
    }
    worker->options.drained(worker->options.arg);
}

/* True if the count of the command in hand is being taken back. It stands if the loop hung over the command. */
static bool take_count_back(struct worker *worker)
{
    if (worker->ownership != NULL && ownership_hung(worker->ownership)) {
        worker->counted = false;
    }
    if (!worker->counted || !ledger_acquit(worker->ledger, worker->batch->entries[0].command)) {
        return false;
    }
    set_state(worker, WORKER_ACQUITTING);
    return true;
}

static void end(struct worker *worker)
{
    if (worker->counted) {
        log_warn("PostgreSQL does not answer: the command in hand stays counted as one attempt");
    }
    if (worker->shard_reader != NULL) {
        shard_reader_take_back(worker->shard_reader, worker->batch, 0);
        for (unsigned shard = 0; shard < worker->shard_count; shard++) {
            shard_reader_leave(worker->shard_reader, shard);
        }
    }
    evtimer_del(worker->retry_timer);
    set_state(worker, WORKER_ENDING);
    worker->drain_until_ms = clock_mono_ms() + OUTBOX_DRAIN_MS;
    arm(worker->outbox_timer, 0);
}

static void end_without_batch(struct worker *worker)
{
    if (!take_count_back(worker)) {
        end(worker);
    }
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
    switch (worker->state) {
    case WORKER_SUSPECTING:
    case WORKER_DECIDING:
    case WORKER_ACQUITTING:
        return; /* the answer ends it */
    case WORKER_OPENING:
    case WORKER_IDLE:
    case WORKER_WAITING:
    case WORKER_ENDING:
        end_without_batch(worker);
        return;
    }
}

/* --- the cycle --- */

/* A drained worker may commit the batch in hand: its channels are still open. */
static bool may_decide(void *arg)
{
    const struct worker *worker = arg;
    return worker->draining || (worker->ownership != NULL && ownership_holds(worker->ownership));
}

static void wait_to_retry(struct worker *worker)
{
    int64_t wait_ms = RETRY_MIN_MS;
    for (unsigned i = 0; i < worker->losses && wait_ms < RETRY_MAX_MS; i++) {
        wait_ms *= 2;
    }
    worker->losses++;
    set_state(worker, WORKER_WAITING);
    arm(worker->retry_timer, wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS);
}

static void on_acquitted(bool done, void *arg)
{
    struct worker *worker = arg;
    if (worker->state != WORKER_ACQUITTING) {
        return; /* the worker is ending */
    }
    worker->counted = !done;
    if (worker->draining) {
        end(worker);
    } else {
        wait_to_retry(worker);
    }
}

/* The attempt at the batch in hand ended without a decision, and this worker did not die of it. */
static void retry_later(struct worker *worker)
{
    if (take_count_back(worker)) {
        return; /* on_acquitted carries on */
    }
    if (worker->draining) {
        end(worker);
    } else {
        wait_to_retry(worker);
    }
}

static void decide(struct worker *worker)
{
    if (!may_decide(worker)) {
        retry_later(worker);
        return;
    }
    worker->batch_began_us = clock_mono_us();
    worker->batch_size = worker->batch->count;
    if (!ledger_decide(worker->ledger, worker->batch)) {
        retry_later(worker);
        return;
    }
    set_state(worker, WORKER_DECIDING);
}

static void try_batch(struct worker *worker)
{
    const struct batch_entry *first = &worker->batch->entries[0];
    bool named = !uuid_is_nil(&first->command->auction_id);
    if (!first->careful || worker->counted || !named || !may_decide(worker)) {
        decide(worker);
        return;
    }
    if (!ledger_suspect(worker->ledger, first->command)) {
        retry_later(worker);
        return;
    }
    set_state(worker, WORKER_SUSPECTING);
}

static void on_suspected(int64_t attempts, void *arg)
{
    struct worker *worker = arg;
    struct batch_entry *entry = &worker->batch->entries[0];
    if (worker->state != WORKER_SUSPECTING) {
        return; /* the worker is ending */
    }
    assert(worker->batch->count == 1);
    worker->counted = true; /* also if that is not known: one count too few is better than one too many */
    if (attempts < 0) {
        retry_later(worker);
        return;
    }
    if (attempts >= SUSPECT_ATTEMPTS && entry->quarantine == BATCH_TRUSTED) {
        entry->quarantine = BATCH_POISON;
        entry->reason = "its workers crashed repeatedly";
    }
    decide(worker);
}

static void take_batch(struct worker *worker)
{
    shard_reader_take(worker->shard_reader, worker->batch, worker->batch->max);
    if (worker->batch->count == 0) {
        return;
    }
    worker->losses = 0;
    worker->refusals = 0;
    worker->counted = false;
    worker->taken_ms = clock_mono_ms();
    try_batch(worker);
}

/*
 * An idle worker takes a batch at once. A busy one gathers bids for batch_interval_ms since the last batch began, or
 * until they fill the next batch. The bids then share the batch's cost for the database, the broker and Redis. No 202
 * waits for it. After a batch of less than GATHER_FULL commands the wait is proportionally shorter, because gathering
 * would save little.
 */
static int64_t gather_us(const struct worker *worker)
{
    int64_t whole_us = worker->options.config->batch_interval_ms * INT64_C(1000);
    return worker->batch_size >= GATHER_FULL ? whole_us : whole_us * (int64_t)worker->batch_size / GATHER_FULL;
}

static void on_take(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    (void)fd;
    (void)what;
    if (worker->state != WORKER_IDLE || worker->draining || !pg_up(worker->pg) || !may_decide(worker)) {
        return; /* on_polled wakes it */
    }
    int64_t early_us = worker->batch_began_us + gather_us(worker) - clock_mono_us();
    if (early_us <= 0 || shard_reader_held(worker->shard_reader) >= worker->batch->max) {
        take_batch(worker);
    } else if (!evtimer_pending(worker->take_event, NULL)) {
        struct timeval wait = {.tv_usec = early_us};
        if (evtimer_add(worker->take_event, &wait) != 0) {
            take_batch(worker);
        }
    }
}

static void ask_topology(struct worker *worker);

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    struct batch *batch = worker->batch;
    (void)fd;
    (void)what;
    if (worker->state == WORKER_OPENING) {
        ask_topology(worker);
        return;
    }
    if (worker->state != WORKER_WAITING) {
        return;
    }
    if (worker->counted) { /* it could not be taken back yet */
        retry_later(worker);
        return;
    }
    if (worker->losses >= HALVE_AFTER_LOSSES && batch->count > 1) {
        shard_reader_take_back(worker->shard_reader, batch, (batch->count + 1) / 2);
    }
    shard_reader_prune(worker->shard_reader, batch);
    if (batch->count == 0) {
        set_state(worker, WORKER_IDLE);
        wake(worker);
        return;
    }
    try_batch(worker);
}

/* Raises the quarantine level of the only command in the batch, because it cannot be written as it is. */
static void raise_quarantine(struct worker *worker)
{
    struct batch_entry *entry = &worker->batch->entries[0];
    struct log_about about = LOG_ABOUT_NONE;
    if (++worker->refusals < ALONE_ATTEMPTS) {
        return;
    }
    if (entry->quarantine == BATCH_UNWRITABLE) {
        retry_later(worker); /* not even its dead letter can be written: the command is not the cause */
        return;
    }
    worker->refusals = 0;
    entry->quarantine++;
    entry->reason = entry->reason == NULL ? "PostgreSQL refuses its data" : entry->reason;
    about.auction_id = &entry->command->auction_id;
    about.request_id = entry->command->request_id;
    about.traceparent = entry->command->traceparent;
    log_line(LOG_ERROR, &about, "a command cannot be written: quarantined");
}

static void on_refused(struct worker *worker)
{
    struct batch *batch = worker->batch;
    if (worker->draining) {
        retry_later(worker);
        return;
    }
    if (batch->count > 1) {
        shard_reader_take_back(worker->shard_reader, batch, batch->count / 2);
    } else {
        raise_quarantine(worker);
    }
    if (worker->state == WORKER_DECIDING) {
        try_batch(worker);
    }
}

/* Commands with a traceparent can be followed in every program's log; others are not logged. */
static void log_traced(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        const struct command *command = entry->command;
        if (entry->outcome != BATCH_DECIDED || command->traceparent[0] == '\0') {
            continue;
        }
        struct log_about about = {.request_id = command->request_id,
                                  .traceparent = command->traceparent,
                                  .user_id = &command->user_id,
                                  .auction_id = &command->auction_id,
                                  .duration_ms = entry->decision.decided_ms - command->received_ms};
        const char *reason = rules_reason_text(entry->decision.reason);
        log_line(LOG_INFO, &about, "decided: %s%s%s", bid_status_text(entry->decision.status),
                 reason[0] == '\0' ? "" : " ", reason);
    }
}

static void on_committed(struct worker *worker)
{
    const struct outbox_batch *outbox_batch = ledger_outbox(worker->ledger);
    struct batch *batch = worker->batch;
    worker->counted = false; /* the transaction removed it, or took it back */
    worker->gave_up = false;
    shard_reader_ack(worker->shard_reader, batch);
    bidworker_metrics_batch(batch, clock_mono_us() - worker->batch_began_us);
    results_publish(worker->results, batch);
    outbox_sent(worker->outbox, outbox_batch->rows, outbox_batch->count);
    log_debug("batch of %zu on %zu auctions decided: %zu rows, %zu events, %" PRId64 " us", batch->count,
              batch->auction_count, batch->row_count, batch->event_count, clock_mono_us() - worker->batch_began_us);
    log_traced(batch);
    worker->report.commands += batch->count - batch->locked;
    worker->report.batches++;
    shard_reader_finish(worker->shard_reader, batch);
    set_state(worker, WORKER_IDLE);
    if (worker->draining) {
        end(worker);
        return;
    }
    wake(worker);
}

static void on_decided(enum ledger_result result, void *arg)
{
    struct worker *worker = arg;
    if (worker->state != WORKER_DECIDING) {
        return; /* the worker is ending */
    }
    switch (result) {
    case LEDGER_COMMITTED:
        on_committed(worker);
        return;
    case LEDGER_AGAIN:
        retry_later(worker);
        return;
    case LEDGER_REFUSED:
        on_refused(worker);
        return;
    }
}

static void on_report(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    struct report *report = &worker->report;
    int64_t now_ms = clock_mono_ms();
    int64_t passed_ms = now_ms - report->since_ms;
    size_t depth = worker->outbox == NULL ? 0 : outbox_pending(worker->outbox);
    (void)fd;
    (void)what;
    if (report->batches > 0 && passed_ms > 0) {
        log_info("decided %" PRIu64 " commands: %" PRId64 " a second, %" PRIu64 " a batch; outbox depth %zu",
                 report->commands, (int64_t)report->commands * 1000 / passed_ms, report->commands / report->batches,
                 depth);
    } else if (depth > 0) {
        log_info("decided no commands; outbox depth %zu", depth);
    }
    *report = (struct report){.since_ms = now_ms};
}

void worker_update_gauges(const struct worker *worker)
{
    if (worker->shard_reader != NULL) {
        bidworker_metrics_shards(worker->shard_reader, worker->shard_count);
    }
    bidworker_metrics_outbox(worker->outbox == NULL ? 0 : outbox_pending(worker->outbox));
}

/* --- start --- */

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
    if (worker->state == WORKER_DECIDING && ledger_abandon(worker->ledger)) {
        retry_later(worker);
    }
    if (worker->serving != SIZE_MAX) {
        worker->serving = 0;
        worker->options.serving(0, worker->options.arg);
    }
}

/* Gives all shards to the other workers if PostgreSQL answers them, perhaps, but not this one. */
static void check_stall(struct worker *worker)
{
    int64_t now_ms = clock_mono_ms();
    int64_t lease_ms = worker->options.config->lease_s * INT64_C(1000);
    int64_t answered_ms = ledger_moved_ms(worker->ledger);
    int64_t moved_ms = answered_ms > worker->taken_ms ? answered_ms : worker->taken_ms;
    if (worker->batch->count == 0 || worker->gave_up || now_ms - moved_ms < lease_ms ||
        ownership_alive(worker->ownership) < 2) {
        return;
    }
    log_warn("PostgreSQL has not answered about a batch for %" PRId64 " ms: the shards are left to other workers",
             now_ms - moved_ms);
    worker->gave_up = true;
    ownership_release(worker->ownership, lease_ms * STALL_REST_LEASES);
}

/* For operators, and for gateways, which notice by it that bids are not decided. */
static void report_shards(struct worker *worker)
{
    int64_t stalled_ms = worker->batch->count > 0 ? clock_mono_ms() - worker->taken_ms : 0;
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
            publish_shard(worker->results, shard, &report);
        }
    }
}

static void on_polled(void *arg)
{
    struct worker *worker = arg;
    notify_serving(worker);
    check_stall(worker);
    if (shard_reader_held(worker->shard_reader) > 0) {
        wake(worker);
    }
    if (worker->options.config->metrics_port != 0 && worker->polls++ % READY_POLLS == 0) {
        shard_reader_ask_ready(worker->shard_reader);
    }
    report_shards(worker);
}

static void on_mine(unsigned shard, bool mine, void *arg)
{
    struct worker *worker = arg;
    republish_serve(worker->republish, shard, mine);
    if (mine) {
        shard_reader_serve(worker->shard_reader, shard);
    } else {
        shard_reader_leave(worker->shard_reader, shard);
    }
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
    static const char *const exchanges[] = {TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_DEAD_EXCHANGE, NULL};
    const struct config *config = worker->options.config;
    for (unsigned shard = 0; shard < worker->shard_count; shard++) {
        topology_shard_name(shard, worker->queue_names[shard]);
        worker->queues[shard] = worker->queue_names[shard];
    }
    struct broker_options options = {
        .base = worker->options.base,
        .url = config->amqp_url,
        .name = "rostrum-bidworker publishing",
        .heartbeat_s = config->amqp_heartbeat_s,
        .connect_timeout_ms = BROKER_TIMEOUT_MS,
        .unconfirmed_max = PUBLISH_UNCONFIRMED_MAX,
        .confirm_deadline_ms = config->confirm_deadline_ms,
        .require_exchanges = exchanges,
        .on_change = on_publishing,
        .arg = worker,
    };
    worker->publishing = broker_new(&options);
    options.name = "rostrum-bidworker consuming";
    options.heartbeat_s = BROKER_CONSUMING_HEARTBEAT_S;
    options.confirm_deadline_ms = 0; /* it does not publish */
    options.unconfirmed_max = CONSUME_UNCONFIRMED_MAX;
    options.require_exchanges = NULL;
    options.require_queues = worker->queues;
    options.on_change = on_consuming;
    worker->consuming = broker_new(&options);
    return worker->publishing != NULL && worker->consuming != NULL && topology_prepare_outbox(worker->publishing);
}

static bool open_rest(struct worker *worker)
{
    const struct config *config = worker->options.config;
    struct shard_reader_options shard_reader = {
        .base = worker->options.base,
        .consuming = worker->consuming,
        .publishing = worker->publishing,
        .shards = worker->shard_count,
        .crash_count = config->crash_count,
        .work = wake,
        .left = on_left,
        .arg = worker,
    };
    struct outbox_options outbox = {
        .base = worker->options.base,
        .pg = worker->pg,
        .broker = worker->publishing,
        .first_statement = STATEMENT_OUTBOX,
        .sweep_ms = config->outbox_sweep_ms,
        .age_ms = config->outbox_age_ms,
    };
    struct ownership_options shards = {
        .base = worker->options.base,
        .config = config,
        .shards = worker->shard_count,
        .fit = is_fit,
        .mine = on_mine,
        .reads = reads_shard,
        .polled = on_polled,
        .lost = on_lost,
        .arg = worker,
    };
    const struct republish_options republish = {
        .base = worker->options.base, .pg = worker->pg, .results = worker->results, .shards = worker->shard_count};
    worker->republish = republish_new(&republish);
    worker->shard_reader = shard_reader_new(&shard_reader);
    worker->outbox = outbox_new(&outbox);
    struct ledger_options ledger = {.pg = worker->pg,
                                    .outbox = worker->outbox,
                                    .done = on_decided,
                                    .allowed = may_decide,
                                    .suspected = on_suspected,
                                    .acquitted = on_acquitted,
                                    .arg = worker};
    worker->ledger = ledger_new(&ledger);
    worker->ownership = ownership_new(&shards);
    return worker->republish != NULL && worker->shard_reader != NULL && worker->outbox != NULL &&
           worker->ledger != NULL && worker->ownership != NULL;
}

static void on_topology(const struct pg_reply *reply, void *arg)
{
    struct worker *worker = arg;
    if (worker->state != WORKER_OPENING) {
        return;
    }
    if (reply->outcome != PG_OK || PQntuples(reply->result) != 1) {
        log_warn(reply->outcome == PG_OK ? SCHEMA_MISSING : "the number of shards cannot be read from PostgreSQL");
        arm(worker->retry_timer, TOPOLOGY_RETRY_MS);
        return;
    }
    worker->shard_count = (unsigned)pg_int(reply->result, 0, 0);
    assert(worker->shard_count >= 1 && worker->shard_count <= TOPOLOGY_SHARDS_MAX);
    if (!open_brokers(worker) || !open_rest(worker)) {
        log_error("cannot start: no memory, or the RabbitMQ URL is invalid");
        worker->options.failed(worker->options.arg);
        return;
    }
    set_state(worker, WORKER_IDLE);
}

static void ask_topology(struct worker *worker)
{
    if (!pg_query(worker->pg, STATEMENT_TOPOLOGY, 0, NULL, on_topology, worker)) {
        arm(worker->retry_timer, TOPOLOGY_RETRY_MS);
    }
}

static bool on_pg_opened(const PGresult *result, void *arg)
{
    const struct worker *worker = arg;
    struct epoch epoch;
    bool known = epoch_read(result, &epoch);
    if (known) {
        results_set_epoch(worker->results, epoch.number);
    }
    return known;
}

static void on_redis_connected(void *arg)
{
    const struct worker *worker = arg;
    if (worker->republish != NULL) {
        republish_all(worker->republish);
    }
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
    if (worker->state == WORKER_OPENING || worker->state == WORKER_WAITING) {
        arm(worker->retry_timer, 0);
    } else {
        wake(worker);
    }
}

/*
 * A session that decides ends in the middle of a transaction when its worker hangs, as soon as the lease does. A lock
 * that is not granted is answered before, so that its holder is not taken for a server that does not answer. No row of
 * an auction is waited for.
 */
static void write_session(struct worker *worker)
{
    int lease_ms = worker->options.config->lease_s * 1000;
    int length = snprintf(worker->session, sizeof worker->session,
                          "%s -c idle_in_transaction_session_timeout=%d -c lock_timeout=%d", statements_session,
                          lease_ms, lease_ms * 2 / 3);
    assert(length > 0 && (size_t)length < sizeof worker->session);
    (void)length;
}

static bool worker_open(struct worker *worker)
{
    const struct config *config = worker->options.config;
    struct event_base *base = worker->options.base;
    struct timeval period = {.tv_sec = REPORT_S};
    struct pg_options pg = {
        .base = base,
        .url = config->pg_url,
        .application = "rostrum-bidworker",
        .session = worker->session,
        .statements = statements_all,
        .statement_count = STATEMENTS,
        .connections = PG_CONNECTIONS,
        .timeout_ms = config->pg_timeout_ms,
        .pending_max = PG_PENDING_MAX,
        .opening = EPOCH_SQL,
        .opened = on_pg_opened,
        .on_change = on_pg_change,
        .arg = worker,
    };
    worker->take_event = event_new(base, -1, 0, on_take, worker);
    worker->retry_timer = evtimer_new(base, on_retry, worker);
    worker->outbox_timer = evtimer_new(base, check_outbox, worker);
    worker->report_timer = event_new(base, -1, EV_PERSIST, on_report, worker);
    worker->batch = batch_new((size_t)config->batch_max_bids);
    worker->results = results_new(base, config, on_redis_connected, worker);
    worker->pg = pg_new(&pg);
    return worker->take_event != NULL && worker->retry_timer != NULL && worker->outbox_timer != NULL &&
           worker->report_timer != NULL && worker->batch != NULL && worker->results != NULL && worker->pg != NULL &&
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
    write_session(worker);
    worker->report.since_ms = clock_mono_ms();
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
    worker->state = WORKER_ENDING;
    worker->draining = true;
    ownership_free(worker->ownership);
    worker->ownership = NULL;
    if (worker->shard_reader != NULL) {
        shard_reader_take_back(worker->shard_reader, worker->batch, 0);
    }
    broker_free(worker->consuming);
    broker_free(worker->publishing);
    pg_free(worker->pg);
    ledger_free(worker->ledger);
    shard_reader_free(worker->shard_reader);
    outbox_free(worker->outbox);
    republish_free(worker->republish);
    results_free(worker->results);
    batch_free(worker->batch);
    struct event *events[] = {worker->take_event, worker->retry_timer, worker->outbox_timer, worker->report_timer};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    free(worker);
}
