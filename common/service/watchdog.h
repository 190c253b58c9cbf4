/*
 * The watchdog of a process whose loop may hang. systemd asks for it by WATCHDOG_USEC, and wants a beat within that
 * time on NOTIFY_SOCKET; otherwise it kills the process. If the variable is set without a socket, as in a private
 * deployment, the kernel does the same: each beat sets a timer whose signal logs a line and aborts the process. Its
 * supervisor starts a new one. Callers: daemon and the gateway's master.
 */
#ifndef ROSTRUM_COMMON_SERVICE_WATCHDOG_H
#define ROSTRUM_COMMON_SERVICE_WATCHDOG_H

#include "common/base/base.h"

/* Returns the milliseconds between two beats, half of what is wanted; 0: no watchdog is wanted. */
int64_t watchdog_start(void);
void watchdog_beat(void);

#endif
