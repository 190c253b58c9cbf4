/*
 * Starts Rostrum's programs for tests of one program against real servers. The program gets the servers' addresses from
 * the environment, as the test does. Its log goes to the test's stderr.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_PROGRAM_H
#define ROSTRUM_TESTS_SUPPORT_PROGRAM_H

#include <sys/types.h>

#include "common/base/base.h"

enum { PROGRAM_SETTINGS_SIZE = 256 }; /* of the name of a settings file */

/* Writes an INI file; the caller removes it by program_settings_remove. Fails the test if it cannot. */
void program_settings(const char *ini, char path[static PROGRAM_SETTINGS_SIZE]);
/*
 * As program_settings, but the settings of the deployment under test come first. A program that joins that deployment
 * needs them, because some are on record in PostgreSQL.
 */
void program_settings_of_deployment(const char *ini, char path[static PROGRAM_SETTINGS_SIZE]);
void program_settings_remove(const char *path);
/*
 * A free TCP port of 127.0.0.1 that is not `other`, for a program of this test. It is below the kernel's range for
 * outgoing connections, so that no connection takes it meanwhile. Fails the test if there is none.
 */
int program_free_port(int other);
/* Starts $BUILD/bin/NAME; these settings override all others. The kernel kills it when the test ends. Fails the test if
 * it cannot start. */
pid_t program_start(const char *name, const char *settings_path);
/* The same, and waits for its READY=1 (systemd's protocol): it handles signals and is connected to its servers. */
pid_t program_start_ready(const char *name, const char *settings_path);
/* Sends the signal and waits for the end. Returns the exit code, or -1 if a signal ended it. */
int program_end(pid_t pid, int signal_number);

#endif
