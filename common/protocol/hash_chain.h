/*
 * One link of a chain of records: SHA-256 over a record and the hash of the record before. After a change, removal or
 * insertion of a record all later hashes are wrong, and the last of them is known elsewhere. docs/ledger.md has the
 * bytes that are hashed; SHA-256, because PostgreSQL, Python and the shell have it too, so that anybody can check.
 *
 * A field is written as its length in bytes, a colon, its bytes and a comma ("5:55.00,"); no value is "-,". So two
 * records never have the same bytes.
 *
 * Pure. Callers: ledger_hash.c, audit_hash.c.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_HASH_CHAIN_H
#define ROSTRUM_COMMON_PROTOCOL_HASH_CHAIN_H

#include <sodium.h>

#include "common/base/base.h"

enum { HASH_CHAIN_TEXT_SIZE = 2 * crypto_hash_sha256_BYTES + 1 }; /* lower-case hex and its terminator */

enum { HASH_CHAIN_GATHERED_MAX = 512 }; /* bytes: most records are shorter */

struct hash_chain {
    crypto_hash_sha256_state state; /* of what was added before */
    size_t length;
    unsigned char gathered[HASH_CHAIN_GATHERED_MAX];
};

/* Starts a record. `label` names its kind and version. */
void hash_chain_begin(struct hash_chain *chain, const char *label);
/* Adds a field; NULL: it has no value. */
void hash_chain_add(struct hash_chain *chain, const char *text);
/* Ends the record. */
void hash_chain_end(struct hash_chain *chain, char hash[static HASH_CHAIN_TEXT_SIZE]);

#endif
