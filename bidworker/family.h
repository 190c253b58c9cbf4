/*
 * Bids as a family of commands (common/worker/work_family.h): an item is a struct command_item, the key its auction.
 * Called by bidworker.c.
 */
#ifndef ROSTRUM_BIDWORKER_FAMILY_H
#define ROSTRUM_BIDWORKER_FAMILY_H

#include "common/worker/work_family.h"

extern const struct work_family bid_family;

#endif
