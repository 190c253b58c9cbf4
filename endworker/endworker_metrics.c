/*
 * See endworker_metrics.h.
 */
#include "endworker/endworker_metrics.h"

#include <assert.h>

#include "common/base/log.h"
#include "common/io/broker.h"
#include "common/io/pg.h"
#include "common/service/lease.h"
#include "common/service/service_loop.h"

enum { OUTCOME_SOLD, OUTCOME_UNSOLD, OUTCOME_COUNT };
static const char *const outcomes[] = {[OUTCOME_SOLD] = "sold", [OUTCOME_UNSOLD] = "unsold"};
static_assert(ARRAY_LEN(outcomes) == OUTCOME_COUNT, "each value has its entry");

static struct metrics_family settled = {
    .name = "rostrum_auctions_ended_total",
    .help = "Auctions settled, by outcome.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"outcome", outcomes, ARRAY_LEN(outcomes)}},
};
enum { SUBJECT_AUCTION, SUBJECT_SALE, SUBJECT_COUNT };
static const char *const subjects[] = {[SUBJECT_AUCTION] = "auction", [SUBJECT_SALE] = "sale"};
static_assert(ARRAY_LEN(subjects) == SUBJECT_COUNT, "each value has its entry");

static struct metrics_family scheduled = {
    .name = "rostrum_scheduled_commands_total",
    .help = "Commands that were due and that RabbitMQ confirmed, repetitions included: starts and ends of auctions, and"
            " those of flash sales with their turns and reservations.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"subject", subjects, ARRAY_LEN(subjects)}},
};
static struct metrics_family outbox = {
    .name = "rostrum_outbox_rows",
    .help = "Rows of the outbox that this program has committed and not yet published and removed.",
    .type = METRICS_GAUGE,
};
static struct metrics_family leader = {
    .name = "rostrum_endworker_leader",
    .help = "1 for the end worker that leads, 0 for a stand-by.",
    .type = METRICS_GAUGE,
};

static struct metrics_family sealed = {
    .name = "rostrum_audit_sealed_total",
    .help = "Entries of the audit log that this end worker has sealed.",
    .type = METRICS_COUNTER,
};
static struct metrics_family unsealed = {
    .name = "rostrum_audit_oldest_unsealed_seconds",
    .help = "Longest time that an entry of the audit log may have waited to be sealed; 0 for a stand-by.",
    .type = METRICS_GAUGE,
};
static struct metrics_family contradictions = {
    .name = "rostrum_audit_contradictions_total",
    .help = "Times that the chain of the audit log had another hash than this end worker has sealed.",
    .type = METRICS_COUNTER,
};

struct metrics_family *const endworker_metrics_families[] = {
    &settled,
    &scheduled,
    &outbox,
    &leader,
    &sealed,
    &unsealed,
    &contradictions,
    &log_metrics,
    &broker_metrics,
    &pg_metrics,
    &lease_metrics,
    &service_loop_metrics,
    NULL,
};

void endworker_metrics_settled(enum rules_status outcome)
{
    metrics_add(&settled, outcome == RULES_SOLD ? OUTCOME_SOLD : OUTCOME_UNSOLD, 0, 0, 1);
}

void endworker_metrics_scheduled(bool sale)
{
    metrics_add(&scheduled, sale ? SUBJECT_SALE : SUBJECT_AUCTION, 0, 0, 1);
}

void endworker_metrics_outbox(size_t depth)
{
    metrics_set(&outbox, 0, (int64_t)depth);
}

void endworker_metrics_leader(bool leading)
{
    metrics_set(&leader, 0, leading ? 1 : 0);
}

void endworker_metrics_sealed(int64_t entries)
{
    metrics_add(&sealed, 0, 0, 0, entries);
}

void endworker_metrics_unsealed(int64_t seconds)
{
    metrics_set(&unsealed, 0, seconds);
}

void endworker_metrics_contradiction(void)
{
    metrics_add(&contradictions, 0, 0, 0, 1);
}
