/*
 * See bidworker_metrics.h.
 */
#include "bidworker/bidworker_metrics.h"

#include <assert.h>

#include "common/base/log.h"
#include "common/io/broker.h"
#include "common/io/pg.h"
#include "common/service/lease.h"
#include "common/service/service_loop.h"
#include "common/worker/worker_metrics.h"

/* Labels in the order of their lists. Index 0 is the first kind or reason that is not NONE. */
#define KIND_LABEL(name, message, ledger, group, carries) (ledger),
#define REASON_LABEL(name)                                #name,
#define STATUS_LABEL(name, text)                          [BID_##name] = (text),
static const char *const kinds[] = {COMMAND_KINDS(KIND_LABEL)};
static const char *const reasons[] = {RULES_REASONS(REASON_LABEL)};
static const char *const statuses[] = {BID_STATUSES(STATUS_LABEL)};
static_assert(ARRAY_LEN(kinds) == COMMAND_KIND_COUNT - 1, "a label for each kind but COMMAND_NONE");
static_assert(ARRAY_LEN(reasons) == RULES_REASON_COUNT - 1, "a label for each reason but RULES_NONE");
static_assert(ARRAY_LEN(statuses) == BID_STATUS_COUNT, "a label for each status");

static struct metrics_family decisions = {
    .name = "rostrum_bids_total",
    .help = "Commands decided, by kind and outcome.",
    .type = METRICS_COUNTER,
    .label_count = 2,
    .labels = {{"kind", kinds, ARRAY_LEN(kinds)}, {"outcome", statuses, ARRAY_LEN(statuses)}},
};
static struct metrics_family rejections = {
    .name = "rostrum_bids_rejected_total",
    .help = "Commands rejected when they were decided, by reason.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"reason", reasons, ARRAY_LEN(reasons)}},
};
static struct metrics_family delay = {
    .name = "rostrum_bid_decision_seconds",
    .help = "Time from a bid's receipt by the gateway to its decision, on the clocks of both.",
    .type = METRICS_HISTOGRAM,
    .bounds = metrics_time_bounds,
    .bound_count = METRICS_TIME_BOUNDS,
    .is_time = true,
};
struct metrics_family bidworker_metrics_locked = {
    .name = "rostrum_locked_auctions",
    .help = "Auctions whose bids wait because another session of PostgreSQL has locked their row.",
    .type = METRICS_GAUGE,
};
struct metrics_family bidworker_metrics_locked_age = {
    .name = "rostrum_locked_auction_oldest_seconds",
    .help = "How long the bids of the first of these auctions have been waiting; 0 if there is none.",
    .type = METRICS_GAUGE,
};

struct metrics_family *const bidworker_metrics_families[] = {
    &decisions, &rejections, &delay, &bidworker_metrics_locked, &bidworker_metrics_locked_age, WORKER_METRICS, NULL,
};

void bidworker_metrics_batch(const struct batch *batch)
{
    for (size_t i = 0; i < batch->work.count; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        const struct decision *decision = &entry->decision;
        if (entry->work->outcome != WORK_DECIDED) {
            continue;
        }
        metrics_add(&decisions, decision->kind - 1, decision->status, 0, 1);
        if (decision->reason != RULES_NONE) {
            metrics_add(&rejections, decision->reason - 1, 0, 0, 1);
        }
        if (command_kind_is_bid(decision->kind)) {
            metrics_observe(&delay, 0, 0, (decision->decided_ms - decision->received_ms) * 1000);
        }
    }
}
