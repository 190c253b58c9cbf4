/*
 * See cpu_budget.h. A bucket of CPU time, which one step may overdraw.
 */
#include "gateway/live/cpu_budget.h"

#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"

enum { US_PER_S = 1000000, US_PER_MS = 1000, NS_PER_US = 1000 };

static int64_t processor_us(void)
{
    struct timespec now = {0, 0};
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0) {
        log_debug("no CPU clock of threads: the CPU budget is not enforced");
    }
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / NS_PER_US;
}

int cpu_budget_wait_ms(struct cpu_budget *cpu_budget)
{
    int64_t now_us = clock_mono_us();
    int64_t allowed_us = cpu_budget->allowed_us + (now_us - cpu_budget->asked_us) / cpu_budget->part;
    if (allowed_us > cpu_budget->burst_us ||
        (cpu_budget->idle_us != 0 && now_us - cpu_budget->idle_us >= cpu_budget->rest_us)) {
        allowed_us = cpu_budget->burst_us;
    }
    cpu_budget->asked_us = now_us;
    cpu_budget->allowed_us = allowed_us;
    cpu_budget->idle_us = 0;
    return allowed_us >= 0 ? 0 : (int)(-allowed_us * cpu_budget->part / US_PER_MS) + 1;
}

void cpu_budget_begin(struct cpu_budget *cpu_budget)
{
    cpu_budget->began_us = processor_us();
}

void cpu_budget_end(struct cpu_budget *cpu_budget, bool more)
{
    cpu_budget->allowed_us -= processor_us() - cpu_budget->began_us;
    cpu_budget->idle_us = more ? 0 : clock_mono_us();
}
