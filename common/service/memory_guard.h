/*
 * Keeps the memory of a process from other processes of its user, because it holds keys and passwords. The process is
 * not dumpable: /proc/PID/mem, ptrace and process_vm_readv are for root, and no core file is written. A program that it
 * executes is dumpable again. Callers: daemon_start, rostrumctl.
 */
#ifndef ROSTRUM_COMMON_SERVICE_MEMORY_GUARD_H
#define ROSTRUM_COMMON_SERVICE_MEMORY_GUARD_H

#include "common/base/base.h"

/* Child processes inherit it. False: errno says why. */
MUST_CHECK bool memory_guard(void);

#endif
