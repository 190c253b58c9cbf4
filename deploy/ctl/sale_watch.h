/*
 * rostrumctl watch of a flash sale: prints a line for each version until nothing can happen any more. Called by
 * watch.c.
 */
#ifndef ROSTRUM_DEPLOY_CTL_SALE_WATCH_H
#define ROSTRUM_DEPLOY_CTL_SALE_WATCH_H

#include "deploy/ctl/ctl.h"

/* `id` is a valid one. Returns the exit code; CTL_FAILED after printing an error if there is neither auction nor sale.
 */
int sale_watch(struct ctl *ctl, const char *id);

#endif
