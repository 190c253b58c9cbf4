/*
 * Metrics of the end worker. Callers: settlement.c; main.c exposes them.
 */
#ifndef ROSTRUM_ENDWORKER_ENDWORKER_METRICS_H
#define ROSTRUM_ENDWORKER_ENDWORKER_METRICS_H

#include "common/base/metrics.h"
#include "common/rules/rules.h"

extern struct metrics_family *const endworker_metrics_families[]; /* NULL-ended */

/* An auction was settled as RULES_SOLD or RULES_UNSOLD. */
void endworker_metrics_settled(enum rules_status outcome);
void endworker_metrics_outbox(size_t depth);
void endworker_metrics_leader(bool leading);

#endif
