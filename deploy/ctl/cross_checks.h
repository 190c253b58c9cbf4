/*
 * Checks of rostrumctl verify that the replay of single auctions cannot make: they compare rows of several auctions,
 * sales or tables, or need the present time. Each is one statement. Called by verify.c in its snapshot.
 */
#ifndef ROSTRUM_DEPLOY_CTL_CROSS_CHECKS_H
#define ROSTRUM_DEPLOY_CTL_CROSS_CHECKS_H

#include <stdint.h>

#include "deploy/ctl/ctl.h"

enum {
    CROSS_CHECKS_SHOWN_MAX = 20,   /* printed differences of one check; more are only counted */
    CROSS_CHECKS_ROWS_MAX = 10000, /* counted differences of one check */
};

/* Checks one auction or sale, or all if `id` is NULL. Prints the differences. Returns their number, -1 if PostgreSQL
 * failed. */
int64_t cross_checks_run(struct ctl *ctl, const char *id);

#endif
