/*
 * Checks a chain of the audit log (docs/audit.md), link by link: hashes, numbers without a gap, and times. Hashes are
 * made again here, not by the functions of the database. A link with another hash than its columns give is one
 * difference: the check goes on with the stored hash.
 *
 * Prints differences; else no I/O. Callers: audit_verify.c for the database, audit_file.c for an archive.
 */
#ifndef ROSTRUM_DEPLOY_CTL_AUDIT_CHECK_H
#define ROSTRUM_DEPLOY_CTL_AUDIT_CHECK_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/protocol/audit_hash.h"

enum { AUDIT_CHECK_SHOWN_MAX = 20 /* printed differences; more are only counted */ };

/* Texts belong to the caller. */
struct audit_link {
    const char *version;
    const char *hash;
    bool found; /* the entry is there */
    const char *fields[AUDIT_HASH_FIELDS];
};

/* A link after which a chain continues. All zero: the chain begins. */
struct audit_end {
    int64_t number;
    int64_t sealed_ms;
    char floor[UUID_TEXT_SIZE];
    char hash[HASH_CHAIN_TEXT_SIZE];
};

struct audit_check {
    const char *wanted; /* a hash that a link must have; NULL: none */
    bool met;
    int64_t count; /* of links */
    int64_t differences;
    int64_t late;                        /* of them: entries with a wrong time, sealed as they are or in no link */
    struct audit_end end;                /* the newest link so far */
    char entry[UUID_TEXT_SIZE];          /* its entry; "": there was no link yet */
    int64_t newest_ms;                   /* of the ids of all links before it, as far as they were sealed later */
    char searched_floor[UUID_TEXT_SIZE]; /* of the link before those that were sealed with it */
};

/* Starts after the link `after`. `wanted` is borrowed. */
void audit_check_begin(struct audit_check *check, const struct audit_end *after, const char *wanted);
void audit_check_link(struct audit_check *check, const struct audit_link *link);
/* Counts a difference that the caller found, and prints it. */
void audit_check_differ(struct audit_check *check, const char *format, ...) PRINTF_LIKE(2, 3);
/* Reports `wanted` if no link had it, and how many differences were not printed. */
void audit_check_finish(struct audit_check *check);

#endif
