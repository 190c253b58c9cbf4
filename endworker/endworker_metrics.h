/*
 * What the end worker counts. Callers: settlement.c; main.c shows it.
 */
#ifndef ROSTRUM_ENDWORKER_ENDWORKER_METRICS_H
#define ROSTRUM_ENDWORKER_ENDWORKER_METRICS_H

#include "common/base/metrics.h"

extern struct metrics_family *const metering_families[]; /* NULL-ended */

/* An auction was settled as "sold" or "unsold". */
void metering_settled(const char *status);
void metering_outbox(size_t depth);
void metering_leader(bool leading);

#endif
