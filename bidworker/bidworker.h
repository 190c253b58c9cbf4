/*
 * The bid worker as the shared parts of a worker see it (common/worker/worker_program.h). Called by main.c.
 */
#ifndef ROSTRUM_BIDWORKER_BIDWORKER_H
#define ROSTRUM_BIDWORKER_BIDWORKER_H

#include "common/worker/worker_program.h"

extern const struct worker_program bidworker_program;

#endif
