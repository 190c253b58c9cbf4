/*
 * See bidworker.h.
 */
#include "bidworker/bidworker.h"

#include <inttypes.h>

#include "bidworker/bidworker_metrics.h"
#include "bidworker/family.h"
#include "bidworker/ledger.h"
#include "bidworker/results.h"
#include "bidworker/statements.h"
#include "common/base/log.h"

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

static void committed(struct redis_results *results, int64_t took_us, void *of)
{
    const struct batch *batch = of;
    bidworker_metrics_batch(batch);
    results_publish(results, batch);
    log_debug("batch of %zu on %zu auctions decided: %zu rows, %zu events, %" PRId64 " us", batch->work.count,
              batch->auction_count, batch->row_count, batch->event_count, took_us);
    log_traced(batch);
}

const struct worker_program bidworker_program = {
    .name = "rostrum-bidworker",
    .login = LOGIN_BIDWORKER,
    .family = &bid_family,
    .ledger = &ledger_program,
    .pages = &results_pages,
    .session = statements_session,
    .statements = statements_all,
    .statement_count = STATEMENTS,
    .first_statement = STATEMENT_WORKER,
    .locked = &bidworker_metrics_locked,
    .locked_age = &bidworker_metrics_locked_age,
    .load = &ledger_load_kind,
    .committed = committed,
};
