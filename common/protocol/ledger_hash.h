/*
 * The hash of a ledger entry, version LEDGER_HASH_VERSION_TEXT: over its columns as decided and the hash of the
 * auction's entry before (docs/ledger.md). Columns that a later void changes (effective_*) are left out.
 *
 * The values are the texts of PostgreSQL: ids in lower case, money with two decimals, times in whole milliseconds since
 * 1970, "true" or "false"; NULL where the column is.
 *
 * Pure. Callers: bidworker/ledger_chain.c writes hashes; deploy/ctl/ledger_check.c checks them.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_LEDGER_HASH_H
#define ROSTRUM_COMMON_PROTOCOL_LEDGER_HASH_H

#include "common/protocol/hash_chain.h"

#define LEDGER_HASH_VERSION_TEXT "1"
#define LEDGER_HASH_LABEL        "rostrum ledger " LEDGER_HASH_VERSION_TEXT

/* In the order in which they are hashed. */
enum ledger_hash_field {
    LEDGER_HASH_AUCTION,
    LEDGER_HASH_SEQ,
    LEDGER_HASH_BID,
    LEDGER_HASH_BIDDER,
    LEDGER_HASH_KIND,
    LEDGER_HASH_STATUS,
    LEDGER_HASH_REASON,
    LEDGER_HASH_RAISE,
    LEDGER_HASH_AMOUNT,
    LEDGER_HASH_MAX_AMOUNT,
    LEDGER_HASH_END,
    LEDGER_HASH_VOIDS,
    LEDGER_HASH_RECEIVED,
    LEDGER_HASH_DECIDED,
    LEDGER_HASH_FIELDS
};

/* `previous`: the hash of the newest entry before that has one; "": there is none. It may be the same memory as `hash`.
 */
void ledger_hash(const char *previous, const char *const fields[static LEDGER_HASH_FIELDS],
                 char hash[static HASH_CHAIN_TEXT_SIZE]);

#endif
