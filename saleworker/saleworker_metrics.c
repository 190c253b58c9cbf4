/*
 * See saleworker_metrics.h.
 */
#include "saleworker/saleworker_metrics.h"

#include "common/base/log.h"
#include "common/io/broker.h"
#include "common/io/pg.h"
#include "common/service/lease.h"
#include "common/service/service_loop.h"
#include "common/worker/worker_metrics.h"

/* Labels in the order of their lists. */
#define WORD_LABEL(name, word) (word),
#define NAME_LABEL(name)       #name,
static const char *const kinds[] = {SALE_COMMANDS(WORD_LABEL)};
static const char *const verdicts[] = {SALE_VERDICTS(WORD_LABEL)};
static const char *const reasons[] = {SALE_REASONS(NAME_LABEL)};

static struct metrics_family decisions = {
    .name = "rostrum_sale_commands_total",
    .help = "Commands to flash sales decided, by kind and outcome.",
    .type = METRICS_COUNTER,
    .label_count = 2,
    .labels = {{"kind", kinds, ARRAY_LEN(kinds)}, {"outcome", verdicts, ARRAY_LEN(verdicts)}},
};
static struct metrics_family rejections = {
    .name = "rostrum_sale_commands_rejected_total",
    .help = "Commands to flash sales rejected when they were decided, by reason.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"reason", reasons, ARRAY_LEN(reasons)}},
};
static struct metrics_family turns = {
    .name = "rostrum_sale_turns_total",
    .help = "Turns granted to places in the lines of flash sales.",
    .type = METRICS_COUNTER,
};
static struct metrics_family delay = {
    .name = "rostrum_sale_decision_seconds",
    .help = "Time from a command's receipt by the gateway to its decision, on the clocks of both.",
    .type = METRICS_HISTOGRAM,
    .bounds = metrics_time_bounds,
    .bound_count = METRICS_TIME_BOUNDS,
    .is_time = true,
};
struct metrics_family saleworker_metrics_locked = {
    .name = "rostrum_locked_sales",
    .help = "Flash sales whose commands wait: another session has locked their row, or their rows are inconsistent.",
    .type = METRICS_GAUGE,
};
struct metrics_family saleworker_metrics_locked_age = {
    .name = "rostrum_locked_sale_oldest_seconds",
    .help = "How long the commands of the first of these sales have been waiting; 0 if there is none.",
    .type = METRICS_GAUGE,
};

struct metrics_family *const saleworker_metrics_families[] = {
    &decisions,     &rejections, &turns, &delay, &saleworker_metrics_locked, &saleworker_metrics_locked_age,
    WORKER_METRICS, NULL,
};

void saleworker_metrics_batch(const struct sale_batch *batch)
{
    for (size_t i = 0; i < batch->sale_count; i++) {
        if (sale_batch_touched(&batch->sales[i])) {
            metrics_add(&turns, 0, 0, 0, batch->sales[i].granted);
        }
    }
    for (size_t i = 0; i < batch->work.count; i++) {
        const struct sale_batch_entry *entry = &batch->entries[i];
        const struct sale_message_decision *decision = &entry->decision;
        if (entry->work->outcome != WORK_DECIDED) {
            continue;
        }
        metrics_add(&decisions, decision->kind - 1, decision->verdict, 0, 1);
        if (decision->reason != SALE_REASON_NONE) {
            metrics_add(&rejections, decision->reason - 1, 0, 0, 1);
        }
        metrics_observe(&delay, 0, 0, (decision->decided_ms - decision->received_ms) * 1000);
    }
}
