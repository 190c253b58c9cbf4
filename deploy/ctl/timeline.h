/*
 * The timeline of the data (schema/0012-timeline.sql): finds out whether rows were restored, and begins a new epoch.
 *
 * Callers: migrate.c; main.c (`rostrumctl restored`).
 */
#ifndef ROSTRUM_DEPLOY_CTL_TIMELINE_H
#define ROSTRUM_DEPLOY_CTL_TIMELINE_H

#include "deploy/ctl/ctl.h"

/*
 * Compares the server and the table with those on record. If they differ, begins a new epoch, or only records them if
 * the switch was planned. Prints what it does. False after printing an error.
 */
MUST_CHECK bool timeline_check(struct ctl *ctl, bool planned);

#endif
