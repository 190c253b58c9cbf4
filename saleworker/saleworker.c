/*
 * See saleworker.h. It owns the parts that only flash sales have: the batch, its ledger, the results and the snapshots
 * that are published again.
 */
#include "saleworker/saleworker.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "saleworker/decide.h"
#include "saleworker/family.h"
#include "saleworker/ledger.h"
#include "saleworker/results.h"
#include "saleworker/saleworker_metrics.h"
#include "saleworker/snapshot_pages.h"
#include "saleworker/statements.h"

struct saleworker {
    struct event_base *base;
    struct sale_batch *batch;
    struct ledger *ledger;
    struct results *results;
    struct snapshot_pages pages;
    struct republish *republish; /* NULL until the number of shards is known */
};

static struct saleworker saleworker;

static void on_redis_connected(void *arg)
{
    const struct saleworker *self = arg;
    if (self->republish != NULL) {
        republish_all(self->republish);
    }
}

static struct work *open_parts(struct event_base *base, const struct config *config, void *arg)
{
    struct saleworker *self = arg;
    self->base = base;
    self->batch = sale_batch_new((size_t)config->batch_max_bids);
    self->ledger = self->batch == NULL ? NULL : ledger_new(self->batch);
    self->results = results_new(base, config, on_redis_connected, self);
    return self->ledger == NULL || self->results == NULL ? NULL : &self->batch->work;
}

static bool start(struct pg *pg, unsigned shards, void *arg)
{
    struct saleworker *self = arg;
    self->pages = (struct snapshot_pages){.pg = pg, .results = self->results};
    const struct republish_options republish = snapshot_pages_options(&self->pages, self->base, shards);
    self->republish = republish_new(&republish);
    return self->republish != NULL;
}

static void close_parts(void *arg)
{
    struct saleworker *self = arg;
    ledger_free(self->ledger);
    sale_batch_free(self->batch);
    republish_free(self->republish);
    results_free(self->results);
}

static void set_epoch(int64_t number, void *arg)
{
    const struct saleworker *self = arg;
    results_set_epoch(self->results, number);
}

static void serve(unsigned shard, bool mine, void *arg)
{
    const struct saleworker *self = arg;
    republish_serve(self->republish, shard, mine);
}

static void report(unsigned shard, const struct shards_report *shards_report, void *arg)
{
    const struct saleworker *self = arg;
    results_publish_shard(self->results, shard, shards_report);
}

static bool unfinished(void *arg)
{
    const struct saleworker *self = arg;
    return decide_unfinished(self->batch);
}

/* Commands with a traceparent can be followed in every program's log; others are not logged. */
static void log_traced(const struct sale_batch *batch)
{
    for (size_t i = 0; i < batch->work.count; i++) {
        const struct sale_batch_entry *entry = &batch->entries[i];
        const struct sale_message_command *message = entry->command;
        if (entry->work->outcome != WORK_DECIDED || message->traceparent[0] == '\0') {
            continue;
        }
        struct log_about about = {.request_id = message->request_id,
                                  .traceparent = message->traceparent,
                                  .user_id = &entry->decision.user_id,
                                  .sale_id = &message->sale_id,
                                  .duration_ms = entry->decision.decided_ms - message->command.received_ms};
        const char *reason = sale_reason_text(entry->decision.reason);
        log_line(LOG_INFO, &about, "decided: %s%s%s", sale_verdict_text(entry->decision.verdict),
                 reason[0] == '\0' ? "" : " ", reason);
    }
}

static void committed(int64_t took_us, void *arg)
{
    const struct saleworker *self = arg;
    struct sale_batch *batch = self->batch;
    saleworker_metrics_batch(batch);
    log_debug("batch of %zu on %zu sales decided: %zu events, %" PRId64 " us", batch->work.count, batch->sale_count,
              batch->event_count, took_us);
    log_traced(batch);
    results_publish(self->results, batch);
}

static bool load(struct ledger_tx *ledger_tx, struct pg_tx *tx, void *arg)
{
    const struct saleworker *self = arg;
    return ledger_load(self->ledger, ledger_tx, tx);
}

static bool decide(struct outbox_batch *events, void *arg)
{
    const struct saleworker *self = arg;
    return ledger_decide(self->ledger, events);
}

static bool write_rows(struct pg_tx *tx, void *arg)
{
    const struct saleworker *self = arg;
    return ledger_write(self->ledger, tx);
}

static const struct ledger_program ledger_program = {
    .load = load,
    .decide = decide,
    .write = write_rows,
};

const struct worker_program saleworker_program = {
    .name = "rostrum-saleworker",
    .login = LOGIN_SALEWORKER,
    .family = &sale_family,
    .ledger = &ledger_program,
    .session = statements_session,
    .statements = statements_all,
    .statement_count = STATEMENTS,
    .first_statement = STATEMENT_WORKER,
    .locked = &saleworker_metrics_locked,
    .locked_age = &saleworker_metrics_locked_age,
    .open = open_parts,
    .start = start,
    .close = close_parts,
    .epoch = set_epoch,
    .serve = serve,
    .report = report,
    .unfinished = unfinished,
    .committed = committed,
    .arg = &saleworker,
};
