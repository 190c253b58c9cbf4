/*
 * Reads the chain of the audit log from PostgreSQL, in the transaction that the caller has begun, page by page, and
 * checks it. Callers: verify.c; audit_archive.c, which writes what it reads.
 */
#ifndef ROSTRUM_DEPLOY_CTL_AUDIT_VERIFY_H
#define ROSTRUM_DEPLOY_CTL_AUDIT_VERIFY_H

#include "deploy/ctl/audit_check.h"
#include "deploy/ctl/ctl.h"

struct audit_reader {
    /* Called for each link that is checked next; NULL: nothing. After false, reading ends. */
    bool (*each)(const struct audit_check *check, const struct audit_link *link, void *arg);
    void *arg;
    struct audit_end after; /* out: the newest archived link */
    int64_t unsealed;       /* out: entries that wait to be sealed */
};

/* Reads and checks everything. Returns false, after printing the reason, if PostgreSQL or `each` failed. */
MUST_CHECK bool audit_verify_read(struct ctl *ctl, struct audit_check *check, struct audit_reader *reader,
                                  const char *wanted);
/* The same, and prints the result. `hash`: must be that of a link; NULL: not asked. Returns an exit code. */
int audit_verify(struct ctl *ctl, const char *hash);
/* Prints the result of a check, without a newline, and returns the exit code. */
int audit_verify_say(const struct audit_check *check);

#endif
