/*
 * The file of an archive of the audit log (docs/audit.md). A record begins it. For each link it has a record, the bytes
 * that are hashed, and the hash. A record ends it. Each is followed by a newline.
 *
 * Callers: audit_archive.c writes, verify.c reads and checks.
 */
#ifndef ROSTRUM_DEPLOY_CTL_AUDIT_FILE_H
#define ROSTRUM_DEPLOY_CTL_AUDIT_FILE_H

#include <stdio.h>

#include "deploy/ctl/audit_check.h"
#include "deploy/ctl/ctl.h"

enum {
    AUDIT_FILE_FIELD_MAX = 1024 * 1024 * 1024, /* bytes of a field that is read: what PostgreSQL allows */
    AUDIT_FILE_MONTH_SIZE = sizeof "2026-11",
};

struct audit_writer {
    FILE *file;
    bool failed;
    crypto_hash_sha256_state state; /* of all bytes */
};

/* `month`: all links were sealed before it. `after`: the link before the first. */
void audit_file_begin(struct audit_writer *writer, FILE *file, const char *month, const struct audit_end *after);
/* `previous`: the hash of the link before; "": none. */
void audit_file_link(struct audit_writer *writer, const char *previous, const struct audit_link *link);
/* Writes the end after `count` links; `last` is the last of them. Returns false if anything could not be written. */
MUST_CHECK bool audit_file_end(struct audit_writer *writer, int64_t count, const struct audit_end *last,
                               char file_hash[static HASH_CHAIN_TEXT_SIZE]);

/* What was read besides the check. */
struct audit_archive {
    char month[AUDIT_FILE_MONTH_SIZE];
    struct audit_end after;
    char file_hash[HASH_CHAIN_TEXT_SIZE];
};

/* Reads and checks the file. Returns false after printing the reason if it cannot be read or is no archive. */
MUST_CHECK bool audit_file_read(const char *path, struct audit_check *check, struct audit_archive *archive,
                                const char *wanted);

#endif
