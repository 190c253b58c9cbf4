/*
 * See bidworker.h. It owns the parts that only bids have: the batch, its ledger, the results and the snapshots that are
 * published again.
 */
#include "bidworker/bidworker.h"

#include <inttypes.h>

#include "bidworker/bidworker_metrics.h"
#include "bidworker/family.h"
#include "bidworker/ledger.h"
#include "bidworker/results.h"
#include "bidworker/snapshot_pages.h"
#include "bidworker/statements.h"
#include "common/base/log.h"

struct bidworker {
    struct event_base *base;
    struct batch *batch;
    struct ledger *ledger;
    struct results *results;
    struct snapshot_pages pages;
    struct republish *republish; /* NULL until the number of shards is known */
};

static struct bidworker bidworker;

static void on_redis_connected(void *arg)
{
    const struct bidworker *self = arg;
    if (self->republish != NULL) {
        republish_all(self->republish);
    }
}

static struct work *open_parts(struct event_base *base, const struct config *config, void *arg)
{
    struct bidworker *self = arg;
    self->base = base;
    self->batch = batch_new((size_t)config->batch_max_bids);
    self->ledger = self->batch == NULL ? NULL : ledger_new(self->batch);
    self->results = results_new(base, config, on_redis_connected, self);
    return self->ledger == NULL || self->results == NULL ? NULL : &self->batch->work;
}

static bool start(struct pg *pg, unsigned shards, void *arg)
{
    struct bidworker *self = arg;
    self->pages = (struct snapshot_pages){.pg = pg, .results = self->results};
    const struct republish_options republish = snapshot_pages_options(&self->pages, self->base, shards);
    self->republish = republish_new(&republish);
    return self->republish != NULL;
}

static void close_parts(void *arg)
{
    struct bidworker *self = arg;
    ledger_free(self->ledger);
    batch_free(self->batch);
    republish_free(self->republish);
    results_free(self->results);
}

static void set_epoch(int64_t number, void *arg)
{
    const struct bidworker *self = arg;
    results_set_epoch(self->results, number);
}

static void serve(unsigned shard, bool mine, void *arg)
{
    const struct bidworker *self = arg;
    republish_serve(self->republish, shard, mine);
}

static void report(unsigned shard, const struct shards_report *shards_report, void *arg)
{
    const struct bidworker *self = arg;
    publish_shard(self->results, shard, shards_report);
}

/* Commands with a traceparent can be followed in every program's log; others are not logged. */
static void log_traced(const struct batch *batch)
{
    for (size_t i = 0; i < batch->work.count; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        const struct command *command = entry->command;
        if (entry->work->outcome != WORK_DECIDED || command->traceparent[0] == '\0') {
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

static void committed(int64_t took_us, void *arg)
{
    const struct bidworker *self = arg;
    const struct batch *batch = self->batch;
    bidworker_metrics_batch(batch);
    results_publish(self->results, batch);
    log_debug("batch of %zu on %zu auctions decided: %zu rows, %zu events, %" PRId64 " us", batch->work.count,
              batch->auction_count, batch->row_count, batch->event_count, took_us);
    log_traced(batch);
}

/* ledger_program's functions have the ledger as argument. */
static bool load(struct ledger_tx *ledger_tx, struct pg_tx *tx, void *arg)
{
    const struct bidworker *self = arg;
    return ledger_load(self->ledger, ledger_tx, tx);
}

static bool decide(struct outbox_batch *events, void *arg)
{
    const struct bidworker *self = arg;
    return ledger_decide(self->ledger, events);
}

static bool write_rows(struct pg_tx *tx, void *arg)
{
    const struct bidworker *self = arg;
    return ledger_write_batch(self->ledger, tx);
}

static void written(void *arg)
{
    const struct bidworker *self = arg;
    ledger_written(self->ledger);
}

static const struct ledger_program ledger_program = {
    .load = load,
    .decide = decide,
    .write = write_rows,
    .written = written,
};

const struct worker_program bidworker_program = {
    .name = "rostrum-bidworker",
    .login = LOGIN_BIDWORKER,
    .family = &bid_family,
    .ledger = &ledger_program,
    .session = statements_session,
    .statements = statements_all,
    .statement_count = STATEMENTS,
    .first_statement = STATEMENT_WORKER,
    .locked = &bidworker_metrics_locked,
    .locked_age = &bidworker_metrics_locked_age,
    .open = open_parts,
    .start = start,
    .close = close_parts,
    .epoch = set_epoch,
    .serve = serve,
    .report = report,
    .committed = committed,
    .arg = &bidworker,
};
