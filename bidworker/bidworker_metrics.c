/*
 * See bidworker_metrics.h.
 */
#include "bidworker/bidworker_metrics.h"

#include <assert.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/broker.h"
#include "common/io/pg.h"
#include "common/service/lease.h"
#include "common/service/service_loop.h"
#include "common/service/shards.h"

enum { MS_PER_S = 1000 };

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
static const int64_t batch_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

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
static struct metrics_family sizes = {
    .name = "rostrum_batch_commands",
    .help = "Commands decided in one transaction.",
    .type = METRICS_HISTOGRAM,
    .bounds = batch_bounds,
    .bound_count = ARRAY_LEN(batch_bounds),
};
static struct metrics_family times = {
    .name = "rostrum_batch_seconds",
    .help = "Time from the beginning of a batch's transaction to its commit.",
    .type = METRICS_HISTOGRAM,
    .bounds = metrics_time_bounds,
    .bound_count = METRICS_TIME_BOUNDS,
    .is_time = true,
};
static struct metrics_family ready = {
    .name = "rostrum_shard_ready_messages",
    .help =
        "Messages in a shard's queue that are not delivered to a worker yet; for the shards that this worker serves.",
    .type = METRICS_GAUGE,
    .label_count = 1,
    .labels = {{"shard", shards_labels, ARRAY_LEN(shards_labels)}},
};
static struct metrics_family unacked = {
    .name = "rostrum_shard_unacked_messages",
    .help = "Messages of a shard that this worker holds and has not acknowledged.",
    .type = METRICS_GAUGE,
    .label_count = 1,
    .labels = {{"shard", shards_labels, ARRAY_LEN(shards_labels)}},
};
static struct metrics_family locked = {
    .name = "rostrum_locked_auctions",
    .help = "Auctions whose bids wait because another session of PostgreSQL has locked their row.",
    .type = METRICS_GAUGE,
};
static struct metrics_family locked_age = {
    .name = "rostrum_locked_auction_oldest_seconds",
    .help = "How long the bids of the first of these auctions have been waiting; 0 if there is none.",
    .type = METRICS_GAUGE,
};
static struct metrics_family outbox = {
    .name = "rostrum_outbox_rows",
    .help = "Rows of the outbox that this program has committed and not yet published and removed.",
    .type = METRICS_GAUGE,
};

struct metrics_family *const bidworker_metrics_families[] = {
    &decisions,   &rejections,     &delay,      &sizes,         &times,
    &ready,       &unacked,        &locked,     &locked_age,    &outbox,
    &log_metrics, &broker_metrics, &pg_metrics, &lease_metrics, &service_loop_metrics,
    NULL,
};

void bidworker_metrics_batch(const struct batch *batch, int64_t took_us)
{
    metrics_observe(&sizes, 0, 0, (int64_t)(batch->count - batch->locked));
    metrics_observe(&times, 0, 0, took_us);
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        const struct decision *decision = &entry->decision;
        if (entry->outcome != BATCH_DECIDED) {
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

void bidworker_metrics_shards(const struct shard_reader *shard_reader, unsigned shards)
{
    for (unsigned shard = 0; shard < shards; shard++) {
        size_t count = 0;
        bool served = shard_reader_unacked(shard_reader, shard, &count);
        metrics_set(&unacked, shard, served ? (int64_t)count : -1);
        metrics_set(&ready, shard, shard_reader_ready(shard_reader, shard));
    }
    int64_t since_ms = 0;
    size_t waiting = shard_reader_locked(shard_reader, &since_ms);
    metrics_set(&locked, 0, (int64_t)waiting);
    metrics_set(&locked_age, 0, waiting == 0 ? 0 : (clock_mono_ms() - since_ms) / MS_PER_S);
}

void bidworker_metrics_outbox(size_t depth)
{
    metrics_set(&outbox, 0, (int64_t)depth);
}
