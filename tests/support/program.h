/*
 * Starting the deployment's programs themselves, for tests of one program against real servers. The program finds the
 * servers by the environment, as the test does; its log goes to the test's stderr.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_PROGRAM_H
#define ROSTRUM_TESTS_SUPPORT_PROGRAM_H

#include <sys/types.h>

#include "common/base/base.h"

enum { PROGRAM_SETTINGS_SIZE = 256 }; /* of the name of a settings file */

/* Writes an INI file with these settings, to be removed by program_settings_remove; fails the test if it cannot. */
void program_settings(const char *ini, char path[static PROGRAM_SETTINGS_SIZE]);
void program_settings_remove(const char *path);
/* $BUILD/bin/NAME with these settings over all others. It dies with the test. Fails the test if it cannot start. */
pid_t program_start(const char *name, const char *settings_path);
/* The same, and waits until it has said READY=1 (to systemd's socket): its signals and its servers are there. */
pid_t program_start_ready(const char *name, const char *settings_path);
/* Sends the signal and waits for the end; the exit code, or -1 if a signal ended it. */
int program_end(pid_t pid, int signal_number);

#endif
