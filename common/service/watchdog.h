/*
 * The watchdog of a process whose loop may hang. systemd asks for it by WATCHDOG_USEC, and wants a beat within that
 * time on NOTIFY_SOCKET. Without one it kills the process. A private deployment sets the variable without a socket.
 * Then each beat sets a timer of the kernel, whose signal logs a line and aborts the process. Its supervisor starts a
 * new one.
 *
 * Callers: daemon and the gateway's master.
 */
#ifndef ROSTRUM_COMMON_SERVICE_WATCHDOG_H
#define ROSTRUM_COMMON_SERVICE_WATCHDOG_H

#include "common/base/base.h"

/* Returns the milliseconds between two beats, half of what is wanted; 0: no watchdog is wanted. */
int64_t watchdog_start(void);
void watchdog_beat(void);

#endif
