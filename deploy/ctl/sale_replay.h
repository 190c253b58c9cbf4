/*
 * Replays the ledger of one flash sale. It decides each entry again by common/rules, at its own time of decision, and
 * compares the result with the stored one. It also checks the hashes. No I/O except reading rows and printing
 * differences; sale_verify.c reads the rows, sale_rows.c compares what the ledger made with the other tables.
 *
 * Facts outside the rules are taken from the entry: a banned user, an update of another version, a command that could
 * not be decided. The rules must reproduce everything else. Memory holds the places and orders of one sale, at most
 * SALE_SET_ITEMS_MAX of each.
 */
#ifndef ROSTRUM_DEPLOY_CTL_SALE_REPLAY_H
#define ROSTRUM_DEPLOY_CTL_SALE_REPLAY_H

#include <libpq-fe.h>

#include "common/protocol/hash_chain.h"
#include "common/rules/sale_rules.h"
#include "deploy/ctl/differences.h"
#include "deploy/ctl/stream.h"

/* Of flash_sales, with the first terms, and of sale_ledger. The first column of both is the sale's id. */
extern const struct stream_query SALE_REPLAY_SALES;
extern const struct stream_query SALE_REPLAY_ENTRIES;

/* Zeroed: empty. The owner calls sale_replay_free; a replay can be begun again. */
struct sale_replay {
    struct differences found;
    bool readable;                   /* the terms could be read, and there is memory */
    int64_t seq;                     /* of the last entry */
    int64_t decided_ms;              /* of the last entry, as stored */
    size_t turns;                    /* that were granted at this time */
    char hash[HASH_CHAIN_TEXT_SIZE]; /* of the last entry, as stored */
    struct sale_set set;             /* complete; by the rules, after the last entry */
};

/* Starts with the row of the sale: its state before the first entry. */
void sale_replay_begin(struct sale_replay *replay, const PGresult *result, int row);
/* Replays the next entry in the order of seq. */
void sale_replay_entry(struct sale_replay *replay, const PGresult *result, int row);
/* Call after the last entry: compares the outcome with the row of the sale. */
void sale_replay_end(struct sale_replay *replay, const PGresult *result, int row);
/* Whether an entry whose sale does not exist is in order: its command was rejected because of that. */
bool sale_replay_rejected(const PGresult *result, int row);
void sale_replay_free(struct sale_replay *replay);

#endif
