/*
 * The sale worker as the shared parts of a worker see it (common/worker/worker_program.h). Called by main.c.
 */
#ifndef ROSTRUM_SALEWORKER_SALEWORKER_H
#define ROSTRUM_SALEWORKER_SALEWORKER_H

#include "common/worker/worker_program.h"

extern const struct worker_program saleworker_program;

#endif
