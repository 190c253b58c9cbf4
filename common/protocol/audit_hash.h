/*
 * The hash of a link in the chain of the audit log, version AUDIT_HASH_VERSION_TEXT: over the link, its entry and the
 * hash of the link before (docs/audit.md).
 *
 * The values are the texts of PostgreSQL: ids in lower case, times in whole milliseconds since 1970, jsonb as it is
 * printed; NULL where the column is.
 *
 * Pure. The function audit_hash of schema/0024-audit-chain.sql writes hashes; deploy/ctl/audit_check.c checks them.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_AUDIT_HASH_H
#define ROSTRUM_COMMON_PROTOCOL_AUDIT_HASH_H

#include "common/protocol/hash_chain.h"

#define AUDIT_HASH_VERSION_TEXT "1"
#define AUDIT_HASH_LABEL        "rostrum audit " AUDIT_HASH_VERSION_TEXT

/* In the order in which they are hashed. The first four are columns of audit_chain, the others of audit_log. */
enum audit_hash_field {
    AUDIT_HASH_NUMBER,
    AUDIT_HASH_SEALED,
    AUDIT_HASH_SEEN,
    AUDIT_HASH_FLOOR,
    AUDIT_HASH_ENTRY,
    AUDIT_HASH_AT,
    AUDIT_HASH_ACTOR,
    AUDIT_HASH_ACTION,
    AUDIT_HASH_SUBJECT,
    AUDIT_HASH_OLD,
    AUDIT_HASH_NEW,
    AUDIT_HASH_REASON,
    AUDIT_HASH_ADDRESS,
    AUDIT_HASH_AGENT,
    AUDIT_HASH_REQUEST,
    AUDIT_HASH_FIELDS
};

/* `previous`: the hash of the link before; "": there is none. It may be the same memory as `hash`. */
void audit_hash(const char *previous, const char *const fields[static AUDIT_HASH_FIELDS],
                char hash[static HASH_CHAIN_TEXT_SIZE]);

#endif
