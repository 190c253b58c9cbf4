#include "common/io/timer.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"

void timer_set(struct event *timer, int64_t ms)
{
    struct timeval wait = clock_timeval(ms > 0 ? ms : 0);
    if (evtimer_add(timer, &wait) != 0) {
        log_error("no memory for a timer: the program is aborted");
        abort();
    }
}

void timer_ensure(struct event *timer, int64_t ms)
{
    if (!evtimer_pending(timer, NULL)) {
        timer_set(timer, ms);
    }
}
