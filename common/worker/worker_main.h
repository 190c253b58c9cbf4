/*
 * The main function of a program that decides commands. Called by main.c of bidworker and saleworker.
 */
#ifndef ROSTRUM_COMMON_WORKER_WORKER_MAIN_H
#define ROSTRUM_COMMON_WORKER_WORKER_MAIN_H

#include "common/service/daemon.h"
#include "common/worker/worker_program.h"

/* Runs the program until it is drained or fails; returns its exit code. `families`: NULL-ended. */
MUST_CHECK int worker_main(const struct daemon_program *daemon, const struct worker_program *program,
                           struct metrics_family *const *families, int argc, char **argv);

#endif
