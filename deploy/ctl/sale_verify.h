/*
 * The part of rostrumctl verify about flash sales. It reads sales, ledger entries, places, orders and blocks of the
 * line in the caller's snapshot, each ordered by the sale's id, and merges them. Memory holds one page of each, and the
 * places and orders of one sale. Called by verify.c.
 */
#ifndef ROSTRUM_DEPLOY_CTL_SALE_VERIFY_H
#define ROSTRUM_DEPLOY_CTL_SALE_VERIFY_H

#include "deploy/ctl/ctl.h"

struct sale_verify_result {
    int64_t sales;
    int64_t entries;
    int64_t differing; /* sales */
    int64_t differences;
};

/* Verifies one sale, or all if `id` is NULL. Prints the differences. False if PostgreSQL failed. */
MUST_CHECK bool sale_verify(struct ctl *ctl, const char *id, struct sale_verify_result *result);

#endif
