/*
 * The rights of the programs in PostgreSQL (schema/0018-rights.sql, docs/rights.md). Called by migrate and verify.
 */
#ifndef ROSTRUM_DEPLOY_CTL_RIGHTS_H
#define ROSTRUM_DEPLOY_CTL_RIGHTS_H

#include "deploy/ctl/ctl.h"

/* Gives the roles of the programs the decided rights, if they differ. False, after printing why, if they still do. */
MUST_CHECK bool rights_settle(struct ctl *ctl);
/*
 * Prints, on standard output, each difference between the decided rights and those that are held. Warns, on standard
 * error, if the server has no roles of programs. Returns the number of differences, -1 if PostgreSQL failed.
 */
MUST_CHECK int64_t rights_compare(struct ctl *ctl);

#endif
