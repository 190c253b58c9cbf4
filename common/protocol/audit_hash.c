/*
 * See audit_hash.h.
 */
#include "common/protocol/audit_hash.h"

void audit_hash(const char *previous, const char *const fields[static AUDIT_HASH_FIELDS],
                char hash[static HASH_CHAIN_TEXT_SIZE])
{
    struct hash_chain chain;
    hash_chain_begin(&chain, AUDIT_HASH_LABEL);
    hash_chain_add(&chain, previous[0] == '\0' ? NULL : previous);
    for (size_t i = 0; i < AUDIT_HASH_FIELDS; i++) {
        hash_chain_add(&chain, fields[i]);
    }
    hash_chain_end(&chain, hash);
}
