/*
 * Commands to flash sales as a family (common/worker/work_family.h): an item is a struct sale_message_item, the key its
 * sale. Called by saleworker.c.
 */
#ifndef ROSTRUM_SALEWORKER_FAMILY_H
#define ROSTRUM_SALEWORKER_FAMILY_H

#include "common/worker/work_family.h"

extern const struct work_family sale_family;

#endif
