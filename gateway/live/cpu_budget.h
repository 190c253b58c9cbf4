/*
 * How much of a processor a piece of work may take, so that what is more urgent has its turn: a burst at once after a
 * rest, then a part of the time. Work is done in small steps; before each it asks how long to wait, and after it says
 * what it took.
 *
 * Caller: watch.c (fan-out beside bids).
 */
#ifndef ROSTRUM_GATEWAY_LIVE_CPU_BUDGET_H
#define ROSTRUM_GATEWAY_LIVE_CPU_BUDGET_H

#include "common/base/base.h"

struct cpu_budget {
    int64_t burst_us; /* of a processor, at once after a rest, */
    int64_t rest_us;  /* which is so long without anything to do; */
    int64_t part;     /* else one part of so many */
    /* The rest belongs to pace.c. */
    int64_t allowed_us;
    int64_t asked_us;
    int64_t began_us; /* processor time */
    int64_t idle_us;  /* since when there is nothing to do; 0: there is */
};

/* In ms, until the next step may begin; 0: now. */
int cpu_budget_wait_ms(struct cpu_budget *cpu_budget);
/* Around a step; of this thread's processor time, the kernel's part included. `more`: there is still something to do.
 */
void cpu_budget_begin(struct cpu_budget *cpu_budget);
void cpu_budget_end(struct cpu_budget *cpu_budget, bool more);

#endif
