/*
 * The hash of an entry of a flash sale's ledger, version SALE_HASH_VERSION_TEXT: over its columns and the hash of the
 * sale's entry before (hash_chain.h, docs/ledger.md).
 *
 * The values are the texts of PostgreSQL: ids in lower case, money with two decimals, times in whole milliseconds since
 * 1970, "true" or "false"; NULL where the column is. The fields are the columns of table sale_ledger in their order.
 *
 * Pure. Callers: saleworker/chain.c writes hashes; rostrumctl checks them.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_SALE_HASH_H
#define ROSTRUM_COMMON_PROTOCOL_SALE_HASH_H

#include "common/protocol/hash_chain.h"
#include "common/rules/sale_set.h"

#define SALE_HASH_VERSION_TEXT "1"
#define SALE_HASH_LABEL        "rostrum sale ledger " SALE_HASH_VERSION_TEXT

/*
 * `previous`: the hash of the entry before; "": there is none. It may be the same memory as `hash`. In the row, 0 and
 * nil stand for NULL in the columns that may be NULL.
 */
void sale_hash(const char *previous, const struct uuid *sale_id, const struct sale_row *row,
               char hash[static HASH_CHAIN_TEXT_SIZE]);

#endif
