/*
 * The name of this process for operators: its unit, which systemd (rostrum-bidworker@2) or the private deployment
 * (bidworker-2) passes as ROSTRUM_UNIT, and its pid. Log lines, metrics and sessions of PostgreSQL show it.
 */
#ifndef ROSTRUM_COMMON_BASE_UNIT_H
#define ROSTRUM_COMMON_BASE_UNIT_H

#include "common/base/base.h"

enum { UNIT_APPLICATION_SIZE = 64 /* PostgreSQL cuts application_name to 63 bytes */ };

/* "-" if what started it passes no name, or one with other characters than letters, digits and @:._- */
const char *unit_name(void);
/* Writes "APPLICATION PID UNIT", cut at the end if it is too long. `rostrumctl shards` reads it back. */
void unit_application(const char *application, char out[static UNIT_APPLICATION_SIZE]);

#endif
