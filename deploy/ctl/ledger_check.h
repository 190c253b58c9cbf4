/*
 * Checks the hashes that chain the ledger entries of an auction (common/protocol/ledger_hash.h), from the stored
 * columns alone. Called by verify.c, with the rows that it replays. No I/O except printing differences.
 *
 * An entry without a hash is no difference if it was decided before the migration of the hashes, or on the day after.
 * A bid worker of the version before may run that long. The next hash continues from the newest one before. An entry
 * after a later one must have a hash, whatever time it names: without a hash nothing protects its columns.
 */
#ifndef ROSTRUM_DEPLOY_CTL_LEDGER_CHECK_H
#define ROSTRUM_DEPLOY_CTL_LEDGER_CHECK_H

#include <libpq-fe.h>

#include "common/base/ids.h"
#include "common/protocol/hash_chain.h"
#include "deploy/ctl/differences.h"

struct ledger_check {
    struct differences found;
    char hash[HASH_CHAIN_TEXT_SIZE]; /* of the newest entry that has one; "": none has */
    int64_t hash_seq;                /* its number; 0: none */
    bool due;                        /* the next entry must have a hash */
    int64_t unhashed;                /* entries without a hash that are no difference */
};

void ledger_check_begin(struct ledger_check *check, const struct uuid *auction_id);
/* Checks the next entry in the order of seq: a row of the query of REPLAY_ENTRIES. */
void ledger_check_entry(struct ledger_check *check, const PGresult *result, int row);
/*
 * Call after the last entry: compares the newest hash with that in the auction's row, of the query of
 * REPLAY_AUCTIONS.
 */
void ledger_check_end(struct ledger_check *check, const PGresult *result, int row);

#endif
