/*
 * A CPU budget for background work, so that urgent work is not delayed: a token bucket of processor time. The work is
 * done in small steps. Before a step the caller asks how long to wait; cpu_budget_end accounts for the step.
 *
 * Callers: watch.c (fan-out beside bids), positions.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_CPU_BUDGET_H
#define ROSTRUM_GATEWAY_LIVE_CPU_BUDGET_H

#include "common/base/base.h"

struct cpu_budget {
    int64_t burst_us; /* CPU time available at once after a rest */
    int64_t rest_us;  /* idle time that refills the whole burst */
    int64_t part;     /* steady share: 1/part of a processor */
    /* Private to cpu_budget.c. */
    int64_t allowed_us;
    int64_t asked_us;
    int64_t began_us; /* CPU clock at the start of the step */
    int64_t idle_us;  /* monotonic; since when there is no work, 0: there is */
};

/* Milliseconds until the next step may start; 0: now. */
int cpu_budget_wait_ms(struct cpu_budget *cpu_budget);
/* Called around each step. Counts this thread's CPU time, including the kernel's. `more`: work remains. */
void cpu_budget_begin(struct cpu_budget *cpu_budget);
void cpu_budget_end(struct cpu_budget *cpu_budget, bool more);

#endif
