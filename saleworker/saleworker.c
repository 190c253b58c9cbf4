/*
 * See saleworker.h.
 */
#include "saleworker/saleworker.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "saleworker/family.h"
#include "saleworker/ledger.h"
#include "saleworker/results.h"
#include "saleworker/saleworker_metrics.h"
#include "saleworker/statements.h"

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

static void committed(struct redis_results *results, int64_t took_us, void *of)
{
    struct sale_batch *batch = of;
    saleworker_metrics_batch(batch);
    log_debug("batch of %zu on %zu sales decided: %zu events, %" PRId64 " us", batch->work.count, batch->sale_count,
              batch->event_count, took_us);
    log_traced(batch);
    results_publish(results, batch);
}

const struct worker_program saleworker_program = {
    .name = "rostrum-saleworker",
    .login = LOGIN_SALEWORKER,
    .family = &sale_family,
    .ledger = &ledger_program,
    .pages = &results_pages,
    .session = statements_session,
    .statements = statements_all,
    .statement_count = STATEMENTS,
    .first_statement = STATEMENT_WORKER,
    .locked = &saleworker_metrics_locked,
    .locked_age = &saleworker_metrics_locked_age,
    .load = &ledger_load_kind,
    .committed = committed,
};
