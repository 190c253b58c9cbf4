/*
 * Timers of the event loop that run once. A program that waits for a timer which was never set would stand still
 * without an error. So if libevent has no memory for a timer, the program is aborted: systemd starts it again, and what
 * was answered 202 is in RabbitMQ or in PostgreSQL. Used by every program.
 */
#ifndef ROSTRUM_COMMON_IO_TIMER_H
#define ROSTRUM_COMMON_IO_TIMER_H

#include <event2/event.h>

#include "common/base/base.h"

/* The callback of `timer` runs in `ms` milliseconds (0 or less: in the next loop pass). A set timer is moved. */
void timer_set(struct event *timer, int64_t ms);
/* The same, but a timer that is already set stays as it is. */
void timer_ensure(struct event *timer, int64_t ms);

#endif
