/*
 * Metrics of the end worker. Callers: settlement.c, sealer.c; main.c exposes them.
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
/* The broker has a command that starts or ends an auction, or one that a flash sale was due for. */
void endworker_metrics_scheduled(bool sale);
/* Entries of the audit log were sealed. */
void endworker_metrics_sealed(int64_t entries);
void endworker_metrics_unsealed(int64_t seconds);
/* A link is another one than this program has sealed. */
void endworker_metrics_contradiction(void);

#endif
